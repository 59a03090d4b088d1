/* What a gate reads to build its index: one snapshot of all lists, streamed.  Role platesieve_gate.  Used by server/gate/follow*.c, from its
   one thread. */
#ifndef SERVER_GATE_DB_LOAD_H
#define SERVER_GATE_DB_LOAD_H

#include "server/gate/db/db.h"
#include "server/gate/suppressions.h"

/* The lists' head: changes whenever lists did. */
struct result db_head(struct db *db, uint64_t *version);

struct db_load; /* a connection in a read-only transaction that sees one state of the database */

struct result db_load_begin(struct db *db, struct db_load **load);
/* After a failure too; NULL is fine. */
void db_load_end(struct db_load *load);

struct result db_load_head(struct db_load *load, uint64_t *version);

struct load_list {
    struct db_list list;   /* without epochs */
    uint32_t base_segment; /* segments before it are dead */
};
/* Lists that changed after VERSION of the head (0: all). */
struct result db_load_lists(struct db_load *load, uint64_t version, void (*each)(void *context, const struct load_list *list), void *context);

struct load_coverage {
    uint32_t list;
    uint64_t epoch; /* number */
    bool whole;     /* else partial; an epoch without a row has nothing */
};
struct result db_load_coverage(struct db_load *load, void (*each)(void *context, const struct load_coverage *coverage), void *context);

/* All suppressions in force, as a set of the caller's; one without a gate's MAC is said on the log and left out. */
struct result db_load_suppressions(struct db_load *load, struct suppressions **suppressions);

struct load_segment {
    uint32_t segment, list;
};
/* Committed segments of lists that are not dead, in rising order. */
struct result db_load_segments(struct db_load *load, void (*each)(void *context, const struct load_segment *segment), void *context);

struct load_entry {
    uint64_t key;
    uint32_t segment, effective, expires; /* as struct entry */
};
struct load_slot {
    uint8_t slot[PLATESIEVE_SLOT_BYTES], tag[PLATESIEVE_TAG_BYTES];
    uint64_t entry;                       /* key */
    uint32_t segment;
    uint8_t grade;
};
struct load_removal {
    uint64_t key;
    uint32_t segment;                     /* that removes it */
};
/* Rows of SEGMENTS (COUNT of them), or of all live segments when SEGMENTS is NULL.  EACH may stop the stream with a reason.
   Entries: those that no committed segment removed. */
struct result db_load_entries(struct db_load *load, const uint32_t *segments, size_t count,
                              struct result (*each)(void *context, const struct load_entry *entry), void *context);
struct result db_load_slots(struct db_load *load, uint64_t epoch, const uint32_t *segments, size_t count,
                            struct result (*each)(void *context, const struct load_slot *slot), void *context);
/* Keys that SEGMENTS touch: what they remove, and what they add (which removes an older entry of the same key). */
struct result db_load_removals(struct db_load *load, const uint32_t *segments, size_t count,
                               struct result (*each)(void *context, const struct load_removal *removal), void *context);

/* -- epochs, days and housekeeping (db/epochs.c, db/days.c) ---------------------------------------------------------------------------------------------- */

struct db_epoch {
    uint64_t number;
    const char *id;
    int64_t opens_ms, closes_ms, destroyed_ms;
    uint8_t mark[16]; /* of the pepper and the key that its slots are made with, gate_state_mark() */
};
/* Makes room for an epoch's slots, unless there is.  REASON_INTERNAL: the database knows another epoch by this number, or its slots are
   made with another pepper or key. */
struct result db_epoch_prepare(struct db *db, const struct db_epoch *epoch);
/* Brings the end of an epoch forward to now.  *ENDED: it was to live longer, and was ended by this call. */
struct result db_epoch_end(struct db *db, uint64_t number, const char *id, bool *ended);
/* Drops the slots of every epoch whose time is over; EACH (may be NULL) hears of each that went. */
struct result db_epochs_drop(struct db *db, void (*each)(void *context, uint64_t number), void *context);
/* Makes the partitions that reads of the coming days will need, as the lists' retentions are now. */
struct result db_days_prepare(struct db *db);
/* Drops all that must be gone by now, hits with what hangs on them, a day in a transaction, which also notes how much that was.  Only what is
   over by NOW_MS *and* by the database's clock goes.  EACH (may be NULL) hears of each day, as the time at which it began, when its rows are
   gone.  REASON_DATABASE too when a long read is in the way: call again. */
struct result db_days_drop(struct db *db, int64_t now_ms, void (*each)(void *context, int64_t day_ms), void *context);
/* One bite of erasing what is dead: replaced and abandoned revisions.  *MORE: call again soon. */
struct result db_maintain(struct db *db, bool *more);

/* Adds what was counted to the suppressions; those that are gone are left out. */
struct result db_suppressions_counted(struct db *db, struct suppressed_counts *counts);

#endif
