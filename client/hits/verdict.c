/* platesieve hits verdict: says what a hit turned out to be. */
#include "client/client.h"
#include "client/hits/hits.h"
#include "client/http/http.h"
#include "client/http/problem.h"

struct verdict_options {
    const char *hit, *verdict, *action;
};

enum { OPTION_ACTION = 0x300 };

static const struct argp_option verdict_options[] = {
    { "action", OPTION_ACTION, "ACTION", 0, "What was done: none, stopped, warned, cited, arrested, recovered, released, referred or other (none)", 0 },
    { 0 },
};

static bool is_one_of(const char *text, const char *const *words)
{
    while (*words != NULL && strcmp(text, *words) != 0) words++;
    return *words != NULL;
}

static error_t verdict_option(struct argp_state *state, struct verdict_options *options, const char *argument)
{
    static const char *const verdicts[] = { "confirmed", "misread", "wrong-jurisdiction", "stale-entry", NULL };

    if (options->hit == NULL) {
        if (!hit_id_valid(argument)) argp_error(state, "this is no hit's id: `platesieve hits` shows them");
        options->hit = argument;
    } else if (options->verdict == NULL) {
        if (!is_one_of(argument, verdicts))
            argp_error(state, "a verdict is confirmed, misread, wrong-jurisdiction or stale-entry");
        options->verdict = argument;
    } else {
        argp_usage(state);
    }
    return 0;
}

static error_t verdict_parse(int key, char *argument, struct argp_state *state)
{
    static const char *const actions[] = { "none", "stopped", "warned", "cited", "arrested", "recovered", "released", "referred", "other", NULL };
    struct verdict_options *options = state->input;

    switch (key) {
    case OPTION_ACTION:
        if (!is_one_of(argument, actions))
            argp_error(state, "--action is none, stopped, warned, cited, arrested, recovered, released, referred or other");
        options->action = argument;
        return 0;
    case ARGP_KEY_ARG: return verdict_option(state, options, argument);
    case ARGP_KEY_END:
        if (options->verdict == NULL) argp_error(state, "which hit, and what was it?");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static bool told(json_t *json, const struct verdict_options *options, bool as_json)
{
    const bool misread = strcmp(options->verdict, "misread") == 0;
    const char *list = json_string_value(json_object_get(json, "list"));
    char shown[LIMIT_NAME_MAX + 1];

    if (as_json) return print_json(json_incref(json));
    snprintf(shown, sizeof(shown), "%s", list == NULL ? "" : list);
    make_printable(shown);
    return printf("%s on list %s: %s%s\n", options->hit, shown, options->verdict,
                  misread ? "; what it said, and its evidence, is erased" : "") >= 0;
}

int command_hits_verdict(struct settings *settings, int argc, char **argv)
{
    struct verdict_options options = { .hit = hits_take_dashed_id(&argc, argv), .action = "none" };
    struct command_input input = { settings, &options };
    struct identity identity;
    struct http *gate = NULL;
    json_t *json = NULL;
    char path[64];
    int code;

    command_parse(verdict_options, verdict_parse, "HIT VERDICT",
                  "Says what a hit turned out to be: confirmed, misread, wrong-jurisdiction or stale-entry.\vA misread is "
                  "erased at once, with its evidence, and stays so: only its count is kept.  Any other verdict may be "
                  "given anew.  HIT is an id as `platesieve hits` shows it.",
                  &input, argc, argv);
    code = http_open_as(settings, "agency", &identity, &gate);
    snprintf(path, sizeof(path), "/v1/hits/%s/verdict", options.hit);
    if (code == CLIENT_OK)
        code = http_send_json(gate, "PUT", path, json_pack("{s:s, s:s}", "verdict", options.verdict, "action", options.action), 200, &json);
    if (code == CLIENT_OK && !told(json, &options, settings->json)) code = CLIENT_FAILED;
    json_decref(json);
    http_close(gate);
    return code;
}
