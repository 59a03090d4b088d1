/* Reads that wait: who goes first, how fast, and who goes without having been checked. */
#include "tests/unit/unit.h"

#include "client/lane/waiting.h"
#include "client/moment.h"

#define MS INT64_C(1000)
#define ROOM 20
#define RATE 20

struct scene {
    struct waiting *waiting;
    size_t dropped[UNCHECKED_REASONS];
    int64_t last_dropped; /* seen_ms, by which the tests know them */
    struct lane_read out[64];
};

static void note_dropped(void *context, const struct lane_read *read, enum lane_unchecked why)
{
    struct scene *scene = context;

    scene->dropped[why]++;
    scene->last_dropped = read->check.seen_ms;
}

static int set_up(void **state)
{
    static struct scene scene;
    const struct waiting_rules rules = { .reads = ROOM, .age_s = 10, .rate = RATE };

    scene = (struct scene) { 0 };
    scene.waiting = waiting_create(&rules, note_dropped, &scene);
    *state = &scene;
    return scene.waiting == NULL;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;

    waiting_destroy(scene->waiting);
    return 0;
}

static struct lane_read read_of(int64_t number, int64_t came_us)
{
    return (struct lane_read) { .check = { .seen_ms = number, .count = 1 }, .came_us = came_us };
}

static void add(struct scene *scene, int64_t from, size_t count, int64_t came_us)
{
    for (size_t i = 0; i < count; i++) {
        struct lane_read read = read_of(from + (int64_t)i, came_us + (int64_t)i);

        waiting_add(scene->waiting, &read);
        assert_int_equal(read.check.seen_ms, 0); /* moved */
    }
}

static size_t waits(struct scene *scene)
{
    struct waiting_state state;

    waiting_look(scene->waiting, &state);
    return state.fresh + state.old;
}

static void test_in_order(void **state)
{
    struct scene *scene = *state;

    add(scene, 1, 5, 1000 * MS);
    assert_int_equal(waiting_pick(scene->waiting, 1001 * MS, scene->out, 3), 3);
    assert_int_equal(waiting_pick(scene->waiting, 1001 * MS, scene->out + 3, 8), 2);
    for (size_t i = 0; i < 5; i++) assert_int_equal(scene->out[i].check.seen_ms, 1 + i);
    assert_int_equal(waiting_pick(scene->waiting, 1001 * MS, scene->out, 8), 0);
}

static void test_fresh_ones_first_and_old_ones_paced(void **state)
{
    struct scene *scene = *state;
    size_t total = 0;
    int64_t now_us = moment_monotonic_us();

    add(scene, 1, 16, now_us);
    assert_int_equal(waiting_pick(scene->waiting, now_us, scene->out, 16), 16);
    waiting_add_back(scene->waiting, scene->out, 16, 0);
    now_us = moment_monotonic_us();
    add(scene, 100, 2, now_us);
    total = waiting_pick(scene->waiting, now_us, scene->out, 16);
    assert_int_equal(scene->out[0].check.seen_ms, 100);
    assert_int_equal(scene->out[1].check.seen_ms, 101);
    assert_int_equal(scene->out[2].check.seen_ms, 1);
    assert_in_range(total, 3, 2 + RATE / 4 + 1);
    for (unsigned tenth = 1; tenth <= 5; tenth++) total += waiting_pick(scene->waiting, now_us + tenth * 100 * MS, scene->out, 16);
    assert_in_range(total, 2 + RATE / 2, 2 + RATE / 2 + RATE / 4 + 1);
}

static void test_held(void **state)
{
    struct scene *scene = *state;
    const int64_t now_us = moment_monotonic_us();

    add(scene, 1, 4, now_us);
    assert_int_equal(waiting_pick(scene->waiting, now_us, scene->out, 4), 4);
    waiting_add_back(scene->waiting, scene->out, 4, 5000);
    assert_int_equal(waiting_pick(scene->waiting, now_us + 1000 * MS, scene->out, 4), 0);
    add(scene, 9, 1, now_us);
    assert_int_equal(waiting_pick(scene->waiting, now_us + 1000 * MS, scene->out, 4), 1);
    assert_int_equal(waiting_pick(scene->waiting, now_us + 6000 * MS, scene->out, 4), 4);
}

