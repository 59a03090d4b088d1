/* A list's rules: what differs, which lists are special, which changes take two people, which commits a guard refuses. */
#include "server/gate/lists/rules.h"

#include "tests/unit/unit.h"

#define NOW INT64_C(1795311043123)
#define DAY INT64_C(86400000)

static const struct list_limits limits = { NOW, 90, 7 };

static struct list_rules rules_of(bool covert, enum platesieve_grade grade, int64_t ends_ms)
{
    return (struct list_rules){ .category = "stolen", .grade = grade, .covert = covert, .ends_ms = ends_ms };
}

static void a_patch_changes_what_it_says(void **state)
{
    struct list_rules before = rules_of(false, PLATESIEVE_PLATE, 0), after = before;
    struct list_patch patch = { .given = RULE_COOLDOWN | RULE_SITES, .rules = { .cooldown_s = 60, .priority = 99, .site_count = 1, .sites = { "north" } } };

    (void)state;
    list_rules_apply(&after, &patch);
    assert_int_equal(list_rules_changed(&before, &after), RULE_COOLDOWN | RULE_SITES);
    assert_int_equal(after.priority, 0);
    assert_string_equal(after.sites[0], "north");
    patch.given = RULE_SITES;
    patch.rules.site_count = 0;
    list_rules_apply(&after, &patch);
    assert_int_equal(list_rules_changed(&before, &after), RULE_COOLDOWN);
    patch = (struct list_patch){ .given = 2047, .rules = rules_of(true, PLATESIEVE_NEAR, NOW) };
    snprintf(patch.rules.category, sizeof patch.rules.category, "other");
    snprintf(patch.rules.instruction, sizeof patch.rules.instruction, "Stop.");
    patch.rules.calibration = true;
    patch.rules.priority = patch.rules.retention_days = patch.rules.age_limit_s = 5;
    list_rules_apply(&after, &patch);
    assert_int_equal(list_rules_changed(&patch.rules, &after), 0);
    assert_int_equal(list_rules_changed(&before, &after), 2047 & ~(RULE_SITES | RULE_COOLDOWN));
}

static void two_people(void **state)
{
    static const struct {
        bool covert_before, covert_after;
        enum platesieve_grade before, after;
        int64_t ends_before, ends_after;
        bool two;
    } cases[] = {
        { false, false, PLATESIEVE_PLATE, PLATESIEVE_SIMILAR, 0, 0, false },
        { false, true, PLATESIEVE_PLATE, PLATESIEVE_PLATE, 0, 5, true },
        { true, false, PLATESIEVE_PLATE, PLATESIEVE_PLATE, 5, 0, false },
        { false, false, PLATESIEVE_PLATE, PLATESIEVE_NEAR, 5, 5, true },
        { false, false, PLATESIEVE_NEAR, PLATESIEVE_PLATE, 5, 9, false },
        { true, true, PLATESIEVE_PLATE, PLATESIEVE_NEAR, 5, 5, true },
        { false, true, PLATESIEVE_NEAR, PLATESIEVE_NEAR, 5, 5, true },
        { true, true, PLATESIEVE_PLATE, PLATESIEVE_PLATE, 5, 5, false },
        { true, true, PLATESIEVE_PLATE, PLATESIEVE_PLATE, 5, 6, true },
        { true, true, PLATESIEVE_PLATE, PLATESIEVE_PLATE, 5, 4, false },
        { true, true, PLATESIEVE_PLATE, PLATESIEVE_PLATE, 5, 0, true },
        { true, true, PLATESIEVE_NEAR, PLATESIEVE_FULL, 5, 5, false },
        { false, false, PLATESIEVE_PLATE, PLATESIEVE_PLATE, 5, 9, false },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct list_rules before = rules_of(cases[i].covert_before, cases[i].before, cases[i].ends_before);
        struct list_rules after = rules_of(cases[i].covert_after, cases[i].after, cases[i].ends_after);

        assert_int_equal(list_rules_take_two(&before, &after), cases[i].two);
        assert_int_equal(list_rules_take_two(NULL, &after), list_rules_special(&after));
    }
    assert_true(list_same_person("agency/customs/ana", "agency/customs/ana"));
    assert_false(list_same_person("agency/customs/ana", "agency/customs/ana2"));
}

