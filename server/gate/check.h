/* Checks: are any of these reads listed?  Subject matter only: no HTTP, no SQL.  check_batch_parse() is the edge where everything hostile
   ends; check_run() decides; check_text() writes the answer. */
#ifndef SERVER_GATE_CHECK_H
#define SERVER_GATE_CHECK_H

#include "server/gate/policy.h"
#include "server/gate/sighting.h"
#include "server/http/clock.h"
#include "server/http/http.h"

struct cooldown; /* cooldown.h: per entry and lane, the hit that is open */

struct check_batch;  /* parsed request, in an arena of locked memory of the calling thread; one at a time per thread */
struct check_answer; /* what was found */

/* Parses BODY (yajl; docs/protocol.md).  The batch lives in thread-local locked memory until check_batch_wipe(). */
struct result check_batch_parse(const char *body, size_t size, int64_t now_ms, struct check_batch **batch);
void check_batch_wipe(struct check_batch **batch);

/* Looks everything up under one catalogue.  SIGHTINGS (malloc'ed, *count; NULL when there are none) go to the spool.  *wait says that
   the answer must wait for the sync: an open (not covert) hit is among them. */
struct result check_run(const struct catalogue *catalogue, struct cooldown *cooldown, const struct peer *peer, const struct check_batch *batch,
                        int64_t now_ms, struct check_answer **answer, struct sighting **sightings, size_t *count, bool *wait);
/* The body of the answer; malloc'ed.  Reads: how many; cleared: to the lane's eyes. */
char *check_text(const struct check_answer *answer, size_t *size);
void check_answer_free(struct check_answer *answer);

struct check_counts { uint64_t reads, cleared, hits, covert; };
void check_counts(const struct check_answer *answer, struct check_counts *counts);

#endif
