#include "client/check/internal.h"

#include "client/http/group.h"
#include "client/moment.h"
#include "include/monotonic.h"

#define EVERY_MS 500
#define ANSWER_MS 400u
#define GRACE_MS 50u /* the transfer's own deadline comes first */

struct health {
    struct http_group *group;
    const struct say_ear *ear;
    health_fn note;
    void *context;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool ending;
};

static void note(struct health *health, size_t at, const struct http_answer *answer)
{
    struct http *server = http_group_member(health->group, at);

    health->note(health->context, server, answer->status == 0 ? HEALTH_AWAY : answer->status == 200 ? HEALTH_READY : HEALTH_UNREADY, answer->date_ms);
}

/* All at one time: one that hangs does not hide another. */
static void ask_all(struct health *health)
{
    const struct http_request request = { .method = "GET", .path = "/readyz", .timeout_ms = ANSWER_MS };
    struct http_answer answer;
    size_t at;

    for (at = 0; at < http_group_count(health->group); at++) (void)!http_group_ask(health->group, at, &request);
    while (http_group_wait(health->group, ANSWER_MS + GRACE_MS, &at, &answer)) {
        note(health, at, &answer);
        http_answer_wipe(&answer);
    }
    http_group_drop_all(health->group);
}

/* False when it ends. */
static bool pause_until(struct health *health, int64_t ms)
{
    return monotonic_pause(&health->wake, &health->mutex, &health->ending, ms);
}

static void *run(void *argument)
{
    struct health *health = argument;
    int64_t next_ms;

    (void)say_listen(health->ear);
    do {
        next_ms = moment_monotonic_ms() + EVERY_MS;
        ask_all(health);
    } while (pause_until(health, next_ms));
    return NULL;
}

static void destroy(struct health *health)
{
    http_group_close(health->group);
    pthread_cond_destroy(&health->wake);
    pthread_mutex_destroy(&health->mutex);
    free(health);
}

struct health *health_start(const struct settings *settings, enum http_service service, const struct identity *identity, const struct say_ear *ear,
                            health_fn note_fn, void *context)
{
    struct health *health = calloc(1, sizeof(*health));

    if (health == NULL) {
        say("out of memory");
        return NULL;
    }
    health->ear = ear;
    health->note = note_fn;
    health->context = context;
    pthread_mutex_init(&health->mutex, NULL);
    monotonic_condition(&health->wake);
    if (http_group_open(settings, service, identity, &health->group) == CLIENT_OK) {
        if (pthread_create(&health->thread, NULL, run, health) == 0) return health;
        say("can't start a thread");
    }
    destroy(health);
    return NULL;
}

void health_stop(struct health *health)
{
    if (health == NULL) return;
    pthread_mutex_lock(&health->mutex);
    health->ending = true;
    pthread_cond_signal(&health->wake);
    pthread_mutex_unlock(&health->mutex);
    pthread_join(health->thread, NULL);
    destroy(health);
}
