/* Weighted sums of elements, of which a proof needs two: made of nothing but what client and server both know, so in
   whatever time it takes.

   libsodium has no addition that does not decode and encode, so with it each summand costs a multiplication and an
   addition.  libdecaf's points stay decoded: a summand costs a decoding and some fifty additions, a third of that. */
#include "crypto/voprf.h"

bool voprf_weighted_sum_by_sodium(const uint8_t (*weights)[VOPRF_SCALAR_BYTES],
                                  const struct platesieve_element *elements, size_t count,
                                  struct platesieve_element *sum)
{
    struct platesieve_element total = { { 0 } }, product;

    for (size_t i = 0; i < count; i++) {
        if (!voprf_multiply(weights[i], &elements[i], &product))
            return false;
        if (i == 0)
            total = product;
        else if (!voprf_sum(&total, &product, &total))
            return false;
    }
    *sum = total;
    return true;
}

#ifdef HAVE_DECAF
#include <decaf/point_255.h> /* its group is ristretto255, RFC 9496 */

#define WINDOW_BITS 5
#define MULTIPLES (1 << (WINDOW_BITS - 2)) /* of each element: 1, 3, 5 … 15 */
#define BLOCK 32                           /* elements that share their doublings; their multiples take 40 KB */
#define DIGITS (8 * VOPRF_SCALAR_BYTES)

static_assert(DECAF_255_SER_BYTES == PLATESIEVE_ELEMENT_BYTES, "libdecaf's encoding is as long");

struct summand {
    decaf_255_point_t multiples[MULTIPLES];
    int8_t digits[DIGITS];
};

static unsigned window_at(const uint8_t scalar[VOPRF_SCALAR_BYTES], size_t bit)
{
    const size_t byte = bit / 8;
    const unsigned wide = scalar[byte] | (byte + 1 < VOPRF_SCALAR_BYTES ? (unsigned)scalar[byte + 1] << 8 : 0);

    return wide >> bit % 8 & ((1u << WINDOW_BITS) - 1);
}

/* SCALAR = Σ digits[i] 2^i with digits that are zero or odd, between -15 and 15, and at least four zeroes after each
   that is not zero. */
static void recode(const uint8_t scalar[VOPRF_SCALAR_BYTES], int8_t digits[DIGITS])
{
    unsigned carry = 0;

    memset(digits, 0, DIGITS);
    for (size_t i = 0; i < DIGITS;) {
        const unsigned value = window_at(scalar, i) + carry;

        if (value % 2 == 0) { /* the carry stays what it is: 0 + 0 or 1 + 1 */
            i++;
            continue;
        }
        carry = value > 1u << (WINDOW_BITS - 1);
        digits[i] = (int8_t)((int)value - (carry != 0 ? 1 << WINDOW_BITS : 0));
        i += WINDOW_BITS;
    }
    assert(carry == 0); /* a scalar has 253 bits */
}

static bool prepare(const uint8_t weight[VOPRF_SCALAR_BYTES], const struct platesieve_element *element,
                    struct summand *summand)
{
    decaf_255_point_t twice;

    if (decaf_255_point_decode(summand->multiples[0], element->bytes, DECAF_FALSE) != DECAF_SUCCESS)
        return false;
    decaf_255_point_double(twice, summand->multiples[0]);
    for (size_t i = 1; i < MULTIPLES; i++)
        decaf_255_point_add(summand->multiples[i], summand->multiples[i - 1], twice);
    recode(weight, summand->digits);
    return true;
}

/* Straus's way: all summands of a block share the doublings. */
static void add_block(struct summand *summands, size_t count, decaf_255_point_t total)
{
    decaf_255_point_t sum;

    decaf_255_point_copy(sum, decaf_255_point_identity);
    for (size_t digit = DIGITS; digit-- > 0;) {
        decaf_255_point_double(sum, sum);
        for (size_t i = 0; i < count; i++) {
            const int value = summands[i].digits[digit];

            if (value > 0)
                decaf_255_point_add(sum, sum, summands[i].multiples[value / 2]);
            if (value < 0)
                decaf_255_point_sub(sum, sum, summands[i].multiples[-value / 2]);
        }
    }
    decaf_255_point_add(total, total, sum);
}

bool voprf_weighted_sum(const uint8_t (*weights)[VOPRF_SCALAR_BYTES], const struct platesieve_element *elements,
                        size_t count, struct platesieve_element *sum)
{
    struct summand summands[BLOCK];
    decaf_255_point_t total;

    decaf_255_point_copy(total, decaf_255_point_identity);
    for (size_t done = 0, part; done < count; done += part) {
        part = count - done < BLOCK ? count - done : BLOCK;
        for (size_t i = 0; i < part; i++)
            if (sodium_is_zero(weights[done + i], VOPRF_SCALAR_BYTES) ||
                !prepare(weights[done + i], &elements[done + i], &summands[i]))
                return false;
        add_block(summands, part, total);
    }
    decaf_255_point_encode(sum->bytes, total);
    return true;
}

#else

bool voprf_weighted_sum(const uint8_t (*weights)[VOPRF_SCALAR_BYTES], const struct platesieve_element *elements,
                        size_t count, struct platesieve_element *sum)
{
    return voprf_weighted_sum_by_sodium(weights, elements, count, sum);
}

#endif
