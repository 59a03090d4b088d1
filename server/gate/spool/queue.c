#include "server/gate/spool/queue.h"

#include <errno.h>
#include <time.h>
#include <urcu/compiler.h>

struct append *spool_append_make(const struct sighting *sightings, size_t count, spool_before_fn before, spool_done_fn done, void *context)
{
    struct append *append = malloc(sizeof *append + count * sizeof *sightings);

    if (append == NULL) return NULL;
    *append = (struct append){ .before = before, .done = done, .context = context, .count = count };
    memcpy(append->sightings, sightings, count * sizeof *sightings);
    return append;
}

int64_t spool_group_size(const struct append *group)
{
    int64_t count = 0;
    for (; group != NULL; group = group->next) count += (int64_t)group->count;
    return count;
}

bool spool_queue_init(struct spool_queue *queue)
{
    __cds_wfcq_init(&queue->head, &queue->tail);
    return sem_init(&queue->queued, 0, 0) == 0;
}

void spool_queue_destroy(struct spool_queue *queue)
{
    (void)sem_destroy(&queue->queued);
}

bool spool_queue_put(struct spool_queue *queue, struct append *append, bool wake)
{
    if (atomic_load(&queue->ended)) return false;
    if (atomic_fetch_add(&queue->waiting, append->count) + append->count > SPOOL_QUEUE_MAX) {
        (void)atomic_fetch_sub(&queue->waiting, append->count);
        return false;
    }
    cds_wfcq_node_init(&append->node);
    (void)cds_wfcq_enqueue(&queue->head, &queue->tail, &append->node);
    if (wake) (void)sem_post(&queue->queued);
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

/* Until it was woken, or it is time for a look. */
static void wait_for_more(struct spool_queue *queue)
{
    struct timespec until;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += SPOOL_LOOK_MS * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    while (sem_clockwait(&queue->queued, CLOCK_MONOTONIC, &until) != 0 && errno == EINTR) continue;
    while (sem_trywait(&queue->queued) == 0) continue; /* one look is enough for all that came */
}

static struct append *take_first(struct spool_queue *queue)
{
    struct append *append = queue->left;

    queue->left = NULL;
    while (append == NULL) {
        const bool ended = atomic_load(&queue->ended); /* before the look: what was put before the end is found by it */
        if ((append = take_one(queue)) != NULL || ended) break;
        wait_for_more(queue);
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
