/* The second suite between a client and a key server, and what both refuse. */
#include "tests/unit/voprf_scene.h"

#define SIZES 64

/* No encodings of an element: RFC 9496, A.3, and the identity, which is one but is refused. */
static const char *const bad_elements[] = {
    "0000000000000000000000000000000000000000000000000000000000000000", /* the identity */
    "00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", /* not canonical */
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "f3ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0100000000000000000000000000000000000000000000000000000000000000", /* negative */
    "01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ed57ffd8c914fb201471d1c3d245ce3c746fcbe63a3679d51b6a516ebebe0e20",
    "c34c4e1826e5d403b78e246e88aa051c36ccf0aafebffe137d148a2bf9104562",
    "26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371", /* not a square */
    "4eac077a713c57b4f4397629a4145982c661f48044dd3f96427d40b147d9742f",
    "de6a7b00deadc788eb6b6c8d20c0ae96c2f2019078fa604fee5b87d6e989ad87",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", /* s = -1 */
    "0000000000000000000000000000000000000000000000000000000000000080", /* the identity and the highest bit */
};

/* The group's order, little-endian. */
static const char order[] = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";

/* A batch of two under way and rightly answered. */
struct talk {
    struct platesieve_voprf_key *key;
    struct platesieve_element public_key;
    struct platesieve_voprf_batch *batch;
    struct platesieve_element evaluated[2];
    struct platesieve_voprf_proof proof;
};

static int begin_talk(void **state)
{
    static struct talk talk;
    struct platesieve_message messages[2];

    talk.key = example_key();
    talk.public_key = platesieve_voprf_public_key(talk.key);
    example_messages(messages);
    assert_good(platesieve_voprf_begin(messages, 2, &talk.batch));
    assert_good(
        platesieve_voprf_evaluate(talk.key, platesieve_voprf_blinded(talk.batch), 2, talk.evaluated, &talk.proof));
    *state = &talk;
    return 0;
}

static int end_talk(void **state)
{
    struct talk *talk = *state;

    platesieve_voprf_batch_destroy(talk->batch);
    platesieve_voprf_key_destroy(talk->key);
    return 0;
}

static struct platesieve_result finish(struct talk *talk, struct platesieve_token tokens[2])
{
    return platesieve_voprf_finish(talk->batch, &talk->public_key, talk->evaluated, 2, &talk->proof, tokens);
}

/* The client refuses, gives no token, and takes the right answer afterwards. */
static void assert_client_refuses(struct talk *talk, struct platesieve_element *place,
                                  const struct platesieve_element *changed, enum platesieve_reason why)
{
    struct platesieve_element right = *place;
    struct platesieve_token tokens[2];

    memset(tokens, 0xff, sizeof tokens);
    *place = *changed;
    assert_refused(finish(talk, tokens), why);
    assert_true(sodium_is_zero((const uint8_t *)tokens, sizeof tokens));
    *place = right;
    assert_good(finish(talk, tokens));
    assert_hex(tokens[0].token, 16, "e984be68df5b19a8e891f28a13bd9cd5");
}

static void test_round(void **state)
{
    struct platesieve_token tokens[2];

    assert_good(finish(*state, tokens));
    assert_hex(tokens[0].token, 16, "e984be68df5b19a8e891f28a13bd9cd5");
    assert_hex(tokens[0].proof_key, 16, "1a9796cb836e5c53f99e4310eaef4289");
    assert_hex(tokens[1].token, 16, "d5f6496e8a0ff5e5e9f1f8367a07c05b");
}

/* -- what is refused ----------------------------------------------------------------------------------------------- */

