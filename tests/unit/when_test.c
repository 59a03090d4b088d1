/* client/import/when.c, client/import/profile.c: dates in the formats and the zone that a profile says, and nothing guessed. */
#include "client/import/when.h"
#include "client/moment.h"

#include <platesieve/platesieve.h>

#include "tests/unit/cmocka_all.h"

static void set(struct profile *profile, const char *key, const char *value)
{
    char why[PROFILE_WHY];

    assert_true(profile_set(profile, key, value, why));
}

static void times(void **unused)
{
    static const struct {
        const char *format, *zone, *text, *effective, *expires; /* NULL: no time */
    } cases[] = {
        { NULL, NULL, "2036-01-02", "2036-01-02T00:00:00.000Z", "2036-01-03T00:00:00.000Z" },
        { NULL, NULL, " 2036-01-02T03:04:05+01:00 ", "2036-01-02T02:04:05.000Z", "2036-01-02T02:04:05.000Z" },
        { "%d/%m/%Y", NULL, "03/02/2036", "2036-02-03T00:00:00.000Z", "2036-02-04T00:00:00.000Z" },
        { "%m/%d/%Y", NULL, "03/02/2036", "2036-03-02T00:00:00.000Z", "2036-03-03T00:00:00.000Z" },
        { "%d/%m/%Y", NULL, "29/02/2036", "2036-02-29T00:00:00.000Z", "2036-03-01T00:00:00.000Z" },
        { "%d/%m/%Y", NULL, "29/02/2035", NULL, NULL },
        { "%d/%m/%Y", NULL, "31/12/2036", "2036-12-31T00:00:00.000Z", "2037-01-01T00:00:00.000Z" },
        { "%d/%m/%Y", NULL, "12/31/2036", NULL, NULL },
        { "%d/%m/%Y", NULL, "31/12/2036 10:00", NULL, NULL },
        { "%d/%m/%Y %H:%M", NULL, "31/12/2036 10:20", "2036-12-31T10:20:00.000Z", "2036-12-31T10:20:00.000Z" },
        { "%d/%m/%Y %H:%M", NULL, "31/12/2036 24:20", NULL, NULL },
        { "%Y%m%d", "America/Chicago", "20360704", "2036-07-04T05:00:00.000Z", "2036-07-05T05:00:00.000Z" },
        { "%Y%m%d %R", "America/Chicago", "20361102 01:30", "2036-11-02T06:30:00.000Z", "2036-11-02T07:30:00.000Z" },
        { "%Y%m%d %R", "America/Chicago", "20360309 02:30", "2036-03-09T08:30:00.000Z", "2036-03-09T08:30:00.000Z" },
        { "%F %T %z", "America/Chicago", "2036-07-04 10:00:00 -0500", "2036-07-04T15:00:00.000Z", "2036-07-04T15:00:00.000Z" },
        { "%d %b %y", NULL, "4 JUL 36", "2036-07-04T00:00:00.000Z", "2036-07-05T00:00:00.000Z" },
        { "%Y%m%d", NULL, "00000000", NULL, NULL },
        { "%Y%m%d", NULL, "", NULL, NULL },
        { "%d.%m.%Y %R|%d.%m.%Y", NULL, "04.07.2036", "2036-07-04T00:00:00.000Z", "2036-07-05T00:00:00.000Z" },
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct profile profile;
        char text[MOMENT_TEXT];
        const size_t size = strlen(cases[i].text);
        int64_t ms;

        profile_default(&profile);
        if (cases[i].format != NULL) set(&profile, "date-format", cases[i].format);
        if (cases[i].zone != NULL && !when_zone_valid(cases[i].zone)) continue; /* a machine without tzdata */
        if (cases[i].zone != NULL) set(&profile, "time-zone", cases[i].zone);
        set(&profile, "expiry-day", "included");
        when_use_zone(&profile);
        assert_int_equal(when_read(&profile, WHEN_EFFECTIVE, cases[i].text, size, &ms), cases[i].effective != NULL);
        if (cases[i].effective == NULL) continue;
        moment_print(ms, text);
        assert_string_equal(text, cases[i].effective);
        assert_true(when_read(&profile, WHEN_EXPIRES, cases[i].text, size, &ms));
        moment_print(ms, text);
        assert_string_equal(text, cases[i].expires);
    }
}

static void formats(void **unused)
{
    static const char *const good[] = { "%d/%m/%Y", "%Y%m%d", "%F", "%FT%T%z", "%b %e, %Y %I:%M %p", "100%% %y-%m-%d" };
    static const char *const bad[] = { "",   "%d/%m", "%m/%Y",   "%d/%m/%Y/%d", "%D",        "%c", "%x", "%s",
                                       "%j", "%",     "%d/%m/%", "%d;%m;%Y",    "%d/%m/%Y\n", "%EY%m%d" };
    char why[PROFILE_WHY];

    (void)unused;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) assert_true(when_format_valid(good[i], why));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) assert_false(when_format_valid(bad[i], why));
}

static void zones(void **unused)
{
    (void)unused;
    assert_true(when_zone_valid("UTC"));
    assert_false(when_zone_valid(""));
    assert_false(when_zone_valid("/etc/passwd"));
    assert_false(when_zone_valid("../../../etc/passwd"));
    assert_false(when_zone_valid("Nowhere/Else"));
    assert_false(when_zone_valid("EST5EDT,M3.2.0"));
}

/* What is written as a file says the same again. */
static void profiles(void **unused)
{
    static const char *const settings[][2] = {
        { "delimiter", "|" },     { "encoding", "UTF-16" },           { "header", "no" },      { "codes", "aamva" },
        { "column", "plate=#3" }, { "column", "expires=4" },          { "expiry-day", "included" },
        { "years", "2" },         { "date-format", "%d.%m.%Y | %F" }, { "wildcard", "*" },     { "time-zone", "UTC" },
    };
    struct profile profile, again;
    char why[PROFILE_WHY], *first, *second;

    (void)unused;
    profile_default(&profile);
    profile_default(&again);
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) set(&profile, settings[i][0], settings[i][1]);
    assert_true(profile_check(&profile, why));
    first = profile_text(&profile, "stolen");
    assert_true(profile_read(&again, first, why));
    assert_true(profile_check(&again, why));
    second = profile_text(&again, "stolen");
    assert_string_equal(first, second);
    assert_int_equal(again.columns[PROFILE_EXPIRES].position, 4);
    assert_int_equal(again.delimiter, '|');
    free(first);
    free(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times),
        cmocka_unit_test(formats),
        cmocka_unit_test(zones),
        cmocka_unit_test(profiles),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
