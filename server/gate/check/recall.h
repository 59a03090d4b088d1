/* What a gate remembers of reads that matched, so that a retry or a later look at the vehicle is not counted twice (tally.h): keyed digests and a few bits, of
   matches alone.  Of a read that is clear nothing ever gets here.
   In memory, bounded: what was not asked for within a day, after which no gate takes its read any more, is forgotten, and with LIMIT_RECALL_RECORDS the one that
   was not asked for the longest.  Not thread-safe. */
#ifndef SERVER_GATE_CHECK_RECALL_H
#define SERVER_GATE_CHECK_RECALL_H

#include "server/gate/check/sighting.h"

struct recall;

enum recalled { /* a record for each */
    RECALLED_MATCH,      /* of one read and one entry */
    RECALLED_LIST,       /* of one read and one list, whatever entries */
    RECALLED_READ,       /* of one read, whatever lists */
    RECALLED_OPEN_READ,  /* of one read, whatever lists that are not covert */
};

struct recall_record {
    bool counted;     /* false in a record that was just made */
    bool settled;     /* the database said whether it stands: see tally_stored() */
    bool owed;        /* of a read: counted by a later look, its first one not being known here to have hit */
    bool calibration; /* of a read: it was counted among those */
    uint8_t grade;    /* of a read or a match: at which it was counted */
    uint64_t read;    /* keyed digest of lane and read_id */
};

struct recall *recall_create(void);          /* NULL without memory */
void recall_destroy(struct recall *recall);  /* NULL is fine */

/* The record of KIND for SIGHTING, by its id, or by lane, read_id and list; made if there is none.  Lasts until the next call. */
struct recall_record *recall_find(struct recall *recall, enum recalled kind, const struct sighting *sighting);
/* The record of a match by its SIGHTING's id alone, which is all that the spool knows of its read, or NULL; and one of the read of such a record. */
struct recall_record *recall_match(struct recall *recall, const struct sighting *sighting);
struct recall_record *recall_of_read(struct recall *recall, enum recalled kind, uint64_t read, uint32_t list);

size_t recall_count(const struct recall *recall); /* records */

#endif
