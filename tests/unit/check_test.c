/* What a check decides and answers. */
#include <jansson.h>
#include <sodium.h>

#include "tests/unit/scene.h"

/* -- bodies ------------------------------------------------------------------------------------------------------------------ */

/* A read with one candidate and one set of tokens: the numbers of its three grades; 0: none.  ID is the read's number. */
static char *one_read(unsigned id, const char *seen_at, unsigned full, unsigned plate, unsigned similar)
{
    char *read = NULL, members[3][64] = { "", "", "" };

    if (full != 0) snprintf(members[0], sizeof(members[0]), "\"full\":\"%s\",", scene_token(full));
    snprintf(members[1], sizeof(members[1]), "\"plate\":\"%s\",", scene_token(plate));
    snprintf(members[2], sizeof(members[2]), "\"similar\":\"%s\"", scene_token(similar));
    assert_true(asprintf(&read, "{\"read_id\":\"%s\",\"seen_at\":\"%s\",\"candidates\":[{\"confidence\":0.5,\"tokens\":[{%s%s%s}]}]}", scene_token(id),
                         seen_at, members[0], members[1], members[2]) >= 0);
    return read;
}

#define SEEN "2026-11-22T01:30:43.123Z"

/* Checks one such read against the newest epoch; later than two o'clock it is the only one. */
static struct outcome check_one(struct scene *scene, unsigned id, unsigned full, unsigned plate, unsigned similar)
{
    char *read = one_read(id, SEEN, full, plate, similar), *body = scene_body(scene, LIMIT_EPOCHS_OPEN, read);
    struct outcome outcome = scene_check(scene, body);

    free(read);
    free(body);
    return outcome;
}

static struct outcome check_reads(struct scene *scene, const char *reads)
{
    char *body = scene_body(scene, LIMIT_EPOCHS_OPEN, reads);
    struct outcome outcome = scene_check(scene, body);

    free(body);
    return outcome;
}

/* -- answers ----------------------------------------------------------------------------------------------------------------- */

static json_t *parse(const char *text)
{
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

    assert_non_null(json);
    return json;
}

