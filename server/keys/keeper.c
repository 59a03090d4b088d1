#include "server/keys/keeper.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "include/monotonic.h"
#include "server/http/log.h"

#define TICK_MS_MAX 1000
#define TICKS_PER_EPOCH 20

struct keeper {
    struct keeper_settings settings;
    pthread_t thread;
    pthread_mutex_t work; /* held while the store is changed */
    int64_t told_ms;      /* epochs that opened or closed until then were said on the log */
    pthread_mutex_t lock; /* over what is below */
    pthread_cond_t wake;
    bool ending;
    atomic_bool healthy;
};

static void tell_made(const struct epoch *epoch)
{
    char opens[TIME_TEXT_SIZE], closes[TIME_TEXT_SIZE];
    time_format(epoch->span.opens_s * 1000, opens);
    time_format(epoch->span.closes_s * 1000, closes);
    log_line(LOG_NOTICE, "epoch %s, number %llu, has a %s: opens %s, closes %s", epoch->id,
             (unsigned long long)epoch->number, epoch->server == 0 ? "key" : "share of a key", opens, closes);
}

static void tell_erased(const struct epoch *epoch)
{
    log_line(LOG_NOTICE, "the key of epoch %s, number %llu, is erased", epoch->id, (unsigned long long)epoch->number);
}

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
            tell_erased(&epochs[i]);
        }
    }
    return fine;
}

/* One that was erased before its time counts, because another took its place; so does one that was opened after it. */
static bool is_there(struct epoch_store *store, int64_t opens_s, int64_t now_s)
{
    struct epoch epochs[LIMIT_EPOCHS_KNOWN];
    size_t count = epoch_store_list(store, epochs);
    for (size_t i = 0; i < count; i++) {
        const struct span *span = &epochs[i].span;
        if (epochs[i].number == schedule_number(opens_s)) return true;
        if (!epochs[i].erased && opens_s < span->opens_s && span->opens_s <= now_s) return true;
    }
    return false;
}

static bool make_missing(const struct keeper_settings *settings, int64_t now_s)
{
    struct span wanted[SCHEDULE_WANTED_MAX];
    size_t count = schedule_wanted(&settings->schedule, now_s, wanted);
    for (size_t i = 0; i < count; i++) {
        struct epoch added;
        if (is_there(settings->store, wanted[i].opens_s, now_s)) continue;
        struct result result = epoch_store_add(settings->store, &wanted[i], settings->suite, &added);
        if (failed(result)) {
            log_line(LOG_ERR, "the key of the next epoch could not be made%s",
                     result.reason == REASON_GONE ? ": the seeds are given up for its time; is the clock right?" : "");
            return false;
        }
        tell_made(&added);
    }
    return true;
}

bool keeper_tick(const struct keeper_settings *settings)
{
    int64_t now_s = clock_now_ms(settings->clock) / 1000;
    bool erased = erase_due(settings, now_s), forgot = !failed(epoch_store_forget(settings->store, now_s));
    if (!forgot) log_line(LOG_ERR, "the seeds of erased epochs could not be overwritten on the disk");
    return make_missing(settings, now_s) && erased && forgot;
}

/* -- turns, for the log ---------------------------------------------------------------------------------------------- */

static bool between(int64_t at_s, int64_t after_ms, int64_t until_ms)
{
    return at_s * 1000 > after_ms && at_s * 1000 <= until_ms;
}

static void tell_turns(struct keeper *keeper)
{
    struct epoch epochs[LIMIT_EPOCHS_KNOWN];
    size_t count = epoch_store_list(keeper->settings.store, epochs);
    int64_t since_ms = keeper->told_ms, now_ms = clock_now_ms(keeper->settings.clock);
    for (size_t i = 0; i < count; i++) {
        const struct epoch *epoch = &epochs[i];
        if (epoch->erased && epoch->span.destroyed_s < epoch->span.opens_s) continue; /* replaced before it opened */
        if (between(epoch->span.opens_s, since_ms, now_ms)) log_line(LOG_NOTICE, "epoch %s is open", epoch->id);
        if (between(epoch->span.closes_s, since_ms, now_ms)) log_line(LOG_NOTICE, "epoch %s is closed", epoch->id);
    }
    keeper->told_ms = now_ms;
}

static bool tick(struct keeper *keeper)
{
    pthread_mutex_lock(&keeper->work);
    bool fine = keeper_tick(&keeper->settings);
    tell_turns(keeper);
    pthread_mutex_unlock(&keeper->work);
    return fine;
}

/* -- rotating ------------------------------------------------------------------------------------------------------ */

static void tell_rotated(const struct rotation_plan *plan, const struct rotation *rotation, const char *who, const char *why)
{
    char id[SCHEDULE_ID_SIZE];
    schedule_id(rotation->opens_s, id);
    log_line(LOG_WARNING, "rotation by %s: epoch %s %s; %zu close with it%s, %zu that come are replaced; reason: %s", who,
             id, plan->made ? "stands already" : "is put into the calendar", plan->change_count,
             rotation->destroy ? " and are destroyed" : "", plan->erase_count, *why == '\0' ? "not said" : why);
}

