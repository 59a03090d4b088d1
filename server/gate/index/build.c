/* Makes an index's table anew: counts what each bucket will hold, lays the buckets out in one mapping, puts the new records behind the
   place of the old ones, then sorts and merges bucket by bucket.  Everything but the new records is read and written in order. */
#include "server/gate/index/table.h"

#include <malloc.h>
#include <sys/mman.h>
#include <urcu-bp.h>

#define HUGE_PAGE_BYTES (2u * 1024 * 1024)

/* Memory from the kernel, zeroed, that goes back whole; on large pages where it is large. */
static void *map(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED) return NULL;
    /* Hints, both: a kernel that knows neither serves as well. */
    if (bytes >= 2 * HUGE_PAGE_BYTES) (void)madvise(memory, bytes, MADV_HUGEPAGE);
    (void)madvise(memory, bytes, MADV_DONTDUMP);
    return memory;
}

struct table *index_table_create(unsigned bits, size_t slab_bytes)
{
    struct table *table = calloc(1, sizeof(*table) + (sizeof(struct cell) << bits));

    if (table == NULL) return NULL;
    table->bits = bits;
    if (slab_bytes == 0) return table;
    table->slab = map(slab_bytes);
    if (table->slab == NULL) {
        free(table);
        return NULL;
    }
    table->slab_bytes = slab_bytes;
    return table;
}

bool index_in_slab(const struct table *table, const struct bucket *bucket)
{
    const uint8_t *at = (const uint8_t *)bucket;

    return table->slab_bytes > 0 && at >= table->slab && at < table->slab + table->slab_bytes;
}

void index_table_destroy(struct table *table)
{
    size_t freed = 0;

    for (size_t i = 0; i < (size_t)1 << table->bits; i++) {
        struct bucket *bucket = table->cells[i].bucket;

        if (bucket == NULL || index_in_slab(table, bucket)) continue;
        free(bucket);
        freed++;
    }
    if (table->slab_bytes > 0) munmap(table->slab, table->slab_bytes);
    free(table);
    /* Thousands of kilobyte-sized holes would stay with the allocator otherwise. */
    if (freed > 1024) malloc_trim(0);
}

/* All live records of a table in the order of slots, whatever the number of buckets. */
struct walk {
    const struct table *table;
    size_t cell, at;
};

static const struct record *walk_next(struct walk *walk, size_t *cell)
{
    for (; walk->cell < (size_t)1 << walk->table->bits; walk->cell++, walk->at = 0) {
        const struct bucket *bucket = walk->table->cells[walk->cell].bucket;

        while (bucket != NULL && walk->at < bucket->count) {
            const struct record *record = &bucket->records[walk->at++];

            if (record->entry == INDEX_DEAD) continue;
            *cell = walk->cell;
            return record;
        }
    }
    return NULL;
}

/* A record of bucket CELL of a table of BITS: its bucket in one of TO bits. */
static size_t rebucket(const struct record *record, size_t cell, unsigned bits, unsigned to)
{
    uint32_t first = (uint32_t)(cell >> (bits - 8));

    return (first << 24 | record->key[0] >> 8) >> (32 - to);
}

struct build {
    const struct table *old;
    struct table *made;
    uint32_t *olds; /* records of the old table, by new bucket */
    uint32_t *ends; /* records of the new bucket placed so far, the old ones' room included */
};

static void count_all(struct build *build, unsigned bits, const struct index_record *records, size_t count)
{
    struct walk walk = { .table = build->old };
    const struct record *record;
    size_t cell;

    while ((record = walk_next(&walk, &cell)) != NULL) build->olds[rebucket(record, cell, build->old->bits, bits)]++;
    for (size_t i = 0; i < count; i++) build->ends[index_bucket_of_slot(records[i].slot, bits)]++;
}

static size_t slab_bytes(const struct build *build, unsigned bits)
{
    size_t bytes = 0;

    for (size_t i = 0; i < (size_t)1 << bits; i++) {
        size_t count = (size_t)build->olds[i] + build->ends[i];

        if (count > 0) bytes += index_bucket_bytes(count);
    }
    return bytes;
}

static void lay_out(struct build *build)
{
    uint8_t *at = build->made->slab;

    for (size_t i = 0; i < (size_t)1 << build->made->bits; i++) {
        size_t count = (size_t)build->olds[i] + build->ends[i];
        struct cell *cell = &build->made->cells[i];

        build->ends[i] = build->olds[i];
        if (count == 0) continue;
        cell->bucket = (struct bucket *)(void *)at;
        cell->bucket->count = (uint32_t)count;
        cell->hint = (uint32_t)count;
        at += index_bucket_bytes(count);
    }
}

static void place_new(struct build *build, const struct index_record *records, size_t count)
{
    unsigned bits = build->made->bits;

    for (size_t i = 0; i < count; i++) {
        size_t cell = index_bucket_of_slot(records[i].slot, bits);

        index_record_pack(&build->made->cells[cell].bucket->records[build->ends[cell]++], &records[i]);
    }
}

static int by_key(const void *a, const void *b)
{
    return index_compare(a, b);
}

static void sort(struct record *records, size_t count)
{
    if (count > 96) {
        qsort(records, count, sizeof(*records), by_key);
        return;
    }
    for (size_t i = 1; i < count; i++) {
        struct record record = records[i];
        size_t at = i;

        for (; at > 0 && index_compare(&records[at - 1], &record) > 0; at--) records[at] = records[at - 1];
        records[at] = record;
    }
}

/* Takes the old records in from the front while the new ones wait at the end: writing never overtakes reading. */
static void merge_old(struct build *build)
{
    struct walk walk = { .table = build->old };
    size_t ignored;
    const struct record *old = walk_next(&walk, &ignored);

    for (size_t i = 0; i < (size_t)1 << build->made->bits; i++) {
        struct bucket *bucket = build->made->cells[i].bucket;
        size_t left = build->olds[i], out = 0;

        if (bucket == NULL) continue;
        sort(bucket->records + left, bucket->count - left);
        for (size_t fresh = left; left > 0; out++) {
            if (fresh < bucket->count && index_compare(&bucket->records[fresh], old) < 0) {
                bucket->records[out] = bucket->records[fresh++];
                continue;
            }
            bucket->records[out] = *old;
            old = walk_next(&walk, &ignored);
            left--;
        }
    }
}

static unsigned bits_for(uint64_t slots)
{
    unsigned bits = INDEX_BITS_MIN;

    while (bits < INDEX_BITS_MAX && slots > (uint64_t)INDEX_LOAD_MADE << bits) bits++;
    return bits;
}

bool index_build(struct index *index, const struct index_record *records, size_t count)
{
    unsigned bits = bits_for(index->slots + count);
    size_t counts_bytes = 2 * sizeof(uint32_t) << bits;
    struct build build = { .old = index->table, .olds = map(counts_bytes) };
    struct table *old = index->table;

    if (build.olds == NULL) return false;
    build.ends = build.olds + ((size_t)1 << bits);
    count_all(&build, bits, records, count);
    build.made = index_table_create(bits, slab_bytes(&build, bits));
    if (build.made != NULL) {
        lay_out(&build);
        place_new(&build, records, count);
        merge_old(&build);
    }
    munmap(build.olds, counts_bytes);
    if (build.made == NULL) return false;

    rcu_assign_pointer(index->table, build.made);
    __atomic_store_n(&index->slots, index->slots + count, __ATOMIC_RELAXED);
    index_retired_free(index); /* knows the heap by the table that it was in */
    synchronize_rcu();
    index_table_destroy(old);
    index->heap_bytes = 0;
    index_account(index);
    return true;
}
