/* platesieve list share, shares, unshare: another agency sees the hits of a list, for a time. */
#include "client/http/problem.h"
#include "client/import/reference.h"
#include "client/list/list.h"
#include "client/moment.h"

#define DAY_MS INT64_C(86400000)

struct share_options {
    const char *list, *partner, *note;
    int64_t from_ms, until_ms; /* 0: not said */
    bool only_confirmed, verdicts, wants_until;
};

enum { OPTION_WITH = 0x300, OPTION_UNTIL, OPTION_DAYS, OPTION_FROM, OPTION_ONLY_CONFIRMED, OPTION_VERDICTS, OPTION_NOTE };

#define WITH_OPTION { "with", OPTION_WITH, "AGENCY", 0, "The agency that sees them (required)", 0 }
static const struct argp_option share_options[] = {
    WITH_OPTION,
    { "until", OPTION_UNTIL, "TIME", 0, "Until then: RFC 3339, or a date", 0 },
    { "days", OPTION_DAYS, "N", 0, "Or for so many days", 0 },
    { "from", OPTION_FROM, "TIME", 0, "From then on (now)", 0 },
    { "only-confirmed", OPTION_ONLY_CONFIRMED, NULL, 0, "Each hit only once somebody confirmed it", 0 },
    { "verdicts", OPTION_VERDICTS, NULL, 0, "That agency may give verdicts, misread among them", 0 },
    { "note", OPTION_NOTE, "TEXT", 0, "Why, for both sides: one line, at most 200 bytes, no plates", 0 },
    { 0 },
};
static const struct argp_option unshare_options[] = { WITH_OPTION, { 0 } };

static int64_t parse_time(struct argp_state *state, const char *name, const char *text)
{
    int64_t ms = 0;

    if (!moment_parse(text, &ms)) argp_error(state, "%s takes a time (RFC 3339) or a date", name);
    return ms;
}

static void parse_end(struct argp_state *state, const struct share_options *options)
{
    if (options->list == NULL) argp_error(state, "of which list?");
    if (options->partner == NULL) argp_error(state, "with whom? --with marshals");
    if (options->wants_until && options->until_ms == 0) argp_error(state, "until when? --until 2026-12-31, or --days 30");
}

