/* The registry of a daemon: what it takes up, when, and what it keeps when the file is broken. */
#include "server/http/registry.h"

#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/unit.h"

#define GATE (ROLE_READER | ROLE_AGENCY | ROLE_OPERATOR_GATE | ROLE_AUDITOR)

struct scene {
    char folder[32], file[64];
    struct registry *registry;
};

static void write_file(const char *file, const char *text)
{
    FILE *out = fopen(file, "w");
    assert_non_null(out);
    fputs(text, out);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(chmod(file, 0600), 0);
}

/* As a careful person does it. */
static void replace_file(const struct scene *scene, const char *text)
{
    char beside[80];
    snprintf(beside, sizeof beside, "%s.mine", scene->file);
    write_file(beside, text);
    assert_int_equal(rename(beside, scene->file), 0);
}

static int begin(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    snprintf(scene->folder, sizeof scene->folder, "/tmp/registry-test-XXXXXX");
    assert_non_null(mkdtemp(scene->folder));
    snprintf(scene->file, sizeof scene->file, "%s/gate.conf", scene->folder);
    write_file(scene->file, "[operator/gate/olga]\n[reader/north/1]\nquota = busy\n");
    assert_ok(registry_create(scene->file, GATE, &scene->registry));
    *state = scene;
    return 0;
}

static int end(void **state)
{
    struct scene *scene = *state;
    char path[80];
    registry_destroy(scene->registry);
    unlink(scene->file);
    snprintf(path, sizeof path, "%s.lock", scene->file);
    unlink(path);
    rmdir(scene->folder);
    free(scene);
    return 0;
}

static bool has(const struct scene *scene, const char *name)
{
    struct registration registration;
    return registry_find(scene->registry, name, &registration);
}

static bool broken(const struct scene *scene)
{
    struct registry_state state;
    registry_state(scene->registry, &state);
    return state.broken;
}

static void test_found(void **state)
{
    struct scene *scene = *state;
    struct registration registration;
    assert_true(registry_find(scene->registry, "reader/north/1", &registration));
    assert_string_equal(registration.quota, "busy");
    assert_false(has(scene, "reader/north/2"));
    assert_false(has(scene, ""));
}

static void test_a_replaced_file_counts_at_once(void **state)
{
    struct scene *scene = *state;
    uint64_t generation = registry_generation(scene->registry);
    registry_poll(scene->registry);
    assert_int_equal(registry_generation(scene->registry), generation); /* nothing happened */
    replace_file(scene, "[operator/gate/olga]\n");
    registry_poll(scene->registry);
    assert_true(registry_generation(scene->registry) > generation);
    assert_false(has(scene, "reader/north/1"));
}

/* Somebody copies onto it, slowly: a half must not throw the rest out. */
static void test_a_file_under_change_is_left_until_it_is_still(void **state)
{
    struct scene *scene = *state;
    write_file(scene->file, "[operator/gate/olga]\n");
    registry_poll(scene->registry);
    assert_true(has(scene, "reader/north/1"));
    write_file(scene->file, "[operator/gate/olga]\n[reader/north/1]\n[reader/north/2]\n");
    registry_poll(scene->registry);
    assert_false(has(scene, "reader/north/2"));
    registry_poll(scene->registry);
    assert_true(has(scene, "reader/north/1"));
    assert_true(has(scene, "reader/north/2"));
}

static void test_a_broken_file_changes_nothing(void **state)
{
    static const char *const bad[] = { "garbage\n", "[reader/north/1]\n[reader/north/2", "[evidence/a/1]\n" };
    struct scene *scene = *state;
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        replace_file(scene, bad[i]);
        registry_poll(scene->registry);
        assert_true(broken(scene));
        assert_true(has(scene, "reader/north/1"));
        assert_false(has(scene, "reader/north/2"));
    }
    assert_int_equal(unlink(scene->file), 0);
    for (unsigned i = 0; i < 3; i++) registry_poll(scene->registry);
    assert_true(broken(scene));
    assert_true(has(scene, "reader/north/1"));
    replace_file(scene, "[operator/gate/olga]\n");
    registry_poll(scene->registry);
    assert_false(broken(scene));
    assert_false(has(scene, "reader/north/1"));
}

