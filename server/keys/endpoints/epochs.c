/* GET /v1/epochs: which epochs there are, when they open and close, and under which key id.  No key but public ones. */
#include <sodium.h>

#include "server/keys/keyd.h"

/* Of a shared key this server knows its own part alone: no key id, no public key. */
static void add_key(const struct epoch *epoch, json_t *json)
{
    char key_id[PLATESIEVE_TOKEN_TEXT + 1], text[44]; /* base64url of 32 bytes, and the ending zero */
    sodium_bin2base64(key_id, sizeof key_id, epoch->key_id, sizeof epoch->key_id,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    sodium_bin2base64(text, sizeof text, epoch->public_key.bytes, sizeof epoch->public_key.bytes,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    if (epoch->server == 0) json_object_set_new(json, "key_id", json_string(key_id));
    else json_object_set_new(json, "share", json_pack("{si si}", "server", epoch->server, "of", PLATESIEVE_KEY_SERVERS));
    if (epoch->suite != PLATESIEVE_VOPRF_RISTRETTO255_SHA512) return;
    json_object_set_new(json, epoch->server == 0 ? "public_key" : "public_share", json_string(text));
}

json_t *epoch_json(const struct epoch *epoch, int64_t now_ms)
{
    char opens[TIME_TEXT_SIZE], closes[TIME_TEXT_SIZE], destroyed[TIME_TEXT_SIZE];
    time_format(epoch->span.opens_s * 1000, opens);
    time_format(epoch->span.closes_s * 1000, closes);
    time_format(epoch->span.destroyed_s * 1000, destroyed);
    const char *state = schedule_state_name(schedule_state(&epoch->span, epoch->erased, now_ms));
    json_t *json = json_pack("{ss sI ss ss ss ss ss}", "id", epoch->id, "number", (json_int_t)epoch->number, "suite",
                             platesieve_suite_name(epoch->suite), "opens", opens, "closes", closes, "destroyed",
                             destroyed, "state", state);
    add_key(epoch, json);
    return json;
}

struct reply get_epochs(void *app, struct request *request)
{
    static const char *const no_arguments[] = { NULL };
    struct keyd *keyd = app;
    struct epoch epochs[LIMIT_EPOCHS_KNOWN];
    char now[TIME_TEXT_SIZE];

    TRY_REPLY(request_query_only(request, no_arguments));
    int64_t now_ms = clock_now_ms(keyd->clock);
    size_t count = epoch_store_list(keyd->store, epochs);
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) json_array_append_new(array, epoch_json(&epochs[i], now_ms));
    time_format(now_ms, now);
    return reply_json(200, json_pack("{ss so}", "now", now, "epochs", array));
}
