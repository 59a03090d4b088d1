/* A list as every answer shows it; docs/protocol.md, "Lists". */
#ifndef SERVER_GATE_ENDPOINTS_LIST_JSON_H
#define SERVER_GATE_ENDPOINTS_LIST_JSON_H

#include <jansson.h>

#include "server/gate/gate.h"

json_t *list_json(const struct gate *gate, const struct db_list *list); /* NULL without memory */
/* Adds the change that waits for a second person, or null.  Asks the database. */
struct result list_json_add_waiting(json_t *json, const struct gate *gate, const struct db_list *list);
/* What the operator's settings allow a list. */
struct list_limits gate_list_limits(const struct gate *gate);
/* Adds the key ids that the gate goes by to the epochs of a list: what a push pins. */
void list_json_add_keys(json_t *list, struct follow *follow);
/* RFC 3339, or null for 0. */
json_t *time_json(int64_t ms);
json_t *base64_json(const uint8_t *bytes, size_t size); /* at most 64 bytes */

#endif
