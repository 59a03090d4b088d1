/* How lanes fare: what a report changes, when a lane is silent, and what several gates know of it.  The clock is what the test says. */
#include "server/gate/lanes/lanes.h"

#include <stdlib.h>

#include "tests/unit/unit.h"

#define S INT64_C(1000)
#define HOUR (3600 * S)
#define START (10 * HOUR)           /* steady */
#define WALL INT64_C(1795311043123) /* what the wall says then */

static const struct lane_wishes none = { .skew_s = 10 };

/* Sent at NOW (steady), by a lane that has run for an hour. */
static struct lane_report report_at(int64_t now_ms)
{
    return (struct lane_report){ .started_ms = WALL - HOUR, .sent_ms = WALL + now_ms - START, .interval_s = 10, .version = "0.1" };
}

static struct lane_facts facts_of(const struct lane_report *report, int64_t now_ms)
{
    struct lane_facts facts = { .site = "north", .lane = "1", .first_ms = now_ms };

    facts.check_ms = facts.report_ms = facts.read_ms = facts.unchecked_ms = facts.false_ms = facts.calibrated_ms = LANE_NEVER;
    if (report != NULL) lane_facts_report(&facts, report, now_ms, WALL + now_ms - START);
    return facts;
}

static enum lane_state state_at(const struct lane_facts *facts, const struct lane_wishes *wishes, int64_t known_ms, int64_t now_ms)
{
    return lane_judge(facts, wishes, true, known_ms, now_ms).state;
}

static unsigned alarms_at(const struct lane_facts *facts, const struct lane_wishes *wishes, int64_t now_ms)
{
    return lane_judge(facts, wishes, true, now_ms, now_ms).alarms;
}

/* -- one lane ------------------------------------------------------------------------------------------------------------------------- */

static void silence_is_three_intervals_or_what_is_wished(void **state)
{
    struct lane_report report = report_at(START);
    struct lane_facts facts = facts_of(&report, START);

    (void)state;
    assert_int_equal(state_at(&facts, &none, START + 30 * S, START + 30 * S), LANE_WELL);
    assert_int_equal(state_at(&facts, &none, START + 31 * S, START + 31 * S), LANE_SILENT);
    assert_int_equal(alarms_at(&facts, &none, START + 31 * S), LANE_ALARM_SILENT);
    facts.check_ms = START + 20 * S; /* it still checks */
    assert_int_equal(state_at(&facts, &none, START + 31 * S, START + 31 * S), LANE_WELL);
    assert_int_equal(state_at(&facts, &(struct lane_wishes){ 5, 0, 10 }, START + 31 * S, START + 31 * S), LANE_SILENT);
    report.interval_s = 60;
    facts = facts_of(&report, START);
    assert_int_equal(state_at(&facts, &none, START + 180 * S, START + 180 * S), LANE_WELL);
    assert_int_equal(state_at(&facts, &none, START + 181 * S, START + 181 * S), LANE_SILENT);
    assert_int_equal(lane_judge(&facts, &none, false, START + HOUR, START + HOUR).state, LANE_REMOVED);
    assert_int_equal(lane_judge(&facts, &none, false, START + HOUR, START + HOUR).alarms, 0);
}

static void one_that_only_checks_may_keep_quiet(void **state)
{
    struct lane_facts facts = facts_of(NULL, START);

    (void)state;
    facts.check_ms = START;
    assert_int_equal(state_at(&facts, &none, START + 9 * HOUR, START + 9 * HOUR), LANE_WELL);
    assert_int_equal(state_at(&facts, &(struct lane_wishes){ 600, 0, 10 }, START + 601 * S, START + 601 * S), LANE_SILENT);
    assert_int_equal(alarms_at(&facts, &(struct lane_wishes){ 0, 600, 10 }, START + 601 * S), LANE_ALARM_IDLE);
}