static const char *member(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static json_t *answer_at(json_t *json, size_t read)
{
    return json_array_get(json_object_get(json, "answers"), read);
}

static json_t *alert_at(json_t *json, size_t read, size_t alert)
{
    return json_array_get(json_object_get(answer_at(json, read), "alerts"), alert);
}

static void expect_clear(struct outcome outcome)
{
    json_t *json;

    assert_ok(outcome.result);
    json = parse(outcome.text);
    assert_string_equal(member(answer_at(json, 0), "answer"), "clear");
    assert_null(json_object_get(answer_at(json, 0), "alerts"));
    assert_int_equal(outcome.count, 0);
    assert_null(outcome.sightings);
    assert_false(outcome.wait);
    assert_int_equal(outcome.counts.cleared, 1);
    json_decref(json);
    outcome_free(&outcome);
}

/* One read, one alert of that grade. */
static void expect_hit(struct outcome outcome, const char *grade)
{
    json_t *json;

    assert_ok(outcome.result);
    json = parse(outcome.text);
    assert_string_equal(member(answer_at(json, 0), "answer"), "hit");
    assert_int_equal(json_array_size(json_object_get(answer_at(json, 0), "alerts")), 1);
    assert_string_equal(member(alert_at(json, 0, 0), "grade"), grade);
    assert_int_equal(outcome.count, 1);
    assert_true(outcome.wait);
    json_decref(json);
    outcome_free(&outcome);
}

/* -- scenes ------------------------------------------------------------------------------------------------------------------ */

/* One epoch open (it is past two), one list at SIMILAR, one entry: tokens 11, 12, 13 by grade. */
static struct catalogue_list *one_list(struct scene *scene)
{
    struct catalogue_list *list;
    uint32_t entry;

    scene_begin(scene);
    scene->catalogue->epochs[2].closes_ms = SCENE_NOW;
    list = scene_list(scene, "customs", "stolen", PLATESIEVE_SIMILAR);
    entry = scene_entry(scene, 0, "ref-1");
    for (unsigned grade = 0; grade < 3; grade++) scene_slot(scene, entry, 3, grade, 11 + grade);
    scene_views(scene);
    return list;
}

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

static void the_strongest_grade_is_reported(void **unused)
{
    struct scene scene;

    (void)unused;
    one_list(&scene);
    expect_hit(check_one(&scene, 1, 11, 12, 13), "full");
    expect_hit(check_one(&scene, 2, 0, 12, 13), "plate");
    expect_hit(check_one(&scene, 3, 91, 92, 13), "similar");
    expect_clear(check_one(&scene, 4, 12, 13, 11)); /* a token of another grade is another token ... */
    scene_end(&scene);
}

/* ... but grades are what the list wants: a record that is weaker does not count, nor one that the site does not look at. */
static void grades_are_those_wanted(void **unused)
{
    static const struct site_rule rule = { "north", 1u << PLATESIEVE_PLATE };
    struct scene scene;
    struct catalogue_list *list;

    (void)unused;
    list = one_list(&scene);
    list->grade = PLATESIEVE_PLATE;
    scene_list(&scene, "police", "other", PLATESIEVE_SIMILAR);
    scene_views(&scene);
    expect_clear(check_one(&scene, 1, 91, 92, 13));
    expect_hit(check_one(&scene, 2, 91, 12, 93), "plate");
    assert_ok(policy_make_views(scene.catalogue, &rule, 1, scene.now_ms));
    expect_clear(check_one(&scene, 3, 11, 92, 93));
    expect_hit(check_one(&scene, 4, 91, 12, 93), "plate");
    scene_end(&scene);
}

static void a_wanted_grade_must_be_there(void **unused)
{
    struct scene scene;
    struct outcome outcome;
    char read[512];

    (void)unused;
    one_list(&scene);
    snprintf(read, sizeof(read), "{\"read_id\":\"%s\",\"seen_at\":\"" SEEN "\",\"candidates\":[{\"confidence\":1,\"tokens\":[{\"plate\":\"%s\"}]}]}",
             scene_token(1), scene_token(12));
    outcome = check_reads(&scene, read);
    assert_fails(outcome.result, REASON_POLICY);
    scene.catalogue->lists[0].grade = PLATESIEVE_PLATE;
    scene_views(&scene);
    expect_hit(check_reads(&scene, read), "plate");
    scene.catalogue->lists[0].grade = PLATESIEVE_NEAR;
    scene_views(&scene);
    assert_fails(check_one(&scene, 1, 91, 92, 93).result, REASON_POLICY); /* near is wanted, and may be empty, but not absent */
    scene_end(&scene);
}

static char *near_read(unsigned id, const char *near)
{
    char *read = NULL;

    assert_true(asprintf(&read, "{\"read_id\":\"%s\",\"seen_at\":\"" SEEN "\",\"candidates\":[{\"confidence\":1,\"tokens\":"
                                "[{\"plate\":\"%s\",\"similar\":\"%s\",\"near\":[%s]}]}]}",
                         scene_token(id), scene_token(92), scene_token(93), near) >= 0);
    return read;
}

static void each_token_of_near_is_looked_up(void **unused)
{
    struct scene scene;
    char near[256], *read;
    uint32_t entry;

    (void)unused;
    one_list(&scene)->grade = PLATESIEVE_NEAR;
    entry = scene_entry(&scene, 0, "ref-2");
    scene_slot(&scene, entry, 3, PLATESIEVE_NEAR, 53);
    scene_slot(&scene, entry, 3, PLATESIEVE_NEAR, 54);
    scene_views(&scene);
    snprintf(near, sizeof(near), "\"%s\",\"%s\",\"%s\",\"%s\"", scene_token(51), scene_token(52), scene_token(53), scene_token(54));
    read = near_read(1, near);
    expect_hit(check_reads(&scene, read), "near"); /* two tokens, one entry, one sighting */
    free(read);
    read = near_read(2, "");
    expect_clear(check_reads(&scene, read));
    free(read);
    scene_end(&scene);
}

/* -- epochs ------------------------------------------------------------------------------------------------------------------ */

static void epochs_must_be_the_open_ones(void **unused)
{
    struct scene scene;
    char *read = one_read(1, SEEN, 0, 92, 93), *body;

    (void)unused;
    scene_begin(&scene);
    scene_list(&scene, "customs", "stolen", PLATESIEVE_SIMILAR);
    scene_views(&scene); /* two are open */
    body = scene_body(&scene, 1, read);
    assert_fails(scene_check(&scene, body).result, REASON_POLICY);
    free(body);
    scene.catalogue->epochs[2].closes_ms = SCENE_NOW;
    scene_views(&scene);
    body = scene_body(&scene, 1, read);
    expect_clear(scene_check(&scene, body));
    scene.catalogue->epochs[3].key_id[7] ^= 1;
    assert_fails(scene_check(&scene, body).result, REASON_KEY_ID);
    scene.catalogue->epochs[3].id[0] = '3';
    assert_fails(scene_check(&scene, body).result, REASON_POLICY);
    free(body);
    free(read);
    scene_end(&scene);
}

static char *two_epoch_read(unsigned id, unsigned first, unsigned second)
{
    char *read = NULL;

    assert_true(asprintf(&read, "{\"read_id\":\"%s\",\"seen_at\":\"" SEEN "\",\"candidates\":[{\"confidence\":1,\"tokens\":[{\"plate\":\"%s\"},{\"plate\":\"%s\"}]}]}",
                         scene_token(id), scene_token(first), scene_token(second)) >= 0);
    return read;
}

static void both_epochs_of_one_entry_are_one(void **unused)
{
    struct scene scene;
    uint32_t entry;
    char *read;
    struct outcome outcome;

    (void)unused;
    scene_begin(&scene);
    scene_list(&scene, "customs", "stolen", PLATESIEVE_PLATE);
    entry = scene_entry(&scene, 0, "ref-1");
    scene_slot(&scene, entry, 2, PLATESIEVE_PLATE, 22);
    scene_slot(&scene, entry, 3, PLATESIEVE_PLATE, 32);
    scene_views(&scene);
    read = two_epoch_read(1, 22, 32);
    expect_hit(check_reads(&scene, read), "plate");
    free(read);
    read = two_epoch_read(2, 22, 92); /* a list that arrived for only one still works */
    outcome = check_reads(&scene, read);
    assert_non_null(strstr(outcome.text, "\"epoch\":\"20261121T000000Z\""));
    expect_hit(outcome, "plate");
    free(read);
    read = two_epoch_read(3, 92, 32);
    outcome = check_reads(&scene, read);
    assert_non_null(strstr(outcome.text, "\"epoch\":\"20261122T000000Z\""));
    expect_hit(outcome, "plate");
    free(read);
    read = two_epoch_read(4, 32, 22); /* tokens of the other epoch are other tokens */
    expect_clear(check_reads(&scene, read));
    free(read);
    scene_end(&scene);
}

/* The request may name the epochs in the other order; tokens go with them. */
static void epochs_may_come_in_any_order(void **unused)
{
    struct scene scene;
    uint32_t entry;
    char *read = two_epoch_read(1, 32, 92), *body, *swapped = NULL, *first, *second, *end;

    (void)unused;
    scene_begin(&scene);
    scene_list(&scene, "customs", "stolen", PLATESIEVE_PLATE);
    entry = scene_entry(&scene, 0, "ref-1");
    scene_slot(&scene, entry, 3, PLATESIEVE_PLATE, 32);
    scene_views(&scene);
    body = scene_body(&scene, 2, read);
    first = strstr(body, "{\"id\"");
    second = strstr(first + 1, "{\"id\"");
    end = strstr(second, "],\"reads\"");
    assert_true(asprintf(&swapped, "%.*s%.*s,%.*s%s", (int)(first - body), body, (int)(end - second), second, (int)(second - first - 1), first, end) >= 0);
    expect_clear(scene_check(&scene, body));
    expect_hit(scene_check(&scene, swapped), "plate");
    free(read);
    free(body);
    free(swapped);
    scene_end(&scene);
}

/* -- what counts ------------------------------------------------------------------------------------------------------------- */

static void an_entry_counts_while_it_is_effective(void **unused)
{
    struct scene scene;
    struct entry *entry;
    uint32_t now_s = (uint32_t)(SCENE_NOW / 1000);

    (void)unused;
    one_list(&scene);
    entry = scene_entry_at(&scene, 0);
    entry->effective = now_s + 1;
    expect_clear(check_one(&scene, 1, 11, 12, 13));
    entry->effective = now_s;
    expect_hit(check_one(&scene, 2, 11, 12, 13), "full");
    entry->expires = now_s;
    expect_clear(check_one(&scene, 3, 11, 12, 13));
    entry->expires = now_s + 1;
    expect_hit(check_one(&scene, 4, 11, 12, 13), "full");
    entries_remove(scene.catalogue->entries, 0, 5);
    expect_hit(check_one(&scene, 5, 11, 12, 13), "full"); /* that revision is not committed yet */
    scene.catalogue->segments[4].visible = true;
    expect_clear(check_one(&scene, 6, 11, 12, 13));
    entries_remove(scene.catalogue->entries, 0, 0);
    scene.catalogue->segments[0].visible = false;
    expect_clear(check_one(&scene, 7, 11, 12, 13));
    scene_end(&scene);
}

/* Tokens that another revision added to an entry count when both are visible. */
static void added_tokens_count_with_their_revision(void **unused)
{
    struct scene scene;
    struct index_record record = { .entry = 0, .segment = 7, .grade = PLATESIEVE_PLATE };
    size_t size;
    uint8_t token[16];

    (void)unused;
    one_list(&scene);
    scene.catalogue->segments[6].list = 0;
    assert_int_equal(sodium_base642bin(token, 16, scene_token(70), 22, NULL, &size, NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING), 0);
    platesieve_slot(scene.catalogue->epochs[3].pepper, token, record.slot);
    assert_ok(index_add(scene.catalogue->epochs[3].index, &record, 1));
    expect_clear(check_one(&scene, 1, 91, 70, 93));
    scene.catalogue->segments[6].visible = true;
    expect_hit(check_one(&scene, 2, 91, 70, 93), "plate");
    scene.catalogue->segments[0].visible = false;
    expect_clear(check_one(&scene, 3, 91, 70, 93));
    scene_end(&scene);
}

static void a_list_counts_where_it_is_in_force(void **unused)
{
    static const char south[1][LIMIT_NAME_MAX + 1] = { "south" };
    struct scene scene;
    struct catalogue_list *list;

    (void)unused;
    list = one_list(&scene);
    scene_list(&scene, "police", "other", PLATESIEVE_SIMILAR);
    assert_ok(catalogue_list_sites(list, south, 1));
    scene_views(&scene);
    expect_clear(check_one(&scene, 1, 11, 12, 13));
    snprintf(scene.peer.first, sizeof(scene.peer.first), "south");
    expect_hit(check_one(&scene, 2, 11, 12, 13), "full");
    list->suspended = true;
    scene_views(&scene);
    expect_clear(check_one(&scene, 3, 11, 12, 13));
    list->suspended = false;
    list->coverage[3] = COVERAGE_PARTIAL;
    scene_views(&scene);
    expect_hit(check_one(&scene, 4, 11, 12, 13), "full"); /* as far as it goes */
    list->coverage[3] = COVERAGE_NONE;
    scene_views(&scene);
    expect_clear(check_one(&scene, 5, 11, 12, 13));
    scene_end(&scene);
}

static void nothing_loaded_is_an_error(void **unused)
{
    struct scene scene;
    struct catalogue_list *list;

    (void)unused;
    list = one_list(&scene);
    list->suspended = true;
    scene_views(&scene);
    assert_fails(check_one(&scene, 1, 11, 12, 13).result, REASON_NO_LISTS);
    list->suspended = false;
    list->revision = 0;
    scene_views(&scene);
    assert_fails(check_one(&scene, 1, 11, 12, 13).result, REASON_NO_LISTS);
    list->revision = 1;
    list->entries = 0;
    list->coverage[3] = COVERAGE_NONE;
    scene_views(&scene);
    expect_clear(check_one(&scene, 2, 91, 92, 93)); /* an empty list that was committed is a loaded list */
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

/* -- cooldown and retry ------------------------------------------------------------------------------------------------------ */

static struct outcome check_at(struct scene *scene, unsigned id, const char *seen_at)
{
    char *read = one_read(id, seen_at, 11, 12, 13), *body = scene_body(scene, 1, read);
    struct outcome outcome = scene_check(scene, body);

    assert_ok(outcome.result);
    assert_int_equal(outcome.count, 1);
    free(read);
    free(body);
    return outcome;
}

static void a_retry_and_a_repeat_are_one_hit(void **unused)
{
    struct scene scene;
    struct outcome first, retry, repeat, later, other_lane;

    (void)unused;
    one_list(&scene);
    first = check_at(&scene, 1, "2026-11-22T01:20:00Z");
    retry = check_at(&scene, 1, "2026-11-22T01:20:00Z");
    repeat = check_at(&scene, 2, "2026-11-22T01:24:59Z");
    later = check_at(&scene, 3, "2026-11-22T01:25:00Z");
    assert_string_equal(first.text, retry.text);
    assert_memory_equal(first.sightings[0].id, retry.sightings[0].id, 16);
    assert_memory_equal(first.sightings[0].id, retry.sightings[0].hit, 16);
    assert_memory_not_equal(first.sightings[0].id, repeat.sightings[0].id, 16);
    assert_memory_equal(first.sightings[0].id, repeat.sightings[0].hit, 16);
    assert_memory_equal(later.sightings[0].id, later.sightings[0].hit, 16);
    assert_memory_not_equal(later.sightings[0].id, first.sightings[0].id, 16);
    snprintf(scene.peer.second, sizeof(scene.peer.second), "2");
    other_lane = check_at(&scene, 1, "2026-11-22T01:20:00Z");
    assert_memory_equal(other_lane.sightings[0].id, other_lane.sightings[0].hit, 16);
    assert_memory_not_equal(other_lane.sightings[0].id, first.sightings[0].id, 16);
    outcome_free(&first);
    outcome_free(&retry);
    outcome_free(&repeat);
    outcome_free(&later);
    outcome_free(&other_lane);
    scene_end(&scene);
}

/* To the lane it is clear, and nothing is kept but one more on the suppression's count, however many tokens matched. */
static void a_suppressed_entry_is_clear_and_counted(void **unused)
{
    struct suppression what = { .number = 5, .until_ms = SCENE_NOW + 1, .site = "north", .lane = "1" };
    struct suppressions *set = suppressions_create(1);
    struct suppressed_counts *counts = calloc(1, sizeof(*counts));
    struct scene scene;

    (void)unused;
    what.list = one_list(&scene)->number;
    what.entry = scene_entry_at(&scene, 0)->key;
    assert_true(suppressions_add(set, &what));
    snprintf(scene.peer.first, sizeof(scene.peer.first), "north");
    snprintf(scene.peer.second, sizeof(scene.peer.second), "1");
    expect_hit(check_one(&scene, 1, 11, 12, 13), "full");
    scene.catalogue->suppressions = set;
    expect_clear(check_one(&scene, 2, 11, 12, 13));
    snprintf(scene.peer.second, sizeof(scene.peer.second), "2");
    expect_hit(check_one(&scene, 3, 11, 12, 13), "full");
    snprintf(scene.peer.second, sizeof(scene.peer.second), "1");
    suppressions_take_counts(set, counts);
    assert_int_equal(counts->count, 1);
    assert_int_equal(counts->matches[0], 1);
    scene.now_ms++; /* it has ended */
    expect_hit(check_one(&scene, 4, 11, 12, 13), "full");
    scene.catalogue->suppressions = NULL;
    suppressions_free(set);
    free(counts);
    scene_end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clear_is_as_the_protocol_has_it),
        cmocka_unit_test(a_hit_says_everything),
        cmocka_unit_test(a_sighting_says_what_becomes_of_it),
        cmocka_unit_test(the_strongest_grade_is_reported),
        cmocka_unit_test(grades_are_those_wanted),
        cmocka_unit_test(a_wanted_grade_must_be_there),
        cmocka_unit_test(each_token_of_near_is_looked_up),
        cmocka_unit_test(epochs_must_be_the_open_ones),
        cmocka_unit_test(both_epochs_of_one_entry_are_one),
        cmocka_unit_test(epochs_may_come_in_any_order),
        cmocka_unit_test(an_entry_counts_while_it_is_effective),
        cmocka_unit_test(added_tokens_count_with_their_revision),
        cmocka_unit_test(a_list_counts_where_it_is_in_force),
        cmocka_unit_test(nothing_loaded_is_an_error),
        cmocka_unit_test(a_later_look_is_counted_apart),
        cmocka_unit_test(a_later_look_finds_another_entry),
        cmocka_unit_test(a_later_look_that_hits_covertly_looks_clear),
        cmocka_unit_test(answers_are_in_the_order_of_reads),
        cmocka_unit_test(the_best_candidate_is_reported),
        cmocka_unit_test(alerts_are_in_order),
        cmocka_unit_test(alerts_are_sixteen_at_most),
        cmocka_unit_test(covert_is_clear_to_the_byte),
        cmocka_unit_test(a_retry_and_a_repeat_are_one_hit),
        cmocka_unit_test(a_suppressed_entry_is_clear_and_counted),
    };

    if (platesieve_failed(platesieve_init())) return 1;
    return cmocka_run_group_tests_name("check", tests, NULL, NULL);
}
