/* platesieve list flags: the entries of a list that raise false alarms. */
#include "client/http/problem.h"
#include "client/import/reference.h"
#include "client/list/list.h"

struct flags_options {
    const char *list;
};

static error_t flags_parse(int key, char *argument, struct argp_state *state)
{
    struct flags_options *options = state->input;

    switch (key) {
    case ARGP_KEY_ARG:
        list_argument(state, &options->list, argument);
        return 0;
    case ARGP_KEY_END:
        if (options->list == NULL) argp_error(state, "of which list?");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static long long number_of(json_t *json, const char *member)
{
    return (long long)json_integer_value(json_object_get(json, member));
}

static void print_verdicts(const char *name, json_t *json)
{
    printf("%-34s  %9lld  %7lld  %8lld  %5lld\n", name, number_of(json, "confirmed"), number_of(json, "misread"),
           number_of(json, "wrong-jurisdiction"), number_of(json, "stale-entry"));
}

/* The grades that had hits at all. */
static void print_grades(json_t *grades)
{
    const char *grade;
    json_t *counts;

    json_object_foreach(grades, grade, counts) {
        char name[40];

        if (number_of(counts, "hits") == 0 && number_of(counts, "reads") == 0) continue;
        snprintf(name, sizeof(name), "all: %.8s, %lld hits", grade, number_of(counts, "hits"));
        make_printable(name);
        print_verdicts(name, counts);
    }
}

static void print_flag(json_t *flag)
{
    json_t *lanes = json_object_get(flag, "lanes"), *lane;
    char name[LIMIT_REFERENCE_MAX + 1];
    size_t i;

    snprintf(name, sizeof(name), "%s", json_string_value(json_object_get(flag, "reference")));
    make_printable(name);
    print_verdicts(name, flag);
    json_array_foreach(lanes, i, lane) {
        const char *site = json_string_value(json_object_get(lane, "site")), *at = json_string_value(json_object_get(lane, "lane"));
        char where[2 * LIMIT_NAME_MAX + 8];

        snprintf(where, sizeof(where), "  at %s/%s", site == NULL ? "" : site, at == NULL ? "" : at);
        make_printable(where);
        print_verdicts(where, lane);
    }
}

/* References in FLAGS are opened in place. */
static bool open_references(json_t *flags, const char *list, const struct reference_key *key)
{
    json_t *flag;
    size_t i;

    json_array_foreach(flags, i, flag) {
        const char *sent = json_string_value(json_object_get(flag, "reference"));
        struct reference reference;

        if (sent == NULL) return false;
        reference_open(key, list, sent, &reference);
        json_object_set_new(flag, "reference_sent", json_string(sent));
        json_object_set_new(flag, "reference", json_string(reference.text));
    }
    return true;
}

static int show_flags(const struct settings *settings, struct http *gate, const struct flags_options *options,
                      const struct reference_key *key)
{
    char path[LIMIT_NAME_MAX + 32];
    const struct http_request request = { .method = "GET", .path = path };
    json_t *json = NULL, *flags, *flag;
    size_t i;
    int code;

    snprintf(path, sizeof(path), "/v1/lists/%s/flags", options->list);
    code = http_ask_json(gate, &request, 200, &json);
    flags = json_object_get(json, "flags");
    if (code == CLIENT_OK && !open_references(flags, options->list, key)) {
        say("the gate sent flags that can't be read; is this program too old?");
        code = CLIENT_FAILED;
    }
    if (code == CLIENT_OK && settings->json) {
        code = print_json(json_incref(json)) ? CLIENT_OK : CLIENT_FAILED;
    } else if (code == CLIENT_OK) {
        printf("%-34s  %9s  %7s  %8s  %5s\n", "entry", "confirmed", "misread", "wrong j.", "stale");
        json_array_foreach(flags, i, flag) print_flag(flag);
        print_grades(json_object_get(json, "grades"));
        printf("%zu entr%s false alarms; what to do: correct the entry, or platesieve list suppress\n", json_array_size(flags),
               json_array_size(flags) == 1 ? "y raises" : "ies raise");
    }
    json_decref(json);
    return code;
}

int command_list_flags(struct settings *settings, int argc, char **argv)
{
    struct flags_options options = { 0 };
    struct command_input input = { settings, &options };
    struct reference_key *key = NULL;
    struct identity identity;
    struct http *gate = NULL;
    int code;

    command_parse(NULL, flags_parse, "LIST",
                  "Shows the entries of a list that keep raising false alarms, by verdict and by lane, the worst first.", &input,
                  argc, argv);
    code = http_open_as(settings, "agency", &identity, &gate);
    if (code == CLIENT_OK) {
        key = reference_key_open(identity.name.first, settings, false);
        code = show_flags(settings, gate, &options, key);
    }
    reference_key_close(key);
    http_close(gate);
    return code;
}
