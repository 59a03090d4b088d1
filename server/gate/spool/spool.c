#include "server/gate/spool/spool.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>

#include "server/gate/spool/queue.h"
#include "server/gate/spool/record.h"
#include "server/gate/spool/store.h"
#include "server/http/clock.h"
#include "server/http/log.h"
#include "server/http/sealed_file.h"

#define RETRY_MS_MIN 100
#define RETRY_MS_MAX 2000
#define FULL_RELEASE 10     /* tenths of the room that must be free again: 1/10 */

struct spool {
    const uint8_t *key;          /* locked memory, ours */
    uint64_t bytes_max;
    spool_carry_fn carry;
    void *carry_context;
    pthread_t writer, drainer;

    struct spool_queue queue;

    pthread_mutex_t progress_lock; /* guards what follows */
    pthread_cond_t stored;       /* wakes the drain */
    bool writer_done;
    uint64_t groups;             /* written so far: the drain sees by it that something came while it was busy */
    int64_t drain_until_ms;      /* once stopping */

    pthread_mutex_t store_lock;  /* guards the file */
    struct spool_store *store;
    int64_t carried;             /* number of the last record that reached the database */
    int64_t kept;                /* how many of those that did could not be dropped for want of room */

    atomic_bool full, broken;
    _Atomic uint64_t depth, bytes;
    _Atomic int64_t oldest_ms;
};

/* -- the file's condition ----------------------------------------------------------------------------------------------------- */

static void note(struct spool *spool, enum store_outcome outcome)
{
    if (outcome == STORE_FULL && !atomic_exchange(&spool->full, true)) log_line(LOG_ERR, "the spool is full: checks are refused until it drains");
    if ((outcome == STORE_BROKEN || spool_store_broken(spool->store)) && !atomic_exchange(&spool->broken, true))
        log_line(LOG_ERR, "the spool is broken: checks are refused until the disk was looked at and the daemon restarted");
}

/* CHANGE records more (or fewer) than before.  Those that are to be written count from when they were handed over. */
static void measure(struct spool *spool, int64_t change)
{
    atomic_store(&spool->bytes, spool_store_bytes(spool->store));
    (void)atomic_fetch_add(&spool->depth, (uint64_t)change);
    if (atomic_load(&spool->depth) == 0) atomic_store(&spool->oldest_ms, 0);
}

/* -- writing -------------------------------------------------------------------------------------------------------------------- */

/* One commit for all of GROUP. */
static enum store_outcome write_group(struct spool *spool, const struct append *group)
{
    uint8_t record[SPOOL_RECORD_BYTES];
    enum store_outcome outcome;

    if (atomic_load(&spool->broken)) return STORE_BROKEN;
    outcome = spool_store_begin(spool->store);
    for (const struct append *append = group; append != NULL && outcome == STORE_DONE; append = append->next) {
        for (size_t i = 0; i < append->count && outcome == STORE_DONE; i++) {
            spool_record_seal(spool->key, &append->sightings[i], record);
            outcome = spool_store_put(spool->store, record, sizeof record);
        }
    }
    return outcome == STORE_DONE ? spool_store_commit(spool->store) : outcome;
}

static void begin_group(struct append *group)
{
    for (struct append *append = group; append != NULL; append = append->next)
        if (append->before != NULL) append->before(append->context, append->sightings, append->count);
}

static void finish_group(struct append *group, struct result result)
{
    for (struct append *next; group != NULL; group = next) {
        next = group->next;
        if (group->done != NULL) group->done(group->context, result);
        sodium_memzero(group->sightings, group->count * sizeof *group->sightings);
        free(group);
    }
}

