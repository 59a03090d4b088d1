/* Counts: reads = cleared + hits, a vehicle once however often it is looked at, for operators and for auditors, and covert hits only for the latter. */
#include "server/gate/check/tally_view.h"
#include "tests/unit/unit.h"

static json_int_t number(const json_t *json, const char *name)
{
    assert_true(json_is_integer(json_object_get(json, name)));
    return json_integer_value(json_object_get(json, name));
}

struct stage {
    struct tally *tally;
    struct catalogue catalogue;
};

static struct catalogue_list lists[] = {
    { .number = 11, .id = "stolen", .agency = "customs" },
    { .number = 12, .id = "amber", .agency = "marshals" },
    { .number = 13, .id = "quiet", .agency = "customs", .covert = true },
};

static void begin(struct stage *stage)
{
    *stage = (struct stage){ .tally = tally_create(), .catalogue = { .lists = lists, .list_count = ARRAY_LENGTH(lists) } };
    assert_non_null(stage->tally);
}

#define LANE "reader/north/1"
#define AGAIN true

/* An entry of a list (11, 12; 13 is covert), found in read number READ of lane north/1. */
static struct sighting found(uint8_t read, bool again, uint32_t list, uint8_t entry, enum platesieve_grade grade)
{
    return (struct sighting){ .id = { read, (uint8_t)list, entry }, .read_id = { read }, .list = list, .entry = entry, .grade = (uint8_t)grade, .again = again,
                              .covert = list == 13, .seen_ms = 1000, .site = "north", .lane = "1" };
}

static struct tally_hits matched(struct stage *stage, const struct sighting *sightings, size_t count)
{
    struct tally_names *names = tally_names(&stage->catalogue, sightings, count);
    const struct tally_hits hits = tally_matched(stage->tally, LANE, names, sightings, count);

    free(names);
    return hits;
}

static void match_one(struct stage *stage, struct sighting sighting)
{
    if (sighting.covert) {
        const struct check_counts told = { .reads = !sighting.again, .cleared = !sighting.again, .covert = !sighting.again, .again = sighting.again,
                                           .covert_again = sighting.again };
        tally_clear(stage->tally, LANE, &told);
    }
    (void)matched(stage, &sighting, 1);
}

static void clear(struct stage *stage, bool again)
{
    tally_clear(stage->tally, LANE, &(struct check_counts){ .reads = !again, .cleared = !again, .again = again });
}

struct expected {
    json_int_t reads, cleared, hits, again, matches;
};

/* As operators or auditors see it; of the lane as in all. */
static void expect(struct stage *stage, bool truth, struct expected expected)
{
    json_t *json = tally_json(stage->tally, truth), *lane = json_array_get(json_object_get(json, "lanes"), 0);

    assert_string_equal(json_string_value(json_object_get(lane, "lane")), LANE);
    for (const json_t *counts = json; counts != NULL; counts = counts == json ? lane : NULL) {
        assert_int_equal(number(counts, "reads"), expected.reads);
        assert_int_equal(number(counts, "cleared"), expected.cleared);
        assert_int_equal(number(counts, "hits"), expected.hits);
        assert_int_equal(number(counts, "again"), expected.again);
        assert_int_equal(number(counts, "matches"), expected.matches);
    }
    json_decref(json);
}

static void expect_both(struct stage *stage, struct expected expected)
{
    expect(stage, false, expected);
    expect(stage, true, expected);
}

static json_int_t truth_of(struct stage *stage, const char *object, const char *name)
{
    json_t *json = tally_json(stage->tally, true);
    const json_int_t value = number(object == NULL ? json : json_object_get(json, object), name);

    json_decref(json);
    return value;
}

/* Four reads and three later looks: one clear, one on two lists, one on two entries of one list, one only on a covert list; later: one clear, one clear, one covert. */
static void fill(struct stage *stage)
{
    const struct check_counts told = { .reads = 4, .cleared = 2, .hits = 2, .covert = 1, .again = 3, .covert_again = 1 };
    struct sighting sightings[] = {
        found(1, false, 11, 1, PLATESIEVE_SIMILAR), found(1, false, 12, 1, PLATESIEVE_FULL), found(2, false, 11, 1, PLATESIEVE_PLATE),
        found(2, false, 11, 5, PLATESIEVE_PLATE),   found(3, false, 13, 1, PLATESIEVE_NEAR), found(5, AGAIN, 13, 1, PLATESIEVE_PLATE),
    };

    for (size_t i = 0; i < ARRAY_LENGTH(sightings); i++) sightings[i].read = sightings[i].read_id[0];
    tally_clear(stage->tally, LANE, &told);
    const struct tally_hits hits = matched(stage, sightings, ARRAY_LENGTH(sightings));
    assert_true(hits.reads == 2 && hits.later == 0 && hits.again == 0 && hits.cleared == 0);
}

