/* platesieve registry: whom gates and key servers admit.  Each daemon has its own operators and its own list of names, so
   every one of them is asked for itself. */
#include "client/http/http.h"
#include "client/http/problem.h"

enum at { AT_ALL, AT_GATE, AT_KEYS };

struct registry_options {
    enum at at;
    const char *quota; /* NULL: that of the role */
    json_t *rights;    /* of agencies' names; NULL: all, or those that a name has */
    char **names;
    size_t count;
};

/* One kind of server, and as whom it is asked. */
struct place {
    const struct settings *settings;
    const struct registry_options *options;
    enum http_service service;
    struct identity identity;
    struct http *http;
};

/* What is done with one name at one server; returns an exit code and says what is wrong. */
typedef int (*place_fn)(struct place *place, const char *name);

static const char *word_for(enum http_service service)
{
    return service == HTTP_GATE ? "gate" : "keys";
}

/* -- asking one server --------------------------------------------------------------------------------------------- */

static int no_answer(const struct place *place)
{
    say("no answer from the %s: %s", http_service_name(place->http), http_trouble(place->http));
    return CLIENT_UNREACHABLE;
}

static int refused(const struct place *place, const char *name, const struct http_answer *answer)
{
    say("%s%s%s:", http_server_url(place->http), name == NULL ? "" : ", ", name == NULL ? "" : name);
    return problem_say(place->http, answer);
}

static int done(const struct place *place, const char *name, const char *what)
{
    const char *url = http_server_url(place->http);

    if (!place->settings->json) return printf("%s: %s %s\n", url, what, name) < 0 ? CLIENT_FAILED : CLIENT_OK;
    return print_json(json_pack("{s:s, s:s, s:s, s:s}", "server", word_for(place->service), "url", url, "name", name, "done", what))
               ? CLIENT_OK
               : CLIENT_FAILED;
}

static int add_one(struct place *place, const char *name)
{
    struct http_answer answer CLEANUP(http_answer_wipe) = { 0 };
    char path[LIMIT_IDENTITY_MAX + 32], *body;
    struct http_request request = { .method = "PUT", .path = path };
    json_t *json = json_pack("{s:s*, s:O*}", "quota", place->options->quota, "rights", place->options->rights);
    bool answered;

    snprintf(path, sizeof(path), "/v1/identities/%s", name);
    request.body = body = json_dumps(json, JSON_COMPACT);
    request.body_size = body == NULL ? 0 : strlen(body);
    answered = http_ask_here(place->http, &request, &answer);
    free(body);
    json_decref(json);
    if (!answered) return no_answer(place);
    if (answer.status == 201) return done(place, name, "registered");
    if (answer.status == 200) return done(place, name, "changed");
    if (answer.status == 400 && place->options->quota != NULL)
        say("%s has no quota profile %s for this role in its settings", http_server_url(place->http), place->options->quota);
    return refused(place, name, &answer);
}

static int remove_one(struct place *place, const char *name)
{
    struct http_answer answer CLEANUP(http_answer_wipe) = { 0 };
    char path[LIMIT_IDENTITY_MAX + 32];
    const struct http_request request = { .method = "DELETE", .path = path };

    snprintf(path, sizeof(path), "/v1/identities/%s", name);
    if (!http_ask_here(place->http, &request, &answer)) return no_answer(place);
    return answer.status == 204 ? done(place, name, "removed") : refused(place, name, &answer);
}

/* What the server wrote, made safe for a terminal. */
static const char *text_of(json_t *json, const char *member, char out[LIMIT_IDENTITY_MAX + 1])
{
    const char *text = json_string_value(json_object_get(json, member));

    snprintf(out, LIMIT_IDENTITY_MAX + 1, "%s", text == NULL ? "-" : text);
    make_printable(out);
    return out;
}