static void a_goodbye_holds_until_it_is_heard_again(void **state)
{
    struct lane_report report = report_at(START);

    (void)state;
    report.ending = true;
    struct lane_facts facts = facts_of(&report, START);
    facts.check_ms = START + S; /* another gate's answer that was under way */
    assert_int_equal(state_at(&facts, &none, START + 9 * HOUR, START + 9 * HOUR), LANE_ENDED);
    facts.check_ms = START + 5 * S; /* somebody asks under its name */
    assert_int_equal(state_at(&facts, &none, START + 6 * S, START + 6 * S), LANE_WELL);
    assert_int_equal(state_at(&facts, &none, START + HOUR, START + HOUR), LANE_ENDED);
    report = report_at(START + HOUR); /* it is back, and gone again */
    lane_facts_report(&facts, &report, START + HOUR, WALL + HOUR);
    assert_int_equal(state_at(&facts, &none, START + HOUR, START + HOUR), LANE_WELL);
    assert_int_equal(state_at(&facts, &none, START + 2 * HOUR, START + 2 * HOUR), LANE_SILENT);
}

/* What a gate does not know it says, and no silence begins; one that was known stands. */
static void without_the_database_nobody_is_called_silent(void **state)
{
    const struct lane_report report = report_at(START);
    const struct lane_facts facts = facts_of(&report, START);

    (void)state;
    assert_int_equal(state_at(&facts, &none, LANE_NEVER, START + 31 * S), LANE_UNKNOWN);
    assert_int_equal(state_at(&facts, &none, START + 29 * S, START + HOUR), LANE_UNKNOWN);
    assert_int_equal(lane_judge(&facts, &none, true, START + 29 * S, START + HOUR).alarms, 0);
    assert_int_equal(state_at(&facts, &none, START + 31 * S, START + HOUR), LANE_SILENT);
}

/* Another run is no alarm; the one before it, heard again, is. */
static void two_of_one_name(void **state)
{
    const struct lane_report first = report_at(START);
    struct lane_report second = report_at(START + 10 * S);
    struct lane_facts facts = facts_of(&first, START);
    int64_t now = START + 10 * S;

    (void)state;
    second.started_ms += 60 * S;
    lane_facts_report(&facts, &second, now, WALL + now - START);
    assert_int_equal(alarms_at(&facts, &none, now), 0);
    second.sent_ms += 10 * S;
    lane_facts_report(&facts, &second, now += 10 * S, second.sent_ms);
    assert_int_equal(alarms_at(&facts, &none, now), 0);
    lane_facts_report(&facts, &first, now += S, first.sent_ms);
    assert_int_equal(alarms_at(&facts, &none, now), LANE_ALARM_TWICE);
    now += 601 * S;
    second = first; /* goes on alone */
    second.sent_ms = WALL + now - START;
    lane_facts_report(&facts, &second, now, second.sent_ms);
    assert_int_equal(alarms_at(&facts, &none, now), 0);
}

static void what_goes_wrong_with_one_that_talks(void **state)
{
    struct lane_report report = report_at(START);
    struct lane_facts facts = facts_of(&report, START);
    int64_t now = START + 10 * S;

    (void)state;
    assert_int_equal(alarms_at(&facts, &none, now), 0);
    report = report_at(now);
    report.totals[LANE_AGED] = 1;
    report.totals[LANE_FALSE_TAGS] = 1;
    lane_facts_report(&facts, &report, now, WALL + now - START);
    assert_int_equal(alarms_at(&facts, &none, now), LANE_ALARM_UNCHECKED | LANE_ALARM_FALSE_TAGS);
    report.sent_ms += 100 * S; /* no more of either; but its clock is wrong */
    lane_facts_report(&facts, &report, now + 1, WALL + now - START);
    assert_int_equal(alarms_at(&facts, &none, now + 1), LANE_ALARM_UNCHECKED | LANE_ALARM_FALSE_TAGS | LANE_ALARM_SKEW);
    now += 301 * S;
    report = report_at(now);
    report.totals[LANE_AGED] = report.totals[LANE_FALSE_TAGS] = 1;
    lane_facts_report(&facts, &report, now, WALL + now - START);
    assert_int_equal(alarms_at(&facts, &none, now), LANE_ALARM_FALSE_TAGS);
    now += 86400 * S;
    report.sent_ms = WALL + now - START;
    lane_facts_report(&facts, &report, now, WALL + now - START);
    assert_int_equal(alarms_at(&facts, &none, now), 0);
}

