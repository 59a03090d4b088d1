/* Webhooks in the database. */
#ifndef SERVER_GATE_DB_WEBHOOKS_H
#define SERVER_GATE_DB_WEBHOOKS_H

#include "server/gate/db/db.h"

#define WEBHOOK_ERROR_MAX 31
#define WEBHOOK_LEASE_MAX 64

struct db_webhook {
    char agency[LIMIT_NAME_MAX + 1], name[LIMIT_NAME_MAX + 1], url[LIMIT_WEBHOOK_URL_BYTES + 1];
    char made_by[LIMIT_IDENTITY_MAX + 1], error[WEBHOOK_ERROR_MAX + 1], test_error[WEBHOOK_ERROR_MAX + 1];
    uint8_t secret[WEBHOOK_SEALED_BYTES]; /* only of claimed ones */
    uint64_t cursor, head, upto;
    uint32_t failures;
    int64_t made_ms, next_ms, failing_since_ms, delivered_ms, tested_ms; /* 0: never */
    bool test;                                                           /* one is wanted */
};
typedef void (*db_webhook_fn)(void *context, const struct db_webhook *webhook);

/* -- for agencies (role platesieve_agency) */

/* Makes the webhook HOOK->name, or gives one that stands another address and secret; AFTER NULL: a new one begins with what comes from now on.
   Fills in the rest of HOOK; *MADE: it is new.  REASON_TOO_MANY, REASON_CURSOR. */
struct result db_webhook_put(struct db *db, const char *agency, const char *who, const uint64_t *after, struct db_webhook *hook, bool *made);
/* NAME NULL: all, by name. */
struct result db_webhook_each(struct db *db, const char *agency, const char *name, db_webhook_fn each, void *context);
/* REASON_NOT_FOUND. */
struct result db_webhook_drop(struct db *db, const char *agency, const char *name);
struct result db_webhook_test(struct db *db, const char *agency, const char *name);

/* -- for those who deliver (role platesieve_gate) */

/* Takes up to COUNT webhooks that have something to deliver, for LIMIT_WEBHOOK_LEASE_S. */
struct result db_webhook_claim(struct db *db, const char *lease, unsigned count, db_webhook_fn each, void *context);
/* Lets go of it.  OK to change nothing when the lease is another's by now, or the webhook is another. */
struct result db_webhook_delivered(struct db *db, const char *lease, const struct db_webhook *hook, uint64_t cursor);
struct result db_webhook_failed(struct db *db, const char *lease, const struct db_webhook *hook, uint64_t upto, const char *error, unsigned pause_s);
struct result db_webhook_tested(struct db *db, const char *lease, const struct db_webhook *hook, const char *error);
/* Lets go of all that LEASE still has. */
struct result db_webhook_release(struct db *db, const char *lease);
/* Those with LIMIT_WEBHOOK_ALARM failures and more; *COUNT is how many there are in all. */
struct result db_webhook_alarms(struct db *db, uint64_t *count, db_webhook_fn each, void *context);

#endif
