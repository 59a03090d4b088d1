/* The lane's word on a hit, as requests and answers have it; docs/protocol.md, "The lane's word". */
#ifndef SERVER_GATE_ENDPOINTS_LANE_WORD_JSON_H
#define SERVER_GATE_ENDPOINTS_LANE_WORD_JSON_H

#include <jansson.h>

#include "server/gate/db/db.h"

/* {"judgement", "at"}: "acknowledged", or the name of a verdict.  Fills in `judgement` and `at_ms`. */
struct result lane_word_parse(const json_t *body, struct db_lane_said *said);
/* {"judgement", "at", "acknowledged_at"}, or null where the lane said nothing. */
json_t *lane_word_json(const struct lane_word *word);
/* Of a query: a verdict's name, "none" or "acknowledged"; false: none of them. */
bool lane_word_filter(const char *text, int8_t *filter);

#endif