static void *write_all(void *argument)
{
    struct spool *spool = argument;

    for (struct append *group; (group = spool_queue_take(&spool->queue)) != NULL;) {
        begin_group(group);
        (void)pthread_mutex_lock(&spool->store_lock);
        enum store_outcome outcome = write_group(spool, group);
        note(spool, outcome);
        if (atomic_load(&spool->oldest_ms) == 0) atomic_store(&spool->oldest_ms, clock_now_ms(&system_clock));
        measure(spool, outcome == STORE_DONE ? 0 : -spool_group_size(group));
        finish_group(group, outcome == STORE_DONE ? OK : FAIL(REASON_SPOOL)); /* under the lock: none is carried on before its `done` was called */
        (void)pthread_mutex_unlock(&spool->store_lock);
        (void)pthread_mutex_lock(&spool->progress_lock);
        spool->groups++;
        (void)pthread_cond_signal(&spool->stored);
        (void)pthread_mutex_unlock(&spool->progress_lock);
    }
    (void)pthread_mutex_lock(&spool->progress_lock);
    spool->writer_done = true;
    (void)pthread_cond_signal(&spool->stored);
    (void)pthread_mutex_unlock(&spool->progress_lock);
    return NULL;
}

static void append_it(struct spool *spool, const struct sighting *sightings, size_t count, spool_before_fn before, spool_done_fn done, void *context, bool wake)
{
    struct append *append = spool_append_make(sightings, count, before, done, context);

    if (append != NULL) {
        (void)atomic_fetch_add(&spool->depth, count);
        if (spool_queue_put(&spool->queue, append, wake)) return;
        (void)atomic_fetch_sub(&spool->depth, count);
        free(append);
    }
    if (done != NULL) done(context, FAIL(REASON_SPOOL));
}

void spool_append(struct spool *spool, const struct sighting *sightings, size_t count, spool_before_fn before, spool_done_fn done, void *context)
{
    append_it(spool, sightings, count, before, done, context, true);
}

void spool_append_later(struct spool *spool, const struct sighting *sightings, size_t count, spool_before_fn before, spool_done_fn done, void *context)
{
    append_it(spool, sightings, count, before, done, context, false);
}

/* -- draining ------------------------------------------------------------------------------------------------------------------- */

struct load {
    struct spool *spool;
    struct sighting sightings[SPOOL_CARRY_MAX];
    size_t count;
    int64_t last;
};

static bool load_record(void *context, int64_t number, const uint8_t *record, size_t size)
{
    struct load *load = context;

    if (!spool_record_open(load->spool->key, record, size, &load->sightings[load->count])) {
        log_line(LOG_ERR, "a record of the spool can't be opened: it is damaged or under another key");
        note(load->spool, STORE_BROKEN);
        return false;
    }
    load->count++;
    load->last = number;
    return true;
}

static void forget_kept(struct spool *spool)
{
    measure(spool, -spool->kept);
    spool->kept = 0;
}

/* Drops what was carried; a broken file is left as it is, and what was carried is remembered until the restart, when it is carried again
   (which changes nothing, since a sighting is stored once). */
static void drop_carried(struct spool *spool, const struct load *load)
{
    (void)pthread_mutex_lock(&spool->store_lock);
    spool->carried = load->last;
    if (!atomic_load(&spool->broken)) {
        enum store_outcome outcome = spool_store_drop(spool->store, load->last);
        note(spool, outcome);
        spool->kept += (int64_t)load->count;
        if (outcome == STORE_DONE) forget_kept(spool);
        if (outcome == STORE_DONE && atomic_load(&spool->bytes) < spool->bytes_max - spool->bytes_max / FULL_RELEASE)
            atomic_store(&spool->full, false);
    }
    (void)pthread_mutex_unlock(&spool->store_lock);
}

enum drained { DRAINED_SOME, DRAINED_ALL, DRAINED_NOTHING };

static enum drained drain_some(struct spool *spool, struct load *load)
{
    load->count = 0;
    (void)pthread_mutex_lock(&spool->store_lock);
    struct result result = spool_store_each(spool->store, spool->carried, SPOOL_CARRY_MAX, load_record, load);
    (void)pthread_mutex_unlock(&spool->store_lock);
    if (failed(result)) return DRAINED_NOTHING;
    if (load->count == 0) return DRAINED_ALL;
    atomic_store(&spool->oldest_ms, load->sightings[0].seen_ms);
    if (failed(spool->carry(spool->carry_context, load->sightings, load->count))) return DRAINED_NOTHING;
    drop_carried(spool, load);
    sodium_memzero(load->sightings, sizeof load->sightings);
    return DRAINED_SOME;
}

