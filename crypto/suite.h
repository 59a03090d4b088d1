/* What a suite brings: a pseudo-random function under an epoch's key.  Inside the library only; the table is in token.c. */
#ifndef SUITE_H
#define SUITE_H

#include <platesieve/platesieve.h>

struct suite {
    const char *name;  /* as on the wire */
    size_t state_size; /* bytes of locked, zeroed, 16-byte aligned memory that `prepare` fills */

    /* KEY has PLATESIEVE_KEY_BYTES.  NULL, as is all that follows: nobody holds the key who makes tokens. */
    struct platesieve_result (*prepare)(void *state, const uint8_t *key);
    void (*key_id)(const void *state, uint8_t key_id[PLATESIEVE_KEY_ID_BYTES]);
    /* COUNT messages to COUNT tokens.  STATE may be shared by threads. */
    struct platesieve_result (*evaluate)(const void *state, const struct platesieve_message *messages, size_t count,
                                         struct platesieve_token *tokens);
};

extern const struct suite suite_hmac_sha256;
extern const struct suite suite_voprf_ristretto255_sha512;

#endif
