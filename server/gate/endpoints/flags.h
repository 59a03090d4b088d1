/* Entries that raise false alarms; docs/protocol.md, "Verdicts". */
#ifndef SERVER_GATE_ENDPOINTS_FLAGS_H
#define SERVER_GATE_ENDPOINTS_FLAGS_H

#include "server/gate/gate.h"

/* Adds to LISTS, an array of lists of AGENCY as list_json() makes them, how many of their entries are flagged. */
struct result flags_add_counts(const struct gate *gate, const char *agency, json_t *lists);

#endif
