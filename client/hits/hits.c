/* platesieve hits: what was found of an agency's lists. */
#include "client/base64.h"
#include "client/hits/hits.h"
#include "client/identity/name.h"
#include "client/moment.h"

enum { OPTION_LIST = 0x300, OPTION_AFTER, OPTION_LIMIT, OPTION_ALL, OPTION_PURPOSE, OPTION_FOLLOW,
       OPTION_SITE, OPTION_LANE, OPTION_GRADE, OPTION_COVERT, OPTION_VERDICT, OPTION_LANE_JUDGEMENT, OPTION_SINCE, OPTION_UNTIL,
       OPTION_REFERENCE, OPTION_CLEAR, OPTION_STATE, OPTION_NEW };

static const struct argp_option hits_options[] = {
    { "list", OPTION_LIST, "LIST", 0, "Only hits on this list", 0 },
    { "site", OPTION_SITE, "SITE", 0, "Only hits at this site", 0 },
    { "lane", OPTION_LANE, "LANE", 0, "Only hits at lanes of this name", 0 },
    { "grade", OPTION_GRADE, "GRADE", 0, "Only hits of this grade or a stronger one: full, plate, similar, near", 0 },
    { "covert", OPTION_COVERT, "yes|no", 0, "Only hits on covert lists; only on others", 0 },
    { "verdict", OPTION_VERDICT, "VERDICT", 0, "Only hits with this verdict, or `none`", 0 },
    { "lane-judgement", OPTION_LANE_JUDGEMENT, "WORD", 0, "Only hits of which the lane says so: a verdict, `acknowledged`, or `none`", 0 },
    { "since", OPTION_SINCE, "TIME", 0, "Only vehicles seen from then on (RFC 3339, or a date)", 0 },
    { "until", OPTION_UNTIL, "TIME", 0, "Only vehicles seen before", 0 },
    { "reference", OPTION_REFERENCE, "TEXT", 0, "Only hits on this entry of --list", 0 },
    { "clear-references", OPTION_CLEAR, NULL, 0, "The reference was pushed in clear", 0 },
    { "after", OPTION_AFTER, "CURSOR", 0, "Only what came after; the cursor is what an earlier call ended with", 0 },
    { "limit", OPTION_LIMIT, "N", 0, "Hits in one answer, at most 1000 (100)", 0 },
    { "all", OPTION_ALL, NULL, 0, "Go on until there are no more", 0 },
    { "follow", OPTION_FOLLOW, NULL, 0, "Go on, and show new ones as they come", 0 },
    { "new", OPTION_NEW, NULL, 0, "With --follow and without a cursor: only what comes from now on", 0 },
    { "state", OPTION_STATE, "FILE", 0, "Go on where the last run with this file ended, and keep the cursor there", 0 },
    { "purpose", OPTION_PURPOSE, "TEXT", 0, "Why you look, sent along; this version of the gate keeps no record of looks yet", 0 },
    { 0 },
};

/* A time as the protocol has it, in BUFFER. */
static const char *option_time(const struct argp_state *state, const char *argument, char buffer[MOMENT_TEXT])
{
    int64_t ms;

    if (!moment_parse(argument, &ms)) argp_error(state, "this is no time: 2026-11-22T01:30:00Z, or 2026-11-22");
    moment_print(ms, buffer);
    return buffer;
}

static const char *option_covert(const struct argp_state *state, const char *argument)
{
    const bool yes = strcmp(argument, "yes") == 0;

    if (!yes && strcmp(argument, "no") != 0) argp_error(state, "--covert takes yes or no");
    return yes ? "true" : "false";
}

static const char *option_line(const struct argp_state *state, const char *name, const char *argument)
{
    if (strlen(argument) > PURPOSE_MAX || !reference_valid(argument, strlen(argument)))
        argp_error(state, "%s takes one line of at most %d bytes", name, PURPOSE_MAX);
    return argument;
}

