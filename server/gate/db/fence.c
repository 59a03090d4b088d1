/* Proofs of who a transaction is: HMAC-SHA-256 under a key that the database was given (schema/0008_fence.sql). */
#include <sodium.h>

#include "server/gate/db/conn.h"

void fence_blocks(const struct seal_keys *keys, uint8_t inner[FENCE_BLOCK_BYTES], uint8_t outer[FENCE_BLOCK_BYTES])
{
    memset(inner, 0x36, FENCE_BLOCK_BYTES);
    memset(outer, 0x5c, FENCE_BLOCK_BYTES);
    for (size_t i = 0; i < sizeof(keys->fence); i++) {
        inner[i] ^= keys->fence[i];
        outer[i] ^= keys->fence[i];
    }
}

void fence_prove(const struct seal_keys *keys, const char *agency, const char *overview, const char *challenge, char proof[FENCE_PROOF_TEXT + 1])
{
    static const char purpose[] = "platesieve/1/fence";
    const char *const words[] = { purpose, agency, overview, challenge };
    uint8_t made[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, keys->fence, sizeof(keys->fence));
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (i > 0) crypto_auth_hmacsha256_update(&state, (const unsigned char *)"\x1f", 1);
        crypto_auth_hmacsha256_update(&state, (const unsigned char *)words[i], strlen(words[i]));
    }
    crypto_auth_hmacsha256_final(&state, made);
    sodium_bin2hex(proof, FENCE_PROOF_TEXT + 1, made, sizeof(made));
}
