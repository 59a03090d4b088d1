/* Lanes in JSON, for operators: GET /v1/lanes and what GET /v1/status says of them. */
#ifndef SERVER_GATE_ENDPOINTS_LANES_JSON_H
#define SERVER_GATE_ENDPOINTS_LANES_JSON_H

#include <jansson.h>

#include "server/gate/gate.h"

/* At NOW_MS (steady), when this machine's clock says WALL_MS. */
json_t *lane_json(const struct lane_view *view, int64_t now_ms, int64_t wall_ms);
/* {"well": 3, "silent": 1, ...}: how many there are of each state. */
json_t *lanes_counts_json(struct gate *gate);
/* Appends what somebody must do something about to ALARMS, LIMIT_ALARMS_SHOWN in all. */
void lanes_add_alarms(struct gate *gate, json_t *alarms);

#endif
