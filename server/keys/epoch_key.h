/* The key of one epoch in memory, under the epoch's suite: of hmac-sha256 the bytes that are given out, of
   voprf-ristretto255-sha512 a key pair to evaluate with, whose seed is not kept.  On locked pages either way.

   Threads: any may borrow a key as long as another holds it in its place (epoch_store.c, under its lock); retiring
   waits until all have given it back. */
#ifndef SERVER_KEYS_EPOCH_KEY_H
#define SERVER_KEYS_EPOCH_KEY_H

#include "server/keys/epoch_store.h"

static_assert(PLATESIEVE_SEED_BYTES == PLATESIEVE_KEY_BYTES, "a secret is a key or a seed, and as long");

/* From SECRET (as for epoch_file_write), which the caller wipes.  EPOCH says id, suite and server; its key id and public key are
   filled in.  REASON_BUSY when no memory can be locked. */
struct result epoch_key_create(struct epoch *epoch, const uint8_t *secret, struct epoch_key **key);

void epoch_key_borrow(struct epoch_key *key);
void epoch_key_give_back(struct epoch_key *key);
/* Waits until nobody has borrowed it any more, and wipes it.  NULL is fine. */
void epoch_key_retire(struct epoch_key *key);

/* The bytes of a key of hmac-sha256, NULL for another. */
const uint8_t *epoch_key_bytes(const struct epoch_key *key);
/* The pair of a key of voprf-ristretto255-sha512, NULL for another. */
const struct platesieve_voprf_key *epoch_key_pair(const struct epoch_key *key);

#endif
