/* client/vehicles/vehicles.c: one vehicle, one read; and nothing that an engine says is left unasked but by a rule that is written down. */
#include "client/vehicles/vehicle_table.h"
#include "tests/unit/vehicle_scene.h"

static struct vehicles *vehicles;
static struct lane_read answer;

static int set_up(void **state)
{
    (void)state;
    vehicles = vehicles_create(&usual_rules);
    return vehicles == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    vehicles_destroy(vehicles);
    return 0;
}

static enum vehicle_outcome take(struct engine_read look, int64_t now_ms)
{
    return vehicles_take(vehicles, &look, now_ms, LIMIT_CHECK_CANDIDATES, &answer);
}

static void test_similar(void **state)
{
    static const struct { const char *a, *b; bool similar, unlike; } pairs[] = {
        { "QBQ1231", "QBQ1231", true, false }, { "QBQ1231", "QBQ1232", true, false }, { "QBQ1231", "QBQ231", true, false },
        { "QBQ123", "QBQ1234", true, false }, { "QBQ1231", "QBQ1322", false, false }, { "QBQ12", "BQQ12", false, false },
        { "QBQ1231", "Q8QI23I", true, false }, { "QBZ55", "08255", true, false }, { "QBQ1231", "QXYZ7904Q", false, true },
        { "7", "8", false, true }, { "AB1", "AB2", false, false }, { "AB1", "AB1", true, false }, { "AB12", "AB123", true, false },
        { "QBQ123", "QBQ12345", false, false }, { "CAM07", "QBQ1231", false, true }, { "AAAA7", "AAAAA7", true, false },
        { "ABCDEFGHJKMN", "ABCDEFGHJKM", true, false }, { "QBQ1231", "P231", false, true },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(pairs); i++) {
        struct platesieve_plate a, b;

        assert_false(platesieve_failed(platesieve_plate_canonicalise(pairs[i].a, strlen(pairs[i].a), &a)));
        assert_false(platesieve_failed(platesieve_plate_canonicalise(pairs[i].b, strlen(pairs[i].b), &b)));
        const struct similar_form one = similar_form(&a), other = similar_form(&b);

        assert_int_equal(similar_one_edit(&one, &other), pairs[i].similar);
        assert_int_equal(similar_one_edit(&other, &one), pairs[i].similar);
        assert_int_equal(similar_unlike(&one, &other), pairs[i].unlike);
        assert_int_equal(similar_unlike(&other, &one), pairs[i].unlike);
    }
}

static void test_frames_are_one_read(void **state)
{
    uint8_t id[PLATESIEVE_READ_ID_BYTES];

    (void)state;
    assert_int_equal(take(look_at("QBQ1231:0.9 Q8Q1231:0.5"), 0), VEHICLE_NEW);
    assert_string_equal(asked(&answer), "QBQ1231/ Q8Q1231/");
    assert_string_equal(answer.raw[1], "Q8Q1231");
    assert_string_equal(answer.camera, "north");
    assert_false(answer.check.again);
    memcpy(id, answer.check.id, sizeof(id));
    assert_int_equal(take(look_at("Q8Q1231:0.8"), 100), VEHICLE_KNOWN);
    assert_memory_equal(answer.check.id, id, sizeof(id));
    assert_string_equal(asked(&answer), "Q8Q1231/");
    assert_int_equal(take(look_at("QBQ123I:0.95 QBQ1231:0.9"), 200), VEHICLE_AGAIN);
    assert_string_equal(asked(&answer), "QBQ123I/");
    assert_true(answer.check.again && answer.same);
    assert_memory_equal(answer.check.id, id, sizeof(id));
    assert_int_equal(take(look_at("QXYZ7904Q:0.9"), 300), VEHICLE_NEW);
    assert_memory_not_equal(answer.check.id, id, sizeof(id));
    assert_int_equal(take(look_at("QBQ1231:0.9"), 3300), VEHICLE_NEW); /* the window is over */
    assert_memory_not_equal(answer.check.id, id, sizeof(id));
}

