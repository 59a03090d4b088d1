/* RFC 9497, OPRF(ristretto255, SHA-512), modes 0 (OPRF) and 1 (VOPRF): what its files share.  Inside the library
   only; the public side, which is mode 1 alone, is <platesieve/voprf.h>. */
#ifndef VOPRF_H
#define VOPRF_H

#include <platesieve/platesieve.h>

#include <assert.h>
#include <sodium.h>
#include <stdatomic.h>

#define VOPRF_SCALAR_BYTES crypto_core_ristretto255_SCALARBYTES
#define VOPRF_OUTPUT_BYTES crypto_hash_sha512_BYTES
#define VOPRF_STACK_BYTES 8192 /* what libsodium's arithmetic leaves below a caller: tables, digits of a scalar */
#define VOPRF_INFO_MAX 96      /* bytes of DeriveKeyPair's info */

static_assert(PLATESIEVE_ELEMENT_BYTES == crypto_core_ristretto255_BYTES, "an element is libsodium's");
static_assert(PLATESIEVE_VOPRF_PROOF_BYTES == 2 * VOPRF_SCALAR_BYTES, "a proof is two scalars");

enum voprf_mode {
    VOPRF_MODE_OPRF = 0,
    VOPRF_MODE_VOPRF = 1,
};

/* -- hashing (voprf_hash.c) ---------------------------------------------------------------------------------------- */

/* What is hashed, or a domain separation tag, put together piece by piece; the longest is a challenge, 179 bytes. */
struct voprf_bytes {
    size_t size;
    uint8_t bytes[192];
};

void voprf_add(struct voprf_bytes *to, const void *bytes, size_t size);
void voprf_add_text(struct voprf_bytes *to, const char *text);
/* I2OSP(number, 2) */
void voprf_add_number(struct voprf_bytes *to, size_t number);
/* I2OSP(size, 2) and the bytes */
void voprf_add_sized(struct voprf_bytes *to, const void *bytes, size_t size);

/* LABEL and the context string of MODE (RFC 9497, 3.1). */
struct voprf_bytes voprf_tag(const char *label, enum voprf_mode mode);

/* expand_message_xmd with SHA-512 (RFC 9380, 5.3.1).  SIZE is at most 255 * 64. */
void voprf_expand(const void *message, size_t message_size, const struct voprf_bytes *tag, uint8_t *out, size_t size);

/* HashToGroup, and HashToScalar under a tag (RFC 9497, 4.1). */
struct platesieve_element voprf_hash_to_group(enum voprf_mode mode, const void *message, size_t size);
void voprf_hash_to_scalar(const struct voprf_bytes *tag, const struct voprf_bytes *input,
                          uint8_t scalar[VOPRF_SCALAR_BYTES]);

/* Finalize (RFC 9497, 3.3.1) of a message of at most PLATESIEVE_MESSAGE_MAX bytes: the PRF's whole output. */
void voprf_finalize(const struct platesieve_message *message, const struct platesieve_element *unblinded,
                    uint8_t output[VOPRF_OUTPUT_BYTES]);

/* -- the group (voprf_group.c, voprf_sum.c) ------------------------------------------------------------------------ */

/* Below the group's order, in constant time; zero is canonical. */
bool voprf_scalar_is_canonical(const uint8_t scalar[VOPRF_SCALAR_BYTES]);
/* False, with PRODUCT zero, for an element that is not canonical or the identity, and for the scalar zero.  SCALAR
   is canonical.  Takes the same time for each scalar. */
bool voprf_multiply(const uint8_t scalar[VOPRF_SCALAR_BYTES], const struct platesieve_element *element,
                    struct platesieve_element *product);
bool voprf_multiply_base(const uint8_t scalar[VOPRF_SCALAR_BYTES], struct platesieve_element *product);
/* RFC 9496, A.1. */
void voprf_generator(struct platesieve_element *generator);
/* False for an element that is not canonical.  SUM may be one of the summands. */
bool voprf_sum(const struct platesieve_element *left, const struct platesieve_element *right,
               struct platesieve_element *sum);
/* Σ weights[i] * elements[i], of what is public: the time depends on it.  False for an element that is not canonical or
   the identity, and for a weight of zero; the weights are canonical.  The sum may be the identity. */
bool voprf_weighted_sum(const uint8_t (*weights)[VOPRF_SCALAR_BYTES], const struct platesieve_element *elements,
                        size_t count, struct platesieve_element *sum);
/* The same by libsodium alone: where libdecaf is not there, and what it is held against. */
bool voprf_weighted_sum_by_sodium(const uint8_t (*weights)[VOPRF_SCALAR_BYTES],
                                  const struct platesieve_element *elements, size_t count,
                                  struct platesieve_element *sum);
