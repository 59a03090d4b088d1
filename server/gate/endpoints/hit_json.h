/* A hit as every answer shows it: GET /v1/hits, GET /v1/hits/{id}, the stream, webhooks; docs/protocol.md, "Hits". */
#ifndef SERVER_GATE_ENDPOINTS_HIT_JSON_H
#define SERVER_GATE_ENDPOINTS_HIT_JSON_H

#include <jansson.h>

#include "server/gate/db/db.h"

#define HIT_JSON_FLAGS (JSON_COMPACT | JSON_REAL_PRECISION(6)) /* for json_dump*: a float holds no more, and 0.97 stays 0.97 */

json_t *hit_json(const struct db_hit *hit); /* NULL without memory */
/* The id in a path; one that is none belongs to no hit: REASON_NOT_FOUND. */
struct result hit_id_parse(const char *text, uint8_t id[PLATESIEVE_HIT_ID_BYTES]);
/* The same as an event of a stream; a feed_frame_fn. */
char *hit_frame(const struct db_hit *hit, size_t *size);

#endif
