/* platesieve keys rotate: how the key servers are, and whether they can be told the same. */
#include "client/http/problem.h"
#include "client/keys/rotate.h"

#define CLOCKS_APART_MS 2000     /* more is said */
#define CLOCKS_APART_MAX_MS 30000 /* more is refused: epochs would not be open at the same time */

static int ask_status(struct rotate *rotate, size_t number)
{
    const struct http_request request = { .method = "GET", .path = "/v1/status", .timeout_ms = ROTATE_TIMEOUT_MS };
    struct http_answer answer CLEANUP(http_answer_wipe) = { 0 };
    struct server *server = &rotate->servers[number];
    const char *now;
    int64_t now_ms;

    http_use_server(rotate->http, number);
    if (!http_ask_here(rotate->http, &request, &answer)) {
        say("no answer from the key server: %s", http_trouble(rotate->http));
        return CLIENT_UNREACHABLE;
    }
    if (answer.status != 200) return problem_say(rotate->http, &answer);
    server->status = http_answer_json(&answer);
    if (json_unpack(server->status, "{s:s}", "now", &now) != 0 || !moment_parse(now, &now_ms)) {
        say("the key server %s sent an answer that can't be read", http_server_url(rotate->http));
        return CLIENT_FAILED;
    }
    server->clock_ms = now_ms - moment_now_ms();
    return CLIENT_OK;
}

/* Epochs that one opens and the other not would be closed for every lane. */
static int check_clocks(const struct rotate *rotate)
{
    int64_t least = INT64_MAX, most = INT64_MIN;

    for (size_t i = 0; i < rotate->count; i++) {
        if (rotate->servers[i].clock_ms < least) least = rotate->servers[i].clock_ms;
        if (rotate->servers[i].clock_ms > most) most = rotate->servers[i].clock_ms;
    }
    if (most - least <= CLOCKS_APART_MS) return CLIENT_OK;
    say("the clocks of the key servers are %lld s apart", (long long)(most - least) / 1000);
    return most - least <= CLOCKS_APART_MAX_MS ? CLIENT_OK : CLIENT_FAILED;
}

static const char *ceremony_of(const struct server *server)
{
    const char *name = json_string_value(json_object_get(json_object_get(server->status, "share"), "ceremony"));

    return name == NULL ? "none" : name;
}

/* Shares of different ceremonies make no key together, and of a new epoch nobody could tell whose are the right ones. */
static int check_ceremonies(const struct rotate *rotate)
{
    bool differ = false;

    for (size_t i = 1; i < rotate->count; i++)
        differ = differ || strcmp(ceremony_of(&rotate->servers[i]), ceremony_of(&rotate->servers[0])) != 0;
    for (size_t i = 0; differ && i < rotate->count; i++) {
        char name[32];

        snprintf(name, sizeof(name), "%s", ceremony_of(&rotate->servers[i]));
        make_printable(name);
        http_use_server(rotate->http, i);
        say("key server %s is of ceremony %s", http_server_url(rotate->http), name);
    }
    if (differ) say("they would make no key together: give them the shares of one ceremony");
    return differ ? CLIENT_FAILED : CLIENT_OK;
}

int rotate_ask_all(struct rotate *rotate)
{
    int code = CLIENT_OK;

    rotate->count = http_server_count(rotate->http);
    for (size_t i = 0; i < rotate->count; i++) {
        const int one = ask_status(rotate, i);

        if (code == CLIENT_OK) code = one;
    }
    if (code == CLIENT_OK) code = check_clocks(rotate);
    if (code == CLIENT_OK) code = check_ceremonies(rotate);
    if (code != CLIENT_OK) say("nothing was changed; leave a key server that is lost for good out of --keys");
    return code;
}
