/* Counts and nothing else: by lane, by grade, by list.  What a non-match leaves is one added to a number here.  Since the start of the daemon; in memory; from any
   thread.  docs/protocol.md, "What is counted", says what each means.

   Each read is one vehicle: cleared, or a hit once an entry was found at any of its looks; so reads = cleared + hits.  A match is one read and one entry, which is what is
   counted on stored hits.  Retries and later looks that match are told by what a gate remembers of reads that did (recall.h); of others nothing is remembered, so
   that a clear look counts by what the lane says of it.

   All is counted twice: as it is, for auditors, and as it looks to those who may not know of covert hits. */
#ifndef SERVER_GATE_CHECK_TALLY_H
#define SERVER_GATE_CHECK_TALLY_H

#include <jansson.h>

#include "server/gate/check/check.h"

struct tally;

struct tally *tally_create(void); /* NULL without memory */
void tally_destroy(struct tally *tally); /* NULL is fine */

struct tally_name { /* of a list */
    uint32_t number;
    char agency[LIMIT_NAME_MAX + 1], list[LIMIT_NAME_MAX + 1];
};

struct tally_names {
    size_t count;
    struct tally_name each[];
};

/* How the lists of SIGHTINGS are called, before their catalogue is let go: free() it; NULL without memory.  Waits for nobody. */
struct tally_names *tally_names(const struct catalogue *catalogue, const struct sighting *sightings, size_t count);

/* One answered request of LANE ("reader/<site>/<lane>"): those of its looks that it is told to be clear.  A short lock, that of all checks. */
void tally_clear(struct tally *tally, const char *lane, const struct check_counts *counts);

struct tally_hits { /* what was counted, as it looks to who may not know of covert hits */
    uint64_t reads;   /* that hit */
    uint64_t cleared; /* reads whose first look came after a later one, for which it was taken to have come before */
    uint64_t later;   /* that hit at a later look, having been counted as cleared */
    uint64_t again;   /* looks at reads that were counted before */
};

/* What it matched, once that is on the disk, and before the answer goes out if it is to wait for that: SIGHTINGS in order of their reads, NAMES of their lists (NULL: of those
   that were not named before nothing is counted by list).  Another lock, for which it may wait long: never from the thread that answers checks, or a covert hit
   could be told from a clear read by its time.  That of all checks is held for each read, briefly. */
struct tally_hits tally_matched(struct tally *tally, const char *lane, const struct tally_names *names, const struct sighting *sightings, size_t count);

/* Covert ones that could not be stored, of a request that was answered: their looks count as the clear ones that the lane was told of. */
void tally_lost(struct tally *tally, const char *lane, const struct sighting *sightings, size_t count);

/* What became of SIGHTINGS in the database.  What another gate had stored, or this one in an earlier run, was counted there: here it is taken back, and the look that found it is
   counted as one at a read that was counted before.  Of what is not remembered any more nothing changes. */
void tally_stored(struct tally *tally, const struct sighting *sightings, const enum sighting_stored *stored, size_t count);

/* {"reads", "cleared", "hits", "again", "matches", "calibration", "lanes": [...]}: what operators may see.  With TRUTH (auditors) all of that as it is, and "covert",
   "hits_by_grade", "hits_by_list", "matches_by_grade", "matches_by_list".  NULL without memory. */
json_t *tally_json(struct tally *tally, bool truth);

#endif
