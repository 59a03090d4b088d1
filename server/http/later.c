/* Requests whose answer waits: the connection is suspended until somebody completes the request or its deadline passes.
   libmicrohttpd has no timeout for suspended connections and aborts when it is stopped with one left, so they are all
   on a list here. */
#include "server/http/internal.h"

static void unlink_waiting(struct later *later, struct exchange *exchange)
{
    if (exchange->previous != NULL)
        exchange->previous->next = exchange->next;
    else
        later->waiting = exchange->next;
    if (exchange->next != NULL) exchange->next->previous = exchange->previous;
    exchange->next = exchange->previous = NULL;
}

/* Under the lock, so that nobody believes a connection resumed that is not. */
static void resume(struct later *later, struct exchange *exchange, enum progress progress)
{
    unlink_waiting(later, exchange);
    atomic_store(&exchange->progress, progress);
    MHD_resume_connection(exchange->mhd);
}

bool later_suspend(struct http_server *server, struct exchange *exchange)
{
    struct later *later = &server->later;
    bool suspended = false;
    pthread_mutex_lock(&later->lock);
    if (atomic_load(&exchange->progress) != COMPLETED) {
        if (later->closed) {
            atomic_store(&exchange->progress, EXPIRED);
        } else {
            MHD_suspend_connection(exchange->mhd);
            atomic_store(&exchange->progress, WAITING);
            exchange->deadline_ms = server_coarse_ms(server) + LIMIT_ANSWER_S * 1000;
            exchange->previous = NULL;
            exchange->next = later->waiting;
            if (later->waiting != NULL) later->waiting->previous = exchange;
            later->waiting = exchange;
            suspended = true;
        }
    }
    pthread_mutex_unlock(&later->lock);
    return suspended;
}

void request_complete(struct request *request, struct reply reply)
{
    struct exchange *exchange = exchange_of(request);
    struct later *later = &exchange->connection->server->later;
    bool late = false;
    pthread_mutex_lock(&later->lock);
    switch (atomic_load(&exchange->progress)) {
    case RUNNING: /* the handler has not returned yet */
        exchange->reply = reply;
        atomic_store(&exchange->progress, COMPLETED);
        break;
    case WAITING:
        exchange->reply = reply;
        resume(later, exchange, COMPLETED);
        break;
    default: late = true; break;
    }
    pthread_mutex_unlock(&later->lock);
    if (late) reply_drop(reply);
    exchange_release(exchange);
}

void later_expire(struct http_server *server, bool every)
{
    struct later *later = &server->later;
    int64_t now_ms = server_coarse_ms(server);
    pthread_mutex_lock(&later->lock);
    for (struct exchange *exchange = later->waiting, *next; exchange != NULL; exchange = next) {
        next = exchange->next;
        if (every || now_ms >= exchange->deadline_ms) resume(later, exchange, EXPIRED);
    }
    pthread_mutex_unlock(&later->lock);
}

void later_close(struct http_server *server)
{
    pthread_mutex_lock(&server->later.lock);
    server->later.closed = true;
    pthread_mutex_unlock(&server->later.lock);
    later_expire(server, true);
}
