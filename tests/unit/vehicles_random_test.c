/* client/vehicles/vehicles.c under random traffic: whatever comes in whatever order, each look's best candidates have been asked about within the time that a
 * read lasts, with the jurisdiction that was stated; and nothing is asked about twice within it. */
#include "tests/unit/vehicle_scene.h"

#define STEPS 8000
#define ASKED_MAX 65536

struct asked {
    char camera[8];
    struct platesieve_plate plate;
    struct platesieve_jurisdiction jurisdiction;
    uint8_t id[PLATESIEVE_READ_ID_BYTES];
    int64_t at_ms;
};

static struct asked told[ASKED_MAX];
static size_t told_next;

/* Xorshift: the same run each time. */
static uint64_t random_state;

static unsigned below(unsigned limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)(random_state >> 33) % limit;
}

/* One of so many vehicles of a fleet and others, with an edit now and then. */
static void random_plate(unsigned vehicle, struct platesieve_plate *plate)
{
    static const char characters[] = "ABCDEFGHIJKLMNPQRSTUVWXYZ0123456789";
    char text[16];

    if (vehicle < 8) snprintf(text, sizeof(text), "FLT770%u", vehicle);
    else snprintf(text, sizeof(text), "%c%u%c%u%c", 'G' + vehicle % 17, vehicle * 37 % 100, 'P' + vehicle % 5, vehicle * 91 % 1000, 'T' + vehicle % 3);
    for (unsigned edits = below(4) == 0 ? 1 + below(3) : 0; edits > 0; edits--) text[below((unsigned)strlen(text))] = characters[below(35)];
    assert_false(platesieve_failed(platesieve_plate_canonicalise(text, strlen(text), plate)));
}

static bool has(const struct engine_read *look, const struct platesieve_plate *plate)
{
    for (size_t i = 0; i < look->count; i++)
        if (memcmp(&look->candidates[i].plate, plate, sizeof(*plate)) == 0) return true;
    return false;
}

static struct engine_read random_look(int64_t now_ms)
{
    static const char *const codes[] = { "", "", "US-TX", "US-OK", "MX-BCN" };
    const unsigned vehicle = below(40), count = below(9);
    struct engine_read look = { .region_confidence = (double)below(101) / 100, .seen_ms = below(3) == 0 ? 0 : DAWN + now_ms - below(6000) };
    double confidence = 1;

    snprintf(look.camera, sizeof(look.camera), "%c", "ns"[below(8) == 0]);
    snprintf(look.jurisdiction.code, sizeof(look.jurisdiction.code), "%s", codes[below(5)]);
    for (unsigned i = 0; i < below(4); i++) look.ids[look.id_count++] = 1 + vehicle * 10 + below(10);
    for (unsigned i = 0; i < count; i++) {
        struct engine_candidate *candidate = &look.candidates[look.count];

        *candidate = (struct engine_candidate){ .confidence = confidence *= (double)(50 + below(51)) / 100 };
        random_plate(below(12) == 0 ? below(40) : vehicle, &candidate->plate);
        look.count += !has(&look, &candidate->plate);
    }
    return look;
}

static const struct asked *find(const struct engine_read *look, const struct platesieve_plate *plate,
                                const struct platesieve_jurisdiction *jurisdiction, int64_t since_ms)
{
    for (size_t i = 1; i <= ASKED_MAX && i <= told_next; i++) {
        const struct asked *one = &told[(told_next - i) % ASKED_MAX];

        if (one->at_ms <= since_ms) break;
        if (strcmp(one->camera, look->camera) == 0 && memcmp(&one->plate, plate, sizeof(*plate)) == 0
            && (jurisdiction->code[0] == '\0' || strcmp(jurisdiction->code, one->jurisdiction.code) == 0))
            return one;
    }
    return NULL;
}

static bool began(const uint8_t id[PLATESIEVE_READ_ID_BYTES])
{
    for (size_t i = 1; i <= ASKED_MAX && i <= told_next; i++)
        if (memcmp(told[(told_next - i) % ASKED_MAX].id, id, PLATESIEVE_READ_ID_BYTES) == 0) return true;
    return false;
}

/* Within the time, under one read, how often.  A jurisdiction that became known late is asked about with the rest when the time is over: twice. */
static unsigned times_asked(const struct lane_read *read, const struct check_candidate *candidate, int64_t since_ms)
{
    unsigned times = 0;

    for (size_t i = 1; i <= ASKED_MAX && i <= told_next; i++) {
        const struct asked *one = &told[(told_next - i) % ASKED_MAX];

        if (one->at_ms <= since_ms) break;
        times += memcmp(one->id, read->check.id, sizeof(one->id)) == 0 && memcmp(&one->plate, &candidate->plate, sizeof(one->plate)) == 0
                 && strcmp(one->jurisdiction.code, candidate->jurisdiction.code) == 0;
    }
    return times;
}

