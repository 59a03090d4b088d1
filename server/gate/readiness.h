/* Whether the gate can answer checks, in words; for /readyz, /v1/status and the metrics. */
#ifndef SERVER_GATE_READINESS_H
#define SERVER_GATE_READINESS_H

#include <jansson.h>

#include "server/gate/gate.h"

/* Why it can't: an empty array when it can.  Owned by the caller. */
json_t *readiness_reasons(struct gate *gate);
/* What works less well, though checks are answered: "database" or "keys" (away), "lists" (there, and can't be loaded), "epochs" (a key, a
   pepper or an epoch that is not the one known before: see the log), "registry" (its file can't be read). */
json_t *readiness_degraded(struct gate *gate);

struct readiness_index {
    uint64_t slots, bytes, entries, entries_bytes;
};
void readiness_index(struct gate *gate, struct readiness_index *index);

#endif
