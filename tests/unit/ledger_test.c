/* The ledger: whatever lanes ask, and however often, reads = cleared + hits, and what is counted as matches adds up to the reads on stored hits: for each lane, grade and list. */
#include <jansson.h>

#include "server/gate/check/tally.h"
#include "tests/unit/scene.h"

#define LISTS 4         /* the last is covert */
#define ENTRIES 3       /* of each */
#define PLATES (LISTS * ENTRIES + 6) /* beyond the entries: listed nowhere; each has three tokens */
#define LANES 2
#define VEHICLES 60     /* of a run */
#define STORED_MAX (VEHICLES * LISTS * ENTRIES)
#define RUNS 40
#define GATES 2
#define PENDING_MAX 512 /* sightings that lie in a gate's spool */

/* -- chance, the same every time ----------------------------------------------------------------------------------------------- */

static uint64_t chance_state;

static unsigned chance(unsigned below)
{
    chance_state = chance_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(chance_state >> 33) % below;
}

/* -- what is stored ------------------------------------------------------------------------------------------------------------ */

struct expected { /* of one lane, or of all */
    json_int_t reads, cleared, hits, again, matches;
};

struct vehicle {
    unsigned lane, id;
    unsigned plates[3];  /* what its looks say, of which each asks for one or two */
    bool begun;
    bool hit[2];         /* openly; at all */
};

struct gate {
    struct tally *tally;
    struct sighting pending[PENDING_MAX];
    size_t pending_count;
    json_int_t matches; /* that it had counted before it was started anew */
};

struct run {
    struct scene scene;
    struct gate gates[GATES];
    size_t gate_count;
    json_int_t looks;
    struct sighting stored[STORED_MAX]; /* as the database has them: each once */
    size_t stored_count;
    struct expected open[LANES], truth[LANES];
    struct vehicle vehicles[VEHICLES];
};

static enum sighting_stored store(struct run *run, const struct sighting *sighting)
{
    for (size_t i = 0; i < run->stored_count; i++)
        if (memcmp(run->stored[i].id, sighting->id, sizeof(sighting->id)) == 0) return STORED_BEFORE;
    assert_true(run->stored_count < STORED_MAX);
    run->stored[run->stored_count++] = *sighting;
    return STORED_NOW;
}

/* What the spool keeps of a sighting is all that the drain knows of it. */
static void drain(struct run *run, struct gate *gate)
{
    enum sighting_stored stored[PENDING_MAX];

    for (size_t i = 0; i < gate->pending_count; i++) {
        stored[i] = store(run, &gate->pending[i]);
        memset(gate->pending[i].read_id, 0, sizeof(gate->pending[i].read_id));
        gate->pending[i].again = false;
    }
    /* of one that is there twice the database says the same each time */
    for (size_t i = 0; i < gate->pending_count; i++)
        for (size_t j = 0; j < i; j++)
            if (memcmp(gate->pending[i].id, gate->pending[j].id, sizeof(gate->pending[i].id)) == 0) stored[i] = stored[j];
    tally_stored(gate->tally, gate->pending, stored, gate->pending_count);
    gate->pending_count = 0;
}

/* -- what is asked ------------------------------------------------------------------------------------------------------------- */

