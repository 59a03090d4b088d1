/* client/moment.c: RFC 3339 to and from milliseconds; and what has to last its time whatever becomes of the clock. */
#include "client/moment.h"

#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "client/http/over_quota.h"
#include "tests/unit/cmocka_all.h"

static long shift_s; /* of the time of day */

int clock_gettime(clockid_t id, struct timespec *now) /* libc's is hidden */
{
    const int code = (int)syscall(SYS_clock_gettime, id, now);

    if (code == 0 && id == CLOCK_REALTIME) now->tv_sec += shift_s;
    return code;
}

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

/* Told to come back in 40 s, and then the clock is set by SECONDS: these are 40 s still, and the time that is said is that of the clock as it is. */
static void check_quota(long seconds)
{
    const struct http_answer answer = { .status = 429, .retry_after_s = 40 };
    struct over_quota over;
    char said[32], wanted[MOMENT_TEXT];
    int64_t left_ms, end_ms, said_ms;

    shift_s = 0;
    assert_true(over_quota_of(&answer, &over));
    shift_s = seconds;
    left_ms = over_quota_left_ms(over.until_ms);
    assert_in_range(left_ms, 1, 40000);
    end_ms = moment_then_ms(over.until_ms);
    assert_true(end_ms <= moment_now_ms() + 40000);
    over_quota_time(over.until_ms, said);
    moment_print(end_ms, wanted); /* where the date is not said, it is today */
    if (strlen(said) == 9) snprintf(wanted + 11, sizeof(wanted) - 11, "%s", said);
    assert_true(moment_parse(strlen(said) == 9 ? wanted : said, &said_ms));
    assert_true(said_ms / 1000 - end_ms / 1000 <= 1 && end_ms / 1000 - said_ms / 1000 <= 1);
    shift_s = 0;
}

static void a_quota_ends_whatever_becomes_of_the_clock(void **unused)
{
    (void)unused;
    check_quota(0);
    check_quota(-6 * 3600);
    check_quota(6 * 3600);
    check_quota(-400L * 86400);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(reads), cmocka_unit_test(refuses), cmocka_unit_test(prints),
                                        cmocka_unit_test(a_quota_ends_whatever_becomes_of_the_clock) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
