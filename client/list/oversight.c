/* platesieve list cap, suspend, resume: what a gate's operator says of an agency's list. */
#include "client/http/problem.h"
#include "client/list/list.h"

enum { OPTION_WHY = 0x400 };

struct oversight_options {
    char agency[LIMIT_NAME_MAX + 1], list[LIMIT_NAME_MAX + 1];
    const char *why;
    unsigned long long tokens;
    bool capped; /* the figure was given */
};

static const struct argp_option suspend_options[] = {
    { "why", OPTION_WHY, "TEXT", 0, "What the agency is told (required)", 0 },
    { 0 },
};

/* AGENCY/LIST. */
static bool take_list(struct oversight_options *options, const char *text)
{
    const char *slash = strchr(text, '/');

    if (slash == NULL || slash - text > LIMIT_NAME_MAX || strlen(slash + 1) > LIMIT_NAME_MAX) return false;
    snprintf(options->agency, sizeof(options->agency), "%.*s", (int)(slash - text), text);
    snprintf(options->list, sizeof(options->list), "%s", slash + 1);
    return name_part_valid(options->agency) && name_part_valid(options->list);
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct oversight_options *options = state->input;

    switch (key) {
    case OPTION_WHY:
        if (*argument == '\0' || strlen(argument) > LIMIT_REASON_MAX) argp_error(state, "--why takes 1 to %d bytes", LIMIT_REASON_MAX);
        options->why = argument;
        return 0;
    case ARGP_KEY_ARG:
        if (options->list[0] != '\0') argp_usage(state);
        if (!take_list(options, argument)) argp_error(state, "which list? AGENCY/LIST");
        return 0;
    case ARGP_KEY_END:
        if (options->list[0] == '\0') argp_error(state, "which list? AGENCY/LIST");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse_cap(int key, char *argument, struct argp_state *state)
{
    struct oversight_options *options = state->input;

    if (key == ARGP_KEY_ARG && options->list[0] != '\0' && !options->capped) {
        options->tokens = option_number(state, "TOKENS", argument, 0, LIMIT_INDEX_SLOTS);
        options->capped = true;
        return 0;
    }
    if (key == ARGP_KEY_END && options->list[0] != '\0' && !options->capped) argp_error(state, "how many tokens?");
    return parse(key, argument, state);
}

/* BODY is stolen; NULL: none. */
static int tell(struct settings *settings, const struct oversight_options *options, const char *method, const char *what, json_t *body,
                const char *done)
{
    char path[2 * LIMIT_NAME_MAX + 64], *text = body == NULL ? NULL : json_dumps(body, JSON_COMPACT);
    const struct http_request request = { .method = method, .path = path, .body = text, .body_size = text == NULL ? 0 : strlen(text) };
    struct http_answer answer CLEANUP(http_answer_wipe) = { 0 };
    struct identity identity;
    struct http *gate = NULL;
    int code = identity_find(settings, "operator/gate", &identity);

    json_decref(body);
    snprintf(path, sizeof(path), "/v1/agencies/%s/lists/%s/%s", options->agency, options->list, what);
    if (code == CLIENT_OK) code = http_open(settings, HTTP_GATE, &identity, &gate);
    if (code == CLIENT_OK && !http_ask(gate, &request, &answer)) {
        say("no answer from the %s: %s", http_service_name(gate), http_trouble(gate));
        code = CLIENT_UNREACHABLE;
    }
    if (code == CLIENT_OK && answer.status != 200 && answer.status != 204) code = problem_say(gate, &answer);
    if (code == CLIENT_OK && settings->json)
        code = print_json(json_pack("{s:s, s:s, s:s}", "agency", options->agency, "list", options->list, "done", done)) ? CLIENT_OK : CLIENT_FAILED;
    else if (code == CLIENT_OK) printf("%s/%s: %s\n", options->agency, options->list, done);
    free(text);
    http_close(gate);
    return code;
}

int command_list_cap(struct settings *settings, int argc, char **argv)
{
    struct oversight_options options = { 0 };
    struct command_input input = { settings, &options };

    command_parse(NULL, parse_cap, "AGENCY/LIST TOKENS",
                  "Sets how many tokens the list may hold for an epoch (as operator/gate/...).\vA cap below what the list holds takes nothing away; the next "
                  "push has to keep to it.",
                  &input, argc, argv);
    return tell(settings, &options, "PUT", "cap", json_pack("{s:I}", "tokens", (json_int_t)options.tokens), "cap set");
}

int command_list_suspend(struct settings *settings, int argc, char **argv)
{
    struct oversight_options options = { 0 };
    struct command_input input = { settings, &options };

    command_parse(suspend_options, parse, "AGENCY/LIST", "Lets no gate ask the list until it is resumed (as operator/gate/...).", &input, argc,
                  argv);
    if (options.why == NULL) {
        say("why? The agency is told: --why TEXT");
        return CLIENT_USAGE;
    }
    return tell(settings, &options, "PUT", "suspension", json_pack("{s:s}", "why", options.why), "suspended");
}

int command_list_resume(struct settings *settings, int argc, char **argv)
{
    struct oversight_options options = { 0 };
    struct command_input input = { settings, &options };

    command_parse(NULL, parse, "AGENCY/LIST", "Lifts a suspension, whoever suspended the list (as operator/gate/...).", &input, argc, argv);
    return tell(settings, &options, "DELETE", "suspension", NULL, "resumed");
}
