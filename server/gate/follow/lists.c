/* Which lists of a snapshot are to be believed: rows under the gates' MAC, no older than was served, and a chain of segments that leads to what
   the row says. */
#include <sodium.h>
#include <stddef.h>

#include "server/gate/follow/round.h"
#include "server/http/log.h"

#define RETRY_MS 30000
#define RETRY_DOUBLINGS 5

/* -- places -------------------------------------------------------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
    uint32_t x = ((const struct list_place *)a)->number, y = ((const struct list_place *)b)->number;

    return (x > y) - (x < y);
}

static const struct list_place *find_place(const struct round *round, uint32_t number)
{
    struct list_place wanted = { .number = number };

    if (round->place_count == 0 || number == 0) return NULL;
    return bsearch(&wanted, round->places, round->place_count, sizeof(wanted), by_number);
}

static struct result copy_lists(struct round *round)
{
    const struct follow *follow = round->follow;

    round->list_count = follow->list_count;
    round->list_room = follow->list_count + 16;
    round->lists = malloc(round->list_room * sizeof(*round->lists));
    round->places = malloc((follow->list_count + 1) * sizeof(*round->places));
    if (round->lists == NULL || round->places == NULL) return FAIL(REASON_BUSY);
    for (size_t i = 0; i < round->list_count; i++) {
        round->lists[i] = follow->lists[i];
        round->lists[i].seen = round->lists[i].taken = round->lists[i].chained = false;
        round->places[round->place_count++] = (struct list_place){ follow->lists[i].number, (uint32_t)i };
    }
    qsort(round->places, round->place_count, sizeof(*round->places), by_number);
    return OK;
}

static bool is_named(const struct follow_list *list, const char *agency, const char *id)
{
    return strcmp(list->agency, agency) == 0 && strcmp(list->id, id) == 0;
}

/* A new list; or one that is known by name, because it was served, and had no row or another number.  NULL with a reason, or when there are two
   of that name. */
static struct follow_list *add_list(struct round *round, const char *agency, const char *id)
{
    for (size_t i = 0; i < round->list_count; i++)
        if (is_named(&round->lists[i], agency, id)) return round->lists[i].seen ? NULL : &round->lists[i];
    if (round->list_count == LIMIT_LISTS) {
        round->reason = REASON_TOO_MANY;
        return NULL;
    }
    if (!round_grow(&round->lists, round->list_count, &round->list_room, sizeof(*round->lists))) {
        round->reason = REASON_BUSY;
        return NULL;
    }
    struct follow_list *list = &round->lists[round->list_count++];
    *list = (struct follow_list){ .number = 0 };
    snprintf(list->agency, sizeof(list->agency), "%s", agency);
    snprintf(list->id, sizeof(list->id), "%s", id);
    return list;
}

/* -- rows ---------------------------------------------------------------------------------------------------------- */

static void refuse(struct follow_list *list, enum list_trouble trouble)
{
    unsigned doublings = list->attempts < RETRY_DOUBLINGS ? list->attempts : RETRY_DOUBLINGS;

    list->trouble = trouble;
    list->attempts++;
    list->retry_ms = follow_ticks_ms() + ((int64_t)RETRY_MS << doublings);
}

static enum list_trouble judge_row(const struct round *round, const struct follow_list *list, const struct sealed_list *sealed)
{
    struct served *served = round->follow->settings.served;

    if (!sealed->intact || !is_named(list, sealed->list.agency, sealed->list.id)) return LIST_FORGED;
    if (list->served && sealed->edition <= list->edition) return LIST_OLDER; /* of the same edition, and another: a fork */
    if (served != NULL && served_is_older(served, sealed->list.agency, sealed->list.id, sealed->edition, sealed->mac)) return LIST_OLDER;
    return LIST_FINE;
}

static void keep_changed(struct round *round, const struct sealed_list *sealed, uint32_t position, bool take)
{
    if (!round_grow(&round->changed, round->changed_count, &round->changed_room, sizeof(*round->changed))) {
        round->reason = REASON_BUSY;
        return;
    }
    round->changed[round->changed_count++] = (struct changed_list){ *sealed, position };
    round->lists[position].taken = take;
}

