/* platesieve hits webhook add|show|remove|test: where the gates carry the agency's hits. */
#include <time.h>

#include "client/hits/hits.h"
#include "client/http/problem.h"
#include "client/identity/name.h"
#include "client/moment.h"

#define TEST_WAIT_MS 30000
#define TEST_LOOK_MS 300

struct webhook_options {
    const char *name, *url, *after;
};

enum { OPTION_AFTER = 0x380 };

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct webhook_options *options = state->input;

    switch (key) {
    case OPTION_AFTER:
        if (!cursor_valid(argument)) argp_error(state, "this is no cursor");
        options->after = argument;
        return 0;
    case ARGP_KEY_ARG:
        if (options->name == NULL) options->name = option_name(state, "a webhook's name", argument);
        else if (options->url == NULL) options->url = argument;
        else argp_error(state, "too many arguments");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* -- printing ------------------------------------------------------------------------------------------------------ */

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text == NULL ? "" : text;
}

static void print_line(const char *name, const char *value)
{
    char shown[LIMIT_WEBHOOK_URL_BYTES + 1];

    if (*value == '\0') return;
    snprintf(shown, sizeof(shown), "%s", value);
    make_printable(shown);
    printf("  %-14s %s\n", name, shown);
}

static bool print_webhook(const struct settings *settings, json_t *hook)
{
    char number[32];

    if (settings->json) return print_json(json_incref(hook));
    printf("%s\n", text_of(hook, "webhook"));
    print_line("address", text_of(hook, "url"));
    print_line("secret", text_of(hook, "secret"));
    print_line("delivered", text_of(hook, "delivered_at"));
    print_line("cursor", text_of(hook, "cursor"));
    snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(json_object_get(hook, "lag")));
    print_line("behind by", number);
    if (json_is_string(json_object_get(hook, "failing_since"))) {
        snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(json_object_get(hook, "failures")));
        print_line("FAILING since", text_of(hook, "failing_since"));
        print_line("failures", number);
        print_line("last error", text_of(hook, "error"));
        print_line("next try", text_of(hook, "next_at"));
    }
    return true;
}

/* -- the commands -------------------------------------------------------------------------------------------------- */

struct asked {
    const struct settings *settings;
    struct http *gate;
    const struct webhook_options *options;
};

static void make_path(const struct asked *asked, const char *end, char path[LIMIT_URL_BYTES])
{
    snprintf(path, LIMIT_URL_BYTES, "/v1/webhooks/%s%s", asked->options->name, end);
}

static int add(const struct asked *asked)
{
    struct http_answer answer CLEANUP(http_answer_wipe) = { 0 };
    json_t *body = json_pack("{s:s, s:s*}", "url", asked->options->url, "after", asked->options->after), *hook;
    char *text = body == NULL ? NULL : json_dumps(body, JSON_COMPACT), path[LIMIT_URL_BYTES];
    struct http_request request = { .method = "PUT", .path = path, .body = text, .body_size = text == NULL ? 0 : strlen(text), .once = true };
    bool answered;

    json_decref(body);
    make_path(asked, "", path);
    answered = text != NULL && http_ask(asked->gate, &request, &answer);
    free(text);
    if (!answered) {
        say("no answer from the gate: %s", http_trouble(asked->gate));
        return CLIENT_UNREACHABLE;
    }
    if (answer.status != 200 && answer.status != 201) return problem_say(asked->gate, &answer);
    hook = http_answer_json(&answer);
    if (hook == NULL || !print_webhook(asked->settings, hook)) return CLIENT_FAILED;
    json_decref(hook);
    say("keep the secret now: it is not told again%s", answer.status == 200 ? "; the one before is no longer good" : "");
    return CLIENT_OK;
}

static int show(const struct asked *asked)
{
    char path[LIMIT_URL_BYTES] = "/v1/webhooks";
    struct http_request request = { .method = "GET", .path = path };
    json_t *json = NULL, *hook;
    size_t i;
    int code;

    if (asked->options->name != NULL) make_path(asked, "", path);
    code = http_ask_json(asked->gate, &request, 200, &json);
    if (code == CLIENT_OK && asked->options->name != NULL && !print_webhook(asked->settings, json)) code = CLIENT_FAILED;
    json_array_foreach(json_object_get(json, "webhooks"), i, hook)
        if (code == CLIENT_OK && !print_webhook(asked->settings, hook)) code = CLIENT_FAILED;
    json_decref(json);
    return code;
}

static int remove_it(const struct asked *asked)
{
    char path[LIMIT_URL_BYTES];
    struct http_request request = { .method = "DELETE", .path = path };

    make_path(asked, "", path);
    return http_ask_json(asked->gate, &request, 204, NULL);
}

