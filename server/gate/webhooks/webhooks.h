/* Delivers agencies' hits to their webhooks.  One thread, many transfers at a time, so that a slow receiver holds up nobody else's; of several
   gates one delivers at a time (a lease in the database).  At least once: the cursor moves after the receiver has answered 2xx.  What fails is
   tried again, after longer and longer pauses, and never given up; after some failures it is an alarm. */
#ifndef SERVER_GATE_WEBHOOKS_WEBHOOKS_H
#define SERVER_GATE_WEBHOOKS_WEBHOOKS_H

#include <jansson.h>

#include "server/gate/db/webhooks.h"
#include "server/http/clock.h"
#include "server/http/metrics.h"

struct webhooks;

struct webhooks_settings {
    struct db *gate_db;   /* leases and cursors */
    struct db *agency_db; /* hits; one connection */
    const struct clock *clock;
    struct metrics *metrics;
    const uint8_t *mac_key; /* the gates', 32 bytes in locked memory; must outlive it */
    const char *allow;      /* rules of url.h */
    const char *ca;         /* PEM file of who signs receivers' certificates; "": the system's */
    const char *gate;       /* name, for the lease */
    char *(*body)(const char *type, const struct db_webhook *hook, uint64_t cursor, json_t *hits, int64_t now_ms); /* malloc'ed; steals HITS */
    json_t *(*hit)(const struct db_hit *hit);
};

struct result webhooks_start(const struct webhooks_settings *settings, struct webhooks **webhooks);
void webhooks_stop(struct webhooks *webhooks); /* breaks off what is under way; NULL is fine */
/* Something was stored: look now. */
void webhooks_hint(struct webhooks *webhooks);
/* Those that fail, as of some seconds ago: EACH under a lock, so it must be short. */
void webhooks_each_alarm(struct webhooks *webhooks, db_webhook_fn each, void *context);

#endif
