/* Where a daemon's own key comes from: files, credentials, and what is refused before a token is asked. */
#include <fcntl.h>
#include <p11-kit/pkcs11.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/http/key_source.h"
#include "server/http/pkcs11_token.h"
#include "tests/unit/unit.h"

struct fixture {
    char folder[64], path[96], value[128];
    FILE *errors;
    char *said; /* by the last call */
    size_t said_size;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    (void)snprintf(fixture->folder, sizeof fixture->folder, "/tmp/key-source-test-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    (void)snprintf(fixture->path, sizeof fixture->path, "%s/a.key", fixture->folder);
    (void)snprintf(fixture->value, sizeof fixture->value, "file:%s", fixture->path);
    fixture->errors = open_memstream(&fixture->said, &fixture->said_size);
    assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    (void)fclose(fixture->errors);
    (void)unlink(fixture->path);
    (void)rmdir(fixture->folder);
    free(fixture->said);
    free(fixture);
    return 0;
}

/* The file with SIZE bytes 0, 1, 2, … */
static void put(struct fixture *fixture, size_t size, mode_t mode)
{
    (void)unlink(fixture->path);
    int fd = open(fixture->path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    for (size_t i = 0; i < size; i++) assert_int_equal(write(fd, &(uint8_t){ (uint8_t)i }, 1), 1);
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(close(fd), 0);
}

static void assert_reads(struct fixture *fixture, const char *value)
{
    struct key_source source = { "[test] key", value, "label" };
    uint8_t key[SEALING_KEY_BYTES] = { 0xff };

    assert_ok(key_source_read(&source, key, fixture->errors));
    for (uint8_t i = 0; i < sizeof key; i++) assert_int_equal(key[i], i);
}

static void assert_refused(struct fixture *fixture, const char *value, const char *why)
{
    struct key_source source = { "[test] key", value, "label" };
    uint8_t key[SEALING_KEY_BYTES] = { 0 };

    rewind(fixture->errors);
    assert_fails(key_source_read(&source, key, fixture->errors), REASON_SETTINGS);
    (void)fputc('\0', fixture->errors);
    (void)fflush(fixture->errors);
    assert_true(strncmp(fixture->said, "[test] key: ", 12) == 0);
    if (strstr(fixture->said, why) == NULL) fail_msg("said: %s", fixture->said);
    assert_true(sodium_is_zero(key, sizeof key));
}

static void a_file_holds_32_bytes_for_nobody_else(void **state)
{
    struct fixture *fixture = *state;

    assert_refused(fixture, fixture->value, "No such file");
    for (size_t size = 0; size < 32; size += 31) {
        put(fixture, size, 0600);
        assert_refused(fixture, fixture->value, "exactly 32 bytes");
    }
    put(fixture, 33, 0600);
    assert_refused(fixture, fixture->value, "too long");
    put(fixture, 32, 0640);
    assert_refused(fixture, fixture->value, "chmod 600");
    put(fixture, 32, 0604);
    assert_refused(fixture, fixture->value, "chmod 600");
    put(fixture, 32, 0400);
    assert_reads(fixture, fixture->value);
    (void)snprintf(fixture->value, sizeof fixture->value, "file:%s", fixture->folder);
    assert_refused(fixture, fixture->value, "not a plain file");
}

static void a_link_and_a_pipe_are_no_files(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(symlink("/dev/zero", fixture->path), 0);
    assert_refused(fixture, fixture->value, "symbolic link");
    (void)unlink(fixture->path);
    assert_int_equal(mkfifo(fixture->path, 0600), 0);
    assert_refused(fixture, fixture->value, "not a plain file"); /* and does not wait for a writer */
}

static void a_file_is_made_once(void **state)
{
    struct fixture *fixture = *state;
    struct key_source source = { "[test] key", fixture->value, "label" };
    uint8_t first[SEALING_KEY_BYTES], second[SEALING_KEY_BYTES];
    struct stat info;

    assert_ok(key_source_create(&source, false, first, fixture->errors));
    assert_int_equal(stat(fixture->path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
    assert_false(sodium_is_zero(first, sizeof first));
    assert_ok(key_source_create(&source, false, second, fixture->errors));
    assert_memory_equal(first, second, sizeof first);
}

static void a_credential_is_what_systemd_gives(void **state)
{
    struct fixture *fixture = *state;
    struct key_source source = { "[test] key", "credential:a.key", "label" };
    uint8_t key[SEALING_KEY_BYTES];

    put(fixture, 32, 0400);
    assert_refused(fixture, "credential:a.key", "LoadCredential=");
    assert_int_equal(setenv("CREDENTIALS_DIRECTORY", fixture->folder, 1), 0);
    assert_reads(fixture, "credential:a.key");
    assert_int_equal(chmod(fixture->path, 0440), 0); /* the mask of an access control list */
    assert_reads(fixture, "credential:a.key");
    assert_int_equal(chmod(fixture->path, 0444), 0);
    assert_refused(fixture, "credential:a.key", "may be read by others");
    assert_refused(fixture, "credential:other", "No such file");
    assert_refused(fixture, "credential:../a.key", "not a credential's name");
    assert_refused(fixture, "credential:..", "not a credential's name");
    (void)unlink(fixture->path);
    assert_fails(key_source_create(&source, false, key, fixture->errors), REASON_SETTINGS); /* nothing is made in systemd's folder */
    assert_int_equal(access(fixture->path, F_OK), -1);
}

static void values_that_are_none(void **state)
{
    struct fixture *fixture = *state;
    static const char *const values[] = { "", "file:", "credential:", "/etc/a.key", "FILE:/a", "http://x/", "env:KEY" };

    for (size_t i = 0; i < ARRAY_LENGTH(values); i++) assert_refused(fixture, values[i], "what belongs here");
}

static void uris_that_are_not_honoured(void **state)
{
    struct fixture *fixture = *state;

    assert_refused(fixture, "pkcs11:object", "RFC 7512");
    assert_refused(fixture, "pkcs11:token=a;object=%zz", "RFC 7512");
    assert_refused(fixture, "pkcs11:", "must name the key");
    assert_refused(fixture, "pkcs11:token=a", "must name the key");
    assert_refused(fixture, "pkcs11:object=k;type=private", "secret-key");
    assert_refused(fixture, "pkcs11:object=k?pin-value=1234", "pin-value");
    assert_refused(fixture, "pkcs11:object=k?pin-source=|/bin/pin", "pin-source");
    assert_refused(fixture, "pkcs11:object=k?module-name=softhsm2", "module-name");
    assert_refused(fixture, "pkcs11:object=k?module-path=softhsm2.so", "absolute");
    assert_refused(fixture, "pkcs11:object=k?module-path=/nowhere/module.so", "can't be used");
    assert_refused(fixture, "pkcs11:object=k;surprise=1", "not known");
    assert_refused(fixture, "pkcs11:object=k?pin-value=geheim1", "pin-value");
    assert_null(strstr(fixture->said, "geheim1"));
}

static void the_last_try_of_a_pin_is_left_alone(void **state)
{
    (void)state;
    assert_null(pkcs11_pin_problem(CKF_LOGIN_REQUIRED));
    assert_null(pkcs11_pin_problem(CKF_USER_PIN_COUNT_LOW));
    assert_non_null(strstr(pkcs11_pin_problem(CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_COUNT_LOW), "not tried"));
    assert_non_null(strstr(pkcs11_pin_problem(CKF_USER_PIN_LOCKED | CKF_USER_PIN_FINAL_TRY), "locked"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_holds_32_bytes_for_nobody_else, setup, teardown),
        cmocka_unit_test_setup_teardown(a_link_and_a_pipe_are_no_files, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_is_made_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_credential_is_what_systemd_gives, setup, teardown),
        cmocka_unit_test_setup_teardown(values_that_are_none, setup, teardown),
        cmocka_unit_test_setup_teardown(uris_that_are_not_honoured, setup, teardown),
        cmocka_unit_test(the_last_try_of_a_pin_is_left_alone),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
