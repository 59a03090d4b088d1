/* Whether the rows that were streamed are those that a gate stored: their sums are compared with what the believed segments say; and what the
   lists then have for each epoch. */
#include <stddef.h>

#include "server/gate/follow/round.h"

/* -- what is expected ---------------------------------------------------------------------------------------------- */

static int by_segment(const void *a, const void *b)
{
    uint32_t x = (*(const struct live_segment *const *)a)->segment, y = (*(const struct live_segment *const *)b)->segment;

    return (x > y) - (x < y);
}

static const struct live_segment *find_believed(const struct round *round, uint32_t segment)
{
    const struct live_segment wanted = { .segment = segment }, *key = &wanted;

    if (round->believed_count == 0) return NULL;
    const struct live_segment **found =
        bsearch(&key, round->believed, round->believed_count, sizeof(*round->believed), by_segment);
    return found == NULL ? NULL : *found;
}

static void keep_erased(struct round *round, uint32_t segment, uint32_t epoch, const struct row_sum *sum)
{
    if (!round_grow(&round->erased, round->erased_count, &round->erased_room, sizeof(*round->erased))) round->reason = REASON_BUSY;
    else round->erased[round->erased_count++] = (struct erased_sum){ segment, epoch, *sum };
}

/* It says that REMOVER removed those rows: so that must be one that lives, of the same list, and removes. */
static void take_erased(void *context, const struct load_erased *erased)
{
    struct round *round = context;
    const struct live_segment *segment = find_believed(round, erased->segment), *remover = find_believed(round, erased->remover);

    if (segment == NULL || remover == NULL || segment->list != remover->list || remover->segment <= segment->segment ||
        remover->mode != REVISION_CHANGE)
        return;
    keep_erased(round, erased->segment, ERASED_ENTRIES, &erased->sums.entries);
    for (size_t i = 0; i < erased->sums.epoch_count; i++)
        keep_erased(round, erased->segment, erased->sums.epochs[i].number, &erased->sums.epochs[i].sum);
}

static int by_erased(const void *a, const void *b)
{
    const struct erased_sum *x = a, *y = b;

    return x->segment != y->segment ? (x->segment > y->segment) - (x->segment < y->segment) : (x->epoch > y->epoch) - (x->epoch < y->epoch);
}

static struct result read_erased(struct round *round)
{
    TRY(db_load_erased(round->load, round->all_segments ? NULL : round->fresh, round->fresh_count, take_erased, round));
    if (round->reason != REASON_NONE) return FAIL(round->reason);
    if (round->erased_count > 0) qsort(round->erased, round->erased_count, sizeof(*round->erased), by_erased);
    return OK;
}

struct result round_expect(struct round *round)
{
    const struct segments *segments = &round->follow->segments;

    round->believed = malloc((round->live_count + 1) * sizeof(*round->believed));
    round->check_count = segments->count;
    round->checks = calloc(segments->count + 1, sizeof(*round->checks));
    if (round->believed == NULL || round->checks == NULL) return FAIL(REASON_BUSY);
    for (size_t i = 0; i < round->live_count; i++)
        if (round->live[i].believed) round->believed[round->believed_count++] = &round->live[i];
    if (round->believed_count > 0) qsort(round->believed, round->believed_count, sizeof(*round->believed), by_segment);
    for (size_t i = 0; i < round->believed_count; i++) {
        uint32_t number = segments_find(segments, round->believed[i]->segment);

        if (number != 0) round_check(round, number)->live = round->believed[i];
    }
    for (size_t i = 0; i < round->remover_count; i++) round_check(round, segments_find(segments, round->removers[i]))->remover = true;
    return read_erased(round);
}

/* SUM and what was erased of the segment is EXPECTED. */
static bool adds_up(const struct round *round, struct row_sum sum, uint32_t segment, uint32_t epoch, const struct row_sum *expected)
{
    size_t low = 0, high = round->erased_count;
    const struct erased_sum wanted = { .segment = segment, .epoch = epoch };

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (by_erased(&round->erased[middle], &wanted) < 0) low = middle + 1;
        else high = middle;
    }
    for (; low < round->erased_count && by_erased(&round->erased[low], &wanted) == 0; low++) row_sum_add(&sum, &round->erased[low].sum);
    return row_sum_equal(&sum, expected);
}

/* -- comparing ------------------------------------------------------------------------------------------------------- */

static struct row_sum expected_slots(const struct sums *sums, uint32_t epoch)
{
    for (size_t i = 0; i < sums->epoch_count; i++)
        if (sums->epochs[i].number == epoch) return sums->epochs[i].sum;
    return (struct row_sum){ 0, 0 };
}

/* A list that is in memory goes on without the epoch: of slots that may be others' nothing is said.  Of an epoch that is closed nobody asks, and
   its rows may go while they are read: another gate's clock is another. */
