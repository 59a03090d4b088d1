/* Which hit a sighting belongs to. */
#include <pthread.h>

#include "server/gate/check/cooldown.h"
#include "tests/unit/unit.h"

#define T0 INT64_C(1795311043123)

/* ID names the read: its first byte. */
static struct sighting sighting(uint8_t id, uint64_t entry, const char *lane, int64_t after_s)
{
    struct sighting made = { .id = { id }, .entry = entry, .list = 7, .cooldown_s = 300, .seen_ms = T0 + after_s * 1000, .site = "north" };

    snprintf(made.lane, sizeof(made.lane), "%s", lane);
    return made;
}

static uint8_t touch(struct cooldown *cooldown, uint8_t id, uint64_t entry, const char *lane, int64_t after_s)
{
    struct sighting made = sighting(id, entry, lane, after_s);

    cooldown_touch(cooldown, &made);
    return made.hit[0];
}

static void a_window_is_fixed(void **unused)
{
    struct cooldown *cooldown = cooldown_create();

    (void)unused;
    assert_int_equal(touch(cooldown, 1, 5, "1", 0), 1);
    assert_int_equal(touch(cooldown, 2, 5, "1", 200), 1);
    assert_int_equal(touch(cooldown, 3, 5, "1", 299), 1);
    assert_int_equal(touch(cooldown, 4, 5, "1", 300), 4); /* the read at 200 did not prolong it */
    assert_int_equal(touch(cooldown, 5, 5, "1", 599), 4);
    assert_int_equal(touch(cooldown, 6, 5, "1", 600), 6);
    cooldown_destroy(cooldown);
}

static void others_are_never_swallowed(void **unused)
{
    struct cooldown *cooldown = cooldown_create();
    struct sighting made;

    (void)unused;
    assert_int_equal(touch(cooldown, 1, 5, "1", 0), 1);
    assert_int_equal(touch(cooldown, 2, 6, "1", 1), 2); /* another entry */
    assert_int_equal(touch(cooldown, 3, 5, "2", 2), 3); /* another lane */
    made = sighting(4, 5, "1", 3);
    made.list = 8;
    cooldown_touch(cooldown, &made);
    assert_int_equal(made.hit[0], 4);
    made = sighting(5, 5, "1", 3);
    snprintf(made.site, sizeof(made.site), "south");
    cooldown_touch(cooldown, &made);
    assert_int_equal(made.hit[0], 5);
    made = sighting(6, 5, "1", 4);
    made.cooldown_s = 0; /* a list without cooldown */
    cooldown_touch(cooldown, &made);
    assert_int_equal(made.hit[0], 6);
    assert_int_equal(touch(cooldown, 7, 5, "1", 5), 1);
    assert_int_equal(cooldown_count(cooldown), 5);
    cooldown_destroy(cooldown);
}

static void late_reads_find_their_window(void **unused)
{
    struct cooldown *cooldown = cooldown_create();

    (void)unused;
    assert_int_equal(touch(cooldown, 1, 5, "1", 1000), 1);
    assert_int_equal(touch(cooldown, 2, 5, "1", 800), 1); /* earlier, by less than the cooldown */
    assert_int_equal(touch(cooldown, 3, 5, "1", 1299), 1); /* the beginning stayed */
    assert_int_equal(touch(cooldown, 4, 5, "1", 600), 4); /* a window before */
    assert_int_equal(touch(cooldown, 5, 5, "1", 1100), 1);
    assert_int_equal(touch(cooldown, 6, 5, "1", 500), 4);
    assert_int_equal(touch(cooldown, 7, 5, "1", 2000), 7);
    assert_int_equal(touch(cooldown, 8, 5, "1", 1001), 1);
    assert_int_equal(touch(cooldown, 9, 5, "1", 100), 9); /* older than both: stands for itself */
    assert_int_equal(touch(cooldown, 10, 5, "1", 2001), 7);
    cooldown_destroy(cooldown);
}

