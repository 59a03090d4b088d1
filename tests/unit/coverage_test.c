/* Which lists lack tokens, and since when that is an alarm. */
#include "server/gate/index/coverage.h"

#include <sodium.h>

#include "tests/unit/scene.h"

#define HOUR_MS INT64_C(3600000)

struct seen {
    unsigned count, alarms;
    int64_t before_ms, now_ms;
    struct coverage_gap last;
    int64_t opened_ms; /* of the one before */
};

static void take(void *context, const struct coverage_gap *gap)
{
    struct seen *seen = context;

    assert_true(gap->epoch->opens_ms >= seen->opened_ms);
    seen->opened_ms = gap->epoch->opens_ms;
    seen->count++;
    seen->alarms += coverage_is_alarm(gap, seen->now_ms, seen->before_ms);
    seen->last = *gap;
}

static struct seen look(const struct scene *scene, int64_t before_ms)
{
    struct seen seen = { .before_ms = before_ms, .now_ms = scene->now_ms };

    coverage_each_gap(scene->catalogue, scene->now_ms, take, &seen);
    return seen;
}

/* Two lists; the clock stands so that epochs 0 and 1 are open, 2 is the next, 3 comes later. */
static void begin(struct scene *scene)
{
    scene_begin(scene);
    scene_list(scene, "customs", "stolen", PLATESIEVE_PLATE);
    scene_list(scene, "police", "missing", PLATESIEVE_PLATE);
    for (size_t i = 0; i < 2; i++) scene->catalogue->lists[i].entries = 5;
    for (size_t i = 0; i < SCENE_EPOCHS; i++) {
        scene->catalogue->epochs[i].loaded = true;
        if (scene->catalogue->epochs[i].destroyed_ms == 0)
            scene->catalogue->epochs[i].destroyed_ms = scene->catalogue->epochs[i].closes_ms;
    }
    scene->now_ms = scene->catalogue->epochs[1].opens_ms + HOUR_MS;
}

static void whole_lists_are_not_told(void **state)
{
    struct scene scene;
    struct coverage_counts counts[COVERAGE_WHENS];

    (void)state;
    begin(&scene);
    assert_int_equal(look(&scene, 48 * HOUR_MS).count, 0);
    coverage_count(scene.catalogue, scene.now_ms, counts);
    assert_int_equal(counts[COVERAGE_OPEN].covered, 4);
    assert_int_equal(counts[COVERAGE_NEXT].covered, 2);
    assert_int_equal(counts[COVERAGE_LATER].covered, 2);
    assert_int_equal(counts[0].uncovered + counts[1].uncovered + counts[2].uncovered, 0);
    scene_end(&scene);
}

static void gaps_and_when(void **state)
{
    struct scene scene;
    struct coverage_counts counts[COVERAGE_WHENS];

    (void)state;
    begin(&scene);
    scene.catalogue->lists[1].coverage[2] = COVERAGE_PARTIAL;
    struct seen seen = look(&scene, 0);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.last.list_at, 1);
    assert_int_equal(seen.last.epoch_at, 2);
    assert_int_equal(seen.last.coverage, COVERAGE_PARTIAL);
    assert_int_equal(seen.last.when, COVERAGE_NEXT);
    scene.catalogue->lists[0].coverage[3] = COVERAGE_NONE;
    assert_int_equal(look(&scene, 0).last.when, COVERAGE_LATER);
    scene.catalogue->lists[0].coverage[3] = COVERAGE_WHOLE;
    scene.catalogue->lists[0].coverage[0] = COVERAGE_NONE;
    coverage_count(scene.catalogue, scene.now_ms, counts);
    assert_int_equal(counts[COVERAGE_OPEN].uncovered, 1);
    assert_int_equal(counts[COVERAGE_OPEN].covered, 3);
    assert_int_equal(counts[COVERAGE_NEXT].uncovered, 1);
    assert_int_equal(look(&scene, 0).count, 2);
    scene.now_ms = scene.catalogue->epochs[0].closes_ms; /* over */
    assert_int_equal(look(&scene, 0).count, 1);
    scene_end(&scene);
}

static void alarm_in_time(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    scene.catalogue->lists[0].coverage[2] = COVERAGE_NONE;
    int64_t opens_ms = scene.catalogue->epochs[2].opens_ms;
    const struct {
        int64_t now_ms;
        unsigned alarms;
    } cases[] = { { opens_ms - 4 * HOUR_MS - 1, 0 }, { opens_ms - 4 * HOUR_MS, 1 }, { opens_ms - 1, 1 },
                  { opens_ms, 1 },                   { scene.catalogue->epochs[2].closes_ms - 1, 1 },
                  { scene.catalogue->epochs[2].closes_ms, 0 } };

    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        scene.now_ms = cases[i].now_ms;
        assert_int_equal(look(&scene, 4 * HOUR_MS).alarms, cases[i].alarms);
    }
    scene_end(&scene);
}

static void who_is_not_missed(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    for (size_t i = 0; i < 2; i++) scene.catalogue->lists[i].coverage[2] = COVERAGE_NONE;
    assert_int_equal(look(&scene, 0).count, 2);
    scene.catalogue->lists[0].suspended = true;
    assert_int_equal(look(&scene, 0).count, 1);
    scene.catalogue->lists[1].revision = 0;
    assert_int_equal(look(&scene, 0).count, 0);
    scene.catalogue->lists[1].revision = 1;
    scene.catalogue->lists[1].entries = 0; /* empty: it needs none */
    assert_int_equal(look(&scene, 0).count, 0);
    scene.catalogue->lists[1].entries = 1;
    scene.catalogue->epochs[2].loaded = false; /* nothing is known yet */
    assert_int_equal(look(&scene, 0).count, 0);
    scene.catalogue->epochs[2].loaded = true;
    scene.catalogue->epochs[2].destroyed_ms = scene.now_ms; /* before its time */
    assert_int_equal(look(&scene, 0).count, 0);
    scene_end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_lists_are_not_told),
        cmocka_unit_test(gaps_and_when),
        cmocka_unit_test(alarm_in_time),
        cmocka_unit_test(who_is_not_missed),
    };

    if (sodium_init() < 0) return 1;
    return cmocka_run_group_tests_name("coverage", tests, NULL, NULL);
}