static void test_bad_elements(void **state)
{
    struct talk *talk = *state;

    for (size_t i = 0; i < ARRAY_LENGTH(bad_elements); i++) {
        struct platesieve_element elements[2] = { platesieve_voprf_blinded(talk->batch)[0] }, out[2];
        struct platesieve_voprf_proof proof;
        uint8_t key_id[PLATESIEVE_KEY_ID_BYTES];

        hex_into(bad_elements[i], elements[1].bytes, 32);
        assert_false(voprf_element_is_good(&elements[1]));
        memset(out, 0xff, sizeof out);
        assert_refused(platesieve_voprf_evaluate(talk->key, elements, 2, out, &proof), PLATESIEVE_BAD_ELEMENT);
        assert_true(sodium_is_zero((const uint8_t *)out, sizeof out) &&
                    sodium_is_zero(proof.bytes, sizeof proof.bytes));
        assert_refused(platesieve_voprf_evaluate_unverified(talk->key, elements, 2, out), PLATESIEVE_BAD_ELEMENT);
        assert_refused(platesieve_voprf_key_id(&elements[1], key_id), PLATESIEVE_BAD_ELEMENT);
        assert_client_refuses(talk, &talk->evaluated[0], &elements[1], PLATESIEVE_BAD_ELEMENT);
        assert_client_refuses(talk, &talk->evaluated[1], &elements[1], PLATESIEVE_BAD_ELEMENT);
        assert_client_refuses(talk, &talk->public_key, &elements[1], PLATESIEVE_BAD_ELEMENT);
    }
}

/* libsodium 1.0.18 takes an element whose highest bit is set for the same one without it. */
static void test_highest_bit(void **state)
{
    struct talk *talk = *state;
    struct platesieve_element element = platesieve_voprf_blinded(talk->batch)[0], out;
    struct platesieve_voprf_proof proof;
    uint8_t key_id[PLATESIEVE_KEY_ID_BYTES];

    element.bytes[31] |= 0x80;
    assert_refused(platesieve_voprf_evaluate(talk->key, &element, 1, &out, &proof), PLATESIEVE_BAD_ELEMENT);
    assert_refused(platesieve_voprf_evaluate_unverified(talk->key, &element, 1, &out), PLATESIEVE_BAD_ELEMENT);
    element = talk->evaluated[0];
    element.bytes[31] |= 0x80;
    assert_client_refuses(talk, &talk->evaluated[0], &element, PLATESIEVE_BAD_ELEMENT);
    assert_refused(platesieve_voprf_combine(1, &element, 2, &talk->evaluated[1], &out), PLATESIEVE_BAD_ELEMENT);
    element = talk->public_key;
    element.bytes[31] |= 0x80;
    assert_refused(platesieve_voprf_key_id(&element, key_id), PLATESIEVE_BAD_ELEMENT);
    assert_client_refuses(talk, &talk->public_key, &element, PLATESIEVE_BAD_ELEMENT);
}

