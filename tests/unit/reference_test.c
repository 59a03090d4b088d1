/* client/import/reference.c: what travels in place of an agency's own references. */
#include "client/import/reference.h"

#include "tests/unit/cmocka_all.h"

static struct reference_key *key, *other;

static int set_up(void **unused)
{
    uint8_t bytes[64];

    (void)unused;
    assert_false(platesieve_failed(platesieve_init()));
    for (size_t i = 0; i < sizeof(bytes); i++) bytes[i] = (uint8_t)i;
    key = reference_key_from(bytes);
    bytes[0] ^= 1;
    other = reference_key_from(bytes);
    return key == NULL || other == NULL;
}

static int tear_down(void **unused)
{
    (void)unused;
    reference_key_close(key);
    reference_key_close(other);
    return 0;
}

static struct reference seal(const char *list, const char *text, const char *plate)
{
    struct platesieve_plate canonical = { 0 };
    const struct platesieve_jurisdiction jurisdiction = { "US-NY" };
    struct reference reference;

    if (plate != NULL) assert_false(platesieve_failed(platesieve_plate_canonicalise(plate, strlen(plate), &canonical)));
    assert_true(
        reference_seal(key, list, text, strlen(text), plate == NULL ? NULL : &canonical, &jurisdiction, &reference));
    return reference;
}

static void opens_again(void **unused)
{
    static const char *const texts[] = { "A", "2026/0815", "12345678901234567890123456789012" };
    struct reference sealed, opened;

    (void)unused;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        sealed = seal("stolen", texts[i], NULL);
        assert_int_equal(sealed.kind, REFERENCE_SEALED);
        assert_true(strlen(sealed.text) <= LIMIT_REFERENCE_MAX);
        assert_null(strstr(sealed.text, texts[i][0] == 'A' ? "=" : texts[i]));
        reference_open(key, "stolen", sealed.text, &opened);
        assert_int_equal(opened.kind, REFERENCE_SEALED);
        assert_string_equal(opened.text, texts[i]);
    }
}

static void is_deterministic_and_bound_to_its_list(void **unused)
{
    struct reference opened;

    (void)unused;
    assert_string_equal(seal("stolen", "case 7", NULL).text, seal("stolen", "case 7", NULL).text);
    assert_string_not_equal(seal("stolen", "case 7", NULL).text, seal("wanted", "case 7", NULL).text);
    reference_open(key, "wanted", seal("stolen", "case 7", NULL).text, &opened);
    assert_int_equal(opened.kind, REFERENCE_FOREIGN);
}

static void opens_for_nobody_else(void **unused)
{
    struct reference sealed = seal("stolen", "case 7", NULL), opened;

    (void)unused;
    reference_open(other, "stolen", sealed.text, &opened);
    assert_int_equal(opened.kind, REFERENCE_FOREIGN);
    assert_string_equal(opened.text, sealed.text);
    reference_open(NULL, "stolen", sealed.text, &opened);
    assert_int_equal(opened.kind, REFERENCE_FOREIGN);
    sealed.text[4] = sealed.text[4] == 'A' ? 'B' : 'A';
    reference_open(key, "stolen", sealed.text, &opened);
    assert_int_equal(opened.kind, REFERENCE_FOREIGN);
}

static void long_ones_are_digests(void **unused)
{
    const struct reference sealed = seal("stolen", "123456789012345678901234567890123", NULL);
    struct reference opened;

    (void)unused;
    assert_int_equal(sealed.kind, REFERENCE_DIGEST);
    assert_int_equal(strlen(sealed.text), 24);
    reference_open(key, "stolen", sealed.text, &opened);
    assert_int_equal(opened.kind, REFERENCE_DIGEST);
}

static void suffix_tells_plates_apart(void **unused)
{
    struct reference opened;

    (void)unused;
    assert_string_not_equal(seal("stolen", "7", "QQ1").text, seal("stolen", "7", "QQ2").text);
    assert_string_equal(seal("stolen", "7", "QQ1").text, seal("stolen", "7", "qq-1").text);
    reference_open(key, "stolen", seal("stolen", "7", "QQ1").text, &opened);
    assert_int_equal(strlen(opened.text), 1 + 7);
    assert_memory_equal(opened.text, "7~", 2);
}

static void derived_ones_are_stable(void **unused)
{
    struct platesieve_plate plate;
    const struct platesieve_jurisdiction ny = { "US-NY" }, nj = { "US-NJ" };
    struct reference first, second, elsewhere, opened;

    (void)unused;
    assert_false(platesieve_failed(platesieve_plate_canonicalise("QQ1", 3, &plate)));
    assert_true(reference_derive(key, "stolen", &plate, &ny, &first) &&
                reference_derive(key, "stolen", &plate, &ny, &second) &&
                reference_derive(key, "stolen", &plate, &nj, &elsewhere));
    assert_string_equal(first.text, second.text);
    assert_string_not_equal(first.text, elsewhere.text);
    assert_null(strstr(first.text, "QQ1"));
    reference_open(key, "stolen", first.text, &opened);
    assert_int_equal(opened.kind, REFERENCE_DERIVED);
}

static void refuses_what_is_none(void **unused)
{
    const struct platesieve_jurisdiction nowhere = { "" };
    struct reference reference;

    (void)unused;
    assert_false(reference_seal(key, "stolen", "", 0, NULL, &nowhere, &reference));
    assert_false(reference_seal(key, "stolen", "a\tb", 3, NULL, &nowhere, &reference));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_again),
        cmocka_unit_test(is_deterministic_and_bound_to_its_list),
        cmocka_unit_test(opens_for_nobody_else),
        cmocka_unit_test(long_ones_are_digests),
        cmocka_unit_test(suffix_tells_plates_apart),
        cmocka_unit_test(derived_ones_are_stable),
        cmocka_unit_test(refuses_what_is_none),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
