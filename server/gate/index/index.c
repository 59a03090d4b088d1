/* See index.h; how a table is made anew is in build.c. */
#include "server/gate/index/table.h"

#include <malloc.h>
#include <urcu-bp.h>

struct index *index_create(void)
{
    struct index *index = calloc(1, sizeof(*index));

    if (index == NULL) return NULL;
    index->table = index_table_create(INDEX_BITS_MIN, 0);
    if (index->table == NULL) {
        free(index);
        return NULL;
    }
    index_account(index);
    return index;
}

void index_destroy(struct index *index)
{
    if (index == NULL) return;
    for (size_t i = 0; i < index->retired_count; i++) free(index->retired[i]);
    index_table_destroy(index->table);
    free(index);
}

size_t index_heap_bytes(struct bucket *bucket)
{
    return malloc_usable_size(bucket) + sizeof(size_t);
}

void index_account(struct index *index)
{
    const struct table *table = index->table;
    size_t cells = sizeof(*table) + (sizeof(struct cell) << table->bits);

    __atomic_store_n(&index->bytes, cells + table->slab_bytes + index->heap_bytes, __ATOMIC_RELAXED);
}

uint64_t index_slots(const struct index *index)
{
    return __atomic_load_n(&index->slots, __ATOMIC_RELAXED);
}

uint64_t index_bytes(const struct index *index)
{
    return sizeof(*index) + __atomic_load_n(&index->bytes, __ATOMIC_RELAXED);
}

/* -- look-up ----------------------------------------------------------------------------------------------------------------- */

/* Acquiring loads stand for rcu_dereference() here: it is a call into liburcu, twice for each slot. */

/* Slots are uniform, so a key's place among COUNT is proportional to its bits behind those that chose the bucket. */
static size_t guess(const uint8_t *slot, unsigned bits, size_t count)
{
    uint64_t bytes = (uint64_t)index_big_endian(slot) << 32 | index_big_endian(slot + 4);

    return (size_t)(((bytes << bits) >> 32) * count >> 32);
}

/* Position of the first record that is not before KEY; starts at the guess and doubles its steps, so a bucket of many records of one
   slot costs no walk. */
static size_t lower_bound(const struct bucket *bucket, const struct record *key, size_t start)
{
    size_t low = start, high = start, step = 1, count = bucket->count;

    /* In the end all before LOW are less than KEY, and all from HIGH on are not. */
    if (index_compare(&bucket->records[start], key) < 0) {
        low = high = start + 1;
        while (high < count && index_compare(&bucket->records[high], key) < 0) {
            low = high + 1;
            high = count - high > step ? high + step : count;
            step *= 2;
        }
    } else {
        while (low > 0 && index_compare(&bucket->records[low - 1], key) >= 0) {
            high = low - 1;
            low = high > step ? high - step : 0;
            step *= 2;
        }
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (index_compare(&bucket->records[middle], key) < 0) low = middle + 1;
        else high = middle;
    }
    return low;
}

void index_lookup(const struct index *index, const uint8_t slot[PLATESIEVE_SLOT_BYTES],
                  bool (*each)(void *context, const struct index_match *match), void *context)
{
    const struct table *table = __atomic_load_n(&index->table, __ATOMIC_ACQUIRE);
    const struct cell *cell = &table->cells[index_bucket_of_slot(slot, table->bits)];
    const struct bucket *bucket = __atomic_load_n(&cell->bucket, __ATOMIC_ACQUIRE);
    /* From the hint, not from the bucket's own count: so the processor fetches the count and the records at the same time. */
    size_t start = guess(slot, table->bits, __atomic_load_n(&cell->hint, __ATOMIC_RELAXED));
    struct record key = { .key = { index_big_endian(slot + 1), index_big_endian(slot + 5), index_big_endian(slot + 9) } };

    if (bucket == NULL) return;
    if (__builtin_expect(start >= bucket->count, 0)) start = bucket->count - 1; /* never empty */
    for (size_t i = lower_bound(bucket, &key, start); i < bucket->count; i++) {
        const struct record *record = &bucket->records[i];
        struct index_match match = { .entry = index_entry(record) };

        if (index_compare(record, &key) != 0) return;
        if (match.entry == INDEX_DEAD) continue;
        memcpy(match.tag, record->tag, sizeof(match.tag));
        match.segment = record->grade_segment & 0x3fffffff;
        match.grade = (uint8_t)(record->grade_segment >> 30);
        if (!each(context, &match)) return;
    }
}

void index_prefetch(const struct index *index, const uint8_t slot[PLATESIEVE_SLOT_BYTES])
{
    const struct table *table = __atomic_load_n(&index->table, __ATOMIC_ACQUIRE);

    __builtin_prefetch(&table->cells[index_bucket_of_slot(slot, table->bits)]);
}

void index_prefetch_bucket(const struct index *index, const uint8_t slot[PLATESIEVE_SLOT_BYTES])
{
    const struct table *table = __atomic_load_n(&index->table, __ATOMIC_ACQUIRE);
    const struct cell *cell = &table->cells[index_bucket_of_slot(slot, table->bits)];
    const char *bucket = (const char *)__atomic_load_n(&cell->bucket, __ATOMIC_ACQUIRE);
    uint32_t hint = __atomic_load_n(&cell->hint, __ATOMIC_RELAXED);
    const char *there = bucket + index_bucket_bytes(guess(slot, table->bits, hint));

    if (bucket == NULL) return;
    __builtin_prefetch(bucket);
    __builtin_prefetch(there - 64);
    __builtin_prefetch(there);
    __builtin_prefetch(there + 64);
}

/* -- adding ------------------------------------------------------------------------------------------------------------------ */

