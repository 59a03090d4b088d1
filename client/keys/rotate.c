/* platesieve keys rotate: an epoch with a new key at all key servers, for the day on which one is lost or stolen.  All
   are asked first and told the same opening time, from which all else follows; what came through to some of them only
   is repeated with --opens. */
#include <unistd.h>

#include "client/http/problem.h"
#include "client/keys/rotate.h"

#define DEFAULT_AHEAD_S 600
#define AHEAD_S_MAX (31 * 86400)

enum { OPTION_OPENS = 0x200, OPTION_OPENS_IN, OPTION_KEEP, OPTION_DESTROY, OPTION_COMING, OPTION_REASON, OPTION_YES };

/* -- the time ------------------------------------------------------------------------------------------------------ */

static bool epoch_span(json_t *epoch, int64_t *opens_ms, int64_t *closes_ms)
{
    const char *opens, *closes;

    return json_unpack(epoch, "{s:s, s:s}", "opens", &opens, "closes", &closes) == 0 && moment_parse(opens, opens_ms) &&
           moment_parse(closes, closes_ms);
}

static bool is_taken(const struct rotate *rotate, int64_t opens_ms)
{
    for (size_t i = 0; i < rotate->count; i++) {
        json_t *status = rotate->servers[i].status, *epochs = json_object_get(status, "epochs");
        const json_int_t length_s = json_integer_value(json_object_get(json_object_get(status, "schedule"), "length_s"));

        if (length_s > 0 && opens_ms / 1000 % length_s == 0) return true;
        for (size_t k = 0; k < json_array_size(epochs); k++) {
            int64_t other_ms, closes_ms;

            if (epoch_span(json_array_get(epochs, k), &other_ms, &closes_ms) && other_ms / 2000 == opens_ms / 2000)
                return true;
        }
    }
    return false;
}

/* An even second by the clock that is furthest ahead, at which no other epoch opens. */
static void choose_time(struct rotate *rotate)
{
    int64_t ahead_ms = INT64_MIN;

    const int64_t wanted_s = rotate->options->ahead_s < 0 ? DEFAULT_AHEAD_S : rotate->options->ahead_s;

    rotate->opens_ms = rotate->options->opens_ms;
    if (rotate->opens_ms == 0) {
        for (size_t i = 0; i < rotate->count; i++)
            if (rotate->servers[i].clock_ms > ahead_ms) ahead_ms = rotate->servers[i].clock_ms;
        rotate->opens_ms = (moment_now_ms() + ahead_ms + wanted_s * 1000 + 1999) / 2000 * 2000;
        while (is_taken(rotate, rotate->opens_ms)) rotate->opens_ms += 2000;
    }
    moment_print(rotate->opens_ms, rotate->opens);
}

/* -- what it will do ----------------------------------------------------------------------------------------------- */

static bool is_destroyed(json_t *epoch)
{
    const char *state = json_string_value(json_object_get(epoch, "state"));

    return state == NULL || strcmp(state, "destroyed") == 0;
}

static json_t *ids_that(const struct rotate *rotate, bool (*wanted)(const struct rotate *, int64_t, int64_t))
{
    json_t *epochs = json_object_get(rotate->servers[0].status, "epochs"), *ids = json_array();

    for (size_t i = 0; i < json_array_size(epochs); i++) {
        json_t *epoch = json_array_get(epochs, i);
        int64_t opens_ms, closes_ms;

        if (!is_destroyed(epoch) && epoch_span(epoch, &opens_ms, &closes_ms) && wanted(rotate, opens_ms, closes_ms))
            json_array_append(ids, json_object_get(epoch, "id"));
    }
    return ids;
}

static bool will_close(const struct rotate *rotate, int64_t opens_ms, int64_t closes_ms)
{
    return opens_ms < rotate->opens_ms && closes_ms > rotate->opens_ms;
}

static bool will_be_destroyed(const struct rotate *rotate, int64_t opens_ms, int64_t closes_ms)
{
    (void)closes_ms;
    return rotate->options->destroy && opens_ms < rotate->opens_ms;
}

static bool will_be_replaced(const struct rotate *rotate, int64_t opens_ms, int64_t closes_ms)
{
    (void)closes_ms;
    return rotate->options->coming && opens_ms > rotate->opens_ms;
}

static void print_ids(const char *what, json_t *ids)
{
    if (json_array_size(ids) > 0) {
        fprintf(stderr, "  %s", what);
        for (size_t i = 0; i < json_array_size(ids); i++) {
            char id[LIMIT_EPOCH_ID_MAX + 1];

            snprintf(id, sizeof(id), "%s", json_string_value(json_array_get(ids, i)));
            make_printable(id);
            fprintf(stderr, " %s", id);
        }
        fputc('\n', stderr);
    }
    json_decref(ids);
}

