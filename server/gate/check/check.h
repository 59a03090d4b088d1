/* Checks: are any of these reads listed?  Subject matter only: no HTTP, no SQL.  check_batch_parse() is the edge where everything hostile
   ends; check_run() decides; check_text() writes the answer. */
#ifndef SERVER_GATE_CHECK_CHECK_H
#define SERVER_GATE_CHECK_CHECK_H

#include "server/gate/check/policy.h"
#include "server/gate/check/sighting.h"
#include "server/http/clock.h"
#include "server/http/http.h"

struct cooldown; /* cooldown.h: per entry and lane, the hit that is open */

struct check_batch;  /* parsed request, in an arena of locked memory of the calling thread; one at a time per thread */
struct check_answer; /* what was found */

/* Parses BODY (yajl; docs/protocol.md): exactly the members there, in any order, each once.  NOW_MS bounds `seen_at`.
   REASON_BAD_JSON (not JSON, cut off, something behind it, a member twice), REASON_BAD_FIELD (missing, unknown, wrong type or value, too many),
   REASON_TIME, REASON_BODY_TOO_LARGE, REASON_BUSY (no memory to lock), REASON_INTERNAL (this thread's last batch was not wiped).
   The batch lives in thread-local locked memory until check_batch_wipe(), which takes tokens and slots with it; on failure it is gone. */
struct result check_batch_parse(const char *body, size_t size, int64_t now_ms, struct check_batch **batch);
void check_batch_wipe(struct check_batch **batch); /* by the thread that parsed it */

/* How much was asked: what a quota counts. */
void check_batch_size(const struct check_batch *batch, uint64_t *reads, uint64_t *tokens);

/* Looks everything up under one catalogue, for the reader PEER; from any thread, inside rcu_read_lock().
   REASON_POLICY (the epochs are not exactly the open ones, or a wanted grade is missing), REASON_KEY_ID, REASON_NO_LISTS, REASON_BUSY (no memory, or
   more than LIMIT_CHECK_SIGHTINGS); nothing is to be freed then.
   SIGHTINGS (malloc'ed, *count, in order of their reads; NULL when there are none) go to the spool: all matches, those beyond the alerts' limit
   and covert ones included; at most LIMIT_MATCHES_PER_LIST of one list for one read.  *wait says that the answer must wait for the sync: an
   open (not covert) hit is among them.  A read whose matches are all covert is clear in every respect but its sightings; those have not
   touched COOLDOWN, as that takes a lock, which a clear read doesn't: whoever stores them does it first. */
struct result check_run(const struct catalogue *catalogue, struct cooldown *cooldown, const struct peer *peer, const struct check_batch *batch,
                        int64_t now_ms, struct check_answer **answer, struct sighting **sightings, size_t *count, bool *wait);
/* The body of the answer; malloc'ed, ending with a zero byte that *size does not count; NULL without memory.  Inside the same read-side
   critical section as check_run(): the answer points into the catalogue. */
char *check_text(const struct check_answer *answer, size_t *size);
void check_answer_free(struct check_answer *answer); /* NULL is fine */

/* What the request's looks came to, in the lane's eyes: reads = cleared + hits.  A later look at a vehicle (`again`) that is clear is counted as `again` alone.  reads +
   again = all that was asked.  What tally.h makes of those that matched hangs on what was counted before. */
struct check_counts {
    uint64_t reads, cleared, hits, again;
    uint64_t covert, covert_again; /* of the cleared and of the `again`, those that matched covertly */
};
void check_counts(const struct check_answer *answer, struct check_counts *counts);

#endif
