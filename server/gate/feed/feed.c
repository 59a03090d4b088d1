#include "server/gate/feed/feed.h"

#include <stdlib.h>
#include <time.h>

#include "include/monotonic.h"
#include "server/gate/feed/internal.h"

#define PAGES_MAX 8 /* of one agency before the others' turn */

int64_t feed_now_ms(void)
{
    return monotonic_now_ms();
}

void feed_wait(struct feed *feed, pthread_cond_t *condition, int64_t until_ms)
{
    (void)monotonic_wait(condition, &feed->lock, until_ms);
}

/* -- what passes ------------------------------------------------------------------------------------------------------------ */

static void flow_drop_first(struct flow *flow)
{
    struct kept *kept = &flow->kept[flow->first];

    flow->low = kept->hit.cursor;
    free(kept->frame);
    kept->frame = NULL;
    flow->first = (flow->first + 1) % LIMIT_FEED_KEPT;
    flow->count--;
}

static void flow_clear(struct flow *flow, uint64_t at)
{
    while (flow->count > 0) flow_drop_first(flow);
    flow->low = flow->high = at;
}

/* Takes the frame. */
static void flow_append(struct flow *flow, const struct kept *kept)
{
    if (flow->count == LIMIT_FEED_KEPT) flow_drop_first(flow);
    flow->kept[(flow->first + flow->count++) % LIMIT_FEED_KEPT] = *kept;
    flow->high = kept->hit.cursor;
}

struct fresh {
    struct feed *feed;
    size_t count;
    bool broken;
    struct kept kept[LIMIT_FEED_KEPT];
};

static void take(void *context, const struct db_hit *hit)
{
    struct fresh *fresh = context;
    struct kept *kept = &fresh->kept[fresh->count];

    if (fresh->broken) return;
    kept->hit = *hit;
    kept->since_ms = feed_now_ms();
    kept->frame = fresh->feed->settings.frame(hit, &kept->size);
    fresh->broken = kept->frame == NULL;
    if (!fresh->broken) fresh->count++;
}

static void pump_flow(struct feed *feed, const struct flow *flow)
{
    for (struct follower *each = feed->followers; each != NULL; each = each->next) {
        if (each->flow != flow || each->behind || each->busy) continue;
        follower_pump(each, feed_now_ms());
        if (each->behind) pthread_cond_signal(&feed->stir_late);
    }
}

/* What is new of one agency, and out with it.  Without the lock: only this thread removes flows. */
static struct result flow_read(struct feed *feed, struct flow *flow, struct fresh *fresh)
{
    struct db_page page = { .after = flow->high, .limit = LIMIT_FEED_KEPT, .more = true };

    for (unsigned pages = 0; page.more && pages < PAGES_MAX; pages++) {
        fresh->count = 0;
        fresh->broken = false;
        TRY(db_hits_after(feed->settings.agency_db, flow->agency, &db_hit_filter_all, &page, take, fresh));
        pthread_mutex_lock(&feed->lock);
        for (size_t i = 0; i < fresh->count; i++) flow_append(flow, &fresh->kept[i]);
        if (!fresh->broken) flow->high = page.cursor;
        pump_flow(feed, flow);
        pthread_mutex_unlock(&feed->lock);
        if (fresh->broken) return FAIL(REASON_BUSY);
        page.after = page.cursor;
    }
    return OK;
}

/* -- how far the feeds are -------------------------------------------------------------------------------------------------- */

static void note_head(void *context, const char *agency, uint64_t head)
{
    struct feed *feed = context;

    for (struct flow *flow = feed->flows; flow != NULL; flow = flow->next)
        if (strcmp(flow->agency, agency) == 0) flow->head = head;
}

/* A feed that went back is another one: the database was restored.  Whoever follows asks again, and is told so. */
static void flow_restart(struct feed *feed, struct flow *flow)
{
    for (struct follower *each = feed->followers; each != NULL; each = each->next)
        if (each->flow == flow) stream_end(each->stream, reason_row(REASON_CURSOR)->name);
    flow_clear(flow, flow->head);
}

