/* The index: which slots are listed, for one epoch, in memory.  Sorted buckets of 28-byte records, each bucket replaced by
   read-copy-update (liburcu-bp): look-ups take no lock and never wait.  Writers: one thread at a time, never inside rcu_read_lock()
   (they may wait for a grace period).

   A slot is 16 uniform bytes.  Its first bits choose the bucket (2^8 of them, doubling up to 2^22 as slots come, so that a bucket holds
   some 32 to 64), and bytes 1 to 12 are the record's key: with byte 0, which a bucket always implies, 104 bits tell slots apart.  The
   last three bytes are dropped: at 10 M slots one look-up in 2^80 finds another slot's record, and the lane would refuse its tag.

   Buckets lie one after the other in one mapping, without an allocator between them; a bucket that is replaced moves to the heap, and
   the mapping is made anew when the holes exceed a twelfth, when most buckets change, or when their number doubles.  So the whole takes
   28.7 bytes a slot when it was made and never more than 32 (above some 10,000 slots; below, pages are not full). */
#ifndef SERVER_GATE_INDEX_INDEX_H
#define SERVER_GATE_INDEX_INDEX_H

#include <platesieve/platesieve.h>

#include "server/http/reason.h"

struct index;

struct index_record { /* what goes in */
    uint8_t slot[PLATESIEVE_SLOT_BYTES];
    uint8_t tag[PLATESIEVE_TAG_BYTES];
    uint32_t entry;   /* number in struct entries; < LIMIT_ENTRIES */
    uint32_t segment; /* number in struct catalogue; < 2^30 */
    uint8_t grade;
};

struct index_match { /* what comes out */
    uint8_t tag[PLATESIEVE_TAG_BYTES];
    uint32_t entry;
    uint32_t segment;
    uint8_t grade;
};

/* NULL without memory. */
struct index *index_create(void);
void index_destroy(struct index *index); /* after a grace period; NULL is fine */

/* Adds COUNT records (order is free; RECORDS may be sorted in place), all or none: REASON_BUSY without memory or over LIMIT_INDEX_SLOTS.
   Readers may see them one after the other.  Adding one costs about a microsecond; 10 M in one call about a second.  A bulk load wants
   few large calls, best one: a call with more records than half the buckets copies the whole index. */
struct result index_add(struct index *index, struct index_record *records, size_t count);
/* Drops each record for which DEAD says so; returns how many.  Cannot fail.  Readers may still use a dropped record until a grace period
   has passed. */
size_t index_sweep(struct index *index, bool (*dead)(void *context, uint32_t entry, uint32_t segment), void *context);

/* Calls EACH for every record of SLOT until it returns false.  Inside a read-side critical section (rcu_read_lock). */
void index_lookup(const struct index *index, const uint8_t slot[PLATESIEVE_SLOT_BYTES],
                  bool (*each)(void *context, const struct index_match *match), void *context);
/* Ask the processor to fetch what a look-up of SLOT will touch: first where the bucket is, then, some time later, what is in it.  Inside
   a read-side critical section. */
void index_prefetch(const struct index *index, const uint8_t slot[PLATESIEVE_SLOT_BYTES]);
void index_prefetch_bucket(const struct index *index, const uint8_t slot[PLATESIEVE_SLOT_BYTES]);

/* From any thread. */
uint64_t index_slots(const struct index *index);
uint64_t index_bytes(const struct index *index); /* all that grows with slots, allocator overhead included */

#endif
