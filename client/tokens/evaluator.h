/* Tokens for messages, whatever suite the epoch has: with hmac-sha256 they are computed here; with
   voprf-ristretto255-sha512 a key server evaluates the blinded messages and its proof is checked, or, where three share
   the key, two of them do, and what they answer is put together.  There is no way from
   one to the other: the epoch's suite, which the gate (lanes) or the key server (lists) named together with the key id,
   decides. */
#ifndef CLIENT_TOKENS_EVALUATOR_H
#define CLIENT_TOKENS_EVALUATOR_H

#include "client/tokens/epochs.h"

/* With connections of its own: for one thread at a time. */
struct evaluator;

/* What it may take.  SERVERS is shared by the evaluators of a command, all is borrowed. */
struct evaluator_settings {
    const struct settings *settings;
    const struct identity *identity;
    struct key_servers *servers;
    unsigned deadline_ms, deadline_last_ms; /* as in struct key_question */
};

/* An exit code; says what is wrong. */
int evaluator_open(const struct evaluator_settings *settings, struct evaluator **evaluator) MUST_USE;
/* After KEY_LATER: until when (monotonic, milliseconds) it is this identity's quota that is in the way; 0: it is not. */
int64_t evaluator_over_quota(struct evaluator *evaluator);
void evaluator_close(struct evaluator *evaluator); /* NULL is fine */
/* From now on the last server may take DEADLINE_LAST_MS. */
void evaluator_set_last(struct evaluator *evaluator, unsigned deadline_last_ms);
/* Connects, and keeps connections from growing old; call it from time to time. */
void evaluator_warm(struct evaluator *evaluator);

/* COUNT tokens (any number) for COUNT messages under each of EPOCHS, which are ready (epoch_is_ready()), those for the
   next epoch STEP tokens behind those for the one before; in requests of at most PLATESIEVE_VOPRF_BATCH_MAX.  Both
   arrays are the caller's, in locked memory.  With any outcome but KEY_DONE the tokens are zero; *RETRY_AFTER_S is what
   the key servers asked for.  EVALUATOR may be NULL where no epoch needs a key server.

   A message is blinded once for all epochs: key servers see that it is the same in each, which the moment tells them
   anyway, and nothing else. */
enum key_outcome evaluator_tokens(struct evaluator *evaluator, const struct epoch *epochs, size_t epoch_count,
                                  const struct platesieve_message *messages, size_t count,
                                  struct platesieve_token *tokens, size_t step, unsigned *retry_after_s) MUST_USE;

#endif
