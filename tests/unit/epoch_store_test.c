/* The keys on disk: kept over a restart, erased on time or at the next start, and nothing foreign or broken is passed
   over. */
#include "server/keys/epoch_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <unistd.h>

#include "server/http/sealed_file.h"
#include "server/keys/epoch_file.h"
#include "server/keys/epoch_key.h"
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

static int64_t scripted_now(void *context)
{
    return ((struct place *)context)->now_ms;
}

static int set_up(void **state)
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
static size_t walk(const struct place *place, void (*each)(const char *path, void *context), void *context)
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

static void remove_path(const char *path, void *context)
{
    (void)context;
    unlink(path);
}

static int tear_down(void **state)
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

static struct result reopen(struct place *place)
{
    epoch_store_close(place->store);
    place->store = NULL;
    return epoch_store_open(place->folder, master, place->errors, &place->store);
}

static bool tick_at(struct place *place, int64_t now_s)
{
    struct keeper_settings settings = { place->store, &place->clock, hourly, place->suite };
    place->now_ms = now_s * 1000;
    return keeper_tick(&settings);
}

/* The key of an epoch of hmac-sha256. */
static struct result key_of(const struct place *place, const char *id, int64_t now_ms, struct epoch *epoch,
                            uint8_t bytes[PLATESIEVE_KEY_BYTES])
{
    struct epoch_key *key;
    TRY(epoch_store_borrow(place->store, id, PLATESIEVE_HMAC_SHA256, now_ms, epoch, &key));
    memcpy(bytes, epoch_key_bytes(key), PLATESIEVE_KEY_BYTES);
    assert_null(epoch_key_pair(key));
    epoch_key_give_back(key);
    return OK;
}

