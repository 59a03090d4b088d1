/* Counts and nothing else: reads, cleared, hit, looked at again; by lane, by grade, by list.  What a non-match leaves is one added to a number here.
   Since the start of the daemon; in memory; from any thread. */
#ifndef SERVER_GATE_CHECK_TALLY_H
#define SERVER_GATE_CHECK_TALLY_H

#include <jansson.h>

#include "server/gate/check/check.h"

struct tally;

struct tally *tally_create(void);
void tally_destroy(struct tally *tally);

/* One answered request of the lane PEER.  SIGHTINGS are in order of their reads. */
void tally_add(struct tally *tally, const struct catalogue *catalogue, const struct peer *peer, const struct check_counts *counts,
               const struct sighting *sightings, size_t count);

/* {"reads", "cleared", "hits", "again", "calibration", "lanes": [...]}: what operators may see; covert hits count as cleared, or as `again`.  With COVERT (auditors)
   all four are the truth, and "covert", "hits_by_grade" and "hits_by_list" are there as well. */
json_t *tally_json(struct tally *tally, bool covert);

#endif