void index_retired_free(struct index *index)
{
    if (index->retired_count == 0) return;
    synchronize_rcu();
    for (size_t i = 0; i < index->retired_count; i++) {
        index->heap_bytes -= index_heap_bytes(index->retired[i]);
        free(index->retired[i]);
    }
    index->retired_count = 0;
    index->retired_bytes = 0;
}

static void retire(struct index *index, struct bucket *bucket)
{
    if (bucket == NULL || index_in_slab(index->table, bucket)) return;
    index->retired[index->retired_count++] = bucket;
    index->retired_bytes += index_heap_bytes(bucket);
    if (index->retired_count == INDEX_RETIRED_MAX || index->retired_bytes > INDEX_RETIRED_BYTES) index_retired_free(index);
}

static int by_slot(const void *a, const void *b)
{
    return memcmp(((const struct index_record *)a)->slot, ((const struct index_record *)b)->slot, PLATESIEVE_SLOT_BYTES);
}

/* OLD's live records and COUNT sorted new ones in one new bucket; NULL without memory. */
static struct bucket *merge(const struct bucket *old, const struct index_record *records, size_t count)
{
    size_t old_count = old == NULL ? 0 : old->count, from = 0;
    struct bucket *made = malloc(index_bucket_bytes(old_count + count));
    struct record *out;

    if (made == NULL) return NULL;
    out = made->records;
    for (size_t i = 0; i <= count; i++) {
        struct record record;

        if (i < count) index_record_pack(&record, &records[i]);
        for (; from < old_count && (i == count || index_compare(&old->records[from], &record) <= 0); from++)
            if (index_entry(&old->records[from]) != INDEX_DEAD) *out++ = old->records[from];
        if (i < count) *out++ = record;
    }
    made->count = (uint32_t)(out - made->records);
    return made;
}

struct change {
    size_t cell;
    struct bucket *bucket;
};

/* Makes a new bucket for each that sorted RECORDS touch; how many, or 0 without memory. */
static size_t make_changes(const struct table *table, const struct index_record *records, size_t count, struct change *changes)
{
    size_t made = 0;

    for (size_t first = 0, end; first < count; first = end) {
        size_t cell = index_bucket_of_slot(records[first].slot, table->bits);

        for (end = first + 1; end < count && index_bucket_of_slot(records[end].slot, table->bits) == cell; end++) continue;
        changes[made].cell = cell;
        changes[made].bucket = merge(table->cells[cell].bucket, records + first, end - first);
        if (changes[made].bucket == NULL) {
            while (made > 0) free(changes[--made].bucket);
            return 0;
        }
        made++;
    }
    return made;
}

static struct result add_by_bucket(struct index *index, struct index_record *records, size_t count)
{
    struct change few[8], *changes = few;
    size_t made;

    if (count > ARRAY_LENGTH(few)) changes = malloc(count * sizeof(*changes));
    if (changes == NULL) return FAIL(REASON_BUSY);
    if (count > 1) qsort(records, count, sizeof(*records), by_slot);
    made = make_changes(index->table, records, count, changes);
    for (size_t i = 0; i < made; i++) {
        struct cell *cell = &index->table->cells[changes[i].cell];
        struct bucket *old = cell->bucket;

        index->heap_bytes += index_heap_bytes(changes[i].bucket);
        rcu_assign_pointer(cell->bucket, changes[i].bucket);
        __atomic_store_n(&cell->hint, changes[i].bucket->count, __ATOMIC_RELAXED);
        retire(index, old);
    }
    if (changes != few) free(changes);
    if (made == 0) return FAIL(REASON_BUSY);
    __atomic_store_n(&index->slots, index->slots + count, __ATOMIC_RELAXED);
    return OK;
}

/* Holes and dead records have come to more than a twelfth. */
static bool wasteful(const struct index *index)
{
    uint64_t bytes = index->table->slab_bytes + index->heap_bytes, live = index->slots * sizeof(struct record);

    return bytes > live + live / 12 + 16384;
}

struct result index_add(struct index *index, struct index_record *records, size_t count)
{
    size_t buckets = (size_t)1 << index->table->bits;
    bool bulk = count > buckets / 2;
    bool grow = index->slots + count > buckets * INDEX_LOAD_MAX && index->table->bits < INDEX_BITS_MAX;

    if (count == 0) return OK;
    if (count > LIMIT_INDEX_SLOTS - index->slots) return FAIL(REASON_BUSY);
    if ((bulk || grow || wasteful(index)) && index_build(index, records, count)) return OK;

    struct result result = add_by_bucket(index, records, count);
    index_account(index);
    return result;
}

/* -- sweeping ---------------------------------------------------------------------------------------------------------------- */

size_t index_sweep(struct index *index, bool (*dead)(void *context, uint32_t entry, uint32_t segment), void *context)
{
    const struct table *table = index->table;
    size_t swept = 0;

    for (size_t i = 0; i < (size_t)1 << table->bits; i++) {
        struct bucket *bucket = table->cells[i].bucket;

        for (size_t k = 0; bucket != NULL && k < bucket->count; k++) {
            struct record *record = &bucket->records[k];

            if (record->entry == INDEX_DEAD || !dead(context, record->entry, record->grade_segment & 0x3fffffff)) continue;
            __atomic_store_n(&record->entry, INDEX_DEAD, __ATOMIC_RELAXED);
            swept++;
        }
    }
    __atomic_store_n(&index->slots, index->slots - swept, __ATOMIC_RELAXED);
    /* Without memory the dead stay where they are, unseen, until the next time. */
    if (wasteful(index)) (void)index_build(index, NULL, 0);
    index_account(index);
    return swept;
}
