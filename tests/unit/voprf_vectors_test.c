/* The second suite against the official vectors of RFC 9497 and RFC 9380, and against the worked example of
   docs/protocol.md, which an implementation of our own in plain integers made. */
#include <jansson.h>

#include "tests/unit/shared.h"
#include "tests/unit/voprf_scene.h"

#define BATCH_OF_VECTORS 2
#define EXPANDED_MAX 128

static json_t *load(const char *name)
{
    FILE *file = shared_open(name);
    json_t *json;

    if (file == NULL)
        return NULL;
    json = json_loadf(file, 0, NULL);
    fclose(file);
    assert_non_null(json);
    return json;
}

static const char *member(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    assert_non_null(text);
    return text;
}

/* Field INDEX of a list with commas. */
static void field(const json_t *vector, const char *name, size_t index, void *out, size_t size)
{
    const char *text = member(vector, name);
    char one[2 * VOPRF_OUTPUT_BYTES + 1];

    for (; index > 0; index--) {
        text = strchr(text, ',');
        assert_non_null(text++);
    }
    assert_int_equal(strcspn(text, ","), 2 * size);
    assert_true(2 * size < sizeof one);
    snprintf(one, sizeof one, "%.*s", (int)(2 * size), text);
    hex_into(one, out, size);
}

static void message_of(const json_t *vector, size_t index, struct platesieve_message *message)
{
    const char *text = member(vector, "Input");
    size_t length;

    while (index-- > 0)
        text = strchr(text, ',') + 1;
    length = strcspn(text, ",") / 2;
    *message = (struct platesieve_message){ .length = (uint8_t)length };
    field(vector, "Input", text == member(vector, "Input") ? 0 : 1, message->bytes, length);
}

/* Blinds as the vector says. */
static struct platesieve_voprf_batch *batch_of(enum voprf_mode mode, const json_t *vector, size_t count)
{
    uint8_t blinds[BATCH_OF_VECTORS][VOPRF_SCALAR_BYTES];
    struct platesieve_message messages[BATCH_OF_VECTORS];
    struct platesieve_element expected;
    struct platesieve_voprf_batch *batch;

    assert_true(count <= BATCH_OF_VECTORS);
    for (size_t i = 0; i < count; i++) {
        field(vector, "Blind", i, blinds[i], sizeof blinds[i]);
        message_of(vector, i, &messages[i]);
    }
    assert_good(voprf_begin(mode, messages, count, (const uint8_t(*)[VOPRF_SCALAR_BYTES])blinds, &batch));
    for (size_t i = 0; i < count; i++) {
        field(vector, "BlindedElement", i, expected.bytes, sizeof expected.bytes);
        assert_memory_equal(&platesieve_voprf_blinded(batch)[i], &expected, sizeof expected);
    }
    return batch;
}

static void check_proof(const struct platesieve_voprf_key *key, struct platesieve_voprf_batch *batch,
                        const json_t *vector, const struct platesieve_element *evaluated, size_t count)
{
    struct platesieve_element again[BATCH_OF_VECTORS];
    struct platesieve_token tokens[BATCH_OF_VECTORS];
    struct platesieve_voprf_proof proof, expected;
    uint8_t output[VOPRF_OUTPUT_BYTES];
    struct voprf_proving proving;

    field(json_object_get(vector, "Proof"), "r", 0, proving.nonce, sizeof proving.nonce);
    field(json_object_get(vector, "Proof"), "proof", 0, expected.bytes, sizeof expected.bytes);
    assert_good(voprf_evaluate(key, platesieve_voprf_blinded(batch), count, &proving, again, &proof));
    assert_memory_equal(again, evaluated, count * sizeof *evaluated);
    assert_memory_equal(&proof, &expected, sizeof proof);
    assert_good(platesieve_voprf_finish(batch, &key->public_key, evaluated, count, &proof, tokens));
    for (size_t i = 0; i < count; i++) {
        field(vector, "Output", i, output, sizeof output);
        assert_memory_equal(tokens[i].token, output, 16);
        assert_memory_equal(tokens[i].proof_key, output + 16, 16);
    }
}