static bool found_one(void *context, int64_t number, const uint8_t *record, size_t size)
{
    (void)number, (void)record, (void)size;
    *(bool *)context = true;
    return false;
}

/* Is there room again, with nothing left to drain?  A commit says so; what it wrote is taken away again, and with it what was carried and could
   not be dropped.  Not when a record has come meanwhile: that one would go, too. */
static void probe_room(struct spool *spool)
{
    static const uint8_t nothing[SPOOL_RECORD_BYTES];
    bool more = false;

    (void)pthread_mutex_lock(&spool->store_lock);
    if (!atomic_load(&spool->broken) && !failed(spool_store_each(spool->store, spool->carried, 1, found_one, &more)) && !more &&
        spool_store_begin(spool->store) == STORE_DONE &&
        spool_store_put(spool->store, nothing, sizeof nothing) == STORE_DONE && spool_store_drop(spool->store, INT64_MAX) == STORE_DONE &&
        spool_store_commit(spool->store) == STORE_DONE) {
        atomic_store(&spool->full, false);
        forget_kept(spool);
    }
    (void)pthread_mutex_unlock(&spool->store_lock);
}

static uint64_t groups_written(struct spool *spool)
{
    (void)pthread_mutex_lock(&spool->progress_lock);
    uint64_t groups = spool->groups;
    (void)pthread_mutex_unlock(&spool->progress_lock);
    return groups;
}

/* Sleeps for WAIT_MS, or until more than GROUPS were written if ALL was drained; false when it is time to end. */
static bool drain_wait(struct spool *spool, int64_t wait_ms, bool all, uint64_t groups)
{
    struct timespec until;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(wait_ms / 1000);
    until.tv_nsec += (long)(wait_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    (void)pthread_mutex_lock(&spool->progress_lock);
    bool end = spool->writer_done && ((all && spool->groups == groups) || clock_now_ms(&system_clock) >= spool->drain_until_ms);
    int code = 0;
    while (!end && code != ETIMEDOUT && !(all && spool->groups != groups) && !spool->writer_done)
        code = pthread_cond_timedwait(&spool->stored, &spool->progress_lock, &until);
    bool pause = !end && !all && spool->writer_done; /* stopping with the database away: no busy loop */
    if (pause) (void)pthread_cond_timedwait(&spool->stored, &spool->progress_lock, &until);
    (void)pthread_mutex_unlock(&spool->progress_lock);
    return !end;
}

static void *drain_all(void *argument)
{
    struct spool *spool = argument;
    struct load *load = calloc(1, sizeof *load);
    int64_t wait_ms = RETRY_MS_MIN;
    bool go_on = load != NULL;

    if (load != NULL) load->spool = spool;
    while (go_on) {
        uint64_t groups = groups_written(spool);
        switch (drain_some(spool, load)) {
        case DRAINED_SOME: wait_ms = RETRY_MS_MIN; break;
        case DRAINED_ALL:
            if (atomic_load(&spool->full)) probe_room(spool);
            go_on = drain_wait(spool, RETRY_MS_MAX, true, groups);
            break;
        case DRAINED_NOTHING:
            go_on = drain_wait(spool, wait_ms, false, groups);
            wait_ms = wait_ms * 2 > RETRY_MS_MAX ? RETRY_MS_MAX : wait_ms * 2;
            break;
        }
    }
    free(load);
    return NULL;
}

/* -- open and close --------------------------------------------------------------------------------------------------------------- */

bool spool_accepts(const struct spool *spool)
{
    return !atomic_load_explicit(&spool->full, memory_order_relaxed) && !atomic_load_explicit(&spool->broken, memory_order_relaxed);
}

struct each {
    struct spool *spool;
    void (*each)(void *context, const struct sighting *sighting);
    void *context;
    bool good;
};

static bool each_record(void *context, int64_t number, const uint8_t *record, size_t size)
{
    struct each *each = context;
    struct sighting sighting;

    (void)number;
    each->good = spool_record_open(each->spool->key, record, size, &sighting);
    if (each->good && each->each != NULL) each->each(each->context, &sighting);
    return each->good;
}

struct result spool_each(struct spool *spool, void (*each)(void *context, const struct sighting *sighting), void *context)
{
    struct each state = { spool, each, context, true };

    (void)pthread_mutex_lock(&spool->store_lock);
    struct result result = spool_store_each(spool->store, spool->carried, UINT32_MAX >> 1, each_record, &state);
    (void)pthread_mutex_unlock(&spool->store_lock);
    return failed(result) || state.good ? result : FAIL(REASON_INTERNAL);
}

/* It finishes the queue. */
static void stop_writer(struct spool *spool)
{
    spool_queue_end(&spool->queue);
    (void)pthread_join(spool->writer, NULL);
}

static struct result start_threads(struct spool *spool)
{
    pthread_condattr_t monotonic;

    if (!spool_queue_init(&spool->queue) || pthread_condattr_init(&monotonic) != 0 || pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) != 0 ||
        pthread_mutex_init(&spool->progress_lock, NULL) != 0 || pthread_mutex_init(&spool->store_lock, NULL) != 0 ||
        pthread_cond_init(&spool->stored, &monotonic) != 0)
        return FAIL(REASON_INTERNAL);
    (void)pthread_condattr_destroy(&monotonic);
    TRY(spool_each(spool, NULL, NULL)); /* all of it opens under our key, or nothing begins */
    measure(spool, (int64_t)spool_store_count(spool->store));
    if (pthread_create(&spool->writer, NULL, write_all, spool) != 0) return FAIL(REASON_INTERNAL);
    if (pthread_create(&spool->drainer, NULL, drain_all, spool) == 0) return OK;
    stop_writer(spool);
    return FAIL(REASON_INTERNAL);
}

