/* Batches that are used again and again, and where proofs are made. */
#include "tests/unit/voprf_scene.h"

#define CAPACITY 8

static struct platesieve_result round_trip(struct platesieve_voprf_batch *batch, size_t count,
                                           struct platesieve_token *tokens)
{
    struct platesieve_voprf_key *key = example_key();
    const struct platesieve_element public_key = platesieve_voprf_public_key(key);
    struct platesieve_element evaluated[CAPACITY];
    struct platesieve_voprf_proof proof;
    struct platesieve_result result;

    assert_good(platesieve_voprf_evaluate(key, platesieve_voprf_blinded(batch), count, evaluated, &proof));
    result = platesieve_voprf_finish(batch, &public_key, evaluated, count, &proof, tokens);
    platesieve_voprf_key_destroy(key);
    return result;
}

/* More, fewer, and as many as before: each time the tokens of a fresh batch, under other blinds. */
static void used_again(void **state)
{
    static const size_t counts[] = { 2, 8, 1, 3, 3 };
    struct platesieve_message messages[CAPACITY];
    struct platesieve_element before[CAPACITY] = { 0 };
    struct platesieve_voprf_batch *batch, *fresh;

    (void)state;
    many_messages(messages, CAPACITY);
    assert_good(platesieve_voprf_batch_create(CAPACITY, &batch));
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        const size_t size = counts[i] * sizeof(struct platesieve_token);
        struct platesieve_token tokens[CAPACITY], expected[CAPACITY];

        assert_good(platesieve_voprf_blind(batch, messages, counts[i]));
        assert_good(round_trip(batch, counts[i], tokens));
        assert_good(platesieve_voprf_begin(messages, counts[i], &fresh));
        assert_good(round_trip(fresh, counts[i], expected));
        platesieve_voprf_batch_destroy(fresh);
        assert_memory_equal(tokens, expected, size);
        for (size_t j = 0; j < counts[i]; j++)
            assert_memory_not_equal(&platesieve_voprf_blinded(batch)[j], &before[j], sizeof before[j]);
        memcpy(before, platesieve_voprf_blinded(batch), counts[i] * sizeof *before);
    }
    platesieve_voprf_batch_destroy(batch);
}

static void cleared(void **state)
{
    struct platesieve_message messages[2];
    struct platesieve_element evaluated[CAPACITY] = { 0 };
    const struct platesieve_voprf_proof proof = { { 1 } };
    struct platesieve_token token;
    struct platesieve_voprf_batch *batch;

    (void)state;
    example_messages(messages);
    assert_good(platesieve_voprf_batch_create(CAPACITY, &batch));
    assert_good(platesieve_voprf_blind(batch, messages, 2));
    platesieve_voprf_batch_clear(batch);
    assert_true(sodium_is_zero((const uint8_t *)batch->items, CAPACITY * sizeof *batch->items));
    assert_true(sodium_is_zero((const uint8_t *)batch->blinded, CAPACITY * sizeof *batch->blinded));
    assert_refused(platesieve_voprf_finish(batch, &evaluated[0], evaluated, 0, &proof, &token),
                   PLATESIEVE_BAD_ARGUMENT);
    platesieve_voprf_batch_clear(batch);
    platesieve_voprf_batch_destroy(batch);
}

static void bounds(void **state)
{
    struct platesieve_message messages[CAPACITY + 1];
    struct platesieve_voprf_batch *batch;

    (void)state;
    many_messages(messages, CAPACITY + 1);
    assert_refused(platesieve_voprf_batch_create(0, &batch), PLATESIEVE_BAD_ARGUMENT);
    assert_null(batch);
    assert_refused(platesieve_voprf_batch_create(PLATESIEVE_VOPRF_BATCH_MAX + 1, &batch), PLATESIEVE_BAD_ARGUMENT);
    assert_null(batch);
    assert_good(platesieve_voprf_batch_create(CAPACITY, &batch));
    assert_good(platesieve_voprf_blind(batch, messages, CAPACITY));
    assert_refused(platesieve_voprf_blind(batch, messages, 0), PLATESIEVE_BAD_ARGUMENT);
    assert_refused(platesieve_voprf_blind(batch, messages, CAPACITY + 1), PLATESIEVE_BAD_ARGUMENT);
    messages[1].length = PLATESIEVE_MESSAGE_MAX + 1;
    assert_refused(platesieve_voprf_blind(batch, messages, 2), PLATESIEVE_BAD_ARGUMENT);
    assert_int_equal(batch->count, 0);
    platesieve_voprf_batch_destroy(batch);
}

/* Nothing of a proof stays where it was made; and with every place taken it is made elsewhere. */
static void desk(void **state)
{
    struct platesieve_voprf_key *key = example_key();
    struct platesieve_element elements[2], evaluated[2];
    struct platesieve_voprf_proof proofs[2];

    (void)state;
    for (size_t i = 0; i < 2; i++)
        crypto_core_ristretto255_random(elements[i].bytes);
    assert_good(platesieve_voprf_evaluate(key, elements, 2, evaluated, &proofs[0]));
    assert_int_equal(atomic_load(&key->desk->taken), 0);
    atomic_store(&key->desk->taken, UINT32_MAX);
    assert_good(platesieve_voprf_evaluate(key, elements, 2, evaluated, &proofs[1]));
    assert_int_equal(atomic_load(&key->desk->taken), UINT32_MAX);
    assert_true(sodium_is_zero((const uint8_t *)key->desk->places, sizeof key->desk->places));
    assert_memory_not_equal(&proofs[0], &proofs[1], sizeof proofs[0]);
    for (size_t i = 0; i < 2; i++)
        assert_good(voprf_verify(&key->public_key, elements, evaluated, 2, &proofs[i]));
    platesieve_voprf_key_destroy(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(used_again),
        cmocka_unit_test(cleared),
        cmocka_unit_test(bounds),
        cmocka_unit_test(desk),
    };

    return platesieve_failed(platesieve_init()) ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
