#include "include/monotonic.h"
#include "server/http/internal.h"

#include <time.h>

struct ticker {
    struct http_server *server;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool ending;
};

void ticker_read_clocks(struct http_server *server)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    atomic_store_explicit(&server->coarse_ms, (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000, memory_order_relaxed);
    clock_gettime(CLOCK_REALTIME, &now);
    atomic_store_explicit(&server->coarse_s, now.tv_sec, memory_order_relaxed);
}

/* False when the ticker is to end. */
static bool pause_tick(struct ticker *ticker)
{
    return monotonic_pause(&ticker->wake, &ticker->lock, &ticker->ending, monotonic_now_ms() + TICK_MS);
}

static void look_at_registry(struct http_server *server)
{
    struct registry_state state;
    registry_poll(server->registry);
    if (server->registered == NULL) return;
    registry_state(server->registry, &state);
    metric_set(server->registered, (double)state.count);
    metric_set(server->registry_alarm, state.broken);
}

static void *tick(void *context)
{
    struct ticker *ticker = context;
    while (pause_tick(ticker)) {
        ticker_read_clocks(ticker->server);
        trust_poll(ticker->server->trust);
        look_at_registry(ticker->server);
        later_expire(ticker->server, false);
        connections_enforce(ticker->server);
        streams_enforce(ticker->server);
    }
    return NULL;
}

struct ticker *ticker_start(struct http_server *server)
{
    struct ticker *ticker = calloc(1, sizeof *ticker);
    if (ticker == NULL) return NULL;
    monotonic_condition(&ticker->wake);
    pthread_mutex_init(&ticker->lock, NULL);
    ticker->server = server;
    if (pthread_create(&ticker->thread, NULL, tick, ticker) == 0) return ticker;
    free(ticker);
    return NULL;
}

void ticker_stop(struct ticker *ticker)
{
    if (ticker == NULL) return;
    pthread_mutex_lock(&ticker->lock);
    ticker->ending = true;
    pthread_cond_signal(&ticker->wake);
    pthread_mutex_unlock(&ticker->lock);
    pthread_join(ticker->thread, NULL);
    pthread_cond_destroy(&ticker->wake);
    pthread_mutex_destroy(&ticker->lock);
    free(ticker);
}
