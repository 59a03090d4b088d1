/* Suite voprf-ristretto255-sha512: RFC 9497, OPRF(ristretto255, SHA-512) in verifiable mode.
 *
 * A client blinds messages; the key server evaluates them without seeing them and proves that it used the key that it
 * published; the client checks that, takes the blinds off and has the tokens.  docs/protocol.md, chapter "The second
 * suite", has every byte.  <platesieve/platesieve.h> includes this header.  What holds there holds here: no I/O, no
 * threads, nothing kept between calls.
 *
 * Costs are in multiplications of an element by a scalar (40 us on the machine of docs/benchmarks.md), for each
 * element of a batch: evaluating 1, proving 1.3; blinding 1.3, verifying 2.6, taking off the blind 1.
 */
#ifndef PLATESIEVE_VOPRF_H
#define PLATESIEVE_VOPRF_H

#include <platesieve/platesieve.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An element of ristretto255 as it is on the wire (RFC 9496).  Whoever takes one from outside need not check it
   first: every function below refuses the identity and what is not canonical, with PLATESIEVE_BAD_ELEMENT unless it
   says otherwise. */
struct platesieve_element {
    uint8_t bytes[PLATESIEVE_ELEMENT_BYTES];
};

/* A proof for one batch: two scalars, c and s. */
struct platesieve_voprf_proof {
    uint8_t bytes[PLATESIEVE_VOPRF_PROOF_BYTES];
};

/* The key id by which lanes and lists name PUBLIC_KEY.  Checks the key, so call it on one that was just fetched. */
PLATESIEVE_API struct platesieve_result platesieve_voprf_key_id(const struct platesieve_element *public_key,
                                                                uint8_t key_id[PLATESIEVE_KEY_ID_BYTES]);

/* -- the key server ------------------------------------------------------------------------------------------------ */

/* A key pair, or one server's share of it, in locked memory.  May be shared by threads. */
struct platesieve_voprf_key;

/* The key pair of an epoch (a zero-ended id, at most LIMIT_EPOCH_ID_MAX bytes) from a seed that was drawn for it
   alone. */
PLATESIEVE_API struct platesieve_result platesieve_voprf_key_derive(const uint8_t seed[PLATESIEVE_SEED_BYTES],
                                                                    const char *epoch_id,
                                                                    struct platesieve_voprf_key **key);

/* Server SERVER's (1 to PLATESIEVE_KEY_SERVERS) share of an epoch's key.  A ceremony deals seed j to the servers
   other than j, once; what each makes of a seed for the epoch's opening time (docs/protocol.md, "Seeds that forget")
   comes here: LOWER and HIGHER are this server's two, in order of j. */
PLATESIEVE_API struct platesieve_result platesieve_voprf_key_share(unsigned server,
                                                                   const uint8_t lower[PLATESIEVE_SEED_BYTES],
                                                                   const uint8_t higher[PLATESIEVE_SEED_BYTES],
                                                                   const char *epoch_id,
                                                                   struct platesieve_voprf_key **key);

PLATESIEVE_API void platesieve_voprf_key_destroy(struct platesieve_voprf_key *key); /* wipes; NULL is fine */

/* The public key, or the public share. */
PLATESIEVE_API struct platesieve_element platesieve_voprf_public_key(const struct platesieve_voprf_key *key);

/* Evaluates COUNT elements (1 to PLATESIEVE_VOPRF_BATCH_MAX) and proves it.  EVALUATED has room for COUNT and does
   not overlap BLINDED.  One bad element fails the whole batch, which then leaves zeroes.  RFC 9497, 3.3.2 and 2.2.1. */
PLATESIEVE_API struct platesieve_result platesieve_voprf_evaluate(const struct platesieve_voprf_key *key,
                                                                  const struct platesieve_element *blinded,
                                                                  size_t count, struct platesieve_element *evaluated,
                                                                  struct platesieve_voprf_proof *proof);

/* The same without a proof. */
PLATESIEVE_API struct platesieve_result platesieve_voprf_evaluate_unverified(const struct platesieve_voprf_key *key,
                                                                             const struct platesieve_element *blinded,
                                                                             size_t count,
                                                                             struct platesieve_element *evaluated);

/* What tells seed NUMBER (1 to PLATESIEVE_KEY_SERVERS) of a ceremony from any other, and does not tell the seed. */
PLATESIEVE_API void platesieve_seed_commitment(unsigned number, const uint8_t seed[PLATESIEVE_SEED_BYTES],
                                               uint8_t commitment[PLATESIEVE_COMMITMENT_BYTES]);

/* The name of the ceremony that dealt the seeds with these commitments, in order of their numbers. */
PLATESIEVE_API void
platesieve_ceremony_id(const uint8_t commitments[PLATESIEVE_KEY_SERVERS][PLATESIEVE_COMMITMENT_BYTES],
                       uint8_t id[PLATESIEVE_CEREMONY_ID_BYTES]);

