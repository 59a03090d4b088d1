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

struct json_member {
    const char *name;
    json_t *json; /* stolen; NULL: there was no memory for it */
};
/* An object of COUNT members, in their order; NULL without memory, or if one of them is NULL. */
json_t *json_object_of(const struct json_member *members, size_t count);

#endif
