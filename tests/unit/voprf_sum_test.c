/* Weighted sums: libdecaf's are libsodium's, whatever the weights, and both refuse the same. */
#include "tests/unit/voprf_scene.h"

#define COUNT_MAX PLATESIEVE_VOPRF_BATCH_MAX

struct sum {
    uint8_t weights[COUNT_MAX][VOPRF_SCALAR_BYTES];
    struct platesieve_element elements[COUNT_MAX];
};

static void draw(struct sum *sum, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        crypto_core_ristretto255_scalar_random(sum->weights[i]);
        crypto_core_ristretto255_random(sum->elements[i].bytes);
    }
}

static void assert_same(const struct sum *sum, size_t count)
{
    struct platesieve_element one, other;

    assert_true(voprf_weighted_sum(sum->weights, sum->elements, count, &one));
    assert_true(voprf_weighted_sum_by_sodium(sum->weights, sum->elements, count, &other));
    assert_memory_equal(&one, &other, sizeof one);
}

static void counts(void **state)
{
    static const size_t sizes[] = { 1, 2, 3, 31, 32, 33, 63, 64, 65, 255, 256 };
    static struct sum sum;

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        draw(&sum, sizes[i]);
        assert_same(&sum, sizes[i]);
    }
}

/* All of one bit, all but one, runs across the windows' edges, and the highest scalar there is. */
static void odd_weights(void **state)
{
    struct sum sum = { 0 };
    uint8_t one[VOPRF_SCALAR_BYTES], wide[crypto_core_ristretto255_NONREDUCEDSCALARBYTES];

    (void)state;
    voprf_small_scalar(1, one);
    draw(&sum, 2);
    for (unsigned bit = 0; bit < 253; bit++) {
        memset(wide, 0, sizeof wide);
        wide[bit / 8] = (uint8_t)(1u << bit % 8);
        crypto_core_ristretto255_scalar_reduce(sum.weights[0], wide);
        crypto_core_ristretto255_scalar_sub(sum.weights[1], sum.weights[0], one);
        if (sodium_is_zero(sum.weights[1], sizeof sum.weights[1]))
            continue;
        assert_same(&sum, 2);
        crypto_core_ristretto255_scalar_negate(sum.weights[0], sum.weights[0]);
        assert_same(&sum, 2);
    }
    for (unsigned number = 1; number < 256; number++) {
        voprf_small_scalar(number, sum.weights[0]);
        crypto_core_ristretto255_scalar_negate(sum.weights[1], sum.weights[0]);
        assert_same(&sum, 2);
    }
}

/* Equal, opposite and repeated summands: where additions that are not complete go wrong. */
static void related_elements(void **state)
{
    struct sum sum = { 0 };
    struct platesieve_element identity = { { 0 } }, total;

    (void)state;
    draw(&sum, 1);
    for (size_t i = 1; i < 40; i++)
        sum.elements[i] = sum.elements[0];
    for (size_t i = 1; i < 40; i++)
        memcpy(sum.weights[i], sum.weights[0], sizeof sum.weights[0]);
    assert_same(&sum, 40);
    crypto_core_ristretto255_scalar_negate(sum.weights[1], sum.weights[0]);
    assert_true(voprf_weighted_sum(sum.weights, sum.elements, 2, &total));
    assert_memory_equal(&total, &identity, sizeof total);
    assert_same(&sum, 2);
    assert_same(&sum, 3);
    voprf_generator(&sum.elements[0]);
    voprf_small_scalar(1, sum.weights[0]);
    assert_true(voprf_weighted_sum(sum.weights, sum.elements, 1, &total));
    assert_memory_equal(&total, &sum.elements[0], sizeof total);
    assert_true(voprf_multiply_base(sum.weights[0], &total));
    assert_memory_equal(&total, &sum.elements[0], sizeof total);
}

/* The field's order more, the highest bit, the identity, and what is no square: at each place. */
static void refused(void **state)
{
    static const char *const bad[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "f3ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371",
        "4eac077a713c57b4f4397629a4145982c661f48044dd3f96427d40b147d9742f",
    };
    static struct sum sum;
    struct platesieve_element total;

    (void)state;
    draw(&sum, 35);
    for (size_t place = 0; place < 35; place++) {
        const struct platesieve_element right = sum.elements[place];
        uint8_t weight[VOPRF_SCALAR_BYTES];

        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
            hex_into(bad[i], sum.elements[place].bytes, sizeof sum.elements[place].bytes);
            assert_false(voprf_weighted_sum(sum.weights, sum.elements, 35, &total));
            assert_false(voprf_weighted_sum_by_sodium(sum.weights, sum.elements, 35, &total));
        }
        sum.elements[place] = right;
        sum.elements[place].bytes[PLATESIEVE_ELEMENT_BYTES - 1] |= 0x80;
        assert_false(voprf_weighted_sum(sum.weights, sum.elements, 35, &total));
        sum.elements[place] = right;
        memcpy(weight, sum.weights[place], sizeof weight);
        memset(sum.weights[place], 0, sizeof weight);
        assert_false(voprf_weighted_sum(sum.weights, sum.elements, 35, &total));
        assert_false(voprf_weighted_sum_by_sodium(sum.weights, sum.elements, 35, &total));
        memcpy(sum.weights[place], weight, sizeof weight);
    }
    assert_same(&sum, 35);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts),
        cmocka_unit_test(odd_weights),
        cmocka_unit_test(related_elements),
        cmocka_unit_test(refused),
    };

    return platesieve_failed(platesieve_init()) ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
