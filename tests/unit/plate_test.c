/* Canonical and folded forms. */
#include <platesieve/platesieve.h>

#include "include/cleanup.h"
#include "tests/unit/cmocka_all.h"

struct example {
    const char *raw;
    const char *canonical; /* NULL: not a plate */
};

static void check(const char *raw, size_t size, const char *canonical)
{
    struct platesieve_plate plate;
    struct platesieve_result result = platesieve_plate_canonicalise(raw, size, &plate);

    if (canonical == NULL) {
        const struct platesieve_plate nothing = { 0 };

        assert_int_equal(result.reason, PLATESIEVE_NOT_A_PLATE);
        assert_memory_equal(&plate, &nothing, sizeof plate);
        return;
    }
    assert_int_equal(result.reason, PLATESIEVE_OK);
    assert_int_equal(plate.length, strlen(canonical));
    assert_memory_equal(plate.text, canonical, plate.length);
}

static void check_all(const struct example *examples, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check(examples[i].raw, strlen(examples[i].raw), examples[i].canonical);
}

static void test_ascii(void **state)
{
    static const struct example examples[] = {
        { "QQ00QQ0", "QQ00QQ0" },
        { "qq 00-qq.0", "QQ00QQ0" },
        { " ZZZ9999\t", "ZZZ9999" },
        { "ZOO-oO1", "Z00001" },
        { "O", "0" },
        { "ABCDEFGHIJKL", "ABCDEFGHIJKL" },
        { "#$+&/!'\"<>~`@[]{}^_", NULL },
        { "", NULL },
        { "---", NULL },
        { "ABCDEFGHIJKLM", NULL },     /* 13 */
        { "1ZZZZ99Z9ZZ999999", NULL }, /* a VIN: 17 */
        { "A-B-C-D-E-F-G-H-I-J-K-L----", "ABCDEFGHIJKL" },
    };

    (void)state;
    check_all(examples, ARRAY_LENGTH(examples));
}

static void test_unicode(void **state)
{
    static const struct example examples[] = {
        { "QQ\xC2\xA0" "00QQ0", "QQ00QQ0" },             /* no-break space */
        { "ＱＱ００ｑｑ０", "QQ00QQ0" },                 /* full width */
        { "\xEF\xBB\xBFZZZ9999", "ZZZ9999" },            /* byte order mark */
        { "АВЕКМНОРСТУХ", "ABEKMH0PCTYX" },              /* Cyrillic */
        { "авекмнорстух", "ABEKMH0PCTYX" },
        { "ДЖЯЁЙ", NULL },                               /* Cyrillic that looks like nothing Latin */
        { "А123ВЯ", "A123B" },
        { "ΑΒΕΖΗΙΚ", "ABEZHIK" },                        /* Greek, in two halves: there are 14 */
        { "ΜΝΟΡΤΥΧ", "MN0PTYX" },
        { "αβεζηικ", "ABEZHIK" },
        { "ΓΔΘΛΞΠΣΦΨΩ", NULL },
        { "\xC2\xB5" "1", "M1" },                        /* micro sign: NFKC makes it mu */
        { "É1", "1" },                                   /* composed */
        { "E\xCC\x81" "1", "1" },                        /* E and a combining acute: NFKC composes it; not E1 */
        { "Q\xCC\x81" "1", "Q1" },                       /* nothing to compose with: the mark alone is dropped */
        { "Å\xE2\x84\xAB" "1", "1" },                    /* A with ring, angstrom sign */
        { "\xE2\x84\xAA" "1", "K1" },                    /* kelvin sign */
        { "ßẞ1", "1" },                                  /* no one-to-one capital among A-Z */
        { "ŉ1", "N1" },                                  /* NFKC: modifier apostrophe, n */
        { "ſ1", "S1" },                                  /* long s */
        { "ı1", "I1" },                                  /* dotless i has I as its simple capital */
        { "İ1", "1" },
        { "ﬃ1", "FFI1" },                                /* ligature */
        { "Ⅷ", "VIII" },
        { "①②½", "1212" },                               /* 1/2 with a fraction slash */
        { "№1", "N01" },
        { "𝐐𝟘", "Q0" },                                  /* mathematical alphabets */
        { "٣٤", NULL },                                  /* Arabic-Indic digits are no 0-9 */
        { "京A·12345", "A12345" },
        { "\xE2\x80\x8B" "Z\xE2\x80\x8D" "9", "Z9" },    /* zero-width space and joiner */
        { "🚗", NULL },
        { "ＡＡＡＡＡＡＡＡＡＡＡＡＡ", NULL },           /* 13 */
    };

    (void)state;
    check_all(examples, ARRAY_LENGTH(examples));
}

static void test_invalid_utf8(void **state)
{
    static const char *const examples[] = {
        "ZZZ9999\xC2",             /* truncated */
        "ZZZ9999\xEF\xBC",
        "ZZZ9999\xF0\x9F\x9A",
        "ZZZ\xA0" "9999",          /* a continuation alone: Latin-1's no-break space */
        "ZZZ\xC0\xAF" "9999",      /* overlong */
        "ZZZ\xED\xA0\x80" "9999",  /* surrogate */
        "ZZZ\xF4\x90\x80\x80" "9", /* beyond U+10FFFF */
        "\xFF\xFEZ",
        "\xC9",                    /* Latin-1 */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(examples); i++)
        check(examples[i], strlen(examples[i]), NULL);
}

static void test_sizes(void **state)
{
    char raw[PLATESIEVE_PLATE_RAW_MAX + 1];

    (void)state;
    memset(raw, ' ', sizeof raw);
    memcpy(raw, "ZZZ9999", 7);
    check(raw, PLATESIEVE_PLATE_RAW_MAX, "ZZZ9999");
    check(raw, PLATESIEVE_PLATE_RAW_MAX + 1, NULL);
    check("ZZZ\0" "9999", 8, "ZZZ9999"); /* a zero byte is a character like others */
    /* U+FDFA, which NFKC makes 18 of, as often as fits */
    for (size_t i = 0; i + 3 <= PLATESIEVE_PLATE_RAW_MAX; i += 3)
        memcpy(raw + i, "\xEF\xB7\xBA", 3);
    raw[PLATESIEVE_PLATE_RAW_MAX - 1] = '7';
    check(raw, PLATESIEVE_PLATE_RAW_MAX, "7");
}

/* Canonicalising again changes nothing, folding again neither, and folding keeps the length. */
static void test_idempotent(void **state)
{
    static const char raw[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    static const char folded_each[] = "A8C0EF6H1JK1MN0P0R5TUVWXY20123456789";
    struct platesieve_plate canonical, again, folded;

    (void)state;
    for (size_t i = 0; i < sizeof raw - 1; i++) {
        assert_int_equal(platesieve_plate_canonicalise(&raw[i], 1, &canonical).reason, PLATESIEVE_OK);
        assert_int_equal(platesieve_plate_canonicalise(canonical.text, canonical.length, &again).reason, PLATESIEVE_OK);
        assert_memory_equal(&canonical, &again, sizeof again);
        folded = platesieve_plate_fold(&canonical);
        assert_int_equal(folded.length, 1);
        assert_int_equal(folded.text[0], folded_each[i]);
        again = platesieve_plate_fold(&folded);
        assert_memory_equal(&folded, &again, sizeof again);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ascii), cmocka_unit_test(test_unicode),    cmocka_unit_test(test_invalid_utf8),
        cmocka_unit_test(test_sizes), cmocka_unit_test(test_idempotent),
    };

    return platesieve_failed(platesieve_init()) ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
