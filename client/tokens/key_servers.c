#include "client/tokens/key_servers.h"

#include <pthread.h>

#include "client/http/over_quota.h"
#include "client/http/problem.h"
#include "client/moment.h"

#define DEADLINE_MS 1000u
#define DEADLINE_LAST_MS 10000u
#define GONE_GRACE_MS 2000 /* a rotation reaches one server after the other */

struct key_servers {
    bool must_share;
    unsigned deadline_ms, deadline_last_ms;
    struct share_book *book;
    pthread_mutex_t mutex;
    bool away[HTTP_SERVERS_MAX];         /* as somebody found who asks for their health */
    size_t preferred;                    /* the one that answered last */
    int64_t failed_ms[HTTP_SERVERS_MAX]; /* monotonic; 0: never, or it has answered since */
    int64_t over_ms[HTTP_SERVERS_MAX];   /* monotonic; until when our quota is used up there; 0: it is not */
    int64_t told_ms[HTTP_SERVERS_MAX];   /* when a failure was said; 0: never */
    enum key_outcome told[HTTP_SERVERS_MAX];
    int64_t gone_first_ms[HTTP_SERVERS_MAX], gone_last_ms[HTTP_SERVERS_MAX]; /* called an epoch over that is not */
    int64_t too_few_ms; /* when it was said that two must answer; 0: never */
};

struct key_servers *key_servers_create(const struct settings *settings)
{
    struct key_servers *servers = calloc(1, sizeof(*servers));

    if (servers != NULL) servers->book = share_book_create();
    if (servers == NULL || servers->book == NULL) {
        say("out of memory");
        free(servers);
        return NULL;
    }
    pthread_mutex_init(&servers->mutex, NULL);
    servers->must_share = settings->shared_keys;
    key_servers_set_deadlines(servers, DEADLINE_MS, DEADLINE_LAST_MS);
    return servers;
}

void key_servers_destroy(struct key_servers *servers)
{
    if (servers == NULL) return;
    pthread_mutex_destroy(&servers->mutex);
    share_book_destroy(servers->book);
    free(servers);
}

void key_servers_set_deadlines(struct key_servers *servers, unsigned deadline_ms, unsigned deadline_last_ms)
{
    servers->deadline_ms = deadline_ms;
    servers->deadline_last_ms = deadline_last_ms;
}

void key_servers_deadlines(const struct key_servers *servers, struct key_question *question)
{
    question->deadline_ms = servers->deadline_ms;
    question->deadline_last_ms = servers->deadline_last_ms;
}

bool key_servers_must_share(const struct key_servers *servers)
{
    return servers->must_share;
}

struct share_book *key_servers_book(struct key_servers *servers)
{
    return servers->book;
}

int key_outcome_exit(enum key_outcome outcome)
{
    if (outcome == KEY_DONE) return CLIENT_OK;
    if (outcome == KEY_LATER) return CLIENT_UNREACHABLE;
    return outcome == KEY_REFUSED ? CLIENT_REFUSED : CLIENT_FAILED;
}

/* -- who is asked first -------------------------------------------------------------------------------------------- */

static bool recent(int64_t since_ms, int64_t now_ms)
{
    return since_ms != 0 && now_ms - since_ms < KEY_SERVERS_PASSED_OVER_S * 1000;
}

struct order {
    size_t count, good, there; /* the first GOOD did not fail lately, the first THERE are not known to be away */
    size_t list[HTTP_SERVERS_MAX];
};

/* The one that answered last and those behind it, then those that failed lately, then those that are away. */
static void put_in_order(struct key_servers *servers, size_t count, struct order *order)
{
    const int64_t now_ms = moment_monotonic_ms();

    *order = (struct order) { 0 };
    pthread_mutex_lock(&servers->mutex);
    for (unsigned pass = 0; pass < 3; pass++) {
        for (size_t i = 0; i < count; i++) {
            const size_t number = (servers->preferred + i) % count;
            const unsigned rank = servers->away[number] ? 2 : recent(servers->failed_ms[number], now_ms) ? 1 : 0;

            if (rank == pass) order->list[order->count++] = number;
        }
        if (pass == 0) order->good = order->count;
        if (pass == 1) order->there = order->count;
    }
    pthread_mutex_unlock(&servers->mutex);
}

