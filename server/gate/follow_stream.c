/* Rows of a load: removals, entries, slots. */
#include "server/gate/follow_round.h"

struct pending_slot { /* its entry is not among those that this round brought */
    struct load_slot slot;
    uint32_t segment; /* in the catalogue */
};

/* Rows come part by part: mostly the one of the row before.  0: none of ours. */
static uint32_t find_segment(struct round *round, uint32_t database)
{
    if (round->cached_database != database || round->cached_number == 0) {
        round->cached_number = segments_find(&round->follow->segments, database);
        round->cached_database = database;
    }
    return round->cached_number;
}

static const struct segment *segment_of(const struct round *round, uint32_t number)
{
    return segments_get(&round->follow->segments, number);
}

/* -- removals --------------------------------------------------------------------------------------------------------------------- */

struct removals {
    struct round *round;
    struct key_map touched; /* number: not used; segment: that removes */
};

static struct result take_removal(void *context, const struct load_removal *removal)
{
    struct removals *removals = context;
    uint32_t segment = find_segment(removals->round, removal->segment);

    if (segment == 0) return FAIL(REASON_INTERNAL);
    return key_map_put(&removals->touched, removal->key, segment) == NULL ? FAIL(REASON_BUSY) : OK;
}

static void mark_removed(void *context, uint32_t number, const struct entry *entry)
{
    struct removals *removals = context;
    struct follow *follow = removals->round->follow;
    const struct segment *segment = segments_get(&follow->segments, entry->segment);

    if (segment->state != SEGMENT_LIVE || segment->gone) return;
    if (entry->removed_by != 0 && segments_get(&follow->segments, entry->removed_by)->state == SEGMENT_LIVE) return;
    const struct key_item *item = key_map_find(&removals->touched, entry->key, segment->list);
    if (item == NULL) return;
    entries_remove(follow->entries, number, item->segment);
    removals->round->removed = true;
}

struct result round_removals(struct round *round)
{
    struct removals removals = { .round = round };
    struct result result;

    if (round->remover_count == 0) return OK;
    if (!key_map_begin(&removals.touched, 0, segments_list, &round->follow->segments)) return FAIL(REASON_BUSY);
    result = db_load_removals(round->load, round->removers, round->remover_count, take_removal, &removals);
    if (!failed(result) && removals.touched.count > 0) entries_each(round->follow->entries, mark_removed, &removals);
    key_map_end(&removals.touched);
    return result;
}

/* -- entries ---------------------------------------------------------------------------------------------------------------------- */

static struct result take_entry(void *context, const struct load_entry *row)
{
    struct round *round = context;
    struct entry entry = { .key = row->key, .segment = find_segment(round, row->segment), .effective = row->effective, .expires = row->expires };
    uint32_t number;

    if (entry.segment == 0 || segment_of(round, entry.segment)->state != SEGMENT_FRESH) return FAIL(REASON_INTERNAL);
    if (entry.expires != ENTRY_FOREVER && (uint64_t)entry.expires + FOLLOW_EXPIRED_S <= round->now_s) return OK;
    struct key_item *item = key_map_put(&round->standing, entry.key, entry.segment);
    if (item == NULL) return FAIL(REASON_BUSY);
    if (item->number != KEY_MAP_NONE) return FAIL(REASON_INTERNAL); /* one entry stands for a key */
    TRY(entries_add(round->follow->entries, &entry, &number));
    item->number = number;
    return OK;
}

static size_t expected_entries(const struct round *round)
{
    uint64_t entries = 0;

    for (size_t i = 0; i < round->changed_count && round->first; i++) entries += round->changed[i].list.entries;
    return entries > LIMIT_ENTRIES ? LIMIT_ENTRIES : (size_t)entries;
}

struct result round_entries(struct round *round)
{
    if (!key_map_begin(&round->standing, expected_entries(round), segments_list, &round->follow->segments)) return FAIL(REASON_BUSY);
    return db_load_entries(round->load, round->first ? NULL : round->fresh, round->fresh_count, take_entry, round);
}

/* -- slots ------------------------------------------------------------------------------------------------------------------------ */

#define BATCH 64 /* slots whose entries are fetched together */

struct slots {
    struct round *round;
    size_t count;
    struct pending_slot batch[BATCH];
};

