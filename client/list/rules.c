/* platesieve list set, approve, refuse: a list's rules change while it stands; some changes take two people. */
#include <unistd.h>

#include "client/http/problem.h"
#include "client/list/list.h"
#include "client/list/rule_options.h"

#define VALUE_TEXT 512

/* -- what the gate says about a list ------------------------------------------------------------------------------- */

static int ask_list(struct http *gate, const char *list, json_t **json)
{
    char path[LIMIT_NAME_MAX + 32];
    const struct http_request request = { .method = "GET", .path = path };

    snprintf(path, sizeof(path), "/v1/lists/%s", list);
    return http_ask_json(gate, &request, 200, json);
}

/* A rule's value, fit for a terminal. */
static const char *value_text(json_t *value, char text[VALUE_TEXT])
{
    char *dumped = json_is_null(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);

    snprintf(text, VALUE_TEXT, "%s", dumped == NULL ? "never" : json_is_string(value) ? json_string_value(value) : dumped);
    free(dumped);
    make_printable(text);
    return text;
}

/* One line for each rule that changes. */
static void print_changes(json_t *changes, const char *indent)
{
    const char *name;
    json_t *change;

    json_object_foreach(changes, name, change) {
        char label[32], from[VALUE_TEXT], to[VALUE_TEXT];

        snprintf(label, sizeof(label), "%.30s", name);
        make_printable(label);
        printf("%s%s: %s -> %s\n", indent, label, value_text(json_object_get(change, "from"), from),
               value_text(json_object_get(change, "to"), to));
    }
}

static const char *text_of(json_t *json, const char *member, char text[LIMIT_IDENTITY_MAX + 1])
{
    const char *value = json_string_value(json_object_get(json, member));

    snprintf(text, LIMIT_IDENTITY_MAX + 1, "%s", value == NULL ? "?" : value);
    make_printable(text);
    return text;
}

void list_print_state(json_t *list)
{
    const char *state = json_string_value(json_object_get(list, "state"));

    if (state == NULL || strcmp(state, "in-force") == 0 || strcmp(state, "empty") == 0) puts("");
    else if (strcmp(state, "suspended") == 0) puts(", SUSPENDED");
    else puts(strcmp(state, "ended") == 0 ? ", ENDED" : ", NOT IN FORCE");
}

static void print_suspension(json_t *suspension)
{
    char by[LIMIT_IDENTITY_MAX + 1], at[LIMIT_IDENTITY_MAX + 1], why[VALUE_TEXT];

    printf("  %-12s by %s at %.19sZ: %s\n", "SUSPENDED", text_of(suspension, "by", by), text_of(suspension, "at", at),
           value_text(json_object_get(suspension, "why"), why));
}

static void print_refusal(json_t *refusal)
{
    char by[LIMIT_IDENTITY_MAX + 1], at[LIMIT_IDENTITY_MAX + 1], why[LIMIT_IDENTITY_MAX + 1];
    bool cap = strcmp(text_of(refusal, "why", why), "cap") == 0;

    printf("  %-12s a push of %s at %.19sZ: ", "REFUSED", text_of(refusal, "by", by), text_of(refusal, "at", at));
    if (cap) puts("it exceeds the cap; the list is as it was");
    else printf("%lld entries would have become %lld; the list is as it was\n", (long long)json_integer_value(json_object_get(refusal, "from")),
                (long long)json_integer_value(json_object_get(refusal, "to")));
}

void list_print_alarms(json_t *list)
{
    json_t *suspension = json_object_get(list, "suspension"), *refusal = json_object_get(list, "refusal");
    bool soon = json_is_true(json_object_get(list, "ends_soon"));
    char at[LIMIT_IDENTITY_MAX + 1];

    if (json_is_string(json_object_get(list, "ends_at")))
        printf("  %-12s %.19sZ%s\n", soon ? "ENDS SOON" : "ends", text_of(list, "ends_at", at), soon ? " (platesieve list set --ends)" : "");
    if (json_is_object(suspension)) print_suspension(suspension);
    if (json_is_object(refusal)) print_refusal(refusal);
}

void list_say_waiting(json_t *list)
{
    json_t *waiting = json_object_get(list, "waiting");
    char id[LIMIT_IDENTITY_MAX + 1], until[LIMIT_IDENTITY_MAX + 1];

    if (!json_is_object(waiting)) return;
    say("this is not in force: it waits for a second person of the agency until %.16sZ: platesieve list approve %s",
        text_of(waiting, "expires_at", until), text_of(list, "list", id));
}

