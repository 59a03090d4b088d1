#include "server/gate/lanes/keeper.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "include/monotonic.h"
#include "server/http/log.h"

#define STEP_MS 1000
#define READ_EVERY_MS 2000
#define AWAY_MS 2000   /* after the database did not answer */
#define BATCH 256      /* lanes in one transaction */
#define GONE_MS (LIMIT_LANE_GONE_DAYS * INT64_C(86400000))

/* What the log said last of a lane; those of which it said nothing are well. */
struct told {
    char site[LIMIT_NAME_MAX + 1], lane[LIMIT_NAME_MAX + 1];
    enum lane_state state;
    unsigned alarms;
};

struct lanes_keeper {
    struct lanes_keeper_settings settings;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool ending;
    atomic_bool database;
    bool looked;
    unsigned side; /* of `told`: the last round's; the other is filled by the next */
    size_t told_count;
    struct told told[2][LIMIT_LANES]; /* in order of site and lane */
    struct lane_facts batch[BATCH];
};

/* -- the database ------------------------------------------------------------------------------------------------------------ */

static const struct lane_wishes *wishes_of(void *context, const char *site)
{
    return lanes_wishes(context, site);
}

/* False when it is away. */
static bool write_changed(struct lanes_keeper *keeper)
{
    const struct lanes_keeper_settings *settings = &keeper->settings;

    for (;;) {
        const int64_t now_ms = clock_now_ms(settings->steady);
        const size_t count = lanes_take_changed(settings->lanes, wishes_of, (void *)(uintptr_t)settings->config, now_ms, keeper->batch, BATCH);

        if (count == 0) return true;
        if (failed(db_lanes_store(settings->db, keeper->batch, count, now_ms))) {
            lanes_give_back(settings->lanes, keeper->batch, count);
            return false;
        }
        if (count < BATCH) return true;
    }
}

static void merge(void *context, const struct lane_facts *facts)
{
    lanes_merge(context, facts);
}

static bool read_all(struct lanes_keeper *keeper)
{
    const struct lanes_keeper_settings *settings = &keeper->settings;
    const int64_t now_ms = clock_now_ms(settings->steady);

    if (failed(db_lanes_each(settings->db, now_ms, merge, settings->lanes))) return false;
    lanes_synced(settings->lanes, now_ms);
    return true;
}

/* -- the log ----------------------------------------------------------------------------------------------------------------- */

static int order(const struct told *told, const struct lane_facts *facts)
{
    const int site = strcmp(told->site, facts->site);

    return site != 0 ? site : strcmp(told->lane, facts->lane);
}

static void say_silent(const struct lane_view *view, int64_t now_ms)
{
    const long long quiet_s = (now_ms - lane_heard_ms(view->facts)) / 1000;

    log_line(LOG_WARNING, "lane %s/%s is silent: nothing was heard of it for %lld s", view->facts->site, view->facts->lane, quiet_s);
}

static void say_alarms(const struct lane_view *view, unsigned alarms, bool begins)
{
    for (unsigned bit = 0; bit < LANE_ALARMS; bit++) {
        if ((alarms & 1u << bit) == 0 || 1u << bit == LANE_ALARM_SILENT) continue;
        log_line(begins ? LOG_WARNING : LOG_NOTICE, "lane %s/%s: alarm \"%s\" %s", view->facts->site, view->facts->lane, lane_alarm_name(bit),
                 begins ? "stands" : "is over");
    }
}

static void say_change(const struct told *told, const struct lane_view *view, int64_t now_ms)
{
    const struct lane_judgement *is = &view->judgement;

    if (is->state == LANE_SILENT && told->state != LANE_SILENT) say_silent(view, now_ms);
    else if (told->state == LANE_SILENT && is->state != LANE_SILENT && is->state != LANE_UNKNOWN)
        log_line(LOG_NOTICE, "lane %s/%s is not silent any more: %s", view->facts->site, view->facts->lane, lane_state_name(is->state));
    else if (is->state == LANE_ENDED && told->state != LANE_ENDED)
        log_line(LOG_NOTICE, "lane %s/%s has ended", view->facts->site, view->facts->lane);
    if (is->state == LANE_SILENT || is->state == LANE_UNKNOWN) return; /* nothing is known of the rest */
    say_alarms(view, is->alarms & ~told->alarms, true);
    say_alarms(view, told->alarms & ~is->alarms, false);
}

struct round {
    struct lanes_keeper *keeper;
    const struct told *last;
    struct told *next;
    size_t count, at; /* at: in `last`, which has the same order */
    int64_t now_ms;
};