/* "12%" of today's quota, or nothing where there is none. */
static const char *use_of(json_t *json, char use[16])
{
    json_t *percent = json_object_get(json_object_get(json, "use"), "percent");

    if (json_is_integer(percent)) snprintf(use, 16, "%lld%%", (long long)json_integer_value(percent) % 1000);
    else use[0] = '\0';
    return use;
}

/* "push,view"; "-" for a name that can have none. */
static const char *rights_of(json_t *json, char text[LIMIT_NAME_MAX])
{
    json_t *rights = json_object_get(json, "rights");
    size_t used = 0;

    snprintf(text, LIMIT_NAME_MAX, "-");
    for (size_t i = 0; i < json_array_size(rights) && used < LIMIT_NAME_MAX - 12; i++) {
        const char *word = json_string_value(json_array_get(rights, i));

        used += (size_t)snprintf(text + used, LIMIT_NAME_MAX - used, "%s%.10s", i == 0 ? "" : ",", word == NULL ? "?" : word);
    }
    make_printable(text);
    return text;
}

static void print_identities(const struct place *place, json_t *identities)
{
    printf("%s %s: %zu name(s)\n", http_service_name(place->http), http_server_url(place->http),
           json_array_size(identities));
    for (size_t i = 0; i < json_array_size(identities); i++) {
        json_t *one = json_array_get(identities, i);
        char name[LIMIT_IDENTITY_MAX + 1], quota[LIMIT_IDENTITY_MAX + 1], since[LIMIT_IDENTITY_MAX + 1], by[LIMIT_IDENTITY_MAX + 1];
        char use[16], rights[LIMIT_NAME_MAX];

        printf("  %-36s %-10s %-17s %4s %.19s %s\n", text_of(one, "name", name), text_of(one, "quota", quota), rights_of(one, rights),
               use_of(one, use), text_of(one, "since", since), text_of(one, "by", by));
    }
}

static int list_all(struct place *place, const char *name)
{
    const struct http_request request = { .method = "GET", .path = "/v1/identities" };
    struct http_answer answer CLEANUP(http_answer_wipe) = { 0 };
    json_t *json, *identities;
    bool printed = true;

    (void)name;
    if (!http_ask_here(place->http, &request, &answer)) return no_answer(place);
    if (answer.status != 200) return refused(place, NULL, &answer);
    json = http_answer_json(&answer);
    identities = json_object_get(json, "identities");
    if (!json_is_array(identities)) {
        json_decref(json);
        say("%s sent an answer that can't be read", http_server_url(place->http));
        return CLIENT_FAILED;
    }
    if (place->settings->json)
        printed = print_json(json_pack("{s:s, s:s, s:O}", "server", word_for(place->service), "url", http_server_url(place->http),
                                       "identities", identities));
    else print_identities(place, identities);
    json_decref(json);
    return printed ? CLIENT_OK : CLIENT_FAILED;
}

/* -- asking all of them -------------------------------------------------------------------------------------------- */

/* Where every server is asked, a name goes to those that have a use for its role. */
static bool fits(const struct place *place, const char *text)
{
    struct name name;

    if (place->options->at != AT_ALL || !name_parse(text, &name)) return true;
    if (strcmp(name.role, "node") == 0) /* the CA's machine collects at gates; gates ask key servers */
        return place->service == (strcmp(name.first, "ca") == 0 ? HTTP_GATE : HTTP_KEYS);
    if (strcmp(name.role, "operator") == 0) return strcmp(name.first, word_for(place->service)) == 0;
    return true;
}

static int ask_server(struct place *place, place_fn ask, size_t *asked)
{
    int code = CLIENT_OK;

    if (place->options->count == 0) {
        ++*asked;
        return ask(place, NULL);
    }
    for (size_t i = 0; i < place->options->count && code != CLIENT_UNREACHABLE; i++) {
        int one;

        if (!fits(place, place->options->names[i])) continue;
        ++*asked;
        one = ask(place, place->options->names[i]);
        if (code == CLIENT_OK || one == CLIENT_UNREACHABLE) code = one;
    }
    return code;
}