static void take_list(void *context, const struct sealed_list *sealed)
{
    struct round *round = context;
    const struct list_place *place = find_place(round, sealed->list.number);
    struct follow_list *list = place != NULL ? &round->lists[place->position] : add_list(round, sealed->list.agency, sealed->list.id);

    if (list == NULL || list->seen) return;
    list->seen = true;
    list->number = sealed->list.number;
    uint32_t position = (uint32_t)(list - round->lists);
    bool same = list->served && sealed->intact && memcmp(sealed->mac, list->mac, sizeof(list->mac)) == 0;
    if (same) {
        list->trouble = list->bad_epochs != 0 ? LIST_FORGED : LIST_FINE;
        list->attempts = 0;
        return;
    }
    bool waits = list->trouble != LIST_FINE && memcmp(sealed->mac, list->tried, sizeof(list->tried)) == 0 && follow_ticks_ms() < list->retry_ms;
    memcpy(list->tried, sealed->mac, sizeof(list->tried));
    enum list_trouble trouble = judge_row(round, list, sealed);
    if (!waits && trouble != LIST_FINE) refuse(list, trouble);
    keep_changed(round, sealed, position, !waits && trouble == LIST_FINE);
}

/* Lists that were served and are not there any more: nobody can take one away. */
static void find_missing(void *context, const char *agency, const char *id, bool covert)
{
    struct round *round = context;

    for (size_t i = 0; i < round->list_count; i++)
        if (is_named(&round->lists[i], agency, id)) return;
    struct follow_list *list = add_list(round, agency, id);
    if (list != NULL) list->covert = covert;
}

static struct result read_rows(struct round *round)
{
    TRY(copy_lists(round));
    TRY(db_load_lists(round->load, take_list, round));
    if (round->follow->settings.served != NULL && round->follow->list_count == 0) served_each(round->follow->settings.served, find_missing, round);
    for (size_t i = 0; i < round->list_count; i++) {
        if (round->lists[i].seen || round->lists[i].trouble == LIST_MISSING) continue;
        refuse(&round->lists[i], LIST_MISSING);
    }
    return (struct result){ round->reason };
}

/* -- chains -------------------------------------------------------------------------------------------------------- */

static void take_live(void *context, const struct load_segment *segment)
{
    struct round *round = context;
    size_t size = offsetof(struct sums, epochs) + segment->sums.epoch_count * sizeof(segment->sums.epochs[0]);

    if (!round_grow(&round->live, round->live_count, &round->live_room, sizeof(*round->live))) {
        round->reason = REASON_BUSY;
        return;
    }
    struct live_segment *live = &round->live[round->live_count];
    *live = (struct live_segment){ .segment = segment->segment, .list = segment->list, .revision = segment->revision, .base = segment->base,
                                   .mode = segment->mode, .opened = segment->opened };
    memcpy(live->mac, segment->mac, sizeof(live->mac));
    live->sums = malloc(size);
    if (live->sums == NULL) {
        round->reason = REASON_BUSY;
        return;
    }
    memcpy(live->sums, &segment->sums, size);
    round->live_count++;
}

/* The segments FIRST to END - 1 are those of one list, each made on the one before, and lead to LINK. */
static bool is_chain(const struct round *round, size_t first, size_t end, uint32_t base, const uint8_t link[LIST_MAC_BYTES])
{
    uint8_t previous[LIST_MAC_BYTES] = { 0 }, mac[LIST_MAC_BYTES];
    struct load_segment segment;

    if (first < end && base != 0 && round->live[first].segment != base) return false;
    for (size_t i = first; i < end; i++) {
        const struct live_segment *live = &round->live[i];

        if (!live->opened || (i > first && live->segment <= live[-1].segment)) return false;
        segment = (struct load_segment){ .segment = live->segment, .list = live->list, .revision = live->revision, .base = live->base,
                                         .mode = live->mode };
        memcpy(&segment.sums, live->sums, offsetof(struct sums, epochs) + live->sums->epoch_count * sizeof(segment.sums.epochs[0]));
        db_load_segment_mac(round->load, &segment, previous, mac);
        if (sodium_memcmp(mac, live->mac, sizeof(mac)) != 0) return false;
        memcpy(previous, mac, sizeof(previous));
    }
    return sodium_memcmp(previous, link, LIST_MAC_BYTES) == 0;
}

static void believe(struct round *round, size_t first, size_t end, uint32_t position)
{
    for (size_t i = first; i < end; i++) {
        round->live[i].believed = true;
        round->live[i].first = i == first;
        round->live[i].position = position;
    }
    round->lists[position].chained = true;
}

