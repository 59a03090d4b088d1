/* How the seeds of a ceremony, and the ceremony itself, are named without being told. */
#include <platesieve/platesieve.h>

#include <sodium.h>
#include <string.h>

static_assert(PLATESIEVE_COMMITMENT_BYTES == crypto_hash_sha256_BYTES, "a commitment is a digest");
static_assert(PLATESIEVE_CEREMONY_ID_BYTES <= crypto_hash_sha256_BYTES, "a ceremony's name is the begin of one");

void platesieve_seed_commitment(unsigned number, const uint8_t seed[PLATESIEVE_SEED_BYTES],
                                uint8_t commitment[PLATESIEVE_COMMITMENT_BYTES])
{
    static const char label[] = "platesieve/1/share-commitment";
    const uint8_t which = (uint8_t)number;
    crypto_hash_sha256_state state;

    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, (const uint8_t *)label, sizeof label); /* with its ending zero */
    crypto_hash_sha256_update(&state, &which, 1);
    crypto_hash_sha256_update(&state, seed, PLATESIEVE_SEED_BYTES);
    crypto_hash_sha256_final(&state, commitment);
    sodium_memzero(&state, sizeof state);
}

void platesieve_ceremony_id(const uint8_t commitments[PLATESIEVE_KEY_SERVERS][PLATESIEVE_COMMITMENT_BYTES],
                            uint8_t id[PLATESIEVE_CEREMONY_ID_BYTES])
{
    static const char label[] = "platesieve/1/ceremony";
    uint8_t digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_state state;

    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, (const uint8_t *)label, sizeof label);
    for (unsigned i = 0; i < PLATESIEVE_KEY_SERVERS; i++)
        crypto_hash_sha256_update(&state, commitments[i], PLATESIEVE_COMMITMENT_BYTES);
    crypto_hash_sha256_final(&state, digest);
    memcpy(id, digest, PLATESIEVE_CEREMONY_ID_BYTES);
}