static void an_operator_sees_covert_hits_as_cleared(void **state)
{
    struct stage stage;
    json_t *json;

    (void)state;
    begin(&stage);
    fill(&stage);
    expect(&stage, false, (struct expected){ .reads = 4, .cleared = 2, .hits = 2, .again = 3, .matches = 4 });
    json = tally_json(stage.tally, false);
    assert_null(json_object_get(json, "covert"));
    assert_null(json_object_get(json, "hits_by_list"));
    assert_null(json_object_get(json, "matches_by_list"));
    json_decref(json);
    tally_destroy(stage.tally);
}

/* The read that was looked at again and hit covertly had been cleared: it is one read, and a hit. */
static void an_auditor_sees_the_truth(void **state)
{
    struct stage stage;

    (void)state;
    begin(&stage);
    fill(&stage);
    expect(&stage, true, (struct expected){ .reads = 4, .cleared = 0, .hits = 4, .again = 3, .matches = 6 });
    assert_int_equal(truth_of(&stage, NULL, "covert"), 2);
    assert_int_equal(truth_of(&stage, "hits_by_grade", "full"), 1);
    assert_int_equal(truth_of(&stage, "hits_by_grade", "plate"), 2);
    assert_int_equal(truth_of(&stage, "hits_by_grade", "similar"), 0);
    assert_int_equal(truth_of(&stage, "hits_by_grade", "near"), 1);
    assert_int_equal(truth_of(&stage, "matches_by_grade", "plate"), 3);
    assert_int_equal(truth_of(&stage, "matches_by_grade", "similar"), 1);
    assert_int_equal(truth_of(&stage, "hits_by_list", "customs/stolen"), 2);
    assert_int_equal(truth_of(&stage, "matches_by_list", "customs/stolen"), 3);
    assert_int_equal(truth_of(&stage, "hits_by_list", "marshals/amber"), 1);
    assert_int_equal(truth_of(&stage, "hits_by_list", "customs/quiet"), 2);
    tally_destroy(stage.tally);
}

static void a_retry_counts_once(void **state)
{
    struct stage stage;

    (void)state;
    begin(&stage);
    for (unsigned i = 0; i < 3; i++) match_one(&stage, found(1, false, 11, 1, PLATESIEVE_FULL));
    expect_both(&stage, (struct expected){ .reads = 1, .hits = 1, .again = 2, .matches = 1 });
    clear(&stage, false);
    clear(&stage, false); /* of a clear read nothing is remembered */
    expect_both(&stage, (struct expected){ .reads = 3, .cleared = 2, .hits = 1, .again = 2, .matches = 1 });
    tally_destroy(stage.tally);
}

static void a_vehicle_is_one_read(void **state)
{
    struct stage stage;

    (void)state;
    begin(&stage);
    clear(&stage, false);
    clear(&stage, AGAIN);
    expect_both(&stage, (struct expected){ .reads = 1, .cleared = 1, .again = 1 });
    match_one(&stage, found(1, AGAIN, 11, 1, PLATESIEVE_PLATE));
    expect_both(&stage, (struct expected){ .reads = 1, .hits = 1, .again = 2, .matches = 1 });
    match_one(&stage, found(1, AGAIN, 11, 1, PLATESIEVE_FULL)); /* the same entry, at a stronger grade */
    match_one(&stage, found(1, AGAIN, 11, 2, PLATESIEVE_FULL)); /* another of the list */
    match_one(&stage, found(1, AGAIN, 12, 1, PLATESIEVE_FULL)); /* another list's */
    expect_both(&stage, (struct expected){ .reads = 1, .hits = 1, .again = 5, .matches = 3 });
    assert_int_equal(truth_of(&stage, "hits_by_grade", "plate"), 1);
    assert_int_equal(truth_of(&stage, "hits_by_grade", "full"), 0);
    assert_int_equal(truth_of(&stage, "matches_by_grade", "plate"), 1);
    assert_int_equal(truth_of(&stage, "matches_by_grade", "full"), 2);
    assert_int_equal(truth_of(&stage, "hits_by_list", "customs/stolen"), 1);
    assert_int_equal(truth_of(&stage, "matches_by_list", "customs/stolen"), 2);
    tally_destroy(stage.tally);
}

