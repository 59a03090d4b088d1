/* Lanes in the database: how they fare, as gates heard it.  Role platesieve_gate.  Facts have steady times (lanes/state.h); NOW_MS is such a time, too. */
#ifndef SERVER_GATE_DB_LANES_H
#define SERVER_GATE_DB_LANES_H

#include "server/gate/db/db.h"
#include "server/gate/lanes/state.h"

/* Writes what was heard, in one transaction; what another gate heard later stays.  Counts of a run that is over join those of earlier ones.  A second time does
   no harm. */
struct result db_lanes_store(struct db *db, const struct lane_facts *facts, size_t count, int64_t now_ms);
/* At most LIMIT_LANES, those that were heard last. */
struct result db_lanes_each(struct db *db, int64_t now_ms, void (*each)(void *context, const struct lane_facts *facts), void *context);
/* Erases the lane, unless somebody heard it in the last LIMIT_LANE_GONE_DAYS. */
struct result db_lane_forget(struct db *db, const char *site, const char *lane);

#endif
