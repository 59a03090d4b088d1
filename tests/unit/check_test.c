/* Whether a read hits: grades, epochs, what counts, and what is one hit. */
#include <sodium.h>

#include "tests/unit/check_scene.h"

/* -- grades ------------------------------------------------------------------------------------------------------------------ */

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

/* The cooldown has locks, and a clear read takes none of them. */
static void a_covert_match_does_not_touch_the_cooldown(void **unused)
{
    struct scene scene;
    struct outcome first, repeat;

    (void)unused;
    one_list(&scene)->covert = true;
    first = check_at(&scene, 1, "2026-11-22T01:20:00Z");
    repeat = check_at(&scene, 2, "2026-11-22T01:24:59Z");
    assert_int_equal(cooldown_count(scene.cooldown), 0);
    assert_memory_equal(repeat.sightings[0].hit, repeat.sightings[0].id, 16);
    cooldown_touch(scene.cooldown, &first.sightings[0]);
    cooldown_touch(scene.cooldown, &repeat.sightings[0]);
    assert_memory_equal(repeat.sightings[0].hit, first.sightings[0].id, 16);
    outcome_free(&first);
    outcome_free(&repeat);
    scene_end(&scene);
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
        cmocka_unit_test(a_covert_match_does_not_touch_the_cooldown),
        cmocka_unit_test(a_retry_and_a_repeat_are_one_hit),
        cmocka_unit_test(a_suppressed_entry_is_clear_and_counted),
    };

    if (platesieve_failed(platesieve_init())) return 1;
    return cmocka_run_group_tests_name("check", tests, NULL, NULL);
}
