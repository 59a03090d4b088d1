/* platesieve list suppress, suppressions, unsuppress: entries that raise no hits at one lane for a while. */
#include "client/http/problem.h"
#include "client/import/reference.h"
#include "client/list/list.h"
#include "client/moment.h"

#define DAY_MS INT64_C(86400000)
#define DAYS_DEFAULT 7

struct suppress_options {
    const char *list, *reference;
    char site[LIMIT_NAME_MAX + 1], lane[LIMIT_NAME_MAX + 1];
    int64_t until_ms;
    bool wants_reference;
};

enum { OPTION_LANE = 0x300, OPTION_DAYS, OPTION_UNTIL };

#define LANE_OPTION { "lane", OPTION_LANE, "SITE/LANE", 0, "At this lane, such as north/1 (required)", 0 }
static const struct argp_option suppress_options[] = {
    LANE_OPTION,
    { "days", OPTION_DAYS, "N", 0, "For so many days (7)", 0 },
    { "until", OPTION_UNTIL, "TIME", 0, "Until then: RFC 3339, or a date", 0 },
    { 0 },
};
static const struct argp_option unsuppress_options[] = { LANE_OPTION, { 0 } };

static void parse_lane(struct argp_state *state, struct suppress_options *options, const char *text)
{
    char name[2 * LIMIT_NAME_MAX + 2];
    char *slash;

    snprintf(name, sizeof(name), "%s", text);
    slash = strchr(name, '/');
    if (strlen(text) >= sizeof(name) || slash == NULL) argp_error(state, "--lane takes a site and a lane, such as north/1");
    *slash = '\0';
    if (!name_part_valid(name) || !name_part_valid(slash + 1))
        argp_error(state, "--lane takes a site and a lane, such as north/1");
    memcpy(options->site, name, strlen(name) + 1);
    memcpy(options->lane, slash + 1, strlen(slash + 1) + 1);
}

static void parse_argument(struct argp_state *state, struct suppress_options *options, char *argument)
{
    if (options->list == NULL) {
        options->list = option_name(state, "a list's name", argument);
    } else if (options->reference == NULL && options->wants_reference) {
        if (!reference_valid(argument, strlen(argument))) argp_error(state, "this can't be a reference");
        options->reference = argument;
    } else {
        argp_usage(state);
    }
}