static error_t share_parse(int key, char *argument, struct argp_state *state)
{
    struct share_options *options = state->input;

    switch (key) {
    case OPTION_WITH:
        options->partner = option_name(state, "an agency's name", argument);
        return 0;
    case OPTION_UNTIL: options->until_ms = parse_time(state, "--until", argument); return 0;
    case OPTION_FROM: options->from_ms = parse_time(state, "--from", argument); return 0;
    case OPTION_DAYS:
        options->until_ms = moment_now_ms() + (int64_t)option_number(state, "--days", argument, 1, LIMIT_SHARE_DAYS) * DAY_MS;
        return 0;
    case OPTION_ONLY_CONFIRMED: options->only_confirmed = true; return 0;
    case OPTION_VERDICTS: options->verdicts = true; return 0;
    case OPTION_NOTE:
        if (strlen(argument) > LIMIT_NOTE_MAX || !reference_valid(argument, strlen(argument)))
            argp_error(state, "--note takes one line of at most %d bytes", LIMIT_NOTE_MAX);
        options->note = argument;
        return 0;
    case ARGP_KEY_ARG:
        list_argument(state, &options->list, argument);
        return 0;
    case ARGP_KEY_END: parse_end(state, options); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* -- what is done ------------------------------------------------------------------------------------------------------ */

static void path_of(const struct share_options *options, char path[2 * LIMIT_NAME_MAX + 32])
{
    snprintf(path, 2 * LIMIT_NAME_MAX + 32, "/v1/lists/%s/shares/%s", options->list, options->partner);
}

static json_t *body_of(const struct share_options *options)
{
    char time[MOMENT_TEXT];
    json_t *body = json_pack("{s:b, s:b}", "only_confirmed", (int)options->only_confirmed, "verdicts", (int)options->verdicts);

    moment_print(options->until_ms, time);
    (void)json_object_set_new(body, "until", json_string(time));
    if (options->from_ms != 0) {
        moment_print(options->from_ms, time);
        (void)json_object_set_new(body, "from", json_string(time));
    }
    if (options->note != NULL) (void)json_object_set_new(body, "note", json_string(options->note));
    return body;
}

static int share(const struct settings *settings, struct http *gate, const struct share_options *options)
{
    char path[2 * LIMIT_NAME_MAX + 32], until[MOMENT_TEXT];
    int code;

    path_of(options, path);
    code = http_send_json(gate, "PUT", path, body_of(options), 204, NULL);
    if (code == CLIENT_REFUSED) problem_say_days(gate, "/v1/shares", options->until_ms);
    if (code != CLIENT_OK) return code;
    moment_print(options->until_ms, until);
    if (settings->json)
        return print_json(json_pack("{s:s, s:s, s:s}", "list", options->list, "with", options->partner, "until", until)) ? CLIENT_OK
                                                                                                                       : CLIENT_FAILED;
    printf("%s sees the hits of %s%s until %.19sZ; its references stay sealed for it\n", options->partner, options->list,
           options->only_confirmed ? ", once confirmed," : "", until);
    printf("its pictures too, once you sign the list's recipients anew, with the evidence certificates of both:\n"
           "  platesieve list recipients %s --cert OURS --cert THEIRS --share-with %s\n", options->list, options->partner);
    return CLIENT_OK;
}

static int unshare(const struct settings *settings, struct http *gate, const struct share_options *options)
{
    char path[2 * LIMIT_NAME_MAX + 32];
    const struct http_request request = { .method = "DELETE", .path = path };
    int code;

    path_of(options, path);
    code = http_ask_json(gate, &request, 204, NULL);
    if (code != CLIENT_OK) return code;
    if (settings->json)
        return print_json(json_pack("{s:s, s:s, s:b}", "list", options->list, "with", options->partner, "revoked", 1)) ? CLIENT_OK
                                                                                                                     : CLIENT_FAILED;
    printf("%s sees no hit of %s any more, old ones neither; what it printed or fetched it keeps\n", options->partner, options->list);
    printf("sign the list's recipients anew without its certificates, so that no more pictures are sealed to it\n");
    return CLIENT_OK;
}

/* -- showing ----------------------------------------------------------------------------------------------------------- */

static bool print_share(json_t *share, bool given)
{
    const char *agency = "", *list = "", *with = "", *state = "", *from = "", *until = "", *note = "";
    int only_confirmed = 0, verdicts = 0, covert = 0;
    char line[1024];

    (void)json_unpack(share, "{s?s, s?s, s?s, s?s, s?s, s?s, s?s, s?b, s?b, s?b}", "agency", &agency, "list", &list, "with", &with, "state",
                      &state, "from", &from, "until", &until, "note", &note, "only_confirmed", &only_confirmed, "verdicts", &verdicts,
                      "covert", &covert);
    snprintf(line, sizeof(line), "%s %.48s/%.48s with %.48s, %.16s: %.19sZ to %.19sZ%s%s%s%s%.200s", given ? "given   " : "received", agency,
             list, with, state, from, until, only_confirmed ? ", only confirmed" : "", verdicts ? ", with verdicts" : "",
             covert ? ", covert" : "", *note == '\0' ? "" : ": ", note);
    make_printable(line);
    return puts(line) >= 0;
}

static bool print_shares(json_t *shares, bool given, bool as_json)
{
    json_t *share;
    size_t i;

    json_array_foreach(shares, i, share) {
        if (as_json) {
            json_object_set_new(share, "given", json_boolean(given));
            if (!print_json(json_incref(share))) return false;
        } else if (!print_share(share, given)) {
            return false;
        }
    }
    return true;
}

static int show(const struct settings *settings, struct http *gate, const struct share_options *options)
{
    const struct http_request request = { .method = "GET", .path = "/v1/shares" };
    json_t *json = NULL, *given, *received;
    int code = http_ask_json(gate, &request, 200, &json);

    (void)options;
    given = json_object_get(json, "given");
    received = json_object_get(json, "received");
    if (code == CLIENT_OK && (!print_shares(given, true, settings->json) || !print_shares(received, false, settings->json)))
        code = CLIENT_FAILED;
    if (code == CLIENT_OK && !settings->json && json_array_size(given) + json_array_size(received) == 0) puts("none");
    json_decref(json);
    return code;
}

/* -- commands -------------------------------------------------------------------------------------------------------- */

typedef int (*action_fn)(const struct settings *settings, struct http *gate, const struct share_options *options);

static int run(struct settings *settings, const struct share_options *options, action_fn action)
{
    struct identity identity;
    struct http *gate = NULL;
    int code = http_open_as(settings, "agency", &identity, &gate);

    if (code == CLIENT_OK) code = action(settings, gate, options);
    http_close(gate);
    return code;
}

int command_list_share(struct settings *settings, int argc, char **argv)
{
    struct share_options options = { .wants_until = true };
    struct command_input input = { settings, &options };

    command_parse(share_options, share_parse, "LIST",
                  "Lets another agency see the hits of a list that are recorded from now on, for a time.\vThe list itself it does "
                  "not see, and its references stay sealed.  Again, with other options, it changes the share.  Pictures are sealed "
                  "to that agency only once the list's recipients were signed with its certificates (platesieve list recipients).",
                  &input, argc, argv);
    return run(settings, &options, share);
}

int command_list_unshare(struct settings *settings, int argc, char **argv)
{
    struct share_options options = { 0 };
    struct command_input input = { settings, &options };

    command_parse(unshare_options, share_parse, "LIST", "Ends a share at once: that agency sees none of the list's hits any more.", &input,
                  argc, argv);
    return run(settings, &options, unshare);
}

int command_list_shares(struct settings *settings, int argc, char **argv)
{
    struct share_options options = { 0 };
    struct command_input input = { settings, &options };

    command_parse(NULL, NULL, NULL, "Shows whom the agency shares hits with, and who shares theirs with it.", &input, argc, argv);
    return run(settings, &options, show);
}
