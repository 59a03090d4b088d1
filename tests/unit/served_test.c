/* What of lists was served: kept over restarts, never set back, for one process at a time. */
#include <sodium.h>
#include <unistd.h>

#include "server/gate/served.h"
#include "tests/unit/unit.h"

static const uint8_t key[PLATESIEVE_KEY_BYTES] = { 4 };
static const uint8_t one[LIST_MAC_BYTES] = { 1 }, two[LIST_MAC_BYTES] = { 2 };

struct fixture {
    char folder[64];
    FILE *silent;
    struct gate_state *state;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    assert_int_equal(platesieve_init().reason, PLATESIEVE_OK);
    (void)snprintf(fixture->folder, sizeof fixture->folder, "/tmp/served-test-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    fixture->silent = fopen("/dev/null", "w");
    assert_ok(gate_state_create(fixture->folder, key, fixture->silent));
    assert_ok(gate_state_open(fixture->folder, key, fixture->silent, &fixture->state));
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    static const char *const files[] = { "gate.sealed", "served.sealed", "served.lock" };
    char path[128];

    gate_state_close(fixture->state);
    for (size_t i = 0; i < ARRAY_LENGTH(files); i++) {
        (void)snprintf(path, sizeof path, "%s/%s", fixture->folder, files[i]);
        (void)unlink(path);
    }
    (void)rmdir(fixture->folder);
    (void)fclose(fixture->silent);
    free(fixture);
    return 0;
}

static struct served *opened(struct fixture *fixture)
{
    struct served *served = NULL;

    assert_ok(served_open(fixture->state, false, fixture->silent, &served));
    return served;
}

static void older_and_forked_states_are_known(void **state)
{
    struct served *served = opened(*state);

    assert_false(served_is_older(served, "customs", "a", 0, one)); /* never seen */
    served_note(served, "customs", "a", 5, one, false);
    assert_true(served_is_older(served, "customs", "a", 4, two));
    assert_true(served_is_older(served, "customs", "a", 5, two)); /* a fork */
    assert_false(served_is_older(served, "customs", "a", 5, one));
    assert_false(served_is_older(served, "customs", "a", 6, two));
    assert_false(served_is_older(served, "marshals", "a", 1, one));
    served_note(served, "customs", "a", 3, two, false); /* never goes back */
    assert_true(served_is_older(served, "customs", "a", 4, two));
    served_close(served);
}

static void count(void *context, const char *agency, const char *list, bool covert)
{
    size_t *seen = context;

    assert_string_equal(agency, "customs");
    assert_int_equal(covert, list[0] == 'b');
    ++*seen;
}

static void it_is_kept(void **state)
{
    struct served *served = opened(*state);
    size_t seen = 0;

    served_note(served, "customs", "a", 5, one, false);
    served_note(served, "customs", "b", UINT64_MAX, two, true);
    assert_ok(served_save(served));
    assert_ok(served_save(served)); /* nothing to do */
    served_close(served);
    served = opened(*state);
    assert_true(served_is_older(served, "customs", "b", UINT64_MAX - 1, two));
    assert_false(served_is_older(served, "customs", "b", UINT64_MAX, two));
    served_each(served, count, &seen);
    assert_int_equal(seen, 2);
    served_close(served);
}

static void it_is_forgotten_when_somebody_says_so(void **state)
{
    struct served *served = opened(*state);

    served_note(served, "customs", "a", 5, one, false);
    served_note(served, "customs", "b", 5, one, true);
    assert_int_equal(served_forget(served, "customs", "c"), 0);
    assert_int_equal(served_forget(served, "customs", "a"), 1);
    assert_ok(served_save(served));
    served_close(served);
    served = opened(*state);
    assert_false(served_is_older(served, "customs", "a", 1, two));
    assert_true(served_is_older(served, "customs", "b", 1, two));
    assert_int_equal(served_forget(served, NULL, NULL), 1);
    served_close(served);
}

static void one_process_has_it(void **state)
{
    struct fixture *fixture = *state;
    struct served *served = opened(fixture), *second = NULL;

    assert_fails(served_open(fixture->state, false, fixture->silent, &second), REASON_BUSY);
    assert_null(second);
    served_close(served);
    served_close(opened(fixture));
}

/* A file that was changed or cut off is not "nothing was served". */
static void a_damaged_file_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct served *served = opened(fixture);
    char path[128];

    served_note(served, "customs", "a", 5, one, false);
    assert_ok(served_save(served));
    served_close(served);
    (void)snprintf(path, sizeof path, "%s/served.sealed", fixture->folder);
    assert_int_equal(truncate(path, 50), 0);
    assert_fails(served_open(fixture->state, false, fixture->silent, &served), REASON_INTERNAL);
    assert_ok(served_open(fixture->state, true, fixture->silent, &served)); /* accept-older all */
    assert_ok(served_save(served));
    served_close(served);
    served_close(opened(fixture));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(older_and_forked_states_are_known, setup, teardown),
        cmocka_unit_test_setup_teardown(it_is_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(it_is_forgotten_when_somebody_says_so, setup, teardown),
        cmocka_unit_test_setup_teardown(one_process_has_it, setup, teardown),
        cmocka_unit_test_setup_teardown(a_damaged_file_is_refused, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
