/* One load: what is read from one snapshot of the database.  Between follow_load.c (what is to be done) and
   follow_stream.c (rows). */
#ifndef SERVER_GATE_FOLLOW_ROUND_H
#define SERVER_GATE_FOLLOW_ROUND_H

#include "server/gate/follow_internal.h"
#include "server/gate/key_map.h"

struct list_place {
    uint32_t number, position; /* in the database, in the catalogue */
};

struct round {
    struct follow *follow;
    struct db_load *load;
    uint64_t version;             /* of the snapshot */
    uint32_t now_s;
    enum reason reason;           /* set by who can't return it */
    size_t changed_count, changed_room;
    struct load_list *changed;    /* lists that are not as they are in memory */
    size_t place_count;
    struct list_place *places;    /* of all lists, by number in the database */
    size_t list_count;            /* of the next catalogue */
    size_t coverage_count, coverage_room;
    struct coverage_row *coverage;
    size_t live_count, live_room;
    struct load_segment *live;    /* in the snapshot, rising */
    size_t fresh_count, remover_count;
    uint32_t *fresh, *removers;   /* numbers in the database: to load; and of those, the ones that may remove what is
                                     in memory */
    struct suppressions *suppressions; /* of the snapshot; after publishing, those before */
    bool first;                   /* nothing is in memory */
    bool removed;                 /* something that is in memory */
    struct pile order;            /* uint32_t: numbers of the entries that this round brought, as they came */
    struct pile records, pending; /* struct index_record; struct pending_slot */
    size_t order_count, record_count, pending_count;
    struct key_map signs;         /* of some of those entries, their place in the order */
    size_t at;                    /* place of the entry that the last slot was of */
    uint32_t cached_database, cached_number; /* the segment looked up last */
};

/* Marks what the fresh segments remove of what is in memory; unseen until they are. */
struct result round_removals(struct round *round);
/* Entries of the fresh segments. */
struct result round_entries(struct round *round);
/* Slots of EPOCH: those of the fresh segments, or all if it was not loaded yet. */
struct result round_slots(struct round *round, struct booked_epoch *epoch);

#endif