static void test_another_camera(void **state)
{
    struct engine_read look = look_of("QBQ1231:0.9", NULL, 7);

    (void)state;
    assert_int_equal(take(look, 0), VEHICLE_NEW);
    snprintf(look.camera, sizeof(look.camera), "south");
    assert_int_equal(take(look, 1), VEHICLE_NEW);
    assert_string_equal(answer.camera, "south");
    assert_int_equal(take(look, 2), VEHICLE_KNOWN);
}

/* Fleet numbers: taken for one vehicle, and yet each is asked about. */
static void test_two_cars_in_sequence(void **state)
{
    (void)state;
    assert_int_equal(take(look_at("QBQ1231:0.9"), 0), VEHICLE_NEW);
    assert_int_equal(take(look_at("QBQ1232:0.9"), 1500), VEHICLE_AGAIN);
    assert_string_equal(asked(&answer), "QBQ1232/");
    assert_false(answer.same);
    assert_int_equal(take(look_at("QBQ1233:0.9"), 3000), VEHICLE_AGAIN);
    assert_string_equal(asked(&answer), "QBQ1233/");
    assert_int_equal(take(look_at("QBQ1231:0.9"), 3100), VEHICLE_KNOWN);
}

static void test_best_candidates(void **state)
{
    (void)state;
    assert_int_equal(take(look_at("QQQ1111:0.9 QQQ1112:0.8 QQQ1113:0.7 QQQ1114:0.6 QQQ1115:0.5 QQQ1116:0.4"), 0), VEHICLE_NEW);
    assert_string_equal(asked(&answer), "QQQ1111/ QQQ1112/ QQQ1113/ QQQ1114/ QQQ1115/");
    assert_int_equal(take(look_at("QQQ1111:0.9 QQQ1112:0.8 QQQ1113:0.7 QQQ1114:0.6 QQQ1115:0.5 QQQ1116:0.4"), 10), VEHICLE_KNOWN);
    assert_int_equal(take(look_at("QQQ1111:0.9 QQQ1116:0.8"), 20), VEHICLE_AGAIN); /* risen */
    assert_string_equal(asked(&answer), "QQQ1116/");
}

static void test_policy_wants_fewer(void **state)
{
    struct engine_read look = look_at("QQQ1111:0.9 QQQ1112:0.8 QQQ1113:0.7");

    (void)state;
    assert_int_equal(vehicles_take(vehicles, &look, 0, 2, &answer), VEHICLE_NEW);
    assert_string_equal(asked(&answer), "QQQ1111/ QQQ1112/");
}

static void test_thresholds(void **state)
{
    struct vehicle_rules rules = usual_rules;
    struct engine_read look = look_of("QBQ1231:0.7 QBQ1232:0.2", "US-TX", 9);

    (void)state;
    rules.confidence_min = 0.5;
    rules.region_confidence_min = 0.4;
    vehicles_destroy(vehicles);
    vehicles = vehicles_create(&rules);
    look.region_confidence = 0.39;
    assert_int_equal(take(look, 0), VEHICLE_NEW);
    assert_string_equal(asked(&answer), "QBQ1231/");
    look.region_confidence = 0.4;
    assert_int_equal(take(look, 10), VEHICLE_AGAIN);
    assert_string_equal(asked(&answer), "QBQ1231/US-TX");
    assert_int_equal(take(look_at("QBQ1231:0.49"), 20), VEHICLE_NOTHING);
    assert_int_equal(answer.check.count, 0);
    assert_int_equal(take(look_of("", NULL, 0), 20), VEHICLE_NOTHING);
    assert_int_equal(take(look_of("QBQ1231:0.49", NULL, 9), 30), VEHICLE_KNOWN); /* the engine says which vehicle it is: its picture is of use */
    assert_int_equal(answer.check.count, 0);
}

