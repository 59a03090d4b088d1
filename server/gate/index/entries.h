/* The entries behind the slots: 24 bytes each, numbered densely, in chunks that never move.  Readers take no lock; one writer. */
#ifndef SERVER_GATE_INDEX_ENTRIES_H
#define SERVER_GATE_INDEX_ENTRIES_H

#include <platesieve/limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "server/http/reason.h"

#define ENTRY_FOREVER 0xffffffffu

struct entry {
    uint64_t key;        /* first 8 bytes of SHA-256("platesieve/1/entry" 00 agency 00 list 00 reference): stable over revisions */
    uint32_t segment;    /* that brought it; 0: this number is free */
    uint32_t removed_by; /* segment that removed it; 0: none (segment numbers begin at 1); changes while readers read */
    uint32_t effective;  /* seconds since 1970; 0: at once */
    uint32_t expires;    /* seconds since 1970; ENTRY_FOREVER: never */
};
_Static_assert(sizeof(struct entry) == 24, "an entry takes 24 bytes");

uint64_t entry_key(const char *agency, const char *list, const char *reference);

struct entries;

/* NULL without memory. */
struct entries *entries_create(void);
void entries_destroy(struct entries *entries); /* NULL is fine */

/* Reserves a number for ENTRY (a freed one first; segment not 0).  REASON_BUSY at LIMIT_ENTRIES or without memory.  Readers learn the number
   from the index only, whose publishing orders the two. */
struct result entries_add(struct entries *entries, const struct entry *entry, uint32_t *number);
/* The entry of a number in use; its address holds as long as ENTRIES. */
const struct entry *entries_get(const struct entries *entries, uint32_t number);
/* Says that the segment BY_SEGMENT removed it; 0 takes that back. */
void entries_remove(struct entries *entries, uint32_t number, uint32_t by_segment);
/* Gives a number back; only after a sweep of every index and a grace period. */
void entries_free(struct entries *entries, uint32_t number);
/* Every number in use.  EACH may remove or free the entry that it is called for.  Writer only. */
void entries_each(struct entries *entries, void (*each)(void *context, uint32_t number, const struct entry *entry), void *context);

/* From any thread. */
uint64_t entries_count(const struct entries *entries); /* in use */
uint64_t entries_bytes(const struct entries *entries);

#endif
