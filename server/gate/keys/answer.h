/* What the key server says of its epochs (docs/protocol.md, "Key server"), parsed; and written in the same form to a
   file, so that a gate starts while the key server is away.  No secret is in it. */
#ifndef SERVER_GATE_KEYS_ANSWER_H
#define SERVER_GATE_KEYS_ANSWER_H

#include <platesieve/platesieve.h>

#include "server/http/reason.h"

#define KEYS_ANSWER_BYTES (64 * 1024) /* more is refused unread */

struct keys_epoch {
    char id[LIMIT_EPOCH_ID_MAX + 1];
    uint8_t key_id[PLATESIEVE_KEY_ID_BYTES];
    uint64_t number;               /* 0 to INT32_MAX */
    enum platesieve_suite suite;
    unsigned server;               /* 0; else this is what that server of PLATESIEVE_KEY_SERVERS tells of its share */
    /* Of voprf-ristretto255-sha512, and then the key id is its own; else zeroes.  Of a share the public share, and then
       the key id is zeroes: who has a share does not know it. */
    struct platesieve_element public_key;
    int64_t opens_ms, closes_ms, destroyed_ms;
    bool destroyed;                /* the key is gone, whatever the time says */
};

struct keys_answer {
    int64_t now_ms;                /* the key server's clock; 0: was not told */
    size_t count;                  /* oldest first, numbers rising */
    size_t strange;                /* left out: of a suite that this program does not know */
    struct keys_epoch epochs[LIMIT_EPOCHS_KNOWN];
};

/* REASON_BAD_JSON, or REASON_BAD_FIELD: a member is missing or not what it must be, numbers or times do not rise, an
   id comes twice, or there are more than LIMIT_EPOCHS_KNOWN.  Unknown members are passed over.  *ANSWER is then
   empty. */
struct result keys_answer_parse(const char *text, size_t size, struct keys_answer *answer);

/* Reads PATH; REASON_NOT_FOUND when there is none, else as keys_answer_parse(). */
struct result keys_answer_read(const char *path, struct keys_answer *answer);
/* Replaces PATH (temporary file beside it, fsync, rename).  REASON_INTERNAL when the disk refuses. */
struct result keys_answer_write(const char *path, const struct keys_answer *answer);

#endif
