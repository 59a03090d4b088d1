/* platesieve list create. */
#include "client/list.h"

enum {
    OPTION_CATEGORY = 0x300,
    OPTION_PRIORITY,
    OPTION_GRADE,
    OPTION_COVERT,
    OPTION_SITE,
    OPTION_COOLDOWN,
    OPTION_RETENTION,
    OPTION_INSTRUCTION,
    OPTION_AGE_LIMIT
};

#define AGE_LIMIT_S_MAX (366u * 86400u)

struct create_options {
    const char *list;
    json_t *body; /* what was said; the gate has defaults for the rest */
};

static const struct argp_option create_options[] = {
    { "category", OPTION_CATEGORY, "TEXT", 0, "What the list is about, such as stolen (required)", 0 },
    { "priority", OPTION_PRIORITY, "N", 0, "0 to 100; a lane shows higher ones first (50)", 0 },
    { "grade", OPTION_GRADE, "GRADE", 0, "Weakest match that counts: full, plate, similar or near (plate)", 0 },
    { "covert", OPTION_COVERT, NULL, 0, "The lane is not told of hits", 0 },
    { "site", OPTION_SITE, "SITE", 0, "Use the list at this site only; may be given again", 0 },
    { "cooldown", OPTION_COOLDOWN, "SECONDS", 0,
      "A plate read again in the same lane within this time is one hit (300)", 0 },
    { "retention", OPTION_RETENTION, "DAYS", 0, "Hits are kept this long (30)", 0 },
    { "instruction", OPTION_INSTRUCTION, "TEXT", 0, "What the officer at the lane is told", 0 },
    { "age-limit", OPTION_AGE_LIMIT, "SECONDS", 0,
      "Hits from a list older than this are marked for verification (86400)", 0 },
    { 0 },
};

static void set_text(struct argp_state *state, const char *member, const char *text, size_t max)
{
    struct create_options *options = state->input;

    if (strlen(text) > max) argp_error(state, "--%s takes at most %zu bytes", member, max);
    if (json_object_set_new(options->body, member, json_string(text)) != 0)
        argp_error(state, "--%s takes UTF-8", member);
}

static void set_number(struct argp_state *state, const char *member, const char *option, const char *text, unsigned max)
{
    struct create_options *options = state->input;

    json_object_set_new(options->body, member, json_integer((json_int_t)option_number(state, option, text, 0, max)));
}

static void add_site(struct argp_state *state, const char *site)
{
    struct create_options *options = state->input;
    json_t *sites = json_object_get(options->body, "sites");

    if (!name_part_valid(site)) argp_error(state, "a site's name is made of a-z, 0-9, -, _ and .");
    if (sites == NULL) {
        sites = json_array();
        json_object_set_new(options->body, "sites", sites);
    }
    json_array_append_new(sites, json_string(site));
}

static error_t create_parse(int key, char *argument, struct argp_state *state)
{
    struct create_options *options = state->input;
    enum platesieve_grade grade;

    switch (key) {
    case OPTION_CATEGORY: set_text(state, "category", argument, LIMIT_CATEGORY_MAX); return 0;
    case OPTION_INSTRUCTION: set_text(state, "instruction", argument, LIMIT_INSTRUCTION_MAX); return 0;
    case OPTION_PRIORITY: set_number(state, "priority", "--priority", argument, LIMIT_PRIORITY); return 0;
    case OPTION_COOLDOWN: set_number(state, "cooldown_s", "--cooldown", argument, LIMIT_COOLDOWN_S); return 0;
    case OPTION_RETENTION: set_number(state, "retention_days", "--retention", argument, LIMIT_RETENTION_DAYS); return 0;
    case OPTION_AGE_LIMIT: set_number(state, "age_limit_s", "--age-limit", argument, AGE_LIMIT_S_MAX); return 0;
    case OPTION_COVERT: json_object_set_new(options->body, "covert", json_true()); return 0;
    case OPTION_SITE: add_site(state, argument); return 0;
    case OPTION_GRADE:
        if (!platesieve_grade_parse(argument, &grade)) argp_error(state, "a grade is full, plate, similar or near");
        set_text(state, "grade", argument, LIMIT_NAME_MAX);
        return 0;
    case ARGP_KEY_ARG:
        if (options->list != NULL) argp_usage(state);
        if (!name_part_valid(argument)) argp_error(state, "a list's name is made of a-z, 0-9, -, _ and .");
        options->list = argument;
        return 0;
    case ARGP_KEY_END:
        if (options->list == NULL) argp_error(state, "what shall the list be called?");
        if (json_object_get(options->body, "category") == NULL)
            argp_error(state, "what is the list about? Give --category.");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

int command_list_create(struct settings *settings, int argc, char **argv)
{
    struct create_options options = { .body = json_object() };
    struct command_input input = { settings, &options };
    struct identity identity;
    struct http *gate = NULL;
    json_t *json = NULL;
    int code;

    command_parse(create_options, create_parse, "LIST", "Creates an empty list of the agency.", &input, argc, argv);
    json_object_set_new(options.body, "list", json_string(options.list));
    code = identity_find(settings, "agency", &identity);
    if (code == CLIENT_OK) code = http_open(settings, HTTP_GATE, &identity, &gate);
    if (code == CLIENT_OK) code = http_send_json(gate, "POST", "/v1/lists", json_incref(options.body), 201, &json);
    if (code == CLIENT_OK && !list_print(json, settings->json)) code = CLIENT_FAILED;
    json_decref(json);
    json_decref(options.body);
    http_close(gate);
    return code;
}
