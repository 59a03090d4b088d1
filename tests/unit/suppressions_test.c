/* Entries that are silent at a lane, and what they count. */
#include "server/gate/lists/suppressions.h"

#include <sodium.h>

#include "tests/unit/unit.h"

#define NOW INT64_C(1795311043123)

static struct suppression one(uint32_t number, uint32_t list, uint64_t entry, const char *lane, int64_t until_ms)
{
    struct suppression made = { .number = number, .list = list, .entry = entry, .until_ms = until_ms, .site = "north" };

    snprintf(made.lane, sizeof(made.lane), "%s", lane);
    return made;
}

static void found_for_what_it_names_and_no_longer(void **unused)
{
    struct suppressions *set = suppressions_create(2);
    struct suppression first = one(1, 7, 11, "1", NOW + 1), second = one(2, 7, 12, "1", NOW + 1000);

    (void)unused;
    assert_true(suppressions_add(set, &first));
    assert_true(suppressions_add(set, &second));
    assert_false(suppressions_add(set, &second));
    assert_non_null(suppressions_find(set, 7, 11, "north", "1", NOW));
    assert_null(suppressions_find(set, 7, 11, "north", "1", NOW + 1));
    assert_non_null(suppressions_find(set, 7, 12, "north", "1", NOW + 1));
    assert_null(suppressions_find(set, 8, 11, "north", "1", NOW));
    assert_null(suppressions_find(set, 7, 13, "north", "1", NOW));
    assert_null(suppressions_find(set, 7, 11, "north", "2", NOW));
    assert_null(suppressions_find(set, 7, 11, "south", "1", NOW));
    assert_null(suppressions_find(set, 7, 11, "1", "north", NOW));
    assert_null(suppressions_find(NULL, 7, 11, "north", "1", NOW));
    suppressions_free(set);
    suppressions_free(NULL);
}

static void an_empty_set_holds_nothing(void **unused)
{
    struct suppressions *set = suppressions_create(0);
    struct suppression any = one(1, 7, 11, "1", NOW + 1);

    (void)unused;
    assert_non_null(set);
    assert_null(suppressions_find(set, 7, 11, "north", "1", NOW));
    assert_false(suppressions_add(set, &any));
    suppressions_free(set);
}

static void as_many_as_there_may_be(void **unused)
{
    struct suppressions *set = suppressions_create(LIMIT_SUPPRESSIONS);

    (void)unused;
    for (uint32_t i = 0; i < LIMIT_SUPPRESSIONS; i++) {
        struct suppression made = one(i, i % 64, i / 64, i % 2 == 0 ? "1" : "2", NOW + 1);

        assert_true(suppressions_add(set, &made));
    }
    for (uint32_t i = 0; i < LIMIT_SUPPRESSIONS; i++) {
        assert_non_null(suppressions_find(set, i % 64, i / 64, "north", i % 2 == 0 ? "1" : "2", NOW));
        assert_null(suppressions_find(set, i % 64, i / 64, "north", i % 2 == 0 ? "2" : "1", NOW));
    }
    suppressions_free(set);
}

/* Counts are taken once, and add up over the sets that follow each other. */
static void counts_are_taken_once(void **unused)
{
    struct suppressed_counts *counts = calloc(1, sizeof(*counts));
    struct suppression first = one(1, 7, 11, "1", NOW + 1), second = one(2, 7, 12, "1", NOW + 1);

    (void)unused;
    for (unsigned round = 0; round < 2; round++) {
        struct suppressions *set = suppressions_create(2);

        assert_true(suppressions_add(set, &first));
        assert_true(suppressions_add(set, &second));
        for (unsigned i = 0; i < 3; i++) suppressed_count(suppressions_find(set, 7, 12, "north", "1", NOW));
        suppressions_take_counts(set, counts);
        suppressions_take_counts(set, counts);
        suppressions_free(set);
    }
    suppressions_take_counts(NULL, counts);
    assert_int_equal(counts->count, 1);
    assert_int_equal(counts->numbers[0], 2);
    assert_int_equal(counts->matches[0], 6);
    free(counts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(found_for_what_it_names_and_no_longer),
        cmocka_unit_test(an_empty_set_holds_nothing),
        cmocka_unit_test(as_many_as_there_may_be),
        cmocka_unit_test(counts_are_taken_once),
    };

    if (sodium_init() < 0) return 1;
    return cmocka_run_group_tests_name("suppressions", tests, NULL, NULL);
}
