/* client/vehicles/captions.c, through vehicles: lettering is learned, plates are not. */
#include "tests/unit/vehicle_scene.h"

#define ENOUGH 20

static struct vehicles *vehicles;
static struct lane_read answer;
static unsigned passed; /* vehicles so far: each has a plate of its own */

static int set_up(void **state)
{
    (void)state;
    passed = 0;
    vehicles = vehicles_create(&usual_rules);
    return vehicles == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    vehicles_destroy(vehicles);
    return 0;
}

static enum vehicle_outcome take(const char *spellings, int64_t now_ms)
{
    struct engine_read look = look_at(spellings);

    return vehicles_take(vehicles, &look, now_ms, LIMIT_CHECK_CANDIDATES, &answer);
}

/* The next vehicle, quite unlike the others, read with MORE; was MORE's first asked about? */
static bool pass(const char *more, int64_t now_ms)
{
    const unsigned n = passed++;
    char spellings[96], text[16];

    snprintf(text, sizeof(text), "%u%c%u%c%u%c", n % 10, 'P' + n / 10 % 10, n * 7 % 10, 'T' + n / 3 % 6, n / 100 % 10, 'V' + n % 4);
    snprintf(spellings, sizeof(spellings), "%s:0.9 %s", text, more);
    assert_int_not_equal(take(spellings, now_ms), VEHICLE_CAPTION);
    return strcspn(more, ":") > 0 && strstr(asked(&answer), "HHCCH/") != NULL;
}

static void test_lettering_on_each_vehicle(void **state)
{
    int64_t now = 0;
    unsigned count = 0;

    (void)state;
    for (unsigned i = 0; i < 3 * ENOUGH; i++, now += 5000) count += pass("HHCCH:0.8", now);
    assert_in_range(count, ENOUGH, ENOUGH + 2);
    count = 0;
    for (unsigned i = 0; i < 240; i++, now += 5000) count += pass("HHCCH:0.8", now); /* twenty minutes: asked about every ten */
    assert_in_range(count, 1, 3);
}

/* Where a tenth of all vehicles come without it. */
static void test_nearly_each_vehicle(void **state)
{
    int64_t now = 0;

    (void)state;
    for (unsigned i = 0; i < 6 * ENOUGH; i++, now += 5000) pass(i % 10 == 9 ? "" : "HHCCH:0.8", now);
    assert_false(pass("HHCCH:0.8", now));
}

static void test_it_is_forgotten(void **state)
{
    int64_t now = 0;

    (void)state;
    for (unsigned i = 0; i < 2 * ENOUGH; i++, now += 5000) pass("HHCCH:0.8", now);
    assert_false(pass("HHCCH:0.8", now));
    for (unsigned i = 0; i < ENOUGH; i++, now += 5000) pass("", now);
    assert_true(pass("HHCCH:0.8", now));
    vehicles_forget(vehicles, now + 86401000);
    assert_true(pass("HHCCH:0.8", now + 86401000));
}

static void test_another_camera_learns_by_itself(void **state)
{
    struct engine_read look = look_at("QBQ1231:0.9 HHCCH:0.8");

    (void)state;
    for (unsigned i = 0; i < 2 * ENOUGH; i++) pass("HHCCH:0.8", i * 5000);
    snprintf(look.camera, sizeof(look.camera), "south");
    assert_int_equal(vehicles_take(vehicles, &look, 200000, 5, &answer), VEHICLE_NEW);
    assert_string_equal(asked(&answer), "QBQ1231/ HHCCH/");
}

/* Some cars do have such a plate: it is then a reading of its own. */
static void test_a_caption_as_a_plate(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2 * ENOUGH; i++) pass("HHCCH:0.8", i * 5000);
    assert_int_equal(take("HHCCH:0.9 HHCGH:0.4", 200000), VEHICLE_NEW);
    assert_string_equal(asked(&answer), "HHCCH/ HHCGH/");
}

