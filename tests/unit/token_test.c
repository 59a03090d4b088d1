/* Tokens, key ids, tags and slots against values that `openssl mac` made, and HMAC against Wycheproof's vectors. */
#include <platesieve/platesieve.h>

#include <jansson.h>
#include <sodium.h>

#include "crypto/keyed.h"
#include "include/cleanup.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/shared.h"

#define WYCHEPROOF_CASES 174
#define BYTES_MAX 1024

struct bytes {
    unsigned char data[BYTES_MAX];
    size_t size;
};

static struct bytes from_hex(const char *hex)
{
    struct bytes bytes = { .size = 0 };

    assert_int_equal(sodium_hex2bin(bytes.data, sizeof bytes.data, hex, strlen(hex), NULL, &bytes.size, NULL), 0);
    return bytes;
}

static void assert_bytes(const uint8_t *actual, size_t size, const char *hex)
{
    struct bytes expected = from_hex(hex);

    assert_int_equal(size, expected.size);
    assert_memory_equal(actual, expected.data, size);
}

/* Key 00 01 02 ... 1f, plate QQ00QQ0, US-TX. */
static struct platesieve_prf *example_prf(void)
{
    struct platesieve_prf *prf;
    uint8_t key[PLATESIEVE_KEY_BYTES];

    for (size_t i = 0; i < sizeof key; i++)
        key[i] = (uint8_t)i;
    assert_int_equal(platesieve_prf_create(PLATESIEVE_HMAC_SHA256, key, &prf).reason, PLATESIEVE_OK);
    return prf;
}

static size_t example_tokens(const struct platesieve_prf *prf, enum platesieve_grade grade, struct platesieve_token *tokens)
{
    struct platesieve_message messages[PLATESIEVE_NEAR_MAX];
    struct platesieve_jurisdiction texas = { "US-TX" };
    struct platesieve_plate plate;
    size_t count;

    assert_int_equal(platesieve_plate_canonicalise("qq-00 qq0", 9, &plate).reason, PLATESIEVE_OK);
    assert_int_equal(platesieve_messages(&plate, &texas, grade, PLATESIEVE_SIDE_LANE, messages, &count).reason, PLATESIEVE_OK);
    assert_int_equal(platesieve_prf_evaluate(prf, messages, count, tokens).reason, PLATESIEVE_OK);
    return count;
}

static void test_tokens(void **state)
{
    /* printf '%s\0%s\0%s\0%s' platesieve/1 full US-TX QQ00QQ0 | openssl mac -digest SHA256 -macopt hexkey:000102... HMAC */
    static const char *const expected[] = {
        [PLATESIEVE_FULL] = "b61e1aea0b4590af4904c275a5be4e5846bfa5c77bedc6a292b9fb0d86e86243",
        [PLATESIEVE_PLATE] = "54aa8175dff6aaf047c7ce1a6e36abbe906d59b9e9352bb1179ec808cd56c9cb",
        [PLATESIEVE_SIMILAR] = "28afca7ea0ec681e56af754b3c35147cfd1e5604e097cd7d62040540ac725b90",
    };
    struct platesieve_prf *prf = example_prf();
    struct platesieve_token tokens[PLATESIEVE_NEAR_MAX];

    (void)state;
    for (size_t grade = 0; grade < ARRAY_LENGTH(expected); grade++) {
        assert_int_equal(example_tokens(prf, (enum platesieve_grade)grade, tokens), 1);
        assert_bytes((const uint8_t *)&tokens[0], sizeof tokens[0], expected[grade]);
    }
    /* in the order of the texts: +000000, 000000?, ..., =0000000, ?000000 */
    assert_int_equal(example_tokens(prf, PLATESIEVE_NEAR, tokens), 9);
    assert_bytes((const uint8_t *)&tokens[7], sizeof tokens[7], "3c028a6df5ff110745849c9bed423aace2893fcf7f877e3a295d816620d2500f");
    assert_bytes((const uint8_t *)&tokens[8], sizeof tokens[8], "40ea3eb31534167abf473dd6c102f5efea444ee476053f1d3de43833ea12b3af");
    platesieve_prf_destroy(prf);
}

static void test_key_id(void **state)
{
    struct platesieve_prf *prf = example_prf();
    uint8_t key_id[PLATESIEVE_KEY_ID_BYTES];

    (void)state;
    platesieve_prf_key_id(prf, key_id);
    assert_bytes(key_id, sizeof key_id, "c978345ece4390733307a41092e2a2be");
    platesieve_prf_destroy(prf);
}

static void test_tag(void **state)
{
    struct bytes proof_key = from_hex("46bfa5c77bedc6a292b9fb0d86e86243");
    uint8_t tag[PLATESIEVE_TAG_BYTES], other[PLATESIEVE_TAG_BYTES];

    (void)state;
    platesieve_tag(proof_key.data, "stolen", "customs", tag);
    assert_bytes(tag, sizeof tag, "1e05a8488b140785");
    platesieve_tag(proof_key.data, "stolencustoms", "", other);
    assert_memory_not_equal(tag, other, sizeof tag);
    platesieve_tag(proof_key.data, "customs", "stolen", other);
    assert_memory_not_equal(tag, other, sizeof tag);
    proof_key.data[PLATESIEVE_PROOF_KEY_BYTES - 1] ^= 1;
    platesieve_tag(proof_key.data, "stolen", "customs", other);
    assert_memory_not_equal(tag, other, sizeof tag);
}

