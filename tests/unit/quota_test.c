/* The book of quotas: profiles, windows, clocks that go back, many threads, what is shown. */
#include <pthread.h>

#include "tests/unit/quota_scene.h"

/* -- profiles ------------------------------------------------------------------------------------ */

static void test_defaults(void **state)
{
    struct scene *scene = *state;
    struct quota_limits limits;
    quota_profile_limits(&scene->profiles.list[QUOTA_PROFILE_LANE], QUOTA_AT_KEYS, 4, &limits);
    assert_int_equal(limits.most[QUOTA_MINUTE][QUOTA_EVALUATIONS], 150 * 3 * 3 * 2);
    assert_int_equal(limits.most[QUOTA_DAY][QUOTA_EVALUATIONS], 10000 * 3 * 3 * 2);
    assert_int_equal(limits.most[QUOTA_DAY][QUOTA_KEYS], 24 * 4);
    quota_profile_limits(&scene->profiles.list[QUOTA_PROFILE_LANE], QUOTA_AT_GATE, 0, &limits);
    assert_int_equal(limits.most[QUOTA_MINUTE][QUOTA_TOKENS], 2700);
    assert_int_equal(limits.most[QUOTA_MINUTE][QUOTA_READS], 150);
    assert_int_equal(limits.most[QUOTA_DAY][QUOTA_READS], 10000);
    quota_profile_limits(&scene->profiles.list[QUOTA_PROFILE_AGENCY], QUOTA_AT_GATE, 0, &limits);
    assert_int_equal(limits.most[QUOTA_DAY][QUOTA_TOKENS], 5000000);
    assert_true(limits.most[QUOTA_MINUTE][QUOTA_TOKENS] == QUOTA_COUNT_MAX);
}

static void test_profiles(void **state)
{
    struct quota_profiles *profiles = &((struct scene *)*state)->profiles;
    struct quota_limits limits;
    assert_true(quota_profile_set(profiles, "bridge", "reads_a_minute", "300"));
    assert_true(quota_profile_set(profiles, "bridge", "grades", "full plate similar near"));
    assert_true(quota_profile_set(profiles, "bridge", "epochs", "1"));
    assert_true(quota_profile_set(profiles, "police", "epochs", "8"));
    assert_true(quota_profile_set(profiles, "police", "tokens", "1000"));
    assert_true(quota_profile_set(profiles, "agency", "pushes", "4"));
    assert_null(quota_profiles_problem(profiles));
    quota_profile_limits(&profiles->list[quota_profile_find(profiles, "bridge")], QUOTA_AT_KEYS, 4, &limits);
    assert_int_equal(limits.most[QUOTA_MINUTE][QUOTA_EVALUATIONS], 300 * 3 * (3 + 25));
    quota_profile_limits(&profiles->list[quota_profile_find(profiles, "police")], QUOTA_AT_KEYS, 4, &limits);
    assert_int_equal(limits.most[QUOTA_DAY][QUOTA_EVALUATIONS], 1000 * 8 * 2 / 4 * 5);
    assert_int_equal(limits.most[QUOTA_DAY][QUOTA_KEYS], 288 * 4);
    assert_true(quota_profile_set(profiles, "agency", "tokens", "1"));
    quota_profile_limits(&profiles->list[QUOTA_PROFILE_AGENCY], QUOTA_AT_KEYS, 4, &limits);
    assert_int_equal(limits.most[QUOTA_DAY][QUOTA_EVALUATIONS], 256); /* a whole batch, or it could never ask */
}

