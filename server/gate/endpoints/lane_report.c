/* PUT /v1/lane/report: a lane says how it fares.  Readers only, each of itself.  Never touches SQL: lanes/keeper.h brings it to the database. */
#include "server/gate/endpoints/list_json.h"
#include "server/gate/gate.h"
#include "server/gate/lanes/report.h"
#include "server/gate/routes.h"

struct reply put_lane_report(void *app, struct request *request)
{
    struct gate *gate = app;
    const struct peer *peer = request->peer;
    const int64_t wall_ms = clock_now_ms(gate->clock);
    struct lane_report report;
    json_t *json = NULL;

    TRY_REPLY(request_query_only(request, (const char *const[]){ NULL }));
    TRY_REPLY(request_json(request, &json));
    struct result result = lane_report_parse(json, &report);
    json_decref(json);
    TRY_REPLY(result);
    if (!lanes_reported(gate->lanes, peer->first, peer->second, &report, clock_now_ms(&steady_clock), wall_ms)) return reply_problem(REASON_BUSY);
    return reply_json(200, json_pack("{so sb}", "now", time_json(wall_ms), "degraded", !lanes_keeper_database(gate->lanes_keeper)));
}