/* Asks the database.  The list of flows is this thread's to shorten; others only put new ones before it. */
static struct result look(struct feed *feed, struct fresh *fresh)
{
    struct result result = OK;

    pthread_mutex_lock(&feed->lock);
    struct flow *flows = feed->flows;
    pthread_mutex_unlock(&feed->lock);
    if (flows == NULL) return OK;
    struct feed view = { .flows = flows };
    TRY(db_feed_heads(feed->settings.gate_db, note_head, &view));
    for (struct flow *flow = flows; flow != NULL && !failed(result); flow = flow->next) {
        bool restart = false;

        if (flow->head > flow->high) result = flow_read(feed, flow, fresh); /* which may go on beyond the head that was told */
        else if (flow->head < flow->high) restart = true;
        if (!restart) continue;
        pthread_mutex_lock(&feed->lock);
        flow_restart(feed, flow);
        pthread_mutex_unlock(&feed->lock);
    }
    return result;
}

/* -- those who follow ------------------------------------------------------------------------------------------------------- */

static void flow_remove(struct feed *feed, struct flow *flow)
{
    struct flow **place = &feed->flows;

    while (*place != flow) place = &(*place)->next;
    *place = flow->next;
    flow_clear(flow, 0);
    free(flow);
}

static void drop_gone(struct feed *feed)
{
    for (struct follower **place = &feed->followers; *place != NULL;) {
        struct follower *each = *place;

        if (each->busy || !stream_over(each->stream)) {
            place = &each->next;
            continue;
        }
        *place = each->next;
        if (--each->flow->followers == 0) flow_remove(feed, each->flow);
        stream_release(each->stream);
        free(each);
    }
}

/* Under the lock. */
static void serve_all(struct feed *feed)
{
    const int64_t now_ms = feed_now_ms();

    drop_gone(feed);
    for (struct flow *flow = feed->flows; flow != NULL; flow = flow->next)
        while (flow->count > 0 && now_ms - flow->kept[flow->first].since_ms > FEED_KEPT_MS) flow_drop_first(flow);
    for (struct follower *each = feed->followers; each != NULL; each = each->next) {
        if (!each->behind && !each->busy) follower_pump(each, now_ms);
        if (each->behind) pthread_cond_signal(&feed->stir_late);
        follower_beat(each, feed->away, now_ms);
    }
}

static struct flow *flow_find(struct feed *feed, const char *agency, uint64_t head)
{
    for (struct flow *flow = feed->flows; flow != NULL; flow = flow->next)
        if (strcmp(flow->agency, agency) == 0) return flow;
    struct flow *flow = calloc(1, sizeof *flow);
    if (flow == NULL) return NULL;
    (void)snprintf(flow->agency, sizeof flow->agency, "%s", agency);
    flow->low = flow->high = flow->head = head;
    flow->next = feed->flows;
    feed->flows = flow;
    return flow;
}

struct result feed_follow(struct feed *feed, const char *agency, const struct db_hit_filter *filter, uint64_t after, uint64_t head,
                          struct stream *stream)
{
    struct follower *follower = calloc(1, sizeof *follower);

    if (follower == NULL) return FAIL(REASON_BUSY);
    *follower = (struct follower){ .stream = stream, .filter = *filter, .position = after, .told = after, .said_ms = feed_now_ms() };
    pthread_mutex_lock(&feed->lock);
    follower->flow = feed->ending ? NULL : flow_find(feed, agency, head);
    if (follower->flow != NULL) {
        follower->flow->followers++;
        follower->behind = after < follower->flow->low;
        follower->next = feed->followers;
        feed->followers = follower;
        feed->roomed = true;
        pthread_cond_signal(&feed->stir_live);
        pthread_cond_signal(&feed->stir_late);
    }
    pthread_mutex_unlock(&feed->lock);
    if (follower->flow != NULL) return OK;
    free(follower);
    return FAIL(REASON_BUSY);
}

