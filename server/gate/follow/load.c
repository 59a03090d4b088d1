/* Loading: what one snapshot of the database has and memory has not, and the catalogue that shows it all at once. */
#include <urcu-bp.h>

#include "server/gate/follow/round.h"

#define SWEEP_GONE_MS 1000      /* a replaced list is dropped soon, for its memory */
#define SWEEP_REMOVED_MS 20000  /* single entries wait for others */

bool round_grow(void *array, size_t count, size_t *room, size_t size)
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

/* -- what is to be done -------------------------------------------------------------------------------------------- */

/* A segment of that number that memory has: the very same? */
static bool is_same(const struct segment *known, const struct live_segment *live)
{
    return known->list == live->position && memcmp(known->mac, live->mac, sizeof(known->mac)) == 0;
}

/* What of a list that is taken is only in memory is gone; what is only there is fresh.  A number that means another segment in memory: the
   database was set back, and what is in memory stays. */
static void compare_segments(struct round *round)
{
    struct segments *segments = &round->follow->segments;

    for (size_t i = 0; i < segments->count; i++)
        segments->at[i].gone = segments->at[i].state == SEGMENT_LIVE && round->lists[segments->at[i].list].taken;
    for (size_t i = 0; i < round->live_count; i++) {
        const struct live_segment *live = &round->live[i];
        uint32_t number = live->believed ? segments_find(segments, live->segment) : 0;

        if (number == 0) continue;
        if (is_same(segments_get(segments, number), live)) segments_get(segments, number)->gone = false;
        else round_refuse(round, live->position, LIST_OLDER);
    }
}

static struct result choose_fresh(struct round *round)
{
    struct segments *segments = &round->follow->segments;

    round->fresh = malloc((round->live_count + 1) * sizeof(*round->fresh));
    round->removers = malloc((round->live_count + 1) * sizeof(*round->removers));
    if (round->fresh == NULL || round->removers == NULL) return FAIL(REASON_BUSY);
    for (size_t i = 0; i < round->live_count; i++) {
        const struct live_segment *live = &round->live[i];
        uint32_t number;

        if (!live->believed || !round->lists[live->position].taken || segments_find(segments, live->segment) != 0) continue;
        TRY(segments_add(segments, live->segment, live->position, live->mac, &number));
        round->fresh[round->fresh_count++] = live->segment;
        if (!live->first && live->mode == REVISION_CHANGE) round->removers[round->remover_count++] = live->segment;
    }
    return segments_sort(segments);
}

/* An epoch that was loaded is followed, whether or not the database has its new times yet. */
static bool has_slots(const struct booked_epoch *epoch)
{
    return (epoch->prepared || epoch->loaded) && epoch_usable(epoch);
}

static bool wants_all_segments(const struct follow *follow)
{
    for (size_t i = 0; i < follow->book.count; i++)
        if (has_slots(&follow->book.epochs[i]) && !follow->book.epochs[i].loaded) return true;
    return false;
}

/* -- a weaker grade ------------------------------------------------------------------------------------------------ */

struct weakening {
    struct follow *follow;
    const uint8_t *lists; /* by position: its entries lost their coverage */
};

static void uncover(void *context, uint32_t number, const struct entry *entry)
{
    struct weakening *weakening = context;
    struct epoch_book *book = &weakening->follow->book;

    uint32_t list = segments_get(&weakening->follow->segments, entry->segment)->list;

    if (weakening->lists[list] == 0) return;
    for (size_t i = 0; i < book->count; i++) {
        struct booked_epoch *epoch = &book->epochs[i];

        if (epoch->has == NULL || (epoch->has[number / 8] >> number % 8 & 1) == 0) continue;
        epoch->has[number / 8] &= (uint8_t)~(1u << number % 8);
        if (list < LIMIT_LISTS) epoch->weak[list / 8] |= (uint8_t)(1u << list % 8);
    }
}

/* Segments from before a list wanted a weaker grade have no tokens of it: whatever of theirs is in memory covers nothing any more. */
static struct result weaken_segments(struct round *round)
{
    struct segments *segments = &round->follow->segments;
    uint8_t *lists = calloc(round->list_count + 1, 1);
    uint32_t *from = calloc(round->list_count + 1, sizeof(*from));
    bool any = false;

    for (size_t i = 0; i < round->changed_count && lists != NULL && from != NULL; i++)
        if (round->lists[round->changed[i].position].taken) from[round->changed[i].position] = round->changed[i].sealed.grade_segment;
    for (size_t i = 0; i < segments->count && lists != NULL && from != NULL; i++) {
        struct segment *segment = &segments->at[i];

        if (segment->state != SEGMENT_LIVE && segment->state != SEGMENT_FRESH) continue;
        if (segment->weak || segment->database >= from[segment->list]) continue;
        segment->weak = true;
        if (segment->state != SEGMENT_LIVE) continue;
        lists[segment->list] = 1;
        any = true;
    }
    if (any) {
        struct weakening weakening = { round->follow, lists };
        entries_each(round->follow->entries, uncover, &weakening);
    }
    struct result result = lists == NULL || from == NULL ? FAIL(REASON_BUSY) : OK;
    free(lists);
    free(from);
    return result;
}

static struct result load_rows(struct round *round)
{
    struct follow *follow = round->follow;

    TRY(round_removals(round));
    TRY(round_entries(round));
    for (size_t i = 0; i < follow->book.count; i++) {
        struct booked_epoch *epoch = &follow->book.epochs[i];

        if (atomic_load(&follow->ending)) return FAIL(REASON_DATABASE);
        if (has_slots(epoch)) TRY(round_slots(round, epoch));
    }
    return OK;
}

static struct result load_all(struct round *round)
{
    bool refused;

