/* What is wanted at a site. */
#include <jansson.h>
#include <sodium.h>

#include "tests/unit/scene.h"

static void name_sites(struct catalogue_list *list, const char *first, const char *second)
{
    char sites[2][LIMIT_NAME_MAX + 1] = { 0 };

    snprintf(sites[0], sizeof(sites[0]), "%s", first);
    if (second != NULL) snprintf(sites[1], sizeof(sites[1]), "%s", second);
    assert_ok(catalogue_list_sites(list, (const char (*)[LIMIT_NAME_MAX + 1])sites, second == NULL ? 1 : 2));
}

/* Both open epochs, or only the newest when it is later than two o'clock. */
static void open_epochs_are_those_of_now(void **unused)
{
    struct scene scene;
    const struct site_view *view;

    (void)unused;
    scene_begin(&scene);
    scene_views(&scene);
    view = policy_view(scene.catalogue, "north");
    assert_int_equal(view->open_count, 2);
    assert_int_equal(view->open[0], 2);
    assert_int_equal(view->open[1], 3);
    scene.now_ms = scene.catalogue->epochs[2].closes_ms - 1;
    scene_views(&scene);
    assert_int_equal(policy_view(scene.catalogue, "north")->open_count, 2);
    scene.now_ms++;
    scene_views(&scene);
    view = policy_view(scene.catalogue, "north");
    assert_int_equal(view->open_count, 1);
    assert_int_equal(view->open[0], 3);
    scene.now_ms = scene.catalogue->epochs[0].opens_ms - 1;
    scene_views(&scene);
    assert_int_equal(policy_view(scene.catalogue, "north")->open_count, 0);
    scene_end(&scene);
}

static void grades_follow_lists_or_the_rule(void **unused)
{
    static const struct site_rule rules[] = { { "south", 1u << PLATESIEVE_FULL | 1u << PLATESIEVE_PLATE }, { "west", 0 } };
    struct scene scene;
    struct catalogue_list *near;

    (void)unused;
    scene_begin(&scene);
    scene_views(&scene);
    assert_int_equal(policy_view(scene.catalogue, "north")->grades, 1); /* no list: still full */
    scene_list(&scene, "customs", "stolen", PLATESIEVE_SIMILAR);
    near = scene_list(&scene, "police", "missing", PLATESIEVE_NEAR);
    near->covert = true;
    name_sites(near, "north", "south");
    assert_ok(policy_make_views(scene.catalogue, rules, 2, scene.now_ms));
    assert_int_equal(policy_view(scene.catalogue, "north")->grades, 15);
    assert_int_equal(policy_view(scene.catalogue, "south")->grades, 3);
    assert_int_equal(policy_view(scene.catalogue, "west")->grades, 7);
    assert_int_equal(policy_view(scene.catalogue, "elsewhere")->grades, 7);
    near->suspended = true;
    assert_ok(policy_make_views(scene.catalogue, rules, 2, scene.now_ms));
    assert_int_equal(policy_view(scene.catalogue, "north")->grades, 15); /* covert: no lane learns of it */
    assert_int_equal(policy_view(scene.catalogue, "north")->in_force[1], 0);
    near->covert = false;
    assert_ok(policy_make_views(scene.catalogue, rules, 2, scene.now_ms));
    assert_int_equal(policy_view(scene.catalogue, "north")->grades, 7);
    near->suspended = false;
    near->unapproved = true;
    assert_ok(policy_make_views(scene.catalogue, rules, 2, scene.now_ms));
    assert_int_equal(policy_view(scene.catalogue, "north")->grades, 7);
    near->unapproved = false;
    near->ends_ms = scene.now_ms;
    assert_ok(policy_make_views(scene.catalogue, rules, 2, scene.now_ms));
    assert_int_equal(policy_view(scene.catalogue, "north")->grades, 7);
    near->ends_ms = scene.now_ms + 1;
    assert_ok(policy_make_views(scene.catalogue, rules, 2, scene.now_ms));
    assert_int_equal(policy_view(scene.catalogue, "north")->grades, 15);
    near->revision = 0;
    assert_ok(policy_make_views(scene.catalogue, rules, 2, scene.now_ms));
    assert_int_equal(policy_view(scene.catalogue, "north")->grades, 7);
    scene_end(&scene);
}

static void lists_count_where_they_apply(void **unused)
{
    struct scene scene;
    struct catalogue_list *list;

    (void)unused;
    scene_begin(&scene);
    scene_list(&scene, "customs", "everywhere", PLATESIEVE_PLATE);
    name_sites(scene_list(&scene, "customs", "two", PLATESIEVE_PLATE), "north", "south");
    list = scene_list(&scene, "customs", "not-loaded", PLATESIEVE_PLATE);
    list->revision = 0;
    scene_views(&scene);
    assert_int_equal(policy_view(scene.catalogue, "north")->in_force[1], 1);
    assert_int_equal(policy_view(scene.catalogue, "south")->in_force[1], 1);
    assert_int_equal(policy_view(scene.catalogue, "nort")->in_force[1], 0);
    assert_int_equal(policy_view(scene.catalogue, "east")->in_force[0], 1);
    assert_int_equal(policy_view(scene.catalogue, "north")->in_force[2], 0);
    scene_end(&scene);
}

