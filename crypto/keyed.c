#include "crypto/keyed.h"

void keyed_init(struct keyed *keyed, const uint8_t *key, size_t size)
{
    crypto_auth_hmacsha256_init(&keyed->state, key, size);
}

void keyed_prefix(struct keyed *keyed, const void *bytes, size_t size)
{
    crypto_auth_hmacsha256_update(&keyed->state, bytes, size);
}

void keyed_mac(const struct keyed *keyed, const void *message, size_t size, uint8_t mac[KEYED_BYTES])
{
    struct keyed copy = *keyed;

    crypto_auth_hmacsha256_update(&copy.state, message, size);
    crypto_auth_hmacsha256_final(&copy.state, mac);
    sodium_memzero(&copy, sizeof copy);
}
