/* Loading: what one snapshot of the database has and memory has not, and the catalogue that shows it all at once. */
#include <urcu-bp.h>

#include "server/gate/follow_round.h"

#define SWEEP_GONE_MS 1000      /* a replaced list is dropped soon, for its memory */
#define SWEEP_REMOVED_MS 20000  /* single entries wait for others */

/* -- the small tables ---------------------------------------------------------------------------------------------- */

/* Room for one more element of SIZE in *ARRAY. */
static bool grow(void *array, size_t count, size_t *room, size_t size)
{
    void **at = array;
    size_t more = *room == 0 ? 16 : *room * 2;
    void *longer;

    if (count < *room) return true;
    longer = realloc(*at, more * size);
    if (longer == NULL) return false;
    *at = longer;
    *room = more;
    return true;
}

static void take_list(void *context, const struct load_list *list)
{
    struct round *round = context;

    if (!grow(&round->changed, round->changed_count, &round->changed_room, sizeof(*list))) round->reason = REASON_BUSY;
    else round->changed[round->changed_count++] = *list;
}

static void take_live(void *context, const struct load_segment *segment)
{
    struct round *round = context;

    if (!grow(&round->live, round->live_count, &round->live_room, sizeof(*segment))) round->reason = REASON_BUSY;
    else round->live[round->live_count++] = *segment;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = ((const struct list_place *)a)->number, y = ((const struct list_place *)b)->number;

    return (x > y) - (x < y);
}

static const struct list_place *find_list(const struct round *round, uint32_t number)
{
    struct list_place wanted = { .number = number };

    if (round->place_count == 0) return NULL;
    return bsearch(&wanted, round->places, round->place_count, sizeof(wanted), by_number);
}

static void take_coverage(void *context, const struct load_coverage *coverage)
{
    struct round *round = context;
    const struct list_place *place = find_list(round, coverage->list);

    if (place == NULL ||
        !grow(&round->coverage, round->coverage_count, &round->coverage_room, sizeof(*round->coverage))) {
        round->reason = place == NULL ? REASON_INTERNAL : REASON_BUSY;
        return;
    }
    struct coverage_row *row = &round->coverage[round->coverage_count++];
    *row = (struct coverage_row){ place->position, coverage->epoch, coverage->whole };
}

static struct result list_places(struct round *round)
{
    rcu_read_lock();
    const struct catalogue *current = rcu_dereference(round->follow->current);
    round->list_count = round->place_count = current->list_count;
    round->places = malloc((current->list_count + round->changed_count + 1) * sizeof(*round->places));
    for (size_t i = 0; i < current->list_count && round->places != NULL; i++)
        round->places[i] = (struct list_place){ current->lists[i].number, (uint32_t)i };
    rcu_read_unlock();
    if (round->places == NULL) return FAIL(REASON_BUSY);
    qsort(round->places, round->place_count, sizeof(*round->places), by_number);
    return OK;
}

/* Lists keep their positions; new ones come behind. */
static struct result place_lists(struct round *round)
{
    TRY(list_places(round));
    size_t count = round->place_count;
    for (size_t i = 0; i < round->changed_count; i++) {
        uint32_t number = round->changed[i].list.number;

        if (find_list(round, number) == NULL)
            round->places[count++] = (struct list_place){ number, (uint32_t)round->list_count++ };
    }
    round->place_count = count;
    qsort(round->places, count, sizeof(*round->places), by_number);
    return count > LIMIT_LISTS ? FAIL(REASON_TOO_MANY) : OK;
}

static struct result read_tables(struct round *round)
{
    TRY(db_load_head(round->load, &round->version));
    if (round->version < round->follow->version)
        return FAIL(REASON_DATABASE); /* another server answers; the next poll sees to it */
    TRY(db_load_lists(round->load, round->follow->version, take_list, round));
    if (round->reason != REASON_NONE) return FAIL(round->reason);
    TRY(place_lists(round));
    TRY(db_load_coverage(round->load, take_coverage, round));
    TRY(db_load_segments(round->load, take_live, round));
    TRY(db_load_suppressions(round->load, &round->suppressions));
    return (struct result){ round->reason };
}

/* -- what is to be done -------------------------------------------------------------------------------------------- */

