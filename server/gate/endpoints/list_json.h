/* A list as every answer shows it; docs/protocol.md, "Lists". */
#ifndef SERVER_GATE_ENDPOINTS_LIST_JSON_H
#define SERVER_GATE_ENDPOINTS_LIST_JSON_H

#include <jansson.h>

#include "server/gate/db/db.h"
#include "server/gate/follow.h"

json_t *list_json(const struct db_list *list); /* NULL without memory */
/* Adds the key ids that the gate goes by to the epochs of a list: what a push pins. */
void list_json_add_keys(json_t *list, struct follow *follow);
/* RFC 3339, or null for 0. */
json_t *time_json(int64_t ms);
json_t *base64_json(const uint8_t *bytes, size_t size); /* at most 64 bytes */

#endif
