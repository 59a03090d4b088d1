/* What index.c (look up, add, sweep) and build.c (make the whole anew) share.  For nobody else. */
#ifndef SERVER_GATE_INDEX_TABLE_H
#define SERVER_GATE_INDEX_TABLE_H

#include <endian.h>

#include "server/gate/index/index.h"

#define INDEX_BITS_MIN 8u    /* bits of a slot that choose the bucket; byte 0 is not in the key, so never fewer */
#define INDEX_BITS_MAX 22u
#define INDEX_LOAD_MAX 64u   /* records a bucket, on average, before their number doubles */
#define INDEX_LOAD_MADE 48u  /* at most, when the table is made anew */
#define INDEX_RETIRED_MAX 256u
#define INDEX_RETIRED_BYTES (64u * 1024)
#define INDEX_DEAD UINT32_MAX /* entry of a record that was swept */

struct record {
    uint32_t key[3]; /* bytes 1 to 12 of the slot, as big-endian numbers */
    uint8_t tag[PLATESIEVE_TAG_BYTES];
    uint32_t entry;  /* or INDEX_DEAD; written while readers read, so only atomically */
    uint32_t grade_segment; /* grade in the upper two bits */
};
_Static_assert(sizeof(struct record) == 28, "a record takes 28 bytes");
_Static_assert(LIMIT_ENTRIES < INDEX_DEAD, "no entry may look dead");

struct bucket {
    uint32_t count;
    struct record records[]; /* sorted by key */
};

struct cell {
    struct bucket *bucket; /* NULL: empty */
    uint32_t hint;         /* its count or a late one: where to prefetch, nothing more */
};

struct table {
    unsigned bits;
    size_t slab_bytes;   /* 0: no slab */
    uint8_t *slab;       /* buckets as they were made; later ones are malloc'ed */
    struct cell cells[]; /* 1 << bits */
};

struct index {
    struct table *table;
    uint64_t slots;      /* not dead */
    uint64_t heap_bytes; /* of buckets outside of the slab, retired ones included */
    uint64_t bytes;      /* see index_bytes() */
    size_t retired_count;
    size_t retired_bytes;
    struct bucket *retired[INDEX_RETIRED_MAX]; /* wait for a grace period */
};

static inline uint32_t index_big_endian(const uint8_t *bytes)
{
    uint32_t number;

    memcpy(&number, bytes, sizeof(number));
    return be32toh(number);
}

static inline size_t index_bucket_of_slot(const uint8_t *slot, unsigned bits)
{
    return index_big_endian(slot) >> (32 - bits);
}

static inline size_t index_bucket_bytes(size_t count)
{
    return sizeof(struct bucket) + count * sizeof(struct record);
}

static inline uint64_t index_key_high(const struct record *record)
{
    return (uint64_t)record->key[0] << 32 | record->key[1];
}

/* By key alone. */
static inline int index_compare(const struct record *a, const struct record *b)
{
    uint64_t x = index_key_high(a), y = index_key_high(b);

    if (x == y) {
        x = a->key[2];
        y = b->key[2];
    }
    return (x > y) - (x < y);
}

static inline void index_record_pack(struct record *record, const struct index_record *from)
{
    record->key[0] = index_big_endian(from->slot + 1);
    record->key[1] = index_big_endian(from->slot + 5);
    record->key[2] = index_big_endian(from->slot + 9);
    memcpy(record->tag, from->tag, sizeof(record->tag));
    record->entry = from->entry;
    record->grade_segment = (uint32_t)from->grade << 30 | from->segment;
}

static inline uint32_t index_entry(const struct record *record)
{
    return __atomic_load_n(&record->entry, __ATOMIC_RELAXED);
}

/* Makes a new table of all live records and COUNT new ones, publishes it, waits for a grace period and frees the old one.  False without
   memory; nothing has changed then. */
bool index_build(struct index *index, const struct index_record *records, size_t count);
/* An empty table, not published; NULL without memory. */
struct table *index_table_create(unsigned bits, size_t slab_bytes);
void index_table_destroy(struct table *table); /* with its buckets */
bool index_in_slab(const struct table *table, const struct bucket *bucket);
/* Bytes that the allocator spends on a bucket. */
size_t index_heap_bytes(struct bucket *bucket);
/* Works out index->bytes. */
void index_account(struct index *index);
void index_retired_free(struct index *index);

#endif
