#include "server/gate/spool/queue.h"

#include <urcu/compiler.h>

bool spool_queue_init(struct spool_queue *queue)
{
    __cds_wfcq_init(&queue->head, &queue->tail);
    return sem_init(&queue->queued, 0, 0) == 0;
}

void spool_queue_destroy(struct spool_queue *queue)
{
    (void)sem_destroy(&queue->queued);
}

bool spool_queue_put(struct spool_queue *queue, struct append *append)
{
    if (atomic_load(&queue->ended)) return false;
    if (atomic_fetch_add(&queue->waiting, append->count) + append->count > SPOOL_QUEUE_MAX) {
        (void)atomic_fetch_sub(&queue->waiting, append->count);
        return false;
    }
    cds_wfcq_node_init(&append->node);
    (void)cds_wfcq_enqueue(&queue->head, &queue->tail, &append->node);
    (void)sem_post(&queue->queued);
    return true;
}

void spool_queue_end(struct spool_queue *queue)
{
    atomic_store(&queue->ended, true);
    (void)sem_post(&queue->queued);
}

static struct append *take_one(struct spool_queue *queue)
{
    struct cds_wfcq_node *node = __cds_wfcq_dequeue_blocking(&queue->head, &queue->tail);

    return node == NULL ? NULL : caa_container_of(node, struct append, node);
}

static struct append *take_first(struct spool_queue *queue)
{
    struct append *append = queue->left;

    queue->left = NULL;
    while (append == NULL) {
        const bool ended = atomic_load(&queue->ended); /* before the look: what was put before the end is found by it */
        if ((append = take_one(queue)) != NULL || ended) break;
        while (sem_wait(&queue->queued) != 0) continue;    /* interrupted */
        while (sem_trywait(&queue->queued) == 0) continue; /* one look is enough for all that came */
    }
    return append;
}

struct append *spool_queue_take(struct spool_queue *queue)
{
    struct append *group = NULL, **end = &group, *append = take_first(queue);
    size_t count = 0;

    for (; append != NULL && (count == 0 || count + append->count <= SPOOL_GROUP_MAX); append = take_one(queue)) {
        append->next = NULL;
        *end = append;
        end = &append->next;
        count += append->count;
    }
    queue->left = append;
    (void)atomic_fetch_sub(&queue->waiting, count);
    return group;
}
