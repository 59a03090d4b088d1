/* platesieve list create. */
#include "client/list/list.h"
#include "client/list/rule_options.h"

struct create_options {
    const char *list;
    json_t *body; /* what was said; the gate has defaults for the rest */
};

static const struct argp_option create_options[] = {
    RULE_OPTIONS,
    { 0 },
};

static error_t create_parse(int key, char *argument, struct argp_state *state)
{
    struct create_options *options = state->input;

    switch (key) {
    case ARGP_KEY_ARG:
        list_argument(state, &options->list, argument);
        return 0;
    case ARGP_KEY_END:
        if (options->list == NULL) argp_error(state, "what shall the list be called?");
        if (json_object_get(options->body, "category") == NULL)
            argp_error(state, "what is the list about? Give --category.");
        return 0;
    default: return rule_option(key, argument, state, options->body);
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

    command_parse(create_options, create_parse, "LIST",
                  "Creates an empty list of the agency.\vA covert or near list needs --ends, and the approval of a second person before it is in force "
                  "(platesieve list approve).",
                  &input, argc, argv);
    json_object_set_new(options.body, "list", json_string(options.list));
    code = http_open_as(settings, "agency", &identity, &gate);
    if (code == CLIENT_OK) code = http_send_json(gate, "POST", "/v1/lists", json_incref(options.body), 201, &json);
    if (code == CLIENT_OK && !list_print(json, settings->json)) code = CLIENT_FAILED;
    if (code == CLIENT_OK) list_say_waiting(json);
    json_decref(json);
    json_decref(options.body);
    http_close(gate);
    return code;
}
