/* Reads that wait: who goes first, how fast, and who goes without having been checked. */
#include "tests/unit/unit.h"

#include "client/lane/waiting.h"
#include "client/moment.h"
#include "client/picture/images.h"

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
    assert_int_equal(state.all, state.fresh + state.old + state.late);
    return state.all;
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

/* Ten come in each of nine steps of 1100 ms, and five of them can be asked about, by gates that answer at once. */
static void test_more_than_can_be_asked_about(void **state)
{
    struct scene *scene = *state;
    const int64_t begin_us = 1000000 * MS;
    size_t picked = 0;

    for (unsigned step = 0; step < 9; step++) {
        const int64_t now_us = begin_us + step * 1100 * MS;

        add(scene, 1 + step * 10, 10, now_us);
        assert_int_equal(waiting_pick(scene->waiting, now_us + MS, scene->out, 5), 5);
        waiting_answered(scene->waiting, now_us + 2 * MS, MS);
        for (size_t i = 0; i < 5; i++) assert_in_range(now_us + MS - scene->out[i].came_us, 0, LANE_SLOW_MS * MS); /* somebody may still be there to look */
        picked += 5;
    }
    assert_int_equal(picked + waits(scene) + scene->dropped[UNCHECKED_FULL], 90);
    assert_int_equal(waiting_pick(scene->waiting, begin_us + 9000 * MS, scene->out, 64), ROOM - 5); /* and the rest, when no more comes */
}

/* COUNT reads that came at NOW_US were asked about, and gates did not answer. */
static void begin_outage(struct scene *scene, size_t count, int64_t now_us)
{
    add(scene, 1, count, now_us);
    assert_int_equal(waiting_pick(scene->waiting, now_us, scene->out, count), count);
    waiting_not_answered(scene->waiting, now_us, 0);
    waiting_add_back(scene->waiting, scene->out, count, 0);
}

static void test_fresh_ones_first_and_old_ones_paced(void **state)
{
    struct scene *scene = *state;
    size_t total = 0;
    int64_t now_us = 1000000 * MS;

    begin_outage(scene, 16, now_us);
    waiting_answered(scene->waiting, now_us += 1000 * MS, 0);
    add(scene, 100, 2, now_us);
    for (unsigned tenth = 0; tenth <= 5; tenth++) {
        total += waiting_pick(scene->waiting, now_us + tenth * 100 * MS, scene->out + total, 16);
        if (tenth == 0) assert_int_equal(total, 2); /* nothing was saved up while gates were away */
    }
    assert_int_equal(scene->out[0].check.seen_ms, 100);
    assert_int_equal(scene->out[1].check.seen_ms, 101);
    for (size_t i = 2; i < total; i++) assert_int_equal(scene->out[i].check.seen_ms, 18 - i); /* the last of the first sixteen first */
    assert_in_range(total, 2 + RATE / 2 - 1, 2 + RATE / 2);
}

/* What came while gates were away waits like what was asked about and not answered: it does not go at once. */
static void test_what_came_last_before_gates_are_back_is_paced_too(void **state)
{
    struct scene *scene = *state;
    const int64_t now_us = 1000000 * MS;

    begin_outage(scene, 4, now_us);
    add(scene, 11, 10, now_us + 2000 * MS);
    assert_in_range(waiting_pick(scene->waiting, now_us + 2001 * MS, scene->out, 16), 1, RATE / 4); /* is it back? */
    assert_int_equal(scene->out[0].check.seen_ms, 20);
    waiting_answered(scene->waiting, now_us + 2002 * MS, 1 * MS);
    assert_int_equal(waiting_pick(scene->waiting, now_us + 2003 * MS, scene->out, 16), 0);
    add(scene, 21, 3, now_us + 2004 * MS);
    assert_int_equal(waiting_pick(scene->waiting, now_us + 2004 * MS, scene->out, 16), 3);
}

