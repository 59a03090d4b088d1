/* Lists that hit too large a share of a lane's reads: which are found, and which never are. */
#include "server/gate/lists/excess.h"

#include <pthread.h>

#include "tests/unit/unit.h"

#define NOW INT64_C(1795311043123)
#define HOUR INT64_C(3600000)

struct scene {
    struct catalogue *catalogue;
    struct excess *excess;
    int64_t now_ms;
};

static const struct excess_settings defaults = { .share = 200, .reads_min = 1000, .hits_min = 12, .window_ms = 24 * HOUR };

static void begin(struct scene *scene, const struct excess_settings *settings)
{
    scene->catalogue = catalogue_create(2, 0, 0);
    scene->excess = excess_create(settings);
    scene->now_ms = NOW;
    assert_non_null(scene->catalogue);
    assert_non_null(scene->excess);
    for (size_t i = 0; i < 2; i++) {
        scene->catalogue->lists[i].number = 7 + (uint32_t)i;
        snprintf(scene->catalogue->lists[i].agency, sizeof(scene->catalogue->lists[i].agency), "customs");
        snprintf(scene->catalogue->lists[i].id, sizeof(scene->catalogue->lists[i].id), "%s", i == 0 ? "stolen" : "broad");
    }
}

static void end(struct scene *scene)
{
    excess_destroy(scene->excess);
    catalogue_free(scene->catalogue);
}

/* One read that hits ENTRY of the list numbered LIST. */
static void hit(struct scene *scene, const char *lane, uint32_t list, uint64_t entry, bool repeat)
{
    struct sighting sighting = { .list = list, .entry = entry, .id = { 1 }, .hit = { repeat ? 2 : 1 } };

    excess_add(scene->excess, scene->catalogue, lane, 1, &sighting, 1, scene->now_ms);
}

static void clear(struct scene *scene, const char *lane, uint64_t reads)
{
    for (; reads > 64; reads -= 64) excess_add(scene->excess, scene->catalogue, lane, 64, NULL, 0, scene->now_ms);
    excess_add(scene->excess, scene->catalogue, lane, reads, NULL, 0, scene->now_ms);
}

static bool told(struct scene *scene, struct excess_report *report)
{
    struct excess_report mine;

    return excess_take(scene->excess, report == NULL ? &mine : report);
}

static void a_broad_list_is_told_once(void **state)
{
    struct scene scene;
    struct excess_report report;

    (void)state;
    begin(&scene, &defaults);
    clear(&scene, "reader/north/1", 990);
    for (uint64_t i = 0; i < 11; i++) hit(&scene, "reader/north/1", 8, i * 7919, false);
    assert_false(told(&scene, NULL));
    hit(&scene, "reader/north/1", 8, 99, false);
    assert_true(told(&scene, &report));
    assert_string_equal(report.agency, "customs");
    assert_string_equal(report.list, "broad");
    assert_string_equal(report.lane, "reader/north/1");
    assert_int_equal(report.hits, 12);
    assert_int_equal(report.reads, 1002);
    for (uint64_t i = 100; i < 140; i++) hit(&scene, "reader/north/1", 8, i * 7919, false);
    assert_false(told(&scene, NULL));
    end(&scene);
}

static void not_before_there_are_enough_reads(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene, &defaults);
    for (uint64_t i = 0; i < 200; i++) hit(&scene, "reader/north/1", 8, i, false); /* somebody tries all his plates */
    assert_false(told(&scene, NULL));
    clear(&scene, "reader/north/1", 900);
    assert_false(told(&scene, NULL));
    hit(&scene, "reader/north/1", 8, 12345, false);
    assert_true(told(&scene, NULL));
    end(&scene);
}

