/* Between the routes by which a lane speaks of its own hits. */
#ifndef SERVER_GATE_ENDPOINTS_LANE_HIT_H
#define SERVER_GATE_ENDPOINTS_LANE_HIT_H

#include "server/gate/gate.h"

/* Of a hit that nobody knows: while hits wait in this gate's spool, it may be one of them.  The same for a hit of another lane, and a covert one. */
enum reason lane_hit_unknown(struct gate *gate);

#endif