static void a_retry_is_the_same_hit(void **unused)
{
    struct cooldown *cooldown = cooldown_create();

    (void)unused;
    assert_int_equal(touch(cooldown, 1, 5, "1", 0), 1);
    assert_int_equal(touch(cooldown, 1, 5, "1", 0), 1);
    assert_int_equal(touch(cooldown, 2, 5, "1", 10), 1);
    assert_int_equal(touch(cooldown, 2, 5, "1", 10), 1);
    assert_int_equal(touch(cooldown, 3, 5, "1", 400), 3);
    assert_int_equal(touch(cooldown, 1, 5, "1", 0), 1);
    assert_int_equal(touch(cooldown, 2, 5, "1", 10), 1);
    cooldown_destroy(cooldown);
}

static void is_rebuilt_in_any_order(void **unused)
{
    struct cooldown *cooldown = cooldown_create();
    struct sighting first = sighting(1, 5, "1", 0), raise = sighting(2, 5, "1", 100), other = sighting(9, 5, "1", 1000);

    (void)unused;
    first.hit[0] = 1;
    raise.hit[0] = 1;
    other.hit[0] = 9;
    cooldown_restore(cooldown, &other);
    cooldown_restore(cooldown, &raise);
    cooldown_restore(cooldown, &first);
    cooldown_restore(cooldown, &raise);
    assert_int_equal(touch(cooldown, 3, 5, "1", 299), 1);
    assert_int_equal(touch(cooldown, 4, 5, "1", 301), 4);
    assert_int_equal(touch(cooldown, 5, 5, "1", 1001), 9);
    assert_int_equal(cooldown_count(cooldown), 1);
    cooldown_destroy(cooldown);
}

static void is_bounded(void **unused)
{
    struct cooldown *cooldown = cooldown_create();

    (void)unused;
    for (uint64_t i = 0; i < LIMIT_COOLDOWN_RECORDS + 50000; i++) (void)touch(cooldown, 1, i, "1", 0);
    assert_true(cooldown_count(cooldown) <= LIMIT_COOLDOWN_RECORDS);
    assert_true(cooldown_count(cooldown) > LIMIT_COOLDOWN_RECORDS * 9 / 10);
    assert_int_equal(touch(cooldown, 2, LIMIT_COOLDOWN_RECORDS + 49999, "1", 1), 1); /* the newest is known */
    assert_int_equal(touch(cooldown, 2, 0, "1", 1), 2);                              /* the oldest was forgotten */
    /* Much later all are forgotten, shard by shard, as reads come. */
    for (uint64_t i = 0; i < 2000; i++) (void)touch(cooldown, 3, UINT64_MAX - i, "1", 3 * 86400);
    assert_int_equal(cooldown_count(cooldown), 2000);
    cooldown_destroy(cooldown);
}

struct racer {
    struct cooldown *cooldown;
    uint8_t id;
    uint8_t hits[1000];
};

static void *race(void *context)
{
    struct racer *racer = context;

    for (uint64_t i = 0; i < 1000; i++) racer->hits[i] = touch(racer->cooldown, racer->id, i, "1", 0);
    return NULL;
}

static void two_at_once_agree(void **unused)
{
    struct cooldown *cooldown = cooldown_create();
    static struct racer one, two;
    pthread_t thread;

    (void)unused;
    one = (struct racer){ cooldown, 1, { 0 } };
    two = (struct racer){ cooldown, 2, { 0 } };
    assert_int_equal(pthread_create(&thread, NULL, race, &one), 0);
    (void)race(&two);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_memory_equal(one.hits, two.hits, sizeof(one.hits));
    cooldown_destroy(cooldown);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_window_is_fixed),       cmocka_unit_test(others_are_never_swallowed), cmocka_unit_test(late_reads_find_their_window),
        cmocka_unit_test(a_retry_is_the_same_hit), cmocka_unit_test(is_rebuilt_in_any_order),    cmocka_unit_test(is_bounded),
        cmocka_unit_test(two_at_once_agree),
    };

    if (platesieve_failed(platesieve_init())) return 1;
    return cmocka_run_group_tests_name("cooldown", tests, NULL, NULL);
}