static struct result add_epochs(const struct keeper_settings *settings, const struct rotation_plan *plan)
{
    struct epoch added;
    if (!plan->made) {
        TRY(epoch_store_add(settings->store, &plan->span, settings->suite, &added));
        tell_made(&added);
    }
    for (size_t i = 0; i < plan->add_count; i++) {
        TRY(epoch_store_add(settings->store, &plan->add[i], settings->suite, &added));
        tell_made(&added);
    }
    return OK;
}

static struct result change_epochs(const struct keeper_settings *settings, const struct rotation_plan *plan)
{
    for (size_t i = 0; i < plan->change_count; i++) {
        const struct rotation_change *change = &plan->change[i];
        char closes[TIME_TEXT_SIZE], destroyed[TIME_TEXT_SIZE];
        TRY(epoch_store_reschedule(settings->store, change->number, change->closes_s, change->destroyed_s));
        time_format(change->closes_s * 1000, closes);
        time_format(change->destroyed_s * 1000, destroyed);
        log_line(LOG_NOTICE, "epoch number %llu now closes %s, its key is erased %s", (unsigned long long)change->number,
                 closes, destroyed);
    }
    return OK;
}

/* New keys first: whatever breaks this off, there is one to go on with. */
static struct result carry_out(const struct keeper_settings *settings, const struct rotation_plan *plan, int64_t now_s)
{
    TRY(add_epochs(settings, plan));
    TRY(change_epochs(settings, plan));
    for (size_t i = 0; i < plan->erase_count; i++) {
        TRY(epoch_store_erase(settings->store, plan->erase[i], now_s));
        log_line(LOG_NOTICE, "the key of epoch number %llu is erased before it opened", (unsigned long long)plan->erase[i]);
    }
    return OK;
}

static struct result rotate(struct keeper *keeper, const struct rotation *rotation, const char *who, const char *why)
{
    const struct keeper_settings *settings = &keeper->settings;
    struct epoch epochs[LIMIT_EPOCHS_KNOWN];
    struct rotation_plan plan;
    int64_t now_s = clock_now_ms(settings->clock) / 1000;
    size_t count = epoch_store_list(settings->store, epochs);
    TRY(rotation_make_plan(rotation, &settings->schedule, now_s, epochs, count, &plan));
    tell_rotated(&plan, rotation, who, why);
    struct result result = carry_out(settings, &plan, now_s);
    if (failed(result)) log_line(LOG_ERR, "the rotation was broken off: %s", reason_row(result.reason)->title);
    else if (!keeper_tick(settings)) result = FAIL(REASON_INTERNAL);
    return result;
}

struct result keeper_rotate(struct keeper *keeper, const struct rotation *rotation, const char *who, const char *why,
                            struct epoch *opened)
{
    struct epoch epochs[LIMIT_EPOCHS_KNOWN];
    pthread_mutex_lock(&keeper->work);
    struct result result = rotate(keeper, rotation, who, why);
    size_t count = failed(result) ? 0 : epoch_store_list(keeper->settings.store, epochs);
    pthread_mutex_unlock(&keeper->work);
    for (size_t i = 0; i < count; i++)
        if (epochs[i].span.opens_s == rotation->opens_s) *opened = epochs[i];
    return result;
}

/* -- the thread ---------------------------------------------------------------------------------------------------- */

static bool pause_tick(struct keeper *keeper)
{
    int64_t ms = keeper->settings.schedule.length_s * 1000 / TICKS_PER_EPOCH;
    if (ms > TICK_MS_MAX) ms = TICK_MS_MAX;
    return monotonic_pause(&keeper->wake, &keeper->lock, &keeper->ending, monotonic_now_ms() + ms);
}

static void *keep(void *context)
{
    struct keeper *keeper = context;
    while (pause_tick(keeper)) atomic_store(&keeper->healthy, tick(keeper));
    return NULL;
}

struct result keeper_start(const struct keeper_settings *settings, struct keeper **out)
{
    struct keeper *keeper = calloc(1, sizeof *keeper);
    if (keeper == NULL) return FAIL(REASON_INTERNAL);
    keeper->settings = *settings;
    keeper->told_ms = clock_now_ms(settings->clock);
    pthread_mutex_init(&keeper->work, NULL);
    atomic_init(&keeper->healthy, keeper_tick(settings));
    pthread_mutex_init(&keeper->lock, NULL);
    monotonic_condition(&keeper->wake);
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
    pthread_mutex_destroy(&keeper->work);
    free(keeper);
}

bool keeper_healthy(const struct keeper *keeper)
{
    return atomic_load(&keeper->healthy);
}
