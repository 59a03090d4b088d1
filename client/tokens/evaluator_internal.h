/* Between evaluator.c and evaluator_shared.c; for nobody else. */
#ifndef CLIENT_TOKENS_EVALUATOR_INTERNAL_H
#define CLIENT_TOKENS_EVALUATOR_INTERNAL_H

#include "client/http/group.h"
#include "client/tokens/evaluator.h"

#define EVALUATOR_BODY_BYTES 16384

/* The shares of an epoch, held against its public key; judged anew when a server told something else. */
struct judged {
    char epoch_id[LIMIT_EPOCH_ID_MAX + 1];
    struct platesieve_element public_key;
    unsigned generation;
    struct share_parties parties;
    struct platesieve_voprf_shares pair; /* the last two that answered, if they are good; else nobody is */
};

struct evaluator {
    struct evaluator_settings settings;
    struct http *keys;
    /* what is under way, for one epoch after the other; made when it is first needed */
    struct platesieve_voprf_batch *batch;
    size_t count; /* messages in it */
    char body[EVALUATOR_BODY_BYTES];
    size_t body_size;
    /* for shared keys */
    struct http_group *group;       /* NULL: has not been needed */
    struct judged judged[LIMIT_ENTRY_EPOCHS];
    size_t next;                    /* of `judged`, to go for another epoch */
    unsigned turn;                  /* who is asked first: by chance, so that the servers have equal work */
};

/* What one server answered. */
struct evaluated {
    size_t count; /* that must come */
    struct platesieve_element elements[PLATESIEVE_VOPRF_BATCH_MAX];
    struct platesieve_voprf_proof proof;
};
/* A key_take_fn that reads {"evaluated": [...], "proof": "..."} into a struct evaluated. */
const char *evaluated_take(json_t *json, void *context);
/* What is wrong with elements and proof that failed with RESULT. */
const char *evaluated_fault(struct platesieve_result result);

/* The tokens of the evaluator's batch under a key that is shared. */
enum key_outcome evaluate_shared(struct evaluator *evaluator, const struct epoch *epoch,
                                 struct platesieve_token *tokens, unsigned *retry_after_s) MUST_USE;
void evaluator_warm_shared(struct evaluator *evaluator);

#endif