/* All of its entries have hit before there were enough reads: what comes then is a reason to look, be it old or within the cooldown. */
static void a_small_list_does_not_slip_through(void **state)
{
    struct scene scene;
    struct excess_report report;

    (void)state;
    for (unsigned repeat = 0; repeat < 2; repeat++) {
        begin(&scene, &defaults);
        for (unsigned i = 0; i < 600; i++) hit(&scene, "reader/north/1", 8, i % 30, i >= 30);
        clear(&scene, "reader/north/1", 400);
        assert_false(told(&scene, NULL));
        hit(&scene, "reader/north/1", 8, 3, repeat != 0);
        assert_true(told(&scene, &report));
        assert_in_range(report.hits, 27, 30); /* some share a bit */
        end(&scene);
    }
}

/* A vehicle that stands before the camera, or comes again and again, is one. */
static void an_entry_counts_once(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene, &defaults);
    clear(&scene, "reader/north/1", 1000);
    for (unsigned i = 0; i < 500; i++) hit(&scene, "reader/north/1", 7, 4711, i % 10 != 0);
    for (unsigned i = 0; i < 500; i++) hit(&scene, "reader/north/1", 7, i, true); /* repeats within the cooldown */
    assert_false(told(&scene, NULL));
    end(&scene);
}

static void lanes_and_lists_are_counted_apart(void **state)
{
    struct scene scene;
    char lane[64];

    (void)state;
    begin(&scene, &defaults);
    for (unsigned k = 0; k < 20; k++) {
        snprintf(lane, sizeof(lane), "reader/north/%u", k);
        clear(&scene, lane, 1000);
        for (uint64_t i = 0; i < 11; i++) hit(&scene, lane, 7 + (uint32_t)(i & 1), i, false);
    }
    assert_false(told(&scene, NULL));
    end(&scene);
}

static void a_window_begins_anew(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene, &defaults);
    for (unsigned day = 0; day < 5; day++) { /* eleven a day are never twelve */
        clear(&scene, "reader/north/1", 1000);
        for (uint64_t i = 0; i < 11; i++) hit(&scene, "reader/north/1", 7, i + 100 * day, false);
        scene.now_ms += 24 * HOUR;
    }
    assert_false(told(&scene, NULL));
    clear(&scene, "reader/north/1", LIMIT_EXCESS_READS); /* and of very many reads, only the last ones count */
    for (uint64_t i = 0; i < 11; i++) hit(&scene, "reader/north/1", 7, i + 1000, false);
    clear(&scene, "reader/north/1", LIMIT_EXCESS_READS + 1);
    hit(&scene, "reader/north/1", 7, 5000, false);
    assert_false(told(&scene, NULL));
    end(&scene);
}

static void a_resumed_list_is_counted_anew(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene, &defaults);
    clear(&scene, "reader/north/1", 1000);
    for (uint64_t i = 0; i < 13; i++) hit(&scene, "reader/north/1", 8, i, false);
    assert_true(told(&scene, NULL));
    scene.catalogue->lists[1].suspended = true;
    scene.now_ms += HOUR;
    hit(&scene, "reader/north/1", 8, 50, false); /* one that was under way */
    assert_false(told(&scene, NULL));
    scene.catalogue->lists[1].suspended = false;
    scene.catalogue->lists[1].resumed_ms = scene.now_ms;
    scene.now_ms += HOUR;
    for (uint64_t i = 100; i < 120; i++) hit(&scene, "reader/north/1", 8, i, false);
    assert_false(told(&scene, NULL)); /* the reads from before don't count either */
    clear(&scene, "reader/north/1", 1000);
    hit(&scene, "reader/north/1", 8, 200, false);
    assert_true(told(&scene, NULL));
    end(&scene);
}

/* -- luck ------------------------------------------------------------------------------------------ */

static uint64_t next(uint64_t *seed) /* xorshift64*: the same at each run */
{
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    return *seed * UINT64_C(0x2545f4914f6cdd1d);
}

