/* Epochs and their keys, from the key server. */
#ifndef CLIENT_TOKENS_EPOCHS_H
#define CLIENT_TOKENS_EPOCHS_H

#include <platesieve/platesieve.h>

#include "client/tokens/key_servers.h"

enum epoch_state { EPOCH_COMING, EPOCH_OPEN, EPOCH_CLOSED, EPOCH_DESTROYED };

struct epoch {
    char id[LIMIT_EPOCH_ID_MAX + 1];
    enum platesieve_suite suite;
    uint8_t key_id[PLATESIEVE_KEY_ID_BYTES];
    int64_t opens_ms, closes_ms;
    enum epoch_state state;
    /* What tokens are made with: for hmac-sha256 the key itself; for voprf-ristretto255-sha512 the public key, which
       has this key id. */
    struct platesieve_prf *prf; /* NULL: has not been fetched */
    struct platesieve_element public_key;
    bool public_key_known;
    bool shared;           /* no key server has the key, three share it: evaluator.h */
    unsigned usable_votes; /* of a shared one: servers that call it coming or open */
};

/* What somebody else than the key servers says that keys are: the gate. */
struct epoch_pin {
    char id[LIMIT_EPOCH_ID_MAX + 1];
    uint8_t key_id[PLATESIEVE_KEY_ID_BYTES];
};
struct epoch_pins {
    size_t count;
    struct epoch_pin list[LIMIT_EPOCHS_KNOWN];
};

struct epochs {
    size_t count;
    struct epoch list[LIMIT_EPOCHS_KNOWN]; /* oldest first */
};

/* What the first key server that answers knows: public keys with it, other keys not yet.  Where keys are shared, all
   are asked, and it is what two at least know and all agree on.  A server that contradicts PINS (NULL: there are none)
   is named, and not believed.  Returns an exit code; says what is wrong. */
int epochs_fetch(struct key_servers *servers, struct http *keys, const struct epoch_pins *pins,
                 struct epochs *epochs) MUST_USE;
/* Drops all but coming and open ones, and of these all after the first MAX. */
void epochs_keep_usable(struct epochs *epochs, size_t max);
/* Can tokens be made under EPOCH? */
bool epoch_is_ready(const struct epoch *epoch);
/* Makes EPOCH (id, suite and key_id are set) ready if it is not: fetches the key or the public key, or the shares of it,
   and holds it against the key id; a server that has another one is named, and the next one asked.  Exit code as above; an epoch
   that the key server knows not, or not any more, is CLIENT_UNREACHABLE: who named it may name another soon. */
int epoch_make_ready(struct key_servers *servers, struct http *keys, struct epoch *epoch) MUST_USE;
void epochs_wipe(struct epochs *epochs);

#endif
