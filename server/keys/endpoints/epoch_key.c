/* GET /v1/epochs/{id}/key: the key itself, for lanes and agencies, while the epoch is coming or open.  Of suite
   hmac-sha256 only: a key of the other never leaves. */
#include <sodium.h>

#include "server/keys/epoch_key.h"
#include "server/keys/keyd.h"

#define KEY_TEXT_SIZE 44 /* base64url of 32 bytes, and the ending zero */

struct reply get_epoch_key(void *app, struct request *request)
{
    static const char *const no_arguments[] = { NULL };
    struct keyd *keyd = app;
    struct epoch epoch;
    struct epoch_key *key = NULL;
    struct quota_cost cost = { .amount[QUOTA_KEYS] = 1 };
    struct quota_refusal over;
    char key_id[PLATESIEVE_TOKEN_TEXT + 1], text[KEY_TEXT_SIZE];

    TRY_REPLY(request_query_only(request, no_arguments));
    TRY_REPLY(epoch_store_borrow(keyd->store, request->arguments[0], PLATESIEVE_HMAC_SHA256, clock_now_ms(keyd->clock),
                                 &epoch, &key));
    if (failed(quota_charge(keyd->quota, request, &cost, &over))) {
        epoch_key_give_back(key);
        return quota_problem(&over);
    }
    sodium_bin2base64(text, sizeof text, epoch_key_bytes(key), PLATESIEVE_KEY_BYTES,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    epoch_key_give_back(key);
    sodium_bin2base64(key_id, sizeof key_id, epoch.key_id, sizeof epoch.key_id,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    json_t *json = json_pack("{ss ss ss ss}", "id", epoch.id, "suite", platesieve_suite_name(epoch.suite), "key_id",
                             key_id, "key", text);
    platesieve_wipe(text, sizeof text);
    metric_add(keyd->keys_given, 1);
    struct reply reply = reply_json(200, json); /* jansson's memory and the text are wiped when they are freed */
    reply.secret = true;
    return reply;
}
