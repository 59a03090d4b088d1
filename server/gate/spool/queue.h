/* What waits for the spool's writer.  Any thread puts, without waiting for another; one thread takes. */
#ifndef SERVER_GATE_SPOOL_QUEUE_H
#define SERVER_GATE_SPOOL_QUEUE_H

#include <semaphore.h>
#include <stdatomic.h>
#include <urcu/wfcqueue.h>

#include "server/gate/spool/spool.h"

#define SPOOL_QUEUE_MAX 65536 /* sightings that wait */
#define SPOOL_GROUP_MAX 4096  /* sightings that are taken at once, unless one append holds more */
#define SPOOL_LOOK_MS 10      /* between two looks at what came without waking anybody */

struct append {
    struct cds_wfcq_node node; /* in the queue */
    struct append *next;       /* in a group */
    spool_before_fn before;
    spool_done_fn done;
    void *context;
    size_t count;
    struct sighting sightings[];
};

/* Copies SIGHTINGS; to be freed; NULL without memory. */
struct append *spool_append_make(const struct sighting *sightings, size_t count, spool_before_fn before, spool_done_fn done, void *context);
int64_t spool_group_size(const struct append *group); /* sightings */

struct spool_queue {
    struct __cds_wfcq_head head;
    struct cds_wfcq_tail tail;
    sem_t queued;            /* wakes who takes */
    _Atomic size_t waiting;  /* sightings */
    atomic_bool ended;
    struct append *left;     /* who takes: the next, which did not fit into the last group */
};

bool spool_queue_init(struct spool_queue *queue);
void spool_queue_destroy(struct spool_queue *queue); /* empty */

/* False when it is full or ended; APPEND is the queue's otherwise.  WAKE: it is taken at once. */
bool spool_queue_put(struct spool_queue *queue, struct append *append, bool wake);
/* The next group, in the order in which they came, by `next`; waits for one.  NULL once the queue was ended and all of it was taken. */
struct append *spool_queue_take(struct spool_queue *queue);
/* Nobody puts any more. */
void spool_queue_end(struct spool_queue *queue);

#endif
