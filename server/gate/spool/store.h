/* The spool's file: records in SQLite (WAL, synchronous=FULL, exclusive lock).  One thread at a time. */
#ifndef SERVER_GATE_SPOOL_STORE_H
#define SERVER_GATE_SPOOL_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "server/http/reason.h"

struct spool_store;

enum store_outcome {
    STORE_DONE,
    STORE_FULL,   /* no room: nothing was stored, what was there is there */
    STORE_BROKEN, /* a write or sync failed: the file is not written again */
};

/* FOLDER must exist.  Fails when another process has it, or it is not what it must be; says why on the log. */
struct result spool_store_open(const char *folder, uint64_t bytes_max, struct spool_store **store);
void spool_store_close(struct spool_store *store); /* NULL is fine */

/* A transaction: begin, any number of puts, commit (synced when it returns STORE_DONE).  Rolled back on any other outcome. */
enum store_outcome spool_store_begin(struct spool_store *store);
enum store_outcome spool_store_put(struct spool_store *store, const uint8_t *record, size_t size);
enum store_outcome spool_store_commit(struct spool_store *store);

/* A write or a sync failed, perhaps after a commit that had been good, when the log was moved into the file. */
bool spool_store_broken(const struct spool_store *store);

/* Records after number AFTER, oldest first, at most LIMIT; EACH returns false to stop. */
struct result spool_store_each(struct spool_store *store, int64_t after, unsigned limit,
                               bool (*each)(void *context, int64_t number, const uint8_t *record, size_t size), void *context);
/* Drops records up to and with number LAST. */
enum store_outcome spool_store_drop(struct spool_store *store, int64_t last);
uint64_t spool_store_count(struct spool_store *store);
uint64_t spool_store_bytes(struct spool_store *store); /* in use; what a drop gave back does not count */

#endif
