#include "server/gate/lanes/lanes.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLACES (2 * LIMIT_LANES)    /* open addressing */
#define WRITE_EVERY_MS 5000         /* a lane, at most */
#define WRITE_EVERY_MIN_MS 1000     /* where operators want to hear of silence soon */
#define OTHERS_LATE_MS 3000         /* from another gate's writing to our reading, at most */
#define RETURN_MS 10000             /* after the database was away: until then others have written what they heard meanwhile */

struct place {
    struct lane_facts facts;
    struct lane_facts *last_run; /* the end of the run before this one, which is not in the database yet; mostly NULL */
    int64_t written_ms; /* LANE_NEVER */
    bool changed;       /* heard here, and not in the database yet */
};

struct lanes {
    pthread_mutex_t lock;
    struct place *places[PLACES];
    size_t count;
    int64_t current_ms; /* since then the database answers; LANE_NEVER: it does not */
    int64_t synced_ms;  /* its word is good for what other gates had written by then; LANE_NEVER */
};

struct lanes *lanes_create(void)
{
    struct lanes *lanes = calloc(1, sizeof *lanes);

    if (lanes == NULL) return NULL;
    lanes->current_ms = lanes->synced_ms = LANE_NEVER;
    (void)pthread_mutex_init(&lanes->lock, NULL);
    return lanes;
}

static void free_place(struct place *place)
{
    if (place != NULL) free(place->last_run);
    free(place);
}

void lanes_destroy(struct lanes *lanes)
{
    if (lanes == NULL) return;
    for (size_t i = 0; i < PLACES; i++) free_place(lanes->places[i]);
    (void)pthread_mutex_destroy(&lanes->lock);
    free(lanes);
}

/* -- places ---------------------------------------------------------------------------------------------------------------- */

static uint64_t hash(const char *site, const char *lane)
{
    uint64_t hash = 1469598103934665603u; /* FNV-1a */

    for (const char *c = site; *c != '\0'; c++) hash = (hash ^ (unsigned char)*c) * 1099511628211u;
    hash = (hash ^ '/') * 1099511628211u;
    for (const char *c = lane; *c != '\0'; c++) hash = (hash ^ (unsigned char)*c) * 1099511628211u;
    return hash;
}

static bool is_it(const struct place *place, const char *site, const char *lane)
{
    return strcmp(place->facts.lane, lane) == 0 && strcmp(place->facts.site, site) == 0;
}

/* Where it is, or would be: there is always a free place. */
static size_t find(const struct lanes *lanes, const char *site, const char *lane)
{
    size_t at = hash(site, lane) % PLACES;

    while (lanes->places[at] != NULL && !is_it(lanes->places[at], site, lane)) at = (at + 1) % PLACES;
    return at;
}

static void set_name(char to[LIMIT_NAME_MAX + 1], const char *from)
{
    (void)snprintf(to, LIMIT_NAME_MAX + 1, "%s", from);
}

/* Makes it when it is new; NULL when there is no place. */
static struct place *place_of(struct lanes *lanes, const char *site, const char *lane, int64_t now_ms)
{
    const size_t at = find(lanes, site, lane);

    if (lanes->places[at] != NULL || lanes->count == LIMIT_LANES) return lanes->places[at];
    struct place *place = calloc(1, sizeof *place);
    if (place == NULL) return NULL;
    set_name(place->facts.site, site);
    set_name(place->facts.lane, lane);
    place->facts.first_ms = now_ms;
    place->facts.check_ms = place->facts.report_ms = place->facts.read_ms = LANE_NEVER;
    place->facts.unchecked_ms = place->facts.false_ms = place->facts.calibrated_ms = place->written_ms = LANE_NEVER;
    lanes->places[at] = place;
    lanes->count++;
    return place;
}

/* What was put behind the one that goes, because its place was taken, is put anew. */
static void take_out(struct lanes *lanes, size_t at)
{
    free_place(lanes->places[at]);
    lanes->places[at] = NULL;
    lanes->count--;
    for (size_t next = (at + 1) % PLACES; lanes->places[next] != NULL; next = (next + 1) % PLACES) {
        struct place *moved = lanes->places[next];

        lanes->places[next] = NULL;
        lanes->places[find(lanes, moved->facts.site, moved->facts.lane)] = moved;
    }
}

/* -- hearing --------------------------------------------------------------------------------------------------------------- */

void lanes_checked(struct lanes *lanes, const char *site, const char *lane, int64_t now_ms)
{
    (void)pthread_mutex_lock(&lanes->lock);
    struct place *place = place_of(lanes, site, lane, now_ms);
    if (place != NULL) {
        place->facts.check_ms = now_ms;
        place->changed = true;
    }
    (void)pthread_mutex_unlock(&lanes->lock);
}

static bool same_run(const struct lane_facts *facts, const struct lane_report *report)
{
    return facts->report_ms != LANE_NEVER && facts->report.started_ms == report->started_ms;
}

/* So that what it counted joins the other runs in the database, too.  Of runs that follow each other within a second only the first is. */
static void keep_run(struct place *place, const struct lane_facts *facts)
{
    if (place->last_run != NULL || facts->report_ms == LANE_NEVER) return;
    place->last_run = malloc(sizeof *place->last_run);
    if (place->last_run != NULL) *place->last_run = *facts;
}

bool lanes_reported(struct lanes *lanes, const char *site, const char *lane, const struct lane_report *report, int64_t now_ms, int64_t wall_ms)
{
    (void)pthread_mutex_lock(&lanes->lock);
    struct place *place = place_of(lanes, site, lane, now_ms);
    if (place != NULL) {
        if (report->ending) place->written_ms = LANE_NEVER; /* at once */
        if (place->changed && !same_run(&place->facts, report)) keep_run(place, &place->facts);
        lane_facts_report(&place->facts, report, now_ms, wall_ms);
        place->changed = true;
    }
    (void)pthread_mutex_unlock(&lanes->lock);
    return place != NULL;
}

