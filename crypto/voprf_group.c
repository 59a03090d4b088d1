/* The group ristretto255 (RFC 9496) on libsodium, which leaves some checks to its caller: the identity is a valid
   point to it, a scalar is any 32 bytes, and up to 1.0.18 the highest bit of an element may be set. */
#include "crypto/voprf.h"

static bool highest_bit_is_clear(const struct platesieve_element *element)
{
    return element->bytes[PLATESIEVE_ELEMENT_BYTES - 1] >> 7 == 0;
}

bool voprf_scalar_is_canonical(const uint8_t scalar[VOPRF_SCALAR_BYTES])
{
    uint8_t wide[crypto_core_ristretto255_NONREDUCEDSCALARBYTES] = { 0 }, reduced[VOPRF_SCALAR_BYTES];
    bool canonical;

    memcpy(wide, scalar, VOPRF_SCALAR_BYTES);
    crypto_core_ristretto255_scalar_reduce(reduced, wide);
    canonical = sodium_memcmp(reduced, scalar, VOPRF_SCALAR_BYTES) == 0;
    sodium_memzero(wide, sizeof wide);
    sodium_memzero(reduced, sizeof reduced);
    return canonical;
}

/* libsodium decodes the element, and so refuses what else is not canonical, and it refuses the identity as product.
   The order of the group is prime: nothing but the identity or the scalar zero gives it.  So one decoding is enough. */
bool voprf_multiply(const uint8_t scalar[VOPRF_SCALAR_BYTES], const struct platesieve_element *element,
                    struct platesieve_element *product)
{
    if (highest_bit_is_clear(element) && crypto_scalarmult_ristretto255(product->bytes, scalar, element->bytes) == 0)
        return true;
    sodium_memzero(product, sizeof *product);
    return false;
}

bool voprf_multiply_base(const uint8_t scalar[VOPRF_SCALAR_BYTES], struct platesieve_element *product)
{
    if (crypto_scalarmult_ristretto255_base(product->bytes, scalar) == 0)
        return true;
    sodium_memzero(product, sizeof *product);
    return false;
}

void voprf_generator(struct platesieve_element *generator)
{
    static const uint8_t bytes[PLATESIEVE_ELEMENT_BYTES] = { 0xe2, 0xf2, 0xae, 0x0a, 0x6a, 0xbc, 0x4e, 0x71,
                                                             0xa8, 0x84, 0xa9, 0x61, 0xc5, 0x00, 0x51, 0x5f,
                                                             0x58, 0xe3, 0x0b, 0x6a, 0xa5, 0x82, 0xdd, 0x8d,
                                                             0xb6, 0xa6, 0x59, 0x45, 0xe0, 0x8d, 0x2d, 0x76 };

    memcpy(generator->bytes, bytes, sizeof bytes);
}

bool voprf_sum(const struct platesieve_element *left, const struct platesieve_element *right,
               struct platesieve_element *sum)
{
    return highest_bit_is_clear(left) && highest_bit_is_clear(right) &&
           crypto_core_ristretto255_add(sum->bytes, left->bytes, right->bytes) == 0;
}

bool voprf_element_is_good(const struct platesieve_element *element)
{
    return highest_bit_is_clear(element) && crypto_core_ristretto255_is_valid_point(element->bytes) == 1 &&
           !sodium_is_zero(element->bytes, sizeof element->bytes);
}

void voprf_small_scalar(unsigned number, uint8_t scalar[VOPRF_SCALAR_BYTES])
{
    assert(number <= UINT8_MAX);
    memset(scalar, 0, VOPRF_SCALAR_BYTES);
    scalar[0] = (uint8_t)number;
}