static void begin(struct run *run, size_t gates)
{
    static const char *const names[LISTS] = { "stolen", "watch", "amber", "quiet" };

    memset(run, 0, sizeof(*run));
    scene_begin(&run->scene);
    run->scene.catalogue->epochs[2].closes_ms = SCENE_NOW;
    for (size_t l = 0; l < LISTS; l++) {
        struct catalogue_list *list = scene_list(&run->scene, l == 2 ? "marshals" : "customs", names[l], PLATESIEVE_SIMILAR);

        list->cooldown_s = l == 1 ? 0 : 300;
        list->covert = l == LISTS - 1;
        for (size_t e = 0; e < ENTRIES; e++) {
            char reference[8];
            unsigned plate = (unsigned)(l * ENTRIES + e);

            snprintf(reference, sizeof(reference), "ref-%zu", e);
            uint32_t entry = scene_entry(&run->scene, l, reference);
            /* some at all grades, some at the weakest alone; the first also by the token of its neighbour's, so that a plate has several */
            for (unsigned grade = e == 1 ? PLATESIEVE_SIMILAR : PLATESIEVE_FULL; grade <= PLATESIEVE_SIMILAR; grade++)
                scene_slot(&run->scene, entry, 3, grade, 100 + 10 * plate + grade);
            if (e == 0) scene_slot(&run->scene, entry, 3, PLATESIEVE_PLATE, 100 + 10 * ((plate + ENTRIES) % (LISTS * ENTRIES)) + PLATESIEVE_PLATE);
        }
    }
    scene_views(&run->scene);
    run->gate_count = gates;
    for (size_t g = 0; g < gates; g++) {
        run->gates[g].tally = tally_create();
        assert_non_null(run->gates[g].tally);
    }
    for (unsigned v = 0; v < VEHICLES; v++) {
        run->vehicles[v] = (struct vehicle){ .lane = chance(LANES), .id = v + 1 };
        for (size_t p = 0; p < 3; p++) run->vehicles[v].plates[p] = chance(3) == 0 ? LISTS * ENTRIES + chance(6) : chance(PLATES);
    }
}

static void end(struct run *run)
{
    for (size_t g = 0; g < run->gate_count; g++) tally_destroy(run->gates[g].tally);
    scene_end(&run->scene);
}

static char *look_at(const struct vehicle *vehicle, unsigned plate, bool again, unsigned minute)
{
    char *read = NULL, full[64] = "";

    if (chance(3) != 0) snprintf(full, sizeof(full), "\"full\":\"%s\",", scene_token(100 + 10 * plate));
    assert_true(asprintf(&read, "{\"read_id\":\"%s\",%s\"seen_at\":\"2026-11-22T01:%02u:00Z\",\"candidates\":[{\"confidence\":0.5,\"tokens\":"
                         "[{%s\"plate\":\"%s\",\"similar\":\"%s\"}]}]}", scene_token(vehicle->id), again ? "\"again\":true," : "", minute, full,
                         scene_token(101 + 10 * plate), scene_token(102 + 10 * plate)) >= 0);
    return read;
}

/* Asks, stores and counts as the endpoint does it (server/gate/endpoints/checks.c). */
static void ask(struct run *run, const struct vehicle *vehicle, const char *read, struct outcome *outcome)
{
    char *body = scene_body(&run->scene, 1, read), lane[32];
    struct gate *gate = &run->gates[chance((unsigned)run->gate_count)];

    snprintf(run->scene.peer.second, sizeof(run->scene.peer.second), "%u", vehicle->lane);
    snprintf(lane, sizeof(lane), "reader/north/%u", vehicle->lane);
    *outcome = scene_check(&run->scene, body);
    assert_ok(outcome->result);
    struct tally_names *names = tally_names(run->scene.catalogue, outcome->sightings, outcome->count);
    tally_clear(gate->tally, lane, &outcome->counts);
    (void)tally_matched(gate->tally, lane, names, outcome->sightings, outcome->count);
    free(names);
    if (gate->pending_count + outcome->count > PENDING_MAX || chance(8) == 0) drain(run, gate);
    for (size_t i = 0; i < outcome->count; i++) gate->pending[gate->pending_count++] = outcome->sightings[i];
    run->looks++;
    free(body);
}

/* -- what is right ------------------------------------------------------------------------------------------------------------- */

/* One look more, as it counts to who knows of covert hits or not: a vehicle is one read, and a hit from the first look on that hits. */
static void expect_look(struct expected *expected, bool *hit, bool again, bool matched)
{
    const bool retry = !again && *hit && matched; /* of a look that hit: the only one that can be told */

    if (again || retry) expected->again++;
    else expected->reads++, expected->cleared++;
    if (!matched || *hit) return;
    expected->cleared--;
    expected->hits++;
    *hit = true;
}