static void find_chain(const struct round *round, uint32_t number, size_t *first, size_t *end)
{
    size_t low = 0, high = round->live_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (round->live[middle].list < number) low = middle + 1;
        else high = middle;
    }
    for (*first = *end = low; *end < round->live_count && round->live[*end].list == number;) ++*end;
}

static struct result read_chains(struct round *round)
{
    uint32_t *numbers = malloc((round->changed_count + 1) * sizeof(*numbers));
    size_t count = 0;

    if (numbers == NULL) return FAIL(REASON_BUSY);
    for (size_t i = 0; i < round->changed_count; i++)
        if (round->lists[round->changed[i].position].taken) numbers[count++] = round->changed[i].sealed.list.number;
    struct result result = db_load_segments(round->load, round->all_segments ? NULL : numbers, count, take_live, round);
    free(numbers);
    return failed(result) ? result : (struct result){ round->reason };
}

static void judge_chains(struct round *round)
{
    size_t first, end;

    for (size_t i = 0; i < round->changed_count; i++) {
        const struct changed_list *changed = &round->changed[i];

        if (!round->lists[changed->position].taken) continue;
        find_chain(round, changed->sealed.list.number, &first, &end);
        if (is_chain(round, first, end, changed->sealed.base_segment, changed->sealed.link)) believe(round, first, end, changed->position);
        else round_refuse(round, changed->position, LIST_FORGED);
    }
    for (size_t i = 0; round->all_segments && i < round->list_count; i++) {
        struct follow_list *list = &round->lists[i];

        if (list->chained || !list->served || !list->seen || list->trouble != LIST_FINE) continue;
        find_chain(round, list->number, &first, &end);
        if (is_chain(round, first, end, list->base_segment, list->link)) believe(round, first, end, (uint32_t)i);
        else refuse(list, LIST_FORGED);
    }
}

struct result round_lists(struct round *round)
{
    TRY(read_rows(round));
    TRY(read_chains(round));
    judge_chains(round);
    return OK;
}

void round_refuse(struct round *round, uint32_t position, enum list_trouble trouble)
{
    struct segments *segments = &round->follow->segments;

    refuse(&round->lists[position], trouble);
    round->lists[position].taken = false;
    for (size_t i = 0; i < round->live_count; i++)
        if (round->live[i].believed && round->live[i].position == position) round->live[i].believed = false;
    for (size_t i = 0; i < segments->count; i++) {
        if (segments->at[i].list != position) continue;
        segments->at[i].gone = false;
        if (segments->at[i].state == SEGMENT_FRESH) segments->at[i].state = SEGMENT_DEAD;
    }
}

/* -- afterwards ---------------------------------------------------------------------------------------------------- */

static void tell(const struct follow_list *list)
{
    static const char *const what[LIST_TROUBLES] = {
        [LIST_FORGED] = "is not what gates made of it: somebody has written to the database",
        [LIST_OLDER] = "is older than the state of it that was served",
        [LIST_MISSING] = "was served, and is not there any more",
    };

    if (list->trouble == LIST_FINE) log_line(LOG_NOTICE, "list %s/%s in the database is as it should be again", list->agency, list->id);
    else
        log_line(LOG_ERR, "list %s/%s in the database %s; %s", list->agency, list->id, what[list->trouble],
                 list->served ? "its last good state is served" : "it is not served");
}

void round_tell_lists(struct round *round)
{
    struct follow *follow = round->follow;
    int64_t ticks_ms = follow_ticks_ms();
    unsigned troubles = 0;

    follow->lists_retry_ms = 0;
    for (size_t i = 0; i < round->list_count; i++) {
        struct follow_list *list = &round->lists[i];

        if (list->trouble != list->told) tell(list);
        list->told = list->trouble;
        if (list->served && list->noted != list->edition && follow->settings.served != NULL)
            served_note(follow->settings.served, list->agency, list->id, list->edition, list->mac, list->covert);
        list->noted = list->edition;
        if (list->trouble == LIST_FINE) continue;
        troubles++;
        if (list->retry_ms <= ticks_ms) continue; /* nothing to be tried */
        if (follow->lists_retry_ms == 0 || list->retry_ms < follow->lists_retry_ms) follow->lists_retry_ms = list->retry_ms;
    }
    follow_count_troubles(follow, troubles);
}