static void calibration_fails_or_is_overdue(void **state)
{
    struct lane_report report = report_at(START);
    static const enum lane_calibration bad[] = { LANE_CALIBRATION_CLEAR, LANE_CALIBRATION_OTHER, LANE_CALIBRATION_UNCHECKED, LANE_CALIBRATION_FALSE };

    (void)state;
    report.calibration_interval_s = 60;
    report.calibrated_ms = report.sent_ms - S;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        report.calibration = bad[i];
        const struct lane_facts facts = facts_of(&report, START);
        assert_int_equal(alarms_at(&facts, &none, START), LANE_ALARM_CALIBRATION);
    }
    report.calibration = LANE_CALIBRATION_GOOD;
    struct lane_facts facts = facts_of(&report, START);
    assert_int_equal(alarms_at(&facts, &none, START), 0);
    report.calibrated_ms = report.sent_ms - 191 * S; /* three intervals and a report's */
    facts = facts_of(&report, START);
    assert_int_equal(alarms_at(&facts, &none, START), LANE_ALARM_CALIBRATION);
    report.calibration = LANE_CALIBRATION_NONE; /* just started */
    report.calibrated_ms = 0;
    report.started_ms = report.sent_ms - 100 * S;
    facts = facts_of(&report, START);
    assert_int_equal(alarms_at(&facts, &none, START), 0);
    report.started_ms = report.sent_ms - 191 * S;
    facts = facts_of(&report, START);
    assert_int_equal(alarms_at(&facts, &none, START), LANE_ALARM_CALIBRATION);
}

static void one_without_reads_is_idle_where_that_matters(void **state)
{
    const struct lane_wishes wishes = { 0, 600, 10 };
    struct lane_report report = report_at(START);

    (void)state;
    report.started_ms = report.sent_ms - 10 * S;
    struct lane_facts facts = facts_of(&report, START);
    assert_int_equal(alarms_at(&facts, &wishes, START), 0);
    for (int64_t now = START; now <= START + 595 * S; now += 10 * S) {
        struct lane_report next = report_at(now);
        next.started_ms = report.started_ms;
        lane_facts_report(&facts, &next, now, WALL + now - START);
        assert_int_equal(alarms_at(&facts, &wishes, now), now - START + 10 * S > 600 * S ? LANE_ALARM_IDLE : 0);
        assert_int_equal(alarms_at(&facts, &none, now), 0);
    }
    report = report_at(START + 600 * S);
    report.totals[LANE_READS] = 1;
    lane_facts_report(&facts, &report, START + 600 * S, WALL + 600 * S);
    assert_int_equal(alarms_at(&facts, &wishes, START + 600 * S), 0);
}

static void what_a_lane_counts_in_several_runs_adds_up(void **state)
{
    struct lane_report report = report_at(START);

    (void)state;
    report.totals[LANE_READS] = 7;
    report.totals[LANE_AWAY] = 2;
    report.totals[LANE_FULL] = 1;
    struct lane_facts facts = facts_of(&report, START);
    report.started_ms += HOUR;
    report.totals[LANE_READS] = 5;
    lane_facts_report(&facts, &report, START + S, WALL + S);
    lane_facts_report(&facts, &report, START + 2 * S, WALL + 2 * S);
    assert_int_equal(facts.before[LANE_READS], 7);
    assert_int_equal(facts.report.totals[LANE_READS], 5);
    assert_int_equal(lane_unchecked(facts.before), 3);
}

/* -- a gate's book of them -------------------------------------------------------------------------------------------------------------- */

