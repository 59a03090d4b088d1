/* Two of three: shares, what they make together, and who is caught. */
#include "tests/unit/voprf_scene.h"

#define SERVERS PLATESIEVE_KEY_SERVERS
#define OTHER_EPOCH "20261123T000000Z"

static const unsigned pairs[][2] = { { 1, 2 }, { 2, 1 }, { 1, 3 }, { 3, 1 }, { 2, 3 }, { 3, 2 } };

/* Three servers, a client that knows them, and a batch that each of them answered. */
struct talk {
    struct platesieve_voprf_key *keys[SERVERS];
    struct platesieve_element public_key;
    struct platesieve_voprf_shares shares;
    struct platesieve_voprf_batch *batch;
    struct platesieve_element evaluated[SERVERS][2];
    struct platesieve_voprf_proof proofs[SERVERS];
};

/* From the seeds 40 41 ... 5f, 60 61 ... 7f, 80 81 ... 9f. */
static struct platesieve_voprf_key *share_of(unsigned server, const char *epoch)
{
    uint8_t seeds[SERVERS + 1][PLATESIEVE_SEED_BYTES];
    struct platesieve_voprf_key *key;

    for (unsigned j = 1; j <= SERVERS; j++)
        counting((uint8_t)(0x20 + 0x20 * j), seeds[j]);
    assert_good(
        platesieve_voprf_key_share(server, seeds[server == 1 ? 2 : 1], seeds[server == 3 ? 2 : 3], epoch, &key));
    return key;
}

/* What nobody ever holds. */
static struct platesieve_voprf_key *whole_key(void)
{
    struct platesieve_voprf_key *key;

    assert_good(voprf_key_allocate(&key));
    hex_into("c76691a6a42b06a35e4317b7f00f12191718e6a4bd5fda7ff4db4a154e2ea70b", key->scalar, 32);
    assert_good(voprf_key_finish(&key));
    return key;
}

static struct platesieve_result check_shares(struct talk *talk, const struct platesieve_element *const told[SERVERS])
{
    return platesieve_voprf_shares_check(&talk->public_key, told, &talk->shares);
}

static int begin_talk(void **state)
{
    static struct talk talk;
    const struct platesieve_element *told[SERVERS];
    struct platesieve_message messages[2];

    hex_into("b6d12c2d143d2a0312bd1c63109c8d618e7f6c8cacea457d8ad1609d6b6d9f18", &talk.public_key, 32);
    example_messages(messages);
    assert_good(platesieve_voprf_begin(messages, 2, &talk.batch));
    for (unsigned i = 0; i < SERVERS; i++) {
        talk.keys[i] = share_of(i + 1, EPOCH);
        told[i] = &talk.keys[i]->public_key;
        assert_good(platesieve_voprf_evaluate(talk.keys[i], platesieve_voprf_blinded(talk.batch), 2, talk.evaluated[i],
                                              &talk.proofs[i]));
    }
    assert_good(check_shares(&talk, told));
    *state = &talk;
    return 0;
}

static int end_talk(void **state)
{
    struct talk *talk = *state;

    platesieve_voprf_batch_destroy(talk->batch);
    for (size_t i = 0; i < SERVERS; i++)
        platesieve_voprf_key_destroy(talk->keys[i]);
    return 0;
}

static struct platesieve_voprf_answer answer_of(const struct talk *talk, unsigned server)
{
    return (struct platesieve_voprf_answer){ server, 2, talk->evaluated[server - 1], &talk->proofs[server - 1] };
}

static struct platesieve_result finish(struct talk *talk, unsigned a, unsigned b, struct platesieve_token tokens[2],
                                       unsigned *at_fault)
{
    const struct platesieve_voprf_answer answers[2] = { answer_of(talk, a), answer_of(talk, b) };

    return platesieve_voprf_finish_shares(talk->batch, &talk->shares, answers, tokens, at_fault);
}

/* -- what is right ------------------------------------------------------------------------------------------------- */

