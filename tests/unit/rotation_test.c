/* An epoch out of the calendar: what becomes of all others, worked out and carried out. */
#include "server/keys/keeper.h"

#include <dirent.h>
#include <unistd.h>

#include "tests/unit/unit.h"

#define NOON INT64_C(1795348800) /* 2026-11-22T12:00:00Z */
#define LENGTH 3600
#define OVERLAP 600
#define GRACE 300

static const struct schedule hourly = { LENGTH, OVERLAP, GRACE, 2 };
static const uint8_t master[PLATESIEVE_KEY_BYTES] = { 1, 2, 3 };

/* -- the plan ------------------------------------------------------------------------------------------------------ */

/* As the calendar made them: the last one in its overlap, the one of this hour, two to come. */
static size_t make_epochs(struct epoch *epochs, const struct schedule *schedule)
{
    memset(epochs, 0, LIMIT_EPOCHS_KNOWN * sizeof *epochs);
    for (int i = 0; i < 4; i++) {
        epochs[i].span = schedule_span(schedule, NOON + (i - 1) * LENGTH);
        epochs[i].number = schedule_number(epochs[i].span.opens_s);
    }
    return 4;
}

static struct result plan_at(const struct rotation *rotation, struct rotation_plan *plan)
{
    struct epoch epochs[LIMIT_EPOCHS_KNOWN];
    size_t count = make_epochs(epochs, &hourly);
    return rotation_make_plan(rotation, &hourly, NOON + 100, epochs, count, plan);
}

static void assert_change(const struct rotation_change *change, int64_t opens_s, int64_t closes_s, int64_t destroyed_s)
{
    assert_int_equal(change->number, schedule_number(opens_s));
    assert_int_equal(change->closes_s, closes_s);
    assert_int_equal(change->destroyed_s, destroyed_s);
}

static void test_those_before_close(void **state)
{
    struct rotation_plan plan;
    const int64_t at = NOON + 200;
    (void)state;
    assert_ok(plan_at(&(struct rotation){ .opens_s = at }, &plan));
    assert_false(plan.made);
    assert_int_equal(plan.span.opens_s, at);
    assert_int_equal(plan.span.closes_s, NOON + LENGTH + OVERLAP); /* until the calendar goes on */
    assert_int_equal(plan.span.destroyed_s, NOON + LENGTH + OVERLAP + GRACE);
    assert_int_equal(plan.change_count, 2);
    assert_change(&plan.change[0], NOON - LENGTH, at, at + GRACE);
    assert_change(&plan.change[1], NOON, at, at + GRACE);
    assert_int_equal(plan.add_count + plan.erase_count, 0);
}

static void test_destroy_and_keep(void **state)
{
    struct rotation_plan plan;
    const int64_t at = NOON + 200;
    (void)state;
    assert_ok(plan_at(&(struct rotation){ .opens_s = at, .destroy = true }, &plan));
    assert_change(&plan.change[0], NOON - LENGTH, at, at);
    assert_change(&plan.change[1], NOON, at, at);
    assert_ok(plan_at(&(struct rotation){ .opens_s = at, .keep = true }, &plan));
    assert_int_equal(plan.change_count, 1); /* the other closes earlier anyway */
    assert_change(&plan.change[0], NOON, at + OVERLAP, at + OVERLAP + GRACE);
}

static void test_coming_ones_are_replaced(void **state)
{
    struct rotation_plan plan;
    (void)state;
    assert_ok(plan_at(&(struct rotation){ .opens_s = NOON + 200, .coming = true }, &plan));
    assert_int_equal(plan.erase_count, 2);
    assert_int_equal(plan.add_count, 2);
    for (int i = 0; i < 2; i++) {
        const int64_t opens_s = NOON + (i + 1) * LENGTH;
        assert_int_equal(plan.erase[i], schedule_number(opens_s));
        assert_int_equal(plan.add[i].opens_s, opens_s + SCHEDULE_NUMBER_S);
        assert_int_equal(plan.add[i].closes_s, opens_s + LENGTH + OVERLAP);
    }
    assert_int_equal(plan.span.closes_s, NOON + LENGTH + SCHEDULE_NUMBER_S + OVERLAP);
}

