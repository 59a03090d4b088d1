/* Times as text: RFC 3339 in, one form out. */
#include "server/http/clock.h"
#include "tests/unit/unit.h"

static void test_format(void **state)
{
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        { 0, "1970-01-01T00:00:00.000Z" },
        { 1, "1970-01-01T00:00:00.001Z" },
        { 951782400000 - 1, "2000-02-28T23:59:59.999Z" },
        { 951782400000, "2000-02-29T00:00:00.000Z" },
        { 1795311043123, "2026-11-22T01:30:43.123Z" },
        { 4102444799999, "2099-12-31T23:59:59.999Z" },
    };
    char text[TIME_TEXT_SIZE];
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        int64_t again;
        time_format(cases[i].ms, text);
        assert_string_equal(text, cases[i].text);
        assert_true(time_parse(text, strlen(text), &again));
        assert_int_equal(again, cases[i].ms);
    }
}

static void test_parse(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        { "2026-11-22T01:30:43Z", 1795311043000 },
        { "2026-11-22t01:30:43z", 1795311043000 },
        { "2026-11-22 01:30:43Z", 1795311043000 },
        { "2026-11-22T02:30:43+01:00", 1795311043000 },
        { "2026-11-21T20:00:43-05:30", 1795311043000 },
        { "2026-11-22T01:30:43.1Z", 1795311043100 },
        { "2026-11-22T01:30:43.123456789Z", 1795311043123 },
        { "2026-11-22T01:30:43-00:00", 1795311043000 },
        { "1970-01-01T01:00:00+01:00", 0 },
        { "1969-12-31T23:00:00-01:00", 0 },
        { "2016-12-31T23:59:60Z", 1483228800000 },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        int64_t ms = -1;
        assert_true(time_parse(cases[i].text, strlen(cases[i].text), &ms));
        assert_int_equal(ms, cases[i].ms);
    }
}

static void test_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "2026",
        "2026-11-22",
        "2026-11-22T01:30:43",
        "2026-11-22T01:30Z",
        "2026-11-22T01:30:43.Z",
        "2026-11-22T01:30:43.1234567890Z",
        "2026-13-22T01:30:43Z",
        "2026-00-22T01:30:43Z",
        "2026-02-29T01:30:43Z",
        "2026-04-31T01:30:43Z",
        "2026-11-00T01:30:43Z",
        "2026-11-22T24:30:43Z",
        "2026-11-22T01:60:43Z",
        "2026-11-22T01:30:61Z",
        "2026-11-22T01:30:43+24:00",
        "2026-11-22T01:30:43+0100",
        "2026-11-22T01:30:43Zx",
        " 2026-11-22T01:30:43Z",
        "2026-11-22T01:30:43,1Z",
        "1969-12-31T23:59:59Z",
        "2106-01-01T00:00:00Z",
        "1970-01-01T00:00:00+00:01",
        "+026-11-22T01:30:43Z",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        int64_t ms;
        assert_false(time_parse(texts[i], strlen(texts[i]), &ms));
    }
}

/* Every day of the range, there and back. */
static void test_all_days(void **state)
{
    (void)state;
    for (int64_t day = 0; day < 49672; day++) {
        char text[TIME_TEXT_SIZE];
        int64_t ms;
        time_format(day * 86400000, text);
        assert_true(time_parse(text, strlen(text), &ms));
        assert_int_equal(ms, day * 86400000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_all_days),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