static void test_jurisdiction_becomes_known(void **state)
{
    (void)state;
    assert_int_equal(take(look_at("QBQ1231:0.9 QBQ1237:0.6"), 0), VEHICLE_NEW);
    assert_string_equal(asked(&answer), "QBQ1231/ QBQ1237/");
    assert_int_equal(take(look_of("QBQ1231:0.8", "US-TX", 0), 10), VEHICLE_AGAIN);
    assert_string_equal(asked(&answer), "QBQ1231/US-TX QBQ1237/US-TX"); /* the other one may be listed at `full`, too */
    assert_true(answer.check.candidates[0].confidence > 0.89); /* its best */
    assert_int_equal(take(look_at("QBQ1231:0.8"), 20), VEHICLE_KNOWN);
    assert_int_equal(take(look_at("QBQ1236:0.5"), 30), VEHICLE_AGAIN);
    assert_string_equal(asked(&answer), "QBQ1236/US-TX");
    assert_int_equal(take(look_of("QBQ1231:0.8", "US-OK", 0), 40), VEHICLE_AGAIN); /* the same number in another state */
    assert_string_equal(asked(&answer), "QBQ1231/US-OK");
    assert_int_equal(take(look_of("QBQ1231:0.8", "US-TX", 0), 50), VEHICLE_KNOWN);
}

static void test_preview_and_final(void **state)
{
    struct engine_read final = look_of("QXYZ7904Q:0.9 QBQ1231:0.9", NULL, 2);
    uint8_t id[PLATESIEVE_READ_ID_BYTES];

    (void)state;
    assert_int_equal(take(look_of("QBQ1231:0.6", NULL, 1), 0), VEHICLE_NEW);
    memcpy(id, answer.check.id, sizeof(id));
    final.ids[final.id_count++] = 1;
    vehicles_forget(vehicles, 14000);
    assert_int_equal(take(final, 15000), VEHICLE_AGAIN);
    assert_string_equal(asked(&answer), "QXYZ7904Q/");
    assert_memory_equal(answer.check.id, id, sizeof(id));
    assert_true(answer.same);
    assert_int_equal(take(look_of("QXYZ7904Q:0.9", NULL, 2), 30000), VEHICLE_KNOWN); /* the message again, by the id that it brought */
    assert_memory_equal(answer.check.id, id, sizeof(id));
    assert_int_equal(take(look_of("QXYZ7904Q:0.9", NULL, 2), 74999), VEHICLE_KNOWN);
    assert_int_equal(take(look_of("QXYZ7904Q:0.9", NULL, 2), 75000), VEHICLE_AGAIN); /* lists may have changed */
    assert_memory_equal(answer.check.id, id, sizeof(id));
    assert_int_equal(take(look_of("QXYZ7904Q:0.9", NULL, 2), 135000), VEHICLE_NEW); /* gone for a minute */
}

/* A group of two vehicles' frames: what was asked about under either is not asked about again. */
static void test_final_joins_two(void **state)
{
    struct engine_read final = look_of("QBQ1231:0.9 QXYZ7904Q:0.8", NULL, 1);
    uint8_t second[PLATESIEVE_READ_ID_BYTES];

    (void)state;
    assert_int_equal(take(look_of("QBQ1231:0.6", NULL, 1), 0), VEHICLE_NEW);
    assert_int_equal(take(look_of("QXYZ7904Q:0.6", NULL, 2), 10), VEHICLE_NEW);
    memcpy(second, answer.check.id, sizeof(second));
    final.ids[final.id_count++] = 2;
    assert_int_equal(take(final, 20), VEHICLE_KNOWN);
    assert_memory_not_equal(answer.check.id, second, sizeof(second)); /* of the best candidate */
    assert_int_equal(take(look_of("QXYZ7904Q:0.6", NULL, 2), 30), VEHICLE_KNOWN);
    assert_memory_equal(answer.check.id, second, sizeof(second));
}

