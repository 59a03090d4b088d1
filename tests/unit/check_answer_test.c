/* What a check answers and keeps: alerts, their order and their number, later looks, covert lists. */
#include <sodium.h>

#include "tests/unit/check_scene.h"

/* -- one read ---------------------------------------------------------------------------------------------------------------- */

static void clear_is_as_the_protocol_has_it(void **unused)
{
    struct scene scene;
    struct outcome outcome;
    char wanted[1024];

    (void)unused;
    one_list(&scene);
    outcome = check_one(&scene, 1, 91, 92, 93);
    snprintf(wanted, sizeof(wanted),
             "{\"policy\":\"%s\",\"degraded\":false,\"lists\":[{\"agency\":\"customs\",\"list\":\"stolen\",\"revision\":3,\"age_s\":512}],"
             "\"unchecked\":[],\"answers\":[{\"read_id\":\"%s\",\"answer\":\"clear\"}]}",
             policy_view(scene.catalogue, "north")->policy, scene_token(1));
    assert_ok(outcome.result);
    assert_string_equal(outcome.text, wanted);
    expect_clear(outcome);
    scene.catalogue->degraded = true;
    outcome = check_one(&scene, 1, 91, 92, 93);
    assert_non_null(strstr(outcome.text, "\"degraded\":true"));
    outcome_free(&outcome);
    scene_end(&scene);
}