/* The last that did not fail may take longer; or the last that is there, when all did. */
static unsigned deadline_of(const struct order *order, size_t number, const struct key_question *question)
{
    const bool last = number + 1 == (order->good > 0 ? order->good : order->there);

    return last ? question->deadline_last_ms : question->deadline_ms;
}

bool key_servers_failed(struct key_servers *servers, size_t at)
{
    bool failed;

    pthread_mutex_lock(&servers->mutex);
    failed = servers->away[at] || recent(servers->failed_ms[at], moment_monotonic_ms());
    pthread_mutex_unlock(&servers->mutex);
    return failed;
}

static void note_answer(struct key_servers *servers, size_t number)
{
    pthread_mutex_lock(&servers->mutex);
    servers->preferred = number;
    servers->failed_ms[number] = servers->over_ms[number] = 0;
    servers->away[number] = false;
    pthread_mutex_unlock(&servers->mutex);
}

static void note_over_quota(struct key_servers *servers, size_t number, int64_t until_ms)
{
    pthread_mutex_lock(&servers->mutex);
    servers->over_ms[number] = until_ms;
    pthread_mutex_unlock(&servers->mutex);
}

int64_t key_servers_over_quota(struct key_servers *servers)
{
    const int64_t now_ms = moment_monotonic_ms();
    int64_t first_ms = 0;

    pthread_mutex_lock(&servers->mutex);
    for (size_t i = 0; i < HTTP_SERVERS_MAX; i++)
        if (servers->over_ms[i] > now_ms && (first_ms == 0 || servers->over_ms[i] < first_ms))
            first_ms = servers->over_ms[i];
    pthread_mutex_unlock(&servers->mutex);
    return first_ms;
}

/* True if it is time to say so. */
static bool note_failure(struct key_servers *servers, size_t number, enum key_outcome outcome)
{
    const int64_t now_ms = moment_monotonic_ms();
    bool tell;

    pthread_mutex_lock(&servers->mutex);
    tell = !recent(servers->told_ms[number], now_ms) || servers->told[number] != outcome;
    if (tell) servers->told_ms[number] = now_ms;
    servers->told[number] = outcome;
    servers->failed_ms[number] = now_ms;
    pthread_mutex_unlock(&servers->mutex);
    return tell;
}

/* -- asking -------------------------------------------------------------------------------------------------------- */

void key_servers_note_health(struct key_servers *servers, struct http *http, bool answers)
{
    const size_t at = http_server_current(http);

    pthread_mutex_lock(&servers->mutex);
    if (servers->away[at] && answers) servers->failed_ms[at] = 0; /* it is back */
    servers->away[at] = !answers;
    pthread_mutex_unlock(&servers->mutex);
    if (!answers && note_failure(servers, at, KEY_LATER)) say("no answer from the key server: %s", http_trouble(http));
}

static enum key_outcome no_answer(struct key_servers *servers, struct http *http)
{
    if (note_failure(servers, http_server_current(http), KEY_LATER))
        say("no answer from the key server: %s", http_trouble(http));
    return KEY_LATER;
}

/* Anything but 200. */
static enum key_outcome refusal(struct key_servers *servers, struct http *http, const struct http_answer *answer,
                                struct key_question *question)
{
    struct over_quota over;
    char name[64];

    if (answer->status == 404 || answer->status == 409 || answer->status == 410) return KEY_GONE;
    if (answer->status != 429 && answer->status < 500) {
        if (note_failure(servers, http_server_current(http), KEY_REFUSED)) (void)problem_say(http, answer);
        return KEY_REFUSED;
    }
    problem_name(answer, name);
    if (over_quota_of(answer, &over)) note_over_quota(servers, http_server_current(http), over.until_ms);
    if (note_failure(servers, http_server_current(http), KEY_LATER))
        say("the key server %s can't just now: %s", http_server_url(http), over.until_ms > 0 ? over.what : name);
    if (answer->retry_after_s > question->retry_after_s) question->retry_after_s = answer->retry_after_s;
    return KEY_LATER;
}

void key_servers_blame(struct key_servers *servers, struct http *http, const char *wrong)
{
    if (note_failure(servers, http_server_current(http), KEY_WRONG))
        say("the key server %s %s; nothing of it is used", http_server_url(http), wrong);
}