/* A gate that hung for more than a second and then answers after all was away, too. */
static void test_what_piled_up_behind_a_slow_answer_is_paced(void **state)
{
    struct scene *scene = *state;
    const int64_t now_us = 1000000 * MS;

    add(scene, 1, 1, now_us);
    assert_int_equal(waiting_pick(scene->waiting, now_us, scene->out, 8), 1);
    add(scene, 2, 15, now_us + 500 * MS);
    waiting_answered(scene->waiting, now_us + 900 * MS, 900 * MS);
    assert_int_equal(waiting_pick(scene->waiting, now_us + 900 * MS, scene->out, 4), 4); /* that was only slow */
    waiting_answered(scene->waiting, now_us + 2100 * MS, 1200 * MS);
    assert_int_equal(waiting_pick(scene->waiting, now_us + 2100 * MS, scene->out, 16), 0);
    assert_in_range(waiting_pick(scene->waiting, now_us + 2350 * MS, scene->out, 16), RATE / 4 - 1, RATE / 4);
    assert_int_equal(scene->out[0].check.seen_ms, 16);
}

static void test_one_question_at_a_time_while_gates_are_away(void **state)
{
    struct scene *scene = *state;
    int64_t now_us = 1000000 * MS;

    begin_outage(scene, 16, now_us);
    assert_in_range(waiting_pick(scene->waiting, now_us += 1000 * MS, scene->out, 8), 1, RATE / 4);
    add(scene, 100, 1, now_us);
    assert_int_equal(waiting_pick(scene->waiting, now_us += 1000 * MS, scene->out + 8, 8), 0); /* the other worker's */
    waiting_not_answered(scene->waiting, now_us, 400);
    assert_int_equal(waiting_pick(scene->waiting, now_us + 199 * MS, scene->out + 8, 8), 0);
    assert_in_range(waiting_pick(scene->waiting, now_us + 601 * MS, scene->out + 8, 8), 1, RATE / 4);
    assert_int_equal(scene->out[8].check.seen_ms, 100);
}

#define LANES 16

/* Behind one gate, each with twenty reads a second, while it hangs for eight seconds. */
static void test_many_lanes_come_back_at_one_time(void **state)
{
    const struct waiting_rules rules = { .reads = 400, .age_s = 60, .rate = RATE };
    const int64_t begin_us = 1000000 * MS, back_us = begin_us + 8000 * MS, end_us = back_us + 4000 * MS;
    struct scene *scene = *state;
    int64_t first_us[LANES], earliest_us = INT64_MAX, latest_us = 0;

    for (size_t lane = 0; lane < LANES; lane++) {
        struct waiting *waiting = waiting_create(&rules, note_dropped, scene);
        int64_t asked_us = 0;
        size_t held = 0, sent = 0, came = 0;

        first_us[lane] = 0;
        assert_non_null(waiting);
        for (int64_t now_us = begin_us; now_us < end_us; now_us += MS) {
            if ((now_us - begin_us) % (50 * MS) == 0) {
                struct lane_read read = read_of(1, now_us);

                waiting_add(waiting, &read);
                came += now_us >= back_us;
            }
            if (held > 0 && now_us >= back_us) { /* what was on its way is answered first */
                waiting_answered(waiting, now_us, now_us - asked_us);
                held = 0;
            } else if (held > 0 && now_us >= asked_us + 2000 * MS) {
                waiting_not_answered(waiting, now_us, 500);
                waiting_add_back(waiting, scene->out, held, 0);
                held = 0;
            }
            if (held > 0) continue;
            held = waiting_pick(waiting, now_us, scene->out, 8);
            asked_us = now_us;
            if (now_us < back_us || held == 0) continue;
            sent += held;
            if (sent > came && first_us[lane] == 0) first_us[lane] = now_us;
            assert_true((double)sent <= (double)came + (double)(now_us - back_us) / 1e6 * RATE + 1 + 8);
            waiting_answered(waiting, now_us, 0);
            held = 0;
        }
        assert_true((double)sent >= (double)came + 4 * RATE - 4); /* and not less */
        if (first_us[lane] < earliest_us) earliest_us = first_us[lane];
        if (first_us[lane] > latest_us) latest_us = first_us[lane];
        waiting_destroy(waiting);
    }
    assert_in_range(latest_us - earliest_us, 5 * MS, 2000 * MS); /* not all in one moment */
    assert_int_equal(scene->dropped[UNCHECKED_FULL] + scene->dropped[UNCHECKED_AGED], 0);
}