static void spool_free(struct spool *spool)
{
    spool_store_close(spool->store);
    platesieve_secret_free((void *)(uintptr_t)spool->key);
    free(spool);
}

struct result spool_open(const struct spool_settings *settings, spool_carry_fn carry, void *context, struct spool **out)
{
    uint8_t *key = platesieve_secret_allocate(32);
    struct spool *spool = calloc(1, sizeof *spool);
    struct result result = spool == NULL || key == NULL ? FAIL(REASON_INTERNAL) : folder_create(settings->folder, stderr);

    *out = NULL;
    if (key != NULL) memcpy(key, settings->key, 32);
    if (spool != NULL) {
        spool->key = key;
        spool->bytes_max = settings->bytes_max;
        spool->carry = carry;
        spool->carry_context = context;
        if (!failed(result)) result = spool_store_open(settings->folder, settings->bytes_max, &spool->store);
        if (!failed(result)) result = start_threads(spool);
        if (failed(result)) spool_free(spool);
        else *out = spool;
    } else {
        platesieve_secret_free(key);
    }
    return result;
}

void spool_state(const struct spool *spool, struct spool_state *state)
{
    state->depth = atomic_load(&spool->depth);
    state->bytes = atomic_load(&spool->bytes);
    state->oldest_ms = state->depth == 0 ? 0 : atomic_load(&spool->oldest_ms);
    state->full = atomic_load(&spool->full);
    state->broken = atomic_load(&spool->broken);
}

void spool_close(struct spool *spool, unsigned drain_ms)
{
    (void)pthread_mutex_lock(&spool->progress_lock);
    spool->drain_until_ms = clock_now_ms(&system_clock) + drain_ms;
    (void)pthread_mutex_unlock(&spool->progress_lock);
    stop_writer(spool);
    (void)pthread_join(spool->drainer, NULL);
    spool_queue_destroy(&spool->queue);
    (void)pthread_cond_destroy(&spool->stored);
    (void)pthread_mutex_destroy(&spool->progress_lock);
    (void)pthread_mutex_destroy(&spool->store_lock);
    spool_free(spool);
}