static void nothing_loaded_is_no_list(void **unused)
{
    struct scene scene;
    struct catalogue_list *list;

    (void)unused;
    scene_begin(&scene);
    scene_views(&scene);
    assert_false(policy_view(scene.catalogue, "north")->any_list);
    list = scene_list(&scene, "customs", "stolen", PLATESIEVE_PLATE);
    list->covert = true;
    list->coverage[2] = list->coverage[3] = COVERAGE_NONE;
    scene_views(&scene);
    assert_false(policy_view(scene.catalogue, "north")->any_list);
    list->coverage[3] = COVERAGE_PARTIAL;
    scene_views(&scene);
    assert_true(policy_view(scene.catalogue, "north")->any_list);
    list->coverage[3] = COVERAGE_NONE;
    list->entries = 0; /* an empty list that was committed is loaded */
    scene_views(&scene);
    assert_true(policy_view(scene.catalogue, "north")->any_list);
    list->suspended = true;
    scene_views(&scene);
    assert_true(policy_view(scene.catalogue, "north")->any_list); /* covert: as if nothing had happened */
    list->covert = false;
    scene_views(&scene);
    assert_false(policy_view(scene.catalogue, "north")->any_list);
    scene_end(&scene);
}

static json_t *parse(const char *text)
{
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

    assert_non_null(json);
    return json;
}

static void expect_unchecked(json_t *unchecked, size_t at, const char *list, const char *why)
{
    json_t *one = json_array_get(unchecked, at);

    assert_string_equal(json_string_value(json_object_get(one, "agency")), "customs");
    assert_string_equal(json_string_value(json_object_get(one, "list")), list);
    assert_string_equal(json_string_value(json_object_get(one, "why")), why);
}

static void what_could_not_be_asked_is_named(void **unused)
{
    struct scene scene;
    struct catalogue_list *list;
    const struct site_view *view;
    json_t *lists, *unchecked;

    (void)unused;
    scene_begin(&scene);
    list = scene_list(&scene, "customs", "one-epoch", PLATESIEVE_PLATE);
    list->coverage[2] = COVERAGE_NONE;
    list = scene_list(&scene, "customs", "no-epoch", PLATESIEVE_PLATE);
    list->coverage[2] = list->coverage[3] = COVERAGE_NONE;
    list = scene_list(&scene, "customs", "part", PLATESIEVE_PLATE);
    list->coverage[2] = COVERAGE_NONE;
    list->coverage[3] = COVERAGE_PARTIAL;
    scene_list(&scene, "customs", "held", PLATESIEVE_PLATE)->suspended = true;
    list = scene_list(&scene, "customs", "secret", PLATESIEVE_PLATE);
    list->covert = true;
    list = scene_list(&scene, "customs", "secret-held", PLATESIEVE_PLATE);
    list->covert = list->suspended = true;
    scene_views(&scene);
    view = policy_view(scene.catalogue, "north");
    lists = parse(view->lists_json);
    unchecked = parse(view->unchecked_json);
    assert_int_equal(json_array_size(lists), 1);
    assert_string_equal(json_string_value(json_object_get(json_array_get(lists, 0), "list")), "one-epoch");
    assert_int_equal(json_integer_value(json_object_get(json_array_get(lists, 0), "revision")), 3);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(lists, 0), "age_s")), 512);
    assert_int_equal(json_array_size(unchecked), 3);
    expect_unchecked(unchecked, 0, "no-epoch", "no-tokens");
    expect_unchecked(unchecked, 1, "part", "partial");
    expect_unchecked(unchecked, 2, "held", "suspended");
    assert_int_equal(view->lists_size, strlen(view->lists_json));
    assert_int_equal(view->unchecked_size, strlen(view->unchecked_json));
    json_decref(lists);
    json_decref(unchecked);
    scene_end(&scene);
}

static void the_version_follows_what_a_lane_must_know(void **unused)
{
    struct scene scene;
    struct catalogue_list *list;
    char first[LIMIT_POLICY_TEXT + 1], second[LIMIT_POLICY_TEXT + 1];

    (void)unused;
    scene_begin(&scene);
    list = scene_list(&scene, "customs", "stolen", PLATESIEVE_PLATE);
    scene_views(&scene);
    memcpy(first, policy_view(scene.catalogue, "north")->policy, sizeof(first));
    assert_int_equal(strlen(first), 16);
    assert_int_equal(strspn(first, "0123456789abcdef"), 16);
    list->revision++;
    list->committed_ms += 1000;
    scene_views(&scene);
    assert_string_equal(policy_view(scene.catalogue, "north")->policy, first);
    list->grade = PLATESIEVE_NEAR;
    scene_views(&scene);
    memcpy(second, policy_view(scene.catalogue, "north")->policy, sizeof(second));
    assert_string_not_equal(first, second);
    list->grade = PLATESIEVE_PLATE;
    scene.catalogue->epochs[3].key_id[0] ^= 1;
    scene_views(&scene);
    assert_string_not_equal(policy_view(scene.catalogue, "north")->policy, first);
    scene.catalogue->epochs[3].key_id[0] ^= 1;
    scene.now_ms = scene.catalogue->epochs[2].closes_ms;
    scene_views(&scene);
    assert_string_not_equal(policy_view(scene.catalogue, "north")->policy, first);
    scene_end(&scene);
}