bool voprf_element_is_good(const struct platesieve_element *element);
void voprf_small_scalar(unsigned number, uint8_t scalar[VOPRF_SCALAR_BYTES]);

/* -- proofs (voprf_proof.c) ---------------------------------------------------------------------------------------- */

/* What proving needs and nobody may learn; in locked memory. */
struct voprf_proving {
    uint8_t nonce[VOPRF_SCALAR_BYTES];   /* random, used once */
    uint8_t product[VOPRF_SCALAR_BYTES]; /* scratch */
};

/* GenerateProof and VerifyProof (RFC 9497, 2.2) over the generator and the public key, mode 1. */
struct platesieve_result voprf_prove(const uint8_t key[VOPRF_SCALAR_BYTES],
                                     const struct platesieve_element *public_key,
                                     const struct platesieve_element *blinded,
                                     const struct platesieve_element *evaluated, size_t count,
                                     struct voprf_proving *proving, struct platesieve_voprf_proof *proof);
struct platesieve_result voprf_verify(const struct platesieve_element *public_key,
                                      const struct platesieve_element *blinded,
                                      const struct platesieve_element *evaluated, size_t count,
                                      const struct platesieve_voprf_proof *proof);

/* -- keys (voprf_key.c) -------------------------------------------------------------------------------------------- */

#define VOPRF_DESK_PLACES 32

/* Where proofs are made, one thread at each place: allocating locked memory for each costs as much as an element. */
struct voprf_desk {
    atomic_uint_least32_t taken; /* a bit for each place */
    struct voprf_proving places[VOPRF_DESK_PLACES];
};

struct platesieve_voprf_key {
    uint8_t scalar[VOPRF_SCALAR_BYTES];
    struct platesieve_element public_key;
    struct voprf_desk *desk; /* behind it, in the same memory */
};

/* A key with its scalar still to be set; then voprf_key_finish, which destroys it when the scalar is no key. */
struct platesieve_result voprf_key_allocate(struct platesieve_voprf_key **key);
struct platesieve_result voprf_key_finish(struct platesieve_voprf_key **key);

/* DeriveKeyPair (RFC 9497, 3.2.1): info of at most VOPRF_INFO_MAX bytes. */
struct platesieve_result voprf_key_derive(enum voprf_mode mode, const uint8_t seed[PLATESIEVE_SEED_BYTES],
                                          const void *info, size_t size, struct platesieve_voprf_key **key);

/* platesieve_voprf_evaluate with a nonce that was drawn already. */
struct platesieve_result voprf_evaluate(const struct platesieve_voprf_key *key,
                                        const struct platesieve_element *blinded, size_t count,
                                        struct voprf_proving *proving, struct platesieve_element *evaluated,
                                        struct platesieve_voprf_proof *proof);

/* -- batches (voprf_batch.c) --------------------------------------------------------------------------------------- */

struct voprf_item {
    uint8_t blind[VOPRF_SCALAR_BYTES]; /* wiped once its inverse is known */
    uint8_t inverse[VOPRF_SCALAR_BYTES];
    struct platesieve_message message;
};

struct platesieve_voprf_batch {
    size_t count, capacity; /* count 0: there are no messages in it */
    uint8_t scratch[VOPRF_SCALAR_BYTES];
    struct platesieve_element *blinded; /* behind the items */
    struct voprf_item items[];
};

/* platesieve_voprf_begin in any mode, with BLINDS (COUNT scalars, none zero) or, if that is NULL, with random ones. */
struct platesieve_result voprf_blind(enum voprf_mode mode, struct platesieve_voprf_batch *batch,
                                     const struct platesieve_message *messages, size_t count,
                                     const uint8_t (*blinds)[VOPRF_SCALAR_BYTES]);
struct platesieve_result voprf_begin(enum voprf_mode mode, const struct platesieve_message *messages, size_t count,
                                     const uint8_t (*blinds)[VOPRF_SCALAR_BYTES],
                                     struct platesieve_voprf_batch **batch);

/* An evaluation of the batch, and by what its elements are multiplied before they are added to the other parts;
   NULL: by one. */
struct voprf_part {
    const struct platesieve_element *evaluated;
    const uint8_t *coefficient;
};

/* Takes the blind off element INDEX of the sum of PARTS. */
bool voprf_unblind(struct platesieve_voprf_batch *batch, size_t index, const struct voprf_part *parts, size_t count,
                   struct platesieve_element *unblinded);
/* All tokens of the sum of PARTS, which were verified. */
struct platesieve_result voprf_tokens(struct platesieve_voprf_batch *batch, const struct voprf_part *parts,
                                      size_t count, struct platesieve_token *tokens);

#endif