static void write_file(const struct place *place, const char *name, const void *bytes, size_t size)
{
    char path[400];
    snprintf(path, sizeof path, "%s/%s", place->folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fwrite(bytes, 1, size, file);
    fclose(file);
}

static void test_keys_survive_a_restart(void **state)
{
    struct place *place = *state;
    struct epoch epochs[LIMIT_EPOCHS_KNOWN], epoch;
    uint8_t before[PLATESIEVE_KEY_BYTES], after[PLATESIEVE_KEY_BYTES], second[PLATESIEVE_KEY_BYTES];
    assert_true(tick_at(place, NOON));
    assert_int_equal(epoch_store_list(place->store, epochs), 2);
    assert_int_equal(epochs[0].number, schedule_number(NOON)); /* goes on if the store is ever lost */
    assert_string_equal(epochs[0].id, "20261122T120000Z");
    assert_string_equal(epochs[1].id, "20261122T130000Z");
    assert_ok(key_of(place, epochs[0].id, place->now_ms, &epoch, before));
    assert_ok(key_of(place, epochs[1].id, place->now_ms, &epoch, second));
    assert_memory_not_equal(before, second, sizeof before);
    assert_ok(reopen(place));
    assert_ok(key_of(place, epochs[0].id, place->now_ms, &epoch, after));
    assert_memory_equal(before, after, sizeof before);
    assert_memory_equal(epoch.key_id, epochs[0].key_id, sizeof epoch.key_id);
    assert_true(tick_at(place, NOON + 1)); /* nothing new */
    assert_int_equal(epoch_store_list(place->store, epochs), 2);
}

static void test_gone_and_not_found(void **state)
{
    struct place *place = *state;
    struct epoch epoch;
    uint8_t key[PLATESIEVE_KEY_BYTES];
    assert_true(tick_at(place, NOON));
    assert_ok(key_of(place, "20261122T120000Z", (NOON + 4200) * 1000 - 1, &epoch, key));
    assert_fails(key_of(place, "20261122T120000Z", (NOON + 4200) * 1000, &epoch, key), REASON_GONE);
    assert_fails(key_of(place, "20261122T110000Z", NOON * 1000, &epoch, key), REASON_NOT_FOUND);
    assert_fails(key_of(place, "", NOON * 1000, &epoch, key), REASON_NOT_FOUND);
}

struct search {
    const uint8_t *needle;
    bool found;
};

static void search_file(const char *path, void *context)
{
    struct search *search = context;
    uint8_t bytes[8192];
    FILE *file = fopen(path, "r");
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    if (memmem(bytes, size, search->needle, PLATESIEVE_KEY_BYTES) != NULL) search->found = true;
}

static void test_erased_on_time(void **state)
{
    struct place *place = *state;
    struct epoch epochs[LIMIT_EPOCHS_KNOWN], epoch;
    uint8_t key[PLATESIEVE_KEY_BYTES];
    assert_true(tick_at(place, NOON));
    assert_ok(key_of(place, "20261122T120000Z", place->now_ms, &epoch, key));
    struct search search = { key, false };
    walk(place, search_file, &search);
    assert_false(search.found); /* sealed, not in clear */

    char path[400], name[EPOCH_FILE_NAME_SIZE];
    epoch_file_name(&epoch, name);
    snprintf(path, sizeof path, "%s/%s", place->folder, name);
    int held = open(path, O_RDONLY); /* as an undelete tool would: the bytes themselves are gone, not only the name */
    assert_true(held >= 0);
    assert_true(tick_at(place, NOON + 3600 + 1199));
    assert_int_equal(access(path, F_OK), 0);
    assert_true(tick_at(place, NOON + 3600 + 1200));
    assert_int_not_equal(access(path, F_OK), 0);
    uint8_t bytes[256], zeros[256] = { 0 };
    ssize_t size = read(held, bytes, sizeof bytes);
    close(held);
    assert_true(size > PLATESIEVE_KEY_BYTES);
    assert_memory_equal(bytes, zeros, (size_t)size);

    assert_ok(reopen(place));
    assert_int_equal(epoch_store_list(place->store, epochs), 3);
    assert_true(epochs[0].erased);
    assert_int_equal(epochs[0].span.destroyed_s, NOON + 3600 + 1200);
    assert_fails(key_of(place, "20261122T120000Z", NOON * 1000, &epoch, key),
                 REASON_GONE); /* also with the clock set back */
}

static void test_erased_late_when_nobody_was_there(void **state)
{
    struct place *place = *state;
    struct epoch epochs[LIMIT_EPOCHS_KNOWN];
    assert_true(tick_at(place, NOON));
    assert_ok(reopen(place));
    assert_true(tick_at(place, NOON + 86400));
    size_t count = epoch_store_list(place->store, epochs);
    assert_int_equal(count, 4);
    assert_true(epochs[0].erased && epochs[1].erased && !epochs[2].erased && !epochs[3].erased);
    assert_int_equal(epochs[0].span.destroyed_s, NOON + 86400); /* when it really was */
    assert_int_equal(epochs[2].number, schedule_number(NOON + 86400));
    assert_string_equal(epochs[2].id, "20261123T120000Z");
}

static void test_eight_erased_are_remembered(void **state)
{
    struct place *place = *state;
    struct epoch epochs[LIMIT_EPOCHS_KNOWN];
    for (int hour = 0; hour < 30; hour++) assert_true(tick_at(place, NOON + hour * 3600 + 1200));
    size_t count = epoch_store_list(place->store, epochs), erased = 0;
    for (size_t i = 0; i < count; i++) {
        erased += epochs[i].erased;
        assert_int_equal(epochs[i].number, epochs[0].number + i * 3600 / SCHEDULE_NUMBER_S);
    }
    assert_int_equal(erased, SCHEDULE_ERASED_KEPT);
    assert_int_equal(epochs[count - 1].number, schedule_number(NOON + 30 * 3600));
    assert_int_equal(walk(place, NULL, NULL), count + 2); /* store and lock */
}

static void test_a_clock_set_back_makes_nothing_twice(void **state)
{
    struct place *place = *state;
    struct epoch before[LIMIT_EPOCHS_KNOWN], after[LIMIT_EPOCHS_KNOWN];
    assert_true(tick_at(place, NOON + 10));
    size_t count = epoch_store_list(place->store, before);
    assert_true(tick_at(place, NOON - 20)); /* the epoch before was never made: now it is wanted */
    assert_true(tick_at(place, NOON + 20));
    assert_int_equal(epoch_store_list(place->store, after), count + 1);
    assert_memory_equal(after[1].key_id, before[0].key_id, sizeof before[0].key_id);
    assert_memory_equal(after[2].key_id, before[1].key_id, sizeof before[1].key_id);
    assert_ok(reopen(place));
}

static void test_cut_off_while_erasing(void **state)
{
    struct place *place = *state;
    struct epoch epochs[LIMIT_EPOCHS_KNOWN], gone;
    assert_true(tick_at(place, NOON));
    epoch_store_list(place->store, epochs);
    gone = epochs[0];
    gone.erased = true;
    assert_ok(epoch_file_write(place->folder, master, &gone, NULL)); /* and then the power failed */
    assert_ok(reopen(place));
    assert_int_equal(epoch_store_list(place->store, epochs), 2);
    assert_true(epochs[0].erased);
    assert_int_equal(walk(place, NULL, NULL), 4);
}

static void test_cut_off_while_making(void **state)
{
    struct place *place = *state;
    assert_true(tick_at(place, NOON));
    write_file(place, "0000000003-20261122T140000Z.key.new", "half", 4);
    assert_ok(reopen(place));
    assert_int_equal(walk(place, NULL, NULL), 4);
}

static void test_foreign_files(void **state)
{
    static const char *const names[] = { "notes.txt",
                                         "0000000003-20261122T140000Z.key",
                                         "3-20261122T140000Z.key",
                                         "0000000003-20261122T140000Z.bak",
                                         "0000000001-20261122T120000Z.key.old",
                                         "x.new" };
    struct place *place = *state;
    assert_true(tick_at(place, NOON));
    write_file(place, ".made", "", 0);
    assert_ok(reopen(place)); /* hidden files are others' business */
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        char path[400];
        write_file(place, names[i], "foreign", 7);
        if (!failed(reopen(place))) fail_msg("%s was passed over", names[i]);
        snprintf(path, sizeof path, "%s/%s", place->folder, names[i]);
        assert_int_equal(unlink(path), 0); /* it is still there: nothing was cleaned up */
    }
    assert_ok(reopen(place));
}