static void test_the_oldest_goes_where_there_is_no_room(void **state)
{
    struct scene *scene = *state;
    const int64_t now_us = moment_monotonic_us();

    add(scene, 1, ROOM, now_us);
    assert_int_equal(scene->dropped[UNCHECKED_FULL], 0);
    add(scene, 100, 3, now_us + 1 * MS);
    assert_int_equal(scene->dropped[UNCHECKED_FULL], 3);
    assert_int_equal(scene->last_dropped, 3);
    assert_int_equal(waits(scene), ROOM);
    assert_int_equal(waiting_pick(scene->waiting, now_us, scene->out, 8), 8);
    assert_int_equal(scene->out[0].check.seen_ms, 4);
}

static void test_too_old(void **state)
{
    struct scene *scene = *state;
    const int64_t now_us = moment_monotonic_us();

    add(scene, 1, 4, now_us);
    add(scene, 5, 4, now_us + 2000 * MS);
    waiting_sweep(scene->waiting, now_us + 9999 * MS);
    assert_int_equal(scene->dropped[UNCHECKED_AGED], 0);
    waiting_sweep(scene->waiting, now_us + 10001 * MS);
    assert_int_equal(scene->dropped[UNCHECKED_AGED], 4);
    assert_int_equal(waiting_pick(scene->waiting, now_us + 12001 * MS, scene->out, 8), 0); /* never handed out too old */
    assert_int_equal(scene->dropped[UNCHECKED_AGED], 8);
}

/* Whatever happens, each read is handed out or dropped, once. */
static void test_none_is_lost(void **state)
{
    struct scene *scene = *state;
    const int64_t begin_us = moment_monotonic_us();
    size_t added = 0, out = 0, dropped = 0;

    for (unsigned step = 0; step < 20000; step++) {
        const int64_t now_us = begin_us + step * 20 * MS;
        const long what = lrand48() % 5;
        size_t count;

        if (what < 3) {
            const size_t some = (size_t)lrand48() % 12;

            add(scene, 1, some, now_us);
            added += some;
            continue;
        }
        count = waiting_pick(scene->waiting, now_us, scene->out, 1 + (size_t)lrand48() % 16);
        if (what == 3) out += count;
        else waiting_add_back(scene->waiting, scene->out, count, 0);
        if (lrand48() % 8 == 0) waiting_sweep(scene->waiting, now_us);
        assert_in_range(waits(scene), 0, ROOM);
    }
    waiting_drop_all(scene->waiting, UNCHECKED_AWAY);
    for (size_t i = 0; i < UNCHECKED_REASONS; i++) dropped += scene->dropped[i];
    assert_int_equal(waits(scene), 0);
    assert_int_equal(added, out + dropped);
}

static void test_the_end(void **state)
{
    struct scene *scene = *state;
    const int64_t now_us = moment_monotonic_us();
    bool ended = false;

    add(scene, 1, 16, now_us);
    assert_int_equal(waiting_take(scene->waiting, 0, scene->out, 16, &ended), 16);
    waiting_add_back(scene->waiting, scene->out, 16, 0);
    waiting_end(scene->waiting, false);
    assert_int_equal(waiting_take(scene->waiting, 1000, scene->out, 16, &ended), 16); /* not paced any more */
    assert_false(ended);
    assert_int_equal(waiting_take(scene->waiting, 1000, scene->out, 16, &ended), 0);
    assert_true(ended);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_fresh_ones_first_and_old_ones_paced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_held, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_oldest_goes_where_there_is_no_room, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_too_old, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_none_is_lost, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_end, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
