#include "client/lane/lane.h"
#include "include/monotonic.h"

#include <time.h>

struct lane_queue {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct row_batch *empty;
    struct row_batch *first, *last; /* filled, in order */
    size_t size; /* reads of a batch */
    size_t count;
    bool closed;
    struct row_batch **all;
};

/* A batch, its rows, and behind them what is asked. */
static size_t checks_at(size_t size)
{
    const size_t end = sizeof(struct row_batch) + size * sizeof(struct row_read);

    return (end + _Alignof(struct check_read) - 1) / _Alignof(struct check_read) * _Alignof(struct check_read);
}

static size_t bytes_of(size_t size)
{
    return checks_at(size) + size * sizeof(struct check_read);
}

static void clear(struct row_batch *batch, size_t size)
{
    platesieve_wipe(batch, bytes_of(size));
    batch->checks = (struct check_read *)(void *)((uint8_t *)batch + checks_at(size));
}

static struct row_batch *make_batch(size_t size)
{
    struct row_batch *batch = platesieve_secret_allocate(bytes_of(size));

    if (batch != NULL) clear(batch, size);
    return batch;
}

struct lane_queue *lane_queue_create(size_t count, size_t size)
{
    struct lane_queue *queue = calloc(1, sizeof(*queue));

    if (queue == NULL) return NULL;
    pthread_mutex_init(&queue->mutex, NULL);
    monotonic_condition(&queue->changed);
    queue->size = size;
    queue->all = calloc(count, sizeof(struct row_batch *));
    while (queue->all != NULL && queue->count < count) {
        struct row_batch *batch = make_batch(size);

        if (batch == NULL) break;
        queue->all[queue->count++] = batch;
        batch->next = queue->empty;
        queue->empty = batch;
    }
    if (queue->count == count) return queue;
    say("there is no memory that can be locked for plates");
    lane_queue_destroy(queue);
    return NULL;
}

void lane_queue_destroy(struct lane_queue *queue)
{
    if (queue == NULL) return;
    for (size_t i = 0; i < queue->count; i++) platesieve_secret_free(queue->all[i]);
    free(queue->all);
    pthread_mutex_destroy(&queue->mutex);
    pthread_cond_destroy(&queue->changed);
    free(queue);
}

struct row_batch *lane_queue_empty(struct lane_queue *queue)
{
    struct row_batch *batch;

    pthread_mutex_lock(&queue->mutex);
    while (queue->empty == NULL) pthread_cond_wait(&queue->changed, &queue->mutex);
    batch = queue->empty;
    queue->empty = batch->next;
    pthread_mutex_unlock(&queue->mutex);
    batch->next = NULL;
    return batch;
}

void lane_queue_put(struct lane_queue *queue, struct row_batch *batch)
{
    pthread_mutex_lock(&queue->mutex);
    if (queue->first == NULL) queue->first = batch;
    else queue->last->next = batch;
    queue->last = batch;
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->mutex);
}

struct row_batch *lane_queue_take(struct lane_queue *queue, unsigned idle_s, bool *idle)
{
    struct row_batch *batch;
    const int64_t end_ms = monotonic_now_ms() + (int64_t)idle_s * 1000;
    bool late = false;

    pthread_mutex_lock(&queue->mutex);
    while (queue->first == NULL && !queue->closed && !late) late = !monotonic_wait(&queue->changed, &queue->mutex, end_ms);
    batch = queue->first;
    if (batch != NULL) queue->first = batch->next;
    *idle = batch == NULL && !queue->closed;
    pthread_mutex_unlock(&queue->mutex);
    return batch;
}

void lane_queue_give_back(struct lane_queue *queue, struct row_batch *batch)
{
    clear(batch, queue->size);
    pthread_mutex_lock(&queue->mutex);
    batch->next = queue->empty;
    queue->empty = batch;
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->mutex);
}

void lane_queue_close(struct lane_queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    queue->closed = true;
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->mutex);
}
