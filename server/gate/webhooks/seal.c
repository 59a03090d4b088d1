#include "server/gate/webhooks/seal.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define PURPOSE "platesieve/1/webhook-secret"
#define NONCE_BYTES crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define ABOUT_MAX (2 * (LIMIT_NAME_MAX + 1) + LIMIT_WEBHOOK_URL_BYTES + 1)

_Static_assert(NONCE_BYTES + WEBHOOK_SECRET_BYTES + crypto_aead_xchacha20poly1305_ietf_ABYTES == WEBHOOK_SEALED_BYTES, "as it is stored");
_Static_assert(crypto_auth_hmacsha256_BYTES == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "one makes the other");

static void derive(const uint8_t key[32], uint8_t made[32])
{
    crypto_auth_hmacsha256_state state;

    crypto_auth_hmacsha256_init(&state, key, 32);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)PURPOSE, sizeof PURPOSE - 1);
    crypto_auth_hmacsha256_final(&state, made);
    sodium_memzero(&state, sizeof state);
}

/* "AGENCY 00 NAME 00 URL": none of them holds a zero. */
static size_t about(const char *agency, const char *name, const char *url, char text[ABOUT_MAX])
{
    int size = snprintf(text, ABOUT_MAX, "%s%c%s%c%s", agency, 0, name, 0, url);

    return size < ABOUT_MAX ? (size_t)size : ABOUT_MAX;
}

void webhook_secret_seal(const uint8_t key[32], const char *agency, const char *name, const char *url,
                         const uint8_t secret[WEBHOOK_SECRET_BYTES], uint8_t sealed[WEBHOOK_SEALED_BYTES])
{
    uint8_t made[32];
    char bound[ABOUT_MAX];

    derive(key, made);
    randombytes_buf(sealed, NONCE_BYTES);
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(sealed + NONCE_BYTES, NULL, secret, WEBHOOK_SECRET_BYTES, (const unsigned char *)bound,
                                                     about(agency, name, url, bound), NULL, sealed, made);
    sodium_memzero(made, sizeof made);
}

struct result webhook_secret_open(const uint8_t key[32], const char *agency, const char *name, const char *url,
                                  const uint8_t sealed[WEBHOOK_SEALED_BYTES], uint8_t secret[WEBHOOK_SECRET_BYTES])
{
    uint8_t made[32];
    char bound[ABOUT_MAX];

    derive(key, made);
    int opened = crypto_aead_xchacha20poly1305_ietf_decrypt(secret, NULL, NULL, sealed + NONCE_BYTES, WEBHOOK_SEALED_BYTES - NONCE_BYTES,
                                                            (const unsigned char *)bound, about(agency, name, url, bound), sealed, made);
    sodium_memzero(made, sizeof made);
    return opened == 0 ? OK : FAIL(REASON_INTERNAL);
}

void webhook_secret_print(const uint8_t secret[WEBHOOK_SECRET_BYTES], char text[WEBHOOK_SECRET_TEXT])
{
    memcpy(text, "whsec_", 6);
    (void)sodium_bin2base64(text + 6, WEBHOOK_SECRET_TEXT - 6, secret, WEBHOOK_SECRET_BYTES, sodium_base64_VARIANT_ORIGINAL);
}

void webhook_sign(const uint8_t secret[WEBHOOK_SECRET_BYTES], const char *id, int64_t seconds, const char *body, size_t size,
                  char text[WEBHOOK_SIGNATURE_TEXT])
{
    uint8_t mac[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state state;
    char head[128];
    int length = snprintf(head, sizeof head, "%s.%lld.", id, (long long)seconds);

    crypto_auth_hmacsha256_init(&state, secret, WEBHOOK_SECRET_BYTES);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)head, (unsigned long long)length);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)body, size);
    crypto_auth_hmacsha256_final(&state, mac);
    sodium_memzero(&state, sizeof state);
    memcpy(text, "v1,", 3);
    (void)sodium_bin2base64(text + 3, WEBHOOK_SIGNATURE_TEXT - 3, mac, sizeof mac, sodium_base64_VARIANT_ORIGINAL);
}
