/* GET /v1/status: what an operator of the key server wants to know at a glance. */
#include <sodium.h>

#include "server/keys/keyd.h"

/* NULL when keys are whole. */
static json_t *share_json(const struct epoch_store *store)
{
    char ceremony[PLATESIEVE_TOKEN_TEXT + 1];
    if (!epoch_store_shares(store)) return NULL;
    sodium_bin2base64(ceremony, sizeof ceremony, epoch_store_ceremony(store), PLATESIEVE_CEREMONY_ID_BYTES,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return json_pack("{si si ss}", "server", epoch_store_server(store), "of", PLATESIEVE_KEY_SERVERS, "ceremony",
                     ceremony);
}

struct reply get_status(void *app, struct request *request)
{
    static const char *const no_arguments[] = { NULL };
    struct keyd *keyd = app;
    struct epoch epochs[LIMIT_EPOCHS_KNOWN];
    const struct schedule *schedule = &keyd->config->schedule;
    char now[TIME_TEXT_SIZE];

    TRY_REPLY(request_query_only(request, no_arguments));
    int64_t now_ms = clock_now_ms(keyd->clock);
    size_t count = epoch_store_list(keyd->store, epochs);
    json_t *array = json_array(), *reasons = keyd_reasons(keyd);
    for (size_t i = 0; i < count; i++) json_array_append_new(array, epoch_json(&epochs[i], now_ms));
    time_format(now_ms, now);
    json_t *calendar = json_pack("{sI sI sI sI}", "length_s", (json_int_t)schedule->length_s, "overlap_s",
                                 (json_int_t)schedule->overlap_s, "ahead", (json_int_t)schedule->ahead,
                                 "destroy_after_s", (json_int_t)schedule->destroy_after_s);
    bool ready = json_array_size(reasons) == 0;
    return reply_json(200,
                      json_pack("{ss so* ss ss sI sb so so so so so sI sI so}", "keys", keyd->config->name, "share",
                                share_json(keyd->store), "version",
                                PACKAGE_VERSION, "now", now, "uptime_s",
                                (json_int_t)((now_ms - keyd->started_ms) / 1000), "ready", ready, "reasons", reasons,
                                "degraded", keyd_degraded(keyd), "registry",
                                registry_state_json(keyd->registry), "schedule", calendar, "epochs", array, "keys_given",
                                (json_int_t)metric_value(keyd->keys_given), "evaluations",
                                (json_int_t)metric_value(keyd->evaluations), "quotas",
                                quota_status_json(keyd->quota)));
}