void feed_hint(struct feed *feed)
{
    pthread_mutex_lock(&feed->lock);
    feed->hinted = true;
    pthread_cond_signal(&feed->stir_live);
    pthread_mutex_unlock(&feed->lock);
}

void feed_room(void *context)
{
    struct feed *feed = context;

    pthread_mutex_lock(&feed->lock);
    for (struct follower *each = feed->followers; each != NULL; each = each->next) each->blocked = false;
    feed->roomed = true;
    pthread_cond_signal(&feed->stir_live);
    pthread_cond_signal(&feed->stir_late);
    pthread_mutex_unlock(&feed->lock);
}

/* -- the live thread -------------------------------------------------------------------------------------------------------- */

/* True when it is time to ask the database; false when somebody has room for what is here already.  Under the lock. */
static bool wait_for_work(struct feed *feed, int64_t last_ms)
{
    for (;;) {
        const int64_t now_ms = feed_now_ms(), next_ms = last_ms + (feed->hinted ? FEED_PAUSE_MS : FEED_POLL_MS);

        if (now_ms >= next_ms || feed->ending) return !feed->ending;
        if (feed->roomed) return false;
        feed_wait(feed, &feed->stir_live, next_ms);
    }
}

static void *feed_live(void *context)
{
    struct feed *feed = context;
    struct fresh *fresh = calloc(1, sizeof *fresh);
    int64_t last_ms = 0;

    if (fresh != NULL) fresh->feed = feed;
    pthread_mutex_lock(&feed->lock);
    while (!feed->ending && fresh != NULL) {
        if (wait_for_work(feed, last_ms)) {
            last_ms = feed_now_ms();
            feed->hinted = false;
            pthread_mutex_unlock(&feed->lock);
            struct result result = look(feed, fresh);
            pthread_mutex_lock(&feed->lock);
            feed->away = failed(result);
        }
        feed->roomed = false;
        serve_all(feed);
    }
    pthread_mutex_unlock(&feed->lock);
    free(fresh);
    return NULL;
}

/* -- start and stop --------------------------------------------------------------------------------------------------------- */

struct result feed_start(const struct feed_settings *settings, struct feed **out)
{
    struct feed *feed = calloc(1, sizeof *feed);

    if (feed == NULL) return FAIL(REASON_INTERNAL);
    feed->settings = *settings;
    (void)pthread_mutex_init(&feed->lock, NULL);
    monotonic_condition(&feed->stir_live);
    monotonic_condition(&feed->stir_late);
    if (pthread_create(&feed->live, NULL, feed_live, feed) != 0) {
        free(feed);
        return FAIL(REASON_INTERNAL);
    }
    if (pthread_create(&feed->late, NULL, feed_late, feed) != 0) {
        feed->late = feed->live;
        feed_stop(feed);
        return FAIL(REASON_INTERNAL);
    }
    *out = feed;
    return OK;
}

void feed_stop(struct feed *feed)
{
    if (feed == NULL) return;
    pthread_mutex_lock(&feed->lock);
    feed->ending = true;
    pthread_cond_broadcast(&feed->stir_live);
    pthread_cond_broadcast(&feed->stir_late);
    pthread_mutex_unlock(&feed->lock);
    (void)pthread_join(feed->live, NULL);
    if (!pthread_equal(feed->late, feed->live)) (void)pthread_join(feed->late, NULL);
    for (struct follower *each = feed->followers, *next; each != NULL; each = next) {
        next = each->next;
        stream_release(each->stream);
        free(each);
    }
    while (feed->flows != NULL) flow_remove(feed, feed->flows);
    (void)pthread_cond_destroy(&feed->stir_live);
    (void)pthread_cond_destroy(&feed->stir_late);
    (void)pthread_mutex_destroy(&feed->lock);
    free(feed);
}
