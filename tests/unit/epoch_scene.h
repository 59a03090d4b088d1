/* A store of epochs' keys in a folder of its own, and a clock that the test sets. */
#ifndef TESTS_EPOCH_SCENE_H
#define TESTS_EPOCH_SCENE_H

#include <dirent.h>
#include <sodium.h>
#include <unistd.h>

#include "server/http/sealed_file.h"
#include "server/keys/epoch_file.h"
#include "server/keys/epoch_key.h"
#include "server/keys/epoch_store.h"
#include "server/keys/keeper.h"
#include "tests/unit/unit.h"

static const uint8_t master[PLATESIEVE_KEY_BYTES] = { 1, 2, 3 }, other_master[PLATESIEVE_KEY_BYTES] = { 9 };
static const struct schedule hourly = { 3600, 600, 600, 1 };
#define VOPRF PLATESIEVE_VOPRF_RISTRETTO255_SHA512
#define NOON INT64_C(1795348800) /* 2026-11-22T12:00:00Z */

struct place {
    char folder[64];
    struct epoch_store *store;
    FILE *errors;
    int64_t now_ms;
    struct clock clock;
    enum platesieve_suite suite; /* of new epochs */
};

static inline int64_t scripted_now(void *context)
{
    return ((struct place *)context)->now_ms;
}

static inline int set_up(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    snprintf(place->folder, sizeof place->folder, "/tmp/epoch-store-test-XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    place->errors = fopen("/dev/null", "w");
    place->now_ms = NOON * 1000;
    place->clock = (struct clock){ scripted_now, place };
    assert_ok(epoch_store_create(place->folder, master, place->errors));
    assert_ok(epoch_store_open(place->folder, master, place->errors, &place->store));
    *state = place;
    return 0;
}

/* Calls EACH for the path of every file. */
static inline size_t walk(const struct place *place, void (*each)(const char *path, void *context), void *context)
{
    DIR *folder = opendir(place->folder);
    size_t count = 0;
    for (struct dirent *item; (item = readdir(folder)) != NULL;) {
        char path[400];
        if (item->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/%s", place->folder, item->d_name);
        count++;
        if (each != NULL) each(path, context);
    }
    closedir(folder);
    return count;
}

static inline void remove_path(const char *path, void *context)
{
    (void)context;
    unlink(path);
}

static inline int tear_down(void **state)
{
    struct place *place = *state;
    epoch_store_close(place->store);
    walk(place, remove_path, NULL);
    char hidden[80];
    snprintf(hidden, sizeof hidden, "%s/.made", place->folder);
    unlink(hidden);
    rmdir(place->folder);
    fclose(place->errors);
    free(place);
    return 0;
}

static inline struct result reopen(struct place *place)
{
    epoch_store_close(place->store);
    place->store = NULL;
    return epoch_store_open(place->folder, master, place->errors, &place->store);
}

static inline bool tick_at(struct place *place, int64_t now_s)
{
    struct keeper_settings settings = { place->store, &place->clock, hourly, place->suite };
    place->now_ms = now_s * 1000;
    return keeper_tick(&settings);
}

/* The key of an epoch of hmac-sha256. */
static inline struct result key_of(const struct place *place, const char *id, int64_t now_ms, struct epoch *epoch,
                                   uint8_t bytes[PLATESIEVE_KEY_BYTES])
{
    struct epoch_key *key;
    TRY(epoch_store_borrow(place->store, id, PLATESIEVE_HMAC_SHA256, now_ms, epoch, &key));
    memcpy(bytes, epoch_key_bytes(key), PLATESIEVE_KEY_BYTES);
    assert_null(epoch_key_pair(key));
    epoch_key_give_back(key);
    return OK;
}

#define WITH_PLACE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
