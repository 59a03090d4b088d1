/* See scene.h. */
#include "tests/unit/scene.h"

#include <sodium.h>
#include <urcu-bp.h>

#define DAY_MS INT64_C(86400000)
#define HOUR_MS INT64_C(3600000)

static void make_epoch(struct catalogue_epoch *epoch, size_t position)
{
    int64_t today = SCENE_NOW / DAY_MS * DAY_MS;
    uint8_t pepper[PLATESIEVE_KEY_BYTES];

    epoch->opens_ms = today - (3 - (int64_t)position) * DAY_MS;
    epoch->closes_ms = epoch->opens_ms + DAY_MS + 2 * HOUR_MS;
    epoch->destroyed_ms = epoch->closes_ms + HOUR_MS;
    epoch->number = 10 + position;
    snprintf(epoch->id, sizeof(epoch->id), "202611%02uT000000Z", 19 + (unsigned)position);
    memset(epoch->key_id, 0x40 + (int)position, sizeof(epoch->key_id));
    memset(pepper, 0x20 + (int)position, sizeof(pepper));
    epoch->index = index_create();
    assert_non_null(epoch->index);
    assert_int_equal(platesieve_pepper_create(pepper, epoch->id, &epoch->pepper).reason, PLATESIEVE_OK);
}

void scene_begin(struct scene *scene)
{
    *scene = (struct scene){ .now_ms = SCENE_NOW, .peer = { ROLE_READER, "reader/north/1", "north", "1" } };
    scene->catalogue = catalogue_create(SCENE_LISTS, SCENE_EPOCHS, SCENE_SEGMENTS);
    scene->cooldown = cooldown_create();
    assert_non_null(scene->catalogue);
    assert_non_null(scene->cooldown);
    scene->catalogue->entries = entries_create();
    assert_non_null(scene->catalogue->entries);
    for (size_t i = 0; i < SCENE_EPOCHS; i++) make_epoch(&scene->catalogue->epochs[i], i);
}

void scene_end(struct scene *scene)
{
    for (size_t i = 0; i < SCENE_EPOCHS; i++) {
        index_destroy(scene->catalogue->epochs[i].index);
        platesieve_pepper_destroy(scene->catalogue->epochs[i].pepper);
    }
    entries_destroy(scene->catalogue->entries);
    catalogue_free(scene->catalogue);
    cooldown_destroy(scene->cooldown);
}

struct catalogue_list *scene_list(struct scene *scene, const char *agency, const char *id, enum platesieve_grade grade)
{
    size_t position = scene->list_count++;
    struct catalogue_list *list = &scene->catalogue->lists[position];

    assert_true(position < SCENE_LISTS);
    list->number = 100 + (uint32_t)position;
    snprintf(list->agency, sizeof(list->agency), "%s", agency);
    snprintf(list->id, sizeof(list->id), "%s", id);
    snprintf(list->category, sizeof(list->category), "stolen vehicle");
    snprintf(list->instruction, sizeof(list->instruction), "Stop, \"armed\" \\ careful\n");
    list->priority = 50;
    list->grade = (uint8_t)grade;
    list->cooldown_s = 300;
    list->age_limit_s = 86400;
    list->revision = 3;
    list->committed_ms = SCENE_NOW - 512 * 1000;
    list->entries = 1;
    for (size_t i = 0; i < SCENE_EPOCHS; i++) list->coverage[i] = COVERAGE_WHOLE;
    scene->catalogue->segments[position] = (struct catalogue_segment){ .list = (uint32_t)position, .visible = true };
    return list;
}

uint32_t scene_entry(struct scene *scene, size_t position, const char *reference)
{
    const struct catalogue_list *list = &scene->catalogue->lists[position];
    struct entry entry = { .key = entry_key(list->agency, list->id, reference), .segment = (uint32_t)position + 1, .expires = ENTRY_FOREVER };
    uint32_t number;

    assert_ok(entries_add(scene->catalogue->entries, &entry, &number));
    return number;
}

