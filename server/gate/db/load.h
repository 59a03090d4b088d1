/* What a gate reads to build its index: one snapshot of all lists, streamed.  Role platesieve_gate.  Used by server/gate/follow*.c, from its
   one thread. */
#ifndef SERVER_GATE_DB_LOAD_H
#define SERVER_GATE_DB_LOAD_H

#include "server/gate/db/db.h"
#include "server/gate/lists/suppressions.h"

/* The lists' head: changes whenever lists did. */
struct result db_head(struct db *db, uint64_t *version);

struct db_load; /* a connection in a read-only transaction that sees one state of the database */

struct result db_load_begin(struct db *db, struct db_load **load);
/* After a failure too; NULL is fine. */
void db_load_end(struct db_load *load);

struct result db_load_head(struct db_load *load, uint64_t *version);

/* A list's row with what the gates' key says of it (db/seal.h). */
struct sealed_list {
    struct db_list list;     /* without epochs */
    uint32_t base_segment;   /* segments before it are dead */
    uint32_t grade_segment;  /* those before it were made for a stronger grade: their slots cover nothing */
    uint64_t header_serial;  /* the highest that was ever taken */
    uint64_t edition;        /* moved on by each change */
    uint8_t link[LIST_MAC_BYTES]; /* MAC of its last live segment; zero: none */
    uint8_t mac[LIST_MAC_BYTES];
    bool intact;             /* MAC is right: a gate made this row, once.  Else nothing here is to be believed */
};
/* All lists. */
struct result db_load_lists(struct db_load *load, void (*each)(void *context, const struct sealed_list *list), void *context);

/* All suppressions in force, as a set of the caller's; one without a gate's MAC is said on the log and left out. */
struct result db_load_suppressions(struct db_load *load, struct suppressions **suppressions);

/* A committed segment that is not dead. */
struct load_segment {
    uint32_t segment, list, revision, base;
    enum revision_mode mode;
    bool opened;             /* SUMS are of this segment, as they were sealed at a commit of it: not yet that this is the one that counts */
    struct sums sums;
    uint8_t mac[LIST_MAC_BYTES];
};
/* What the segment's MAC ought to be, if PREVIOUS is that of the one before it (zero: it is the first). */
void db_load_segment_mac(const struct db_load *load, const struct load_segment *segment, const uint8_t previous[LIST_MAC_BYTES],
                         uint8_t mac[LIST_MAC_BYTES]);
/* Those of LISTS (COUNT numbers), or of all when LISTS is NULL; a list's together, in rising order. */
struct result db_load_segments(struct db_load *load, const uint32_t *lists, size_t count,
                               void (*each)(void *context, const struct load_segment *segment), void *context);

/* Rows of SEGMENT that were erased after REMOVER had removed them: SUMS of them, of entries and of each epoch's slots. */
struct load_erased {
    uint32_t remover, segment;
    struct sums sums;
};
/* Of SEGMENTS (COUNT of them), or of all live ones when SEGMENTS is NULL.  What is not under the gates' seal is left out. */
struct result db_load_erased(struct db_load *load, const uint32_t *segments, size_t count,
                             void (*each)(void *context, const struct load_erased *erased), void *context);

struct load_entry {
    uint64_t key;
    uint32_t segment, effective, expires; /* as struct entry */
    bool removed;                         /* as the database says */
    struct row_sum sum;
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
    bool edit;                            /* a line of its own, else an entry */
    struct row_sum sum;
};
/* Rows of SEGMENTS (COUNT of them), or of all live segments when SEGMENTS is NULL.  EACH may stop the stream with a reason. */
struct result db_load_entries(struct db_load *load, const uint32_t *segments, size_t count,
                              struct result (*each)(void *context, const struct load_entry *entry), void *context);
/* SUMMED hears of each row (an entry's slots) before EACH hears of its slots. */
struct result db_load_slots(struct db_load *load, uint64_t epoch, const uint32_t *segments, size_t count,
                            struct result (*each)(void *context, const struct load_slot *slot),
                            void (*summed)(void *context, uint32_t segment, const struct row_sum *sum), void *context);
/* Keys that SEGMENTS touch: their edits, and what they add (which removes an older entry of the same key). */
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
/* Erases what one segment after *SEGMENT removed from others that live on, slots at once and entries after two days, and says so under the gates'
   seal.  *SEGMENT: the one that was looked at, or 0 when there was none.  REASON_FORGED: its rows are not what a gate stored; nothing was erased. */
struct result db_tidy(struct db *db, uint32_t *segment);

/* Seals the list as the database shows it now, rules and contents, whatever it was before: an operator vouches for it.  *LIST is what was sealed.
   REASON_NOT_FOUND; REASON_DATABASE also when a row holds what no gate would store.  Role platesieve_gate. */
struct result db_list_reseal(struct db *db, const char *agency, const char *id, struct db_list *list);

/* Adds what was counted to the suppressions; those that are gone are left out. */
struct result db_suppressions_counted(struct db *db, struct suppressed_counts *counts);

#endif
