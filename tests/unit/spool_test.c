/* The spool: what was acknowledged is there after whatever happened, and reaches the database once it takes it. */
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/gate/spool/record.h"
#include "server/gate/spool/spool.h"
#include "tests/unit/unit.h"

#define WAIT_ROUNDS 2000 /* of 5 ms */

struct fixture {
    char folder[64];
    uint8_t key[32];
    atomic_bool database_up;
    pthread_mutex_t lock;
    size_t carried;
    uint8_t first[256][16];
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    assert_true(sodium_init() >= 0);
    (void)snprintf(fixture->folder, sizeof fixture->folder, "/tmp/spool-test-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    randombytes_buf(fixture->key, sizeof fixture->key);
    assert_int_equal(pthread_mutex_init(&fixture->lock, NULL), 0);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    static const char *const names[] = { "spool.sqlite", "spool.sqlite-wal", "spool.sqlite-shm" };
    struct fixture *fixture = *state;
    char path[128];

    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        (void)snprintf(path, sizeof path, "%s/%s", fixture->folder, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(fixture->folder);
    free(fixture);
    return 0;
}

static struct result carry(void *context, const struct sighting *sightings, size_t count)
{
    struct fixture *fixture = context;

    if (!atomic_load(&fixture->database_up)) return FAIL(REASON_DATABASE);
    (void)pthread_mutex_lock(&fixture->lock);
    for (size_t i = 0; i < count && fixture->carried + i < ARRAY_LENGTH(fixture->first); i++)
        memcpy(fixture->first[fixture->carried + i], sightings[i].id, 16);
    fixture->carried += count;
    (void)pthread_mutex_unlock(&fixture->lock);
    return OK;
}

static struct spool *spool_of(struct fixture *fixture, uint64_t bytes_max)
{
    struct spool_settings settings = { fixture->folder, fixture->key, bytes_max };
    struct spool *spool = NULL;

    assert_ok(spool_open(&settings, carry, fixture, &spool));
    return spool;
}

static struct sighting sighting_numbered(uint32_t number)
{
    struct sighting sighting = { .entry = number, .list = 7, .seen_ms = 1900000000000, .confidence = 0.5f, .site = "north", .lane = "1" };
    memcpy(sighting.id, &number, sizeof number);
    memcpy(sighting.hit, &number, sizeof number);
    return sighting;
}

struct acknowledgement {
    atomic_int ok, refused;
};

static void acknowledge(void *context, struct result result)
{
    struct acknowledgement *acknowledgement = context;
    atomic_fetch_add(failed(result) ? &acknowledgement->refused : &acknowledgement->ok, 1);
}

static bool wait_for(bool (*holds)(void *), void *context)
{
    for (int i = 0; i < WAIT_ROUNDS; i++) {
        if (holds(context)) return true;
        (void)usleep(5000);
    }
    return false;
}

static bool one_answered(void *context)
{
    struct acknowledgement *acknowledgement = context;
    return atomic_load(&acknowledgement->ok) + atomic_load(&acknowledgement->refused) > 0;
}

static enum reason append_and_wait(struct spool *spool, uint32_t number)
{
    struct acknowledgement acknowledgement = { 0 };
    struct sighting sighting = sighting_numbered(number);

    spool_append(spool, &sighting, 1, NULL, acknowledge, &acknowledgement);
    assert_true(wait_for(one_answered, &acknowledgement));
    return atomic_load(&acknowledgement.ok) == 1 ? REASON_NONE : REASON_SPOOL;
}

static void a_record_is_what_went_in(void **state)
{
    struct fixture *fixture = *state;
    struct sighting sighting = sighting_numbered(9), opened;
    uint8_t record[SPOOL_RECORD_BYTES];

    sighting.grade = PLATESIEVE_SIMILAR;
    sighting.candidate = 3;
    sighting.covert = true;
    sighting.age_s = 77;
    spool_record_seal(fixture->key, &sighting, record);
    assert_true(spool_record_open(fixture->key, record, sizeof record, &opened));
    assert_memory_equal(opened.id, sighting.id, 16);
    assert_true(opened.entry == 9 && opened.grade == PLATESIEVE_SIMILAR && opened.candidate == 3 && opened.covert && opened.age_s == 77);
    assert_true(opened.seen_ms == sighting.seen_ms && opened.confidence == 0.5f);
    assert_string_equal(opened.site, "north");
    assert_false(spool_record_open(fixture->key, record, sizeof record - 1, &opened));
    for (size_t i = 0; i < sizeof record; i++) {
        record[i] ^= 1;
        assert_false(spool_record_open(fixture->key, record, sizeof record, &opened));
        record[i] ^= 1;
    }
}

static bool all_drained(void *context)
{
    struct spool_state state;
    spool_state(context, &state);
    return state.depth == 0;
}

struct changed {
    pthread_t by;
    struct acknowledgement acknowledgement;
};

static void change(void *context, struct sighting *sightings, size_t count)
{
    struct changed *changed = context;

    changed->by = pthread_self();
    for (size_t i = 0; i < count; i++) sightings[i].id[0] = (uint8_t)~sightings[i].id[0];
}

static void acknowledge_changed(void *context, struct result result)
{
    struct changed *changed = context;
    acknowledge(&changed->acknowledgement, result);
}

/* What takes time is done by the writer, and what it makes of a sighting is what is kept. */
static void a_sighting_is_changed_before_it_is_sealed(void **state)
{
    struct fixture *fixture = *state;
    struct spool *spool = spool_of(fixture, 1 << 26);
    const struct sighting sighting = sighting_numbered(5);
    struct changed changed = { .by = pthread_self() };

    atomic_store(&fixture->database_up, true);
    spool_append_later(spool, &sighting, 1, change, acknowledge_changed, &changed);
    assert_true(wait_for(one_answered, &changed.acknowledgement));
    assert_true(wait_for(all_drained, spool));
    assert_false(pthread_equal(changed.by, pthread_self()));
    assert_int_equal(fixture->carried, 1);
    assert_int_equal(fixture->first[0][0], (uint8_t)~sighting.id[0]);
    assert_memory_equal(fixture->first[0] + 1, sighting.id + 1, 15);
    spool_close(spool, 0);
}

static void it_waits_for_the_database_and_keeps_the_order(void **state)
{
    struct fixture *fixture = *state;
    struct spool *spool = spool_of(fixture, 1 << 24);
    struct spool_state seen;

    for (uint32_t i = 0; i < 20; i++) assert_int_equal(append_and_wait(spool, i), REASON_NONE);
    spool_state(spool, &seen);
    assert_int_equal(seen.depth, 20);
    assert_true(seen.oldest_ms > 0);
    assert_int_equal(fixture->carried, 0);
    atomic_store(&fixture->database_up, true);
    assert_true(wait_for(all_drained, spool));
    assert_int_equal(fixture->carried, 20);
    for (uint32_t i = 0; i < 20; i++) assert_memory_equal(fixture->first[i], sighting_numbered(i).id, 16);
    spool_close(spool, 0);
}

static void what_was_not_drained_is_there_after_a_restart(void **state)
{
    struct fixture *fixture = *state;
    struct spool *spool = spool_of(fixture, 1 << 24);

    assert_int_equal(append_and_wait(spool, 5), REASON_NONE);
    spool_close(spool, 0);
    atomic_store(&fixture->database_up, true);
    spool = spool_of(fixture, 1 << 24);
    assert_true(wait_for(all_drained, spool));
    assert_int_equal(fixture->carried, 1);
    spool_close(spool, 100);
}

/* The child says on a pipe which records were acknowledged and is killed in the middle of it. */
static void killed_in_the_middle_it_lost_nothing_acknowledged(void **state)
{
    struct fixture *fixture = *state;
    int channel[2];
    uint32_t last = 0, number;

    assert_int_equal(pipe(channel), 0);
    pid_t child = fork();
    if (child == 0) {
        struct spool *spool = spool_of(fixture, 1 << 24);
        for (uint32_t i = 1; append_and_wait(spool, i) == REASON_NONE; i++)
            if (write(channel[1], &i, sizeof i) != sizeof i) break;
        _exit(1);
    }
    (void)close(channel[1]);
    while (last < 50 && read(channel[0], &number, sizeof number) == sizeof number) last = number;
    assert_int_equal(kill(child, SIGKILL), 0);
    while (read(channel[0], &number, sizeof number) == sizeof number) last = number;
    assert_int_equal(waitpid(child, NULL, 0), child);
    (void)close(channel[0]);
    assert_true(last >= 50);
    atomic_store(&fixture->database_up, true);
    struct spool *spool = spool_of(fixture, 1 << 24);
    assert_true(wait_for(all_drained, spool));
    assert_true(fixture->carried >= last);
    spool_close(spool, 100);
}

static bool accepts(void *context)
{
    return spool_accepts(context);
}

static void full_it_refuses_and_after_draining_it_takes_again(void **state)
{
    struct fixture *fixture = *state;
    struct spool *spool = spool_of(fixture, 65536);
    uint32_t stored = 0;

    while (stored < 5000 && append_and_wait(spool, stored) == REASON_NONE) stored++;
    assert_in_range(stored, 10, 4999);
    assert_false(spool_accepts(spool));
    atomic_store(&fixture->database_up, true);
    assert_true(wait_for(accepts, spool));
    assert_true(wait_for(all_drained, spool));
    assert_int_equal(fixture->carried, stored);
    assert_int_equal(append_and_wait(spool, 6000), REASON_NONE);
    spool_close(spool, 100);
}

static void another_key_or_a_second_daemon_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct spool *spool = spool_of(fixture, 1 << 24), *second = NULL;
    uint8_t other[32] = { 1 };
    struct spool_settings same = { fixture->folder, fixture->key, 1 << 24 }, foreign = { fixture->folder, other, 1 << 24 };

    assert_int_equal(append_and_wait(spool, 1), REASON_NONE);
    assert_fails(spool_open(&same, carry, fixture, &second), REASON_INTERNAL);
    assert_null(second);
    spool_close(spool, 0);
    assert_fails(spool_open(&foreign, carry, fixture, &second), REASON_INTERNAL);
}

static void the_file_holds_nothing_readable(void **state)
{
    struct fixture *fixture = *state;
    struct spool *spool = spool_of(fixture, 1 << 24);
    char path[128];
    struct stat info;

    assert_int_equal(append_and_wait(spool, 1), REASON_NONE);
    spool_close(spool, 0);
    (void)snprintf(path, sizeof path, "%s/spool.sqlite", fixture->folder);
    assert_int_equal(stat(path, &info), 0);
    char *bytes = malloc((size_t)info.st_size);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fread(bytes, 1, (size_t)info.st_size, file), info.st_size);
    assert_null(memmem(bytes, (size_t)info.st_size, "north", 5));
    (void)fclose(file);
    free(bytes);
}