/* Its base: the last replace, before which nothing lives. */
static bool is_base(const struct round *round, const struct load_segment *segment)
{
    for (size_t i = 0; i < round->changed_count; i++)
        if (round->changed[i].list.number == segment->list) return round->changed[i].base_segment == segment->segment;
    return false;
}

/* Walks over both, by their numbers in the database: what is only in memory is gone, what is only there is fresh. */
static struct result compare_segments(struct round *round)
{
    struct segments *segments = &round->follow->segments;
    size_t at = 0;

    TRY(segments_sort(segments));
    for (size_t i = 0; i < segments->count; i++) segments->at[i].gone = false;
    round->first = segments->place_count == 0 && entries_count(round->follow->entries) == 0;
    round->fresh = malloc((round->live_count + 1) * sizeof(*round->fresh));
    round->removers = malloc((round->live_count + 1) * sizeof(*round->removers));
    if (round->fresh == NULL || round->removers == NULL) return FAIL(REASON_BUSY);
    for (size_t i = 0; i < round->live_count; i++) {
        const struct load_segment *live = &round->live[i];

        if (i > 0 && live->segment <= round->live[i - 1].segment) return FAIL(REASON_INTERNAL);
        for (; at < segments->place_count && segments->places[at].database < live->segment; at++)
            segments_get(segments, segments->places[at].number)->gone = true;
        if (at < segments->place_count && segments->places[at].database == live->segment) {
            at++;
            continue;
        }
        round->fresh[round->fresh_count++] = live->segment;
        if (!round->first && !is_base(round, live)) round->removers[round->remover_count++] = live->segment;
    }
    for (; at < segments->place_count; at++) segments_get(segments, segments->places[at].number)->gone = true;
    return OK;
}

static struct result number_fresh(struct round *round)
{
    size_t at = 0;

    for (size_t i = 0; i < round->fresh_count; i++) {
        uint32_t number;

        while (round->live[at].segment != round->fresh[i]) at++;
        const struct list_place *place = find_list(round, round->live[at].list);
        if (place == NULL) return FAIL(REASON_INTERNAL);
        TRY(segments_add(&round->follow->segments, round->fresh[i], place->position, &number));
    }
    return segments_sort(&round->follow->segments);
}

/* An epoch that was loaded is followed, whether or not the database has its new times yet. */
static bool has_slots(const struct booked_epoch *epoch)
{
    return (epoch->prepared || epoch->loaded) && epoch_usable(epoch);
}

static struct result load_rows(struct round *round)
{
    struct follow *follow = round->follow;

    TRY(compare_segments(round));
    TRY(number_fresh(round));
    TRY(round_removals(round));
    TRY(round_entries(round));
    for (size_t i = 0; i < follow->book.count; i++) {
        struct booked_epoch *epoch = &follow->book.epochs[i];

        if (atomic_load(&follow->ending)) return FAIL(REASON_DATABASE);
        if (has_slots(epoch)) TRY(round_slots(round, epoch));
    }
    return OK;
}

/* -- showing it ---------------------------------------------------------------------------------------------------- */

static struct result fill_list(struct catalogue_list *out, const struct db_list *list)
{
    struct catalogue_list old = *out;

    *out = (struct catalogue_list){
        .number = list->number,
        .priority = (uint8_t)list->priority,
        .grade = (uint8_t)list->grade,
        .covert = list->covert,
        .suspended = list->suspended,
        .has_header = list->has_header,
        .cooldown_s = list->cooldown_s,
        .age_limit_s = list->age_limit_s,
        .revision = list->revision,
        .committed_ms = list->committed_ms,
        .entries = list->entries,
        .sites = old.sites,
        .site_count = old.site_count,
    };
    static_assert(sizeof(out->id) == sizeof(list->id) && sizeof(out->agency) == sizeof(list->agency) &&
                      sizeof(out->category) == sizeof(list->category) &&
                          sizeof(out->instruction) == sizeof(list->instruction),
                  "texts have the same room");
    memcpy(out->id, list->id, sizeof(out->id));
    memcpy(out->agency, list->agency, sizeof(out->agency));
    memcpy(out->category, list->category, sizeof(out->category));
    memcpy(out->instruction, list->instruction, sizeof(out->instruction));
    memcpy(out->header_id, list->header_id, sizeof(out->header_id));
    return catalogue_list_sites(out, list->sites, list->site_count);
}

static struct result edit(void *context, struct catalogue *next)
{
    struct round *round = context;
    const struct segments *segments = &round->follow->segments;