static void flip_byte(const char *path, long at)
{
    FILE *file = fopen(path, "r+");
    fseek(file, at, SEEK_SET);
    int byte = fgetc(file);
    fseek(file, at, SEEK_SET);
    fputc(byte ^ 1, file);
    fclose(file);
}

static void test_every_flipped_byte_is_noticed(void **state)
{
    struct place *place = *state;
    struct epoch epochs[LIMIT_EPOCHS_KNOWN];
    char path[400], name[EPOCH_FILE_NAME_SIZE];
    assert_true(tick_at(place, NOON));
    epoch_store_list(place->store, epochs);
    epoch_file_name(&epochs[0], name);
    snprintf(path, sizeof path, "%s/%s", place->folder, name);
    for (long at = 0; at < 113; at++) {
        flip_byte(path, at);
        assert_fails(reopen(place), REASON_INTERNAL);
        flip_byte(path, at);
    }
    assert_ok(reopen(place));
}

static void test_one_epoch_can_not_stand_in_for_another(void **state)
{
    struct place *place = *state;
    struct epoch epochs[LIMIT_EPOCHS_KNOWN];
    char first[400], second[400], name[EPOCH_FILE_NAME_SIZE];
    assert_true(tick_at(place, NOON));
    epoch_store_list(place->store, epochs);
    epoch_file_name(&epochs[0], name);
    snprintf(first, sizeof first, "%s/%s", place->folder, name);
    epoch_file_name(&epochs[1], name);
    snprintf(second, sizeof second, "%s/%s", place->folder, name);
    assert_int_equal(rename(first, second), 0);
    assert_fails(reopen(place), REASON_INTERNAL);
}

static void test_master_key_and_mark(void **state)
{
    struct place *place = *state;
    struct epoch_store *store = NULL;
    assert_true(tick_at(place, NOON));
    assert_fails(epoch_store_create(place->folder, master, place->errors),
                 REASON_INTERNAL); /* never over one that is there */
    assert_fails(epoch_store_open(place->folder, master, place->errors, &store), REASON_INTERNAL); /* locked */
    epoch_store_close(place->store);
    place->store = NULL;
    assert_fails(epoch_store_open(place->folder, other_master, place->errors, &store), REASON_INTERNAL);
    assert_ok(epoch_store_open(place->folder, master, place->errors, &place->store));
    char path[400];
    snprintf(path, sizeof path, "%s/store", place->folder);
    unlink(path);
    assert_fails(reopen(place), REASON_INTERNAL);
}

/* -- the second suite -------------------------------------------------------------------------- */

static struct epoch_key *borrow(const struct place *place, const char *id)
{
    struct epoch epoch;
    struct epoch_key *key;
    assert_ok(epoch_store_borrow(place->store, id, VOPRF, place->now_ms, &epoch, &key));
    assert_null(epoch_key_bytes(key));
    struct platesieve_element public_key = platesieve_voprf_public_key(epoch_key_pair(key));
    assert_memory_equal(&public_key, &epoch.public_key, sizeof public_key);
    return key;
}

