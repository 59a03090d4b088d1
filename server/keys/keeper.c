#include "server/keys/keeper.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "server/http/log.h"

#define TICK_MS_MAX 1000
#define TICKS_PER_EPOCH 20

struct keeper {
    struct keeper_settings settings;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool ending;
    atomic_bool healthy;
};

static bool erase_due(const struct keeper_settings *settings, int64_t now_s)
{
    struct epoch epochs[LIMIT_EPOCHS_KNOWN];
    size_t count = epoch_store_list(settings->store, epochs);
    bool fine = true;
    for (size_t i = 0; i < count; i++) {
        if (epochs[i].erased || now_s < epochs[i].span.destroyed_s) continue;
        if (failed(epoch_store_erase(settings->store, epochs[i].number, now_s))) {
            log_line(LOG_ERR, "the key of epoch %s could not be erased from the disk", epochs[i].id);
            fine = false;
        } else {
            log_line(LOG_NOTICE, "the key of epoch %s, number %llu, is erased", epochs[i].id,
                     (unsigned long long)epochs[i].number);
        }
    }
    return fine;
}

static bool is_there(struct epoch_store *store, int64_t opens_s)
{
    struct epoch epochs[LIMIT_EPOCHS_KNOWN];
    char id[SCHEDULE_ID_SIZE];
    size_t count = epoch_store_list(store, epochs);
    schedule_id(opens_s, id);
    for (size_t i = 0; i < count; i++)
        if (strcmp(epochs[i].id, id) == 0) return true;
    return false;
}

static bool make_missing(const struct keeper_settings *settings, int64_t now_s)
{
    struct span wanted[SCHEDULE_WANTED_MAX];
    size_t count = schedule_wanted(&settings->schedule, now_s, wanted);
    for (size_t i = 0; i < count; i++) {
        struct epoch added;
        if (is_there(settings->store, wanted[i].opens_s)) continue;
        /* a calendar number: it goes on where it was if the store was lost, and no gate's ratchet has to go back */
        uint64_t first = (uint64_t)(wanted[i].opens_s / settings->schedule.length_s);
        if (failed(epoch_store_add(settings->store, &wanted[i], first, settings->suite, &added))) {
            log_line(LOG_ERR, "the key of the next epoch could not be made");
            return false; /* those after it would get its number */
        }
        log_line(LOG_NOTICE, "epoch %s, number %llu, has a key", added.id, (unsigned long long)added.number);
    }
    return true;
}

bool keeper_tick(const struct keeper_settings *settings)
{
    int64_t now_s = clock_now_ms(settings->clock) / 1000;
    bool erased = erase_due(settings, now_s);
    return make_missing(settings, now_s) && erased;
}

static bool pause_tick(struct keeper *keeper)
{
    int64_t ms = keeper->settings.schedule.length_s * 1000 / TICKS_PER_EPOCH;
    if (ms > TICK_MS_MAX) ms = TICK_MS_MAX;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += ms % 1000 * 1000000;
    until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&keeper->lock);
    while (!keeper->ending && pthread_cond_timedwait(&keeper->wake, &keeper->lock, &until) == 0) {}
    bool on = !keeper->ending;
    pthread_mutex_unlock(&keeper->lock);
    return on;
}

static void *keep(void *context)
{
    struct keeper *keeper = context;
    while (pause_tick(keeper)) atomic_store(&keeper->healthy, keeper_tick(&keeper->settings));
    return NULL;
}

struct result keeper_start(const struct keeper_settings *settings, struct keeper **out)
{
    struct keeper *keeper = calloc(1, sizeof *keeper);
    if (keeper == NULL) return FAIL(REASON_INTERNAL);
    pthread_condattr_t attributes;
    keeper->settings = *settings;
    atomic_init(&keeper->healthy, keeper_tick(settings));
    pthread_mutex_init(&keeper->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&keeper->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    if (pthread_create(&keeper->thread, NULL, keep, keeper) == 0) {
        *out = keeper;
        return OK;
    }
    free(keeper);
    return FAIL(REASON_INTERNAL);
}

void keeper_stop(struct keeper *keeper)
{
    if (keeper == NULL) return;
    pthread_mutex_lock(&keeper->lock);
    keeper->ending = true;
    pthread_cond_signal(&keeper->wake);
    pthread_mutex_unlock(&keeper->lock);
    pthread_join(keeper->thread, NULL);
    pthread_cond_destroy(&keeper->wake);
    pthread_mutex_destroy(&keeper->lock);
    free(keeper);
}

bool keeper_healthy(const struct keeper *keeper)
{
    return atomic_load(&keeper->healthy);
}