static const struct lane_wishes *wish(void *context, const char *site)
{
    (void)site;
    return context;
}

static void a_lane_is_written_once_in_some_seconds(void **state)
{
    struct lanes *lanes = lanes_create();
    struct lane_facts facts[4];
    struct lane_wishes wishes = none;
    struct lane_report report = report_at(START);

    (void)state;
    assert_non_null(lanes);
    lanes_checked(lanes, "north", "1", START);
    assert_int_equal(lanes_take_changed(lanes, wish, &wishes, START, facts, 4), 1);
    lanes_checked(lanes, "north", "1", START + S);
    assert_int_equal(lanes_take_changed(lanes, wish, &wishes, START + S, facts, 4), 0);
    assert_int_equal(lanes_take_changed(lanes, wish, &wishes, START + 5 * S, facts, 4), 1);
    assert_int_equal(facts[0].check_ms, START + S);
    assert_int_equal(lanes_take_changed(lanes, wish, &wishes, START + 15 * S, facts, 4), 0); /* nothing new */
    lanes_give_back(lanes, facts, 1);
    assert_int_equal(lanes_take_changed(lanes, wish, &wishes, START + 15 * S, facts, 4), 1);
    report.ending = true; /* a goodbye goes at once */
    assert_true(lanes_reported(lanes, "north", "1", &report, START + 16 * S, WALL + 16 * S));
    assert_int_equal(lanes_take_changed(lanes, wish, &wishes, START + 16 * S, facts, 4), 1);
    assert_true(facts[0].report.ending);
    wishes.silence_s = 3; /* where silence is short, so is this */
    for (int i = 20; i < 24; i++) {
        lanes_checked(lanes, "north", "1", START + i * S);
        assert_int_equal(lanes_take_changed(lanes, wish, &wishes, START + i * S, facts, 4), 1);
    }
    lanes_destroy(lanes);
}

static void the_end_of_a_run_is_written_before_the_next(void **state)
{
    struct lanes *lanes = lanes_create();
    struct lane_facts facts[4];
    struct lane_wishes wishes = none;
    struct lane_report report = report_at(START), next = report_at(START);

    (void)state;
    assert_non_null(lanes);
    report.totals[LANE_READS] = 7;
    next.started_ms += S;
    next.totals[LANE_READS] = 1;
    assert_true(lanes_reported(lanes, "north", "1", &report, START, WALL));
    assert_true(lanes_reported(lanes, "north", "1", &next, START + 1, WALL));
    for (int i = 0; i < 2; i++) { /* also when the first time fails */
        assert_int_equal(lanes_take_changed(lanes, wish, &wishes, START + i * S, facts, 4), 1);
        assert_int_equal(facts[0].report.totals[LANE_READS], 7);
        if (i == 0) lanes_give_back(lanes, facts, 1);
    }
    assert_int_equal(lanes_take_changed(lanes, wish, &wishes, START + 2 * S, facts, 4), 1);
    assert_int_equal(facts[0].report.totals[LANE_READS], 1);
    assert_int_equal(facts[0].before[LANE_READS], 7);
    assert_int_equal(lanes_take_changed(lanes, wish, &wishes, START + 9 * S, facts, 4), 0);
    lanes_destroy(lanes);
}

static struct lane_facts only_lane(struct lanes *lanes)
{
    size_t count;
    struct lane_facts *copy = lanes_copy(lanes, &count);

    assert_non_null(copy);
    assert_int_equal(count, 1);
    const struct lane_facts facts = copy[0];
    free(copy);
    return facts;
}