/* Behind the next change of the calendar: what opens before it is cut as well. */
static void test_beyond_the_next_change(void **state)
{
    struct rotation_plan plan;
    const int64_t at = NOON + LENGTH + 50;
    (void)state;
    assert_ok(plan_at(&(struct rotation){ .opens_s = at }, &plan));
    assert_int_equal(plan.change_count, 2);
    assert_change(&plan.change[0], NOON, at, at + GRACE);
    assert_change(&plan.change[1], NOON + LENGTH, at, at + GRACE);
    assert_int_equal(plan.span.closes_s, NOON + 2 * LENGTH + OVERLAP);
}

static void test_times_that_can_not_be(void **state)
{
    const int64_t bad[] = { NOON,        NOON + LENGTH, NOON + 201, NOON + 100 - LIMIT_ROTATION_LATE_S - 2,
                            NOON + 101 + LENGTH, NOON + 102 + LENGTH, 0, -2, INT64_MAX - 1 };
    struct rotation_plan plan;
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
        assert_fails(plan_at(&(struct rotation){ .opens_s = bad[i] }, &plan), REASON_ROTATION);
    assert_ok(plan_at(&(struct rotation){ .opens_s = NOON + 100 - LIMIT_ROTATION_LATE_S }, &plan));
    assert_ok(plan_at(&(struct rotation){ .opens_s = NOON + 100 + LENGTH }, &plan));
}

static void test_too_many(void **state)
{
    struct epoch epochs[LIMIT_EPOCHS_KNOWN];
    struct rotation_plan plan;
    struct rotation rotation = { .opens_s = NOON + 200, .keep = true };
    size_t count = make_epochs(epochs, &hourly);
    (void)state;
    for (int64_t i = 0; i < 2; i++, count++) { /* put in before, and kept open */
        epochs[count].span = (struct span){ NOON + 20 + 20 * i, NOON + LENGTH, NOON + LENGTH };
        epochs[count].number = schedule_number(epochs[count].span.opens_s);
    }
    assert_fails(rotation_make_plan(&rotation, &hourly, NOON + 100, epochs, count, &plan), REASON_ROTATION);
    rotation.keep = false;
    assert_ok(rotation_make_plan(&rotation, &hourly, NOON + 100, epochs, count, &plan));
    for (; count < LIMIT_EPOCHS_KNOWN; count++) {
        epochs[count] = (struct epoch){ .number = count, .span = { 2 * (int64_t)count, 999, 999 }, .erased = true };
    }
    assert_fails(rotation_make_plan(&rotation, &hourly, NOON + 100, epochs, count, &plan), REASON_TOO_MANY);
}

/* -- carried out --------------------------------------------------------------------------------------------------- */

struct place {
    char folder[64];
    struct epoch_store *store;
    struct keeper *keeper;
    FILE *errors;
    int64_t now_ms;
    struct clock clock;
};

static int64_t scripted_now(void *context)
{
    return __atomic_load_n(&((struct place *)context)->now_ms, __ATOMIC_RELAXED);
}

static void go_to(struct place *place, int64_t now_s)
{
    struct keeper_settings settings = { place->store, &place->clock, hourly, PLATESIEVE_VOPRF_RISTRETTO255_SHA512 };
    keeper_stop(place->keeper);
    __atomic_store_n(&place->now_ms, now_s * 1000, __ATOMIC_RELAXED);
    assert_ok(keeper_start(&settings, &place->keeper)); /* its first tick is through when it returns */
}

