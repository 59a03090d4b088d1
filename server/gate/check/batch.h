/* A parsed check, between parse.c and check.c.  For nobody else. */
#ifndef SERVER_GATE_CHECK_BATCH_H
#define SERVER_GATE_CHECK_BATCH_H

#include "server/gate/check/check.h"

#define CHECK_SETS_MAX (LIMIT_CHECK_READS * LIMIT_CHECK_CANDIDATES * LIMIT_EPOCHS_OPEN)
/* The shortest that JSON makes of one, with what stands between two: so many of each can be in a body, and no more. */
#define CHECK_READ_BYTES 64
#define CHECK_CANDIDATE_BYTES 30
#define CHECK_SET_BYTES 3
#define CHECK_TOKEN_BYTES (PLATESIEVE_TOKEN_TEXT + 3)

struct check_epoch {
    char id[LIMIT_EPOCH_ID_MAX + 1];
    uint8_t key_id[PLATESIEVE_KEY_ID_BYTES];
};

struct check_set { /* the tokens of one candidate for one epoch */
    uint16_t token[PLATESIEVE_GRADES]; /* positions in tokens, by grade; of near the first, the others follow */
    uint8_t near_count;
    uint8_t present;                   /* bit per grade */
};

struct check_candidate {
    float confidence;
    uint16_t sets; /* position of the first; one for each epoch */
    uint8_t set_count;
};

struct check_read {
    int64_t seen_ms;
    uint8_t id[PLATESIEVE_READ_ID_BYTES];
    char id_text[PLATESIEVE_TOKEN_TEXT];
    uint16_t candidates; /* position of the first */
    uint8_t candidate_count;
    bool again;          /* a later look at a vehicle that was asked about under the same id */
};

struct check_job { /* one slot to look up */
    uint8_t slot[PLATESIEVE_SLOT_BYTES];
    const struct index *index;
    uint8_t read, candidate, epoch, grade; /* epoch: position in catalogue.epochs */
};

struct check_token {
    uint8_t bytes[PLATESIEVE_TOKEN_BYTES];
};

struct check_batch {
    struct platesieve_arena *arena; /* that it lies in */
    size_t epoch_count, read_count, candidate_count, set_count, token_count;
    size_t read_room, candidate_room, set_room, token_room;
    struct check_epoch epochs[LIMIT_EPOCHS_OPEN];
    struct check_read *reads;
    struct check_candidate *candidates;
    struct check_set *sets;
    struct check_token *tokens;
    struct check_job *jobs; /* room for token_room: check_run() works here, so that slots are wiped with the tokens */
};

static_assert(LIMIT_CHECK_BODY_BYTES / CHECK_TOKEN_BYTES < UINT16_MAX, "a position of a token fits 16 bits");
static_assert(LIMIT_CHECK_READS <= UINT8_MAX && LIMIT_EPOCHS_KNOWN <= UINT8_MAX && LIMIT_CHECK_CANDIDATES <= UINT8_MAX,
              "positions in a job fit 8 bits");

/* An empty batch, zeroed, with as much room as a body of SIZE bytes can need, in the calling thread's arena. */
struct result check_batch_allocate(size_t size, struct check_batch **batch);

/* Base64url of 16 bytes, without padding, canonical: what is over in the last character is zero. */
bool check_decode16(const char *text, size_t size, uint8_t bytes[16]);
/* A JSON number from 0 to 1. */
bool check_decode_share(const char *text, size_t size, float *share);

#endif