static void test_example(void **state)
{
    static const char *const expected[SERVERS][2] = {
        { "3e0df77b8aff9bd809201d84baacc2476077c75de8beef7eac0698f3f53fd00d",
          "80484cf39ac89238315214a3fc7543795b3144d437bc3b447c6683394d7c2971" },
        { "b5b35c5170d3310eb5fc225184497376a9d6a816131e057e6431e5d19d51f90f",
          "caba8f4604f0fd316b877b9a7a09eee47655dc0de4705238b25a3bb44e85b47e" },
        { "3f86ccc93b44b5eb893c317b6fec4490f2358acf3d7d1a7d1c5c32b045632202",
          "6c5437bcbbc50286888ac7ae624cfc3052959bd8aa97bd7f40b0fe66b4dcd105" },
    };
    struct talk *talk = *state;
    uint8_t key_id[PLATESIEVE_KEY_ID_BYTES];

    for (size_t i = 0; i < SERVERS; i++) {
        assert_hex(talk->keys[i]->scalar, 32, expected[i][0]);
        assert_hex(&talk->keys[i]->public_key, 32, expected[i][1]);
    }
    assert_good(platesieve_voprf_key_id(&talk->public_key, key_id));
    assert_hex(key_id, sizeof key_id, "bf159d29e354b81df29149a74fcf51da");
}

static void test_any_two_make_the_tokens_of_the_whole_key(void **state)
{
    struct talk *talk = *state;
    struct platesieve_voprf_key *whole = whole_key();
    struct platesieve_element evaluated[2], combined;
    struct platesieve_voprf_proof proof;
    struct platesieve_token tokens[2], expected[2];
    unsigned at_fault;

    assert_memory_equal(&whole->public_key, &talk->public_key, sizeof talk->public_key);
    assert_good(platesieve_voprf_evaluate(whole, platesieve_voprf_blinded(talk->batch), 2, evaluated, &proof));
    assert_good(platesieve_voprf_finish(talk->batch, &talk->public_key, evaluated, 2, &proof, expected));
    assert_hex(expected[0].token, 16, "fbbbec7568dc96d791adeb1cd2c7355e");
    for (size_t i = 0; i < ARRAY_LENGTH(pairs); i++) {
        const unsigned a = pairs[i][0], b = pairs[i][1];

        assert_good(finish(talk, a, b, tokens, &at_fault));
        assert_int_equal(at_fault, 0);
        assert_memory_equal(tokens, expected, sizeof tokens);
        assert_good(platesieve_voprf_combine(a, &talk->evaluated[a - 1][1], b, &talk->evaluated[b - 1][1], &combined));
        assert_memory_equal(&combined, &evaluated[1], sizeof combined);
        assert_good(
            platesieve_voprf_combine(a, &talk->keys[a - 1]->public_key, b, &talk->keys[b - 1]->public_key, &combined));
        assert_memory_equal(&combined, &talk->public_key, sizeof combined);
    }
    platesieve_voprf_key_destroy(whole);
}

/* A day later, from the same seeds: another key, and again one line. */
static void test_another_epoch(void **state)
{
    struct talk *talk = *state;
    struct platesieve_voprf_key *keys[SERVERS];
    const struct platesieve_element *told[SERVERS];
    struct platesieve_element tomorrow;

    for (unsigned i = 0; i < SERVERS; i++) {
        keys[i] = share_of(i + 1, OTHER_EPOCH);
        told[i] = &keys[i]->public_key;
        assert_memory_not_equal(told[i], &talk->keys[i]->public_key, sizeof *told[i]);
    }
    assert_good(platesieve_voprf_combine(1, told[0], 2, told[1], &tomorrow));
    assert_memory_not_equal(&tomorrow, &talk->public_key, sizeof tomorrow);
    assert_refused(check_shares(talk, told), PLATESIEVE_BAD_SHARE);
    talk->public_key = tomorrow;
    assert_good(check_shares(talk, told));
    assert_true(talk->shares.good[0] && talk->shares.good[1] && talk->shares.good[2]);
    for (size_t i = 0; i < SERVERS; i++)
        platesieve_voprf_key_destroy(keys[i]);
}

/* -- who is caught ------------------------------------------------------------------------------------------------- */

