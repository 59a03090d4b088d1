/* Tells a gate how the lane fares: PUT /v1/lane/report each interval, by a thread of its own, and a goodbye at the end.  Counts only.  When a
   gate took one it notes in service->reported_ms. */
#ifndef CLIENT_LANE_REPORTER_H
#define CLIENT_LANE_REPORTER_H

#include "client/lane/service.h"

struct reporter;

/* False is said; *REPORTER is NULL where no reports are wanted. */
bool reporter_start(struct lane_service *service, struct reporter **reporter) MUST_USE;
/* With GOODBYE, says first that the lane ends, for a second or so; NULL is fine. */
void reporter_stop(struct reporter *reporter, bool goodbye);

#endif