static struct engine_read seen_at(const char *spellings, int64_t seen_ms)
{
    struct engine_read look = look_at(spellings);

    look.seen_ms = DAWN + seen_ms;
    return look;
}

static void test_late_and_out_of_order(void **state)
{
    (void)state;
    assert_int_equal(take(seen_at("QBQ1231:0.9", 10000), 10000), VEHICLE_NEW);
    assert_int_equal((int)(answer.check.seen_ms - DAWN), 10000);
    assert_int_equal(take(seen_at("QBQ1232:0.9", 8000), 10100), VEHICLE_AGAIN); /* an earlier frame */
    assert_int_equal(take(seen_at("QBQ1231:0.9", 5000), 22000), VEHICLE_KNOWN); /* three seconds before that, and twelve late */
    assert_int_equal(take(seen_at("QBQ1231:0.9", 14000), 22100), VEHICLE_NEW);
    assert_int_equal(take(seen_at("QXYZ7904Q:0.9", 100000), 23000), VEHICLE_NEW); /* what waited at the engine comes all at once: two passages */
    assert_int_equal(take(seen_at("QXYZ7904Q:0.9", 400000), 23010), VEHICLE_NEW);
}

static void test_a_vehicle_that_stays(void **state)
{
    uint8_t id[PLATESIEVE_READ_ID_BYTES] = { 0 };

    (void)state;
    for (unsigned s = 0; s < 2 * LIMIT_VEHICLE_READ_S; s++) { /* a look a second */
        const enum vehicle_outcome outcome = take(look_at("QBQ1231:0.9 QBQ1237:0.3"), s * 1000);

        assert_int_equal(outcome, s % LIMIT_VEHICLE_READ_S == 0 ? VEHICLE_NEW : s % LIMIT_VEHICLE_AGAIN_S == 0 ? VEHICLE_AGAIN : VEHICLE_KNOWN);
        if (outcome == VEHICLE_NEW) memcpy(id, answer.check.id, sizeof(id));
        assert_memory_equal(answer.check.id, id, sizeof(id));
        assert_string_equal(asked(&answer), "QBQ1231/ QBQ1237/");
    }
}

/* It is misread in a new way now and then: old misreadings make room. */
static void test_a_vehicle_that_stays_and_is_misread(void **state)
{
    char spelling[32];
    unsigned reads = 0;

    (void)state;
    for (unsigned s = 0; s < 1800; s++) {
        snprintf(spelling, sizeof(spelling), "QBQ1231:0.9 A%c%c1231:0.5", 'E' + s / 3 % 21, 'E' + s / 63);
        reads += take(look_at(spelling), s * 1000) == VEHICLE_NEW;
    }
    assert_int_equal(reads, 1);
}

static void test_too_many_spellings(void **state)
{
    uint8_t id[PLATESIEVE_READ_ID_BYTES] = { 0 };
    char spelling[32];
    unsigned reads = 0;

    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        snprintf(spelling, sizeof(spelling), "%c%c%c77%u:0.9", 'E' + i % 3, 'M' + i / 3 % 3, 'T' + i / 9 % 4, i);
        const enum vehicle_outcome outcome = take(look_of(spelling, NULL, 5), i);

        assert_true(outcome == VEHICLE_NEW || outcome == VEHICLE_AGAIN);
        assert_int_equal(answer.check.count, 1);
        if (outcome == VEHICLE_AGAIN) assert_memory_equal(answer.check.id, id, sizeof(id));
        reads += outcome == VEHICLE_NEW;
        memcpy(id, answer.check.id, sizeof(id));
    }
    assert_int_equal(reads, (100 + LIMIT_VEHICLE_SPELLINGS - 1) / LIMIT_VEHICLE_SPELLINGS);
}

