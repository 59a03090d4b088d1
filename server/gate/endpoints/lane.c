/* GET /v1/lane: what is wanted at this lane's site: epochs, grades, limits.  Readers only. */
#include <urcu-bp.h>

#include "server/gate/gate.h"
#include "server/gate/routes.h"

/* `{"site", "lane", "now", "degraded", ` and then the view's members, which need no escaping here: names are of the narrow alphabet. */
static char *lane_text(const struct catalogue *catalogue, const struct peer *peer, int64_t now_ms, size_t *size)
{
    const struct site_view *view = policy_view(catalogue, peer->first);
    char now[TIME_TEXT_SIZE];
    char *text = NULL;

    if (view == NULL) return NULL;
    time_format(now_ms, now);
    int length = asprintf(&text, "{\"policy\":\"%s\",\"site\":\"%s\",\"lane\":\"%s\",\"now\":\"%s\",\"degraded\":%s,%s}", view->policy, peer->first,
                          peer->second, now, catalogue->degraded ? "true" : "false", view->lane_json);
    if (length < 0) return NULL;
    *size = (size_t)length;
    return text;
}

struct reply get_lane(void *app, struct request *request)
{
    struct gate *gate = app;
    char *text = NULL;
    size_t size = 0;

    TRY_REPLY(request_query_only(request, (const char *const[]){ NULL }));
    rcu_read_lock();
    const struct catalogue *catalogue = follow_catalogue(gate->follow);
    bool starting = catalogue == NULL;
    if (!starting) text = lane_text(catalogue, request->peer, clock_now_ms(gate->clock), &size);
    rcu_read_unlock();
    if (starting) return reply_problem(REASON_STARTING);
    if (text == NULL) return reply_problem(REASON_NO_LISTS); /* no view of this site (see policy_view), or no memory */
    return reply_text(200, "application/json", text, size);
}
