/* Housekeeping in the database, on a thread of its own: days' partitions made ahead and dropped when they are over, epochs'
   dropped, dead rows erased in small bites.  Other gates may do the same at the same time. */
#include <urcu-bp.h>

#include "server/gate/follow/internal.h"
#include "server/http/log.h"

#define DAYS_EVERY_MS (600 * 1000)
#define OVER_EVERY_MS 5000
#define FENCE_EVERY_MS 5000
#define EPOCHS_EVERY_MS 2000
#define RETRY_MS 5000
#define BITE_PAUSE_MS 50
#define IDLE_MS 10000
#define STEP_MS 500

static bool database_up(struct follow *follow)
{
    pthread_mutex_lock(&follow->lock);
    bool up = follow->status.database_up;
    pthread_mutex_unlock(&follow->lock);
    return up;
}

static void tell_dropped(void *context, uint64_t number)
{
    (void)context;
    log_line(LOG_NOTICE, "the slots of epoch number %llu are dropped from the database", (unsigned long long)number);
}

static void tell_day(void *context, int64_t day_ms)
{
    char text[16];
    const time_t day = (time_t)(day_ms / 1000);
    struct tm parts;

    (void)context;
    (void)strftime(text, sizeof text, "%Y-%m-%d", gmtime_r(&day, &parts));
    log_line(LOG_NOTICE, "hits that had to be gone by %s are dropped from the database", text);
}

/* A database that was restored may have the key of another time: agencies then get 503 until it has this one. */
static void give_fence(struct follow *follow)
{
    bool changed;

    if (failed(db_fence_give(follow->settings.db, &changed)) || !changed) return;
    log_line(LOG_NOTICE, "the database was given the key with which it tells agencies apart");
}

/* What suppressions counted goes to the database; what does not get there waits. */
static void send_counts(struct follow *follow)
{
    if (follow->sending.count == 0) {
        pthread_mutex_lock(&follow->counting);
        rcu_read_lock();
        suppressions_take_counts(rcu_dereference(follow->current)->suppressions, &follow->suppressed);
        rcu_read_unlock();
        follow->sending = follow->suppressed;
        follow->suppressed.count = 0;
        pthread_mutex_unlock(&follow->counting);
    }
    if (follow->sending.count > 0 && !failed(db_suppressions_counted(follow->settings.db, &follow->sending))) follow->sending.count = 0;
}

struct tidying {
    uint32_t after; /* segments up to this one were looked at */
    uint32_t told;  /* the last of which the log has it */
};

/* What one change removed.  One that is not what a gate stored is left alone, and the next is looked at; the loader names its list.  True while
   there may be more. */
static bool tidy_removed(struct follow *follow, struct tidying *tidying)
{
    uint32_t segment = tidying->after;
    struct result result = db_tidy(follow->settings.db, &segment);

    if (!failed(result) && segment != 0) return true;
    tidying->after = result.reason == REASON_FORGED ? segment : 0;
    if (result.reason != REASON_FORGED || segment == 0) return false;
    if (segment > tidying->told)
        log_line(LOG_ERR, "rows of segment %u are not what gates stored: what it removed is not erased", segment);
    if (segment > tidying->told) tidying->told = segment;
    return true;
}

void *follow_tidy(void *context)
{
    struct follow *follow = context;
    struct tidying tidying = { 0 };
    int64_t fence_ms = 0, days_ms = 0, over_ms = 0, epochs_ms = 0, bite_ms = 0, pause_ms = STEP_MS;

    while (follow_pause(follow, pause_ms, NULL)) {
        int64_t ticks = follow_ticks_ms();
        bool more = false;

        pause_ms = STEP_MS;
        if (!database_up(follow)) continue;
        if (ticks >= fence_ms) {
            give_fence(follow);
            fence_ms = ticks + FENCE_EVERY_MS;
        }
        send_counts(follow);
        if (ticks >= days_ms) days_ms = ticks + (failed(db_days_prepare(follow->settings.db)) ? RETRY_MS : DAYS_EVERY_MS);
        if (ticks >= over_ms) {
            /* Reads may be in the way: it is tried again. */
            (void)failed(db_days_drop(follow->settings.db, follow_now_ms(follow), tell_day, NULL));
            over_ms = ticks + OVER_EVERY_MS;
        }
        if (ticks >= epochs_ms) {
            /* A push or a load may be in the way: it is tried again. */
            (void)failed(db_epochs_drop(follow->settings.db, tell_dropped, NULL));
            epochs_ms = ticks + EPOCHS_EVERY_MS;
        }
        if (ticks < bite_ms || atomic_load(&follow->ending)) continue;
        if (failed(db_maintain(follow->settings.db, &more))) more = false;
        more = tidy_removed(follow, &tidying) || more;
        bite_ms = ticks + (more ? BITE_PAUSE_MS : IDLE_MS);
        if (more) pause_ms = BITE_PAUSE_MS;
    }
    if (database_up(follow)) send_counts(follow);
    return NULL;
}