/* READS of LANES lanes; one in a million times PER_MILLION hits.  How many reports there were. */
static unsigned run(unsigned lanes, unsigned reads, unsigned per_million, uint64_t seed)
{
    struct scene scene;
    unsigned reports = 0;
    char lane[64];

    begin(&scene, &defaults);
    for (unsigned k = 0; k < lanes; k++) {
        snprintf(lane, sizeof(lane), "reader/north/%u", k);
        for (unsigned i = 0; i < reads; i++) {
            if (next(&seed) % 1000000 < per_million) hit(&scene, lane, 7, next(&seed), false);
            else clear(&scene, lane, 1);
        }
        while (told(&scene, NULL)) reports++;
    }
    end(&scene);
    return reports;
}

/* Real hits are 0.03 % of reads (docs/operations.md): in a year of 200 lanes that read all day, none is suspended by luck.  A list that hits 1 % of
   reads is found at every lane within a few thousand. */
static void no_normal_list_is_suspended_by_luck(void **state)
{
    (void)state;
    assert_int_equal(run(200, 50000, 300, 1), 0);
    assert_int_equal(run(200, 50000, 1000, 2), 0); /* three times the normal */
    assert_int_equal(run(50, 5000, 10000, 3), 50);
    assert_true(run(50, 20000, 7000, 4) >= 45);
}

/* -- threads and limits ------------------------------------------------------------------------------ */

static void *hammer(void *context)
{
    struct scene *scene = context;
    char lane[64];
    uint64_t seed = (uint64_t)(uintptr_t)lane; /* another for each thread */

    for (uint64_t i = 0; i < 20000; i++) {
        snprintf(lane, sizeof(lane), "reader/north/%u", (unsigned)(i % 50));
        if (i % 20 == 0) hit(scene, lane, 8, next(&seed), false);
        else clear(scene, lane, 1);
    }
    return NULL;
}

static void threads_meet(void **state)
{
    struct scene scene;
    pthread_t threads[4];
    unsigned reports = 0;

    (void)state;
    begin(&scene, &defaults);
    for (size_t i = 0; i < ARRAY_LENGTH(threads); i++) assert_int_equal(pthread_create(&threads[i], NULL, hammer, &scene), 0);
    for (size_t i = 0; i < ARRAY_LENGTH(threads); i++) pthread_join(threads[i], NULL);
    while (told(&scene, NULL)) reports++;
    assert_in_range(reports, 1, 50);
    end(&scene);
}

static void more_lanes_than_there_is_room_for(void **state)
{
    struct scene scene;
    char lane[64];

    (void)state;
    begin(&scene, &defaults);
    for (unsigned k = 0; k < 2 * LIMIT_EXCESS_LANES; k++) {
        snprintf(lane, sizeof(lane), "reader/north/%u", k);
        clear(&scene, lane, 1);
        for (uint32_t list = 0; list < 12; list++) hit(&scene, lane, 100 + list, 1, false); /* more pairs, too */
    }
    clear(&scene, "reader/north/0", 1000);
    for (uint64_t i = 0; i < 20; i++) hit(&scene, "reader/north/0", 8, i, false);
    (void)told(&scene, NULL); /* found or not: it goes on */
    end(&scene);
}

/* It is meant to hit, and small by itself. */
static void a_calibration_list_is_never_told(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene, &defaults);
    scene.catalogue->lists[1].calibration = true;
    clear(&scene, "reader/north/1", 990);
    for (uint64_t i = 0; i < 40; i++) hit(&scene, "reader/north/1", 8, i * 7919, false);
    assert_false(told(&scene, NULL));
    end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_broad_list_is_told_once),
        cmocka_unit_test(not_before_there_are_enough_reads),
        cmocka_unit_test(a_small_list_does_not_slip_through),
        cmocka_unit_test(an_entry_counts_once),
        cmocka_unit_test(lanes_and_lists_are_counted_apart),
        cmocka_unit_test(a_window_begins_anew),
        cmocka_unit_test(a_resumed_list_is_counted_anew),
        cmocka_unit_test(no_normal_list_is_suspended_by_luck),
        cmocka_unit_test(a_calibration_list_is_never_told),
        cmocka_unit_test(threads_meet),
        cmocka_unit_test(more_lanes_than_there_is_room_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