/* -- to and from the database ---------------------------------------------------------------------------------------------- */

static int64_t write_every_ms(int64_t silence_ms)
{
    if (silence_ms == 0 || silence_ms / 3 > WRITE_EVERY_MS) return WRITE_EVERY_MS;
    return silence_ms / 3 < WRITE_EVERY_MIN_MS ? WRITE_EVERY_MIN_MS : silence_ms / 3;
}

size_t lanes_take_changed(struct lanes *lanes, const struct lane_wishes *(*wishes)(void *context, const char *site), void *context, int64_t now_ms,
                          struct lane_facts *facts, size_t max)
{
    size_t count = 0;

    (void)pthread_mutex_lock(&lanes->lock);
    for (size_t i = 0; i < PLACES && count < max; i++) {
        struct place *place = lanes->places[i];

        if (place == NULL || !place->changed) continue;
        const int64_t every_ms = write_every_ms(lane_silence_ms(&place->facts, wishes(context, place->facts.site)));
        if (place->last_run == NULL && place->written_ms != LANE_NEVER && now_ms - place->written_ms < every_ms) continue;
        facts[count++] = place->last_run != NULL ? *place->last_run : place->facts;
        place->changed = place->last_run != NULL; /* what follows it is next: one write of a lane at a time */
        place->written_ms = place->last_run != NULL ? LANE_NEVER : now_ms;
        free(place->last_run);
        place->last_run = NULL;
    }
    (void)pthread_mutex_unlock(&lanes->lock);
    return count;
}

void lanes_give_back(struct lanes *lanes, const struct lane_facts *facts, size_t count)
{
    (void)pthread_mutex_lock(&lanes->lock);
    for (size_t i = 0; i < count; i++) {
        struct place *place = lanes->places[find(lanes, facts[i].site, facts[i].lane)];

        if (place == NULL) continue;
        if (!same_run(&place->facts, &facts[i].report)) keep_run(place, &facts[i]);
        place->changed = true;
        place->written_ms = LANE_NEVER;
    }
    (void)pthread_mutex_unlock(&lanes->lock);
}

void lanes_merge(struct lanes *lanes, const struct lane_facts *facts)
{
    (void)pthread_mutex_lock(&lanes->lock);
    struct place *place = place_of(lanes, facts->site, facts->lane, facts->first_ms);
    if (place != NULL) {
        struct lane_facts *ours = &place->facts;
        const int64_t check_ms = ours->check_ms > facts->check_ms ? ours->check_ms : facts->check_ms;
        const int64_t first_ms = ours->first_ms < facts->first_ms ? ours->first_ms : facts->first_ms;

        if (facts->report_ms > ours->report_ms) {
            const struct lane_facts before = *ours;

            *ours = *facts;
            ours->earlier_started_ms = before.earlier_started_ms;
            ours->twice = before.twice;
            ours->twice_ms = before.twice_ms;
        }
        ours->check_ms = check_ms;
        ours->first_ms = first_ms;
    }
    (void)pthread_mutex_unlock(&lanes->lock);
}

void lanes_synced(struct lanes *lanes, int64_t now_ms)
{
    (void)pthread_mutex_lock(&lanes->lock);
    if (lanes->current_ms == LANE_NEVER) lanes->current_ms = now_ms;
    if (now_ms - lanes->current_ms >= RETURN_MS) lanes->synced_ms = now_ms;
    (void)pthread_mutex_unlock(&lanes->lock);
}

void lanes_cut_off(struct lanes *lanes)
{
    (void)pthread_mutex_lock(&lanes->lock);
    lanes->current_ms = LANE_NEVER;
    (void)pthread_mutex_unlock(&lanes->lock);
}

void lanes_forget(struct lanes *lanes, const char *site, const char *lane)
{
    (void)pthread_mutex_lock(&lanes->lock);
    const size_t at = find(lanes, site, lane);
    if (lanes->places[at] != NULL) take_out(lanes, at);
    (void)pthread_mutex_unlock(&lanes->lock);
}

/* -- looking --------------------------------------------------------------------------------------------------------------- */

int64_t lanes_known_ms(struct lanes *lanes, int64_t silence_ms)
{
    (void)pthread_mutex_lock(&lanes->lock);
    int64_t synced_ms = lanes->synced_ms;
    (void)pthread_mutex_unlock(&lanes->lock);
    return synced_ms == LANE_NEVER ? LANE_NEVER : synced_ms - write_every_ms(silence_ms) - OTHERS_LATE_MS;
}

static int by_name(const void *a, const void *b)
{
    const struct lane_facts *one = a, *other = b;
    const int order = strcmp(one->site, other->site);

    return order != 0 ? order : strcmp(one->lane, other->lane);
}

struct lane_facts *lanes_copy(struct lanes *lanes, size_t *count)
{
    struct lane_facts *copy = NULL;

    *count = 0;
    (void)pthread_mutex_lock(&lanes->lock);
    if (lanes->count > 0) copy = malloc(lanes->count * sizeof *copy);
    for (size_t i = 0; i < PLACES && copy != NULL; i++)
        if (lanes->places[i] != NULL) copy[(*count)++] = lanes->places[i]->facts;
    (void)pthread_mutex_unlock(&lanes->lock);
    if (copy != NULL) qsort(copy, *count, sizeof *copy, by_name);
    return copy;
}
