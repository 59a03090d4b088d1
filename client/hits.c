/* platesieve hits: what was found of an agency's lists. */
#include <signal.h>
#include <unistd.h>

#include "client/base64.h"
#include "client/hits.h"
#include "client/http.h"
#include "client/problem.h"
#include "client/reference.h"

#define CURSOR_MAX 128
#define PURPOSE_MAX 256
#define FOLLOW_MS 1000

struct hits_options {
    const char *list, *purpose;
    char cursor[CURSOR_MAX + 1];
    unsigned limit;
    bool all, follow;
};

enum { OPTION_LIST = 0x300, OPTION_AFTER, OPTION_LIMIT, OPTION_ALL, OPTION_PURPOSE, OPTION_FOLLOW };

static const struct argp_option hits_options[] = {
    { "list", OPTION_LIST, "LIST", 0, "Only hits on this list", 0 },
    { "after", OPTION_AFTER, "CURSOR", 0, "Only what came after; the cursor is what an earlier call ended with", 0 },
    { "limit", OPTION_LIMIT, "N", 0, "Hits in one answer, at most 1000 (100)", 0 },
    { "all", OPTION_ALL, NULL, 0, "Go on until there are no more", 0 },
    { "follow", OPTION_FOLLOW, NULL, 0, "Go on, and wait for new ones", 0 },
    { "purpose", OPTION_PURPOSE, "TEXT", 0, "Why you look, sent along; this version of the gate keeps no record of looks yet", 0 },
    { 0 },
};

static bool cursor_valid(const char *text)
{
    const size_t length = strlen(text);

    return length <= CURSOR_MAX &&
           strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~") == length;
}

