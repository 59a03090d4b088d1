/* Epochs and their keys, from the key server. */
#ifndef CLIENT_EPOCHS_H
#define CLIENT_EPOCHS_H

#include <platesieve/platesieve.h>

#include "client/http.h"

enum epoch_state { EPOCH_COMING, EPOCH_OPEN, EPOCH_CLOSED, EPOCH_DESTROYED };

struct epoch {
    char id[LIMIT_EPOCH_ID_MAX + 1];
    enum platesieve_suite suite;
    uint8_t key_id[PLATESIEVE_KEY_ID_BYTES];
    int64_t opens_ms, closes_ms;
    enum epoch_state state;
    struct platesieve_prf *prf; /* NULL: the key has not been fetched */
};

struct epochs {
    size_t count;
    struct epoch list[LIMIT_EPOCHS_KNOWN]; /* oldest first */
};

/* What the key server knows; no keys yet.  Returns an exit code; says what is wrong. */
int epochs_fetch(struct http *keys, struct epochs *epochs) MUST_USE;
/* Drops all but coming and open ones, and of these all after the first MAX. */
void epochs_keep_usable(struct epochs *epochs, size_t max);
/* Fetches the key of EPOCH (id, suite and key_id are set), and holds it against the key id.  Exit code as above. */
int epoch_fetch_key(struct http *keys, struct epoch *epoch) MUST_USE;
void epochs_wipe(struct epochs *epochs);

#endif
