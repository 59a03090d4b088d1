/* Jurisdictions: the tables themselves, the codes that clash, and every row of the public lists. */
#include <platesieve/platesieve.h>

#include "crypto/jurisdiction_table.h"
#include "include/cleanup.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/shared.h"

struct example {
    enum platesieve_codes codes;
    const char *code;
    const char *iso; /* NULL: not in the set */
};

static void check(enum platesieve_codes codes, const char *code, const char *iso)
{
    struct platesieve_jurisdiction jurisdiction;
    struct platesieve_result result = platesieve_jurisdiction_map(codes, code, strlen(code), &jurisdiction);

    assert_int_equal(result.reason, iso != NULL ? PLATESIEVE_OK : PLATESIEVE_UNKNOWN_JURISDICTION);
    assert_string_equal(jurisdiction.code, iso != NULL ? iso : "");
}

static void test_examples(void **state)
{
    static const struct example examples[] = {
        { PLATESIEVE_CODES_ISO, "US-TX", "US-TX" },   { PLATESIEVE_CODES_ISO, "us-tx", "US-TX" },
        { PLATESIEVE_CODES_ISO, "MX-BCN", "MX-BCN" }, { PLATESIEVE_CODES_ISO, "nl", "NL" },
        { PLATESIEVE_CODES_ISO, "\t DE\r\n", "DE" },  { PLATESIEVE_CODES_ISO, "\xC2\xA0 DE \xC2\xA0", "DE" },
        { PLATESIEVE_CODES_ISO, "PR", "US-PR" },      { PLATESIEVE_CODES_ISO, "US-PR", "US-PR" },
        { PLATESIEVE_CODES_ISO, "US", NULL },         { PLATESIEVE_CODES_ISO, "CA", NULL },
        { PLATESIEVE_CODES_ISO, "MX", NULL },         { PLATESIEVE_CODES_ISO, "US-XX", NULL },
        { PLATESIEVE_CODES_ISO, "TX", NULL },         { PLATESIEVE_CODES_ISO, "UK", NULL },
        { PLATESIEVE_CODES_ISO, "US-TXX", NULL },     { PLATESIEVE_CODES_ISO, "US TX", NULL },
        { PLATESIEVE_CODES_ISO, "", "" },             { PLATESIEVE_CODES_NCIC, "  ", "" },
        { PLATESIEVE_CODES_USPS, "\xC2\xA0", "" },    { PLATESIEVE_CODES_USPS, "US-TX", NULL },
        /* codes that clash */
        { PLATESIEVE_CODES_NCIC, "NB", "US-NE" },     { PLATESIEVE_CODES_USPS, "NB", "CA-NB" },
        { PLATESIEVE_CODES_AAMVA, "NB", "CA-NB" },    { PLATESIEVE_CODES_NCIC, "NE", "NL" },
        { PLATESIEVE_CODES_AAMVA, "NE", "US-NE" },    { PLATESIEVE_CODES_USPS, "NE", "US-NE" },
        { PLATESIEVE_CODES_NCIC, "NL", "MX-NLE" },    { PLATESIEVE_CODES_USPS, "NL", "CA-NL" },
        { PLATESIEVE_CODES_AAMVA, "NL", "MX-NLE" },   { PLATESIEVE_CODES_NCIC, "NF", "CA-NL" },
        { PLATESIEVE_CODES_AAMVA, "NF", "CA-NL" },    { PLATESIEVE_CODES_USPS, "NF", NULL },
        { PLATESIEVE_CODES_NCIC, "PQ", "CA-QC" },     { PLATESIEVE_CODES_USPS, "QC", "CA-QC" },
        { PLATESIEVE_CODES_NCIC, "QC", NULL },        { PLATESIEVE_CODES_USPS, "QB", NULL },
        { PLATESIEVE_CODES_NCIC, "SN", "CA-SK" },     { PLATESIEVE_CODES_NCIC, "SK", NULL },
        { PLATESIEVE_CODES_NCIC, "NU", "NI" },        { PLATESIEVE_CODES_NCIC, "NI", "GB" },
        { PLATESIEVE_CODES_NCIC, "MX", "MX-MEX" },    { PLATESIEVE_CODES_AAMVA, "MX", NULL },
        { PLATESIEVE_CODES_AAMVA, "EM", "MX-MEX" },   { PLATESIEVE_CODES_NCIC, "DF", "MX-CMX" },
        { PLATESIEVE_CODES_NCIC, "GM", "US-GU" },     { PLATESIEVE_CODES_NCIC, "GU", "MX-GUA" },
        { PLATESIEVE_CODES_USPS, "GU", "US-GU" },     { PLATESIEVE_CODES_NCIC, "PW", NULL },
        { PLATESIEVE_CODES_USPS, "PW", "PW" },        { PLATESIEVE_CODES_NCIC, "MP", "MG" },
        { PLATESIEVE_CODES_USPS, "MP", "US-MP" },     { PLATESIEVE_CODES_NCIC, "YT", "CA-YT" },
        /* former names, parts, dependencies */
        { PLATESIEVE_CODES_NCIC, "BR", "MM" },        { PLATESIEVE_CODES_NCIC, "CY", "LK" },
        { PLATESIEVE_CODES_NCIC, "RH", "ZW" },        { PLATESIEVE_CODES_NCIC, "ZR", "CD" },
        { PLATESIEVE_CODES_NCIC, "WL", "GB" },        { PLATESIEVE_CODES_NCIC, "OI", "JP" },
        { PLATESIEVE_CODES_NCIC, "GF", "GG" },        { PLATESIEVE_CODES_NCIC, "RG", "GI" },
        /* nothing is known of the plate */
        { PLATESIEVE_CODES_NCIC, "US", NULL },        { PLATESIEVE_CODES_NCIC, "CD", NULL },
        { PLATESIEVE_CODES_NCIC, "MM", NULL },        { PLATESIEVE_CODES_NCIC, "YY", NULL },
        { PLATESIEVE_CODES_NCIC, "OG", NULL },        { PLATESIEVE_CODES_USPS, "AE", NULL },
        { PLATESIEVE_CODES_AAMVA, "GS", NULL },       { PLATESIEVE_CODES_USPS, "99", NULL },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(examples); i++)
        check(examples[i].codes, examples[i].code, examples[i].iso);
}

