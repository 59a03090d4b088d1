/* The spool: hits that are acknowledged and not yet in PostgreSQL, sealed, in SQLite (WAL, synchronous=FULL).  One writer thread
   groups what arrives into one commit; one drain thread carries records on.  After a failed sync nothing is written to that file
   again: the spool is broken, and every check is refused until the daemon is restarted. */
#ifndef SERVER_GATE_SPOOL_SPOOL_H
#define SERVER_GATE_SPOOL_SPOOL_H

#include "server/gate/check/sighting.h"
#include "server/http/metrics.h"
#include "server/http/reason.h"

struct spool;

struct spool_settings {
    const char *folder;
    const uint8_t *key;     /* 32 bytes; copied to locked memory */
    uint64_t bytes_max;     /* file size at which it is full */
};

/* Called for each append that is taken, from the writer thread before it seals COUNT SIGHTINGS, which may be changed.  May wait; must not call the spool. */
typedef void (*spool_before_fn)(void *context, struct sighting *sightings, size_t count);
/* Called once for each append, from the writer thread: OK after the sync and before any of it is carried on, REASON_SPOOL otherwise (also from the thread that appends).
   Must not call the spool. */
typedef void (*spool_done_fn)(void *context, struct result result);
#define SPOOL_CARRY_MAX 256 /* sightings that are carried on in one transaction */
/* Carries COUNT sightings, at most SPOOL_CARRY_MAX, into the database in one transaction; from the drain thread.  Failing keeps them spooled. */
typedef struct result (*spool_carry_fn)(void *context, const struct sighting *sightings, size_t count);

struct result spool_open(const struct spool_settings *settings, spool_carry_fn carry, void *context, struct spool **spool);
/* BEFORE and DONE may be NULL.  Copies SIGHTINGS.  Waits for nobody; from any thread. */
void spool_append(struct spool *spool, const struct sighting *sightings, size_t count, spool_before_fn before, spool_done_fn done, void *context);
/* The same, without waking the writer, which finds it within some milliseconds: for covert hits, as a thread that is at work while they are answered could be told by the
   time that takes. */
void spool_append_later(struct spool *spool, const struct sighting *sightings, size_t count, spool_before_fn before, spool_done_fn done, void *context);
/* False when full or broken: all checks are refused. */
bool spool_accepts(const struct spool *spool);
/* Calls EACH for what lies in the spool at open (to rebuild the cooldown). */
struct result spool_each(struct spool *spool, void (*each)(void *context, const struct sighting *sighting), void *context);

struct spool_state {
    uint64_t depth;       /* records, and those that are about to be */
    uint64_t bytes;
    int64_t oldest_ms;    /* 0: empty */
    bool full, broken;
};
void spool_state(const struct spool *spool, struct spool_state *state);
/* Finishes what was accepted, tries to drain for DRAIN_MS, closes. */
void spool_close(struct spool *spool, unsigned drain_ms);

#endif