static void test_what_was_on_a_list_is_none(void **state)
{
    unsigned count = 0;

    (void)state;
    assert_true(pass("HHCCH:0.8", 0));
    vehicles_listed(vehicles, &answer, 1, 0);
    vehicles_listed(vehicles, &answer, 7, 0); /* no such candidate */
    for (unsigned i = 1; i < 4 * ENOUGH; i++) count += pass("HHCCH:0.8", i * 5000);
    assert_int_equal(count, 4 * ENOUGH - 1);
}

/* An hour in view, read with each picture, spelled in some ways, while others pass; asked about every minute. */
static void test_a_parked_car(void **state)
{
    static const char *const spellings[] = { "QHQ4455:0.9 QH4455:0.4", "QHQ4455:0.8 QHQ44S5:0.6", "0HQ4455:0.7 QHQ4455:0.7 H455:0.2" };
    int64_t asked_ms = 0;

    (void)state;
    for (int64_t now = 0; now < 3600000; now += 4000) {
        pass("", now);
        const enum vehicle_outcome outcome = take(spellings[now / 4000 % 3], now + 10);

        assert_int_not_equal(outcome, VEHICLE_CAPTION);
        if (outcome != VEHICLE_KNOWN && strstr(asked(&answer), "QHQ4455/") != NULL) asked_ms = now;
        assert_true(now - asked_ms <= LIMIT_VEHICLE_AGAIN_S * 1000);
    }
}

/* Nothing else comes for days. */
static void test_a_parked_car_by_itself(void **state)
{
    (void)state;
    for (int64_t now = 0; now < INT64_C(3) * 86400000; now += 30000) assert_int_not_equal(take("QHQ4455:0.9 4J:0.2", now), VEHICLE_CAPTION);
    for (int64_t now = INT64_C(3) * 86400000, end = now + 61000; now < end; now += 61000) assert_int_equal(take("QHQ4455:0.9", now), VEHICLE_NEW);
}

static void test_who_passes_daily(void **state)
{
    int64_t now = 0;

    (void)state;
    for (unsigned day = 0; day < 60; day++) {
        for (unsigned i = 0; i < 30; i++, now += 2880000) pass("", now);
        assert_int_equal(take("QHQ4455:0.9", now), VEHICLE_NEW);
        vehicles_forget(vehicles, now);
    }
}

/* Burnt into each picture: a reading of its own, for hours. */
static void test_a_reading_of_its_own(void **state)
{
    int64_t now = 0, learned = 0;
    unsigned count = 0;

    (void)state;
    for (; now < 6 * INT64_C(3600000); now += 20000) {
        pass("", now);
        if (take("CAM07:0.9", now + 10) == VEHICLE_CAPTION && learned == 0) learned = now;
    }
    assert_in_range(learned, 4 * 3600000, 4 * 3600000 + 120000);
    for (unsigned i = 0; i < 180; i++, now += 20000) { /* an hour more: asked about every ten minutes */
        pass("", now);
        count += take("CAM07:0.9", now + 10) == VEHICLE_NEW;
    }
    assert_in_range(count, 5, 7);
    for (unsigned i = 0; i < ENOUGH; i++, now += 20000) pass("", now); /* it is gone, and comes back as a plate */
    assert_int_equal(take("CAM07:0.9", now), VEHICLE_NEW);
}

static void test_never(void **state)
{
    struct vehicle_rules rules = usual_rules;
    unsigned count = 0;

    (void)state;
    rules.caption_vehicles = 0;
    vehicles_destroy(vehicles);
    vehicles = vehicles_create(&rules);
    for (unsigned i = 0; i < 100; i++) count += pass("HHCCH:0.8", i * 5000);
    assert_int_equal(count, 100);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_lettering_on_each_vehicle), TEST(test_nearly_each_vehicle), TEST(test_it_is_forgotten),
        TEST(test_another_camera_learns_by_itself), TEST(test_a_caption_as_a_plate), TEST(test_what_was_on_a_list_is_none),
        TEST(test_a_parked_car), TEST(test_a_parked_car_by_itself), TEST(test_who_passes_daily), TEST(test_a_reading_of_its_own),
        TEST(test_never),
    };
    if (platesieve_failed(platesieve_init())) return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
