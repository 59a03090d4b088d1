/* PUT /v1/hits/{id}/verdict: what an agency found when it looked.  A misread is erased before the answer goes out. */
#include "server/gate/endpoints/hit_json.h"
#include "server/gate/endpoints/verdict_json.h"
#include "server/gate/gate.h"
#include "server/gate/routes.h"

struct reply put_verdict(void *app, struct request *request)
{
    struct gate *gate = app;
    char action[LIMIT_ACTION_MAX + 1];
    enum verdict verdict;
    uint8_t id[PLATESIEVE_HIT_ID_BYTES];
    struct db_hit hit = { 0 };
    json_t *body = NULL;

    TRY_REPLY(hit_id_parse(request->arguments[0], id));
    TRY_REPLY(request_json(request, &body));
    struct result result = verdict_parse(body, &verdict, action);
    json_decref(body);
    TRY_REPLY(result);
    TRY_REPLY(db_verdict_put(gate->gate_db, request->peer->first, request->peer->name, id, verdict, action));
    result = db_hit_get(gate->agency_db, request->peer->first, id, &hit);
    if (failed(result) && result.reason != REASON_ERASED) return reply_problem(result.reason);
    return reply_json(200, hit_json(&hit));
}
