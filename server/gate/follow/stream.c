/* Rows of a load: removals, entries, slots. */
#include "server/gate/follow/round.h"

#define SIGN_EVERY 64 /* entries */
#define LOOK_AHEAD 8

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

/* -- removals ------------------------------------------------------------------------------------------------------ */

static struct result take_removal(void *context, const struct load_removal *removal)
{
    struct round *round = context;
    uint32_t segment = find_segment(round, removal->segment);

    if (segment == 0) return OK;
    struct segment_check *check = round_check(round, segment);
    row_sum_add(removal->edit ? &check->edits : &check->added, &removal->sum);
    struct key_item *item = key_map_put(&round->touched, removal->key, segment);
    if (item == NULL) return FAIL(REASON_BUSY);
    if (segment_of(round, item->segment)->database < removal->segment) item->segment = segment;
    return OK;
}

static void mark_removed(void *context, uint32_t number, const struct entry *entry)
{
    struct round *round = context;
    struct follow *follow = round->follow;
    const struct segment *segment = segments_get(&follow->segments, entry->segment);

    if (segment->state != SEGMENT_LIVE || segment->gone) return;
    if (entry->removed_by != 0 && segments_get(&follow->segments, entry->removed_by)->state == SEGMENT_LIVE) return;
    const struct key_item *item = key_map_find(&round->touched, entry->key, segment->list);
    if (item == NULL) return;
    entries_remove(follow->entries, number, item->segment);
    round->removed = true;
}

struct result round_removals(struct round *round)
{
    if (!key_map_begin(&round->touched, 0, segments_list, &round->follow->segments)) return FAIL(REASON_BUSY);
    if (round->remover_count == 0) return OK;
    TRY(db_load_removals(round->load, round->removers, round->remover_count, take_removal, round));
    if (round->touched.count > 0) entries_each(round->follow->entries, mark_removed, round);
    return OK;
}

/* -- entries ------------------------------------------------------------------------------------------------------- */

static bool is_removed(const struct round *round, const struct load_entry *row, uint32_t segment)
{
    const struct key_item *item = round->touched.count == 0 ? NULL : key_map_find(&round->touched, row->key, segment_of(round, segment)->list);

    return item != NULL && segment_of(round, item->segment)->database > row->segment;
}

static struct result keep_entry(struct round *round, const struct entry *entry)
{
    uint32_t number;

    TRY(entries_add(round->follow->entries, entry, &number));
    if (!pile_reserve(&round->order, (round->order_count + 1) * sizeof(number))) return FAIL(REASON_BUSY);
    if (round->order_count % SIGN_EVERY == 0) {
        struct key_item *sign = key_map_put(&round->signs, entry->key, entry->segment);

        if (sign == NULL) return FAIL(REASON_BUSY);
        sign->number = (uint32_t)round->order_count;
    }
    ((uint32_t *)round->order.at)[round->order_count++] = number;
    return OK;
}

/* What later segments say counts; that the database says the same of the row is looked at because commits go by that. */
static struct result take_entry(void *context, const struct load_entry *row)
{
    struct round *round = context;
    struct entry entry = { .key = row->key, .segment = find_segment(round, row->segment), .effective = row->effective,
                           .expires = row->expires };

    if (entry.segment == 0 || segment_of(round, entry.segment)->state != SEGMENT_FRESH) return OK;
    struct segment_check *check = round_check(round, entry.segment);
    bool removed = is_removed(round, row, entry.segment);

    row_sum_add(&check->entries, &row->sum);
    check->bad |= removed != row->removed;
    if (removed) return OK;
    if (entry.expires != ENTRY_FOREVER && (uint64_t)entry.expires + FOLLOW_EXPIRED_S <= round->now_s) return OK;
    return keep_entry(round, &entry);
}

struct result round_entries(struct round *round)
{
    if (!key_map_begin(&round->signs, 0, segments_list, &round->follow->segments)) return FAIL(REASON_BUSY);
    return db_load_entries(round->load, round->first ? NULL : round->fresh, round->fresh_count, take_entry, round);
}

/* -- slots --------------------------------------------------------------------------------------------------------- */

struct pending_slot { /* its entry was not found at once */
    struct load_slot slot;
    uint32_t segment; /* in the catalogue */
};

static const struct entry *entry_at(const struct round *round, size_t place)
{
    return entries_get(round->follow->entries, ((const uint32_t *)round->order.at)[place]);
}

/* The fresh entry that a slot is of, or KEY_MAP_NONE.  Slots mostly come in the order in which their entries came,
   so it is the one of the slot before or one of the next; where the order breaks, a sign is found again soon. */
static uint32_t find_fresh(struct round *round, uint64_t key, uint32_t list)
{
    size_t end = round->order_count - round->at < LOOK_AHEAD ? round->order_count : round->at + LOOK_AHEAD;

    for (size_t place = round->at; place < end; place++) {
        const struct entry *entry = entry_at(round, place);

        if (entry->key != key || segment_of(round, entry->segment)->list != list) continue;
        round->at = place;
        return ((const uint32_t *)round->order.at)[place];
    }
    const struct key_item *sign = key_map_find(&round->signs, key, list);
    if (sign == NULL) return KEY_MAP_NONE;
    round->at = sign->number;
    return ((const uint32_t *)round->order.at)[round->at];
}