void round_verify_slots(struct round *round, const struct booked_epoch *epoch)
{
    const struct segments *segments = &round->follow->segments;
    uint32_t number = (uint32_t)epoch->known.number;
    uint64_t bit = UINT64_C(1) << number % 64;
    bool closed = epoch->known.closes_ms <= follow_now_ms(round->follow);

    for (size_t i = 0; !epoch->loaded && i < round->list_count; i++) round->lists[i].bad_epochs &= ~bit;
    for (size_t i = 0; i < round->check_count; i++) {
        const struct segment *segment = &segments->at[i];
        struct segment_check *check = &round->checks[i];
        bool fresh = segment->state == SEGMENT_FRESH;

        if (!fresh && (epoch->loaded || segment->state != SEGMENT_LIVE || segment->gone)) continue;
        struct row_sum expected = check->live == NULL ? (struct row_sum){ 0, 0 } : expected_slots(check->live->sums, number);
        bool good = check->live != NULL && adds_up(round, check->slots, segment->database, number, &expected);
        check->slots = (struct row_sum){ 0, 0 };
        if (good || closed) continue;
        if (fresh) check->bad = true;
        else round->lists[segment->list].bad_epochs |= bit;
    }
}

static bool is_good(const struct round *round, const struct segment_check *check)
{
    const struct live_segment *live = check->live;

    if (check->bad || live == NULL) return false;
    if (!adds_up(round, check->entries, live->segment, ERASED_ENTRIES, &live->sums->entries)) return false;
    if (!check->remover) return true;
    return adds_up(round, check->added, live->segment, ERASED_ENTRIES, &live->sums->entries) && row_sum_equal(&check->edits, &live->sums->edits);
}

void round_verify(struct round *round, bool *any)
{
    const struct segments *segments = &round->follow->segments;

    *any = false;
    for (size_t i = 0; i < round->check_count; i++) {
        if (segments->at[i].state != SEGMENT_FRESH || is_good(round, &round->checks[i])) continue;
        round_refuse(round, segments->at[i].list, LIST_FORGED);
        *any = true;
    }
    for (size_t i = 0; i < round->list_count; i++)
        if (round->lists[i].bad_epochs != 0 && round->lists[i].trouble == LIST_FINE) round->lists[i].trouble = LIST_FORGED;
}

/* -- what lists have for epochs --------------------------------------------------------------------------------------- */

struct covering {
    struct round *round;
    size_t epoch_count;
    const struct booked_epoch *epochs[LIMIT_EPOCHS_KNOWN];
    uint64_t *counts; /* by epoch and list: standing entries with slots */
    uint8_t *weak;    /* by list: a segment of it was made for a stronger grade; such slots are looked up, and cover nothing */
};

static void cover(void *context, uint32_t number, const struct entry *entry)
{
    struct covering *covering = context;
    struct round *round = covering->round;
    const struct segments *segments = &round->follow->segments;

    if (!round_stands(segments, entry)) return;
    uint32_t list = segments_get(segments, entry->segment)->list;
    round->standing[list]++;
    for (size_t i = 0; i < covering->epoch_count; i++)
        covering->counts[i * round->list_count + list] += covering->epochs[i]->has[number / 8] >> number % 8 & 1;
}

static bool add_row(struct round *round, uint32_t list, uint64_t epoch, bool whole)
{
    if (!round_grow(&round->coverage, round->coverage_count, &round->coverage_room, sizeof(*round->coverage))) return false;
    round->coverage[round->coverage_count++] = (struct coverage_row){ list, epoch, whole };
    return true;
}

static bool add_rows(const struct covering *covering)
{
    struct round *round = covering->round;

    for (size_t i = 0; i < covering->epoch_count; i++)
        for (uint32_t list = 0; list < round->list_count; list++) {
            uint64_t number = covering->epochs[i]->known.number, have = covering->counts[i * round->list_count + list];
            bool whole = have == round->standing[list], weak = covering->weak[list] != 0 && (covering->epochs[i]->weak[list / 8] >> list % 8 & 1) != 0;

            if (round->lists[list].bad_epochs >> number % 64 & 1) continue;
            if ((whole || have > 0 || weak) && !add_row(round, list, number, whole)) return false;
        }
    return true;
}

struct result round_coverage(struct round *round)
{
    struct follow *follow = round->follow;
    struct covering covering = { .round = round };

    for (size_t i = 0; i < follow->book.count; i++)
        if (follow->book.epochs[i].has != NULL) covering.epochs[covering.epoch_count++] = &follow->book.epochs[i];
    round->standing = calloc(round->list_count + 1, sizeof(*round->standing));
    covering.counts = calloc(covering.epoch_count * round->list_count + 1, sizeof(*covering.counts));
    covering.weak = calloc(round->list_count + 1, 1);
    bool good = round->standing != NULL && covering.counts != NULL && covering.weak != NULL;
    for (size_t i = 0; i < follow->segments.count && good; i++) {
        const struct segment *segment = &follow->segments.at[i];

        if (segment->weak && (segment->state == SEGMENT_FRESH || (segment->state == SEGMENT_LIVE && !segment->gone))) covering.weak[segment->list] = 1;
    }
    if (good) entries_each(follow->entries, cover, &covering);
    good = good && add_rows(&covering);
    free(covering.counts);
    free(covering.weak);
    return good ? OK : FAIL(REASON_BUSY);
}
