/* Housekeeping in the database, on a thread of its own: days' partitions made ahead, epochs' dropped, dead rows
   erased in small bites.  Other gates may do the same at the same time. */
#include "server/gate/follow_internal.h"
#include "server/http/log.h"

#define DAY_MS INT64_C(86400000)
#define DAYS_AHEAD 7
#define DAYS_EVERY_MS (3600 * 1000)
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

/* Yesterday's as well: a hit may be a day old. */
static bool prepare_days(struct follow *follow)
{
    for (int day = -1; day <= DAYS_AHEAD; day++)
        if (failed(db_day_prepare(follow->settings.db, follow_now_ms(follow) + day * DAY_MS))) return false;
    return true;
}

static void tell_dropped(void *context, uint64_t number)
{
    (void)context;
    log_line(LOG_NOTICE, "the slots of epoch number %llu are dropped from the database", (unsigned long long)number);
}

void *follow_tidy(void *context)
{
    struct follow *follow = context;
    int64_t days_ms = 0, epochs_ms = 0, bite_ms = 0, pause_ms = STEP_MS;

    while (follow_pause(follow, pause_ms, NULL)) {
        int64_t ticks = follow_ticks_ms();
        bool more = false;

        pause_ms = STEP_MS;
        if (!database_up(follow)) continue;
        if (ticks >= days_ms) days_ms = ticks + (prepare_days(follow) ? DAYS_EVERY_MS : RETRY_MS);
        if (ticks >= epochs_ms) {
            /* A push or a load may be in the way: it is tried again. */
            (void)failed(db_epochs_drop(follow->settings.db, tell_dropped, NULL));
            epochs_ms = ticks + EPOCHS_EVERY_MS;
        }
        if (ticks < bite_ms || atomic_load(&follow->ending)) continue;
        if (failed(db_maintain(follow->settings.db, &more))) more = false;
        bite_ms = ticks + (more ? BITE_PAUSE_MS : IDLE_MS);
        if (more) pause_ms = BITE_PAUSE_MS;
    }
    return NULL;
}