/* -- a disk whose sync fails ------------------------------------------------------------------------------------------------------ */

static struct {
    struct {
        const sqlite3_io_methods *real;
        sqlite3_io_methods ours;
    } kinds[2];                  /* the log, the file */
    atomic_bool log_fails, main_fails;
    atomic_int writes_after;     /* to any file, after a sync failed */
    atomic_bool failed;
} disk;

static bool is_main(const sqlite3_file *file)
{
    return file->pMethods == &disk.kinds[1].ours;
}

static int disk_sync(sqlite3_file *file, int flags)
{
    if (!atomic_load(is_main(file) ? &disk.main_fails : &disk.log_fails)) return disk.kinds[is_main(file)].real->xSync(file, flags);
    atomic_store(&disk.failed, true);
    return SQLITE_IOERR_FSYNC;
}

static int disk_write(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 at)
{
    if (atomic_load(&disk.failed)) atomic_fetch_add(&disk.writes_after, 1);
    return disk.kinds[is_main(file)].real->xWrite(file, bytes, size, at);
}

static int disk_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
    sqlite3_vfs *base = vfs->pAppData;
    int code = base->xOpen(base, name, file, flags, out);

    if (code != SQLITE_OK || file->pMethods == NULL) return code;
    size_t kind = (flags & SQLITE_OPEN_MAIN_DB) != 0;
    disk.kinds[kind].real = file->pMethods;
    disk.kinds[kind].ours = *file->pMethods;
    disk.kinds[kind].ours.xSync = disk_sync;
    disk.kinds[kind].ours.xWrite = disk_write;
    file->pMethods = &disk.kinds[kind].ours;
    return code;
}