static void test_slot(void **state)
{
    const uint8_t pepper[PLATESIEVE_KEY_BYTES] = { [PLATESIEVE_KEY_BYTES - 1] = 7 };
    struct bytes token = from_hex("b61e1aea0b4590af4904c275a5be4e58");
    struct platesieve_pepper *made;
    uint8_t slot[PLATESIEVE_SLOT_BYTES];

    (void)state;
    assert_int_equal(platesieve_pepper_create(pepper, "20261122T000000Z", &made).reason, PLATESIEVE_OK);
    for (int i = 0; i < 2; i++) { /* using it leaves it as it was */
        platesieve_slot(made, token.data, slot);
        assert_bytes(slot, sizeof slot, "54a0e250b33b4dfdb65b83dbbd07aea6");
    }
    platesieve_pepper_destroy(made);
    assert_int_equal(platesieve_pepper_create(pepper, "20261123T000000Z", &made).reason, PLATESIEVE_OK);
    platesieve_slot(made, token.data, slot);
    assert_int_not_equal(slot[0], 0x54);
    platesieve_pepper_destroy(made);
}

static void test_bad_arguments(void **state)
{
    const uint8_t key[PLATESIEVE_KEY_BYTES] = { 0 };
    char epoch[LIMIT_EPOCH_ID_MAX + 2] = { 0 };
    struct platesieve_pepper *pepper;
    struct platesieve_prf *prf;
    struct platesieve_message message = { .length = PLATESIEVE_MESSAGE_MAX + 1 };
    struct platesieve_token token;

    (void)state;
    assert_int_equal(platesieve_prf_create((enum platesieve_suite)99, key, &prf).reason, PLATESIEVE_BAD_ARGUMENT);
    assert_null(prf);
    prf = example_prf();
    assert_int_equal(platesieve_prf_evaluate(prf, &message, 1, &token).reason, PLATESIEVE_BAD_ARGUMENT);
    platesieve_prf_destroy(prf);
    assert_int_equal(platesieve_pepper_create(key, "", &pepper).reason, PLATESIEVE_BAD_ARGUMENT);
    memset(epoch, '1', LIMIT_EPOCH_ID_MAX + 1);
    assert_int_equal(platesieve_pepper_create(key, epoch, &pepper).reason, PLATESIEVE_BAD_ARGUMENT);
    assert_null(pepper);
    epoch[LIMIT_EPOCH_ID_MAX] = 0;
    assert_int_equal(platesieve_pepper_create(key, epoch, &pepper).reason, PLATESIEVE_OK);
    platesieve_pepper_destroy(pepper);
    platesieve_pepper_destroy(NULL);
    platesieve_prf_destroy(NULL);
}

static void test_names(void **state)
{
    enum platesieve_suite suite = (enum platesieve_suite)99;

    (void)state;
    assert_string_equal(platesieve_suite_name(PLATESIEVE_HMAC_SHA256), "hmac-sha256");
    assert_true(platesieve_suite_parse("hmac-sha256", &suite));
    assert_int_equal(suite, PLATESIEVE_HMAC_SHA256);
    assert_false(platesieve_suite_parse("hmac-sha1", &suite));
    assert_string_equal(platesieve_suite_name((enum platesieve_suite)99), "unknown");
    assert_string_not_equal(platesieve_reason_text(PLATESIEVE_NOT_A_PLATE), platesieve_reason_text(PLATESIEVE_OK));
    assert_non_null(platesieve_reason_text((enum platesieve_reason)99));
}

static const char *member(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    assert_non_null(text);
    return text;
}

static void check_vector(const json_t *vector, size_t tag_size)
{
    struct bytes key = from_hex(member(vector, "key")), message = from_hex(member(vector, "msg")), tag = from_hex(member(vector, "tag"));
    bool valid = strcmp(member(vector, "result"), "valid") == 0;
    struct keyed keyed;
    uint8_t mac[KEYED_BYTES];

    assert_int_equal(tag.size, tag_size);
    keyed_init(&keyed, key.data, key.size);
    keyed_prefix(&keyed, message.data, message.size / 2); /* a prefix is the beginning of the message */
    keyed_mac(&keyed, message.data + message.size / 2, message.size - message.size / 2, mac);
    assert_int_equal(memcmp(mac, tag.data, tag_size) == 0, valid);
}

static void test_wycheproof(void **state)
{
    FILE *file = shared_open("vectors/wycheproof/hmac_sha256_test.json");
    json_t *whole, *group, *vector;
    size_t i, j, checked = 0;

    (void)state;
    if (file == NULL)
        skip();
    whole = json_loadf(file, 0, NULL);
    fclose(file);
    assert_non_null(whole);
    json_array_foreach(json_object_get(whole, "testGroups"), i, group) {
        json_array_foreach(json_object_get(group, "tests"), j, vector) {
            check_vector(vector, (size_t)json_integer_value(json_object_get(group, "tagSize")) / 8);
            checked++;
        }
    }
    assert_int_equal(checked, WYCHEPROOF_CASES);
    json_decref(whole);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tokens),        cmocka_unit_test(test_key_id), cmocka_unit_test(test_tag),       cmocka_unit_test(test_slot),
        cmocka_unit_test(test_bad_arguments), cmocka_unit_test(test_names),  cmocka_unit_test(test_wycheproof),
    };

    return platesieve_failed(platesieve_init()) ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