/* -- the client ---------------------------------------------------------------------------------------------------- */

/* Messages under way, with their blinds, in locked memory.  One thread at a time. */
struct platesieve_voprf_batch;

/* Blinds COUNT messages (1 to PLATESIEVE_VOPRF_BATCH_MAX), each with a blind of its own.  They are copied; the
   caller wipes its own. */
PLATESIEVE_API struct platesieve_result platesieve_voprf_begin(const struct platesieve_message *messages, size_t count,
                                                               struct platesieve_voprf_batch **batch);
PLATESIEVE_API void platesieve_voprf_batch_destroy(struct platesieve_voprf_batch *batch); /* wipes; NULL is fine */

/* The same for who does it all day, without locking memory for each batch: make room once for CAPACITY messages (1 to
   PLATESIEVE_VOPRF_BATCH_MAX), blind up to as many in it, again and again, and clear it as soon as they are through.
   What blinding fails for leaves an empty batch, and so does clearing. */
PLATESIEVE_API struct platesieve_result platesieve_voprf_batch_create(size_t capacity,
                                                                      struct platesieve_voprf_batch **batch);
PLATESIEVE_API struct platesieve_result platesieve_voprf_blind(struct platesieve_voprf_batch *batch,
                                                               const struct platesieve_message *messages,
                                                               size_t count);
PLATESIEVE_API void platesieve_voprf_batch_clear(struct platesieve_voprf_batch *batch); /* wipes */

/* The blinded elements, in the order of the messages, as many as there were messages: what goes to a key server, or
   to several.  They belong to the batch. */
PLATESIEVE_API const struct platesieve_element *platesieve_voprf_blinded(const struct platesieve_voprf_batch *batch);

/* Verifies what the key server answered under PUBLIC_KEY, and makes the tokens, as many as there were messages.
   COUNT elements came; another number than was asked for is PLATESIEVE_BAD_ARGUMENT.  PLATESIEVE_BAD_PROOF: the
   server does not have this key, evaluated something else, or changed the order.  On failure TOKENS are zero and the
   batch can be asked for again, elsewhere. */
PLATESIEVE_API struct platesieve_result platesieve_voprf_finish(struct platesieve_voprf_batch *batch,
                                                                const struct platesieve_element *public_key,
                                                                const struct platesieve_element *evaluated,
                                                                size_t count,
                                                                const struct platesieve_voprf_proof *proof,
                                                                struct platesieve_token *tokens);

/* -- two of three -------------------------------------------------------------------------------------------------- */

/* What a client knows of an epoch whose key is shared.  Filled by platesieve_voprf_shares_check. */
struct platesieve_voprf_shares {
    struct platesieve_element public_key;                     /* the pinned one, of the whole key */
    struct platesieve_element shares[PLATESIEVE_KEY_SERVERS]; /* shares[i] is that of server i + 1 */
    bool good[PLATESIEVE_KEY_SERVERS];                        /* belongs to the public key */
};

/* Holds the public shares that the servers told (SHARES[i] of server i + 1; NULL: it told none) against the public
   key that was pinned.  Any two that lie on one line with it are good, and then a third that does not is named by
   good[] being false; where only two were told and do not fit, nobody can say which is wrong, and neither is good.
   PLATESIEVE_BAD_SHARE when fewer than two are good. */
PLATESIEVE_API struct platesieve_result platesieve_voprf_shares_check(
    const struct platesieve_element *public_key, const struct platesieve_element *const shares[PLATESIEVE_KEY_SERVERS],
    struct platesieve_voprf_shares *checked);

/* What one server answered. */
struct platesieve_voprf_answer {
    unsigned server; /* 1 to PLATESIEVE_KEY_SERVERS */
    size_t count;    /* of `evaluated` */
    const struct platesieve_element *evaluated;
    const struct platesieve_voprf_proof *proof;
};

/* platesieve_voprf_finish with the answers of two servers, whose shares must be good.  *AT_FAULT, unless it is NULL,
   is the server whose answer failed, or 0.  The tokens are those of the whole key. */
PLATESIEVE_API struct platesieve_result platesieve_voprf_finish_shares(struct platesieve_voprf_batch *batch,
                                                                       const struct platesieve_voprf_shares *shares,
                                                                       const struct platesieve_voprf_answer answers[2],
                                                                       struct platesieve_token *tokens,
                                                                       unsigned *at_fault);

/* What the whole key makes of an element, from what the shares of servers A and B (1 to PLATESIEVE_KEY_SERVERS,
   different) made of it.  From two public shares: the public key, which is how a ceremony learns what to pin. */
PLATESIEVE_API struct platesieve_result platesieve_voprf_combine(unsigned a, const struct platesieve_element *of_a,
                                                                 unsigned b, const struct platesieve_element *of_b,
                                                                 struct platesieve_element *whole);

#ifdef __cplusplus
}
#endif

#endif