    TRY(segments_sort(&round->follow->segments));
    round->first = round->follow->segments.place_count == 0 && entries_count(round->follow->entries) == 0;
    compare_segments(round);
    TRY(choose_fresh(round));
    TRY(weaken_segments(round));
    TRY(round_expect(round));
    TRY(load_rows(round));
    round_verify(round, &refused);
    if (refused && !follow_sweep_refused(round->follow)) return FAIL(REASON_BUSY);
    return round_coverage(round);
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
        .calibration = list->calibration,
        .suspended = list->suspended,
        .has_header = list->has_header,
        .cooldown_s = list->cooldown_s,
        .age_limit_s = list->age_limit_s,
        .revision = list->revision,
        .committed_ms = list->committed_ms,
        .entries = list->entries,
        .unapproved = !list->approved,
        .ends_ms = list->ends_ms,
        .suspended_ms = list->suspended_ms,
        .resumed_ms = list->resumed_ms,
        .push_refused = (unsigned)list->refused,
        .push_refused_ms = list->refused_ms,
        .sites = old.sites,
        .site_count = old.site_count,
    };
    static_assert((int)CATALOGUE_SHRINKS == (int)DB_REFUSED_SHRINKS && (int)CATALOGUE_GROWS == (int)DB_REFUSED_GROWS &&
                      (int)CATALOGUE_CAP == (int)DB_REFUSED_CAP,
                  "both count alike");
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

/* A list of which there is no good state: what it is called, and where it would be asked. */
static struct result fill_refused(struct catalogue_list *out, const struct db_list *list)
{
    TRY(fill_list(out, list));
    out->revision = 0;
    out->entries = 0;
    return OK;
}

static struct result fill_changed(const struct round *round, struct catalogue *next)
{
    for (size_t i = 0; i < round->changed_count; i++) {
        const struct changed_list *changed = &round->changed[i];
        struct catalogue_list *out = &next->lists[changed->position];

        if (round->lists[changed->position].taken) TRY(fill_list(out, &changed->sealed.list));
        else if (!round->lists[changed->position].served) TRY(fill_refused(out, &changed->sealed.list));
    }
    return OK;
}

static void fill_states(const struct round *round, struct catalogue *next)
{
    for (size_t i = 0; i < round->list_count; i++) {
        const struct follow_list *list = &round->lists[i];
        struct catalogue_list *out = &next->lists[i];

        static_assert(sizeof(out->id) == sizeof(list->id) && sizeof(out->agency) == sizeof(list->agency), "names have the same room");
        memcpy(out->id, list->id, sizeof(out->id));
        memcpy(out->agency, list->agency, sizeof(out->agency));
        out->number = list->number;
        out->trouble = list->trouble;
        out->refused = !list->served && list->trouble != LIST_FINE;
        out->covert |= !list->served && list->covert;
        if (out->entries == 0 && list->served) out->entries = round->standing[i]; /* "empty" is a statement as well */
    }
}

static struct result edit(void *context, struct catalogue *next)
{
    struct round *round = context;
    const struct segments *segments = &round->follow->segments;

    next->version = round->version;
    next->suppressions = round->suppressions;
    TRY(fill_changed(round, next));
    fill_states(round, next);
    for (size_t i = 0; i < segments->count; i++) {
        const struct segment *segment = &segments->at[i];

        next->segments[i].list = segment->list;
        next->segments[i].visible =
            segment->state == SEGMENT_FRESH || (segment->state == SEGMENT_LIVE && !segment->gone);
    }
    follow_fill_coverage(round->follow, next);
    return OK;
}

/* Before it is shown: as each list will be. */
static void take_states(struct round *round)
{
    for (size_t i = 0; i < round->changed_count; i++) {
        const struct changed_list *changed = &round->changed[i];
        struct follow_list *list = &round->lists[changed->position];

        if (!list->taken) continue;
        list->served = true;
        list->covert = changed->sealed.list.covert;
        list->edition = changed->sealed.edition;
        list->base_segment = changed->sealed.base_segment;
        memcpy(list->mac, changed->sealed.mac, sizeof(list->mac));
        memcpy(list->link, changed->sealed.link, sizeof(list->link));
        list->attempts = 0;
        list->trouble = list->bad_epochs != 0 ? LIST_FORGED : LIST_FINE;
    }
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
    free(follow->lists);
    follow->lists = round->lists;
    follow->list_count = round->list_count;
    round_tell_lists(round);
    round->lists = NULL;
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

    take_states(round);
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

static void end_round(struct round *round)
{
    for (size_t i = 0; i < round->live_count; i++) free(round->live[i].sums);
    db_load_end(round->load);
    key_map_end(&round->touched);
    key_map_end(&round->signs);
    pile_free(&round->order);
    pile_free(&round->records);
    pile_free(&round->pending);
    suppressions_free(round->suppressions);
    free(round->lists);
    free(round->places);
    free(round->changed);
    free(round->coverage);
    free(round->standing);
    free(round->live);
    free(round->believed);
    free(round->fresh);
    free(round->removers);
    free(round->checks);
    free(round->erased);
}

struct result follow_load(struct follow *follow)
{
    struct round round = { .follow = follow, .now_s = (uint32_t)(follow_now_ms(follow) / 1000), .all_segments = wants_all_segments(follow) };
    struct result result;

    TRY(db_load_begin(follow->settings.db, &round.load));
    result = db_load_head(round.load, &round.version);
    if (!failed(result)) result = round_lists(&round);
    if (!failed(result)) result = db_load_suppressions(round.load, &round.suppressions);
    if (!failed(result)) {
        result = load_all(&round);
        if (!failed(result)) result = show(&round);
        if (failed(result)) undo(follow);
    }
    end_round(&round);
    return result;
}
