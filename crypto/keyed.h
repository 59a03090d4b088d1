/* HMAC-SHA-256 (RFC 2104, FIPS 198-1) whose key has been absorbed once: each use copies the state and wipes the copy.
   Inside the library only. */
#ifndef KEYED_H
#define KEYED_H

#include <sodium.h>
#include <stddef.h>
#include <stdint.h>

#define KEYED_BYTES crypto_auth_hmacsha256_BYTES

/* Keep it in locked memory: it is as good as the key. */
struct keyed {
    crypto_auth_hmacsha256_state state;
};

/* Absorbs KEY (SIZE bytes, any). */
void keyed_init(struct keyed *keyed, const uint8_t *key, size_t size);
/* Absorbs what every message begins with. */
void keyed_prefix(struct keyed *keyed, const void *bytes, size_t size);
/* MAC of the prefix and MESSAGE.  KEYED may be shared by threads. */
void keyed_mac(const struct keyed *keyed, const void *message, size_t size, uint8_t mac[KEYED_BYTES]);

#endif
