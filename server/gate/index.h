/* The index: which slots are listed, for one epoch, in memory.  2^18 sorted buckets of 28-byte records, each bucket replaced by
   read-copy-update (liburcu-bp): look-ups take no lock and never wait.  Writers: one thread at a time.
   A record is a slot's remaining bits, its tag, the entry it belongs to, its grade, and the segment that brought it. */
#ifndef SERVER_GATE_INDEX_H
#define SERVER_GATE_INDEX_H

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

struct index *index_create(void);
void index_destroy(struct index *index); /* after a grace period; NULL is fine */

/* Adds COUNT records (order is free; RECORDS is sorted in place).  All or nothing on memory. */
struct result index_add(struct index *index, struct index_record *records, size_t count);
/* Drops each record for which DEAD says so; returns how many. */
size_t index_sweep(struct index *index, bool (*dead)(void *context, uint32_t entry, uint32_t segment), void *context);

/* Calls EACH for every record of SLOT until it returns false.  Inside a read-side critical section (rcu_read_lock). */
void index_lookup(const struct index *index, const uint8_t slot[PLATESIEVE_SLOT_BYTES],
                  bool (*each)(void *context, const struct index_match *match), void *context);
/* Asks the processor to fetch what a look-up of SLOT will touch first. */
void index_prefetch(const struct index *index, const uint8_t slot[PLATESIEVE_SLOT_BYTES]);

uint64_t index_slots(const struct index *index);
uint64_t index_bytes(const struct index *index); /* all that grows with slots, allocator overhead included */

#endif
