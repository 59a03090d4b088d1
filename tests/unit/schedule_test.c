/* The calendar of the epochs. */
#include "server/keys/schedule.h"
#include "tests/unit/unit.h"

static const struct schedule daily = { 86400, 3600, 3600, 1 };

static void test_ids(void **state)
{
    char id[SCHEDULE_ID_SIZE];
    (void)state;
    schedule_id(0, id);
    assert_string_equal(id, "19700101T000000Z");
    schedule_id(1795305600, id);
    assert_string_equal(id, "20261122T000000Z");
}

static void test_wanted(void **state)
{
    struct span spans[SCHEDULE_WANTED_MAX];
    (void)state;
    for (int64_t now = 1795305600; now < 1795305600 + 86400; now += 599) {
        assert_int_equal(schedule_wanted(&daily, now, spans), 2);
        assert_int_equal(spans[0].opens_s, 1795305600);
        assert_int_equal(spans[0].closes_s, 1795305600 + 86400 + 3600);
        assert_int_equal(spans[0].destroyed_s, 1795305600 + 86400 + 7200);
        assert_int_equal(spans[1].opens_s, 1795305600 + 86400);
    }
    assert_int_equal(schedule_wanted(&daily, 1795305600 - SCHEDULE_EARLY_S - 1, spans), 2);
    for (int64_t early = SCHEDULE_EARLY_S; early > 0; early--) { /* those of now and those of after the change */
        assert_int_equal(schedule_wanted(&daily, 1795305600 - early, spans), 3);
        assert_int_equal(spans[0].opens_s, 1795305600 - 86400);
        assert_int_equal(spans[1].opens_s, 1795305600);
        assert_int_equal(spans[2].opens_s, 1795305600 + 86400);
    }
    struct schedule ahead = { 2, 1, 0, LIMIT_EPOCHS_AHEAD };
    assert_int_equal(schedule_wanted(&ahead, 7, spans), SCHEDULE_WANTED_MAX);
    assert_int_equal(spans[0].opens_s, 6);
    assert_int_equal(spans[LIMIT_EPOCHS_AHEAD].opens_s, 6 + 2 * LIMIT_EPOCHS_AHEAD);
}

static void test_states(void **state)
{
    struct span span = { 100, 200, 300 };
    (void)state;
    assert_int_equal(schedule_state(&span, false, 99999), EPOCH_COMING);
    assert_int_equal(schedule_state(&span, false, 100000), EPOCH_OPEN);
    assert_int_equal(schedule_state(&span, false, 199999), EPOCH_OPEN);
    assert_int_equal(schedule_state(&span, false, 200000), EPOCH_CLOSED);
    assert_int_equal(schedule_state(&span, false, 999999),
                     EPOCH_CLOSED); /* due, but not yet erased: that is not destroyed */
    assert_int_equal(schedule_state(&span, true, 999999), EPOCH_DESTROYED);
    assert_int_equal(schedule_state(&span, true, 150000),
                     EPOCH_DESTROYED); /* the clock was set back: the key is gone all the same */
}

static void test_problems(void **state)
{
    struct schedule longer = { 10, 11, 0, 1 }, crowded = { 2, 1, 3600, 1 }, far = { 2, 2, 4, LIMIT_EPOCHS_AHEAD };
    (void)state;
    assert_null(schedule_problem(&daily));
    assert_non_null(schedule_problem(&longer));
    assert_non_null(schedule_problem(&crowded));
    assert_null(schedule_problem(&far));
}

/* Whatever the schedule allows must fit into what is kept in mind. */
static void test_what_is_allowed_fits(void **state)
{
    (void)state;
    for (int64_t after = 0; after < 200; after++) {
        struct schedule schedule = { 3, 3, after, 5 };
        if (schedule_problem(&schedule) != NULL) continue;
        size_t live = 0;
        for (int64_t opens = -900; opens <= 15; opens += 3) live += schedule_span(&schedule, opens).destroyed_s > 0;
        assert_true(live + SCHEDULE_ERASED_KEPT <= LIMIT_EPOCHS_KNOWN);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_wanted),
        cmocka_unit_test(test_states),
        cmocka_unit_test(test_problems),
        cmocka_unit_test(test_what_is_allowed_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
