#include "server/gate/lists/excess.h"

#include <stdatomic.h>
#include <stdio.h>

#define LANE_PLACES (2 * LIMIT_EXCESS_LANES)
#define PROBES 8        /* places that a pair may be at */
#define SEEN_WORDS 8    /* bits by hash of an entry: of 100 entries, some 9 share one */
#define REPORTS 16

enum lane_state { LANE_FREE, LANE_CLAIMED, LANE_USED };

struct lane {
    _Atomic uint32_t state; /* enum lane_state */
    _Atomic uint32_t window;
    _Atomic int64_t began_ms; /* of the window */
    _Atomic uint64_t reads;   /* in it */
    char name[LIMIT_IDENTITY_MAX + 1];
};

struct pair { /* a lane and a list */
    _Atomic uint64_t key;    /* place of the lane + 1, number of the list; 0: free */
    _Atomic uint32_t window; /* of the lane, that the rest is of */
    _Atomic uint32_t hits;
    _Atomic uint64_t reads_before; /* reads of the window that do not count: the list was resumed after them */
    _Atomic int64_t since_ms;
    _Atomic uint32_t told;
    _Atomic uint64_t seen[SEEN_WORDS];
};

struct report {
    _Atomic uint32_t state; /* enum lane_state */
    struct excess_report report;
};

struct excess {
    struct excess_settings settings;
    _Atomic uint32_t lane_count;
    struct lane *lanes;
    struct pair *pairs;
    struct report reports[REPORTS];
};

_Static_assert((LIMIT_EXCESS_PAIRS & (LIMIT_EXCESS_PAIRS - 1)) == 0 && (LANE_PLACES & (LANE_PLACES - 1)) == 0, "places are found by masks");

struct excess *excess_create(const struct excess_settings *settings)
{
    struct excess *excess = calloc(1, sizeof(*excess));

    if (excess == NULL) return NULL;
    excess->settings = *settings;
    excess->lanes = calloc(LANE_PLACES, sizeof(*excess->lanes));
    excess->pairs = calloc(LIMIT_EXCESS_PAIRS, sizeof(*excess->pairs));
    if (excess->lanes != NULL && excess->pairs != NULL) return excess;
    excess_destroy(excess);
    return NULL;
}

void excess_destroy(struct excess *excess)
{
    if (excess == NULL) return;
    free(excess->lanes);
    free(excess->pairs);
    free(excess);
}

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static uint64_t hash_name(const char *name)
{
    uint64_t hash = UINT64_C(1469598103934665603); /* FNV-1a */

    for (; *name != '\0'; name++) hash = (hash ^ (unsigned char)*name) * UINT64_C(1099511628211);
    return mix(hash);
}

/* -- lanes --------------------------------------------------------------------------------------------------------- */

/* A place that another thread is about to fill is passed over: one request is not counted. */
static struct lane *find_lane(struct excess *excess, const char *name, int64_t now_ms)
{
    uint64_t at = hash_name(name);

    for (size_t i = 0; i < LANE_PLACES; i++) {
        struct lane *lane = &excess->lanes[(at + i) & (LANE_PLACES - 1)];
        uint32_t state = atomic_load_explicit(&lane->state, memory_order_acquire);

        if (state == LANE_USED && strcmp(lane->name, name) == 0) return lane;
        if (state == LANE_CLAIMED) return NULL;
        if (state == LANE_USED) continue;
        if (atomic_load(&excess->lane_count) >= LIMIT_EXCESS_LANES || !atomic_compare_exchange_strong(&lane->state, &state, LANE_CLAIMED)) return NULL;
        atomic_fetch_add(&excess->lane_count, 1);
        snprintf(lane->name, sizeof(lane->name), "%s", name);
        atomic_store(&lane->window, 1);
        atomic_store(&lane->began_ms, now_ms);
        atomic_store_explicit(&lane->state, LANE_USED, memory_order_release);
        return lane;
    }
    return NULL;
}

/* Adds READS; whoever finds the window over begins the next. */
static void add_reads(const struct excess *excess, struct lane *lane, uint64_t reads, int64_t now_ms)
{
    int64_t began_ms = atomic_load_explicit(&lane->began_ms, memory_order_relaxed);
    uint64_t before = atomic_fetch_add_explicit(&lane->reads, reads, memory_order_relaxed);

    if (now_ms - began_ms < excess->settings.window_ms && before < LIMIT_EXCESS_READS) return;
    if (!atomic_compare_exchange_strong(&lane->began_ms, &began_ms, now_ms == began_ms ? now_ms + 1 : now_ms)) return;
    atomic_store(&lane->reads, reads);
    atomic_fetch_add(&lane->window, 1);
}

/* -- lanes and lists ----------------------------------------------------------------------------------------------- */

static void begin_pair(struct pair *pair, uint64_t reads_before, int64_t since_ms)
{
    for (size_t i = 0; i < SEEN_WORDS; i++) atomic_store_explicit(&pair->seen[i], 0, memory_order_relaxed);
    atomic_store(&pair->reads_before, reads_before);
    atomic_store(&pair->since_ms, since_ms);
    atomic_store(&pair->hits, 0);
    atomic_store(&pair->told, 0);
}

/* Nobody needs it any more: its lane's window is another. */
static bool is_stale(const struct excess *excess, const struct pair *pair, uint64_t key)
{
    const struct lane *lane = &excess->lanes[(key >> 32) - 1];

    return atomic_load(&pair->window) != atomic_load(&lane->window);
}