static void with_failing_disk(void (*test)(struct fixture *fixture), struct fixture *fixture)
{
    sqlite3_vfs *base = sqlite3_vfs_find(NULL), failing = *base;

    failing.zName = "failing";
    failing.pAppData = base;
    failing.xOpen = disk_open;
    memset(&disk, 0, sizeof disk);
    assert_int_equal(sqlite3_vfs_register(&failing, 1), SQLITE_OK);
    test(fixture);
    assert_int_equal(sqlite3_vfs_register(base, 1), SQLITE_OK);
    assert_int_equal(sqlite3_vfs_unregister(&failing), SQLITE_OK);
}

static bool is_broken(void *context)
{
    struct spool_state state;
    spool_state(context, &state);
    return state.broken;
}

static void commit_fails(struct fixture *fixture)
{
    struct spool *spool = spool_of(fixture, 1 << 24);

    assert_int_equal(append_and_wait(spool, 1), REASON_NONE);
    atomic_store(&disk.log_fails, true);
    assert_int_equal(append_and_wait(spool, 2), REASON_SPOOL);
    atomic_store(&disk.log_fails, false); /* it seems well again: not to be believed */
    assert_true(is_broken(spool));
    assert_false(spool_accepts(spool));
    assert_int_equal(append_and_wait(spool, 3), REASON_SPOOL);
    spool_close(spool, 0);
    assert_int_equal(atomic_load(&disk.writes_after), 0);
}

