/* What a lane makes of the times that gates tell. */
#include "client/check/internal.h"
#include "client/moment.h"
#include "tests/unit/cmocka_all.h"

static void check_ahead(struct gate_clocks *clocks, int64_t expected_ms)
{
    const int64_t ahead_ms = gate_clocks_ahead_ms(clocks);

    assert_true(llabs(ahead_ms - expected_ms) < 10000);
    assert_int_equal(ahead_ms == 0, expected_ms == 0);
}

static void no_gate_alone_says_that_the_clock_is_off(void **state)
{
    const int64_t hour = 3600000;
    struct gate_clocks clocks;
    int64_t skew_ms;

    (void)state;
    gate_clocks_begin(&clocks);
    assert_false(gate_clocks_skew(&clocks, &skew_ms));
    assert_int_equal(gate_clocks_ahead_ms(&clocks), 0);
    gate_clocks_note(&clocks, 0, moment_now_ms() - hour, moment_boot_ms());
    check_ahead(&clocks, hour);
    gate_clocks_note_date(&clocks, 15, moment_now_ms() + 10000); /* within the minute */
    check_ahead(&clocks, 0);
    gate_clocks_note_date(&clocks, 15, moment_now_ms() + 2 * hour);
    check_ahead(&clocks, hour);
    clocks.list[0].heard_ms -= 10 * 60000; /* not heard any more */
    check_ahead(&clocks, -2 * hour);
    clocks.list[15].heard_ms -= 10 * 60000; /* none is: what was known holds on */
    check_ahead(&clocks, hour);
    gate_clocks_note(&clocks, 0, moment_now_ms() + 700, moment_boot_ms());
    assert_true(gate_clocks_skew(&clocks, &skew_ms) && skew_ms > -900 && skew_ms < -500);
    gate_clocks_note_date(&clocks, 0, moment_now_ms()); /* that is no better */
    assert_true(gate_clocks_skew(&clocks, &skew_ms) && skew_ms > -900 && skew_ms < -500);
    gate_clocks_end(&clocks);
}

static void a_gate_is_waited_for_before_another_is_believed(void **state)
{
    const int64_t hour = 3600000;
    struct gate_clocks clocks;
    int64_t skew_ms;

    (void)state;
    gate_clocks_begin(&clocks);
    gate_clocks_expect(&clocks, 2);
    gate_clocks_note(&clocks, 0, moment_now_ms() - hour, moment_boot_ms());
    assert_false(gate_clocks_skew(&clocks, &skew_ms));
    check_ahead(&clocks, 0);
    for (int i = 0; i < 3; i++) gate_clocks_note_away(&clocks, 1);
    check_ahead(&clocks, 0);
    gate_clocks_note_away(&clocks, 1);
    check_ahead(&clocks, hour); /* it is away: the other's word is all there is */
    gate_clocks_note_date(&clocks, 1, moment_now_ms());
    check_ahead(&clocks, 0);
    gate_clocks_end(&clocks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_gate_alone_says_that_the_clock_is_off),
        cmocka_unit_test(a_gate_is_waited_for_before_another_is_believed),
    };

    return cmocka_run_group_tests_name("gate_clocks", tests, NULL, NULL);
}