/* A slot is of the entry of its key that stands, unless that one is newer. */
static struct result keep_record(struct round *round, const struct load_slot *slot, uint32_t segment, uint32_t entry)
{
    if (segment_of(round, entries_get(round->follow->entries, entry)->segment)->database > slot->segment) return OK;
    if (!pile_reserve(&round->records, (round->record_count + 1) * sizeof(struct index_record)))
        return FAIL(REASON_BUSY);
    struct index_record *record = (struct index_record *)round->records.at + round->record_count++;
    *record = (struct index_record){ .entry = entry, .segment = segment, .grade = slot->grade };
    const struct segment *from = segment_of(round, segment);
    if (!from->weak) round->epoch->has[entry / 8] |= (uint8_t)(1u << entry % 8);
    else if (from->list < LIMIT_LISTS) round->epoch->weak[from->list / 8] |= (uint8_t)(1u << from->list % 8);
    memcpy(record->slot, slot->slot, sizeof(record->slot));
    memcpy(record->tag, slot->tag, sizeof(record->tag));
    return OK;
}

static struct result keep_pending(struct round *round, const struct load_slot *slot, uint32_t segment)
{
    if (!pile_reserve(&round->pending, (round->pending_count + 1) * sizeof(struct pending_slot)))
        return FAIL(REASON_BUSY);
    ((struct pending_slot *)round->pending.at)[round->pending_count++] = (struct pending_slot){ *slot, segment };
    return OK;
}

static struct result take_slot(void *context, const struct load_slot *slot)
{
    struct round *round = context;
    uint32_t segment = find_segment(round, slot->segment), entry;

    if (segment == 0) return OK; /* dead */
    entry = find_fresh(round, slot->entry, segment_of(round, segment)->list);
    return entry == KEY_MAP_NONE ? keep_pending(round, slot, segment) : keep_record(round, slot, segment, entry);
}

/* -- slots of other entries: those in memory before, and those out of order ---------------------------------------- */

struct resolution {
    const struct follow *follow;
    struct key_map wanted;
};

bool round_stands(const struct segments *segments, const struct entry *entry)
{
    const struct segment *segment = segments_get(segments, entry->segment);

    if (segment->state == SEGMENT_FRESH) return true;
    if (segment->state != SEGMENT_LIVE || segment->gone) return false;
    if (entry->removed_by == 0) return true;
    enum segment_state by = segments_get(segments, entry->removed_by)->state;
    return by != SEGMENT_LIVE && by != SEGMENT_FRESH; /* the mark of a load that failed */
}

static void resolve(void *context, uint32_t number, const struct entry *entry)
{
    struct resolution *resolution = context;
    const struct segments *segments = &resolution->follow->segments;

    if (!round_stands(segments, entry)) return;
    struct key_item *item = key_map_find(&resolution->wanted, entry->key, segments_get(segments, entry->segment)->list);
    if (item != NULL) item->number = number;
}

static struct result take_pending(struct round *round)
{
    struct resolution resolution = { .follow = round->follow };
    const struct pending_slot *pending = round->pending.at;
    struct result result = OK;

    if (round->pending_count == 0) return OK;
    if (!key_map_begin(&resolution.wanted, round->pending_count, segments_list, &round->follow->segments))
        return FAIL(REASON_BUSY);
    for (size_t i = 0; i < round->pending_count && !failed(result); i++)
        if (key_map_put(&resolution.wanted, pending[i].slot.entry, pending[i].segment) == NULL)
            result = FAIL(REASON_BUSY);
    if (!failed(result)) entries_each(round->follow->entries, resolve, &resolution);
    for (size_t i = 0; i < round->pending_count && !failed(result); i++) {
        uint32_t list = segment_of(round, pending[i].segment)->list;
        const struct key_item *item = key_map_find(&resolution.wanted, pending[i].slot.entry, list);

        if (item != NULL && item->number != KEY_MAP_NONE)
            result = keep_record(round, &pending[i].slot, pending[i].segment, item->number);
    }
    key_map_end(&resolution.wanted);
    return result;
}

static void take_sum(void *context, uint32_t database, const struct row_sum *sum)
{
    struct round *round = context;
    uint32_t segment = find_segment(round, database);

    if (segment != 0) row_sum_add(&round_check(round, segment)->slots, sum);
}

struct result round_slots(struct round *round, struct booked_epoch *epoch)
{
    round->record_count = round->pending_count = round->at = 0;
    round->epoch = epoch;
    TRY(db_load_slots(round->load, epoch->known.number, epoch->loaded ? round->fresh : NULL, round->fresh_count,
                      take_slot, take_sum, round));
    TRY(take_pending(round));
    TRY(index_add(epoch->index, round->records.at, round->record_count));
    round_verify_slots(round, epoch);
    return OK;
}