static struct pair *find_pair(struct excess *excess, const struct lane *lane, uint32_t list)
{
    uint64_t key = (uint64_t)(lane - excess->lanes + 1) << 32 | list, at = mix(key);
    struct pair *free_one = NULL;
    uint64_t old = 0;

    for (size_t i = 0; i < PROBES; i++) {
        struct pair *pair = &excess->pairs[(at + i) & (LIMIT_EXCESS_PAIRS - 1)];
        uint64_t other = atomic_load(&pair->key);

        if (other == key) return pair;
        if (free_one != NULL || (other != 0 && !is_stale(excess, pair, other))) continue;
        free_one = pair;
        old = other;
    }
    if (free_one == NULL || !atomic_compare_exchange_strong(&free_one->key, &old, key)) return NULL;
    atomic_store(&free_one->window, 0); /* no lane's */
    return free_one;
}

/* -- over the share ------------------------------------------------------------------------------------------------ */

static const struct catalogue_list *find_list(const struct catalogue *catalogue, uint32_t number)
{
    for (size_t i = 0; i < catalogue->list_count; i++)
        if (catalogue->lists[i].number == number) return &catalogue->lists[i];
    return NULL;
}

static bool tell(struct excess *excess, const struct excess_report *report)
{
    for (size_t i = 0; i < REPORTS; i++) {
        uint32_t state = LANE_FREE;

        if (!atomic_compare_exchange_strong(&excess->reports[i].state, &state, LANE_CLAIMED)) continue;
        excess->reports[i].report = *report;
        atomic_store_explicit(&excess->reports[i].state, LANE_USED, memory_order_release);
        return true;
    }
    return false; /* the next hit tells */
}

/* Rare: a list that was told is suspended, and hits no more until it is resumed; then all is counted from there. */
static void over(struct excess *excess, const struct catalogue *catalogue, struct lane *lane, struct pair *pair, uint32_t number, int64_t now_ms)
{
    const struct catalogue_list *list = find_list(catalogue, number);
    uint32_t untold = 0;

    if (list == NULL || list->suspended || list->calibration) return; /* lanes try themselves with the last: it is meant to hit */
    if (list->resumed_ms > atomic_load(&pair->since_ms)) {
        begin_pair(pair, atomic_load(&lane->reads), now_ms);
        return;
    }
    if (!atomic_compare_exchange_strong(&pair->told, &untold, 1)) return;
    struct excess_report report = { .hits = atomic_load(&pair->hits), .reads = atomic_load(&lane->reads) - atomic_load(&pair->reads_before),
                                    .since_ms = atomic_load(&pair->since_ms), .covert = list->covert };
    memcpy(report.agency, list->agency, sizeof(report.agency));
    memcpy(report.list, list->id, sizeof(report.list));
    memcpy(report.lane, lane->name, sizeof(report.lane));
    if (!tell(excess, &report)) atomic_store(&pair->told, 0);
}

/* A hit that begins counts, once for each entry; any is a reason to look, as all of a small list may have hit before there were enough reads. */
static void add_hit(struct excess *excess, const struct catalogue *catalogue, struct lane *lane, const struct sighting *sighting, int64_t now_ms)
{
    const struct excess_settings *settings = &excess->settings;
    struct pair *pair = find_pair(excess, lane, sighting->list);
    uint32_t window = atomic_load(&lane->window);
    uint64_t bits = mix(sighting->entry), bit = UINT64_C(1) << (bits & 63);

    if (pair == NULL) return;
    uint32_t of = atomic_load(&pair->window);
    if (of != window) {
        if (!atomic_compare_exchange_strong(&pair->window, &of, window)) return;
        begin_pair(pair, 0, atomic_load(&lane->began_ms));
    }
    bool begins = memcmp(sighting->hit, sighting->id, sizeof(sighting->id)) == 0;
    if (begins && (atomic_fetch_or(&pair->seen[bits >> 6 & (SEEN_WORDS - 1)], bit) & bit) == 0) atomic_fetch_add(&pair->hits, 1);
    uint64_t hits = atomic_load(&pair->hits), all = atomic_load(&lane->reads), before = atomic_load(&pair->reads_before);
    uint64_t reads = all > before ? all - before : 0;
    if (hits >= settings->hits_min && reads >= settings->reads_min && hits * settings->share > reads)
        over(excess, catalogue, lane, pair, sighting->list, now_ms);
}

void excess_add(struct excess *excess, const struct catalogue *catalogue, const char *name, uint64_t reads, const struct sighting *sightings,
                size_t count, int64_t now_ms)
{
    struct lane *lane = find_lane(excess, name, now_ms);

    if (lane == NULL) return;
    add_reads(excess, lane, reads, now_ms);
    for (size_t i = 0; i < count; i++) add_hit(excess, catalogue, lane, &sightings[i], now_ms);
}

bool excess_take(struct excess *excess, struct excess_report *report)
{
    for (size_t i = 0; i < REPORTS; i++) {
        if (atomic_load_explicit(&excess->reports[i].state, memory_order_acquire) != LANE_USED) continue;
        *report = excess->reports[i].report;
        atomic_store_explicit(&excess->reports[i].state, LANE_FREE, memory_order_release);
        return true;
    }
    return false;
}