static void test_too_many_jurisdictions(void **state)
{
    static const char *const codes[] = { "US-TX", "US-OK", "US-NM", "US-LA", "US-AR", "MX-TAM" };

    (void)state;
    for (unsigned i = 0; i < ARRAY_LENGTH(codes); i++) {
        assert_int_equal(take(look_of("QBQ1231:0.9", codes[i], 5), i), i % LIMIT_VEHICLE_REGIONS == 0 ? VEHICLE_NEW : VEHICLE_AGAIN);
        assert_string_equal(answer.check.candidates[0].jurisdiction.code, codes[i]);
    }
    for (unsigned i = 0; i < ARRAY_LENGTH(codes); i++) assert_int_equal(take(look_of("QBQ1231:0.9", codes[i], 5), 10 + i), VEHICLE_KNOWN);
}

static void test_unchecked_is_asked_again(void **state)
{
    uint8_t id[PLATESIEVE_READ_ID_BYTES];

    (void)state;
    assert_int_equal(take(look_at("QBQ1231:0.9"), 0), VEHICLE_NEW);
    memcpy(id, answer.check.id, sizeof(id));
    assert_int_equal(take(look_at("QBQ1232:0.9 QBQ1231:0.9"), 10), VEHICLE_AGAIN);
    vehicles_unchecked(vehicles, &answer);
    assert_int_equal(take(look_at("QBQ1232:0.9 QBQ1231:0.9"), 20), VEHICLE_AGAIN);
    assert_string_equal(asked(&answer), "QBQ1232/");
    assert_memory_equal(answer.check.id, id, sizeof(id));
    vehicles_unchecked(vehicles, &answer);
    assert_int_equal(take(look_at("QBQ1231:0.9"), 30), VEHICLE_KNOWN);
    vehicles_unchecked(vehicles, &answer);
    vehicles_unchecked(vehicles, &answer);
    assert_int_equal(take(look_at("QBQ1231:0.9"), 40), VEHICLE_NEW); /* nothing was answered of it */
}

/* A gate counts vehicles: of one it has to hear once, and not only of looks that came after one that nobody answered. */
static void test_what_was_answered_first_is_counted(void **state)
{
    struct lane_read first, second, third;

    (void)state;
    assert_int_equal(take(look_at("QBQ1231:0.9"), 0), VEHICLE_NEW);
    first = answer;
    assert_int_equal(take(look_at("QBQ1232:0.9 QBQ1231:0.9"), 10), VEHICLE_AGAIN);
    second = answer;
    assert_int_equal(take(look_at("QBQ1233:0.9 QBQ1231:0.9"), 20), VEHICLE_AGAIN);
    third = answer;
    assert_false(vehicles_asking(vehicles, &first));
    assert_true(vehicles_asking(vehicles, &second)); /* the first is under way */
    vehicles_asked(vehicles, &second, true, true);
    vehicles_asked(vehicles, &first, false, false);
    vehicles_unchecked(vehicles, &first); /* it is given up */
    assert_false(vehicles_asking(vehicles, &third));
    vehicles_asked(vehicles, &third, false, false);
    assert_false(vehicles_asking(vehicles, &third)); /* once more */
    vehicles_asked(vehicles, &third, false, true);
    assert_true(vehicles_asking(vehicles, &first));
    vehicles_asked(vehicles, &first, true, true);
    assert_int_equal(take(look_at("XJXJ999:0.9"), 30), VEHICLE_NEW);
    assert_false(vehicles_asking(vehicles, &answer));
    memset(answer.check.id, 0x55, sizeof(answer.check.id)); /* of a vehicle that is over */
    assert_false(vehicles_asking(vehicles, &answer));
    assert_true(vehicles_asking(vehicles, &second));
}