static void note(const struct engine_read *look, const struct lane_read *read, int64_t now_ms)
{
    assert_in_range(read->check.count, 1, usual_rules.candidates_max);
    assert_int_equal(began(read->check.id), read->check.again);
    assert_string_equal(read->camera, look->camera);
    for (size_t i = 0; i < read->check.count; i++) {
        const struct check_candidate *candidate = &read->check.candidates[i];
        struct asked *one = &told[told_next % ASKED_MAX];

        assert_true(times_asked(read, candidate, now_ms - LIMIT_VEHICLE_AGAIN_S * 1000) <= (candidate->jurisdiction.code[0] == '\0' ? 0 : 1));
        assert_true(i == 0 || read->check.candidates[i - 1].confidence >= candidate->confidence);
        for (size_t j = 0; j < i; j++) assert_memory_not_equal(&read->check.candidates[j].plate, &candidate->plate, sizeof(candidate->plate));
        *one = (struct asked){ .plate = candidate->plate, .jurisdiction = candidate->jurisdiction, .at_ms = now_ms };
        memcpy(one->camera, look->camera, sizeof(one->camera) - 1);
        memcpy(one->id, read->check.id, sizeof(one->id));
        told_next++;
    }
}

static void random_run(uint64_t seed, double region_min)
{
    struct vehicle_rules rules = usual_rules;
    struct vehicles *vehicles;
    struct lane_read read;
    unsigned counts[VEHICLE_CAPTION + 1] = { 0 };
    int64_t now_ms = 0;

    random_state = seed;
    told_next = 0;
    rules.caption_vehicles = 0; /* the one rule by which a candidate is left out for good: captions_test.c */
    rules.confidence_min = 0.1;
    rules.region_confidence_min = region_min;
    vehicles = vehicles_create(&rules);
    assert_non_null(vehicles);
    for (unsigned step = 0; step < STEPS; step++) {
        const struct engine_read look = random_look(now_ms);
        const enum vehicle_outcome outcome = vehicles_take(vehicles, &look, now_ms, LIMIT_CHECK_CANDIDATES, &read);
        const struct platesieve_jurisdiction stated = look.region_confidence >= region_min ? look.jurisdiction : (struct platesieve_jurisdiction){ "" };

        counts[outcome]++;
        if (outcome == VEHICLE_NEW || outcome == VEHICLE_AGAIN) note(&look, &read, now_ms);
        for (size_t i = 0; i < look.count && i < rules.candidates_max && look.candidates[i].confidence >= 0.1; i++) {
            const struct asked *one = find(&look, &look.candidates[i].plate, &stated, now_ms - LIMIT_VEHICLE_AGAIN_S * 1000);

            assert_non_null(one);
            if (i == 0 && outcome == VEHICLE_KNOWN) assert_true(began(read.check.id));
        }
        if (outcome == VEHICLE_NOTHING) assert_true(look.count == 0 || look.candidates[0].confidence < 0.1);
        if (below(20) == 0) vehicles_forget(vehicles, now_ms);
        now_ms += below(50) == 0 ? below(20000) : below(400);
    }
    assert_int_equal(counts[VEHICLE_CAPTION], 0);
    assert_true(counts[VEHICLE_NEW] > 100 && counts[VEHICLE_AGAIN] > 100 && counts[VEHICLE_KNOWN] > 100);
    assert_true(counts[VEHICLE_NEW] < STEPS / 2);
    vehicles_destroy(vehicles);
}

static void test_nothing_is_lost(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) random_run(seed * UINT64_C(0x9E3779B97F4A7C15), seed % 2 == 0 ? 0.5 : 0);
}

/* A fast engine, full tables: what a look costs at most. */
static void test_cost(void **state)
{
    struct vehicles *vehicles = vehicles_create(&usual_rules);
    struct lane_read read;
    struct timespec began_at, ended_at;

    (void)state;
    assert_non_null(vehicles);
    random_state = 7;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &began_at);
    for (unsigned i = 0; i < 5000; i++) {
        struct engine_read look = { .camera = "north", .count = ENGINE_CANDIDATES_MAX };

        for (size_t j = 0; j < look.count; j++) {
            look.candidates[j] = (struct engine_candidate){ .confidence = 1 - (double)j / 100, .plate = { .length = PLATESIEVE_PLATE_MAX } };
            for (size_t k = 0; k < PLATESIEVE_PLATE_MAX; k++) look.candidates[j].plate.text[k] = (char)('J' + below(4));
        }
        look.ids[look.id_count++] = 1 + below(LIMIT_VEHICLES);
        (void)!vehicles_take(vehicles, &look, i / 10, LIMIT_CHECK_CANDIDATES, &read);
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ended_at);
    const double each_us = ((double)(ended_at.tv_sec - began_at.tv_sec) * 1e9 + (double)(ended_at.tv_nsec - began_at.tv_nsec)) / 5000 / 1000;
    print_message("%.0f us a look with %d candidates beside %d vehicles\n", each_us, ENGINE_CANDIDATES_MAX, LIMIT_VEHICLES);
    assert_true(each_us < 20000); /* also on a slow, busy machine with a sanitizer */
    vehicles_destroy(vehicles);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_nothing_is_lost), cmocka_unit_test(test_cost) };

    if (platesieve_failed(platesieve_init())) return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
