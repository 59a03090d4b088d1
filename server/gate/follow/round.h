/* One load: what is read from one snapshot of the database.  Between load.c (what is to be done), lists.c (which lists are to be
   believed), stream.c (rows) and verify.c (whether they are what a gate stored). */
#ifndef SERVER_GATE_FOLLOW_ROUND_H
#define SERVER_GATE_FOLLOW_ROUND_H

#include "server/gate/follow/internal.h"
#include "server/gate/keys/key_map.h"

struct list_place {
    uint32_t number, position; /* in the database, in the catalogue */
};

struct changed_list {          /* not as it is in memory; if it is not taken, its row only says what it is called */
    struct sealed_list sealed;
    uint32_t position;
};

struct live_segment {          /* in the snapshot */
    uint32_t segment, list, revision, base;
    enum revision_mode mode;
    bool opened, first;        /* its sums are sealed for it; nothing lives before it */
    bool believed;             /* in the chain of a list that is */
    uint32_t position;         /* of a list that is believed */
    uint8_t mac[LIST_MAC_BYTES];
    struct sums *sums;         /* as long as it has epochs */
};

struct segment_check {         /* by number in memory - 1 */
    const struct live_segment *live; /* NULL: nothing says what its rows must be */
    struct row_sum entries, edits, added, slots; /* streamed: entries; as a remover, edits and entries again; slots of one epoch */
    bool remover, bad;
};

#define ERASED_ENTRIES UINT32_MAX
struct erased_sum {
    uint32_t segment, epoch;   /* ERASED_ENTRIES: entries */
    struct row_sum sum;
};

struct round {
    struct follow *follow;
    struct db_load *load;
    uint64_t version;             /* of the snapshot */
    uint32_t now_s;
    enum reason reason;           /* set by who can't return it */
    size_t list_count, list_room;
    struct follow_list *lists;    /* as they will be, by position in the next catalogue */
    size_t place_count;
    struct list_place *places;    /* of those in memory, by number in the database */
    size_t changed_count, changed_room;
    struct changed_list *changed;
    size_t coverage_count, coverage_room;
    struct coverage_row *coverage;
    uint64_t *standing;           /* entries, by position of the list */
    size_t live_count, live_room;
    struct live_segment *live;    /* by list, rising */
    size_t believed_count;
    const struct live_segment **believed; /* rising */
    size_t fresh_count, remover_count;
    uint32_t *fresh, *removers;   /* numbers in the database: to load; and of those, the ones that may remove something */
    struct segment_check *checks;
    size_t check_count;
    size_t erased_count, erased_room;
    struct erased_sum *erased;    /* by segment */
    struct suppressions *suppressions; /* of the snapshot; after publishing, those before */
    bool first;                   /* nothing is in memory */
    bool all_segments;            /* slots of an epoch are to be loaded whole */
    bool removed;                 /* something that is in memory */
    struct key_map touched;       /* what the fresh segments remove or add anew; segment: the last that does */
    struct pile order;            /* uint32_t: numbers of the entries that this round brought, as they came */
    struct pile records, pending; /* struct index_record; struct pending_slot */
    size_t order_count, record_count, pending_count;
    struct key_map signs;         /* of some of those entries, their place in the order */
    size_t at;                    /* place of the entry that the last slot was of */
    uint32_t cached_database, cached_number; /* the segment looked up last */
    struct booked_epoch *epoch;   /* whose slots are being loaded */
};

/* Room for one more element of SIZE in *ARRAY. */
bool round_grow(void *array, size_t count, size_t *room, size_t size);

/* -- lists.c ------------------------------------------------------------------------------------------------ */

/* Reads all lists, and the segments of those that changed or whose rows are wanted, and decides which are believed. */
struct result round_lists(struct round *round);
/* Nothing of it is taken from this snapshot; what memory has stays. */
void round_refuse(struct round *round, uint32_t position, enum list_trouble trouble);
/* Says on the log what became of lists, and notes what was served; after the new catalogue is shown. */
void round_tell_lists(struct round *round);

/* -- stream.c ----------------------------------------------------------------------------------------------- */

/* Marks what the fresh segments remove of what is in memory; unseen until they are. */
struct result round_removals(struct round *round);
/* Entries of the fresh segments. */
struct result round_entries(struct round *round);
/* Slots of EPOCH: those of the fresh segments, or all if it was not loaded yet. */
struct result round_slots(struct round *round, struct booked_epoch *epoch);
/* The entry stands once this round is shown. */
bool round_stands(const struct segments *segments, const struct entry *entry);

/* -- verify.c ----------------------------------------------------------------------------------------------- */

/* Room for sums, and what they must come to; once the fresh segments have their numbers. */
struct result round_expect(struct round *round);
static inline struct segment_check *round_check(const struct round *round, uint32_t number)
{
    return &round->checks[number - 1];
}
/* The slots of EPOCH are streamed. */
void round_verify_slots(struct round *round, const struct booked_epoch *epoch);
/* All is streamed: lists whose rows do not add up are refused.  *ANY: some were. */
void round_verify(struct round *round, bool *any);
/* Works out, of what is in memory, which list has tokens of all its entries for which epoch.  REASON_BUSY without memory. */
struct result round_coverage(struct round *round);

#endif
