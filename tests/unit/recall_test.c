/* What is remembered of reads that matched: each thing of its own, for a day, and within bounds. */
#include "server/gate/check/recall.h"
#include "tests/unit/unit.h"

static struct sighting sighting_of(uint32_t number, uint32_t list, int64_t seen_ms)
{
    struct sighting sighting = { .list = list, .seen_ms = seen_ms, .site = "north", .lane = "1" };

    memcpy(sighting.read_id, &number, sizeof(number));
    memcpy(sighting.id, &number, sizeof(number));
    sighting.id[15] = (uint8_t)list;
    return sighting;
}

/* Was it there?  From now on it is. */
static bool known(struct recall *recall, enum recalled kind, struct sighting sighting)
{
    struct recall_record *record = recall_find(recall, kind, &sighting);
    const bool counted = record->counted;

    record->counted = true;
    return counted;
}

static void each_is_of_its_own(void **state)
{
    struct recall *recall = recall_create();
    struct sighting other_lane = sighting_of(1, 5, 0), other_site = other_lane;

    (void)state;
    snprintf(other_lane.lane, sizeof(other_lane.lane), "2");
    snprintf(other_site.site, sizeof(other_site.site), "south");
    for (unsigned round = 0; round < 2; round++) {
        assert_int_equal(known(recall, RECALLED_READ, sighting_of(1, 5, 0)), round);
        assert_int_equal(known(recall, RECALLED_OPEN_READ, sighting_of(1, 5, 0)), round);
        assert_int_equal(known(recall, RECALLED_LIST, sighting_of(1, 5, 0)), round);
        assert_int_equal(known(recall, RECALLED_LIST, sighting_of(1, 6, 0)), round);
        assert_int_equal(known(recall, RECALLED_MATCH, sighting_of(1, 5, 0)), round);
        assert_int_equal(known(recall, RECALLED_MATCH, sighting_of(1, 6, 0)), round);
        assert_int_equal(known(recall, RECALLED_READ, sighting_of(2, 5, 0)), round);
        assert_int_equal(known(recall, RECALLED_READ, other_lane), round);
        assert_int_equal(known(recall, RECALLED_READ, other_site), round);
    }
    assert_true(known(recall, RECALLED_READ, sighting_of(1, 6, 0))); /* of the same read, whatever list */
    assert_int_equal(recall_count(recall), 9);
    recall_destroy(recall);
}

static void the_one_not_asked_for_the_longest_goes_first(void **state)
{
    struct recall *recall = recall_create();

    (void)state;
    for (uint32_t i = 0; i < LIMIT_RECALL_RECORDS; i++) assert_false(known(recall, RECALLED_MATCH, sighting_of(i, 1, 0)));
    assert_true(known(recall, RECALLED_MATCH, sighting_of(0, 1, 0)));
    for (uint32_t i = 0; i < 1000; i++) assert_false(known(recall, RECALLED_MATCH, sighting_of(LIMIT_RECALL_RECORDS + i, 1, 0)));
    assert_int_equal(recall_count(recall), LIMIT_RECALL_RECORDS);
    assert_true(known(recall, RECALLED_MATCH, sighting_of(0, 1, 0)));
    assert_true(known(recall, RECALLED_MATCH, sighting_of(1001, 1, 0)));
    assert_true(known(recall, RECALLED_MATCH, sighting_of(LIMIT_RECALL_RECORDS, 1, 0)));
    assert_false(known(recall, RECALLED_MATCH, sighting_of(1000, 1, 0)));
    recall_destroy(recall);
}

static void after_a_day_places_are_used_again(void **state)
{
    const int64_t day_ms = (LIMIT_SEEN_AGE_S + LIMIT_SEEN_AHEAD_S) * INT64_C(1000);
    struct recall *recall = recall_create();

    (void)state;
    for (uint32_t i = 0; i < 100; i++) assert_false(known(recall, RECALLED_MATCH, sighting_of(i, 1, 1000)));
    assert_false(known(recall, RECALLED_MATCH, sighting_of(100, 1, 1000 + day_ms)));
    assert_int_equal(recall_count(recall), 101);
    for (uint32_t i = 101; i < 201; i++) assert_false(known(recall, RECALLED_MATCH, sighting_of(i, 1, 1001 + day_ms)));
    assert_int_equal(recall_count(recall), 101);
    for (uint32_t i = 100; i < 201; i++) assert_true(known(recall, RECALLED_MATCH, sighting_of(i, 1, 1001 + day_ms)));
    recall_destroy(recall);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_of_its_own),
        cmocka_unit_test(the_one_not_asked_for_the_longest_goes_first),
        cmocka_unit_test(after_a_day_places_are_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
