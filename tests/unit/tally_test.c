/* Counts: reads = cleared + hits, for operators and for auditors, and covert hits only for the latter. */
#include "server/gate/check/tally.h"
#include "tests/unit/unit.h"

static json_int_t number(const json_t *json, const char *name)
{
    assert_true(json_is_integer(json_object_get(json, name)));
    return json_integer_value(json_object_get(json, name));
}

/* Four reads and three later looks: one clear, one on two lists, one repeated on two entries of one list, one only on a covert list; two later looks that were clear, one that was covert. */
static struct tally *filled(void)
{
    static struct catalogue_list lists[] = {
        { .number = 11, .id = "stolen", .agency = "customs" },
        { .number = 12, .id = "amber", .agency = "marshals" },
        { .number = 13, .id = "quiet", .agency = "customs", .covert = true },
    };
    struct catalogue catalogue = { .lists = lists, .list_count = 3 };
    struct peer peer = { .role = ROLE_READER, .name = "reader/north/1", .first = "north", .second = "1" };
    const struct check_counts counts = { .reads = 4, .cleared = 2, .hits = 2, .covert = 1, .again = 3, .covert_again = 1 };
    const struct sighting sightings[] = {
        { .read = 1, .list = 11, .grade = PLATESIEVE_SIMILAR },
        { .read = 1, .list = 12, .grade = PLATESIEVE_FULL },
        { .read = 2, .list = 11, .grade = PLATESIEVE_PLATE },
        { .read = 2, .list = 11, .grade = PLATESIEVE_PLATE, .entry = 5 },
        { .read = 3, .list = 13, .grade = PLATESIEVE_NEAR, .covert = true },
        { .read = 5, .list = 13, .grade = PLATESIEVE_PLATE, .covert = true },
    };
    struct tally *tally = tally_create();

    assert_non_null(tally);
    tally_add(tally, &catalogue, &peer, &counts, sightings, ARRAY_LENGTH(sightings));
    return tally;
}

static void an_operator_sees_covert_hits_as_cleared(void **state)
{
    struct tally *tally = filled();
    json_t *json = tally_json(tally, false), *lane = json_array_get(json_object_get(json, "lanes"), 0);

    (void)state;
    assert_int_equal(number(json, "reads"), 4);
    assert_int_equal(number(json, "cleared"), 2);
    assert_int_equal(number(json, "hits"), 2);
    assert_int_equal(number(json, "again"), 3);
    assert_null(json_object_get(json, "covert"));
    assert_null(json_object_get(json, "hits_by_list"));
    assert_string_equal(json_string_value(json_object_get(lane, "lane")), "reader/north/1");
    assert_int_equal(number(lane, "cleared"), 2);
    assert_int_equal(number(lane, "again"), 3);
    json_decref(json);
    tally_destroy(tally);
}

static void an_auditor_sees_the_truth(void **state)
{
    struct tally *tally = filled();
    json_t *json = tally_json(tally, true), *grades = json_object_get(json, "hits_by_grade"), *lists = json_object_get(json, "hits_by_list");

    (void)state;
    assert_int_equal(number(json, "reads"), 5);
    assert_int_equal(number(json, "cleared"), 1);
    assert_int_equal(number(json, "hits"), 4);
    assert_int_equal(number(json, "again"), 2);
    assert_int_equal(number(json, "covert"), 2);
    assert_int_equal(number(grades, "full"), 1);
    assert_int_equal(number(grades, "plate"), 2);
    assert_int_equal(number(grades, "similar"), 0);
    assert_int_equal(number(grades, "near"), 1);
    assert_int_equal(number(lists, "customs/stolen"), 2);
    assert_int_equal(number(lists, "marshals/amber"), 1);
    assert_int_equal(number(lists, "customs/quiet"), 2);
    json_decref(json);
    tally_destroy(tally);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_operator_sees_covert_hits_as_cleared),
        cmocka_unit_test(an_auditor_sees_the_truth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
