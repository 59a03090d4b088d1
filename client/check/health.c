#include "client/check/internal.h"

#include "client/http/group.h"
#include "client/moment.h"
#include "include/monotonic.h"

#define EVERY_MS 500
#define ANSWER_MS 400          /* what takes longer counts as away until it answers ... */
#define ANSWER_SLOW_MS 1000    /* ... or up to this, over a way that is known to be so long */
#define GIVE_UP_MS 2000u       /* a connection has to be made first, which takes several ways there and back: not begun anew before it is there */

struct probe {
    bool under_way, away; /* and noted as such */
    int64_t asked_ms, may_take_ms;
};

struct health {
    struct http_group *group;
    struct probe probes[HTTP_SERVERS_MAX];
    const struct say_ear *ear;
    health_fn note;
    void *context;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool ending;
};

/* Of one that was asked, however long ago. */
static void note_end(struct health *health, size_t at, const struct http_answer *answer)
{
    struct probe *probe = &health->probes[at];
    const int64_t took_ms = moment_monotonic_ms() - probe->asked_ms;

    probe->under_way = false;
    if (answer->status != 0) probe->may_take_ms = 2 * took_ms < ANSWER_SLOW_MS ? 2 * took_ms : ANSWER_SLOW_MS;
    if (answer->status == 0 && probe->away) return;
    health->note(health->context, http_group_member(health->group, at), answer->status == 0 ? HEALTH_AWAY : answer->status == 200 ? HEALTH_READY : HEALTH_UNREADY,
                 answer->date_ms);
}

static void take_ended(struct health *health, unsigned wait_ms)
{
    const int64_t end_ms = moment_monotonic_ms() + wait_ms;
    int64_t left_ms = wait_ms;
    struct http_answer answer;
    size_t at;

    while (http_group_wait(health->group, (unsigned)left_ms, &at, &answer)) {
        note_end(health, at, &answer);
        http_answer_wipe(&answer);
        left_ms = end_ms - moment_monotonic_ms();
        if (left_ms < 0) left_ms = 0;
    }
}

static void ask(struct health *health, size_t at)
{
    const struct http_request request = { .method = "GET", .path = "/readyz", .timeout_ms = GIVE_UP_MS };
    struct probe *probe = &health->probes[at];

    probe->under_way = http_group_ask(health->group, at, &request);
    probe->away = false;
    probe->asked_ms = moment_monotonic_ms();
}

/* All at one time: one that hangs does not hide another. */
static void ask_all(struct health *health)
{
    take_ended(health, 0);
    for (size_t at = 0; at < http_group_count(health->group); at++)
        if (!health->probes[at].under_way) ask(health, at);
    take_ended(health, ANSWER_MS);
    for (size_t at = 0; at < http_group_count(health->group); at++) {
        struct probe *probe = &health->probes[at];

        if (!probe->under_way || probe->away || moment_monotonic_ms() - probe->asked_ms < probe->may_take_ms) continue;
        probe->away = true;
        http_group_is_late(health->group, at, (unsigned)(moment_monotonic_ms() - probe->asked_ms));
        health->note(health->context, http_group_member(health->group, at), HEALTH_AWAY, 0);
    }
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