/* What operators see moves as it would if the covert looks had been clear. */
static void a_covert_hit_shows_nowhere(void **state)
{
    struct stage stage;

    (void)state;
    begin(&stage);
    match_one(&stage, found(1, false, 13, 1, PLATESIEVE_FULL));
    match_one(&stage, found(1, false, 13, 1, PLATESIEVE_FULL)); /* a retry */
    match_one(&stage, found(1, AGAIN, 13, 1, PLATESIEVE_FULL));
    expect(&stage, false, (struct expected){ .reads = 2, .cleared = 2, .again = 1 });
    expect(&stage, true, (struct expected){ .reads = 1, .hits = 1, .again = 2, .matches = 1 });
    assert_int_equal(truth_of(&stage, NULL, "covert"), 1);
    match_one(&stage, found(1, AGAIN, 11, 1, PLATESIEVE_FULL));
    expect(&stage, false, (struct expected){ .reads = 2, .cleared = 1, .hits = 1, .again = 2, .matches = 1 });
    expect(&stage, true, (struct expected){ .reads = 1, .hits = 1, .again = 3, .matches = 2 });
    assert_int_equal(truth_of(&stage, NULL, "covert"), 0);
    assert_int_equal(truth_of(&stage, "hits_by_list", "customs/quiet"), 1);
    tally_destroy(stage.tally);
}

/* One that was answered and could not be stored is to the count what it was to the lane. */
static void what_is_lost_is_cleared(void **state)
{
    struct stage stage;
    struct sighting sightings[] = { found(1, false, 13, 1, PLATESIEVE_FULL), found(2, AGAIN, 13, 1, PLATESIEVE_FULL), found(2, AGAIN, 13, 2, PLATESIEVE_FULL) };

    (void)state;
    begin(&stage);
    for (size_t i = 0; i < ARRAY_LENGTH(sightings); i++) sightings[i].read = sightings[i].read_id[0];
    tally_clear(stage.tally, LANE, &(struct check_counts){ .reads = 1, .cleared = 1, .covert = 1, .again = 1, .covert_again = 1 });
    tally_lost(stage.tally, LANE, sightings, ARRAY_LENGTH(sightings));
    expect_both(&stage, (struct expected){ .reads = 1, .cleared = 1, .again = 1 });
    tally_destroy(stage.tally);
}

/* A later look whose first was never counted here: at another gate, before the restart, or on its way. */
static void a_later_look_comes_first(void **state)
{
    struct stage stage;

    (void)state;
    begin(&stage);
    match_one(&stage, found(1, AGAIN, 11, 1, PLATESIEVE_FULL)); /* nothing of this lane's was cleared here */
    match_one(&stage, found(1, false, 11, 1, PLATESIEVE_FULL));
    expect_both(&stage, (struct expected){ .reads = 1, .hits = 1, .again = 1, .matches = 1 });
    clear(&stage, false);
    match_one(&stage, found(2, AGAIN, 11, 1, PLATESIEVE_FULL)); /* the cleared one is taken for its first look */
    expect_both(&stage, (struct expected){ .reads = 2, .hits = 2, .again = 2, .matches = 2 });
    match_one(&stage, found(2, false, 11, 1, PLATESIEVE_FULL)); /* and is not */
    match_one(&stage, found(2, false, 11, 1, PLATESIEVE_FULL));
    expect_both(&stage, (struct expected){ .reads = 3, .cleared = 1, .hits = 2, .again = 3, .matches = 2 });
    tally_destroy(stage.tally);
}

/* Two gates of one database, which has what the first of them carried to it. */
static void what_was_stored_before_is_taken_back(void **state)
{
    const enum sighting_stored now = STORED_NOW, before = STORED_BEFORE, not = STORED_NOT;
    const struct sighting hit = found(1, false, 11, 1, PLATESIEVE_PLATE), again = found(1, AGAIN, 11, 1, PLATESIEVE_FULL), covert = found(2, false, 13, 1, PLATESIEVE_FULL);
    struct stage one, two;

    (void)state;
    begin(&one);
    begin(&two);
    match_one(&one, hit); /* the answer is lost: the lane goes to the other */
    match_one(&two, hit);
    tally_stored(two.tally, &hit, &now, 1);
    expect_both(&one, (struct expected){ .reads = 1, .hits = 1, .matches = 1 });
    tally_stored(one.tally, &hit, &before, 1);
    tally_stored(one.tally, &hit, &before, 1);
    expect_both(&one, (struct expected){ .again = 1 });
    expect_both(&two, (struct expected){ .reads = 1, .hits = 1, .matches = 1 });
    assert_int_equal(truth_of(&one, "hits_by_grade", "plate") + truth_of(&one, "matches_by_grade", "plate"), 0);
    match_one(&one, again); /* known, if only as the other's */
    tally_stored(one.tally, &again, &before, 1);
    match_one(&two, again);
    tally_stored(two.tally, &again, &before, 1); /* a retry of its own */
    expect_both(&one, (struct expected){ .again = 2 });
    expect_both(&two, (struct expected){ .reads = 1, .hits = 1, .again = 1, .matches = 1 });

    match_one(&one, covert);
    tally_stored(one.tally, &covert, &before, 1);
    expect(&one, false, (struct expected){ .reads = 1, .cleared = 1, .again = 2 });
    expect(&one, true, (struct expected){ .again = 3 });
    match_one(&two, covert);
    tally_stored(two.tally, &covert, &not, 1); /* its retention was over: it was counted all the same */
    expect(&two, true, (struct expected){ .reads = 2, .hits = 2, .again = 1, .matches = 2 });
    tally_destroy(one.tally);
    tally_destroy(two.tally);
}