static void test_wrong_share_is_named(void **state)
{
    struct talk *talk = *state;
    struct platesieve_element other;

    crypto_core_ristretto255_random(other.bytes);
    for (size_t wrong = 0; wrong < SERVERS; wrong++) {
        const struct platesieve_element *told[SERVERS];

        for (size_t i = 0; i < SERVERS; i++)
            told[i] = i == wrong ? &other : &talk->keys[i]->public_key;
        assert_good(check_shares(talk, told));
        for (size_t i = 0; i < SERVERS; i++)
            assert_int_equal(talk->shares.good[i], i != wrong);
        told[wrong] = NULL;
        assert_good(check_shares(talk, told));
        assert_false(talk->shares.good[wrong]);
        told[wrong] = &(struct platesieve_element){ { 0 } }; /* the identity */
        assert_good(check_shares(talk, told));
        assert_false(talk->shares.good[wrong]);
        told[wrong] = &other;
        told[(wrong + 1) % SERVERS] = NULL; /* two, of which one is wrong: nobody knows which */
        assert_refused(check_shares(talk, told), PLATESIEVE_BAD_SHARE);
        assert_false(talk->shares.good[0] || talk->shares.good[1] || talk->shares.good[2]);
        told[wrong] = told[(wrong + 2) % SERVERS]; /* a server that repeats another's */
        assert_refused(check_shares(talk, told), PLATESIEVE_BAD_SHARE);
    }
}

static void test_wrong_public_key(void **state)
{
    struct talk *talk = *state;
    const struct platesieve_element *told[SERVERS] = { &talk->keys[0]->public_key, &talk->keys[1]->public_key,
                                                       &talk->keys[2]->public_key };
    const struct platesieve_element *none[SERVERS] = { NULL };

    assert_refused(check_shares(talk, none), PLATESIEVE_BAD_SHARE);
    talk->public_key = *told[0];
    assert_refused(check_shares(talk, told), PLATESIEVE_BAD_SHARE);
    memset(&talk->public_key, 0, sizeof talk->public_key);
    assert_refused(check_shares(talk, told), PLATESIEVE_BAD_ELEMENT);
    assert_refused(check_shares(talk, none), PLATESIEVE_BAD_ELEMENT);
    memset(&talk->public_key, 0xff, sizeof talk->public_key);
    assert_refused(check_shares(talk, told), PLATESIEVE_BAD_ELEMENT);
}

/* Whatever server LIAR does, it is named, and the two others do. */
static void assert_caught(struct talk *talk, unsigned liar, enum platesieve_reason why)
{
    const unsigned honest = liar % SERVERS + 1, third = honest % SERVERS + 1;
    struct platesieve_token tokens[2];
    unsigned at_fault = 99;

    memset(tokens, 0xff, sizeof tokens);
    assert_refused(finish(talk, honest, liar, tokens, &at_fault), why);
    assert_int_equal(at_fault, liar);
    assert_true(sodium_is_zero((const uint8_t *)tokens, sizeof tokens));
    assert_refused(finish(talk, liar, honest, tokens, &at_fault), why);
    assert_int_equal(at_fault, liar);
    assert_refused(finish(talk, liar, honest, tokens, NULL), why);
    assert_good(finish(talk, honest, third, tokens, &at_fault));
    assert_int_equal(at_fault, 0);
    assert_hex(tokens[0].token, 16, "fbbbec7568dc96d791adeb1cd2c7355e");
}

static void test_liar_is_named(void **state)
{
    struct talk *talk = *state;

    for (unsigned liar = 1; liar <= SERVERS; liar++) {
        struct platesieve_element *evaluated = talk->evaluated[liar - 1], right[2] = { evaluated[0], evaluated[1] };
        struct platesieve_voprf_proof *proof = &talk->proofs[liar - 1], right_proof = *proof;
        struct platesieve_voprf_key *yesterday = share_of(liar, OTHER_EPOCH);

        evaluated[0] = right[1];
        evaluated[1] = right[0];
        assert_caught(talk, liar, PLATESIEVE_BAD_PROOF);
        memset(evaluated, 0, sizeof *evaluated);
        assert_caught(talk, liar, PLATESIEVE_BAD_ELEMENT);
        assert_good(platesieve_voprf_evaluate(yesterday, platesieve_voprf_blinded(talk->batch), 2, evaluated, proof));
        assert_caught(talk, liar, PLATESIEVE_BAD_PROOF);
        memcpy(evaluated, talk->evaluated[liar % SERVERS], sizeof right); /* another server's answer */
        *proof = talk->proofs[liar % SERVERS];
        assert_caught(talk, liar, PLATESIEVE_BAD_PROOF);
        memcpy(evaluated, right, sizeof right);
        *proof = right_proof;
        platesieve_voprf_key_destroy(yesterday);
    }
}

