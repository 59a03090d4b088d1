/* The gate: what its endpoints are handed.  Everything here is made by main.c at start and lives until the server has stopped. */
#ifndef SERVER_GATE_GATE_H
#define SERVER_GATE_GATE_H

#include <stdatomic.h>

#include "server/gate/anchor_files.h"
#include "server/gate/check/check.h"
#include "server/gate/check/cooldown.h"
#include "server/gate/check/tally.h"
#include "server/gate/config.h"
#include "server/gate/db/db.h"
#include "server/gate/enrolment.h"
#include "server/gate/feed/feed.h"
#include "server/gate/follow/follow.h"
#include "server/gate/index/coverage.h"
#include "server/gate/lanes/keeper.h"
#include "server/gate/lists/alarms.h"
#include "server/gate/spool/spool.h"
#include "server/gate/state.h"
#include "server/gate/webhooks/webhooks.h"
#include "server/http/clock.h"
#include "server/http/http.h"
#include "server/http/metrics.h"
#include "server/http/quota.h"
#include "server/http/registry.h"

struct gate {
    const struct config *config;
    const struct clock *clock;
    int64_t started_ms;
    struct db *gate_db;   /* role platesieve_gate: follow and drain */
    struct db *agency_db; /* role platesieve_agency: endpoints, under row-level security */
    struct db *feed_db;   /* role platesieve_agency: what goes to streams, however busy the endpoints are */
    struct gate_state *state;
    struct feed *_Atomic feed; /* made after the spool, which tells it what it carried */
    struct served *served; /* what of each list this gate served */
    struct db_served served_before; /* the same, for who changes lists */
    struct webhooks *_Atomic webhooks; /* the same */
    struct spool *spool;
    struct follow *follow;
    struct cooldown *cooldown;
    struct tally *tally;
    struct excess *excess; /* NULL: no list is suspended for hitting too much */
    struct lanes *lanes;
    struct lanes_keeper *lanes_keeper;
    struct quota_book *quota;
    struct registry *registry;
    struct enrolments *enrolments;
    struct anchor_files *anchors;
    struct metrics *metrics;
    struct metric *checks_clear, *checks_hit, *checks_later, *checks_again, *checks_refused; /* reads three times, looks, requests */
    struct metric *spool_depth, *spool_oldest, *index_slots, *index_bytes, *lists_version, *ready;
    struct metric *key_servers_up[KEYS_SERVERS_MAX], *key_servers_wrong[KEYS_SERVERS_MAX];
    struct metric *lists_covered[COVERAGE_WHENS], *lists_uncovered[COVERAGE_WHENS], *alarms_coverage;
    struct metric *lists_refused[LIST_TROUBLES];
    struct metric *list_alarms[LIST_ALARMS]; /* 1 while a list stands so */
    struct metric *lane_states[LANE_REMOVED], *alarms_lanes;
    struct metric *alarms_lists, *alarms_epochs; /* 1 while lists can't be loaded, while an epoch is not what it was */
};

#endif
