/* Tells gates what the officer said of hits: POST /v1/hits/{hit}/judgement, by a thread of its own. */
#ifndef CLIENT_ALERTS_JUDGEMENTS_H
#define CLIENT_ALERTS_JUDGEMENTS_H

#include "client/http/http.h"

#define JUDGEMENTS_MAX 256 /* under way; with more, the oldest has failed */

struct judgements;

/* "done", "failed"; static.  Called by its thread. */
typedef void (*judgement_told_fn)(void *context, const char *hit, const char *told);

/* All is borrowed.  NULL is said. */
struct judgements *judgements_create(const struct settings *settings, const struct identity *identity, judgement_told_fn told, void *context) MUST_USE;
/* Waits up to WAIT_MS for what is under way.  NULL is fine. */
void judgements_destroy(struct judgements *judgements, unsigned wait_ms);
/* JUDGEMENT is static: one of alerts_judge().  At AT_MS since 1970.  Any thread; does not wait. */
void judgements_add(struct judgements *judgements, const char *hit, const char *judgement, int64_t at_ms);

#endif
