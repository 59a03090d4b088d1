/* What a lane says of itself (PUT /v1/lane/report), from JSON, with its limits. */
#ifndef SERVER_GATE_LANES_REPORT_H
#define SERVER_GATE_LANES_REPORT_H

#include <jansson.h>

#include "server/gate/lanes/state.h"
#include "server/http/reason.h"

/* REASON_BAD_FIELD: a member is missing, unknown, of the wrong type or out of its range; *REPORT is then of no use. */
struct result lane_report_parse(const json_t *object, struct lane_report *report);

#endif