static int set_up(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    snprintf(place->folder, sizeof place->folder, "/tmp/rotation-test-XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    place->errors = fopen("/dev/null", "w");
    place->clock = (struct clock){ scripted_now, place };
    assert_ok(epoch_store_create(place->folder, master, place->errors));
    assert_ok(epoch_store_open(place->folder, master, place->errors, &place->store));
    go_to(place, NOON - 1800);
    go_to(place, NOON + 100);
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *place = *state;
    keeper_stop(place->keeper);
    epoch_store_close(place->store);
    DIR *folder = opendir(place->folder);
    for (struct dirent *item; (item = readdir(folder)) != NULL;) {
        char path[400];
        snprintf(path, sizeof path, "%s/%s", place->folder, item->d_name);
        unlink(path);
    }
    closedir(folder);
    rmdir(place->folder);
    fclose(place->errors);
    free(place);
    return 0;
}

/* The one that opens then, erased or not. */
static struct epoch epoch_at(struct place *place, int64_t opens_s)
{
    struct epoch epochs[LIMIT_EPOCHS_KNOWN], found = { 0 };
    size_t count = epoch_store_list(place->store, epochs);
    for (size_t i = 0; i < count; i++)
        if (epochs[i].span.opens_s == opens_s) found = epochs[i];
    return found;
}

static size_t live(struct place *place)
{
    struct epoch epochs[LIMIT_EPOCHS_KNOWN];
    size_t count = epoch_store_list(place->store, epochs), alive = 0;
    for (size_t i = 0; i < count; i++) alive += !epochs[i].erased;
    return alive;
}

static void reopen(struct place *place)
{
    keeper_stop(place->keeper);
    place->keeper = NULL;
    epoch_store_close(place->store);
    place->store = NULL;
    assert_ok(epoch_store_open(place->folder, master, place->errors, &place->store));
}

static void test_carried_out_and_kept(void **state)
{
    struct place *place = *state;
    struct rotation rotation = { .opens_s = NOON + 100, .destroy = true, .coming = true };
    struct epoch made, old = epoch_at(place, NOON), coming = epoch_at(place, NOON + LENGTH);
    size_t before = live(place);
    assert_ok(keeper_rotate(place->keeper, &rotation, "operator/keys/kim", "key seen elsewhere", &made));
    assert_int_equal(made.span.opens_s, NOON + 100);
    assert_string_equal(made.id, "20261122T120140Z");
    assert_true(epoch_at(place, NOON).erased && epoch_at(place, NOON - LENGTH).erased); /* at once: it is open */
    assert_true(epoch_at(place, NOON + LENGTH).erased);
    assert_int_equal(epoch_at(place, NOON + LENGTH).span.destroyed_s, NOON + 100);
    struct epoch other = epoch_at(place, NOON + LENGTH + SCHEDULE_NUMBER_S);
    assert_false(other.erased || other.number == 0);
    assert_memory_not_equal(other.key_id, coming.key_id, sizeof other.key_id);
    assert_memory_not_equal(made.key_id, old.key_id, sizeof made.key_id);
    assert_int_equal(live(place), before - 1); /* two went, one came; two came for two */
    reopen(place);
    assert_memory_equal(epoch_at(place, NOON + 100).key_id, made.key_id, sizeof made.key_id);
    assert_true(epoch_at(place, NOON + LENGTH).erased);
    assert_int_equal(live(place), before - 1);
}

static void test_the_calendar_goes_on(void **state)
{
    struct place *place = *state;
    struct rotation rotation = { .opens_s = NOON + 200, .destroy = true, .coming = true };
    struct epoch made;
    assert_ok(keeper_rotate(place->keeper, &rotation, "operator/keys/kim", "", &made));
    size_t alive = live(place);
    go_to(place, NOON + 150); /* nothing is erased before its time, and nothing made again */
    assert_false(epoch_at(place, NOON).erased);
    assert_int_equal(live(place), alive);
    go_to(place, NOON + 300);
    assert_true(epoch_at(place, NOON).erased);
    for (int hour = 1; hour < 30; hour++) {
        struct epoch epochs[LIMIT_EPOCHS_KNOWN];
        size_t open = 0;
        go_to(place, NOON + hour * LENGTH + OVERLAP + GRACE + 10);
        size_t count = epoch_store_list(place->store, epochs);
        for (size_t i = 0; i < count; i++) {
            open += schedule_state(&epochs[i].span, epochs[i].erased, place->now_ms) == EPOCH_OPEN;
            assert_true(i == 0 || epochs[i].number > epochs[i - 1].number);
        }
        assert_int_equal(open, 1);
        assert_int_equal(live(place), 3);
    }
}

static void test_twice_is_once(void **state)
{
    struct place *place = *state;
    struct rotation rotation = { .opens_s = NOON + 200, .coming = true };
    struct epoch first, second, before[LIMIT_EPOCHS_KNOWN], after[LIMIT_EPOCHS_KNOWN];
    assert_ok(keeper_rotate(place->keeper, &rotation, "operator/keys/kim", "", &first));
    size_t count = epoch_store_list(place->store, before);
    assert_ok(keeper_rotate(place->keeper, &rotation, "operator/keys/kim", "", &second));
    assert_int_equal(epoch_store_list(place->store, after), count);
    assert_memory_equal(before, after, count * sizeof *before);
    assert_memory_equal(&first, &second, sizeof first);
}

/* The daemon was stopped when the new keys stood and nothing else was done. */
static void test_broken_off_and_asked_again(void **state)
{
    struct place *place = *state;
    struct rotation rotation = { .opens_s = NOON + 200, .coming = true };
    struct rotation_plan plan;
    struct epoch epochs[LIMIT_EPOCHS_KNOWN], added, made;
    size_t count = epoch_store_list(place->store, epochs);
    assert_ok(rotation_make_plan(&rotation, &hourly, NOON + 100, epochs, count, &plan));
    assert_ok(epoch_store_add(place->store, &plan.span, PLATESIEVE_VOPRF_RISTRETTO255_SHA512, &added));
    assert_ok(epoch_store_add(place->store, &plan.add[0], PLATESIEVE_VOPRF_RISTRETTO255_SHA512, &added));
    assert_ok(keeper_rotate(place->keeper, &rotation, "operator/keys/kim", "", &made));
    assert_int_equal(epoch_at(place, NOON).span.closes_s, NOON + 200);
    assert_true(epoch_at(place, NOON + LENGTH).erased && epoch_at(place, NOON + 2 * LENGTH).erased);
    assert_memory_equal(epoch_at(place, NOON + LENGTH + SCHEDULE_NUMBER_S).key_id, added.key_id, sizeof added.key_id);
    assert_int_equal(epoch_at(place, NOON + 2 * LENGTH + SCHEDULE_NUMBER_S).number != 0, true);
    assert_int_equal(epoch_at(place, NOON + LENGTH + 2 * SCHEDULE_NUMBER_S).number, 0);
}

/* One emergency after another; each leaves a key to go on with. */
static void test_many(void **state)
{
    struct place *place = *state;
    for (int i = 0; i < 20; i++) {
        struct rotation rotation = { .opens_s = NOON + 102 + 10 * i, .destroy = true, .coming = i % 2 == 0 };
        struct epoch made;
        go_to(place, NOON + 100 + 10 * i);
        assert_ok(keeper_rotate(place->keeper, &rotation, "operator/keys/kim", "", &made));
        go_to(place, NOON + 104 + 10 * i);
        assert_int_equal(live(place), 3);
        assert_false(epoch_at(place, NOON + 102 + 10 * i).erased);
    }
}

#define WITH_PLACE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_those_before_close),
        cmocka_unit_test(test_destroy_and_keep),
        cmocka_unit_test(test_coming_ones_are_replaced),
        cmocka_unit_test(test_beyond_the_next_change),
        cmocka_unit_test(test_times_that_can_not_be),
        cmocka_unit_test(test_too_many),
        WITH_PLACE(test_carried_out_and_kept),
        WITH_PLACE(test_the_calendar_goes_on),
        WITH_PLACE(test_twice_is_once),
        WITH_PLACE(test_broken_off_and_asked_again),
        WITH_PLACE(test_many),
    };
    if (platesieve_failed(platesieve_init())) return 1;
    return cmocka_run_group_tests_name("rotation", tests, NULL, NULL);
}
