/* The cooldown: for each entry and lane, the hit that is open.  A read of the same entry in the same lane within the list's cooldown raises
   the count of that hit instead of beginning another; a read of another entry, or in another lane, never does.
   From any thread; a lock on one of 64 shards, mostly short (it is held while a shard grows, or forgets many), on matches only, and not by who
   answers where all that matched is covert: that would tell it from a clear read. */
#ifndef SERVER_GATE_CHECK_COOLDOWN_H
#define SERVER_GATE_CHECK_COOLDOWN_H

#include "server/gate/check/sighting.h"

struct cooldown;

/* NULL without memory. */
struct cooldown *cooldown_create(void);
void cooldown_destroy(struct cooldown *cooldown); /* NULL is fine */

/* Fills sighting->hit: the id of the hit that is open at sighting->seen_ms, or sighting->id, which is then open from seen_ms on for
   sighting->cooldown_s.  The window is fixed by the read that began it: reads inside it do not prolong it.
   Reads may come late, and out of order: one that is older than the window's beginning by less than the cooldown belongs to it as well, and
   the beginning stays (or a lane that hands in its reads backwards would chain windows without end).  The window before is kept for the reads
   that are later still; what is older than both stands for itself.  A retry of the read that began a window gets its own id again.
   At most LIMIT_COOLDOWN_RECORDS entries and lanes are remembered, for a day after the latest read can have come; when there is no room the
   oldest is forgotten, and its next read begins a hit of its own. */
void cooldown_touch(struct cooldown *cooldown, struct sighting *sighting);

/* At the start: makes known the hit SIGHTING->hit, as the database or the spool tells it.  In any order. */
void cooldown_restore(struct cooldown *cooldown, const struct sighting *sighting);

/* Entries and lanes remembered. */
uint64_t cooldown_count(struct cooldown *cooldown);

#endif