static void assert_named(const struct epoch *epoch)
{
    uint8_t key_id[PLATESIEVE_KEY_ID_BYTES];
    assert_false(platesieve_failed(platesieve_voprf_key_id(&epoch->public_key, key_id)));
    assert_memory_equal(key_id, epoch->key_id, sizeof key_id);
}

static void test_pairs_survive_a_restart_and_suites_live_side_by_side(void **state)
{
    struct place *place = *state;
    struct epoch before[LIMIT_EPOCHS_KNOWN], after[LIMIT_EPOCHS_KNOWN], epoch;
    struct epoch_key *key;
    uint8_t bytes[PLATESIEVE_KEY_BYTES];
    assert_true(tick_at(place, NOON));
    place->suite = VOPRF; /* for epochs made from now on */
    assert_true(tick_at(place, NOON + 3600));
    size_t count = epoch_store_list(place->store, before);
    assert_int_equal(count, 3);
    assert_ok(epoch_store_reschedule(place->store, before[count - 1].number, before[count - 1].span.closes_s - 60,
                                     before[count - 1].span.destroyed_s - 30));
    before[count - 1].span.closes_s -= 60;
    before[count - 1].span.destroyed_s -= 30;
    assert_ok(reopen(place));
    assert_int_equal(epoch_store_list(place->store, after), count);
    assert_memory_equal(before, after, count * sizeof before[0]);
    assert_int_equal(after[1].suite, PLATESIEVE_HMAC_SHA256);
    assert_true(sodium_is_zero(after[1].public_key.bytes, sizeof after[1].public_key.bytes));
    assert_int_equal(after[2].suite, VOPRF);
    assert_named(&after[2]);
    assert_ok(key_of(place, after[1].id, place->now_ms, &epoch, bytes));
    epoch_key_give_back(borrow(place, after[2].id));
    assert_fails(key_of(place, after[2].id, place->now_ms, &epoch, bytes), REASON_SUITE);
    assert_fails(epoch_store_borrow(place->store, after[1].id, VOPRF, place->now_ms, &epoch, &key),
                 REASON_SUITE);
    assert_fails(epoch_store_borrow(place->store, after[2].id, VOPRF,
                                    after[2].span.closes_s * 1000, &epoch, &key), REASON_GONE);
}

static void test_erased_pairs_leave_their_public_key(void **state)
{
    struct place *place = *state;
    struct epoch before[LIMIT_EPOCHS_KNOWN], after[LIMIT_EPOCHS_KNOWN], epoch;
    struct epoch_key *key;
    place->suite = VOPRF;
    assert_true(tick_at(place, NOON));
    epoch_store_list(place->store, before);
    assert_true(tick_at(place, NOON + 86400));
    for (int turn = 0; turn < 2; turn++) {
        epoch_store_list(place->store, after);
        assert_true(after[0].erased);
        assert_memory_equal(&after[0].public_key, &before[0].public_key, sizeof before[0].public_key);
        assert_named(&after[0]);
        assert_fails(epoch_store_borrow(place->store, after[0].id, VOPRF, NOON * 1000, &epoch, &key),
                     REASON_GONE);
        assert_ok(reopen(place));
    }
}

struct erasing {
    struct place *place;
    uint64_t number;
    atomic_bool done;
};

static void *erase(void *context)
{
    struct erasing *erasing = context;
    assert_ok(epoch_store_erase(erasing->place->store, erasing->number, NOON + 86400));
    atomic_store(&erasing->done, true);
    return NULL;
}

static void test_erasure_waits_for_an_evaluation(void **state)
{
    struct place *place = *state;
    struct epoch epochs[LIMIT_EPOCHS_KNOWN], epoch;
    struct epoch_key *other;
    pthread_t thread;
    place->suite = VOPRF;
    assert_true(tick_at(place, NOON));
    epoch_store_list(place->store, epochs);
    struct erasing erasing = { .place = place, .number = epochs[0].number };
    struct epoch_key *first = borrow(place, epochs[0].id), *second = borrow(place, epochs[0].id);
    assert_int_equal(pthread_create(&thread, NULL, erase, &erasing), 0);
    while (epoch_store_borrow(place->store, epochs[0].id, VOPRF, place->now_ms, &epoch,
                              &other).reason == REASON_NONE)
        epoch_key_give_back(other); /* until the erasure began: from then on nobody gets it */
    epoch_key_give_back(first);
    usleep(20000);
    assert_false(atomic_load(&erasing.done));
    struct platesieve_element public_key = platesieve_voprf_public_key(epoch_key_pair(second));
    assert_memory_equal(&public_key, &epochs[0].public_key, sizeof public_key); /* still there for who has it */
    epoch_key_give_back(second);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(atomic_load(&erasing.done));
}