    next->version = round->version;
    next->suppressions = round->suppressions;
    for (size_t i = 0; i < round->changed_count; i++) {
        const struct db_list *list = &round->changed[i].list;

        TRY(fill_list(&next->lists[find_list(round, list->number)->position], list));
    }
    for (size_t i = 0; i < segments->count; i++) {
        const struct segment *segment = &segments->at[i];

        next->segments[i].list = segment->list;
        next->segments[i].visible =
            segment->state == SEGMENT_FRESH || (segment->state == SEGMENT_LIVE && !segment->gone);
    }
    follow_fill_coverage(round->follow, next);
    return OK;
}

/* From here on memory is what the snapshot was. */
static void settle(struct round *round)
{
    struct follow *follow = round->follow;

    for (size_t i = 0; i < follow->segments.count; i++) {
        struct segment *segment = &follow->segments.at[i];

        if (segment->state == SEGMENT_FRESH) segment->state = SEGMENT_LIVE;
        if (!segment->gone) continue;
        segment->gone = false;
        segment->state = SEGMENT_DEAD;
        follow_sweep_in(follow, SWEEP_GONE_MS);
    }
    if (round->removed) follow_sweep_in(follow, SWEEP_REMOVED_MS);
    else if (follow->sweep_ms == 0) follow_sweep_in(follow, FOLLOW_EXPIRED_S * INT64_C(1000) / 24);
    follow->version = round->version;
}

/* Nobody asks those before any more; what they counted is kept. */
static void swap_suppressions(struct round *round)
{
    struct follow *follow = round->follow;
    struct suppressions *old = follow->suppressions;

    follow->suppressions = round->suppressions;
    round->suppressions = old;
    pthread_mutex_lock(&follow->counting);
    suppressions_take_counts(old, &follow->suppressed);
    pthread_mutex_unlock(&follow->counting);
}

/* The rows of coverage and what is loaded are the follower's, and say already what the new catalogue will show. */
static struct result show(struct round *round)
{
    struct follow *follow = round->follow;
    struct publication publication = { .edit = edit, .context = round, .show = true };
    struct coverage_row *old = follow->coverage;
    size_t old_count = follow->coverage_count;
    bool loaded[LIMIT_EPOCHS_KNOWN];

    follow_count(follow, &publication);
    publication.lists = round->list_count;
    publication.segments = follow->segments.count;
    follow->coverage = round->coverage;
    follow->coverage_count = round->coverage_count;
    for (size_t i = 0; i < follow->book.count; i++) {
        loaded[i] = follow->book.epochs[i].loaded;
        follow->book.epochs[i].loaded = has_slots(&follow->book.epochs[i]);
    }
    struct result result = follow_publish(follow, &publication);
    if (failed(result)) {
        follow->coverage = old;
        follow->coverage_count = old_count;
        for (size_t i = 0; i < follow->book.count; i++) follow->book.epochs[i].loaded = loaded[i];
        return result;
    }
    round->coverage = old;
    swap_suppressions(round);
    settle(round);
    return OK;
}

/* -- a round ------------------------------------------------------------------------------------------------------- */

/* What came of a load that failed is dead; a sweep takes it out, with the marks of removal. */
static void undo(struct follow *follow)
{
    for (size_t i = 0; i < follow->segments.count; i++) {
        struct segment *segment = &follow->segments.at[i];

        segment->gone = false;
        if (segment->state == SEGMENT_FRESH) segment->state = SEGMENT_DEAD;
    }
    follow_sweep(follow);
}

struct result follow_load(struct follow *follow)
{
    struct round round = { .follow = follow, .now_s = (uint32_t)(follow_now_ms(follow) / 1000) };
    struct result result;

    TRY(db_load_begin(follow->settings.db, &round.load));
    result = read_tables(&round);
    if (!failed(result)) {
        result = load_rows(&round);
        if (!failed(result)) result = show(&round);
        if (failed(result)) undo(follow);
    }
    db_load_end(round.load);
    key_map_end(&round.signs);
    pile_free(&round.order);
    pile_free(&round.records);
    pile_free(&round.pending);
    suppressions_free(round.suppressions);
    free(round.changed);
    free(round.places);
    free(round.coverage);
    free(round.live);
    free(round.fresh);
    free(round.removers);
    return result;
}