/* One gate hears the lane, the other reads of it, until the database is away. */
static void two_gates(void **state)
{
    struct lanes *here = lanes_create(), *there = lanes_create();
    struct lane_report report = report_at(START);
    struct lane_facts facts;

    (void)state;
    assert_true(here != NULL && there != NULL);
    assert_true(lanes_reported(there, "north", "1", &report, START, WALL));
    facts = only_lane(there);
    lanes_merge(here, &facts);
    assert_int_equal(lanes_known_ms(here, 30 * S), LANE_NEVER);
    int64_t now = START;
    for (; now < START + 60 * S; now += 2 * S) lanes_synced(here, now); /* nothing more was heard there */
    facts = only_lane(here);
    assert_int_equal(lane_judge(&facts, &none, true, lanes_known_ms(here, 30 * S), now).state, LANE_SILENT);
    report = report_at(now);
    assert_true(lanes_reported(there, "north", "1", &report, now, WALL + now - START));
    facts = only_lane(there);
    lanes_merge(here, &facts);
    lanes_cut_off(here);
    facts = only_lane(here);
    assert_int_equal(lane_judge(&facts, &none, true, lanes_known_ms(here, 30 * S), now + 20 * S).state, LANE_WELL);
    assert_int_equal(lane_judge(&facts, &none, true, lanes_known_ms(here, 30 * S), now + HOUR).state, LANE_UNKNOWN);
    lanes_synced(here, now + HOUR); /* it is back, and the other may not have written yet */
    assert_int_equal(lane_judge(&facts, &none, true, lanes_known_ms(here, 30 * S), now + HOUR).state, LANE_UNKNOWN);
    lanes_synced(here, now + HOUR + 20 * S);
    assert_int_equal(lane_judge(&facts, &none, true, lanes_known_ms(here, 30 * S), now + HOUR + 20 * S).state, LANE_SILENT);
    lanes_checked(here, "north", "1", now + HOUR + 21 * S);
    facts.check_ms = START; /* the database is behind */
    lanes_merge(here, &facts);
    assert_int_equal(only_lane(here).check_ms, now + HOUR + 21 * S);
    lanes_destroy(here);
    lanes_destroy(there);
}

static void there_is_an_end_to_lanes(void **state)
{
    struct lanes *lanes = lanes_create();
    char name[16];
    size_t count;

    (void)state;
    assert_non_null(lanes);
    for (int i = 0; i < LIMIT_LANES + 10; i++) {
        snprintf(name, sizeof(name), "%d", i);
        lanes_checked(lanes, "north", name, START);
    }
    const struct lane_report report = report_at(START);
    assert_false(lanes_reported(lanes, "south", "1", &report, START, WALL));
    free(lanes_copy(lanes, &count));
    assert_int_equal(count, LIMIT_LANES);
    for (int i = 0; i < LIMIT_LANES; i += 2) {
        snprintf(name, sizeof(name), "%d", i);
        lanes_forget(lanes, "north", name);
    }
    for (int i = 1; i < LIMIT_LANES; i += 2) { /* the others are where they can be found */
        snprintf(name, sizeof(name), "%d", i);
        lanes_checked(lanes, "north", name, START + S);
    }
    free(lanes_copy(lanes, &count));
    assert_int_equal(count, LIMIT_LANES / 2);
    assert_true(lanes_reported(lanes, "south", "1", &report, START, WALL));
    lanes_destroy(lanes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(silence_is_three_intervals_or_what_is_wished),
        cmocka_unit_test(one_that_only_checks_may_keep_quiet),
        cmocka_unit_test(a_goodbye_holds_until_it_is_heard_again),
        cmocka_unit_test(without_the_database_nobody_is_called_silent),
        cmocka_unit_test(what_goes_wrong_with_one_that_talks), cmocka_unit_test(two_of_one_name),
        cmocka_unit_test(calibration_fails_or_is_overdue),
        cmocka_unit_test(one_without_reads_is_idle_where_that_matters),
        cmocka_unit_test(what_a_lane_counts_in_several_runs_adds_up),
        cmocka_unit_test(a_lane_is_written_once_in_some_seconds),
        cmocka_unit_test(the_end_of_a_run_is_written_before_the_next),
        cmocka_unit_test(two_gates),
        cmocka_unit_test(there_is_an_end_to_lanes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