static error_t hits_parse(int key, char *argument, struct argp_state *state)
{
    struct hits_options *options = state->input;

    switch (key) {
    case OPTION_LIST:
        if (!name_part_valid(argument)) argp_error(state, "a list's name is made of a-z, 0-9, -, _ and .");
        options->list = argument;
        return 0;
    case OPTION_AFTER:
        if (!cursor_valid(argument)) argp_error(state, "this is no cursor");
        memcpy(options->cursor, argument, strlen(argument) + 1);
        return 0;
    case OPTION_PURPOSE:
        if (strlen(argument) > PURPOSE_MAX || !reference_valid(argument, strlen(argument)))
            argp_error(state, "--purpose takes one line of at most %d bytes", PURPOSE_MAX);
        options->purpose = argument;
        return 0;
    case OPTION_LIMIT: options->limit = (unsigned)option_number(state, "--limit", argument, 1, LIMIT_PAGE); return 0;
    case OPTION_ALL: options->all = true; return 0;
    case OPTION_FOLLOW: options->follow = true; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

bool hit_id_valid(const char *text)
{
    uint8_t id[PLATESIEVE_HIT_ID_BYTES];

    return strlen(text) == PLATESIEVE_TOKEN_TEXT && base64_parse(text, id, sizeof(id));
}

/* -- printing ------------------------------------------------------------------------------------------------------ */

static const char *kind_name(enum reference_kind kind)
{
    switch (kind) {
    case REFERENCE_SEALED: return "opened";
    case REFERENCE_DERIVED: return "derived";
    case REFERENCE_DIGEST: return "digest";
    default: return "as-sent";
    }
}

static bool print_hit_json(json_t *hit, const struct reference *reference)
{
    json_t *text = json_string(reference->text);

    json_object_set(hit, "reference_sent", json_object_get(hit, "reference"));
    json_object_set_new(hit, "reference", text == NULL ? json_null() : text);
    json_object_set_new(hit, "reference_kind", json_string(kind_name(reference->kind)));
    return print_json(json_incref(hit));
}

static bool print_hit_text(json_t *hit, const struct reference *reference)
{
    const char *id = "", *list = "", *site = "", *lane = "", *seen = "", *grade = "", *verdict = "";
    char shown[LIMIT_REFERENCE_MAX + 16], where[2 * LIMIT_NAME_MAX + 2], remarks[128];
    json_int_t count = 1;
    int covert = 0, verify = 0;

    (void)json_unpack(hit, "{s?s, s?s, s?s, s?s, s?s, s?s, s?I, s?b, s?b}", "hit", &id, "list", &list, "site", &site,
                      "lane", &lane, "seen_at", &seen, "grade", &grade, "count", &count, "covert", &covert, "verify",
                      &verify);
    (void)json_unpack(json_object_get(hit, "verdict"), "{s:s}", "verdict", &verdict);
    snprintf(where, sizeof(where), "%s/%s", site, lane);
    snprintf(remarks, sizeof(remarks), "%s%s%s%s%.32s", count > 1 ? " read again" : "", covert ? " covert" : "",
             verify ? " verify: list was old" : "", *verdict == '\0' ? "" : " ", verdict);
    make_printable(remarks);
    if (reference->kind == REFERENCE_DERIVED) snprintf(shown, sizeof(shown), "(none: %.10s)", reference->text);
    else snprintf(shown, sizeof(shown), "%s", reference->text);
    make_printable(shown);
    return printf("%-24.24s  %-16s  %-32s  %-14s  %-7s  %5lld  %-22.22s%s\n", seen, list, shown, where, grade,
                  (long long)count, hit_id_valid(id) ? id : "", remarks) >= 0;
}

static bool print_hit(json_t *hit, const struct reference_key *key, bool json)
{
    const char *sent = json_string_value(json_object_get(hit, "reference")),
               *list = json_string_value(json_object_get(hit, "list"));
    struct reference reference;

    if (sent == NULL || list == NULL) return false;
    reference_open(key, list, sent, &reference);
    return json ? print_hit_json(hit, &reference) : print_hit_text(hit, &reference);
}

/* -- pages --------------------------------------------------------------------------------------------------------- */

/* One answer.  *shown is how many hits it held; *more whether the gate has others. */
static int page(const struct settings *settings, struct http *gate, struct hits_options *options,
                const struct reference_key *key, size_t *shown, bool *more)
{
    char path[LIMIT_URL_BYTES / 2], header[PURPOSE_MAX + 32];
    struct http_request request = { .method = "GET", .path = path };
    json_t *json = NULL, *hits;
    const char *cursor;
    int code;

    *shown = 0;
    *more = false;
    snprintf(path, sizeof(path), "/v1/hits?limit=%u%s%s%s%s", options->limit,
             options->cursor[0] == '\0' ? "" : "&after=", options->cursor,
             options->list == NULL ? "" : "&list=", options->list == NULL ? "" : options->list);
    if (options->purpose != NULL) {
        snprintf(header, sizeof(header), "Platesieve-Purpose: %s", options->purpose);
        request.header = header;
    }
    code = http_ask_json(gate, &request, 200, &json);
    if (code != CLIENT_OK) return code;
    hits = json_object_get(json, "hits");
    for (; *shown < json_array_size(hits) && code == CLIENT_OK; ++*shown)
        if (!print_hit(json_array_get(hits, *shown), key, settings->json)) code = CLIENT_FAILED;
    cursor = json_string_value(json_object_get(json, "cursor"));
    if (code == CLIENT_OK && (cursor == NULL || !cursor_valid(cursor))) code = CLIENT_FAILED;
    if (code == CLIENT_OK) memcpy(options->cursor, cursor, strlen(cursor) + 1);
    else say("the gate sent hits that can't be read; is this program too old?");
    *more = json_is_true(json_object_get(json, "more"));
    json_decref(json);
    return code;
}

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

/* An interrupted --follow still says where it was. */
static void catch_interrupt(void)
{
    const struct sigaction action = { .sa_handler = on_interrupt };

    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

static int pages(const struct settings *settings, struct http *gate, struct hits_options *options,
                 const struct reference_key *key)
{
    const struct timespec pause = { FOLLOW_MS / 1000, FOLLOW_MS % 1000 * 1000000L };
    size_t shown, total = 0;
    bool more;
    int code;

    if (options->follow) catch_interrupt();
    if (!settings->json)
        printf("%-24s  %-16s  %-32s  %-14s  %-7s  %5s  %s\n", "seen at", "list", "reference", "lane", "match", "count",
               "hit");
    do {
        code = page(settings, gate, options, key, &shown, &more);
        total += shown;
        (void)fflush(stdout);
        if (code == CLIENT_OK && options->follow && !more) nanosleep(&pause, NULL);
    } while (code == CLIENT_OK && interrupted == 0 && (options->follow || (options->all && more)));
    if (code != CLIENT_OK) return code;
    if (settings->json)
        return print_json(json_pack("{s:s, s:b, s:I}", "cursor", options->cursor, "more", (int)more, "hits",
                                    (json_int_t)total))
                   ? CLIENT_OK
                   : CLIENT_FAILED;
    printf("%zu hit%s%s; what comes after: --after %s\n", total, total == 1 ? "" : "s",
           more ? ", and there are more (--all)" : "", options->cursor);
    return CLIENT_OK;
}

static const struct command hits_commands[] = {
    { "verdict", "say what a hit turned out to be", command_hits_verdict },
    { NULL, NULL, NULL },
};

int command_hits(struct settings *settings, int argc, char **argv)
{
    const struct command *row = command_named(hits_commands, argc, argv);
    struct hits_options options = { .limit = LIMIT_PAGE_DEFAULT };
    struct command_input input = { settings, &options };
    struct reference_key *key = NULL;
    struct identity identity;
    struct http *gate = NULL;
    int code;

    if (row != NULL) return command_run_named(row, settings, argc, argv);
    command_parse(hits_options, hits_parse, NULL,
                  "Shows the hits on the agency's lists, oldest first.\vReferences are opened where the agency's key "
                  "is at hand; where an entry had "
                  "none, a short stable id stands instead.  With --json each hit is a line, and the last line is "
                  "{\"cursor\", \"more\", \"hits\"}.  Further commands: `platesieve hits verdict`.",
                  &input, argc, argv);
    code = identity_find(settings, "agency", &identity);
    if (code == CLIENT_OK) code = http_open(settings, HTTP_GATE, &identity, &gate);
    if (code == CLIENT_OK) {
        key = reference_key_open(identity.name.first, settings, false);
        code = pages(settings, gate, &options, key);
    }
    reference_key_close(key);
    http_close(gate);
    return code;
}
