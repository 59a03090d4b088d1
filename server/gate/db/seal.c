/* Digests of parts: XChaCha20-Poly1305, random nonce in front.  Tags: a mask of their own size from a keyed hash, cheap enough for ten million of
   them at a load.  Proofs of who a transaction is: HMAC-SHA-256. */
#include <endian.h>
#include <sodium.h>

#include "server/gate/db/conn.h"

#define NONCE_BYTES crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
static_assert(DIGEST_SEALED_BYTES == NONCE_BYTES + DIGEST_BYTES + crypto_aead_xchacha20poly1305_ietf_ABYTES, "nonce, digest, authenticator");
static_assert(crypto_shorthash_siphash24_KEYBYTES == 16 && crypto_shorthash_siphash24_BYTES == PLATESIEVE_TAG_BYTES, "one hash masks one tag");

static void derive(const uint8_t key[32], const char *purpose, uint8_t *out, size_t size)
{
    uint8_t made[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, key, 32);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)purpose, strlen(purpose));
    crypto_auth_hmacsha256_final(&state, made);
    memcpy(out, made, size);
    sodium_memzero(made, sizeof(made));
    sodium_memzero(&state, sizeof(state));
}

void seal_keys_make(const uint8_t key[32], struct seal_keys *keys)
{
    derive(key, "platesieve/1/part-digest", keys->digest, sizeof(keys->digest));
    derive(key, "platesieve/1/stored-tag", keys->tag, sizeof(keys->tag));
    derive(key, "platesieve/1/fence", keys->fence, sizeof(keys->fence));
    derive(key, "platesieve/1/suppression", keys->suppression, sizeof(keys->suppression));
}

static void place(int64_t segment, int64_t part, uint8_t bytes[16])
{
    uint64_t wire[2] = { htobe64((uint64_t)segment), htobe64((uint64_t)part) };
    memcpy(bytes, wire, sizeof(wire));
}

void digest_seal(const struct seal_keys *keys, int64_t segment, int64_t part, const uint8_t digest[DIGEST_BYTES],
                 uint8_t sealed[DIGEST_SEALED_BYTES])
{
    uint8_t about[16];
    place(segment, part, about);
    randombytes_buf(sealed, NONCE_BYTES);
    crypto_aead_xchacha20poly1305_ietf_encrypt(sealed + NONCE_BYTES, NULL, digest, DIGEST_BYTES, about, sizeof(about), NULL, sealed, keys->digest);
}

struct result digest_open(const struct seal_keys *keys, int64_t segment, int64_t part, const uint8_t sealed[DIGEST_SEALED_BYTES],
                          uint8_t digest[DIGEST_BYTES])
{
    uint8_t about[16];
    place(segment, part, about);
    int opened = crypto_aead_xchacha20poly1305_ietf_decrypt(digest, NULL, NULL, sealed + NONCE_BYTES, DIGEST_SEALED_BYTES - NONCE_BYTES, about,
                                                            sizeof(about), sealed, keys->digest);
    return opened == 0 ? OK : FAIL(REASON_DATABASE);
}

void tag_mask(const struct seal_keys *keys, const uint8_t slot[PLATESIEVE_SLOT_BYTES], uint64_t entry, uint8_t tag[PLATESIEVE_TAG_BYTES])
{
    uint8_t about[PLATESIEVE_SLOT_BYTES + 8], mask[PLATESIEVE_TAG_BYTES];
    uint64_t wire = htobe64(entry);
    memcpy(about, slot, PLATESIEVE_SLOT_BYTES);
    memcpy(about + PLATESIEVE_SLOT_BYTES, &wire, sizeof(wire));
    crypto_shorthash_siphash24(mask, about, sizeof(about), keys->tag);
    for (size_t i = 0; i < PLATESIEVE_TAG_BYTES; i++) tag[i] ^= mask[i];
}

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
    sodium_memzero(&state, sizeof(state));
}
