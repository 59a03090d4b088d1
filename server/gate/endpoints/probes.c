/* GET /livez, /readyz, /metrics: alive, ready and why not, and numbers.  Also on the loopback port, without TLS. */
#include <urcu-bp.h>

#include "server/gate/gate.h"
#include "server/gate/readiness.h"
#include "server/gate/routes.h"
#include "server/http/probes.h"

struct reply get_livez(void *app, struct request *request)
{
    (void)app;
    (void)request;
    return probe_alive();
}

struct reply get_readyz(void *app, struct request *request)
{
    (void)request;
    return probe_ready(readiness_reasons(app));
}

static void refresh(struct gate *gate)
{
    struct spool_state spool;
    struct follow_status follow;
    struct readiness_index index;

    spool_state(gate->spool, &spool);
    follow_status(gate->follow, &follow);
    readiness_index(gate, &index);
    int64_t now_ms = clock_now_ms(gate->clock);
    metric_set(gate->spool_depth, (double)spool.depth);
    metric_set(gate->spool_oldest, spool.oldest_ms == 0 ? 0 : (double)(now_ms - spool.oldest_ms) / 1000);
    metric_set(gate->index_slots, (double)index.slots);
    metric_set(gate->index_bytes, (double)index.bytes);
    metric_set(gate->lists_version, (double)follow.version);
    metric_set(gate->alarms_lists, follow.stuck);
    metric_set(gate->alarms_epochs, follow.epochs_alarm);
    for (size_t i = 0; i < follow.key_server_count; i++) {
        metric_set(gate->key_servers_up[i], follow.key_servers[i].up);
        metric_set(gate->key_servers_wrong[i], follow.key_servers[i].fault != KEYS_FINE);
    }
    json_t *reasons = readiness_reasons(gate);
    metric_set(gate->ready, json_array_size(reasons) == 0);
    json_decref(reasons);
}

struct reply get_metrics(void *app, struct request *request)
{
    struct gate *gate = app;

    (void)request;
    refresh(gate);
    return probe_metrics(gate->metrics);
}