static void test_held(void **state)
{
    struct scene *scene = *state;
    const int64_t now_us = 1000000 * MS;

    add(scene, 1, 4, now_us);
    assert_int_equal(waiting_pick(scene->waiting, now_us, scene->out, 4), 4);
    waiting_answered(scene->waiting, now_us, 0);
    waiting_add_back(scene->waiting, scene->out, 4, now_us + 5000 * MS);
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

static struct lane_read vehicle(uint8_t id, int64_t came_us)
{
    struct lane_read read = read_of(id, came_us);

    read.check.id[0] = id;
    return read;
}

static void put(struct scene *scene, struct lane_read read)
{
    waiting_add(scene->waiting, &read);
}

/* In a later message about the vehicle: its read waits, is being asked about, or is back; whatever it does, nothing of the picture is left at the end. */
static void test_a_picture_that_comes_later(void **state)
{
    static const uint8_t one[PLATESIEVE_READ_ID_BYTES] = { 1 }, two[PLATESIEVE_READ_ID_BYTES] = { 2 }, none[PLATESIEVE_READ_ID_BYTES] = { 9 };
    struct scene *scene = *state;
    struct images *images = images_create(1 << 20);
    struct image *image, *late;
    const int64_t now_us = 1000000 * MS;

    assert_non_null(images);
    image = images_put(images, (const uint8_t *)"a picture", 9);
    put(scene, vehicle(1, now_us));
    put(scene, vehicle(2, now_us + 1));
    assert_false(waiting_wants_picture(scene->waiting, none));
    assert_true(waiting_wants_picture(scene->waiting, one));
    waiting_give_picture(scene->waiting, one, image);
    assert_false(waiting_wants_picture(scene->waiting, one));
    assert_int_equal(waiting_pick(scene->waiting, now_us, scene->out, 8), 2);
    assert_ptr_equal(scene->out[0].image, image);
    assert_null(scene->out[1].image);

    waiting_give_picture(scene->waiting, two, image); /* while it is being asked about */
    assert_false(waiting_wants_picture(scene->waiting, two));
    waiting_not_answered(scene->waiting, now_us, 0);
    waiting_add_back(scene->waiting, scene->out, 2, 0);
    assert_int_equal(waiting_pick(scene->waiting, now_us + 1000 * MS, scene->out, 8), 2);
    assert_ptr_equal(scene->out[0].image, image);
    assert_ptr_equal(scene->out[1].image, image);
    for (size_t i = 0; i < 2; i++) {
        assert_null(waiting_late_picture(scene->waiting, &scene->out[i], true));
        image_release(scene->out[i].image);
    }

    put(scene, vehicle(1, now_us));
    waiting_answered(scene->waiting, now_us + 1000 * MS, 0);
    assert_int_equal(waiting_pick(scene->waiting, now_us + 2000 * MS, scene->out, 8), 1);
    waiting_give_picture(scene->waiting, one, image);
    late = waiting_late_picture(scene->waiting, &scene->out[0], false);
    assert_ptr_equal(late, image);
    image_release(late);
    assert_null(waiting_late_picture(scene->waiting, &scene->out[0], true));
    assert_false(waiting_wants_picture(scene->waiting, one));
    image_release(image);
    assert_int_equal(images_used(images), 0);
    images_destroy(images);
}

static void put_late(struct scene *scene, int64_t from, size_t count, int64_t came_us)
{
    for (size_t i = 0; i < count; i++) {
        struct lane_read read = read_of(from + (int64_t)i, came_us + (int64_t)i);

        read.late = true;
        put(scene, read);
    }
}

static void answer(struct scene *scene, struct lane_read *reads, size_t count, int64_t now_us)
{
    waiting_answered(scene->waiting, now_us, 0);
    for (size_t i = 0; i < count; i++) assert_null(waiting_late_picture(scene->waiting, &reads[i], true));
}

/* An engine's stored queue: a worker at a time, and what comes goes first. */
static void test_late_ones_are_in_nobodys_way(void **state)
{
    struct scene *scene = *state;
    const int64_t now_us = 1000000 * MS;

    put_late(scene, 1, 12, now_us);
    add(scene, 100, 2, now_us + 100);
    assert_int_equal(waiting_pick(scene->waiting, now_us + 100, scene->out, 8), 2); /* alone */
    assert_int_equal(scene->out[0].check.seen_ms, 100);
    answer(scene, scene->out, 2, now_us + 200);
    assert_int_equal(waiting_pick(scene->waiting, now_us + 300, scene->out, 8), 8);
    assert_int_equal(scene->out[0].check.seen_ms, 1);
    assert_int_equal(waiting_pick(scene->waiting, now_us + 400, scene->out + 8, 8), 0);
    add(scene, 102, 1, now_us + 500);
    assert_int_equal(waiting_pick(scene->waiting, now_us + 500, scene->out + 8, 8), 1);
    answer(scene, scene->out + 8, 1, now_us + 600);
    answer(scene, scene->out, 8, now_us + 600);
    assert_int_equal(waiting_pick(scene->waiting, now_us + 700, scene->out, 8), 4);
    answer(scene, scene->out, 4, now_us + 800);
    assert_int_equal(waits(scene), 0);
}

static void test_late_ones_make_room_first(void **state)
{
    struct scene *scene = *state;
    const int64_t now_us = 1000000 * MS;

    add(scene, 100, 4, now_us);
    put_late(scene, 1, 2 * ROOM, now_us + 100);
    assert_int_equal(scene->dropped[UNCHECKED_FULL], 4 + ROOM);
    add(scene, 104, 4, now_us + 200);
    assert_int_equal(scene->last_dropped, 4 + ROOM + 4);
    assert_int_equal(waiting_pick(scene->waiting, now_us + 300, scene->out, 16), 8);
    for (size_t i = 0; i < 8; i++) assert_int_equal(scene->out[i].check.seen_ms, 100 + i);
}

/* After an outage they go behind all others, at their rate. */
static void test_late_ones_catch_up_last(void **state)
{
    struct scene *scene = *state;
    int64_t now_us = 1000000 * MS;
    size_t count, late = 0;

    begin_outage(scene, 4, now_us);
    put_late(scene, 11, 4, now_us + 1000);
    now_us += 1000 * MS;
    count = waiting_pick(scene->waiting, now_us, scene->out, 8);
    assert_int_equal(count, 4);
    for (size_t i = 0; i < count; i++) assert_false(scene->out[i].late);
    answer(scene, scene->out, count, now_us);
    put_late(scene, 21, 1, now_us);
    assert_int_equal(waiting_pick(scene->waiting, now_us, scene->out, 8), 1); /* came after it: it is no backlog */
    assert_int_equal(scene->out[0].check.seen_ms, 21);
    answer(scene, scene->out, 1, now_us);
    for (unsigned step = 0; step < 4; step++) {
        count = waiting_pick(scene->waiting, now_us += 1000 * MS / RATE, scene->out, 8);
        assert_in_range(count, 0, 1);
        if (count == 1) late += scene->out[0].late;
        if (count == 1) answer(scene, scene->out, 1, now_us);
    }
    assert_in_range(late, 3, 4);
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

            if (what == 0) put_late(scene, 1, some, now_us);
            else add(scene, 1, some, now_us);
            added += some;
            continue;
        }
        count = waiting_pick(scene->waiting, now_us, scene->out, 1 + (size_t)lrand48() % 16);
        if (count > 0 && what == 3) waiting_answered(scene->waiting, now_us, lrand48() % 2000 * MS);
        else if (count > 0 && lrand48() % 2 == 0) waiting_not_answered(scene->waiting, now_us, 100);
        else if (count > 0) waiting_answered(scene->waiting, now_us, 0);
        for (size_t i = 0; what == 3 && i < count; i++) assert_null(waiting_late_picture(scene->waiting, &scene->out[i], true));
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
    waiting_not_answered(scene->waiting, now_us, 0);
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
        cmocka_unit_test_setup_teardown(test_more_than_can_be_asked_about, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_fresh_ones_first_and_old_ones_paced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_came_last_before_gates_are_back_is_paced_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_piled_up_behind_a_slow_answer_is_paced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_question_at_a_time_while_gates_are_away, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many_lanes_come_back_at_one_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_held, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_oldest_goes_where_there_is_no_room, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_too_old, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_picture_that_comes_later, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_late_ones_are_in_nobodys_way, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_late_ones_make_room_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_late_ones_catch_up_last, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_none_is_lost, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_end, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
