/* The proof that a batch was evaluated with the key of a public key: equality of discrete logarithms (RFC 9497,
   2.2).  The names A, B, C, D, M, Z of the RFC are the generator, the public key, the blinded and the evaluated
   elements, and the two composites. */
#include "crypto/voprf.h"

static struct voprf_bytes composite_seed(const struct platesieve_element *public_key)
{
    const struct voprf_bytes tag = voprf_tag("Seed-", VOPRF_MODE_VOPRF);
    struct voprf_bytes input = { .size = 0 }, seed = { .size = crypto_hash_sha512_BYTES };

    voprf_add_sized(&input, public_key->bytes, sizeof public_key->bytes);
    voprf_add_sized(&input, tag.bytes, tag.size);
    crypto_hash_sha512(seed.bytes, input.bytes, input.size);
    return seed;
}

/* ComputeComposites, or without Z (NULL), which the holder of the key has more cheaply, ComputeCompositesFast.
   False when an element is bad. */
static bool composites(const struct platesieve_element *public_key, const struct platesieve_element *blinded,
                       const struct platesieve_element *evaluated, size_t count, struct platesieve_element *m,
                       struct platesieve_element *z)
{
    const struct voprf_bytes tag = voprf_tag("HashToScalar-", VOPRF_MODE_VOPRF), seed = composite_seed(public_key);
    uint8_t weights[PLATESIEVE_VOPRF_BATCH_MAX][VOPRF_SCALAR_BYTES];

    assert(count >= 1 && count <= PLATESIEVE_VOPRF_BATCH_MAX);
    for (size_t i = 0; i < count; i++) {
        struct voprf_bytes input = { .size = 0 };

        voprf_add_sized(&input, seed.bytes, seed.size);
        voprf_add_number(&input, i);
        voprf_add_sized(&input, blinded[i].bytes, sizeof blinded[i].bytes);
        voprf_add_sized(&input, evaluated[i].bytes, sizeof evaluated[i].bytes);
        voprf_add_text(&input, "Composite");
        voprf_hash_to_scalar(&tag, &input, weights[i]);
    }
    return voprf_weighted_sum(weights, blinded, count, m) &&
           (z == NULL || voprf_weighted_sum(weights, evaluated, count, z));
}

static void challenge(const struct platesieve_element *public_key, const struct platesieve_element *m,
                      const struct platesieve_element *z, const struct platesieve_element *t2,
                      const struct platesieve_element *t3, uint8_t scalar[VOPRF_SCALAR_BYTES])
{
    const struct platesieve_element *const elements[] = { public_key, m, z, t2, t3 };
    const struct voprf_bytes tag = voprf_tag("HashToScalar-", VOPRF_MODE_VOPRF);
    struct voprf_bytes input = { .size = 0 };

    for (size_t i = 0; i < sizeof elements / sizeof *elements; i++)
        voprf_add_sized(&input, elements[i]->bytes, sizeof elements[i]->bytes);
    voprf_add_text(&input, "Challenge");
    voprf_hash_to_scalar(&tag, &input, scalar);
}

struct platesieve_result voprf_prove(const uint8_t key[VOPRF_SCALAR_BYTES],
                                     const struct platesieve_element *public_key,
                                     const struct platesieve_element *blinded,
                                     const struct platesieve_element *evaluated, size_t count,
                                     struct voprf_proving *proving, struct platesieve_voprf_proof *proof)
{
    uint8_t *c = proof->bytes, *s = proof->bytes + VOPRF_SCALAR_BYTES;
    struct platesieve_element m, z, t2, t3;

    if (!composites(public_key, blinded, evaluated, count, &m, NULL) || !voprf_multiply(key, &m, &z))
        return (struct platesieve_result){ PLATESIEVE_BAD_ELEMENT };
    if (!voprf_multiply_base(proving->nonce, &t2) || !voprf_multiply(proving->nonce, &m, &t3))
        return (struct platesieve_result){ PLATESIEVE_BAD_ARGUMENT };
    challenge(public_key, &m, &z, &t2, &t3, c);
    crypto_core_ristretto255_scalar_mul(proving->product, c, key);
    crypto_core_ristretto255_scalar_sub(s, proving->nonce, proving->product);
    return (struct platesieve_result){ PLATESIEVE_OK };
}

/* t2 = s A + c B and t3 = s M + c Z.  An honest proof has c or s zero with a chance of 2^-252; that fails here. */
static bool commitments(const uint8_t *c, const uint8_t *s, const struct platesieve_element *public_key,
                        const struct platesieve_element *m, const struct platesieve_element *z,
                        struct platesieve_element *t2, struct platesieve_element *t3)
{
    const struct platesieve_element of_t3[2] = { *m, *z };
    struct platesieve_element of_t2[2] = { [1] = *public_key };
    uint8_t weights[2][VOPRF_SCALAR_BYTES];

    voprf_generator(&of_t2[0]);
    memcpy(weights[0], s, VOPRF_SCALAR_BYTES);
    memcpy(weights[1], c, VOPRF_SCALAR_BYTES);
    return voprf_weighted_sum(weights, of_t2, 2, t2) && voprf_weighted_sum(weights, of_t3, 2, t3);
}

struct platesieve_result voprf_verify(const struct platesieve_element *public_key,
                                      const struct platesieve_element *blinded,
                                      const struct platesieve_element *evaluated, size_t count,
                                      const struct platesieve_voprf_proof *proof)
{
    const uint8_t *c = proof->bytes, *s = proof->bytes + VOPRF_SCALAR_BYTES;
    struct platesieve_element m, z, t2, t3;
    uint8_t expected[VOPRF_SCALAR_BYTES];

    if (!voprf_scalar_is_canonical(c) || !voprf_scalar_is_canonical(s))
        return (struct platesieve_result){ PLATESIEVE_BAD_PROOF };
    if (!voprf_element_is_good(public_key) || !composites(public_key, blinded, evaluated, count, &m, &z))
        return (struct platesieve_result){ PLATESIEVE_BAD_ELEMENT };
    if (!commitments(c, s, public_key, &m, &z, &t2, &t3))
        return (struct platesieve_result){ PLATESIEVE_BAD_PROOF };
    challenge(public_key, &m, &z, &t2, &t3, expected);
    if (sodium_memcmp(expected, c, sizeof expected) != 0)
        return (struct platesieve_result){ PLATESIEVE_BAD_PROOF };
    return (struct platesieve_result){ PLATESIEVE_OK };
}