static void explain(const struct rotate *rotate)
{
    fprintf(stderr, "An epoch with a new key opens %s at %zu key server%s:\n", rotate->opens, rotate->count,
            rotate->count == 1 ? "" : "s");
    print_ids(rotate->options->keep ? "close after the overlap:  " : "close then:               ",
              ids_that(rotate, will_close));
    print_ids("keys destroyed then:      ", ids_that(rotate, will_be_destroyed));
    print_ids("replaced now, key and all:", ids_that(rotate, will_be_replaced));
    fprintf(stderr,
            "No list has tokens for the new epoch%s.  Every agency must push (platesieve list tokens); what a list has\n"
            "not pushed when it opens is `unchecked` to lanes from then on, and where no list has, lanes get errors.\n",
            rotate->options->coming ? "s" : "");
}

static int confirm(const struct rotate *rotate)
{
    char line[16] = "";

    if (rotate->options->yes) return CLIENT_OK;
    if (!isatty(STDIN_FILENO)) {
        say("nothing was changed: add --yes to do this without being asked");
        return CLIENT_USAGE;
    }
    fputs("Type \"rotate\" to do it: ", stderr);
    if (fgets(line, sizeof(line), stdin) != NULL && strcmp(line, "rotate\n") == 0) return CLIENT_OK;
    say("nothing was changed");
    return CLIENT_FAILED;
}

/* -- telling all --------------------------------------------------------------------------------------------------- */

static char *make_body(const struct rotate *rotate)
{
    const struct rotate_options *options = rotate->options;
    json_t *body = json_pack("{s:s, s:b, s:b, s:b, s:s}", "opens", rotate->opens, "keep", options->keep, "destroy",
                             options->destroy, "coming", options->coming, "reason", options->reason);
    char *text = json_dumps(body, JSON_COMPACT);

    json_decref(body);
    return text;
}

/* All that are told the same give the epoch the same name. */
static int take_rotation(struct rotate *rotate, const struct http_answer *answer)
{
    json_t *json = http_answer_json(answer);
    const char *id = json_string_value(json_object_get(json, "rotation"));
    int code = id == NULL || strlen(id) > LIMIT_EPOCH_ID_MAX ? CLIENT_FAILED : CLIENT_OK;

    if (code == CLIENT_OK && rotate->rotation[0] != '\0' && strcmp(rotate->rotation, id) != 0) code = CLIENT_FAILED;
    if (code == CLIENT_OK) memcpy(rotate->rotation, id, strlen(id) + 1);
    else say("the key server %s sent an answer that can't be read", http_server_url(rotate->http));
    json_decref(json);
    return code;
}

static int tell(struct rotate *rotate, size_t number, const char *body)
{
    const struct http_request request = {
        .method = "POST", .path = "/v1/epochs/rotate", .body = body, .body_size = strlen(body), .timeout_ms = ROTATE_TIMEOUT_MS
    };
    struct http_answer answer CLEANUP(http_answer_wipe) = { 0 };
    int code;

    http_use_server(rotate->http, number);
    if (!http_ask_here(rotate->http, &request, &answer)) {
        say("no answer from the key server: %s", http_trouble(rotate->http));
        return CLIENT_UNREACHABLE;
    }
    code = answer.status == 200 ? take_rotation(rotate, &answer) : problem_say(rotate->http, &answer);
    rotate->servers[number].done = code == CLIENT_OK;
    return code;
}

static size_t count_done(const struct rotate *rotate)
{
    size_t done = 0;

    for (size_t i = 0; i < rotate->count; i++) done += rotate->servers[i].done;
    return done;
}

static void tell_what_is_left(const struct rotate *rotate)
{
    for (size_t i = 0; i < rotate->count; i++) {
        http_use_server(rotate->http, i);
        say("key server %s: %s", http_server_url(rotate->http), rotate->servers[i].done ? "done" : "NOT DONE");
    }
    say("repeat the command with --opens %s: those that have done it change nothing", rotate->opens);
}

static int tell_all(struct rotate *rotate)
{
    char *body = make_body(rotate);
    int code = body == NULL ? CLIENT_FAILED : CLIENT_OK;

    if (body == NULL) say("no memory");
    for (size_t i = 0; i < rotate->count && body != NULL; i++) {
        const int one = tell(rotate, i, body);

        if (code == CLIENT_OK) code = one;
    }
    free(body);
    if (count_done(rotate) < rotate->count && count_done(rotate) > 0) tell_what_is_left(rotate);
    return code;
}

static bool print_result(const struct rotate *rotate)
{
    json_t *servers = json_array();

    for (size_t i = 0; i < rotate->count; i++) {
        http_use_server(rotate->http, i);
        json_array_append_new(servers, json_pack("{s:s, s:b}", "url", http_server_url(rotate->http), "done",
                                                 rotate->servers[i].done));
    }
    if (rotate->settings->json)
        return print_json(json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "rotation", rotate->rotation, "opens",
                                    rotate->opens, "closing", ids_that(rotate, will_close), "destroyed",
                                    ids_that(rotate, will_be_destroyed), "replaced", ids_that(rotate, will_be_replaced),
                                    "servers", servers));
    json_decref(servers);
    printf("%s opens %s at %zu of %zu key servers\n", rotate->rotation, rotate->opens, count_done(rotate), rotate->count);
    return !ferror(stdout);
}