static bool parse_filter(int key, char *argument, const struct argp_state *state, struct hits_question *question)
{
    static char since[MOMENT_TEXT], until[MOMENT_TEXT];
    enum platesieve_grade grade;

    switch (key) {
    case OPTION_SITE: question->site = option_name(state, "a name", argument); return true;
    case OPTION_LANE: question->lane = option_name(state, "a name", argument); return true;
    case OPTION_GRADE:
        if (!platesieve_grade_parse(argument, &grade)) argp_error(state, "a grade is full, plate, similar or near");
        question->grade = argument;
        return true;
    case OPTION_COVERT: question->covert = option_covert(state, argument); return true;
    case OPTION_VERDICT: question->verdict = option_name(state, "a name", argument); return true;
    case OPTION_LANE_JUDGEMENT: question->lane_judgement = option_name(state, "a name", argument); return true;
    case OPTION_SINCE: question->since = option_time(state, argument, since); return true;
    case OPTION_UNTIL: question->until = option_time(state, argument, until); return true;
    case OPTION_REFERENCE: question->reference = option_line(state, "--reference", argument); return true;
    case OPTION_CLEAR: question->clear_reference = true; return true;
    default: return false;
    }
}

static void check_question(const struct argp_state *state, const struct hits_question *question)
{
    if (question->reference != NULL && question->list == NULL) argp_error(state, "--reference needs --list: together they name the entry");
    if (question->from_now && (!question->follow || question->cursor[0] != '\0'))
        argp_error(state, "--new goes with --follow, and without --after");
}

static error_t hits_parse(int key, char *argument, struct argp_state *state)
{
    struct hits_question *question = state->input;

    switch (key) {
    case OPTION_LIST: question->list = option_name(state, "a name", argument); return 0;
    case OPTION_AFTER:
        if (!cursor_valid(argument)) argp_error(state, "this is no cursor");
        memcpy(question->cursor, argument, strlen(argument) + 1);
        return 0;
    case OPTION_PURPOSE: question->purpose = option_line(state, "--purpose", argument); return 0;
    case OPTION_LIMIT: question->limit = (unsigned)option_number(state, "--limit", argument, 1, LIMIT_PAGE); return 0;
    case OPTION_ALL: question->all = true; return 0;
    case OPTION_FOLLOW: question->follow = true; return 0;
    case OPTION_NEW: question->from_now = true; return 0;
    case OPTION_STATE: question->state = argument; return 0;
    case ARGP_KEY_END: check_question(state, question); return 0;
    default: return parse_filter(key, argument, state, question) ? 0 : ARGP_ERR_UNKNOWN;
    }
}

bool hit_id_valid(const char *text)
{
    uint8_t id[PLATESIEVE_HIT_ID_BYTES];

    return strlen(text) == PLATESIEVE_TOKEN_TEXT && base64_parse(text, id, sizeof(id));
}

/* A long option of an id's length without a value: `--` and then no digit, no capital, no other line than `-`. */
static bool looks_like_option(const char *text)
{
    return strncmp(text, "--", 2) == 0 && strspn(text + 2, "abcdefghijklmnopqrstuvwxyz-") == strlen(text + 2);
}

const char *hits_take_dashed_id(int *argc, char **argv)
{
    for (int i = 1; i < *argc && strcmp(argv[i], "--") != 0; i++) {
        const char *id = argv[i];

        if (id[0] != '-' || !hit_id_valid(id) || looks_like_option(id)) continue;
        memmove(&argv[i], &argv[i + 1], (size_t)(*argc - i) * sizeof(*argv)); /* with the NULL at the end */
        --*argc;
        return id;
    }
    return NULL;
}

/* -- pages --------------------------------------------------------------------------------------------------------- */

/* One answer.  *shown is how many hits it held; *more whether the gate has others. */
static int page(const struct settings *settings, struct http *gate, struct hits_question *question, const char *filters,
                const struct reference_key *key, size_t *shown, bool *more)
{
    char path[LIMIT_URL_BYTES], header[PURPOSE_MAX + 32];
    struct http_request request = { .method = "GET", .path = path };
    json_t *json = NULL, *hits;
    const char *cursor;
    int code;

    *shown = 0;
    *more = false;
    snprintf(path, sizeof(path), "/v1/hits?limit=%u%s%s%s", question->limit, question->cursor[0] == '\0' ? "" : "&after=",
             question->cursor, filters);
    if (question->purpose != NULL) {
        snprintf(header, sizeof(header), "Platesieve-Purpose: %s", question->purpose);
        request.header = header;
    }
    code = http_ask_json(gate, &request, 200, &json);
    if (code != CLIENT_OK) return code;
    hits = json_object_get(json, "hits");
    for (; *shown < json_array_size(hits) && code == CLIENT_OK; ++*shown)
        if (!hit_print(json_array_get(hits, *shown), key, settings->json)) code = CLIENT_FAILED;
    cursor = json_string_value(json_object_get(json, "cursor"));
    if (code == CLIENT_OK && (cursor == NULL || !cursor_valid(cursor))) code = CLIENT_FAILED;
    if (code == CLIENT_OK) memcpy(question->cursor, cursor, strlen(cursor) + 1);
    else if (!ferror(stdout)) say("the gate sent hits that can't be read; is this program too old?");
    *more = json_is_true(json_object_get(json, "more"));
    json_decref(json);
    return code;
}

