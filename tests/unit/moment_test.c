/* client/moment.c: RFC 3339 to and from milliseconds. */
#include "client/moment.h"

#include "tests/unit/cmocka_all.h"

static void expect(const char *text, int64_t wanted)
{
    int64_t ms = -1;

    assert_true(moment_parse(text, &ms));
    assert_int_equal(ms, wanted);
}

static void reads(void **unused)
{
    (void)unused;
    expect("1970-01-01T00:00:00Z", 0);
    expect("2026-11-22T01:30:43.123Z", 1795311043123);
    expect("2026-11-22t01:30:43.1234567z", 1795311043123);
    expect("2026-11-22T02:30:43.1+01:00", 1795311043100);
    expect("2026-11-21T20:30:43-05:00", 1795311043000);
    expect("2026-11-22", 1795305600000);
    expect("2028-02-29", 1835395200000);
}

static void refuses(void **unused)
{
    static const char *const texts[] = {
        "",
        "2026",
        "2026-13-01",
        "2026-02-30",
        "2027-02-29",
        "2026-11-22T01:30:43",
        "2026-11-22T24:00:00Z",
        "2026-11-22T01:30:43.Z",
        "2026-11-22T01:30:43Zx",
        "22/11/2026",
        "2026-11-22T01:30:43+1:00",
        "99999-01-01",
    };
    int64_t ms;

    (void)unused;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) assert_false(moment_parse(texts[i], &ms));
}

static void prints(void **unused)
{
    char text[MOMENT_TEXT];

    (void)unused;
    moment_print(1795311043123, text);
    assert_string_equal(text, "2026-11-22T01:30:43.123Z");
    moment_print(5, text);
    assert_string_equal(text, "1970-01-01T00:00:00.005Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(reads), cmocka_unit_test(refuses), cmocka_unit_test(prints) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
