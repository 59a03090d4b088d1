/* Reads against a scene, and what their answers say, for the tests of checks. */
#ifndef TESTS_CHECK_SCENE_H
#define TESTS_CHECK_SCENE_H

#include <jansson.h>

#include "tests/unit/scene.h"

/* -- bodies ------------------------------------------------------------------------------------------------------------------ */

/* A read with one candidate and one set of tokens: the numbers of its three grades; 0: none.  ID is the read's number. */
static inline char *one_read(unsigned id, const char *seen_at, unsigned full, unsigned plate, unsigned similar)
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
static inline struct outcome check_one(struct scene *scene, unsigned id, unsigned full, unsigned plate, unsigned similar)
{
    char *read = one_read(id, SEEN, full, plate, similar), *body = scene_body(scene, LIMIT_EPOCHS_OPEN, read);
    struct outcome outcome = scene_check(scene, body);

    free(read);
    free(body);
    return outcome;
}

static inline struct outcome check_reads(struct scene *scene, const char *reads)
{
    char *body = scene_body(scene, LIMIT_EPOCHS_OPEN, reads);
    struct outcome outcome = scene_check(scene, body);

    free(body);
    return outcome;
}

/* -- answers ----------------------------------------------------------------------------------------------------------------- */

static inline json_t *parse(const char *text)
{
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

    assert_non_null(json);
    return json;
}

static inline const char *member(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static inline json_t *answer_at(json_t *json, size_t read)
{
    return json_array_get(json_object_get(json, "answers"), read);
}

static inline json_t *alert_at(json_t *json, size_t read, size_t alert)
{
    return json_array_get(json_object_get(answer_at(json, read), "alerts"), alert);
}

static inline void expect_clear(struct outcome outcome)
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
static inline void expect_hit(struct outcome outcome, const char *grade)
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
static inline struct catalogue_list *one_list(struct scene *scene)
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

#endif