void list_print_waiting(json_t *list)
{
    json_t *waiting = json_object_get(list, "waiting");
    char by[LIMIT_IDENTITY_MAX + 1], at[LIMIT_IDENTITY_MAX + 1], until[LIMIT_IDENTITY_MAX + 1];

    if (!json_is_object(waiting)) return;
    printf("  %-12s %s asked at %.19sZ for %s; a second person may approve it until %.19sZ\n", "WAITING", text_of(waiting, "asked_by", by),
           text_of(waiting, "asked_at", at), json_is_true(json_object_get(waiting, "new")) ? "this list" : "a change of its rules",
           text_of(waiting, "expires_at", until));
    print_changes(json_object_get(waiting, "changes"), "               ");
}

/* -- set ----------------------------------------------------------------------------------------------------------- */

struct set_options {
    const char *list;
    json_t *body;
};

static const struct argp_option set_options[] = {
    RULE_OPTIONS,
    { "no-calibration", RULE_OPTION_NO_CALIBRATION, NULL, 0, "No longer for lanes to try themselves with", 0 },
    { "open", RULE_OPTION_OPEN, NULL, 0, "No longer covert: lanes are told of hits", 0 },
    { "all-sites", RULE_OPTION_ALL_SITES, NULL, 0, "Use the list at all sites", 0 },
    { 0 },
};

static error_t set_parse(int key, char *argument, struct argp_state *state)
{
    struct set_options *options = state->input;

    switch (key) {
    case ARGP_KEY_ARG:
        list_argument(state, &options->list, argument);
        return 0;
    case ARGP_KEY_END:
        if (options->list == NULL) argp_error(state, "which list?");
        if (json_object_size(options->body) == 0) argp_error(state, "which rule shall change?");
        return 0;
    default: return rule_option(key, argument, state, options->body);
    }
}

/* What a change does not do, and what is left to do. */
static void say_consequences(json_t *list, json_t *changed)
{
    json_t *grade = json_object_get(changed, "grade"), *epochs = json_object_get(list, "epochs");
    bool uncovered = false;

    if (json_object_get(changed, "retention_days") != NULL)
        say("hits that are there keep the day on which they go; the new retention is for those to come");
    for (size_t i = 0; i < json_array_size(epochs); i++)
        uncovered = uncovered || !json_is_true(json_object_get(json_array_get(epochs, i), "covered"));
    if (grade != NULL && uncovered && json_integer_value(json_object_get(list, "entries")) > 0)
        say("the entries may lack tokens of the new grade: until the list is pushed again, lanes are told that it was asked in part");
}

/* A request that waited before the change, and does not any more. */
static void say_dropped(json_t *before, json_t *after)
{
    json_t *was = json_object_get(before, "waiting"), *is = json_object_get(after, "waiting");

    if (json_is_object(was) && (!json_is_object(is) || !json_equal(json_object_get(was, "request"), json_object_get(is, "request"))))
        say("what waited for a second person is asked for no more: if it is still wanted, ask for it again");
}

static int set_rules(const struct settings *settings, struct http *gate, struct set_options *options)
{
    struct http_answer answer CLEANUP(http_answer_wipe) = { 0 };
    char path[LIMIT_NAME_MAX + 32], *body;
    struct http_request request = { .method = "PUT", .path = path };
    json_t *before = NULL, *json, *changed;
    int code = ask_list(gate, options->list, &before);

    if (code != CLIENT_OK) return code;
    json_object_set(options->body, "rules_version", json_object_get(before, "rules_version"));
    snprintf(path, sizeof(path), "/v1/lists/%s", options->list);
    request.body = body = json_dumps(options->body, JSON_COMPACT);
    request.body_size = body == NULL ? 0 : strlen(body);
    if (!http_ask(gate, &request, &answer)) {
        say("no answer from the %s: %s", http_service_name(gate), http_trouble(gate));
        code = CLIENT_UNREACHABLE;
    } else if (answer.status != 200 && answer.status != 202) {
        code = problem_say(gate, &answer);
    }
    free(body);
    if (code != CLIENT_OK) {
        json_decref(before);
        return code;
    }
    json = http_answer_json(&answer);
    changed = json_object_get(json, "changed");
    if (settings->json) code = print_json(json_incref(json)) ? CLIENT_OK : CLIENT_FAILED;
    else if (json_object_size(changed) == 0 && answer.status == 200) printf("%s: nothing to change\n", options->list);
    else print_changes(changed, "");
    if (answer.status == 202) list_say_waiting(json);
    else say_consequences(json, changed);
    say_dropped(before, json);
    json_decref(before);
    json_decref(json);
    return code;
}