static int ask_place(struct place *place, const char *kind, place_fn ask, size_t *asked)
{
    int code = identity_find(place->settings, kind, &place->identity);

    if (code != CLIENT_OK) return code;
    code = http_open(place->settings, place->service, &place->identity, &place->http);
    for (size_t i = 0; place->http != NULL && i < http_server_count(place->http); i++) {
        int one;

        http_use_server(place->http, i);
        one = ask_server(place, ask, asked);
        if (code == CLIENT_OK) code = one;
    }
    http_close(place->http);
    return code;
}

/* The role under which servers of this kind may be asked here, or NULL. */
static const char *kind_for(const struct settings *settings, enum http_service service, bool looking)
{
    const char *urls = service == HTTP_GATE ? settings->gates : settings->keys;
    const char *operator_kind = service == HTTP_GATE ? "operator/gate" : "operator/keys";

    if (urls == NULL || urls[0] == '\0') return NULL;
    if (identity_fits(settings, operator_kind)) return operator_kind;
    return looking && identity_fits(settings, "auditor") ? "auditor" : NULL;
}

static int ask_all(const struct settings *settings, const struct registry_options *options, place_fn ask)
{
    const enum http_service services[] = { HTTP_GATE, HTTP_KEYS };
    size_t asked = 0, places = 0;
    int code = CLIENT_OK;

    for (size_t i = 0; i < ARRAY_LENGTH(services); i++) {
        struct place place = { .settings = settings, .options = options, .service = services[i] };
        const char *kind = kind_for(settings, services[i], ask == list_all);
        int one;

        if (options->at == (services[i] == HTTP_GATE ? AT_KEYS : AT_GATE) || kind == NULL) continue;
        places++;
        one = ask_place(&place, kind, ask, &asked);
        if (code == CLIENT_OK) code = one;
    }
    if (places == 0) {
        say("nobody to ask: this takes an operator (--as, PLATESIEVE_PKI) and an address (PLATESIEVE_GATE, PLATESIEVE_KEYS)");
        return CLIENT_USAGE;
    }
    if (code != CLIENT_OK || asked > 0) return code;
    say("no server that can be asked here has a use for this role");
    return CLIENT_USAGE;
}

/* -- the command line ---------------------------------------------------------------------------------------------- */

enum { OPTION_AT = 0x200, OPTION_QUOTA, OPTION_RIGHTS };

static const struct argp_option at_options[] = {
    { "at", OPTION_AT, "WHICH", 0, "Only at the gates (gate), or only at the key servers (keys)", 0 },
    { 0 },
};

static const struct argp_option add_options[] = {
    { "at", OPTION_AT, "WHICH", 0, "Only at the gates (gate), or only at the key servers (keys)", 0 },
    { "quota", OPTION_QUOTA, "PROFILE", 0, "The quota profile; default: that of the name's role", 0 },
    { "rights", OPTION_RIGHTS, "RIGHTS", 0, "What a name of an agency may do, of push,view,decrypt; default: all of it", 0 },
    { 0 },
};

static void take_at(struct registry_options *options, const char *text, const struct argp_state *state)
{
    if (strcmp(text, "gate") == 0) options->at = AT_GATE;
    else if (strcmp(text, "keys") == 0) options->at = AT_KEYS;
    else argp_error(state, "--at takes gate or keys");
}