/* One that was taken to have been cleared here at first is given back. */
static void a_later_look_elsewhere_is_taken_back(void **state)
{
    const enum sighting_stored before = STORED_BEFORE;
    const struct sighting again = found(1, AGAIN, 11, 1, PLATESIEVE_PLATE);
    struct stage stage;

    (void)state;
    begin(&stage);
    clear(&stage, false);
    match_one(&stage, again);
    expect_both(&stage, (struct expected){ .reads = 1, .hits = 1, .again = 1, .matches = 1 });
    tally_stored(stage.tally, &again, &before, 1);
    expect_both(&stage, (struct expected){ .reads = 1, .cleared = 1, .again = 1 });
    assert_int_equal(truth_of(&stage, "hits_by_grade", "plate"), 0);
    tally_destroy(stage.tally);
}

static void calibration_is_told_apart(void **state)
{
    struct stage stage;
    struct sighting one = found(1, false, 11, 1, PLATESIEVE_FULL);

    (void)state;
    begin(&stage);
    one.calibration = true;
    match_one(&stage, one);
    match_one(&stage, one);
    match_one(&stage, found(2, false, 11, 2, PLATESIEVE_FULL));
    assert_int_equal(truth_of(&stage, NULL, "calibration"), 1);
    assert_int_equal(truth_of(&stage, NULL, "hits"), 2);
    tally_destroy(stage.tally);
}

/* Lanes beyond those that have a row of their own are counted in the totals. */
static void lanes_without_a_row_count_in_the_totals(void **state)
{
    struct stage stage;
    char lane[32];

    (void)state;
    begin(&stage);
    for (unsigned i = 0; i < TALLY_LANES_MAX + 3; i++) {
        snprintf(lane, sizeof(lane), "reader/north/%u", i);
        tally_clear(stage.tally, lane, &(struct check_counts){ .reads = 1 + i % 2, .cleared = 1 + i % 2 });
    }
    json_t *json = tally_json(stage.tally, false), *lanes = json_object_get(json, "lanes");
    assert_int_equal(json_array_size(lanes), TALLY_LANES_MAX);
    assert_int_equal(number(json, "cleared"), TALLY_LANES_MAX / 2 * 3 + 1 + 2 + 1);
    for (unsigned i = 0; i < TALLY_LANES_MAX; i++) {
        snprintf(lane, sizeof(lane), "reader/north/%u", i);
        assert_string_equal(json_string_value(json_object_get(json_array_get(lanes, i), "lane")), lane);
        assert_int_equal(number(json_array_get(lanes, i), "cleared"), 1 + i % 2);
    }
    json_decref(json);
    tally_destroy(stage.tally);
}

/* Each list once, and those alone that the catalogue has. */
static void lists_are_named_once(void **state)
{
    struct stage stage;
    const struct sighting sightings[] = { found(1, false, 12, 1, PLATESIEVE_FULL), found(1, false, 11, 1, PLATESIEVE_FULL), found(1, false, 99, 1, PLATESIEVE_FULL),
                                          found(2, false, 12, 2, PLATESIEVE_FULL), found(2, false, 11, 2, PLATESIEVE_FULL), found(3, false, 11, 3, PLATESIEVE_FULL) };

    (void)state;
    begin(&stage);
    struct tally_names *names = tally_names(&stage.catalogue, sightings, ARRAY_LENGTH(sightings));
    assert_non_null(names);
    assert_int_equal(names->count, 2);
    assert_int_equal(names->each[0].number, 12);
    assert_string_equal(names->each[0].agency, "marshals");
    assert_string_equal(names->each[0].list, "amber");
    assert_int_equal(names->each[1].number, 11);
    free(names);
    tally_destroy(stage.tally);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_operator_sees_covert_hits_as_cleared),
        cmocka_unit_test(an_auditor_sees_the_truth),
        cmocka_unit_test(a_retry_counts_once),
        cmocka_unit_test(a_vehicle_is_one_read),
        cmocka_unit_test(a_covert_hit_shows_nowhere),
        cmocka_unit_test(what_is_lost_is_cleared),
        cmocka_unit_test(a_later_look_comes_first),
        cmocka_unit_test(what_was_stored_before_is_taken_back),
        cmocka_unit_test(a_later_look_elsewhere_is_taken_back),
        cmocka_unit_test(calibration_is_told_apart),
        cmocka_unit_test(lanes_without_a_row_count_in_the_totals),
        cmocka_unit_test(lists_are_named_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
