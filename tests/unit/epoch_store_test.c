/* The keys on disk: kept over a restart, erased on time or at the next start, and nothing foreign or broken is passed
   over. */
#include <fcntl.h>

#include "tests/unit/epoch_scene.h"

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
    };
    if (platesieve_failed(platesieve_init())) return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