static void take_rights(struct registry_options *options, const char *text, const struct argp_state *state)
{
    static const char *const words[] = { "push", "view", "decrypt" };
    char copy[32], *rest = copy;
    size_t found = 0;

    json_decref(options->rights);
    options->rights = json_array();
    if (snprintf(copy, sizeof(copy), "%s", text) >= (int)sizeof(copy)) argp_error(state, "--rights takes some of push,view,decrypt");
    for (const char *word = strtok_r(copy, ",", &rest); word != NULL; word = strtok_r(NULL, ",", &rest)) {
        size_t i = 0;

        while (i < ARRAY_LENGTH(words) && strcmp(words[i], word) != 0) i++;
        if (i == ARRAY_LENGTH(words) || (found & 1u << i) != 0) argp_error(state, "--rights takes some of push,view,decrypt, each once");
        found |= 1u << i;
        (void)json_array_append_new(options->rights, json_string(word));
    }
    if (found == 0) argp_error(state, "--rights takes some of push,view,decrypt");
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct registry_options *options = state->input;
    struct name name;

    switch (key) {
    case OPTION_AT: take_at(options, argument, state); return 0;
    case OPTION_QUOTA:
        if (!name_part_valid(argument)) argp_error(state, "--quota takes the name of a profile");
        options->quota = argument;
        return 0;
    case OPTION_RIGHTS: take_rights(options, argument, state); return 0;
    case ARGP_KEY_ARG:
        if (!name_parse(argument, &name) || strcmp(name.role, "evidence") == 0)
            argp_error(state, "a name is reader/<site>/<lane>, agency/<agency>/<user>, operator/gate/<user>, operator/keys/<user>, "
                              "auditor/<user> or node/<name>");
        if (options->count++ == 0) options->names = &state->argv[state->next - 1]; /* argp has put the options before them */
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse_list(int key, char *argument, struct argp_state *state)
{
    if (key != OPTION_AT) return ARGP_ERR_UNKNOWN;
    take_at(state->input, argument, state);
    return 0;
}

static int run(struct settings *settings, const struct registry_options *options, place_fn ask)
{
    if (options->count == 0) {
        say("which name?");
        return CLIENT_USAGE;
    }
    for (size_t i = 0; i < options->count && options->rights != NULL; i++) {
        if (strncmp(options->names[i], "agency/", strlen("agency/")) == 0) continue;
        say("%s: only names of agencies have rights", options->names[i]);
        return CLIENT_USAGE;
    }
    return ask_all(settings, options, ask);
}

static int registry_add(struct settings *settings, int argc, char **argv)
{
    struct registry_options options = { .at = AT_ALL };
    struct command_input input = { settings, &options };
    int code;

    command_parse(add_options, parse_option, "NAME...",
                  "Admits names, or gives them another quota profile or other rights: at every gate as operator/gate/..., and at every key server as "
                  "operator/keys/..., as far as these identities are at hand and a name's role has something to ask there.",
                  &input, argc, argv);
    code = run(settings, &options, add_one);
    json_decref(options.rights);
    return code;
}

static int registry_remove(struct settings *settings, int argc, char **argv)
{
    struct registry_options options = { .at = AT_ALL };
    struct command_input input = { settings, &options };

    command_parse(at_options, parse_option, "NAME...",
                  "Shuts names out, at every gate and key server where this is an operator; open connections end as well.", &input,
                  argc, argv);
    return run(settings, &options, remove_one);
}

static int registry_list(struct settings *settings, int argc, char **argv)
{
    struct registry_options options = { .at = AT_ALL };
    struct command_input input = { settings, &options };

    command_parse(at_options, parse_list, NULL,
                  "Shows the names that each gate and key server admits, to its operators and to auditors.\vWith --json each server is a "
                  "line, {\"server\", \"url\", \"identities\"}.",
                  &input, argc, argv);
    return ask_all(settings, &options, list_all);
}

int command_registry(struct settings *settings, int argc, char **argv)
{
    static const struct command commands[] = {
        { "list", "show whom gates and key servers admit", registry_list },
        { "add", "admit names", registry_add },
        { "remove", "shut names out", registry_remove },
        { NULL, NULL, NULL },
    };

    return command_dispatch(commands, "Who is admitted.  Each gate and each key server has its own list of names.", settings, argc, argv);
}