static void ends(void **state)
{
    struct list_rules open = rules_of(false, PLATESIEVE_PLATE, 0), covert = rules_of(true, PLATESIEVE_PLATE, NOW + 90 * DAY), after;

    (void)state;
    assert_ok(list_rules_check(NULL, &open, &limits));
    assert_ok(list_rules_check(NULL, &covert, &limits));
    covert.ends_ms++;
    assert_fails(list_rules_check(NULL, &covert, &limits), REASON_ENDS);
    assert_fails(list_rules_check(&open, &covert, &limits), REASON_ENDS);
    after = covert; /* it was allowed once: other rules may change */
    after.priority = 5;
    assert_ok(list_rules_check(&covert, &after, &limits));
    covert.ends_ms = 0;
    assert_fails(list_rules_check(NULL, &covert, &limits), REASON_ENDS);
    open.ends_ms = NOW;
    assert_fails(list_rules_check(NULL, &open, &limits), REASON_ENDS); /* no list begins ended, */
    open.ends_ms = 0;
    after = open;
    after.ends_ms = NOW - 5;
    assert_ok(list_rules_check(&open, &after, &limits)); /* but one may end now */
    after.ends_ms = NOW + 4000 * DAY;
    assert_ok(list_rules_check(&open, &after, &limits));
    covert = after;
    covert.covert = true; /* an end of before that is too far */
    assert_fails(list_rules_check(&after, &covert, &limits), REASON_ENDS);
}

static void calibration(void **state)
{
    struct list_rules rules = rules_of(false, PLATESIEVE_SIMILAR, 0);

    (void)state;
    rules.calibration = true;
    rules.retention_days = LIMIT_CALIBRATION_DAYS;
    assert_false(list_rules_take_two(NULL, &rules));
    assert_ok(list_rules_check(NULL, &rules, &limits));
    rules.retention_days++;
    assert_fails(list_rules_check(NULL, &rules, &limits), REASON_CALIBRATION);
    assert_fails(list_rules_check(&rules, &rules, &limits), REASON_CALIBRATION);
    rules.retention_days = 1;
    rules.ends_ms = NOW + DAY;
    rules.covert = true;
    assert_fails(list_rules_check(NULL, &rules, &limits), REASON_CALIBRATION);
    rules.covert = false;
    rules.grade = PLATESIEVE_NEAR;
    assert_fails(list_rules_check(NULL, &rules, &limits), REASON_CALIBRATION);
    rules.calibration = false;
    assert_ok(list_rules_check(NULL, &rules, &limits));
}

static void guards(void **state)
{
    const struct list_guard guard = { 100, 20, 100 };

    (void)state;
    assert_int_equal(list_guard_check(&guard, 99, 0), LIST_KEEPS);
    assert_int_equal(list_guard_check(&guard, 99, 100000), LIST_KEEPS);
    assert_int_equal(list_guard_check(&guard, 100, 80), LIST_KEEPS);
    assert_int_equal(list_guard_check(&guard, 100, 79), LIST_SHRINKS);
    assert_int_equal(list_guard_check(&guard, 100, 200), LIST_KEEPS);
    assert_int_equal(list_guard_check(&guard, 100, 201), LIST_GROWS);
    assert_int_equal(list_guard_check(&guard, LIMIT_ENTRIES, 0), LIST_SHRINKS);
    assert_int_equal(list_guard_check(&guard, 100, LIMIT_ENTRIES), LIST_GROWS);
    assert_int_equal(list_guard_check(&(struct list_guard){ 1, 100, 1000000 }, LIMIT_ENTRIES, 0), LIST_KEEPS);
    assert_int_equal(list_guard_check(&(struct list_guard){ 0 }, 1000, 0), LIST_KEEPS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_patch_changes_what_it_says),
        cmocka_unit_test(two_people),
        cmocka_unit_test(ends),
        cmocka_unit_test(calibration),
        cmocka_unit_test(guards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
