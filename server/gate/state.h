/* A gate's own secrets in one sealed file: pepper state, spool key, the gates' MAC key.  Sealed (XChaCha20-Poly1305) under a state key that
   lies elsewhere; rewritten as a whole (temporary file, fsync, rename, fsync of the folder), the old one overwritten. */
#ifndef SERVER_GATE_STATE_H
#define SERVER_GATE_STATE_H

#include <platesieve/platesieve.h>

#include "server/http/reason.h"

struct gate_state;

/* OK when FOLDER holds no state yet; says on ERRORS when it does. */
struct result gate_state_free(const char *folder, FILE *errors);
/* Makes a new state in FOLDER (refuses to replace one) under the state key, which is copied. */
struct result gate_state_create(const char *folder, const uint8_t key[PLATESIEVE_KEY_BYTES], FILE *errors);
struct result gate_state_open(const char *folder, const uint8_t key[PLATESIEVE_KEY_BYTES], FILE *errors, struct gate_state **state);
void gate_state_close(struct gate_state *state);

const uint8_t *gate_state_spool_key(const struct gate_state *state); /* 32 bytes, locked memory */
const uint8_t *gate_state_mac_key(const struct gate_state *state);

/* Other files of the folder under the same state key: sealed_file_write() and sealed_file_read(). */
struct result gate_state_file_write(const struct gate_state *state, const char *name, const char *purpose, const void *plain, size_t size);
struct result gate_state_file_read(const struct gate_state *state, const char *name, const char *purpose, void *plain, size_t size_max, size_t *size);
const char *gate_state_folder(const struct gate_state *state);

/* The pepper of epoch NUMBER: the ratchet's state at NUMBER, through HMAC.  Fails (REASON_GONE) for numbers before the state's own. */
struct result gate_state_pepper(const struct gate_state *state, uint64_t number, uint8_t pepper[PLATESIEVE_KEY_BYTES]);
/* What tells this pepper and this epoch key from others and says nothing of either: the first 16 bytes of
   HMAC-SHA-256(pepper, "platesieve/1/epoch-mark" 00 key id).  Fails like gate_state_pepper(). */
struct result gate_state_mark(const struct gate_state *state, uint64_t number, const uint8_t key_id[PLATESIEVE_KEY_ID_BYTES], uint8_t mark[16]);
/* Moves the ratchet on to NUMBER: peppers before it can't be made any more.  Durable when it returns.  The first call of a new state
   fixes its beginning. */
struct result gate_state_ratchet(struct gate_state *state, uint64_t number);

#endif
