/* POST /v1/hits/{hit}/judgement: what the officer at the lane says of an alert.  By the lane whose hit it is; of any other it learns nothing. */
#include "server/gate/endpoints/hit_json.h"
#include "server/gate/endpoints/lane_hit.h"
#include "server/gate/endpoints/lane_word_json.h"
#include "server/gate/fields.h"
#include "server/gate/gate.h"
#include "server/gate/routes.h"

enum reason lane_hit_unknown(struct gate *gate)
{
    struct spool_state state;

    spool_state(gate->spool, &state);
    return state.depth > 0 ? REASON_SPOOLED : REASON_NOT_FOUND;
}

static struct result parse(const struct request *request, int64_t now_ms, struct db_lane_said *said)
{
    json_t *body = NULL;

    TRY(request_json(request, &body));
    struct result result = lane_word_parse(body, said);
    json_decref(body);
    TRY(result);
    if (said->at_ms < now_ms - LIMIT_SEEN_AGE_S * INT64_C(1000) || said->at_ms > now_ms + LIMIT_SEEN_AHEAD_S * INT64_C(1000)) return FAIL(REASON_TIME);
    return OK;
}

struct reply post_judgement(void *app, struct request *request)
{
    struct gate *gate = app;
    uint8_t hit[PLATESIEVE_HIT_ID_BYTES];
    struct db_lane_said said = { .hit = hit, .site = request->peer->first, .lane = request->peer->second };
    struct lane_word stands = { 0 };

    TRY_REPLY(hit_id_parse(request->arguments[0], hit));
    TRY_REPLY(parse(request, clock_now_ms(gate->clock), &said));
    struct result result = db_lane_judge(gate->gate_db, &said, &stands);
    if (result.reason == REASON_NOT_FOUND) return reply_problem(lane_hit_unknown(gate));
    TRY_REPLY(result);
    return reply_json(200, lane_word_json(&stands));
}