static error_t suppress_parse(int key, char *argument, struct argp_state *state)
{
    struct suppress_options *options = state->input;

    switch (key) {
    case OPTION_LANE: parse_lane(state, options, argument); return 0;
    case OPTION_DAYS:
        options->until_ms =
            moment_now_ms() + (int64_t)option_number(state, "--days", argument, 1, LIMIT_SUPPRESS_DAYS) * DAY_MS;
        return 0;
    case OPTION_UNTIL:
        if (!moment_parse(argument, &options->until_ms)) argp_error(state, "--until takes a time (RFC 3339) or a date");
        return 0;
    case ARGP_KEY_ARG: parse_argument(state, options, argument); return 0;
    case ARGP_KEY_END:
        if (options->list == NULL) argp_error(state, "of which list?");
        if (!options->wants_reference) return 0;
        if (options->reference == NULL) argp_error(state, "which entry? Its reference, as `platesieve hits` shows it");
        if (options->site[0] == '\0') argp_error(state, "at which lane? --lane north/1");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* -- showing --------------------------------------------------------------------------------------------------------- */

/* The reference in SUPPRESSION is opened in place; what travelled is beside it. */
static bool open_reference(json_t *suppression, const char *list, const struct reference_key *key)
{
    const char *sent = json_string_value(json_object_get(suppression, "reference"));
    struct reference reference;

    if (sent == NULL) return false;
    reference_open(key, list, sent, &reference);
    json_object_set_new(suppression, "reference_sent", json_string(sent));
    json_object_set_new(suppression, "reference", json_string(reference.text));
    return true;
}

static bool print_suppression(json_t *suppression, bool as_json)
{
    const char *reference = "", *site = "", *lane = "", *until = "";
    char shown[LIMIT_REFERENCE_MAX + 1], where[2 * LIMIT_NAME_MAX + 2], end[32];
    json_int_t matches = 0;
    int in_force = 0, known = 1;

    if (as_json) return print_json(json_incref(suppression));
    (void)json_unpack(suppression, "{s?s, s?s, s?s, s?s, s?I, s?b, s?b}", "reference", &reference, "site", &site, "lane", &lane,
                      "until", &until, "matches", &matches, "in_force", &in_force, "lane_known", &known);
    snprintf(shown, sizeof(shown), "%s", reference);
    snprintf(where, sizeof(where), "%s/%s", site, lane);
    snprintf(end, sizeof(end), "%.24s", until);
    make_printable(shown);
    make_printable(where);
    make_printable(end);
    return printf("%-32s  at %-14s%s  until %s%s, %lld matches made no hit\n", shown, where, known ? "" : " (no such lane)", end, in_force ? "" : " (ended)",
                  (long long)matches) >= 0;
}

/* -- asking ---------------------------------------------------------------------------------------------------------- */

/* Puts it under REFERENCE.  *unknown: no entry of that reference stands, and nothing was said. */
static int put(struct http *gate, const struct suppress_options *options, const char *reference, json_t **json, bool *unknown)
{
    char path[LIMIT_NAME_MAX + 40], until[MOMENT_TEXT];
    struct http_request request = { .method = "PUT", .path = path };
    struct http_answer answer = { 0 };
    json_t *body;
    char *text;
    int code = CLIENT_FAILED;

    moment_print(options->until_ms, until);
    snprintf(path, sizeof(path), "/v1/lists/%s/suppressions", options->list);
    body = json_pack("{s:s, s:s, s:s, s:s}", "reference", reference, "site", options->site, "lane", options->lane, "until", until);
    text = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    *unknown = false;
    if (text == NULL) return CLIENT_FAILED;
    request.body = text;
    request.body_size = strlen(text);
    if (!http_ask(gate, &request, &answer)) {
        say("%s", http_trouble(gate));
        code = CLIENT_UNREACHABLE;
    } else if (answer.status == 200 && (*json = http_answer_json(&answer)) != NULL) {
        code = CLIENT_OK;
    } else {
        *unknown = problem_is(&answer, "unknown-reference");
        code = *unknown ? CLIENT_REFUSED : problem_say(gate, &answer);
        if (!*unknown) problem_say_days(gate, path, options->until_ms);
    }
    http_answer_wipe(&answer);
    free(text);
    return code;
}

/* Sealed, as pushes send references unless told otherwise; then as it is. */
static int suppress(const struct settings *settings, struct http *gate, const struct suppress_options *options,
                    const struct reference_key *key)
{
    struct reference sealed;
    json_t *json = NULL;
    bool unknown = true;
    int code = CLIENT_REFUSED;

    if (key != NULL && reference_seal(key, options->list, options->reference, strlen(options->reference), NULL, NULL, &sealed))
        code = put(gate, options, sealed.text, &json, &unknown);
    if (unknown && strlen(options->reference) <= LIMIT_REFERENCE_MAX)
        code = put(gate, options, options->reference, &json, &unknown);
    if (unknown) say("no entry of list %s has this reference; `platesieve hits` and `platesieve list flags` show them", options->list);
    if (code == CLIENT_OK && (!open_reference(json, options->list, key) || !print_suppression(json, settings->json)))
        code = CLIENT_FAILED;
    if (code == CLIENT_OK && json_is_false(json_object_get(json, "lane_known")))
        say("no lane %s/%s is registered at this gate: is it another? (platesieve hits shows the lanes of hits)", options->site, options->lane);
    json_decref(json);
    return code;
}

static int fetch(struct http *gate, const struct suppress_options *options, const struct reference_key *key, json_t **json)
{
    char path[LIMIT_NAME_MAX + 40];
    const struct http_request request = { .method = "GET", .path = path };
    json_t *suppression;
    size_t i;
    int code;

    snprintf(path, sizeof(path), "/v1/lists/%s/suppressions", options->list);
    code = http_ask_json(gate, &request, 200, json);
    json_array_foreach(json_object_get(*json, "suppressions"), i, suppression) {
        if (code == CLIENT_OK && !open_reference(suppression, options->list, key)) {
            say("the gate sent suppressions that can't be read; is this program too old?");
            code = CLIENT_FAILED;
        }
    }
    return code;
}

static int show(const struct settings *settings, struct http *gate, const struct suppress_options *options,
                const struct reference_key *key)
{
    json_t *json = NULL, *suppression;
    int code = fetch(gate, options, key, &json);
    size_t i;

    json_array_foreach(json_object_get(json, "suppressions"), i, suppression)
        if (code == CLIENT_OK && !print_suppression(suppression, settings->json)) code = CLIENT_FAILED;
    if (code == CLIENT_OK && !settings->json && json_array_size(json_object_get(json, "suppressions")) == 0) puts("none");
    json_decref(json);
    return code;
}

static bool is_meant(json_t *suppression, const struct suppress_options *options)
{
    const char *reference = "", *sent = "", *site = "", *lane = "";

    (void)json_unpack(suppression, "{s?s, s?s, s?s, s?s}", "reference", &reference, "reference_sent", &sent, "site", &site, "lane",
                      &lane);
    return (strcmp(reference, options->reference) == 0 || strcmp(sent, options->reference) == 0) &&
           strcmp(site, options->site) == 0 && strcmp(lane, options->lane) == 0;
}

static int unsuppress(const struct settings *settings, struct http *gate, const struct suppress_options *options,
                      const struct reference_key *key)
{
    char path[LIMIT_NAME_MAX + 64];
    const struct http_request request = { .method = "DELETE", .path = path };
    json_t *json = NULL, *suppression;
    int code = fetch(gate, options, key, &json);
    size_t i, found = 0;

    json_array_foreach(json_object_get(json, "suppressions"), i, suppression) {
        if (code != CLIENT_OK || !is_meant(suppression, options)) continue;
        found++;
        snprintf(path, sizeof(path), "/v1/lists/%s/suppressions/%lld", options->list,
                 (long long)json_integer_value(json_object_get(suppression, "suppression")));
        code = http_ask_json(gate, &request, 204, NULL);
    }
    json_decref(json);
    if (code != CLIENT_OK) return code;
    if (found == 0) {
        say("this entry is not suppressed at that lane; `platesieve list suppressions %s` shows which are", options->list);
        return CLIENT_REFUSED;
    }
    if (settings->json) return print_json(json_pack("{s:s, s:b}", "list", options->list, "removed", 1)) ? CLIENT_OK : CLIENT_FAILED;
    puts("it raises hits again");
    return CLIENT_OK;
}

/* -- commands -------------------------------------------------------------------------------------------------------- */

typedef int (*action_fn)(const struct settings *settings, struct http *gate, const struct suppress_options *options,
                         const struct reference_key *key);

static int run(struct settings *settings, const struct suppress_options *options, action_fn action)
{
    struct reference_key *key = NULL;
    struct identity identity;
    struct http *gate = NULL;
    int code = http_open_as(settings, "agency", &identity, &gate);

    if (code == CLIENT_OK) {
        key = reference_key_open(identity.name.first, settings, false);
        code = action(settings, gate, options, key);
    }
    reference_key_close(key);
    http_close(gate);
    return code;
}

int command_list_suppress(struct settings *settings, int argc, char **argv)
{
    struct suppress_options options = { .wants_reference = true, .until_ms = moment_now_ms() + DAYS_DEFAULT * DAY_MS };
    struct command_input input = { settings, &options };

    command_parse(suppress_options, suppress_parse, "LIST REFERENCE",
                  "Keeps an entry silent at one lane for a while: what matches it there makes no alert and no hit, but is "
                  "counted.\vIt is in force on all gates within a second, and ends by itself.  REFERENCE is the entry's, as "
                  "`platesieve hits` shows it.",
                  &input, argc, argv);
    return run(settings, &options, suppress);
}

int command_list_suppressions(struct settings *settings, int argc, char **argv)
{
    struct suppress_options options = { 0 };
    struct command_input input = { settings, &options };

    command_parse(NULL, suppress_parse, "LIST", "Shows which entries are silent at which lanes, and what that has cost.", &input,
                  argc, argv);
    return run(settings, &options, show);
}

int command_list_unsuppress(struct settings *settings, int argc, char **argv)
{
    struct suppress_options options = { .wants_reference = true };
    struct command_input input = { settings, &options };

    command_parse(unsuppress_options, suppress_parse, "LIST REFERENCE", "Lets an entry raise hits at a lane again.", &input, argc,
                  argv);
    return run(settings, &options, unsuppress);
}