static void test_bad_profiles(void **state)
{
    struct quota_profiles *profiles = &((struct scene *)*state)->profiles;
    static const char *const bad[][2] = {
        { "reads_a_day", "0" }, { "reads_a_day", "-1" }, { "reads_a_day", "1e3" }, { "reads_a_day", "" }, { "candidates", "9" },
        { "reads_a_minute", "99999999999999999999" }, { "grades", "" }, { "grades", "full all" }, { "epochs", "9" }, { "speed", "1" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) assert_false(quota_profile_set(profiles, "bridge", bad[i][0], bad[i][1]));
    assert_false(quota_profile_set(profiles, "UPPER", "epochs", "1"));
    assert_false(quota_profile_set(profiles, "0123456789012345678901234567890123456789012345678", "epochs", "1"));
    assert_null(quota_profiles_problem(profiles));
    assert_true(quota_profile_set(profiles, "agency", "reads_a_day", "5"));
    assert_non_null(quota_profiles_problem(profiles));
    quota_profiles_begin(profiles);
    assert_true(quota_profile_set(profiles, "lane", "tokens", "5"));
    assert_non_null(quota_profiles_problem(profiles));
    quota_profiles_begin(profiles);
    assert_true(quota_profile_set(profiles, "x", "epochs", "8")); /* more than can be open */
    assert_non_null(quota_profiles_problem(profiles));
    quota_profiles_begin(profiles);
    char name[16];
    for (unsigned i = 2; i < LIMIT_QUOTA_PROFILES; i++) {
        snprintf(name, sizeof name, "p%u", i);
        assert_true(quota_profile_set(profiles, name, "epochs", "1"));
    }
    assert_false(quota_profile_set(profiles, "one-more", "epochs", "1"));
}

/* -- windows ------------------------------------------------------------------------------------- */

static void test_minute(void **state)
{
    struct scene *scene = *state;
    now_ms += 1;
    assert_passes(scene, "reader/a/1", 2500);
    assert_waits(scene, "reader/a/1", 201, 60, QUOTA_MINUTE); /* whole or not at all */
    assert_passes(scene, "reader/a/1", 200);
    now_ms += 30000;
    assert_waits(scene, "reader/a/1", 1, 30, QUOTA_MINUTE);
    assert_passes(scene, "reader/a/2", 2700); /* its own */
    now_ms += 29998;
    assert_waits(scene, "reader/a/1", 1, 1, QUOTA_MINUTE);
    now_ms += 1;
    assert_passes(scene, "reader/a/1", 2700);
    assert_int_equal(used_in(scene, "reader/a/1", "day"), 5400);
}

static void test_day(void **state)
{
    struct scene *scene = *state;
    struct quota_refusal refusal;
    for (unsigned i = 0; i < 66; i++, now_ms += 60000) assert_passes(scene, "reader/a/1", 2700);
    assert_passes(scene, "reader/a/1", 1800); /* 180,000 */
    unsigned left = (unsigned)((20001 * DAY_MS - now_ms) / 1000);
    assert_waits(scene, "reader/a/1", 1, left, QUOTA_DAY);
    now_ms += 60000;
    assert_waits(scene, "reader/a/1", 256, left - 60, QUOTA_DAY);
    struct peer peer = peer_called("reader/a/1");
    struct request request = { .peer = &peer };
    assert_fails(quota_look(scene->book, &request, &refusal), REASON_OVER_QUOTA);
    now_ms = 20001 * DAY_MS;
    assert_ok(quota_look(scene->book, &request, &refusal));
    assert_passes(scene, "reader/a/1", 2700);
}

static void test_too_much(void **state)
{
    struct quota_refusal refusal;
    assert_fails(charge(*state, "reader/a/1", 2701, &refusal), REASON_TOO_MUCH);
    assert_fails(charge(*state, "agency/b/1", 5000001, &refusal), REASON_TOO_MUCH);
    assert_passes(*state, "agency/b/1", 5000000);
    assert_int_equal(used_in(*state, "reader/a/1", "day"), 0);
}

static void test_who_has_none(void **state)
{
    for (unsigned i = 0; i < 100; i++) {
        assert_passes(*state, "operator/keys/kim", 1000000);
        assert_passes(*state, "node/gate-1", 1000000);
    }
    json_t *json = quota_use_json(((struct scene *)*state)->book, "auditor/ines", NULL);
    assert_true(json_is_null(json));
    json_decref(json);
}

static void test_give_back(void **state)
{
    struct scene *scene = *state;
    struct peer peer = peer_called("reader/a/1");
    struct request request = { .peer = &peer };
    struct quota_cost cost = { .amount = { 2000, 3 } };
    struct quota_refusal refusal;
    assert_ok(quota_charge(scene->book, &request, &cost, &refusal));
    quota_give_back(scene->book, &request, &cost);
    assert_int_equal(used_in(scene, "reader/a/1", "day"), 0);
    assert_ok(quota_charge(scene->book, &request, &cost, &refusal));
    now_ms += 60000; /* the minute of the charge is over; its day is not */
    assert_passes(scene, "reader/a/1", 100);
    quota_give_back(scene->book, &request, &cost);
    assert_int_equal(used_in(scene, "reader/a/1", "day"), 100);
    assert_int_equal(used_in(scene, "reader/a/1", "minute"), 100);
}

/* -- clocks -------------------------------------------------------------------------------------- */

static void test_clock_goes_back(void **state)
{
    struct scene *scene = *state;
    now_ms = 20001 * DAY_MS + 1000;
    assert_passes(scene, "reader/a/1", 2700);
    now_ms -= 2000; /* before midnight again: neither the day nor the minute is fresh */
    assert_waits(scene, "reader/a/1", 1, 61, QUOTA_MINUTE);
    assert_int_equal(used_in(scene, "reader/a/1", "day"), 2700);
    now_ms += 2000;
    assert_waits(scene, "reader/a/1", 1, 59, QUOTA_MINUTE);
    now_ms -= 3600000; /* an hour: the minute is another, and takes its count along */
    assert_waits(scene, "reader/a/1", 1, 59, QUOTA_MINUTE);
    now_ms += 60000;
    assert_passes(scene, "reader/a/1", 2700);
    assert_int_equal(used_in(scene, "reader/a/1", "day"), 5400);
    now_ms += 3600000;
    assert_int_equal(used_in(scene, "reader/a/1", "day"), 5400);
}

static void test_clock_was_years_ahead(void **state)
{
    struct scene *scene = *state;
    now_ms = 25000 * DAY_MS;
    assert_passes(scene, "reader/a/1", 2000);
    now_ms = NOON;
    reopen(scene);
    assert_int_equal(used_in(scene, "reader/a/1", "day"), 2000); /* not forgotten, and not for years */
    assert_passes(scene, "reader/a/1", 700);
    now_ms += DAY_MS;
    assert_int_equal(used_in(scene, "reader/a/1", "day"), 0);
}

/* -- many threads -------------------------------------------------------------------------------------- */

#define THREADS 8
#define ROUNDS 4000

struct crowd {
    struct scene *scene;
    unsigned passed;
};

static void *charge_on(void *context)
{
    struct crowd *crowd = context;
    struct quota_refusal refusal;
    for (unsigned i = 0; i < ROUNDS; i++) crowd->passed += !failed(charge(crowd->scene, i % 2 == 0 ? "reader/a/1" : "agency/b/1", 1, &refusal));
    return NULL;
}

static void test_threads(void **state)
{
    struct scene *scene = *state;
    pthread_t threads[THREADS];
    struct crowd crowds[THREADS];
    unsigned passed = 0;
    for (unsigned i = 0; i < THREADS; i++) {
        crowds[i] = (struct crowd){ scene, 0 };
        assert_int_equal(pthread_create(&threads[i], NULL, charge_on, &crowds[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        passed += crowds[i].passed;
    }
    assert_int_equal(passed, 2700 + THREADS * ROUNDS / 2); /* the lane's minute to the last one, the agency's all */
    assert_int_equal(used_in(scene, "reader/a/1", "minute"), 2700);
    assert_int_equal(used_in(scene, "reader/a/1", "day"), 2700);
    assert_int_equal(used_in(scene, "agency/b/1", "day"), THREADS * ROUNDS / 2);
}

/* -- what is shown ----------------------------------------------------------------------------------- */

static void test_status(void **state)
{
    struct scene *scene = *state;
    json_int_t names, refused, total, alarm_at;
    scene->profiles.total_a_day = 5000000;
    assert_passes(scene, "agency/b/1", 3999999);
    json_t *json = quota_status_json(scene->book);
    assert_int_equal(json_array_size(json_object_get(json, "hot")), 0);
    assert_int_equal(json_array_size(json_object_get(json, "alarms")), 0);
    json_decref(json);
    assert_passes(scene, "agency/b/1", 1);
    for (unsigned i = 0; i < 370; i++, now_ms += 60000)
        for (unsigned lane = 0; lane < 5; lane++) {
            char name[32];
            struct quota_refusal refusal;
            snprintf(name, sizeof name, "reader/a/%u", lane);
            (void)failed(charge(scene, name, 2700, &refusal));
        }
    json = quota_status_json(scene->book);
    assert_int_equal(json_unpack(json, "{s:I, s:I, s:{s:{s:I}, s:I}}", "names", &names, "refused", &refused, "total", "used", "evaluations",
                                 &total, "alarm_at", &alarm_at), 0);
    assert_int_equal(names, 6);
    assert_int_equal(refused, 5 * (370 - 66));
    assert_int_equal(total, 4000000 + 5 * 178200);
    assert_int_equal(alarm_at, 5000000);
    json_t *hot = json_object_get(json, "hot");
    assert_int_equal(json_array_size(hot), 6);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(hot, 0), "percent")), 99); /* 178,200 of 180,000 */
    assert_string_equal(json_string_value(json_object_get(json_array_get(hot, 5), "name")), "agency/b/1");
    assert_int_equal(json_integer_value(json_object_get(json_array_get(hot, 5), "percent")), 80);
    json_t *alarms = json_object_get(json, "alarms");
    assert_string_equal(json_string_value(json_array_get(alarms, 0)), "name");
    assert_int_equal(json_array_size(alarms), 1);
    json_decref(json);
    scene->profiles.total_a_day = 4000000;
    json = quota_status_json(scene->book);
    assert_string_equal(json_string_value(json_array_get(json_object_get(json, "alarms"), 1)), "total");
    json_decref(json);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_defaults), TEST(test_profiles), TEST(test_bad_profiles), TEST(test_minute), TEST(test_day),
        TEST(test_too_much), TEST(test_who_has_none), TEST(test_give_back), TEST(test_clock_goes_back),
        TEST(test_clock_was_years_ahead), TEST(test_threads), TEST(test_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