static void look_at(void *context, const struct lane_view *view)
{
    struct round *round = context;
    struct lanes_keeper *keeper = round->keeper;
    const struct lane_facts *facts = view->facts;
    struct told told = { .state = LANE_WELL };

    while (round->at < keeper->told_count && order(&round->last[round->at], facts) < 0) round->at++;
    if (round->at < keeper->told_count && order(&round->last[round->at], facts) == 0) told = round->last[round->at];
    else if (!keeper->looked && view->judgement.state == LANE_ENDED) told.state = LANE_ENDED; /* no news */
    memcpy(told.site, facts->site, sizeof told.site);
    memcpy(told.lane, facts->lane, sizeof told.lane);
    say_change(&told, view, round->now_ms);
    if (view->judgement.state != LANE_UNKNOWN) {
        told.state = view->judgement.state;
        if (told.state != LANE_SILENT) told.alarms = view->judgement.alarms;
    }
    if (told.state != LANE_WELL && round->count < LIMIT_LANES) round->next[round->count++] = told;
    if (view->judgement.state != LANE_REMOVED || round->now_ms - lane_heard_ms(facts) < GONE_MS) return;
    if (failed(db_lane_forget(keeper->settings.db, facts->site, facts->lane))) return; /* next time */
    lanes_forget(keeper->settings.lanes, facts->site, facts->lane);
}

static void look(struct lanes_keeper *keeper)
{
    struct round round = { .keeper = keeper, .last = keeper->told[keeper->side], .next = keeper->told[1 - keeper->side] };

    round.now_ms = clock_now_ms(keeper->settings.steady);
    lanes_each(keeper->settings.lanes, keeper->settings.config, keeper->settings.registry, round.now_ms, look_at, &round);
    keeper->side = 1 - keeper->side;
    keeper->told_count = round.count;
    keeper->looked = keeper->looked || round.count > 0 || atomic_load(&keeper->database);
}

/* -- the thread -------------------------------------------------------------------------------------------------------------- */

/* True: go on. */
static bool wait_a_step(struct lanes_keeper *keeper)
{
    return monotonic_pause(&keeper->wake, &keeper->lock, &keeper->ending, monotonic_now_ms() + STEP_MS);
}

static void keep_database(struct lanes_keeper *keeper, int64_t now_ms, int64_t *read_ms)
{
    const bool reads = now_ms >= *read_ms;
    const bool good = write_changed(keeper) && (!reads || read_all(keeper));

    atomic_store(&keeper->database, good);
    if (!good) lanes_cut_off(keeper->settings.lanes);
    if (!good) *read_ms = now_ms + AWAY_MS;
    else if (reads) *read_ms = now_ms + READ_EVERY_MS;
}

static void *keep(void *context)
{
    struct lanes_keeper *keeper = context;
    int64_t read_ms = 0;

    do {
        const int64_t now_ms = clock_now_ms(keeper->settings.steady);

        if (atomic_load(&keeper->database) || now_ms >= read_ms) keep_database(keeper, now_ms, &read_ms);
        look(keeper);
    } while (wait_a_step(keeper));
    return NULL;
}

struct result lanes_keeper_start(const struct lanes_keeper_settings *settings, struct lanes_keeper **out)
{
    struct lanes_keeper *keeper = calloc(1, sizeof *keeper);

    if (keeper == NULL) return FAIL(REASON_INTERNAL);
    keeper->settings = *settings;
    (void)pthread_mutex_init(&keeper->lock, NULL);
    monotonic_condition(&keeper->wake);
    if (pthread_create(&keeper->thread, NULL, keep, keeper) != 0) {
        free(keeper);
        return FAIL(REASON_INTERNAL);
    }
    *out = keeper;
    return OK;
}

void lanes_keeper_stop(struct lanes_keeper *keeper)
{
    if (keeper == NULL) return;
    (void)pthread_mutex_lock(&keeper->lock);
    keeper->ending = true;
    (void)pthread_cond_signal(&keeper->wake);
    (void)pthread_mutex_unlock(&keeper->lock);
    (void)pthread_join(keeper->thread, NULL);
    if (atomic_load(&keeper->database)) (void)write_changed(keeper);
    (void)pthread_cond_destroy(&keeper->wake);
    (void)pthread_mutex_destroy(&keeper->lock);
    free(keeper);
}

bool lanes_keeper_database(const struct lanes_keeper *keeper)
{
    return atomic_load(&keeper->database);
}
