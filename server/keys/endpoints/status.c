/* GET /v1/status: what an operator of the key server wants to know at a glance. */
#include <sodium.h>

#include "server/http/json.h"
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

static json_t *epochs_json(struct epoch_store *store, int64_t now_ms)
{
    struct epoch epochs[LIMIT_EPOCHS_KNOWN];
    size_t count = epoch_store_list(store, epochs);
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) json_array_append_new(array, epoch_json(&epochs[i], now_ms));
    return array;
}

static json_t *schedule_json(const struct schedule *schedule)
{
    return json_pack("{sI sI sI sI}", "length_s", (json_int_t)schedule->length_s, "overlap_s",
                     (json_int_t)schedule->overlap_s, "ahead", (json_int_t)schedule->ahead, "destroy_after_s",
                     (json_int_t)schedule->destroy_after_s);
}

static json_t *now_json(int64_t now_ms)
{
    char text[TIME_TEXT_SIZE];
    time_format(now_ms, text);
    return json_string(text);
}

struct reply get_status(void *app, struct request *request)
{
    struct keyd *keyd = app;
    TRY_REPLY(request_query_only(request, (const char *const[]){ NULL }));
    int64_t now_ms = clock_now_ms(keyd->clock);
    json_t *reasons = keyd_reasons(keyd);
    const struct json_member members[] = {
        { "keys", json_string(keyd->config->name) },
        { "version", json_string(PACKAGE_VERSION) },
        { "now", now_json(now_ms) },
        { "uptime_s", json_integer((now_ms - keyd->started_ms) / 1000) },
        { "ready", json_boolean(json_array_size(reasons) == 0) },
        { "reasons", reasons },
        { "degraded", keyd_degraded(keyd) },
        { "registry", registry_state_json(keyd->registry) },
        { "schedule", schedule_json(&keyd->config->schedule) },
        { "epochs", epochs_json(keyd->store, now_ms) },
        { "keys_given", json_integer((json_int_t)metric_value(keyd->keys_given)) },
        { "evaluations", json_integer((json_int_t)metric_value(keyd->evaluations)) },
        { "quotas", quota_status_json(keyd->quota) },
    };
    json_t *status = json_object_of(members, ARRAY_LENGTH(members));
    json_t *share = share_json(keyd->store);
    if (share != NULL && json_object_set_new(status, "share", share) != 0) {
        json_decref(status);
        status = NULL;
    }
    return reply_json(200, status);
}
