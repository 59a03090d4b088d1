/* GET /livez, /readyz, /metrics: alive, ready and why not, and numbers.  Also on the loopback port, without TLS. */
#include "server/http/probes.h"
#include "server/keys/keyd.h"

struct reply get_livez(void *app, struct request *request)
{
    (void)app;
    (void)request;
    return probe_alive();
}

struct reply get_readyz(void *app, struct request *request)
{
    (void)request;
    return probe_ready(keyd_reasons(app));
}

static void refresh(struct keyd *keyd)
{
    struct epoch epochs[LIMIT_EPOCHS_KNOWN];
    size_t count = epoch_store_list(keyd->store, epochs), live = 0;
    for (size_t i = 0; i < count; i++) live += !epochs[i].erased;
    metric_set(keyd->live, (double)live);
    json_t *reasons = keyd_reasons(keyd);
    metric_set(keyd->ready, json_array_size(reasons) == 0);
    json_decref(reasons);
}

struct reply get_metrics(void *app, struct request *request)
{
    struct keyd *keyd = app;

    (void)request;
    refresh(keyd);
    return probe_metrics(keyd->metrics, NULL, NULL);
}