static void expect(struct run *run, struct vehicle *vehicle, bool again, const struct outcome *outcome)
{
    bool open = false;

    for (size_t i = 0; i < outcome->count; i++) open = open || !outcome->sightings[i].covert;
    expect_look(&run->open[vehicle->lane], &vehicle->hit[0], again, open);
    expect_look(&run->truth[vehicle->lane], &vehicle->hit[1], again, outcome->count > 0);
}

static void step(struct run *run)
{
    struct vehicle *vehicle = &run->vehicles[chance(VEHICLES)];
    const bool again = vehicle->begun;
    char *read = look_at(vehicle, vehicle->plates[vehicle->begun ? chance(3) : 0], again, chance(30));
    struct outcome outcome;

    vehicle->begun = true;
    for (unsigned times = 1 + (chance(4) == 0); times > 0; times--) { /* the second is a retry: the answer was lost */
        ask(run, vehicle, read, &outcome);
        expect(run, vehicle, again, &outcome);
        outcome_free(&outcome);
    }
    free(read);
}

/* -- do they agree? ------------------------------------------------------------------------------------------------------------ */

static json_int_t number(const json_t *json, const char *name)
{
    return json_integer_value(json_object_get(json, name));
}

static void compare(const json_t *counts, const struct expected *expected)
{
    assert_int_equal(number(counts, "reads"), expected->reads);
    assert_int_equal(number(counts, "cleared"), expected->cleared);
    assert_int_equal(number(counts, "hits"), expected->hits);
    assert_int_equal(number(counts, "again"), expected->again);
    assert_int_equal(number(counts, "matches"), expected->matches);
    assert_int_equal(expected->reads, expected->cleared + expected->hits);
}

static void compare_lanes(struct run *run, const struct expected lanes[LANES], bool truth)
{
    json_t *json = tally_json(run->gates[0].tally, truth), *one;
    struct expected all = { 0 };
    size_t i;

    for (size_t l = 0; l < LANES; l++) {
        all.reads += lanes[l].reads;
        all.cleared += lanes[l].cleared;
        all.hits += lanes[l].hits;
        all.again += lanes[l].again;
        all.matches += lanes[l].matches;
    }
    compare(json, &all);
    json_array_foreach(json_object_get(json, "lanes"), i, one) compare(one, &lanes[json_string_value(json_object_get(one, "lane"))[strlen("reader/north/")] - '0']);
    json_decref(json);
}

static json_int_t sum(const json_t *object)
{
    json_int_t all = 0;
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)object, name, value) all += json_integer_value(value);
    return all;
}

/* The reads that are counted on stored hits, by lane, by list and by grade. */
static void compare_stored(struct run *run)
{
    json_t *json = tally_json(run->gates[0].tally, true), *by_list = json_object_get(json, "matches_by_list"), *by_grade = json_object_get(json, "matches_by_grade");
    json_int_t lists[LISTS] = { 0 }, grades[PLATESIEVE_GRADES] = { 0 };

    for (size_t i = 0; i < run->stored_count; i++) {
        const struct sighting *one = &run->stored[i];

        run->truth[one->lane[0] - '0'].matches++;
        run->open[one->lane[0] - '0'].matches += !one->covert;
        grades[one->grade]++;
        for (size_t l = 0; l < LISTS; l++) lists[l] += run->scene.catalogue->lists[l].number == one->list;
    }
    for (size_t l = 0; l < LISTS; l++) {
        char name[2 * LIMIT_NAME_MAX + 2];

        snprintf(name, sizeof(name), "%s/%s", run->scene.catalogue->lists[l].agency, run->scene.catalogue->lists[l].id);
        assert_int_equal(number(by_list, name), lists[l]);
        assert_true(number(json_object_get(json, "hits_by_list"), name) <= lists[l]);
    }
    for (unsigned g = 0; g < PLATESIEVE_GRADES; g++) assert_int_equal(number(by_grade, platesieve_grade_name(g)), grades[g]);
    assert_int_equal(sum(by_list), number(json, "matches"));
    assert_int_equal(sum(by_grade), number(json, "matches"));
    assert_int_equal(sum(json_object_get(json, "hits_by_grade")), number(json, "hits"));
    assert_true(sum(json_object_get(json, "hits_by_list")) >= number(json, "hits"));
    json_decref(json);
}