struct entry *scene_entry_at(struct scene *scene, uint32_t entry)
{
    /* The one writer may write. */
    return (struct entry *)(uintptr_t)entries_get(scene->catalogue->entries, entry);
}

static void token_bytes(unsigned number, uint8_t bytes[PLATESIEVE_TOKEN_BYTES])
{
    for (size_t i = 0; i < PLATESIEVE_TOKEN_BYTES; i++) bytes[i] = (uint8_t)(number >> (i % 4 * 8) ^ 0xa5 * (i / 4));
}

void scene_slot(struct scene *scene, uint32_t entry, size_t epoch, enum platesieve_grade grade, unsigned token)
{
    struct index_record record = { .entry = entry, .segment = entries_get(scene->catalogue->entries, entry)->segment, .grade = (uint8_t)grade };
    uint8_t bytes[PLATESIEVE_TOKEN_BYTES];

    token_bytes(token, bytes);
    platesieve_slot(scene->catalogue->epochs[epoch].pepper, bytes, record.slot);
    memset(record.tag, (int)token, sizeof(record.tag));
    assert_ok(index_add(scene->catalogue->epochs[epoch].index, &record, 1));
}

void scene_views(struct scene *scene)
{
    assert_ok(policy_make_views(scene->catalogue, NULL, 0, scene->now_ms));
}

const char *scene_token(unsigned number)
{
    static char texts[16][32];
    static size_t next;
    char *text = texts[next++ % ARRAY_LENGTH(texts)];
    uint8_t bytes[PLATESIEVE_TOKEN_BYTES];

    token_bytes(number, bytes);
    return sodium_bin2base64(text, sizeof(texts[0]), bytes, sizeof(bytes), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

char *scene_body(const struct scene *scene, size_t newest, const char *reads)
{
    const struct site_view *view = policy_view(scene->catalogue, scene->peer.first);
    char *body = NULL;
    size_t size;
    FILE *out = open_memstream(&body, &size);

    fprintf(out, "{\"policy\":\"%s\",\"epochs\":[", view->policy);
    for (size_t i = newest < view->open_count ? view->open_count - newest : 0, first = i; i < view->open_count; i++) {
        const struct catalogue_epoch *epoch = &scene->catalogue->epochs[view->open[i]];
        char key_id[32];

        sodium_bin2base64(key_id, sizeof(key_id), epoch->key_id, sizeof(epoch->key_id), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
        fprintf(out, "%s{\"id\":\"%s\",\"key_id\":\"%s\"}", i > first ? "," : "", epoch->id, key_id);
    }
    fprintf(out, "],\"reads\":[%s]}", reads);
    fclose(out);
    return body;
}

struct outcome scene_check(struct scene *scene, const char *body)
{
    struct outcome outcome = { .result = OK };
    struct check_batch *batch = NULL;
    struct check_answer *answer = NULL;
    size_t size = 0;

    outcome.result = check_batch_parse(body, strlen(body), scene->now_ms, &batch);
    if (failed(outcome.result)) {
        assert_null(batch);
        return outcome;
    }
    rcu_read_lock();
    outcome.result = check_run(scene->catalogue, scene->cooldown, &scene->peer, batch, scene->now_ms, &answer, &outcome.sightings, &outcome.count,
                               &outcome.wait);
    if (!failed(outcome.result)) {
        outcome.text = check_text(answer, &size);
        assert_non_null(outcome.text);
        assert_int_equal(size, strlen(outcome.text));
        check_counts(answer, &outcome.counts);
    }
    rcu_read_unlock();
    check_answer_free(answer);
    check_batch_wipe(&batch);
    assert_null(batch);
    return outcome;
}

void outcome_free(struct outcome *outcome)
{
    free(outcome->text);
    free(outcome->sightings);
    *outcome = (struct outcome){ .result = OK };
}
