/* Threads for handlers that wait for the database, and the queue in front of them. */
#include "server/http/internal.h"

struct workers {
    void *app;
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct exchange *first, *last;
    size_t queued;
    bool ending;
    unsigned count;
    pthread_t threads[LIMIT_WORKERS];
};

static struct exchange *take(struct workers *workers)
{
    struct exchange *exchange = workers->first;
    if (exchange == NULL) return NULL;
    workers->first = exchange->queued_next;
    if (workers->first == NULL) workers->last = NULL;
    workers->queued--;
    exchange->queued_next = NULL;
    return exchange;
}

static struct exchange *wait_for_work(struct workers *workers)
{
    struct exchange *exchange = NULL;
    pthread_mutex_lock(&workers->lock);
    while (!workers->ending && (exchange = take(workers)) == NULL) pthread_cond_wait(&workers->work, &workers->lock);
    pthread_mutex_unlock(&workers->lock);
    return exchange;
}

/* It may have waited here for a while, and its name been taken out meanwhile, or been given fewer rights. */
static enum reason refusal_now(const struct exchange *exchange)
{
    struct registration now;
    const struct peer *peer = exchange->request.peer;
    if (peer == NULL || peer->role == ROLE_STRANGER) return REASON_NONE;
    if (!registry_find(exchange->connection->server->registry, peer->name, &now)) return REASON_UNREGISTERED;
    unsigned wanted = exchange->route->rights;
    return peer->role == ROLE_AGENCY && wanted != 0 && (now.rights & wanted) == 0 ? REASON_RIGHT : REASON_NONE;
}

static void handle(struct workers *workers, struct exchange *exchange)
{
    if (atomic_load(&exchange->progress) == EXPIRED) { /* it waited here until its deadline */
        exchange_release(exchange);
        return;
    }
    enum reason refusal = refusal_now(exchange);
    if (refusal != REASON_NONE) {
        request_complete(&exchange->request, reply_problem(refusal));
        return;
    }
    struct reply reply = exchange->route->handler(workers->app, &exchange->request);
    stack_wipe();
    if (!reply.later) request_complete(&exchange->request, reply);
}

static void *work(void *context)
{
    struct workers *workers = context;
    for (struct exchange *exchange; (exchange = wait_for_work(workers)) != NULL;) handle(workers, exchange);
    return NULL;
}

struct workers *workers_create(unsigned count, void *app)
{
    struct workers *workers = calloc(1, sizeof *workers);
    if (workers == NULL) return NULL;
    workers->app = app;
    pthread_mutex_init(&workers->lock, NULL);
    pthread_cond_init(&workers->work, NULL);
    if (count > LIMIT_WORKERS) count = LIMIT_WORKERS;
    for (; workers->count < count; workers->count++)
        if (pthread_create(&workers->threads[workers->count], NULL, work, workers) != 0) break;
    if (workers->count == count) return workers;
    workers_stop(workers);
    return NULL;
}

bool workers_submit(struct workers *workers, struct exchange *exchange)
{
    pthread_mutex_lock(&workers->lock);
    bool accepted = !workers->ending && workers->count > 0 && workers->queued < LIMIT_QUEUE;
    if (accepted) {
        exchange->queued_next = NULL;
        if (workers->last != NULL)
            workers->last->queued_next = exchange;
        else
            workers->first = exchange;
        workers->last = exchange;
        workers->queued++;
        pthread_cond_signal(&workers->work);
    }
    pthread_mutex_unlock(&workers->lock);
    return accepted;
}

void workers_stop(struct workers *workers)
{
    if (workers == NULL) return;
    pthread_mutex_lock(&workers->lock);
    workers->ending = true;
    pthread_cond_broadcast(&workers->work);
    pthread_mutex_unlock(&workers->lock);
    for (unsigned i = 0; i < workers->count; i++) pthread_join(workers->threads[i], NULL);
    for (struct exchange *exchange; (exchange = take(workers)) != NULL;)
        request_complete(&exchange->request, reply_problem(REASON_BUSY));
    pthread_cond_destroy(&workers->work);
    pthread_mutex_destroy(&workers->lock);
    free(workers);
}
