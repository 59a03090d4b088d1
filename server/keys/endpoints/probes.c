/* GET /livez, /readyz, /metrics: alive, ready and why not, and numbers.  Also on the loopback port, without TLS. */
#include "server/keys/keyd.h"

struct reply get_livez(void *app, struct request *request)
{
    (void)app;
    (void)request;
    return reply_json(200, json_pack("{sb}", "alive", 1));
}

struct reply get_readyz(void *app, struct request *request)
{
    (void)request;
    json_t *reasons = keyd_reasons(app);
    if (json_array_size(reasons) > 0) return reply_json(503, json_pack("{sb so}", "ready", 0, "reasons", reasons));
    json_decref(reasons);
    return reply_json(200, json_pack("{sb}", "ready", 1));
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
    size_t size = 0;

    (void)request;
    refresh(keyd);
    char *text = metrics_text(keyd->metrics, &size);
    if (text == NULL) return reply_problem(REASON_BUSY);
    return reply_text(200, "text/plain; version=0.0.4; charset=utf-8", text, size);
}