static int pages(const struct settings *settings, struct http *gate, struct hits_question *question,
                 const struct reference_key *key, size_t *total, bool *more)
{
    char filters[LIMIT_URL_BYTES / 2];
    size_t shown;
    int code = hits_query(question, key, filters, sizeof(filters));

    if (code != CLIENT_OK) return code;
    do {
        code = page(settings, gate, question, filters, key, &shown, more);
        *total += shown;
        (void)fflush(stdout);
    } while (code == CLIENT_OK && question->all && *more);
    return code;
}

/* The last line: where to go on. */
static int conclude(const struct settings *settings, const struct hits_question *question, size_t total, bool more)
{
    if (settings->json)
        return print_json(json_pack("{s:s, s:b, s:I}", "cursor", question->cursor, "more", (int)more, "hits",
                                    (json_int_t)total))
                   ? CLIENT_OK
                   : CLIENT_FAILED;
    printf("%zu hit%s%s; what comes after: --after %s\n", total, total == 1 ? "" : "s",
           more ? ", and there are more (--all)" : "", question->cursor);
    if (total == 0 && question->reference != NULL && !question->clear_reference)
        say("this was looked for as a sealed reference; for one that was pushed in clear add --clear-references");
    return CLIENT_OK;
}

static int show(const struct settings *settings, struct http *gate, struct hits_question *question, const char *agency)
{
    struct reference_key *key = reference_key_open(agency, settings, false);
    size_t total = 0;
    bool more = false;
    int code = hits_state_read(question, agency);

    if (code == CLIENT_OK && !settings->json) hit_print_heading();
    if (code == CLIENT_OK)
        code = question->follow ? hits_follow(settings, gate, question, agency, key, &total)
                                : pages(settings, gate, question, key, &total, &more);
    if (code == CLIENT_OK) code = finish_output(conclude(settings, question, total, more));
    if (code == CLIENT_OK && !hits_state_write(question, agency)) code = CLIENT_FAILED; /* what was shown, was */
    reference_key_close(key);
    return code;
}

static const struct command hits_commands[] = {
    { "evidence", "open the pictures of a hit", command_hits_evidence },
    { "verdict", "say what a hit turned out to be", command_hits_verdict },
    { "webhook", "have hits carried to an address of the agency", command_hits_webhook },
    { NULL, NULL, NULL },
};

int command_hits(struct settings *settings, int argc, char **argv)
{
    const struct command *row = command_named(hits_commands, argc, argv);
    struct hits_question question = { .limit = LIMIT_PAGE_DEFAULT };
    struct command_input input = { settings, &question };
    struct identity identity;
    struct http *gate = NULL;
    int code;

    if (row != NULL) return command_run_named(row, settings, argc, argv);
    command_parse(hits_options, hits_parse, NULL,
                  "Shows the hits on the agency's lists, oldest first.\vReferences are opened where the agency's key "
                  "is at hand; where an entry had "
                  "none, a short stable id stands instead.  With --json each hit is a line, and the last line is "
                  "{\"cursor\", \"more\", \"hits\"}.  Further commands: `platesieve hits evidence`, `platesieve hits verdict`, "
                  "`platesieve hits webhook`.",
                  &input, argc, argv);
    code = http_open_as(settings, "agency", &identity, &gate);
    if (code == CLIENT_OK) code = show(settings, gate, &question, identity.name.first);
    http_close(gate);
    return code;
}