static void test_every_bit_of_the_proof_counts(void **state)
{
    struct talk *talk = *state;
    struct platesieve_token tokens[2];

    for (size_t bit = 0; bit < 8 * sizeof talk->proof.bytes; bit += 7) {
        talk->proof.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_refused(finish(talk, tokens), PLATESIEVE_BAD_PROOF);
        talk->proof.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_good(finish(talk, tokens));
}

/* The same scalar plus the order would do as well if it were not refused. */
static void test_scalars_are_canonical(void **state)
{
    struct talk *talk = *state;
    struct platesieve_voprf_proof right = talk->proof;
    uint8_t q[VOPRF_SCALAR_BYTES];
    struct platesieve_token tokens[2];

    hex_into(order, q, sizeof q);
    assert_false(voprf_scalar_is_canonical(q));
    q[0]--;
    assert_true(voprf_scalar_is_canonical(q));
    q[0]++;
    for (size_t half = 0; half < 2; half++) {
        uint8_t *scalar = talk->proof.bytes + half * VOPRF_SCALAR_BYTES;

        sodium_add(scalar, q, sizeof q);
        assert_refused(finish(talk, tokens), PLATESIEVE_BAD_PROOF);
        memcpy(scalar, q, sizeof q);
        assert_refused(finish(talk, tokens), PLATESIEVE_BAD_PROOF);
        memset(scalar, 0, sizeof q);
        assert_refused(finish(talk, tokens), PLATESIEVE_BAD_PROOF);
        memset(scalar, 0xff, sizeof q);
        assert_refused(finish(talk, tokens), PLATESIEVE_BAD_PROOF);
        talk->proof = right;
        scalar[VOPRF_SCALAR_BYTES - 1] |= 0x80; /* the bit that multiplication masks */
        assert_refused(finish(talk, tokens), PLATESIEVE_BAD_PROOF);
        talk->proof = right;
    }
    assert_good(finish(talk, tokens));
}

static void test_swapped_order(void **state)
{
    struct talk *talk = *state;
    struct platesieve_element first = talk->evaluated[0];
    struct platesieve_token tokens[2];

    talk->evaluated[0] = talk->evaluated[1];
    talk->evaluated[1] = first;
    assert_refused(finish(talk, tokens), PLATESIEVE_BAD_PROOF);
    assert_true(sodium_is_zero((const uint8_t *)tokens, sizeof tokens));
}

static void test_another_element(void **state)
{
    struct talk *talk = *state;
    struct platesieve_element changed;

    crypto_core_ristretto255_random(changed.bytes);
    assert_client_refuses(talk, &talk->evaluated[1], &changed, PLATESIEVE_BAD_PROOF);
    assert_client_refuses(talk, &talk->evaluated[1], &talk->evaluated[0], PLATESIEVE_BAD_PROOF);
    assert_client_refuses(talk, &talk->evaluated[1], &platesieve_voprf_blinded(talk->batch)[1], PLATESIEVE_BAD_PROOF);
}

/* A server with a key of its own: its proof is right, for another key. */
static void test_another_key(void **state)
{
    struct talk *talk = *state;
    uint8_t seed[PLATESIEVE_SEED_BYTES] = { 7 };
    struct platesieve_voprf_key *other;
    struct platesieve_element evaluated[2];
    struct platesieve_voprf_proof proof;
    struct platesieve_token tokens[2], right[2];

    assert_good(finish(talk, right));
    assert_good(platesieve_voprf_key_derive(seed, EPOCH, &other));
    assert_good(platesieve_voprf_evaluate(other, platesieve_voprf_blinded(talk->batch), 2, evaluated, &proof));
    assert_refused(platesieve_voprf_finish(talk->batch, &talk->public_key, evaluated, 2, &proof, tokens),
                   PLATESIEVE_BAD_PROOF);
    assert_refused(platesieve_voprf_finish(talk->batch, &talk->public_key, evaluated, 2, &talk->proof, tokens),
                   PLATESIEVE_BAD_PROOF);
    assert_refused(platesieve_voprf_finish(talk->batch, &talk->public_key, talk->evaluated, 2, &proof, tokens),
                   PLATESIEVE_BAD_PROOF);
    assert_good(platesieve_voprf_finish(talk->batch, &other->public_key, evaluated, 2, &proof, tokens));
    assert_memory_not_equal(tokens[0].token, right[0].token, 16);
    assert_client_refuses(talk, &talk->public_key, &other->public_key, PLATESIEVE_BAD_PROOF);
    platesieve_voprf_key_destroy(other);
}

/* The answer to one batch is none to another of the same messages. */
static void test_another_batch(void **state)
{
    struct talk *talk = *state;
    struct platesieve_message messages[3];
    struct platesieve_element evaluated[3];
    struct platesieve_voprf_proof proof;
    struct platesieve_voprf_batch *other;
    struct platesieve_token tokens[3];

    example_messages(messages);
    messages[2] = messages[1];
    assert_good(platesieve_voprf_begin(messages, 2, &other));
    assert_refused(platesieve_voprf_finish(other, &talk->public_key, talk->evaluated, 2, &talk->proof, tokens),
                   PLATESIEVE_BAD_PROOF);
    platesieve_voprf_batch_destroy(other);
    assert_good(platesieve_voprf_begin(messages, 3, &other));
    memset(tokens, 0xff, sizeof tokens);
    assert_refused(platesieve_voprf_finish(other, &talk->public_key, talk->evaluated, 2, &talk->proof, tokens),
                   PLATESIEVE_BAD_ARGUMENT);
    assert_true(sodium_is_zero((const uint8_t *)tokens, sizeof tokens));
    assert_good(platesieve_voprf_evaluate(talk->key, platesieve_voprf_blinded(other), 3, evaluated, &proof));
    assert_refused(platesieve_voprf_finish(talk->batch, &talk->public_key, evaluated, 3, &proof, tokens),
                   PLATESIEVE_BAD_ARGUMENT);
    assert_refused(platesieve_voprf_finish(talk->batch, &talk->public_key, evaluated, 2, &proof, tokens),
                   PLATESIEVE_BAD_PROOF);
    assert_refused(platesieve_voprf_finish(talk->batch, &talk->public_key, evaluated, 0, &proof, tokens),
                   PLATESIEVE_BAD_ARGUMENT);
    platesieve_voprf_batch_destroy(other);
}

static void test_counts(void **state)
{
    struct talk *talk = *state;
    static struct platesieve_message messages[PLATESIEVE_VOPRF_BATCH_MAX + 1];
    static struct platesieve_element elements[PLATESIEVE_VOPRF_BATCH_MAX + 1], out[PLATESIEVE_VOPRF_BATCH_MAX + 1];
    struct platesieve_voprf_batch *batch;
    struct platesieve_voprf_proof proof;

    many_messages(messages, ARRAY_LENGTH(messages));
    assert_refused(platesieve_voprf_begin(messages, 0, &batch), PLATESIEVE_BAD_ARGUMENT);
    assert_refused(platesieve_voprf_begin(messages, ARRAY_LENGTH(messages), &batch), PLATESIEVE_BAD_ARGUMENT);
    assert_null(batch);
    messages[1].length = PLATESIEVE_MESSAGE_MAX + 1;
    assert_refused(platesieve_voprf_begin(messages, 2, &batch), PLATESIEVE_BAD_ARGUMENT);
    assert_refused(platesieve_voprf_evaluate(talk->key, elements, 0, out, &proof), PLATESIEVE_BAD_ARGUMENT);
    assert_refused(platesieve_voprf_evaluate(talk->key, elements, ARRAY_LENGTH(elements), out, &proof),
                   PLATESIEVE_BAD_ARGUMENT);
    assert_refused(platesieve_voprf_evaluate_unverified(talk->key, elements, 0, out), PLATESIEVE_BAD_ARGUMENT);
    assert_refused(platesieve_voprf_evaluate_unverified(talk->key, elements, ARRAY_LENGTH(elements), out),
                   PLATESIEVE_BAD_ARGUMENT);
    platesieve_voprf_batch_destroy(NULL);
    platesieve_voprf_key_destroy(NULL);
}

static void test_no_key_of_zero(void **state)
{
    struct platesieve_voprf_key *key;

    (void)state;
    assert_good(voprf_key_allocate(&key));
    assert_refused(voprf_key_finish(&key), PLATESIEVE_BAD_ARGUMENT);
    assert_null(key);
    assert_good(voprf_key_allocate(&key));
    hex_into(order, key->scalar, sizeof key->scalar);
    key->scalar[0]++; /* one, but for the order */
    assert_refused(voprf_key_finish(&key), PLATESIEVE_BAD_ARGUMENT);
}

/* -- batches ------------------------------------------------------------------------------------------------------- */

static void check_size(const struct platesieve_voprf_key *key, const struct platesieve_message *messages, size_t count,
                       struct platesieve_token *tokens)
{
    static struct platesieve_element evaluated[PLATESIEVE_VOPRF_BATCH_MAX];
    struct platesieve_voprf_batch *batch;
    struct platesieve_voprf_proof proof;

    assert_good(platesieve_voprf_begin(messages, count, &batch));
    for (size_t i = 0; i < count; i++)
        assert_true(sodium_is_zero(batch->items[i].blind, VOPRF_SCALAR_BYTES));
    assert_good(platesieve_voprf_evaluate(key, platesieve_voprf_blinded(batch), count, evaluated, &proof));
    assert_good(platesieve_voprf_finish(batch, &key->public_key, evaluated, count, &proof, tokens));
    platesieve_voprf_batch_destroy(batch);
}

static void test_sizes(void **state)
{
    static struct platesieve_message messages[PLATESIEVE_VOPRF_BATCH_MAX];
    static struct platesieve_token all[PLATESIEVE_VOPRF_BATCH_MAX], tokens[PLATESIEVE_VOPRF_BATCH_MAX];
    struct talk *talk = *state;

    many_messages(messages, ARRAY_LENGTH(messages));
    check_size(talk->key, messages, ARRAY_LENGTH(messages), all);
    for (size_t i = 1; i < ARRAY_LENGTH(messages); i++)
        assert_memory_not_equal(all[i].token, all[i - 1].token, sizeof all[i].token);
    for (size_t size = 1; size <= SIZES; size++) {
        check_size(talk->key, messages + size, size, tokens);
        assert_memory_equal(tokens, all + size, size * sizeof *tokens);
    }
}

/* Nobody sees that a message was asked for twice. */
static void test_blinds_differ(void **state)
{
    struct platesieve_message messages[2];
    struct platesieve_voprf_batch *one, *two;

    (void)state;
    example_messages(messages);
    messages[1] = messages[0];
    assert_good(platesieve_voprf_begin(messages, 2, &one));
    assert_good(platesieve_voprf_begin(messages, 2, &two));
    assert_memory_not_equal(&platesieve_voprf_blinded(one)[0], &platesieve_voprf_blinded(one)[1], 32);
    assert_memory_not_equal(&platesieve_voprf_blinded(one)[0], &platesieve_voprf_blinded(two)[0], 32);
    assert_memory_not_equal(&platesieve_voprf_blinded(one)[1], &platesieve_voprf_blinded(two)[1], 32);
    platesieve_voprf_batch_destroy(one);
    platesieve_voprf_batch_destroy(two);
}

static void test_unverified_is_the_same(void **state)
{
    struct talk *talk = *state;
    struct platesieve_element evaluated[2];
    struct platesieve_voprf_proof proof;

    assert_good(platesieve_voprf_evaluate_unverified(talk->key, platesieve_voprf_blinded(talk->batch), 2, evaluated));
    assert_memory_equal(evaluated, talk->evaluated, sizeof evaluated);
    /* Another proof of the same, with another nonce: it would tell the key if it were not. */
    assert_good(platesieve_voprf_evaluate(talk->key, platesieve_voprf_blinded(talk->batch), 2, evaluated, &proof));
    assert_memory_not_equal(proof.bytes, talk->proof.bytes, sizeof proof.bytes);
}

/* -- keys ---------------------------------------------------------------------------------------------------------- */

static void test_keys(void **state)
{
    struct talk *talk = *state;
    uint8_t seed[PLATESIEVE_SEED_BYTES];
    struct platesieve_voprf_key *other;
    char long_id[LIMIT_EPOCH_ID_MAX + 2];

    counting(0, seed);
    assert_good(platesieve_voprf_key_derive(seed, "20261123T000000Z", &other));
    assert_memory_not_equal(&other->public_key, &talk->public_key, 32);
    platesieve_voprf_key_destroy(other);
    seed[31] ^= 1;
    assert_good(platesieve_voprf_key_derive(seed, EPOCH, &other));
    assert_memory_not_equal(&other->public_key, &talk->public_key, 32);
    platesieve_voprf_key_destroy(other);
    memset(long_id, 'x', sizeof long_id);
    long_id[LIMIT_EPOCH_ID_MAX + 1] = 0;
    assert_refused(platesieve_voprf_key_derive(seed, "", &other), PLATESIEVE_BAD_ARGUMENT);
    assert_refused(platesieve_voprf_key_derive(seed, long_id, &other), PLATESIEVE_BAD_ARGUMENT);
    assert_null(other);
    long_id[LIMIT_EPOCH_ID_MAX] = 0;
    assert_good(platesieve_voprf_key_derive(seed, long_id, &other));
    platesieve_voprf_key_destroy(other);
}

static void test_suite(void **state)
{
    uint8_t key[PLATESIEVE_KEY_BYTES] = { 1 };
    enum platesieve_suite suite;
    struct platesieve_prf *prf;

    (void)state;
    assert_true(platesieve_suite_parse("voprf-ristretto255-sha512", &suite));
    assert_int_equal(suite, PLATESIEVE_VOPRF_RISTRETTO255_SHA512);
    assert_string_equal(platesieve_suite_name(suite), "voprf-ristretto255-sha512");
    assert_refused(platesieve_prf_create(suite, key, &prf), PLATESIEVE_BAD_ARGUMENT);
    assert_null(prf);
}

int main(void)
{
#define TALK_TEST(function) cmocka_unit_test_setup_teardown(function, begin_talk, end_talk)
    static const struct CMUnitTest tests[] = {
        TALK_TEST(test_round),
        TALK_TEST(test_bad_elements),
        TALK_TEST(test_highest_bit),
        TALK_TEST(test_every_bit_of_the_proof_counts),
        TALK_TEST(test_scalars_are_canonical),
        TALK_TEST(test_swapped_order),
        TALK_TEST(test_another_element),
        TALK_TEST(test_another_key),
        TALK_TEST(test_another_batch),
        TALK_TEST(test_counts),
        cmocka_unit_test(test_no_key_of_zero),
        TALK_TEST(test_sizes),
        cmocka_unit_test(test_blinds_differ),
        TALK_TEST(test_unverified_is_the_same),
        TALK_TEST(test_keys),
        cmocka_unit_test(test_suite),
    };

    return platesieve_failed(platesieve_init()) ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