static void test_a_pair_under_another_name_is_noticed(void **state)
{
    struct place *place = *state;
    struct epoch epochs[LIMIT_EPOCHS_KNOWN], wrong;
    uint8_t seed[PLATESIEVE_SEED_BYTES] = { 5 };
    place->suite = VOPRF;
    assert_true(tick_at(place, NOON));
    epoch_store_list(place->store, epochs);
    assert_ok(epoch_file_write(place->folder, master, &epochs[0], seed)); /* another seed than the key id says */
    assert_fails(reopen(place), REASON_INTERNAL);
    wrong = epochs[0];
    assert_ok(epoch_file_erase(place->folder, &wrong));
    wrong.erased = true;
    wrong.public_key = epochs[1].public_key;
    assert_ok(epoch_file_write(place->folder, master, &wrong, NULL));
    assert_fails(reopen(place), REASON_INTERNAL);
    wrong.public_key = epochs[0].public_key;
    assert_ok(epoch_file_write(place->folder, master, &wrong, NULL));
    assert_ok(reopen(place));
}

#define WITH_PLACE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

/* -- shares -------------------------------------------------------------------------------------------------------- */

static void give_share(struct place *place, unsigned server)
{
    struct share share = { .server = server, .ceremony = "ceremony-of-test" };
    uint8_t seeds[PLATESIEVE_KEY_SERVERS][PLATESIEVE_SEED_BYTES];
    for (unsigned i = 0; i < PLATESIEVE_KEY_SERVERS; i++) memset(seeds[i], (int)i + 1, sizeof seeds[i]);
    seed_tree_plant(&share.lower, seeds[server == 1 ? 1 : 0]);
    seed_tree_plant(&share.higher, seeds[server == 3 ? 1 : 2]);
    epoch_store_close(place->store);
    place->store = NULL;
    assert_ok(epoch_store_give_share(place->folder, master, &share, place->errors));
    assert_ok(epoch_store_open(place->folder, master, place->errors, &place->store));
    place->suite = VOPRF;
}

/* The epochs of this store have keys as before; new ones have shares, the same after a restart. */
static void test_shares(void **state)
{
    struct place *place = *state;
    struct epoch before[LIMIT_EPOCHS_KNOWN], after[LIMIT_EPOCHS_KNOWN];
    place->suite = VOPRF;
    assert_true(tick_at(place, NOON));
    size_t whole = epoch_store_list(place->store, before);
    assert_false(epoch_store_shares(place->store));
    give_share(place, 2);
    assert_true(epoch_store_shares(place->store));
    assert_int_equal(epoch_store_server(place->store), 2);
    assert_true(tick_at(place, NOON + 3 * 3600));
    size_t count = epoch_store_list(place->store, before);
    assert_true(count > whole);
    for (size_t i = 0; i < count; i++) assert_int_equal(before[i].server, i < whole ? 0 : 2);
    assert_ok(reopen(place));
    assert_int_equal(epoch_store_list(place->store, after), count);
    assert_memory_equal(before, after, count * sizeof before[0]);
}

/* Three stores, one line: the epochs of servers that were started at other times belong together. */
static void test_shares_of_three(void **state)
{
    struct place *place = *state, *others[2];
    struct epoch of[3][LIMIT_EPOCHS_KNOWN];
    struct platesieve_element keys[3];
    assert_int_equal(set_up((void **)&others[0]), 0);
    assert_int_equal(set_up((void **)&others[1]), 0);
    struct place *places[3] = { place, others[0], others[1] };
    for (unsigned i = 0; i < 3; i++) {
        give_share(places[i], i + 1);
        if (i != 1) assert_true(tick_at(places[i], NOON - 7200 - i * 5));
        assert_true(tick_at(places[i], NOON + i * 7));
        size_t count = epoch_store_list(places[i]->store, of[i]);
        of[i][0] = of[i][count - 1]; /* the latest */
    }
    for (unsigned i = 1; i < 3; i++) {
        assert_string_equal(of[i][0].id, of[0][0].id);
        assert_int_equal(of[i][0].number, of[0][0].number);
    }
    for (unsigned i = 0; i < 3; i++) {
        unsigned k = (i + 1) % 3;
        assert_int_equal(platesieve_voprf_combine(i + 1, &of[i][0].public_key, k + 1, &of[k][0].public_key, &keys[i]).reason,
                         PLATESIEVE_OK);
        assert_memory_equal(&keys[i], &keys[0], sizeof keys[0]);
    }
    assert_int_equal(tear_down((void **)&others[0]), 0);
    assert_int_equal(tear_down((void **)&others[1]), 0);
}

