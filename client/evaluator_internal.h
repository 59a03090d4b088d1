/* Between evaluator.c and evaluator_shared.c; for nobody else. */
#ifndef CLIENT_EVALUATOR_INTERNAL_H
#define CLIENT_EVALUATOR_INTERNAL_H

#include "client/evaluator.h"
#include "client/http_group.h"

#define EVALUATOR_BODY_BYTES 16384

/* The shares of an epoch, held against its public key; judged anew when a server told something else. */
struct judged {
    char epoch_id[LIMIT_EPOCH_ID_MAX + 1];
    struct platesieve_element public_key;
    unsigned generation;
    struct share_parties parties;
};

struct evaluator {
    struct evaluator_settings settings;
    struct http *keys;
    char body[EVALUATOR_BODY_BYTES];
    /* for shared keys */
    struct http_group *group;       /* NULL: has not been needed */
    struct judged judged[LIMIT_EPOCHS_OPEN];
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
/* {"blinded":["...","..."]} into evaluator->body; its size. */
size_t evaluator_write_body(struct evaluator *evaluator, const struct platesieve_voprf_batch *batch, size_t count);

/* evaluator_tokens() for one batch under a key that is shared. */
enum key_outcome evaluate_shared(struct evaluator *evaluator, const struct epoch *epoch,
                                 const struct platesieve_message *messages, size_t count,
                                 struct platesieve_token *tokens, unsigned *retry_after_s) MUST_USE;
void evaluator_warm_shared(struct evaluator *evaluator);

#endif
