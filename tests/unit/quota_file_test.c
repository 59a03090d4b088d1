/* The book of quotas on disk: restarts, kills, damaged files, a full book. */
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/unit/quota_scene.h"

#define RECORDS_AT 4096
#define RECORD_BYTES 256
#define NAME_AT 64

/* -- restarts and damage --------------------------------------------------------------------------- */

static void test_restart(void **state)
{
    struct scene *scene = *state;
    struct stat about;
    assert_passes(scene, "reader/a/1", 1000);
    reopen(scene);
    assert_passes(scene, "reader/a/1", 1700);
    assert_waits(scene, "reader/a/1", 1, 60, QUOTA_MINUTE);
    assert_int_equal(stat(scene->file, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
}

/* A restart after a clock was set back over midnight finds nothing wrong. */
static void test_restart_after_clock_went_back(void **state)
{
    struct scene *scene = *state;
    now_ms = 20001 * DAY_MS + 1000;
    assert_passes(scene, "reader/a/1", 2000);
    now_ms -= 3600000;
    assert_passes(scene, "reader/a/1", 500);
    reopen(scene);
    assert_int_equal(used_in(scene, "reader/a/1", "day"), 2500);
}

static void test_killed(void **state)
{
    struct scene *scene = *state;
    quota_close(scene->book);
    pid_t child = fork();
    if (child == 0) {
        struct quota_refusal refusal;
        open_book(scene);
        for (unsigned i = 0; i < 10; i++)
            if (failed(charge(scene, "reader/a/1", 100, &refusal))) _exit(1);
        raise(SIGKILL);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    open_book(scene);
    assert_int_equal(used_in(scene, "reader/a/1", "day"), 1000);
}

static void damage(const struct scene *scene, off_t at, const void *bytes, size_t size)
{
    int fd = open(scene->file, O_WRONLY);
    assert_true(fd >= 0 && pwrite(fd, bytes, size, at) == (ssize_t)size);
    close(fd);
}

/* Where the record of NAME lies. */
static off_t record_of(const struct scene *scene, const char *name)
{
    char record[RECORD_BYTES];
    int fd = open(scene->file, O_RDONLY);
    for (off_t at = RECORDS_AT; pread(fd, record, sizeof record, at) == sizeof record; at += RECORD_BYTES) {
        if (strcmp(record + NAME_AT, name) != 0) continue;
        close(fd);
        return at;
    }
    fail_msg("no record");
    return 0;
}

static void assert_refused(struct scene *scene)
{
    struct quota_settings settings = { .side = QUOTA_AT_KEYS, .folder = scene->folder, .profiles = &scene->profiles, .clock = &scripted_clock };
    FILE *nowhere = fopen("/dev/null", "we");
    scene->book = NULL;
    assert_fails(quota_open(&settings, nowhere, &scene->book), REASON_SETTINGS);
    assert_null(scene->book);
    fclose(nowhere);
}

static void test_not_ours(void **state)
{
    struct scene *scene = *state;
    struct stat about;
    quota_close(scene->book);
    chmod(scene->file, 0640);
    assert_refused(scene);
    chmod(scene->file, 0600);
    damage(scene, 16, "\2", 1); /* version */
    assert_refused(scene);
    damage(scene, 0, "garbage", 7);
    assert_refused(scene);
    assert_int_equal(truncate(scene->file, 5000), 0);
    assert_refused(scene);
    assert_int_equal(truncate(scene->file, 0), 0);
    assert_refused(scene);
    assert_int_equal(stat(scene->file, &about), 0);
    assert_int_equal(about.st_size, 0); /* left as it was */
    assert_int_equal(unlink(scene->file), 0);
    assert_int_equal(symlink("/dev/zero", scene->file), 0);
    assert_refused(scene);
}

static void test_of_the_other_daemon(void **state)
{
    struct scene *scene = *state;
    struct quota_settings settings = { .side = QUOTA_AT_GATE, .folder = scene->folder, .profiles = &scene->profiles, .clock = &scripted_clock };
    FILE *nowhere = fopen("/dev/null", "we");
    struct quota_book *other = NULL;
    assert_fails(quota_open(&settings, nowhere, &other), REASON_SETTINGS);
    settings.side = QUOTA_AT_KEYS;
    assert_fails(quota_open(&settings, nowhere, &other), REASON_SETTINGS); /* in use */
    fclose(nowhere);
}

static void test_damaged_numbers_are_spent(void **state)
{
    struct scene *scene = *state;
    assert_passes(scene, "reader/a/1", 10);
    assert_passes(scene, "reader/a/2", 10);
    quota_close(scene->book);
    damage(scene, record_of(scene, "reader/a/1") + 7, "\x7f", 1); /* a minute of another time */
    open_book(scene);
    assert_waits(scene, "reader/a/1", 1, 43200, QUOTA_DAY);
    assert_passes(scene, "reader/a/2", 10);
    now_ms += DAY_MS / 2;
    assert_passes(scene, "reader/a/1", 1);
}

static void test_damaged_name(void **state)
{
    struct scene *scene = *state;
    char noise[RECORD_BYTES];
    assert_passes(scene, "reader/a/1", 10);
    assert_passes(scene, "reader/a/2", 10);
    quota_close(scene->book);
    memset(noise, 0xff, sizeof noise);
    damage(scene, record_of(scene, "reader/a/1"), noise, sizeof noise);
    open_book(scene);
    assert_passes(scene, "reader/a/1", 10);
    assert_int_equal(used_in(scene, "reader/a/2", "day"), 10);
    reopen(scene);
    assert_int_equal(used_in(scene, "reader/a/1", "day"), 10);
}

/* -- many names ---------------------------------------------------------------------------------------- */

static void test_full(void **state)
{
    struct scene *scene = *state;
    struct quota_refusal refusal;
    char name[32];
    for (unsigned i = 0; i < LIMIT_QUOTA_RECORDS; i++) {
        snprintf(name, sizeof name, "reader/a/%u", i);
        assert_passes(scene, name, 1);
    }
    assert_fails(charge(scene, "reader/b/1", 1, &refusal), REASON_BUSY);
    assert_int_equal(refusal.reason, REASON_BUSY);
    assert_passes(scene, "reader/a/77", 1); /* who is in it goes on */
    now_ms += DAY_MS;
    assert_fails(charge(scene, "reader/b/1", 1, &refusal), REASON_BUSY);
    assert_passes(scene, "reader/a/77", 1);
    now_ms += DAY_MS; /* names of the day before yesterday give way */
    assert_passes(scene, "reader/b/1", 5);
    assert_passes(scene, "reader/b/2", 6);
    reopen(scene);
    assert_int_equal(used_in(scene, "reader/b/1", "day"), 5);
    assert_int_equal(used_in(scene, "reader/b/2", "day"), 6);
    assert_passes(scene, "reader/a/77", 1);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_restart), TEST(test_restart_after_clock_went_back), TEST(test_killed), TEST(test_not_ours),
        TEST(test_of_the_other_daemon), TEST(test_damaged_numbers_are_spent), TEST(test_damaged_name), TEST(test_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
