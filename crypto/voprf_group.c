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