static void a_hit_says_everything(void **unused)
{
    struct scene scene;
    struct outcome outcome;
    json_t *json, *alert;
    char hit[32];

    (void)unused;
    one_list(&scene);
    outcome = check_one(&scene, 1, 91, 12, 13);
    assert_ok(outcome.result);
    json = parse(outcome.text);
    alert = alert_at(json, 0, 0);
    assert_int_equal(json_object_size(alert), 14);
    assert_string_equal(member(alert, "list"), "stolen");
    assert_string_equal(member(alert, "agency"), "customs");
    assert_string_equal(member(alert, "category"), "stolen vehicle");
    assert_int_equal(json_integer_value(json_object_get(alert, "priority")), 50);
    assert_string_equal(member(alert, "grade"), "plate");
    assert_int_equal(json_integer_value(json_object_get(alert, "candidate")), 0);
    assert_string_equal(member(alert, "epoch"), "20261122T000000Z");
    assert_string_equal(member(alert, "tag"), "DAwMDAwMDAw");
    assert_string_equal(member(alert, "instruction"), "Stop, \"armed\" \\ careful\n");
    assert_int_equal(json_integer_value(json_object_get(alert, "revision")), 3);
    assert_int_equal(json_integer_value(json_object_get(alert, "age_s")), 512);
    assert_true(json_is_false(json_object_get(alert, "calibration")));
    assert_true(json_is_false(json_object_get(alert, "verify")));
    sodium_bin2base64(hit, sizeof(hit), outcome.sightings[0].hit, 16, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    assert_string_equal(member(alert, "hit"), hit);
    assert_int_equal(outcome.counts.hits, 1);
    assert_int_equal(outcome.counts.cleared, 0);
    json_decref(json);
    outcome_free(&outcome);
    scene_end(&scene);
}

/* printf 'platesieve/1/hit\0north\0''1\0<read id>customs\0stolen\0<entry key>' | sha256sum */
static void a_sighting_says_what_becomes_of_it(void **unused)
{
    struct scene scene;
    struct outcome outcome;
    const struct sighting *sighting;
    uint8_t message[256], digest[32];
    size_t size = 0, read_id_size;
    uint64_t key;

    (void)unused;
    one_list(&scene)->age_limit_s = 511;
    outcome = check_one(&scene, 1, 91, 12, 13);
    assert_ok(outcome.result);
    assert_int_equal(outcome.count, 1);
    sighting = &outcome.sightings[0];
    key = entry_key("customs", "stolen", "ref-1");
    assert_true(sighting->entry == key);
    memcpy(message, "platesieve/1/hit\0north\0" "1", 25);
    size = 25;
    assert_int_equal(sodium_base642bin(message + size, 16, scene_token(1), 22, NULL, &read_id_size, NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING), 0);
    size += read_id_size;
    memcpy(message + size, "customs\0stolen", 15);
    size += 15;
    for (size_t i = 0; i < 8; i++) message[size++] = (uint8_t)(key >> (56 - 8 * i));
    crypto_hash_sha256(digest, message, size);
    assert_memory_equal(sighting->id, digest, 16);
    assert_memory_equal(sighting->hit, digest, 16);
    assert_int_equal(sighting->list, 100);
    assert_int_equal(sighting->revision, 3);
    assert_int_equal(sighting->age_s, 512);
    assert_int_equal(sighting->cooldown_s, 300);
    assert_true(sighting->seen_ms == SCENE_NOW);
    assert_int_equal(sighting->grade, PLATESIEVE_PLATE);
    assert_int_equal(sighting->candidate, 0);
    assert_false(sighting->covert);
    assert_true(sighting->verify); /* older than its limit */
    assert_non_null(strstr(outcome.text, "\"verify\":true"));
    assert_true(sighting->confidence == 0.5f);
    assert_string_equal(sighting->site, "north");
    assert_string_equal(sighting->lane, "1");
    outcome_free(&outcome);
    scene_end(&scene);
}

/* -- several ----------------------------------------------------------------------------------------------------------------- */

/* The same read, as a later look. */
static char *look_again(char *read)
{
    char *again = NULL;

    assert_true(asprintf(&again, "{\"again\":true,%s", read + 1) >= 0);
    free(read);
    return again;
}

static struct check_counts counts_of(struct outcome *outcome)
{
    struct check_counts counts = outcome->counts;

    assert_ok(outcome->result);
    outcome_free(outcome);
    return counts;
}

/* A later look is looked up, stored and answered like any read; only when it is clear it counts as none. */
static void a_later_look_is_counted_apart(void **unused)
{
    struct scene scene;
    char *again_hit = look_again(one_read(1, SEEN, 11, 12, 13)), *again_clear = look_again(one_read(2, SEEN, 91, 92, 93)), *reads = NULL;
    struct outcome first, again;
    struct check_counts counts;

    (void)unused;
    one_list(&scene);
    first = check_one(&scene, 1, 11, 12, 13);
    again = check_reads(&scene, again_hit);
    assert_string_equal(first.text, again.text);
    assert_int_equal(again.count, 1);
    assert_true(again.wait);
    assert_memory_equal(first.sightings[0].id, again.sightings[0].id, PLATESIEVE_HIT_ID_BYTES); /* stored once, whoever stores it */
    assert_memory_equal(first.sightings[0].hit, again.sightings[0].hit, PLATESIEVE_HIT_ID_BYTES);
    counts = counts_of(&first);
    assert_true(counts.reads == 1 && counts.hits == 1 && counts.again == 0);
    counts = counts_of(&again);
    assert_true(counts.reads == 1 && counts.hits == 1 && counts.again == 0);
    first = check_one(&scene, 2, 91, 92, 93);
    again = check_reads(&scene, again_clear);
    assert_string_equal(first.text, again.text);
    counts = counts_of(&first);
    assert_true(counts.reads == 1 && counts.cleared == 1 && counts.again == 0);
    counts = counts_of(&again);
    assert_true(counts.reads == 0 && counts.cleared == 0 && counts.hits == 0 && counts.again == 1 && counts.covert_again == 0);
    assert_true(asprintf(&reads, "%s,%s", again_clear, again_hit) >= 0);
    again = check_reads(&scene, reads);
    counts = counts_of(&again);
    assert_true(counts.reads == 1 && counts.cleared == 0 && counts.hits == 1 && counts.again == 1);
    scene_end(&scene);
    free(again_hit);
    free(again_clear);
    free(reads);
}

/* A look that only finds another entry is a sighting of its own: the vehicle matched both. */
static void a_later_look_finds_another_entry(void **unused)
{
    struct scene scene;
    struct outcome first, again;
    uint32_t entry;
    char *read = look_again(one_read(1, SEEN, 21, 22, 23));

    (void)unused;
    one_list(&scene);
    entry = scene_entry(&scene, 0, "ref-2");
    scene_slot(&scene, entry, 3, PLATESIEVE_PLATE, 22);
    first = check_one(&scene, 1, 11, 12, 13);
    again = check_reads(&scene, read);
    assert_int_equal(first.count, 1);
    assert_int_equal(again.count, 1);
    assert_memory_not_equal(first.sightings[0].id, again.sightings[0].id, PLATESIEVE_HIT_ID_BYTES);
    assert_memory_equal(again.sightings[0].id, again.sightings[0].hit, PLATESIEVE_HIT_ID_BYTES);
    outcome_free(&first);
    outcome_free(&again);
    scene_end(&scene);
    free(read);
}

static void a_later_look_that_hits_covertly_looks_clear(void **unused)
{
    struct scene scene;
    struct outcome outcome, other;
    char *hit = look_again(one_read(1, SEEN, 11, 12, 13)), *clear = look_again(one_read(1, SEEN, 91, 92, 93));

    (void)unused;
    one_list(&scene)->covert = true;
    outcome = check_reads(&scene, hit);
    other = check_reads(&scene, clear);
    assert_string_equal(outcome.text, other.text);
    assert_false(outcome.wait);
    assert_int_equal(outcome.count, 1);
    assert_true(outcome.counts.reads == 0 && outcome.counts.cleared == 0 && outcome.counts.covert == 0);
    assert_true(outcome.counts.again == 1 && outcome.counts.covert_again == 1);
    outcome_free(&outcome);
    outcome_free(&other);
    scene_end(&scene);
    free(hit);
    free(clear);
}

static void answers_are_in_the_order_of_reads(void **unused)
{
    struct scene scene;
    char *reads = NULL, *r[3];
    struct outcome outcome;
    json_t *json;

    (void)unused;
    one_list(&scene);
    r[0] = one_read(1, SEEN, 91, 92, 93);
    r[1] = one_read(2, SEEN, 11, 12, 13);
    r[2] = one_read(3, SEEN, 81, 82, 13);
    assert_true(asprintf(&reads, "%s,%s,%s", r[0], r[1], r[2]) >= 0);
    outcome = check_reads(&scene, reads);
    assert_ok(outcome.result);
    json = parse(outcome.text);
    assert_int_equal(json_array_size(json_object_get(json, "answers")), 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(member(answer_at(json, i), "read_id"), scene_token((unsigned)i + 1));
        assert_string_equal(member(answer_at(json, i), "answer"), i == 0 ? "clear" : "hit");
        free(r[i]);
    }
    assert_int_equal(outcome.count, 2);
    assert_int_equal(outcome.sightings[0].read, 1);
    assert_int_equal(outcome.sightings[1].read, 2);
    assert_int_equal(outcome.counts.reads, 3);
    assert_int_equal(outcome.counts.cleared, 1);
    assert_int_equal(outcome.counts.hits, 2);
    /* The second raised the first's count: same entry, same lane, same second. */
    assert_memory_equal(outcome.sightings[1].hit, outcome.sightings[0].id, 16);
    assert_memory_not_equal(outcome.sightings[1].id, outcome.sightings[0].id, 16);
    json_decref(json);
    outcome_free(&outcome);
    free(reads);
    scene_end(&scene);
}

static void the_best_candidate_is_reported(void **unused)
{
    struct scene scene;
    char read[1024];
    struct outcome outcome;

    (void)unused;
    one_list(&scene);
    snprintf(read, sizeof(read),
             "{\"read_id\":\"%s\",\"seen_at\":\"" SEEN "\",\"candidates\":["
             "{\"confidence\":0.75,\"tokens\":[{\"plate\":\"%s\",\"similar\":\"%s\"}]},"
             "{\"confidence\":0.5,\"tokens\":[{\"plate\":\"%s\",\"similar\":\"%s\"}]},"
             "{\"confidence\":0.25,\"tokens\":[{\"plate\":\"%s\",\"similar\":\"%s\"}]}]}",
             scene_token(1), scene_token(92), scene_token(13), scene_token(12), scene_token(13), scene_token(12), scene_token(93));
    outcome = check_reads(&scene, read);
    assert_ok(outcome.result);
    assert_int_equal(outcome.count, 1);
    assert_int_equal(outcome.sightings[0].grade, PLATESIEVE_PLATE); /* the stronger grade of a worse candidate, and of two the better */
    assert_int_equal(outcome.sightings[0].candidate, 1);
    assert_true(outcome.sightings[0].confidence == 0.5f);
    assert_non_null(strstr(outcome.text, "\"candidate\":1"));
    outcome_free(&outcome);
    scene_end(&scene);
}

static void alerts_are_in_order(void **unused)
{
    struct scene scene;
    struct outcome outcome;
    json_t *json;

    (void)unused;
    one_list(&scene);
    scene_list(&scene, "police", "urgent", PLATESIEVE_SIMILAR)->priority = 90;
    scene_list(&scene, "police", "idle", PLATESIEVE_SIMILAR)->priority = 10;
    scene_slot(&scene, scene_entry(&scene, 1, "u"), 3, PLATESIEVE_PLATE, 12);
    scene_slot(&scene, scene_entry(&scene, 2, "i"), 3, PLATESIEVE_FULL, 11);
    scene_slot(&scene, scene_entry(&scene, 2, "j"), 3, PLATESIEVE_SIMILAR, 13);
    scene_slot(&scene, scene_entry(&scene, 0, "k"), 3, PLATESIEVE_PLATE, 12);
    scene_views(&scene);
    outcome = check_one(&scene, 1, 11, 12, 13);
    assert_ok(outcome.result);
    json = parse(outcome.text);
    assert_int_equal(json_array_size(json_object_get(answer_at(json, 0), "alerts")), 5);
    assert_string_equal(member(alert_at(json, 0, 0), "list"), "stolen"); /* full, 50 */
    assert_string_equal(member(alert_at(json, 0, 1), "list"), "idle");   /* full, 10 */
    assert_string_equal(member(alert_at(json, 0, 2), "list"), "urgent"); /* plate, 90 */
    assert_string_equal(member(alert_at(json, 0, 3), "list"), "stolen"); /* plate, 50 */
    assert_string_equal(member(alert_at(json, 0, 4), "grade"), "similar");
    assert_int_equal(outcome.count, 5);
    json_decref(json);
    outcome_free(&outcome);
    scene_end(&scene);
}

/* Sixteen alerts, but every match is kept, up to sixteen of one list, and of those the strongest. */
static void alerts_are_sixteen_at_most(void **unused)
{
    struct scene scene;
    struct outcome outcome;
    json_t *json;
    char reference[16];
    size_t full = 0, other = 0;

    (void)unused;
    one_list(&scene);
    scene_list(&scene, "police", "other", PLATESIEVE_SIMILAR);
    for (unsigned i = 0; i < 40; i++) {
        snprintf(reference, sizeof(reference), "many-%u", i);
        scene_slot(&scene, scene_entry(&scene, 0, reference), 3, PLATESIEVE_SIMILAR, 13);
        if (i < 10) scene_slot(&scene, scene_entry(&scene, 1, reference), 3, PLATESIEVE_PLATE, 12);
    }
    scene_views(&scene);
    outcome = check_one(&scene, 1, 11, 12, 13);
    assert_ok(outcome.result);
    json = parse(outcome.text);
    assert_int_equal(json_array_size(json_object_get(answer_at(json, 0), "alerts")), LIMIT_ALERTS);
    assert_string_equal(member(alert_at(json, 0, 0), "grade"), "full");
    assert_string_equal(member(alert_at(json, 0, 1), "grade"), "plate");
    assert_string_equal(member(alert_at(json, 0, 15), "grade"), "similar");
    assert_int_equal(outcome.count, LIMIT_MATCHES_PER_LIST + 10);
    for (size_t i = 0; i < outcome.count; i++) {
        full += outcome.sightings[i].grade == PLATESIEVE_FULL;
        other += outcome.sightings[i].list == 101;
    }
    assert_int_equal(full, 1);
    assert_int_equal(other, 10);
    json_decref(json);
    outcome_free(&outcome);

    /* The full match comes last: it takes the place of a similar one. */
    scene.catalogue->lists[0].grade = PLATESIEVE_SIMILAR;
    {
        char read[1024];

        snprintf(read, sizeof(read),
                 "{\"read_id\":\"%s\",\"seen_at\":\"" SEEN "\",\"candidates\":["
                 "{\"confidence\":0.75,\"tokens\":[{\"plate\":\"%s\",\"similar\":\"%s\"}]},"
                 "{\"confidence\":0.5,\"tokens\":[{\"full\":\"%s\",\"plate\":\"%s\",\"similar\":\"%s\"}]}]}",
                 scene_token(2), scene_token(92), scene_token(13), scene_token(11), scene_token(92), scene_token(93));
        outcome = check_reads(&scene, read);
    }
    assert_ok(outcome.result);
    assert_int_equal(outcome.count, LIMIT_MATCHES_PER_LIST);
    assert_non_null(strstr(outcome.text, "\"grade\":\"full\""));
    outcome_free(&outcome);
    scene_end(&scene);
}

/* -- covert ------------------------------------------------------------------------------------------------------------------ */

static void covert_is_clear_to_the_byte(void **unused)
{
    struct scene scene;
    struct catalogue_list *covert;
    struct outcome hit, clear;

    (void)unused;
    one_list(&scene);
    covert = scene_list(&scene, "police", "quiet", PLATESIEVE_SIMILAR);
    covert->covert = true;
    scene_slot(&scene, scene_entry(&scene, 1, "q"), 3, PLATESIEVE_PLATE, 62);
    scene_views(&scene);
    hit = check_one(&scene, 1, 91, 62, 93);
    clear = check_one(&scene, 1, 91, 92, 93);
    assert_ok(hit.result);
    assert_ok(clear.result);
    assert_string_equal(hit.text, clear.text);
    assert_null(strstr(hit.text, "quiet"));
    assert_false(hit.wait);
    assert_int_equal(hit.count, 1);
    assert_true(hit.sightings[0].covert);
    assert_int_equal(hit.counts.cleared, 1);
    assert_int_equal(hit.counts.hits, 0);
    assert_int_equal(hit.counts.covert, 1);
    assert_int_equal(clear.counts.covert, 0);
    outcome_free(&hit);
    outcome_free(&clear);

    /* Beside an open match: the open one alerts, the covert one is in the sightings alone. */
    scene_slot(&scene, scene_entry(&scene, 1, "r"), 3, PLATESIEVE_FULL, 11);
    hit = check_one(&scene, 2, 11, 92, 93);
    assert_int_equal(hit.count, 2);
    assert_true(hit.wait);
    assert_null(strstr(hit.text, "quiet"));
    assert_int_equal(hit.counts.hits, 1);
    assert_int_equal(hit.counts.covert, 0);
    outcome_free(&hit);
    scene_end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clear_is_as_the_protocol_has_it),
        cmocka_unit_test(a_hit_says_everything),
        cmocka_unit_test(a_sighting_says_what_becomes_of_it),
        cmocka_unit_test(a_later_look_is_counted_apart),
        cmocka_unit_test(a_later_look_finds_another_entry),
        cmocka_unit_test(a_later_look_that_hits_covertly_looks_clear),
        cmocka_unit_test(answers_are_in_the_order_of_reads),
        cmocka_unit_test(the_best_candidate_is_reported),
        cmocka_unit_test(alerts_are_in_order),
        cmocka_unit_test(alerts_are_sixteen_at_most),
        cmocka_unit_test(covert_is_clear_to_the_byte),
    };

    if (platesieve_failed(platesieve_init())) return 1;
    return cmocka_run_group_tests_name("check answer", tests, NULL, NULL);
}
