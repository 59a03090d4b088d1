/* A book of quotas in a folder of its own, and a clock that the test sets. */
#ifndef TESTS_QUOTA_SCENE_H
#define TESTS_QUOTA_SCENE_H

#include <unistd.h>

#include "server/http/quota.h"
#include "tests/unit/unit.h"

#define DAY_MS INT64_C(86400000)
#define NOON (20000 * DAY_MS + DAY_MS / 2) /* a whole minute */

static int64_t now_ms;

static inline int64_t scripted(void *context)
{
    (void)context;
    return now_ms;
}

static const struct clock scripted_clock = { scripted, NULL };

struct scene {
    char folder[64], file[80];
    struct quota_profiles profiles;
    struct quota_book *book;
};

static inline void open_book(struct scene *scene)
{
    struct quota_settings settings = { .side = QUOTA_AT_KEYS, .folder = scene->folder, .profiles = &scene->profiles, .keys_a_day = 4, .clock = &scripted_clock };
    assert_ok(quota_open(&settings, stderr, &scene->book));
}

static inline void reopen(struct scene *scene)
{
    quota_close(scene->book);
    open_book(scene);
}

static inline int set_up(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    snprintf(scene->folder, sizeof scene->folder, "/tmp/quota-test-XXXXXX");
    if (mkdtemp(scene->folder) == NULL) return -1;
    snprintf(scene->file, sizeof scene->file, "%s/quota", scene->folder);
    quota_profiles_begin(&scene->profiles);
    now_ms = NOON;
    open_book(scene);
    *state = scene;
    return 0;
}

static inline int tear_down(void **state)
{
    struct scene *scene = *state;
    quota_close(scene->book);
    unlink(scene->file);
    rmdir(scene->folder);
    free(scene);
    return 0;
}

static inline struct peer peer_called(const char *name)
{
    struct peer peer = { .role = ROLE_READER };
    snprintf(peer.name, sizeof peer.name, "%s", name);
    return peer;
}

static inline struct result charge(struct scene *scene, const char *name, uint64_t evaluations, struct quota_refusal *refusal)
{
    struct peer peer = peer_called(name);
    struct request request = { .peer = &peer };
    struct quota_cost cost = { .amount[QUOTA_EVALUATIONS] = evaluations };
    return quota_charge(scene->book, &request, &cost, refusal);
}

static inline void assert_passes(struct scene *scene, const char *name, uint64_t evaluations)
{
    struct quota_refusal refusal;
    assert_ok(charge(scene, name, evaluations, &refusal));
    assert_int_equal(refusal.reason, REASON_NONE);
}

static inline void assert_waits(struct scene *scene, const char *name, uint64_t evaluations, unsigned retry_after_s, enum quota_window window)
{
    struct quota_refusal refusal;
    assert_fails(charge(scene, name, evaluations, &refusal), REASON_OVER_QUOTA);
    assert_int_equal(refusal.retry_after_s, retry_after_s);
    assert_int_equal(refusal.window, window);
    assert_string_equal(refusal.counted, "evaluations");
}

static inline uint64_t used_in(struct scene *scene, const char *name, const char *window)
{
    json_t *json = quota_use_json(scene->book, name, NULL);
    json_int_t used = json_integer_value(json_object_get(json_object_get(json_object_get(json, window), "used"), "evaluations"));
    json_decref(json);
    return (uint64_t)used;
}

#endif