void key_servers_say_too_few(struct key_servers *servers, const char *epoch_id)
{
    const int64_t now_ms = moment_monotonic_ms();
    bool tell;

    pthread_mutex_lock(&servers->mutex);
    tell = !recent(servers->too_few_ms, now_ms);
    if (tell) servers->too_few_ms = now_ms;
    pthread_mutex_unlock(&servers->mutex);
    if (tell && epoch_id == NULL) say("of the three key servers that share a key, two must answer");
    if (tell && epoch_id != NULL)
        say("of the three key servers that share the key of epoch %s, two must answer", epoch_id);
}

/* True when it has gone on for long enough. */
static bool note_gone(struct key_servers *servers, size_t number)
{
    const int64_t now_ms = moment_monotonic_ms();
    bool long_enough;

    pthread_mutex_lock(&servers->mutex);
    if (!recent(servers->gone_last_ms[number], now_ms)) servers->gone_first_ms[number] = now_ms;
    servers->gone_last_ms[number] = now_ms;
    long_enough = now_ms - servers->gone_first_ms[number] >= GONE_GRACE_MS;
    pthread_mutex_unlock(&servers->mutex);
    return long_enough;
}

void key_servers_blame_gone(struct key_servers *servers, struct http *http)
{
    if (note_gone(servers, http_server_current(http)))
        key_servers_blame(servers, http, "calls an epoch over that others evaluate for (is its clock right?)");
}

void key_servers_too_slow(struct key_servers *servers, struct http *http, unsigned timeout_ms)
{
    if (note_failure(servers, http_server_current(http), KEY_LATER))
        say("no answer from the key server: %s: none within %u ms", http_server_url(http), timeout_ms);
}

enum key_outcome key_servers_judge(struct key_servers *servers, struct http *http, const struct http_answer *answer,
                                   struct key_question *question)
{
    const char *wrong;
    json_t *json;

    if (answer == NULL) return no_answer(servers, http);
    if (answer->status != 200) return refusal(servers, http, answer, question);
    json = http_answer_json(answer);
    wrong = json == NULL ? "sent an answer that can't be read" : question->take(json, question->context);
    json_decref(json);
    if (wrong == NULL) {
        note_answer(servers, http_server_current(http));
        return KEY_DONE;
    }
    key_servers_blame(servers, http, wrong);
    return KEY_WRONG;
}

static enum key_outcome ask_one(struct key_servers *servers, struct http *http, const struct http_request *request,
                                struct key_question *question)
{
    struct http_answer answer CLEANUP(http_answer_wipe) = { 0 };
    const bool answered = http_ask_here(http, request, &answer);

    return key_servers_judge(servers, http, answered ? &answer : NULL, question);
}

enum key_outcome key_servers_ask(struct key_servers *servers, struct http *http, struct key_question *question)
{
    struct http_request request = { .method = question->method,
                                    .path = question->path,
                                    .body = question->body,
                                    .body_size = question->body_size };
    enum key_outcome outcome = KEY_DONE;
    struct order order;

    question->retry_after_s = 0;
    put_in_order(servers, http_server_count(http), &order);
    for (size_t i = 0; i < order.count; i++) {
        enum key_outcome one;

        http_use_server(http, order.list[i]);
        request.timeout_ms = deadline_of(&order, i, question);
        one = ask_one(servers, http, &request, question);
        if (one == KEY_DONE) return KEY_DONE;
        if (one > outcome) outcome = one;
    }
    return outcome;
}

void key_servers_ask_others(struct key_servers *servers, struct http *http, struct key_question *question, bool failed)
{
    const struct http_request request = { .method = question->method,
                                          .path = question->path,
                                          .body = question->body,
                                          .body_size = question->body_size,
                                          .timeout_ms = question->deadline_ms };
    const size_t used = http_server_current(http);

    for (size_t at = 0; at < http_server_count(http); at++) {
        if (at == used || key_servers_failed(servers, at) != failed) continue;
        http_use_server(http, at);
        (void)ask_one(servers, http, &request, question);
    }
    http_use_server(http, used);
}

void key_servers_warm(struct key_servers *servers, struct http *http, unsigned deadline_ms)
{
    const struct http_request request = { .method = "GET", .path = "/livez", .timeout_ms = deadline_ms };
    struct order order;

    put_in_order(servers, http_server_count(http), &order);
    for (size_t i = 0; i < order.good; i++) {
        struct http_answer answer CLEANUP(http_answer_wipe) = { 0 };

        http_use_server(http, order.list[i]);
        if (!http_ask_here(http, &request, &answer)) (void)no_answer(servers, http);
    }
}
