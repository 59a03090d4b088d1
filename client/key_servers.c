#include "client/key_servers.h"

#include <pthread.h>

#include "client/moment.h"
#include "client/over_quota.h"
#include "client/problem.h"

#define GONE_GRACE_MS 2000 /* a rotation reaches one server after the other */

struct key_servers {
    bool must_share;
    struct share_book *book;
    pthread_mutex_t mutex;
    size_t preferred;                    /* the one that answered last */
    int64_t failed_ms[HTTP_SERVERS_MAX]; /* monotonic; 0: never, or it has answered since */
    int64_t over_ms[HTTP_SERVERS_MAX];   /* since 1970; until when our quota is used up there; 0: it is not */
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
    return servers;
}

void key_servers_destroy(struct key_servers *servers)
{
    if (servers == NULL) return;
    pthread_mutex_destroy(&servers->mutex);
    share_book_destroy(servers->book);
    free(servers);
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

/* The one that answered last and those behind it, then those that failed lately.  Returns how many of the first sort
   there are. */
static size_t put_in_order(struct key_servers *servers, size_t count, size_t order[HTTP_SERVERS_MAX])
{
    const int64_t now_ms = moment_monotonic_ms();
    size_t used = 0, good = 0;

    pthread_mutex_lock(&servers->mutex);
    for (unsigned pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < count; i++) {
            const size_t number = (servers->preferred + i) % count;

            if (recent(servers->failed_ms[number], now_ms) == (pass == 1)) order[used++] = number;
        }
        if (pass == 0) good = used;
    }
    pthread_mutex_unlock(&servers->mutex);
    return good;
}

bool key_servers_failed(struct key_servers *servers, size_t at)
{
    bool failed;

    pthread_mutex_lock(&servers->mutex);
    failed = recent(servers->failed_ms[at], moment_monotonic_ms());
    pthread_mutex_unlock(&servers->mutex);
    return failed;
}

static void note_answer(struct key_servers *servers, size_t number)
{
    pthread_mutex_lock(&servers->mutex);
    servers->preferred = number;
    servers->failed_ms[number] = servers->over_ms[number] = 0;
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
    const int64_t now_ms = moment_now_ms();
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
    const size_t count = http_server_count(http);
    enum key_outcome outcome = KEY_DONE;
    size_t order[HTTP_SERVERS_MAX], good;

    question->retry_after_s = 0;
    good = put_in_order(servers, count, order);
    for (size_t i = 0; i < count; i++) {
        enum key_outcome one;

        http_use_server(http, order[i]);
        request.timeout_ms = i + 1 == count && i < good ? question->deadline_last_ms : question->deadline_ms;
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
    size_t order[HTTP_SERVERS_MAX];
    const size_t good = put_in_order(servers, http_server_count(http), order);

    for (size_t i = 0; i < good; i++) {
        struct http_answer answer CLEANUP(http_answer_wipe) = { 0 };

        http_use_server(http, order[i]);
        if (!http_ask_here(http, &request, &answer)) (void)no_answer(servers, http);
    }
}
