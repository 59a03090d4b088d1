/* Keeps the gate's lanes and the database's alike, so that a lane that talks to another gate is not silent here; and says on the log when something becomes
   wrong with one, or right again.  A thread of its own, once a second. */
#ifndef SERVER_GATE_LANES_KEEPER_H
#define SERVER_GATE_LANES_KEEPER_H

#include "server/gate/config.h"
#include "server/gate/db/lanes.h"
#include "server/gate/lanes/lanes.h"
#include "server/http/clock.h"
#include "server/http/registry.h"

struct lanes_keeper;

struct lanes_keeper_settings { /* borrowed until lanes_keeper_stop() */
    struct db *db; /* role platesieve_gate; one connection */
    struct lanes *lanes;
    const struct clock *steady;
    const struct config *config;
    struct registry *registry;
};

struct result lanes_keeper_start(const struct lanes_keeper_settings *settings, struct lanes_keeper **keeper);
/* Writes what is left, once; NULL is fine. */
void lanes_keeper_stop(struct lanes_keeper *keeper);
/* Does the database take what lanes say? */
bool lanes_keeper_database(const struct lanes_keeper *keeper);

/* -- judging, for whoever looks -------------------------------------------------------------------------------------------- */

/* What operators want to hear of SITE's lanes. */
const struct lane_wishes *lanes_wishes(const struct config *config, const char *site);

struct lane_view {
    const struct lane_facts *facts;
    struct lane_judgement judgement;
};
/* Every lane, in order of site and lane, as it is judged at NOW_MS (steady).  Without memory: none. */
void lanes_each(struct lanes *lanes, const struct config *config, struct registry *registry, int64_t now_ms,
                void (*each)(void *context, const struct lane_view *view), void *context);

#endif