static void test_bad_arguments(void **state)
{
    struct talk *talk = *state;
    struct platesieve_voprf_answer answers[2] = { answer_of(talk, 1), answer_of(talk, 2) };
    struct platesieve_element out;
    struct platesieve_token tokens[2];
    unsigned at_fault;

    answers[1].count = 1;
    assert_refused(platesieve_voprf_finish_shares(talk->batch, &talk->shares, answers, tokens, &at_fault),
                   PLATESIEVE_BAD_ARGUMENT);
    assert_int_equal(at_fault, 2);
    assert_refused(finish(talk, 1, 1, tokens, &at_fault), PLATESIEVE_BAD_ARGUMENT);
    assert_int_equal(at_fault, 0);
    talk->shares.good[2] = false;
    assert_refused(finish(talk, 1, 3, tokens, &at_fault), PLATESIEVE_BAD_ARGUMENT);
    for (unsigned server = 0; server <= SERVERS + 1; server += SERVERS + 1) {
        answers[1] = answer_of(talk, 2);
        answers[1].server = server;
        assert_refused(platesieve_voprf_finish_shares(talk->batch, &talk->shares, answers, tokens, NULL),
                       PLATESIEVE_BAD_ARGUMENT);
        assert_refused(platesieve_voprf_combine(1, &talk->public_key, server, &talk->public_key, &out),
                       PLATESIEVE_BAD_ARGUMENT);
    }
    assert_refused(platesieve_voprf_combine(2, &talk->public_key, 2, &talk->public_key, &out),
                   PLATESIEVE_BAD_ARGUMENT);
}

static void test_bad_shares(void **state)
{
    uint8_t seeds[2][PLATESIEVE_SEED_BYTES] = { { 1 }, { 2 } };
    struct platesieve_voprf_key *key;

    (void)state;
    assert_refused(platesieve_voprf_key_share(0, seeds[0], seeds[1], EPOCH, &key), PLATESIEVE_BAD_ARGUMENT);
    assert_refused(platesieve_voprf_key_share(SERVERS + 1, seeds[0], seeds[1], EPOCH, &key), PLATESIEVE_BAD_ARGUMENT);
    assert_refused(platesieve_voprf_key_share(1, seeds[0], seeds[1], "", &key), PLATESIEVE_BAD_ARGUMENT);
    assert_refused(
        platesieve_voprf_key_share(1, seeds[0], seeds[1], "an epoch's id that is longer than 32 bytes", &key),
        PLATESIEVE_BAD_ARGUMENT);
    assert_null(key);
}

/* The elements that cancel: their sum would be the identity. */
static void test_combining_to_nothing(void **state)
{
    struct talk *talk = *state;
    struct platesieve_element doubled, whole;
    uint8_t two[VOPRF_SCALAR_BYTES];

    voprf_small_scalar(2, two);
    assert_true(voprf_multiply(two, &talk->public_key, &doubled)); /* on a line through the identity at 0 */
    assert_refused(platesieve_voprf_combine(1, &talk->public_key, 2, &doubled, &whole), PLATESIEVE_BAD_ELEMENT);
    assert_true(sodium_is_zero(whole.bytes, sizeof whole.bytes));
}

int main(void)
{
#define TALK_TEST(function) cmocka_unit_test_setup_teardown(function, begin_talk, end_talk)
    static const struct CMUnitTest tests[] = {
        TALK_TEST(test_example),
        TALK_TEST(test_any_two_make_the_tokens_of_the_whole_key),
        TALK_TEST(test_another_epoch),
        TALK_TEST(test_wrong_share_is_named),
        TALK_TEST(test_wrong_public_key),
        TALK_TEST(test_liar_is_named),
        TALK_TEST(test_bad_arguments),
        cmocka_unit_test(test_bad_shares),
        TALK_TEST(test_combining_to_nothing),
    };

    return platesieve_failed(platesieve_init()) ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