static void test_others_must_not_write_it(void **state)
{
    struct scene *scene = *state;
    replace_file(scene, "[operator/gate/olga]\n[reader/north/2]\n");
    assert_int_equal(chmod(scene->file, 0606), 0);
    for (unsigned i = 0; i < 3; i++) registry_poll(scene->registry);
    assert_true(broken(scene));
    assert_false(has(scene, "reader/north/2"));
    struct registry *another = NULL;
    assert_fails(registry_create(scene->file, GATE, &another), REASON_SETTINGS);
    assert_null(another);
    assert_int_equal(chmod(scene->file, 0600), 0); /* is noticed as well */
    for (unsigned i = 0; i < 3; i++) registry_poll(scene->registry);
    assert_false(broken(scene));
    assert_true(has(scene, "reader/north/2"));
}

static struct roll_entry entry_of(const char *name, const char *quota)
{
    struct roll_entry entry = { .role = ROLE_READER, .since_s = 5 };
    snprintf(entry.name, sizeof entry.name, "%s", name);
    snprintf(entry.quota, sizeof entry.quota, "%s", quota);
    return entry;
}

static void test_put_and_remove(void **state)
{
    struct scene *scene = *state;
    struct roll_entry entry = entry_of("reader/north/2", "lane");
    struct stat info;
    bool fresh;
    assert_int_equal(chmod(scene->file, 0644), 0);
    assert_ok(registry_put(scene->registry, &entry, &fresh));
    assert_true(fresh);
    assert_true(has(scene, "reader/north/2"));
    assert_int_equal(stat(scene->file, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0644); /* as it was */
    entry = entry_of("reader/north/2", "busy");
    entry.since_s = 9;
    assert_ok(registry_put(scene->registry, &entry, &fresh));
    assert_false(fresh);
    struct registration registration;
    assert_true(registry_find(scene->registry, "reader/north/2", &registration));
    assert_string_equal(registration.quota, "busy");
    assert_int_equal(registration.since_s, 5); /* registered as long as before */
    assert_fails(registry_remove(scene->registry, "reader/north/3", ROLE_OPERATOR_GATE), REASON_NOT_FOUND);
    assert_fails(registry_remove(scene->registry, "operator/gate/olga", ROLE_OPERATOR_GATE), REASON_LAST_OPERATOR);
    assert_ok(registry_remove(scene->registry, "reader/north/2", ROLE_OPERATOR_GATE));
    assert_false(has(scene, "reader/north/2"));
    assert_true(has(scene, "operator/gate/olga"));
    struct registry *another = NULL; /* the disk says so too */
    assert_ok(registry_create(scene->file, GATE, &another));
    assert_false(registry_find(another, "reader/north/2", &registration));
    registry_destroy(another);
}

/* Quota and rights change one by one; what is not said stays. */
static void test_put_rights(void **state)
{
    struct scene *scene = *state;
    struct roll_entry entry = entry_of("agency/customs/ana", "");
    struct registration registration;
    bool fresh;
    entry.role = ROLE_AGENCY;
    assert_ok(registry_put(scene->registry, &entry, &fresh));
    assert_true(registry_find(scene->registry, "agency/customs/ana", &registration));
    assert_int_equal(registration.rights, RIGHTS_ALL);
    entry.rights = RIGHT_VIEW;
    entry.quota[0] = 0;
    assert_ok(registry_put(scene->registry, &entry, &fresh));
    assert_false(fresh);
    entry.rights = 0;
    snprintf(entry.quota, sizeof entry.quota, "busy");
    assert_ok(registry_put(scene->registry, &entry, &fresh));
    assert_true(registry_find(scene->registry, "agency/customs/ana", &registration));
    assert_int_equal(registration.rights, RIGHT_VIEW);
    assert_string_equal(registration.quota, "busy");
    assert_int_equal(entry.rights, RIGHT_VIEW); /* as it is told */
    assert_true(registry_find(scene->registry, "reader/north/1", &registration));
    assert_int_equal(registration.rights, 0);
}

/* What was changed in the file meanwhile is not lost, and a broken file is not written over. */
static void test_put_on_top_of_the_file(void **state)
{
    struct scene *scene = *state;
    struct roll_entry entry = entry_of("reader/north/2", "lane");
    bool fresh;
    replace_file(scene, "[operator/gate/olga]\n[reader/south/1]\n");
    assert_ok(registry_put(scene->registry, &entry, &fresh));
    assert_true(has(scene, "reader/south/1"));
    assert_false(has(scene, "reader/north/1"));
    replace_file(scene, "garbage\n");
    assert_fails(registry_put(scene->registry, &entry, &fresh), REASON_REGISTRY);
    assert_fails(registry_remove(scene->registry, "reader/north/2", ROLE_OPERATOR_GATE), REASON_REGISTRY);
    char line[16] = "";
    FILE *in = fopen(scene->file, "r");
    assert_non_null(in);
    assert_non_null(fgets(line, sizeof line, in));
    fclose(in);
    assert_string_equal(line, "garbage\n");
}

/* Whoever holds the lock open by a link can't make the command of root give another file away. */
static void test_a_lock_that_is_something_else(void **state)
{
    struct scene *scene = *state;
    struct roll_entry entry = entry_of("reader/north/2", "lane");
    char path[80];
    bool fresh;
    snprintf(path, sizeof path, "%s.lock", scene->file);
    assert_int_equal(symlink("/tmp/registry-test-elsewhere", path), 0);
    assert_fails(registry_put(scene->registry, &entry, &fresh), REASON_REGISTRY);
    assert_int_equal(access("/tmp/registry-test-elsewhere", F_OK), -1);
    unlink(path);
    write_file(path, "something");
    assert_fails(registry_put(scene->registry, &entry, &fresh), REASON_REGISTRY);
    unlink(path);
    assert_ok(registry_put(scene->registry, &entry, &fresh));
}

/* -- several at once --------------------------------------------------------------------------- */

#define WRITERS 4
#define EACH 10

static int write_some(const struct scene *scene, unsigned number)
{
    struct registry *registry = NULL;
    if (failed(registry_create(scene->file, GATE, &registry))) return 1;
    for (unsigned i = 0; i < EACH; i++) {
        char name[64];
        bool fresh;
        snprintf(name, sizeof name, "reader/writer-%u/%u", number, i);
        struct roll_entry entry = entry_of(name, "lane");
        if (failed(registry_put(registry, &entry, &fresh)) || !fresh) return 1;
    }
    registry_destroy(registry);
    return 0;
}

static void test_writers_lose_nothing_of_each_other(void **state)
{
    struct scene *scene = *state;
    pid_t children[WRITERS];
    for (unsigned i = 0; i < WRITERS; i++) {
        children[i] = fork();
        if (children[i] == 0) _exit(write_some(scene, i));
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        int status = -1;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    registry_poll(scene->registry);
    registry_poll(scene->registry); /* an inode that was used again looks like a change in place */
    struct registry_state counted;
    registry_state(scene->registry, &counted);
    assert_int_equal(counted.count, 2 + WRITERS * EACH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_found, begin, end),
        cmocka_unit_test_setup_teardown(test_a_replaced_file_counts_at_once, begin, end),
        cmocka_unit_test_setup_teardown(test_a_file_under_change_is_left_until_it_is_still, begin, end),
        cmocka_unit_test_setup_teardown(test_a_broken_file_changes_nothing, begin, end),
        cmocka_unit_test_setup_teardown(test_others_must_not_write_it, begin, end),
        cmocka_unit_test_setup_teardown(test_put_and_remove, begin, end),
        cmocka_unit_test_setup_teardown(test_put_rights, begin, end),
        cmocka_unit_test_setup_teardown(test_put_on_top_of_the_file, begin, end),
        cmocka_unit_test_setup_teardown(test_a_lock_that_is_something_else, begin, end),
        cmocka_unit_test_setup_teardown(test_writers_lose_nothing_of_each_other, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