/* Asks until a gate has tried. */
static int await_test(const struct asked *asked, json_t **hook)
{
    const int64_t until_ms = moment_monotonic_ms() + TEST_WAIT_MS;
    const struct timespec pause = { 0, TEST_LOOK_MS * 1000000L };
    char path[LIMIT_URL_BYTES];
    struct http_request request = { .method = "GET", .path = path };
    int code;

    make_path(asked, "", path);
    do {
        json_decref(*hook);
        nanosleep(&pause, NULL);
        code = http_ask_json(asked->gate, &request, 200, hook);
        if (code != CLIENT_OK || json_is_string(json_object_get(json_object_get(*hook, "test"), "at"))) return code;
    } while (moment_monotonic_ms() < until_ms);
    say("no gate has tried within %d s", TEST_WAIT_MS / 1000);
    return CLIENT_FAILED;
}

static int test(const struct asked *asked)
{
    char path[LIMIT_URL_BYTES];
    struct http_request request = { .method = "POST", .path = path, .body = "", .once = true };
    json_t *hook = NULL, *error;
    int code;

    make_path(asked, "/test", path);
    code = http_ask_json(asked->gate, &request, 202, &hook);
    if (code == CLIENT_OK) code = await_test(asked, &hook);
    error = json_object_get(json_object_get(hook, "test"), "error");
    if (code == CLIENT_OK && asked->settings->json && !print_json(json_incref(hook))) code = CLIENT_FAILED;
    if (code == CLIENT_OK && json_is_string(error)) {
        say("the receiver did not take it: %.64s", json_string_value(error));
        code = CLIENT_FAILED;
    } else if (code == CLIENT_OK && !asked->settings->json) {
        printf("the receiver has taken it\n");
    }
    json_decref(hook);
    return code;
}

static int run(struct settings *settings, struct webhook_options *options, int (*command)(const struct asked *asked))
{
    struct asked asked = { .settings = settings, .options = options };
    struct identity identity;
    int code = http_open_as(settings, "agency", &identity, &asked.gate);

    if (code == CLIENT_OK) code = finish_output(command(&asked));
    http_close(asked.gate);
    return code;
}

static int need(const char *what, bool there)
{
    if (!there) say("%s is missing", what);
    return there ? CLIENT_OK : CLIENT_USAGE;
}

static int webhook_add(struct settings *settings, int argc, char **argv)
{
    static const struct argp_option options[] = {
        { "after", OPTION_AFTER, "CURSOR", 0, "Begin after this one (with what comes from now on)", 0 }, { 0 }
    };
    struct webhook_options chosen = { 0 };
    struct command_input input = { settings, &chosen };

    command_parse(options, parse, "NAME URL",
                  "Has hits carried to URL, and prints the secret that they are signed with.\vAgain with the same name: another "
                  "address, another secret.",
                  &input, argc, argv);
    return need("NAME or URL", chosen.url != NULL) == CLIENT_OK ? run(settings, &chosen, add) : CLIENT_USAGE;
}

static int webhook_show(struct settings *settings, int argc, char **argv)
{
    struct webhook_options chosen = { 0 };
    struct command_input input = { settings, &chosen };

    command_parse((const struct argp_option[]){ { 0 } }, parse, "[NAME]", "Shows webhooks, how far behind they are, and why.", &input, argc, argv);
    return run(settings, &chosen, show);
}

static int webhook_remove(struct settings *settings, int argc, char **argv)
{
    struct webhook_options chosen = { 0 };
    struct command_input input = { settings, &chosen };

    command_parse((const struct argp_option[]){ { 0 } }, parse, "NAME", "Ends a webhook.", &input, argc, argv);
    return need("NAME", chosen.name != NULL) == CLIENT_OK ? run(settings, &chosen, remove_it) : CLIENT_USAGE;
}

static int webhook_test(struct settings *settings, int argc, char **argv)
{
    struct webhook_options chosen = { 0 };
    struct command_input input = { settings, &chosen };

    command_parse((const struct argp_option[]){ { 0 } }, parse, "NAME",
                  "Sends a delivery without hits, and says what came of it.", &input, argc, argv);
    return need("NAME", chosen.name != NULL) == CLIENT_OK ? run(settings, &chosen, test) : CLIENT_USAGE;
}

int command_hits_webhook(struct settings *settings, int argc, char **argv)
{
    static const struct command commands[] = {
        { "add", "have hits carried to an address", webhook_add },
        { "show", "show webhooks and how they do", webhook_show },
        { "remove", "end a webhook", webhook_remove },
        { "test", "send a delivery without hits", webhook_test },
        { NULL, NULL, NULL },
    };

    return command_dispatch(commands, "Webhooks: hits that come to the agency by themselves.", settings, argc, argv);
}