static void a_lane_is_told_what_it_needs(void **unused)
{
    struct scene scene;
    const struct site_view *view;
    char text[2048];
    json_t *lane, *epochs;

    (void)unused;
    scene_begin(&scene);
    scene_list(&scene, "customs", "stolen", PLATESIEVE_SIMILAR);
    scene_views(&scene);
    view = policy_view(scene.catalogue, "north");
    assert_int_equal(view->lane_size, strlen(view->lane_json));
    snprintf(text, sizeof(text), "{%s}", view->lane_json);
    lane = parse(text);
    epochs = json_object_get(lane, "epochs");
    assert_int_equal(json_array_size(epochs), 2);
    assert_string_equal(json_string_value(json_object_get(json_array_get(epochs, 1), "id")), "20261122T000000Z");
    assert_string_equal(json_string_value(json_object_get(json_array_get(epochs, 1), "opens")), "2026-11-22T00:00:00.000Z");
    assert_string_equal(json_string_value(json_object_get(json_array_get(epochs, 1), "closes")), "2026-11-23T02:00:00.000Z");
    assert_string_equal(json_string_value(json_object_get(json_array_get(epochs, 1), "suite")), "hmac-sha256");
    assert_string_equal(json_string_value(json_object_get(json_array_get(epochs, 1), "key_id")), "Q0NDQ0NDQ0NDQ0NDQ0NDQw");
    assert_int_equal(json_array_size(json_object_get(lane, "grades")), 3);
    assert_string_equal(json_string_value(json_array_get(json_object_get(lane, "grades"), 2)), "similar");
    assert_int_equal(json_integer_value(json_object_get(lane, "candidates_max")), LIMIT_CHECK_CANDIDATES);
    assert_int_equal(json_integer_value(json_object_get(lane, "reads_max")), LIMIT_CHECK_READS);
    assert_int_equal(json_integer_value(json_object_get(lane, "seen_age_max_s")), LIMIT_SEEN_AGE_S);
    assert_int_equal(json_integer_value(json_object_get(lane, "seen_ahead_max_s")), LIMIT_SEEN_AHEAD_S);
    assert_int_equal(json_object_size(lane), 6);
    json_decref(lane);
    scene_end(&scene);
}

/* A site that lists name, but for which there was no room, must not be answered as if no list named it. */
static void too_many_sites_fail_closed(void **unused)
{
    static const struct site_rule rule = { "zz-operator", 3 };
    enum { LISTS = 40 };
    struct catalogue *catalogue = catalogue_create(LISTS, 0, 0);
    char sites[LIMIT_SITES_PER_LIST][LIMIT_NAME_MAX + 1];

    (void)unused;
    for (unsigned i = 0; i < LISTS; i++) {
        memset(sites, 0, sizeof(sites));
        for (unsigned k = 0; k < LIMIT_SITES_PER_LIST; k++) snprintf(sites[k], sizeof(sites[k]), "site-%04u", i * LIMIT_SITES_PER_LIST + k);
        assert_ok(catalogue_list_sites(&catalogue->lists[i], (const char (*)[LIMIT_NAME_MAX + 1])sites, LIMIT_SITES_PER_LIST));
        catalogue->lists[i].revision = 1;
    }
    assert_ok(policy_make_views(catalogue, &rule, 1, SCENE_NOW));
    assert_int_equal(catalogue->view_count, LIMIT_VIEWS);
    assert_true(catalogue->views_full);
    assert_string_equal(policy_view(catalogue, "site-0005")->site, "site-0005");
    assert_string_equal(policy_view(catalogue, "zz-operator")->site, "zz-operator");
    assert_null(policy_view(catalogue, "site-2559"));
    assert_string_equal(policy_view(catalogue, "unnamed")->site, "");
    catalogue_free(catalogue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(open_epochs_are_those_of_now),     cmocka_unit_test(grades_follow_lists_or_the_rule),
        cmocka_unit_test(lists_count_where_they_apply),     cmocka_unit_test(nothing_loaded_is_no_list),
        cmocka_unit_test(what_could_not_be_asked_is_named), cmocka_unit_test(the_version_follows_what_a_lane_must_know),
        cmocka_unit_test(a_lane_is_told_what_it_needs),     cmocka_unit_test(too_many_sites_fail_closed),
    };

    if (platesieve_failed(platesieve_init())) return 1;
    return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