static void test_bad_input(void **state)
{
    struct platesieve_jurisdiction jurisdiction;
    char overlong[1000];

    (void)state;
    memset(overlong, 'X', sizeof overlong);
    assert_int_equal(platesieve_jurisdiction_map(PLATESIEVE_CODES_ISO, overlong, sizeof overlong, &jurisdiction).reason,
                     PLATESIEVE_UNKNOWN_JURISDICTION);
    memset(overlong, ' ', sizeof overlong);
    assert_int_equal(platesieve_jurisdiction_map(PLATESIEVE_CODES_ISO, overlong, sizeof overlong, &jurisdiction).reason, PLATESIEVE_OK);
    assert_int_equal(platesieve_jurisdiction_map(PLATESIEVE_CODES_ISO, "NL\0", 3, &jurisdiction).reason, PLATESIEVE_UNKNOWN_JURISDICTION);
    assert_int_equal(platesieve_jurisdiction_map((enum platesieve_codes)4, "NL", 2, &jurisdiction).reason, PLATESIEVE_BAD_ARGUMENT);
    assert_string_equal(jurisdiction.code, "");
}

static void test_code_set_names(void **state)
{
    static const char *const names[] = { "iso", "ncic", "aamva", "usps" };
    enum platesieve_codes codes;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        assert_true(platesieve_codes_parse(names[i], &codes));
        assert_int_equal(codes, i);
    }
    assert_false(platesieve_codes_parse("", &codes));
    assert_false(platesieve_codes_parse("ISO", &codes));
}

/* Bisection needs order; a pair must lead to a jurisdiction that there is. */
static void test_tables(void **state)
{
    (void)state;
    assert_int_equal(jurisdiction_iso_count, 240 + 57 + 13 + 32);
    for (size_t i = 0; i < jurisdiction_iso_count; i++) {
        assert_true(i == 0 || strcmp(jurisdiction_iso[i - 1], jurisdiction_iso[i]) < 0);
        check(PLATESIEVE_CODES_ISO, jurisdiction_iso[i], jurisdiction_iso[i]);
    }
    for (size_t set = 0; set <= PLATESIEVE_CODES_USPS; set++) {
        const struct jurisdiction_pairs *table = &jurisdiction_pairs[set];

        for (size_t i = 0; i < table->count; i++) {
            assert_true(i == 0 || strcmp(table->pairs[i - 1].code, table->pairs[i].code) < 0);
            check(PLATESIEVE_CODES_ISO, table->pairs[i].iso, table->pairs[i].iso);
        }
    }
}

/* Each row is mapped or left out on purpose: LEFT_OUT names all of the latter.  Returns the number mapped. */
static void check_list(const char *name, enum platesieve_codes codes, const char *left_out, size_t expected)
{
    FILE *file = shared_open(name);
    struct platesieve_jurisdiction jurisdiction;
    char line[1024], spaced[4];
    size_t mapped = 0;

    if (file == NULL)
        skip();
    assert_non_null(fgets(line, sizeof line, file));
    while (fgets(line, sizeof line, file) != NULL) {
        assert_non_null(strchr(line, '\n'));
        assert_int_equal(line[2], ',');
        snprintf(spaced, sizeof spaced, "%.2s ", line);
        if (!platesieve_failed(platesieve_jurisdiction_map(codes, line, 2, &jurisdiction)))
            mapped++;
        else if (strstr(left_out, spaced) == NULL)
            fail_msg("%s has %.2s, which is not mapped", name, line);
    }
    fclose(file);
    assert_int_equal(mapped, expected);
}

static void test_ncic_list(void **state)
{
    (void)state;
    check_list("data/jurisdictions/ncic_lis_license_state.csv", PLATESIEVE_CODES_NCIC,
               "AX CD CG DA DL DP DS DT DV DW EE FC FX IW IX KK KP KW LC LL LP MM OG OO OS OT PF PN PW RL SK TD TE UC US WD WE WN "
               "WT XX YG YY ",
               361);
}

static void test_aamva_list(void **state)
{
    (void)state;
    check_list("data/jurisdictions/aamva_d20_jurisdiction.csv", PLATESIEVE_CODES_AAMVA, "DS DT FH GS IR MX TS ", 106);
}

static void test_usps_list(void **state)
{
    (void)state;
    check_list("data/jurisdictions/usps_state.csv", PLATESIEVE_CODES_USPS, "AA AE AP ", 59);
}

static void test_canada_post_list(void **state)
{
    (void)state;
    check_list("data/jurisdictions/canada_post_province.csv", PLATESIEVE_CODES_USPS, "", 13);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples),       cmocka_unit_test(test_bad_input),  cmocka_unit_test(test_code_set_names),
        cmocka_unit_test(test_tables),         cmocka_unit_test(test_ncic_list),  cmocka_unit_test(test_aamva_list),
        cmocka_unit_test(test_usps_list),      cmocka_unit_test(test_canada_post_list),
    };

    return platesieve_failed(platesieve_init()) ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