static struct result keep_record(struct round *round, const struct pending_slot *pending, uint32_t entry)
{
    if (!pile_reserve(&round->records, (round->record_count + 1) * sizeof(struct index_record))) return FAIL(REASON_BUSY);
    struct index_record *record = (struct index_record *)round->records.at + round->record_count++;
    *record = (struct index_record){ .entry = entry, .segment = pending->segment, .grade = pending->slot.grade };
    memcpy(record->slot, pending->slot.slot, sizeof(record->slot));
    memcpy(record->tag, pending->slot.tag, sizeof(record->tag));
    return OK;
}

static struct result keep_pending(struct round *round, const struct pending_slot *pending)
{
    if (round->first) return OK; /* its entry was removed */
    if (!pile_reserve(&round->pending, (round->pending_count + 1) * sizeof(*pending))) return FAIL(REASON_BUSY);
    ((struct pending_slot *)round->pending.at)[round->pending_count++] = *pending;
    return OK;
}

/* Those of the entry that stands, if it is not newer than they are. */
static bool belongs(const struct round *round, const struct key_item *item, const struct pending_slot *pending)
{
    return segment_of(round, item->segment)->database <= pending->slot.segment;
}

static struct result flush(struct slots *slots)
{
    struct round *round = slots->round;

    for (size_t i = 0; i < slots->count; i++) {
        const struct pending_slot *pending = &slots->batch[i];
        const struct key_item *item = key_map_find(&round->standing, pending->slot.entry, segment_of(round, pending->segment)->list);

        if (item == NULL) TRY(keep_pending(round, pending));
        else if (belongs(round, item, pending)) TRY(keep_record(round, pending, item->number));
    }
    slots->count = 0;
    return OK;
}

static struct result take_slot(void *context, const struct load_slot *slot)
{
    struct slots *slots = context;
    uint32_t segment = find_segment(slots->round, slot->segment);

    if (segment == 0) return OK; /* dead */
    key_map_prefetch(&slots->round->standing, slot->entry);
    slots->batch[slots->count++] = (struct pending_slot){ *slot, segment };
    return slots->count == BATCH ? flush(slots) : OK;
}

/* -- slots of entries that were in memory before --------------------------------------------------------------------------------------- */

struct resolution {
    const struct follow *follow;
    struct key_map wanted;
};

static void resolve(void *context, uint32_t number, const struct entry *entry)
{
    struct resolution *resolution = context;
    const struct segments *segments = &resolution->follow->segments;
    const struct segment *segment = segments_get(segments, entry->segment);

    if (segment->state != SEGMENT_LIVE || segment->gone) return;
    if (entry->removed_by != 0) {
        enum segment_state by = segments_get(segments, entry->removed_by)->state;

        if (by == SEGMENT_LIVE || by == SEGMENT_FRESH) return; /* else the mark of a load that failed */
    }
    struct key_item *item = key_map_find(&resolution->wanted, entry->key, segment->list);
    if (item == NULL) return;
    item->number = number;
    item->segment = entry->segment; /* of the same list */
}

static struct result take_pending(struct round *round)
{
    struct resolution resolution = { .follow = round->follow };
    const struct pending_slot *pending = round->pending.at;
    struct result result = OK;

    if (round->pending_count == 0) return OK;
    if (!key_map_begin(&resolution.wanted, round->pending_count, segments_list, &round->follow->segments)) return FAIL(REASON_BUSY);
    for (size_t i = 0; i < round->pending_count && !failed(result); i++)
        if (key_map_put(&resolution.wanted, pending[i].slot.entry, pending[i].segment) == NULL) result = FAIL(REASON_BUSY);
    if (!failed(result)) entries_each(round->follow->entries, resolve, &resolution);
    for (size_t i = 0; i < round->pending_count && !failed(result); i++) {
        const struct key_item *item = key_map_find(&resolution.wanted, pending[i].slot.entry, segment_of(round, pending[i].segment)->list);

        if (item != NULL && item->number != KEY_MAP_NONE && belongs(round, item, &pending[i])) result = keep_record(round, &pending[i], item->number);
    }
    key_map_end(&resolution.wanted);
    return result;
}

struct result round_slots(struct round *round, struct booked_epoch *epoch)
{
    struct slots slots = { .round = round };

    round->record_count = round->pending_count = 0;
    TRY(db_load_slots(round->load, epoch->known.number, epoch->loaded ? round->fresh : NULL, round->fresh_count, take_slot, &slots));
    TRY(flush(&slots));
    TRY(take_pending(round));
    return index_add(epoch->index, round->records.at, round->record_count);
}