static void check_vector(enum voprf_mode mode, const struct platesieve_voprf_key *key, const json_t *vector)
{
    size_t count = (size_t)json_integer_value(json_object_get(vector, "Batch"));
    struct platesieve_voprf_batch *batch = batch_of(mode, vector, count);
    struct platesieve_element evaluated[BATCH_OF_VECTORS], expected, unblinded;
    uint8_t output[VOPRF_OUTPUT_BYTES], expected_output[VOPRF_OUTPUT_BYTES];
    const struct voprf_part whole = { .evaluated = evaluated };

    assert_good(platesieve_voprf_evaluate_unverified(key, platesieve_voprf_blinded(batch), count, evaluated));
    for (size_t i = 0; i < count; i++) {
        field(vector, "EvaluationElement", i, expected.bytes, sizeof expected.bytes);
        assert_memory_equal(&evaluated[i], &expected, sizeof expected);
        assert_true(voprf_unblind(batch, i, &whole, 1, &unblinded));
        voprf_finalize(&batch->items[i].message, &unblinded, output);
        field(vector, "Output", i, expected_output, sizeof expected_output);
        assert_memory_equal(output, expected_output, sizeof output);
    }
    if (mode == VOPRF_MODE_VOPRF)
        check_proof(key, batch, vector, evaluated, count);
    platesieve_voprf_batch_destroy(batch);
}

static struct platesieve_voprf_key *key_of(enum voprf_mode mode, const json_t *suite)
{
    uint8_t seed[PLATESIEVE_SEED_BYTES], info[VOPRF_INFO_MAX];
    struct platesieve_voprf_key *key;
    size_t size = strlen(member(suite, "keyInfo")) / 2;

    hex_into(member(suite, "seed"), seed, sizeof seed);
    hex_into(member(suite, "keyInfo"), info, size);
    assert_good(voprf_key_derive(mode, seed, info, size, &key));
    assert_hex(key->scalar, sizeof key->scalar, member(suite, "skSm"));
    if (mode == VOPRF_MODE_VOPRF)
        assert_hex(&key->public_key, sizeof key->public_key, member(suite, "pkSm"));
    return key;
}

static void check_mode(enum voprf_mode mode, size_t vectors)
{
    json_t *all = load("vectors/rfc9497/allVectors.json"), *suite, *vector;
    size_t i, j, checked = 0;

    if (all == NULL)
        skip();
    json_array_foreach(all, i, suite) {
        struct platesieve_voprf_key *key;

        if (strcmp(member(suite, "identifier"), "ristretto255-SHA512") != 0 ||
            json_integer_value(json_object_get(suite, "mode")) != mode)
            continue;
        key = key_of(mode, suite);
        json_array_foreach(json_object_get(suite, "vectors"), j, vector) {
            check_vector(mode, key, vector);
            checked++;
        }
        platesieve_voprf_key_destroy(key);
    }
    assert_int_equal(checked, vectors);
    json_decref(all);
}

static void test_oprf(void **state)
{
    (void)state;
    check_mode(VOPRF_MODE_OPRF, 2);
}

static void test_voprf(void **state)
{
    (void)state;
    check_mode(VOPRF_MODE_VOPRF, 3);
}

static void test_expand_message(void **state)
{
    json_t *whole = load("vectors/h2c/expand_message_xmd_SHA512_38.json"), *vector;
    struct voprf_bytes tag = { .size = 0 };
    uint8_t out[EXPANDED_MAX];
    size_t i;

    (void)state;
    if (whole == NULL)
        skip();
    voprf_add_text(&tag, member(whole, "DST"));
    json_array_foreach(json_object_get(whole, "tests"), i, vector) {
        const char *message = member(vector, "msg");
        size_t size = strtoul(member(vector, "len_in_bytes"), NULL, 16);

        assert_true(size <= sizeof out);
        voprf_expand(message, strlen(message), &tag, out, size);
        assert_hex(out, size, member(vector, "uniform_bytes"));
    }
    assert_int_equal(i, 10);
    json_decref(whole);
}

