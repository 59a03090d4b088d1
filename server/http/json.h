/* JSON by jansson, with this project's limits: depth, duplicates, and memory that is wiped when it is given back. */
#ifndef SERVER_HTTP_JSON_H
#define SERVER_HTTP_JSON_H

#include <jansson.h>

#include "server/http/reason.h"

/* Once, before any other use of jansson. */
void json_wipe_on_free(void);

/* TEXT as one JSON object; REASON_BAD_JSON for anything else, for depth over LIMIT_JSON_DEPTH and for duplicate
   members.  The caller json_decref()s. */
struct result json_parse_object(const char *text, size_t size, json_t **json);

#endif
