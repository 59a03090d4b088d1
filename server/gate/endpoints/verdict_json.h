/* Verdicts by their names, as requests and answers have them; docs/protocol.md, "Verdicts". */
#ifndef SERVER_GATE_ENDPOINTS_VERDICT_JSON_H
#define SERVER_GATE_ENDPOINTS_VERDICT_JSON_H

#include <jansson.h>

#include "server/gate/db/db.h"

const char *verdict_name(enum verdict verdict); /* of one that was given */
/* {"verdict", "action"}: both must be what there is; an action may be left out. */
struct result verdict_parse(const json_t *body, enum verdict *verdict, char action[LIMIT_ACTION_MAX + 1]);
/* {"verdict", "action", "at", "by"}, or null where none was given. */
json_t *verdict_json(const struct db_hit *hit);

#endif