static void test_more_vehicles_than_places(void **state)
{
    char spelling[32];

    (void)state;
    for (unsigned i = 0; i < 2 * LIMIT_VEHICLES; i++) {
        snprintf(spelling, sizeof(spelling), "%c%c%03u%c%c:0.9", 'E' + i % 11, 'F' + i % 13, i, 'H' + i % 7, 'R' + i % 5);
        assert_int_not_equal(take(look_of(spelling, NULL, 1000 + i), 0), VEHICLE_KNOWN);
    }
    assert_int_equal(take(look_of(spelling, NULL, 0), 1), VEHICLE_KNOWN);
    assert_int_not_equal(take(look_at("EF000HR:0.9"), 2), VEHICLE_KNOWN); /* forgotten: asked about once more, that is all */
}

/* What an engine had stored makes room before what is there now. */
static void test_late_ones_make_room_first(void **state)
{
    struct engine_read look;
    char spelling[32];

    (void)state;
    assert_int_equal(take(look_of("QBQ1231:0.9", NULL, 7), 0), VEHICLE_NEW);
    assert_false(answer.late);
    for (unsigned i = 0; i < 2 * LIMIT_VEHICLES; i++) {
        snprintf(spelling, sizeof(spelling), "%c%c%03u%c%c:0.9", 'E' + i % 11, 'F' + i % 13, i, 'H' + i % 7, 'R' + i % 5);
        look = look_of(spelling, NULL, 1000 + i);
        look.late = i > 0;
        assert_int_not_equal(take(look, 1), VEHICLE_KNOWN);
        assert_int_equal(answer.late, i > 0);
    }
    assert_int_equal(take(look_of("QBQ1231:0.9", NULL, 7), 2), VEHICLE_KNOWN);
}

/* Plates in clear stay for the window, hashes until the read is over. */
static void test_plates_fade(void **state)
{
    struct vehicle_table *table = platesieve_secret_allocate(sizeof(*table));
    struct vehicle_clue clue = { .camera = 1, .count = 1, .texts = { 77 } };
    struct vehicle_matches matches;
    struct vehicle *vehicle;

    (void)state;
    assert_non_null(table);
    table->window_ms = 3000;
    vehicle = vehicle_table_begin(table, &clue);
    vehicle->spellings[vehicle->count++] = (struct vehicle_spelling){ .text = 77, .asked = true, .plate = { 7, "QBQ1231" }, .form = { { 7, "Q8Q1231" }, 1 } };
    vehicle_table_forget(table, 3000);
    assert_non_null(memmem(table, sizeof(*table), "QBQ1231", 7));
    vehicle_table_forget(table, 3001);
    assert_null(memmem(table, sizeof(*table), "QBQ1231", 7));
    assert_null(memmem(table, sizeof(*table), "Q8Q1231", 7));
    assert_true(vehicle_asked(vehicle, 77, &(struct platesieve_jurisdiction){ "" }));
    clue.now_ms = 3000;
    vehicle_table_find(table, &clue, &matches);
    assert_int_equal(matches.count, 1); /* by the hash */
    vehicle_table_forget(table, LIMIT_VEHICLE_AGAIN_S * 1000);
    for (size_t i = 0; i < sizeof(*vehicle); i++) assert_int_equal(((const uint8_t *)vehicle)[i], 0);
    platesieve_secret_free(table);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_similar), TEST(test_frames_are_one_read), TEST(test_another_camera), TEST(test_two_cars_in_sequence),
        TEST(test_best_candidates), TEST(test_policy_wants_fewer), TEST(test_thresholds), TEST(test_jurisdiction_becomes_known),
        TEST(test_preview_and_final), TEST(test_final_joins_two), TEST(test_late_and_out_of_order), TEST(test_a_vehicle_that_stays),
        TEST(test_a_vehicle_that_stays_and_is_misread),
        TEST(test_too_many_spellings), TEST(test_too_many_jurisdictions), TEST(test_unchecked_is_asked_again), TEST(test_what_was_answered_first_is_counted),
        TEST(test_more_vehicles_than_places), TEST(test_late_ones_make_room_first), TEST(test_plates_fade),
    };
    if (platesieve_failed(platesieve_init())) return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