/* The log is moved into the file now and then; SQLite's own way of doing that does not tell of a failure. */
static void moving_the_log_fails(struct fixture *fixture)
{
    struct spool *spool = spool_of(fixture, 1 << 26);
    struct sighting many[64];

    atomic_store(&disk.main_fails, true);
    for (uint32_t i = 0; i < 2000 && !atomic_load(&disk.failed); i++) {
        for (uint32_t j = 0; j < ARRAY_LENGTH(many); j++) many[j] = sighting_numbered(i * 64 + j);
        spool_append(spool, many, ARRAY_LENGTH(many), NULL, NULL, NULL);
        if (i % 64 == 63) assert_in_range(append_and_wait(spool, 1000000 + i), REASON_NONE, REASON_SPOOL);
    }
    assert_true(atomic_load(&disk.failed));
    assert_true(wait_for(is_broken, spool));
    assert_int_equal(append_and_wait(spool, 7), REASON_SPOOL);
    spool_close(spool, 0);
    assert_int_equal(atomic_load(&disk.writes_after), 0);
}

static void after_a_failed_sync_nothing_is_written(void **state)
{
    with_failing_disk(commit_fails, *state);
}

static void after_a_failed_sync_of_the_file_nothing_is_written(void **state)
{
    with_failing_disk(moving_the_log_fails, *state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_record_is_what_went_in, setup, teardown),
        cmocka_unit_test_setup_teardown(a_sighting_is_changed_before_it_is_sealed, setup, teardown),
        cmocka_unit_test_setup_teardown(it_waits_for_the_database_and_keeps_the_order, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_not_drained_is_there_after_a_restart, setup, teardown),
        cmocka_unit_test_setup_teardown(killed_in_the_middle_it_lost_nothing_acknowledged, setup, teardown),
        cmocka_unit_test_setup_teardown(full_it_refuses_and_after_draining_it_takes_again, setup, teardown),
        cmocka_unit_test_setup_teardown(another_key_or_a_second_daemon_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(the_file_holds_nothing_readable, setup, teardown),
        cmocka_unit_test_setup_teardown(after_a_failed_sync_nothing_is_written, setup, teardown),
        cmocka_unit_test_setup_teardown(after_a_failed_sync_of_the_file_nothing_is_written, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
