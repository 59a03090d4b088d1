#include "crypto/keyed.h"

#include <sodium.h>

void keyed_init(struct keyed *keyed, const uint8_t *key, size_t size)
{
    hmac_sha256_set_key(&keyed->state, size, key);
}

void keyed_prefix(struct keyed *keyed, const void *bytes, size_t size)
{
    hmac_sha256_update(&keyed->state, size, bytes);
}

void keyed_mac(const struct keyed *keyed, const void *message, size_t size, uint8_t mac[KEYED_BYTES])
{
    struct keyed copy = *keyed;

    hmac_sha256_update(&copy.state, size, message);
    hmac_sha256_digest(&copy.state, KEYED_BYTES, mac);
    sodium_memzero(&copy, sizeof copy);
}