/* What was erased can't be made again, by whoever has the files and the master key. */
static void test_shares_are_forgotten(void **state)
{
    struct place *place = *state;
    struct epoch epochs[LIMIT_EPOCHS_KNOWN], added;
    uint8_t secret[SHARE_SECRET_BYTES];
    struct share *share = calloc(1, sizeof *share);
    give_share(place, 1);
    assert_true(tick_at(place, NOON));
    assert_ok(share_load(place->folder, master, share));
    assert_ok(share_secret(share, NOON, secret));
    assert_true(tick_at(place, NOON + 5 * 3600));
    assert_ok(share_load(place->folder, master, share));
    assert_int_equal(share_secret(share, NOON, secret).reason, REASON_GONE);
    assert_int_equal(share_secret(share, NOON - 3600, secret).reason, REASON_GONE);
    size_t count = epoch_store_list(place->store, epochs);
    for (size_t i = 0; i < count; i++) /* those that live have all that they need */
        assert_int_equal(share_secret(share, epochs[i].span.opens_s, secret).reason,
                         epochs[i].erased ? REASON_GONE : REASON_NONE);
    assert_ok(reopen(place));
    struct span span = { NOON - 3600, NOON, NOON };
    assert_int_equal(epoch_store_add(place->store, &span, VOPRF, &added).reason, REASON_GONE);
    assert_int_equal(epoch_store_list(place->store, epochs), count);
    free(share);
}

static void test_a_broken_share(void **state)
{
    struct place *place = *state;
    char path[100];
    give_share(place, 3);
    epoch_store_close(place->store);
    place->store = NULL;
    struct share *share = calloc(1, sizeof *share);
    assert_int_equal(epoch_store_give_share(place->folder, other_master, share, place->errors).reason, REASON_INTERNAL);
    free(share);
    snprintf(path, sizeof path, "%s/share", place->folder);
    assert_int_equal(truncate(path, 100), 0);
    assert_int_equal(epoch_store_open(place->folder, master, place->errors, &place->store).reason, REASON_INTERNAL);
}

/* Who shared keys does not go on with whole ones; with another share it does. */
static void test_a_missing_share(void **state)
{
    struct place *place = *state;
    char path[100];
    give_share(place, 2);
    assert_true(tick_at(place, NOON));
    epoch_store_close(place->store);
    place->store = NULL;
    snprintf(path, sizeof path, "%s/share", place->folder);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(epoch_store_open(place->folder, master, place->errors, &place->store).reason, REASON_INTERNAL);
    give_share(place, 2);
    assert_true(epoch_store_shares(place->store));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PLACE(test_keys_survive_a_restart),
        WITH_PLACE(test_gone_and_not_found),
        WITH_PLACE(test_erased_on_time),
        WITH_PLACE(test_erased_late_when_nobody_was_there),
        WITH_PLACE(test_eight_erased_are_remembered),
        WITH_PLACE(test_a_clock_set_back_makes_nothing_twice),
        WITH_PLACE(test_cut_off_while_erasing),
        WITH_PLACE(test_cut_off_while_making),
        WITH_PLACE(test_foreign_files),
        WITH_PLACE(test_every_flipped_byte_is_noticed),
        WITH_PLACE(test_one_epoch_can_not_stand_in_for_another),
        WITH_PLACE(test_master_key_and_mark),
        WITH_PLACE(test_pairs_survive_a_restart_and_suites_live_side_by_side),
        WITH_PLACE(test_erased_pairs_leave_their_public_key),
        WITH_PLACE(test_erasure_waits_for_an_evaluation),
        WITH_PLACE(test_a_pair_under_another_name_is_noticed),
        WITH_PLACE(test_shares),
        WITH_PLACE(test_shares_of_three),
        WITH_PLACE(test_shares_are_forgotten),
        WITH_PLACE(test_a_broken_share),
        WITH_PLACE(test_a_missing_share),
    };
    if (platesieve_failed(platesieve_init())) return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