/* -- the command --------------------------------------------------------------------------------------------------- */

static const struct argp_option rotate_argp[] = {
    { "opens-in", OPTION_OPENS_IN, "TIME", 0, "When the new epoch opens: 90s, 10m, 2h from now (10m)", 0 },
    { "opens", OPTION_OPENS, "WHEN", 0, "The same as a time, an even second; to repeat what came through in part", 0 },
    { "keep", OPTION_KEEP, NULL, 0, "Leave those that are open then open for the overlap", 0 },
    { "destroy", OPTION_DESTROY, NULL, 0, "Destroy all keys from before then: they are in wrong hands", 0 },
    { "coming", OPTION_COMING, NULL, 0, "Replace the keys of coming epochs, too: who has the key server has them", 0 },
    { "reason", OPTION_REASON, "TEXT", 0, "One line for the key servers' logs", 0 },
    { "yes", OPTION_YES, NULL, 0, "Do not ask", 0 },
    { 0 },
};

static int64_t parse_ahead(const struct argp_state *state, const char *text)
{
    const size_t length = strlen(text);
    const char unit = length == 0 ? '\0' : text[length - 1];
    const int64_t scale = unit == 'h' ? 3600 : unit == 'm' ? 60 : unit == 's' ? 1 : 0;
    char digits[16];

    if (scale == 0 || length < 2 || length > sizeof(digits)) argp_error(state, "--opens-in is like 90s, 10m or 2h");
    memcpy(digits, text, length - 1);
    digits[length - 1] = '\0';
    return (int64_t)option_number(state, "--opens-in", digits, 0, AHEAD_S_MAX / (unsigned)scale) * scale;
}

/* Key servers are stricter still, about characters that turn the direction of writing. */
static bool is_line(const char *text)
{
    json_t *json = json_string(text); /* NULL: not UTF-8 */
    const bool utf8 = json != NULL;

    json_decref(json);
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f) return false;
    return utf8;
}

static error_t rotate_parse(int key, char *argument, struct argp_state *state)
{
    struct rotate_options *options = state->input;

    switch (key) {
    case OPTION_OPENS_IN: options->ahead_s = parse_ahead(state, argument); return 0;
    case OPTION_OPENS:
        if (!moment_parse(argument, &options->opens_ms) || options->opens_ms == 0 || options->opens_ms % 2000 != 0)
            argp_error(state, "--opens is like 2026-11-22T10:00:02Z, with an even second");
        return 0;
    case OPTION_KEEP: options->keep = true; return 0;
    case OPTION_DESTROY: options->destroy = true; return 0;
    case OPTION_COMING: options->coming = true; return 0;
    case OPTION_REASON:
        if (strlen(argument) > LIMIT_ROTATION_REASON_MAX)
            argp_error(state, "a reason has at most %d bytes", LIMIT_ROTATION_REASON_MAX);
        if (!is_line(argument)) argp_error(state, "a reason is one line of UTF-8 without control characters");
        options->reason = argument;
        return 0;
    case OPTION_YES: options->yes = true; return 0;
    case ARGP_KEY_END:
        if (options->keep && options->destroy) argp_error(state, "--keep and --destroy contradict each other");
        if (options->opens_ms != 0 && options->ahead_s >= 0)
            argp_error(state, "--opens and --opens-in contradict each other");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static int rotate_run(struct rotate *rotate)
{
    struct identity identity;
    int code = identity_find(rotate->settings, "operator/keys", &identity);

    if (code == CLIENT_OK) code = http_open(rotate->settings, HTTP_KEYS, &identity, &rotate->http);
    if (code == CLIENT_OK) code = rotate_ask_all(rotate);
    if (code == CLIENT_OK) {
        choose_time(rotate);
        explain(rotate);
        code = confirm(rotate);
    }
    if (code == CLIENT_OK) {
        code = tell_all(rotate);
        if (count_done(rotate) > 0 && !print_result(rotate) && code == CLIENT_OK) code = CLIENT_FAILED;
    }
    for (size_t i = 0; i < rotate->count; i++) json_decref(rotate->servers[i].status);
    http_close(rotate->http);
    return code;
}

int keys_rotate(struct settings *settings, int argc, char **argv)
{
    struct rotate_options options = { .ahead_s = -1, .reason = "" };
    struct rotate rotate = { .settings = settings, .options = &options };
    struct command_input input = { settings, &options };

    command_parse(rotate_argp, rotate_parse, NULL,
                  "Puts an epoch with a new key into the calendar of all key servers, for the day on which a key is "
                  "lost or stolen.  Those that are open when it opens close; it lasts until the calendar goes on.\vShows what it will "
                  "do and what it costs, and asks.  docs/key-lost.md says when and in which order.",
                  &input, argc, argv);
    return rotate_run(&rotate);
}
