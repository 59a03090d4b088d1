/* One-time codes: what is printed comes back, what was mistyped never does. */
#include "client/enrol/code.h"

#include <sodium.h>

#include "cmocka_all.h"

static const uint8_t example[PLATESIEVE_CODE_BYTES] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static bool parses(const char *text)
{
    uint8_t code[PLATESIEVE_CODE_BYTES];

    return enrol_code_parse(text, strlen(text), code);
}

static void test_the_example_of_the_protocol(void **state)
{
    char text[ENROL_CODE_PRINTED + 1];

    (void)state;
    enrol_code_print(example, text);
    assert_string_equal(text, "0004-1061-050R-3GG2-8A1C-60T3-GFXC");
}

static void test_there_and_back(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        uint8_t code[PLATESIEVE_CODE_BYTES], again[PLATESIEVE_CODE_BYTES];
        char text[ENROL_CODE_PRINTED + 1];

        randombytes_buf(code, sizeof(code));
        enrol_code_print(code, text);
        assert_int_equal(strlen(text), ENROL_CODE_PRINTED);
        assert_true(enrol_code_parse(text, strlen(text), again));
        assert_memory_equal(code, again, sizeof(code));
    }
}

static void test_as_people_type(void **state)
{
    (void)state;
    assert_true(parses("00041061050R3GG28A1C60T3GFXC"));
    assert_true(parses("  0004 1061 050r 3gg2 8a1c 60t3 gfxc\t"));
    assert_true(parses("ooo4-i06l-o5oR-3GG2-8A1C-60T3-GFXC"));
    assert_false(parses(""));
    assert_false(parses("0004-1061-050R-3GG2-8A1C-60T3-GFX"));
    assert_false(parses("0004-1061-050R-3GG2-8A1C-60T3-GFXC0"));
    assert_false(parses("0004-1061-050R-3GG2-8A1C-60T3-GFXU"));
    assert_false(parses("0004-1061-050R-3GG2-8A1C-60T3-GFX\xc3\x84"));
}

/* Every wrong character, every pair that changed places, every two wrong ones at a stride. */
static void test_errors_are_noticed(void **state)
{
    char plain[] = "00041061050R3GG28A1C60T3GFXC";
    char wrong[sizeof(plain)];

    (void)state;
    for (size_t i = 0; i < PLATESIEVE_CODE_TEXT; i++) {
        for (size_t a = 0; a < 32; a++) {
            memcpy(wrong, plain, sizeof(plain));
            wrong[i] = alphabet[a];
            assert_true(parses(wrong) == (wrong[i] == plain[i]));
            for (size_t j = i + 1; j < PLATESIEVE_CODE_TEXT; j++) {
                for (size_t b = 0; b < 32; b++) {
                    wrong[j] = alphabet[b];
                    assert_true(parses(wrong) == (memcmp(wrong, plain, sizeof(plain)) == 0));
                }
                wrong[j] = plain[j];
            }
        }
        for (size_t j = i + 1; j < PLATESIEVE_CODE_TEXT; j++) {
            memcpy(wrong, plain, sizeof(plain));
            wrong[i] = plain[j];
            wrong[j] = plain[i];
            assert_true(parses(wrong) == (plain[i] == plain[j]));
        }
    }
}

/* More than 128 bits are no code, whatever their check. */
static void test_the_first_bits_are_zero(void **state)
{
    size_t found = 0;
    char text[] = "80000000000000000000000000__";

    (void)state;
    for (size_t a = 0; a < 32; a++)
        for (size_t b = 0; b < 32; b++) {
            text[26] = alphabet[a];
            text[27] = alphabet[b];
            found += parses(text);
        }
    assert_int_equal(found, 0);
}

static void test_mac(void **state)
{
    uint8_t mac[PLATESIEVE_MAC_BYTES], expected[PLATESIEVE_MAC_BYTES], key[32] = { 0 };
    static const char input[] = "platesieve/1/enrol\0csr";
    crypto_auth_hmacsha256_state plain;

    (void)state;
    enrol_code_mac(example, (const uint8_t *)"csr", 3, mac);
    memcpy(key, example, sizeof(example));
    crypto_auth_hmacsha256_init(&plain, key, 16);
    crypto_auth_hmacsha256_update(&plain, (const unsigned char *)input, sizeof(input) - 1);
    crypto_auth_hmacsha256_final(&plain, expected);
    assert_memory_equal(mac, expected, sizeof(mac));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_example_of_the_protocol),
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_as_people_type),
        cmocka_unit_test(test_errors_are_noticed),
        cmocka_unit_test(test_the_first_bits_are_zero),
        cmocka_unit_test(test_mac),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