/* -- the documents ------------------------------------------------------------------------------------------------- */

static void test_example_key(void **state)
{
    struct platesieve_voprf_key *key = example_key();
    struct platesieve_element public_key = platesieve_voprf_public_key(key);
    uint8_t key_id[PLATESIEVE_KEY_ID_BYTES];

    (void)state;
    assert_hex(key->scalar, 32, "34e02b95453b49c2a3546900ee9e6d576d0e69f0aca0ba09938ec3e86d67500c");
    assert_hex(&public_key, 32, "6ee73846986b9c25c1a7581b6d39b4ae493b0df8ed74098704d3192b22d55031");
    assert_good(platesieve_voprf_key_id(&public_key, key_id));
    assert_hex(key_id, sizeof key_id, "41d0bcefc9cf24c79b04edef2405542f");
    platesieve_voprf_key_destroy(key);
}

static void test_example_tokens(void **state)
{
    struct platesieve_voprf_key *key = example_key();
    struct platesieve_message messages[2];
    struct platesieve_voprf_batch *batch;
    struct platesieve_element element, evaluated[2];
    struct platesieve_voprf_proof proof;
    struct platesieve_token tokens[2];
    struct voprf_proving proving;
    uint8_t blinds[2][VOPRF_SCALAR_BYTES];

    (void)state;
    repeated(1, blinds[0]);
    repeated(2, blinds[1]);
    repeated(3, proving.nonce);
    example_messages(messages);
    element = voprf_hash_to_group(VOPRF_MODE_VOPRF, messages[0].bytes, messages[0].length);
    assert_hex(element.bytes, 32, "b4af546932a480d125029e59ddd3366ed65ad15e215769dc9e8dec980bb18f7f");
    assert_good(voprf_begin(VOPRF_MODE_VOPRF, messages, 2, (const uint8_t(*)[VOPRF_SCALAR_BYTES])blinds, &batch));
    assert_hex(batch->blinded[0].bytes, 32, "46fc7f43b2170d50b416278974d416eb58c7cae50da5cc0ceffe3287226e0c2d");
    assert_hex(batch->blinded[1].bytes, 32, "542fa725fb821baca2ef90821adfbcc32d2b8e9bc5ea64fb721a56991dbd6430");
    assert_good(voprf_evaluate(key, batch->blinded, 2, &proving, evaluated, &proof));
    assert_hex(evaluated[0].bytes, 32, "3009a2b261bc7d7d2cde2c99ee7cabac853a61181f4cfa24da52036a1a7e9010");
    assert_hex(evaluated[1].bytes, 32, "cea14674a3ebec19945942c080279efc5a30282839fc16becabf6d29039fd62f");
    assert_hex(proof.bytes, 64,
               "03f0d0a213a5ba9340bba058c4c77e89199e59d10bcdcec4401b71a20166d009"
               "ff2b9b39f5d0410928eddab879efbc7a1a18cb53de6c9e501d0ceaed2f68dd08");
    assert_good(platesieve_voprf_finish(batch, &key->public_key, evaluated, 2, &proof, tokens));
    assert_hex(tokens[0].token, 16, "e984be68df5b19a8e891f28a13bd9cd5");
    assert_hex(tokens[0].proof_key, 16, "1a9796cb836e5c53f99e4310eaef4289");
    assert_hex(tokens[1].token, 16, "d5f6496e8a0ff5e5e9f1f8367a07c05b");
    platesieve_voprf_batch_destroy(batch);
    platesieve_voprf_key_destroy(key);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_oprf),           cmocka_unit_test(test_voprf),
        cmocka_unit_test(test_expand_message), cmocka_unit_test(test_example_key),
        cmocka_unit_test(test_example_tokens),
    };

    return platesieve_failed(platesieve_init()) ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
