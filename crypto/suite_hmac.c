/* Suite hmac-sha256: HMAC-SHA-256 under the epoch key. */
#include <sodium.h>

#include "crypto/suite.h"

#include "crypto/keyed.h"

static_assert(PLATESIEVE_TOKEN_BYTES + PLATESIEVE_PROOF_KEY_BYTES == KEYED_BYTES, "a token and a proof key are one MAC");

static struct platesieve_result hmac_prepare(void *state, const uint8_t *key)
{
    keyed_init(state, key, PLATESIEVE_KEY_BYTES);
    return (struct platesieve_result){ PLATESIEVE_OK };
}

static void hmac_key_id(const void *state, uint8_t key_id[PLATESIEVE_KEY_ID_BYTES])
{
    static const char label[] = "platesieve/1/key-id";
    uint8_t mac[KEYED_BYTES];

    keyed_mac(state, label, sizeof label - 1, mac);
    memcpy(key_id, mac, PLATESIEVE_KEY_ID_BYTES);
    sodium_memzero(mac, sizeof mac);
}

static struct platesieve_result hmac_evaluate(const void *state, const struct platesieve_message *messages, size_t count,
                                              struct platesieve_token *tokens)
{
    uint8_t mac[KEYED_BYTES];

    for (size_t i = 0; i < count; i++) {
        keyed_mac(state, messages[i].bytes, messages[i].length, mac);
        memcpy(tokens[i].token, mac, PLATESIEVE_TOKEN_BYTES);
        memcpy(tokens[i].proof_key, mac + PLATESIEVE_TOKEN_BYTES, PLATESIEVE_PROOF_KEY_BYTES);
    }
    sodium_memzero(mac, sizeof mac);
    return (struct platesieve_result){ PLATESIEVE_OK };
}

const struct suite suite_hmac_sha256 = {
    .name = "hmac-sha256",
    .state_size = sizeof(struct keyed),
    .prepare = hmac_prepare,
    .key_id = hmac_key_id,
    .evaluate = hmac_evaluate,
};
