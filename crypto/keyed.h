/* HMAC-SHA-256 (RFC 2104, FIPS 198-1) whose key has been absorbed once: each use copies the state and wipes the copy.
   By nettle: it uses the processor's SHA instructions where there are any (libsodium does not; twice as slow here), and its state is a plain
   struct that can lie in locked memory (OpenSSL's can't).  Inside the library only. */
#ifndef KEYED_H
#define KEYED_H

#include <nettle/hmac.h>
#include <stddef.h>
#include <stdint.h>

#define KEYED_BYTES SHA256_DIGEST_SIZE

/* Keep it in locked memory: it is as good as the key. */
struct keyed {
    struct hmac_sha256_ctx state;
};

/* Absorbs KEY (SIZE bytes, any). */
void keyed_init(struct keyed *keyed, const uint8_t *key, size_t size);
/* Absorbs what every message begins with. */
void keyed_prefix(struct keyed *keyed, const void *bytes, size_t size);
/* MAC of the prefix and MESSAGE.  KEYED may be shared by threads. */
void keyed_mac(const struct keyed *keyed, const void *message, size_t size, uint8_t mac[KEYED_BYTES]);

#endif
