/* The map and the pile for loading, and the numbers of segments. */
#include <sodium.h>

#include "server/gate/follow/segments.h"
#include "server/gate/keys/key_map.h"
#include "tests/unit/unit.h"

/* Segments 1 to 10 are of list 0, 11 to 20 of list 1, and so on. */
static uint32_t tens(const void *context, uint32_t segment)
{
    assert_ptr_equal(context, &tens);
    return (segment - 1) / 10;
}

static void finds(void **state)
{
    struct key_map map;

    (void)state;
    assert_true(key_map_begin(&map, 0, tens, &tens));
    assert_null(key_map_find(&map, 7, 0));
    struct key_item *item = key_map_put(&map, 7, 3);
    assert_non_null(item);
    assert_int_equal(item->number, KEY_MAP_NONE);
    item->number = 99;
    assert_int_equal(key_map_put(&map, 7, 9)->number, 99);            /* the same list */
    assert_int_equal(key_map_put(&map, 7, 11)->number, KEY_MAP_NONE); /* another */
    assert_int_equal(map.count, 2);
    assert_int_equal(key_map_find(&map, 7, 0)->segment, 3);
    assert_int_equal(key_map_find(&map, 7, 1)->segment, 11);
    assert_null(key_map_find(&map, 7, 2));
    assert_null(key_map_find(&map, 0, 0));
    key_map_end(&map);
    key_map_end(&map); /* harmless */
}

static void grows(void **state)
{
    struct key_map map;

    (void)state;
    assert_true(key_map_begin(&map, 10, tens, &tens));
    for (uint32_t i = 0; i < 100000; i++) {
        struct key_item *item = key_map_put(&map, i / 2, i % 2 * 10 + 1);

        assert_non_null(item);
        item->number = i;
    }
    assert_int_equal(map.count, 100000);
    for (uint32_t i = 0; i < 100000; i++) assert_int_equal(key_map_find(&map, i / 2, i % 2)->number, i);
    assert_null(key_map_find(&map, 50000, 0));
    key_map_end(&map);
}

static void piles(void **state)
{
    struct pile pile = { .at = NULL };

    (void)state;
    for (size_t i = 0; i < 2000000; i++) {
        assert_true(pile_reserve(&pile, (i + 1) * sizeof(uint64_t)));
        ((uint64_t *)pile.at)[i] = i * i;
    }
    for (size_t i = 0; i < 2000000; i++) assert_int_equal(((uint64_t *)pile.at)[i], i * i);
    pile_free(&pile);
    assert_null(pile.at);
    pile_free(&pile);
}

static const uint8_t no_mac[LIST_MAC_BYTES];

static void numbers(void **state)
{
    struct segments segments = { .at = NULL };
    uint32_t number;

    (void)state;
    assert_int_equal(segments_find(&segments, 5), 0);
    for (uint32_t i = 1; i <= 1000; i++) {
        assert_ok(segments_add(&segments, 5000 - i, i % 7, no_mac, &number));
        assert_int_equal(number, i);
        assert_int_equal(segments_get(&segments, number)->state, SEGMENT_FRESH);
    }
    segments_get(&segments, 400)->state = SEGMENT_DEAD;
    segments_get(&segments, 500)->state = SEGMENT_LIVE;
    segments_get(&segments, 600)->state = SEGMENT_FREE;
    segments.first_free = 0;
    assert_ok(segments_sort(&segments));
    assert_int_equal(segments.place_count, 998);
    assert_int_equal(segments_find(&segments, 4999), 1);
    assert_int_equal(segments_find(&segments, 4000), 1000);
    assert_int_equal(segments_find(&segments, 4500), 500);
    assert_int_equal(segments_find(&segments, 4600), 0); /* dead */
    assert_int_equal(segments_find(&segments, 4400), 0);
    assert_int_equal(segments_list(&segments, 500), 500 % 7);
    assert_ok(segments_add(&segments, 6000, 3, no_mac, &number));
    assert_int_equal(number, 600); /* used again */
    assert_ok(segments_add(&segments, 6001, 3, no_mac, &number));
    assert_int_equal(number, 1001);
    segments_free(&segments);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds),
        cmocka_unit_test(grows),
        cmocka_unit_test(piles),
        cmocka_unit_test(numbers),
    };

    if (sodium_init() < 0) return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