int command_list_set(struct settings *settings, int argc, char **argv)
{
    struct set_options options = { .body = json_object() };
    struct command_input input = { settings, &options };
    struct identity identity;
    struct http *gate = NULL;
    int code;

    command_parse(set_options, set_parse, "LIST",
                  "Changes rules of a list; all of what is said at once, in force at all gates within a second.\vTo become covert or near, and to end "
                  "later as one of these, takes the approval of a second person; until then nothing changes.",
                  &input, argc, argv);
    code = http_open_as(settings, "agency", &identity, &gate);
    if (code == CLIENT_OK) code = set_rules(settings, gate, &options);
    json_decref(options.body);
    http_close(gate);
    return code;
}

/* -- approve, refuse ----------------------------------------------------------------------------------------------- */

enum { OPTION_YES = 0x400 };

struct approve_options {
    const char *list;
    bool yes;
};

static const struct argp_option approve_options[] = {
    { "yes", OPTION_YES, NULL, 0, "Don't ask", 0 },
    { 0 },
};

static error_t approve_parse(int key, char *argument, struct argp_state *state)
{
    struct approve_options *options = state->input;

    switch (key) {
    case OPTION_YES: options->yes = true; return 0;
    case ARGP_KEY_ARG:
        list_argument(state, &options->list, argument);
        return 0;
    case ARGP_KEY_END:
        if (options->list == NULL) argp_error(state, "which list?");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static bool confirmed(void)
{
    char line[16] = "";

    if (!isatty(STDIN_FILENO)) {
        say("read what is asked for, and say --yes");
        return false;
    }
    fputs("Approve? [y/N] ", stderr);
    if (fgets(line, sizeof(line), stdin) == NULL) return false;
    return line[0] == 'y' || line[0] == 'Y';
}

static int approve(const struct settings *settings, struct http *gate, const struct approve_options *options)
{
    char path[LIMIT_NAME_MAX + 32];
    json_t *list = NULL, *waiting, *approved = NULL;
    int code = ask_list(gate, options->list, &list);

    if (code != CLIENT_OK) return code;
    waiting = json_object_get(list, "waiting");
    if (!json_is_object(waiting)) {
        say("nothing waits on %s", options->list);
        json_decref(list);
        return CLIENT_FAILED;
    }
    if (!settings->json && !list_print(list, false)) code = CLIENT_FAILED;
    if (code == CLIENT_OK && !options->yes && !confirmed()) code = CLIENT_FAILED;
    snprintf(path, sizeof(path), "/v1/lists/%s/approval", options->list);
    if (code == CLIENT_OK)
        code = http_send_json(gate, "POST", path, json_pack("{s:O}", "request", json_object_get(waiting, "request")), 200, &approved);
    if (code == CLIENT_OK && settings->json) code = print_json(json_incref(approved)) ? CLIENT_OK : CLIENT_FAILED;
    else if (code == CLIENT_OK) printf("%s: approved, and in force\n", options->list);
    json_decref(list);
    json_decref(approved);
    return code;
}

static int refuse(const struct settings *settings, struct http *gate, const struct approve_options *options)
{
    char path[LIMIT_NAME_MAX + 32];
    const struct http_request request = { .method = "DELETE", .path = path };
    struct http_answer answer CLEANUP(http_answer_wipe) = { 0 };

    snprintf(path, sizeof(path), "/v1/lists/%s/approval", options->list);
    if (!http_ask(gate, &request, &answer)) {
        say("no answer from the %s: %s", http_service_name(gate), http_trouble(gate));
        return CLIENT_UNREACHABLE;
    }
    if (answer.status == 404) {
        say("nothing waits on %s, or there is no such list", options->list);
        return CLIENT_FAILED;
    }
    if (answer.status != 204) return problem_say(gate, &answer);
    if (settings->json) return print_json(json_pack("{s:s, s:s}", "list", options->list, "done", "refused")) ? CLIENT_OK : CLIENT_FAILED;
    printf("%s: nothing waits any more\n", options->list);
    return CLIENT_OK;
}

static int run(struct settings *settings, const struct approve_options *options,
               int (*what)(const struct settings *, struct http *, const struct approve_options *))
{
    struct identity identity;
    struct http *gate = NULL;
    int code = http_open_as(settings, "agency", &identity, &gate);

    if (code == CLIENT_OK) code = what(settings, gate, options);
    http_close(gate);
    return code;
}

int command_list_approve(struct settings *settings, int argc, char **argv)
{
    struct approve_options options = { 0 };
    struct command_input input = { settings, &options };

    command_parse(approve_options, approve_parse, "LIST",
                  "Shows what another person of the agency asked for, and approves it: a covert or near list, or a change to one.", &input, argc,
                  argv);
    return run(settings, &options, approve);
}

int command_list_refuse(struct settings *settings, int argc, char **argv)
{
    struct approve_options options = { 0 };
    struct command_input input = { settings, &options };

    command_parse(NULL, approve_parse, "LIST", "Refuses what waits for a second person, or withdraws it.", &input, argc, argv);
    return run(settings, &options, refuse);
}