static void whatever_lanes_ask_it_adds_up(void **unused)
{
    static struct run run;
    json_int_t covert = 0;

    (void)unused;
    for (unsigned seed = 1; seed <= RUNS; seed++) {
        chance_state = seed;
        begin(&run, 1);
        for (unsigned steps = 50 + chance(250); steps > 0; steps--) step(&run);
        drain(&run, &run.gates[0]);
        compare_stored(&run);
        compare_lanes(&run, run.truth, true);
        compare_lanes(&run, run.open, false);
        assert_true(run.stored_count > 10);
        covert += run.truth[0].hits - run.open[0].hits;
        end(&run);
    }
    assert_true(covert > RUNS);
}

/* -- several gates, that are started anew ---------------------------------------------------------------------------------------- */

static void start_anew(struct run *run, struct gate *gate)
{
    drain(run, gate);
    json_t *json = tally_json(gate->tally, true);
    gate->matches += number(json, "matches");
    run->looks -= number(json, "reads") + number(json, "again");
    json_decref(json);
    tally_destroy(gate->tally);
    gate->tally = tally_create();
    assert_non_null(gate->tally);
}

/* Each gate for itself adds up; the matches of all are what is stored. */
static void compare_gates(struct run *run)
{
    json_int_t matches = 0, looks = 0;

    for (size_t g = 0; g < run->gate_count; g++) {
        struct gate *gate = &run->gates[g];

        drain(run, gate);
        matches += gate->matches;
        for (unsigned truth = 0; truth < 2; truth++) {
            json_t *json = tally_json(gate->tally, truth), *lane;
            size_t i;

            assert_int_equal(number(json, "reads"), number(json, "cleared") + number(json, "hits"));
            json_array_foreach(json_object_get(json, "lanes"), i, lane) {
                assert_int_equal(number(lane, "reads"), number(lane, "cleared") + number(lane, "hits"));
                assert_true(number(lane, "cleared") >= 0 && number(lane, "hits") >= 0 && number(lane, "matches") >= 0);
            }
            if (truth != 0) {
                assert_int_equal(sum(json_object_get(json, "hits_by_grade")), number(json, "hits"));
                assert_int_equal(sum(json_object_get(json, "matches_by_grade")), number(json, "matches"));
                assert_int_equal(sum(json_object_get(json, "matches_by_list")), number(json, "matches"));
                matches += number(json, "matches");
                looks += number(json, "reads") + number(json, "again");
            }
            json_decref(json);
        }
    }
    assert_int_equal(matches, run->stored_count);
    assert_int_equal(looks, run->looks);
}

static void gates_together_count_what_is_stored(void **unused)
{
    static struct run run;

    (void)unused;
    for (unsigned seed = 1; seed <= RUNS; seed++) {
        chance_state = seed;
        begin(&run, GATES);
        for (unsigned steps = 50 + chance(250); steps > 0; steps--) {
            step(&run);
            if (seed % 2 == 0 && chance(40) == 0) start_anew(&run, &run.gates[chance(GATES)]);
        }
        compare_gates(&run);
        end(&run);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_lanes_ask_it_adds_up),
        cmocka_unit_test(gates_together_count_what_is_stored),
    };

    if (platesieve_failed(platesieve_init())) return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
