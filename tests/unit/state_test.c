/* A gate's sealed state: opens under its key alone, gives each epoch its pepper, and never one of an epoch that is gone. */
#include <sodium.h>
#include <unistd.h>

#include "server/gate/state.h"
#include "tests/unit/unit.h"

static const uint8_t right_key[PLATESIEVE_KEY_BYTES] = { 1, 2, 3 }, other_key[PLATESIEVE_KEY_BYTES] = { 1, 2, 4 };

struct fixture {
    char folder[64], state[80], sealed[96];
    FILE *silent;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    assert_int_equal(platesieve_init().reason, PLATESIEVE_OK);
    (void)snprintf(fixture->folder, sizeof fixture->folder, "/tmp/state-test-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    (void)snprintf(fixture->state, sizeof fixture->state, "%s/state", fixture->folder);
    (void)snprintf(fixture->sealed, sizeof fixture->sealed, "%s/gate.sealed", fixture->state);
    fixture->silent = fopen("/dev/null", "w");
    assert_ok(gate_state_create(fixture->state, right_key, fixture->silent));
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    (void)fclose(fixture->silent);
    (void)unlink(fixture->sealed);
    (void)rmdir(fixture->state);
    (void)rmdir(fixture->folder);
    free(fixture);
    return 0;
}

static struct gate_state *opened(struct fixture *fixture)
{
    struct gate_state *state = NULL;
    assert_ok(gate_state_open(fixture->state, right_key, fixture->silent, &state));
    return state;
}

static void a_state_is_made_once(void **state)
{
    struct fixture *fixture = *state;
    assert_fails(gate_state_free(fixture->state, fixture->silent), REASON_INTERNAL);
    assert_fails(gate_state_create(fixture->state, right_key, fixture->silent), REASON_INTERNAL);
    assert_ok(gate_state_free(fixture->folder, fixture->silent));
}

static void peppers_are_the_same_after_a_restart_and_differ_by_epoch(void **state)
{
    struct fixture *fixture = *state;
    struct gate_state *gate = opened(fixture);
    uint8_t first[32], second[32], again[32];

    assert_fails(gate_state_pepper(gate, 5, first), REASON_GONE); /* the ratchet has not begun */
    assert_ok(gate_state_ratchet(gate, 5));
    assert_ok(gate_state_pepper(gate, 5, first));
    assert_ok(gate_state_pepper(gate, 6, second));
    assert_memory_not_equal(first, second, 32);
    gate_state_close(gate);
    gate = opened(fixture);
    assert_ok(gate_state_pepper(gate, 6, again));
    assert_memory_equal(second, again, 32);
    gate_state_close(gate);
}

static void the_ratchet_goes_one_way(void **state)
{
    struct fixture *fixture = *state;
    struct gate_state *gate = opened(fixture);
    uint8_t before[32], after[32];

    assert_ok(gate_state_ratchet(gate, 5));
    assert_ok(gate_state_pepper(gate, 9, before));
    assert_ok(gate_state_ratchet(gate, 8));
    assert_fails(gate_state_pepper(gate, 7, after), REASON_GONE);
    assert_fails(gate_state_ratchet(gate, 5), REASON_GONE);
    assert_ok(gate_state_pepper(gate, 9, after));
    assert_memory_equal(before, after, 32);
    gate_state_close(gate);
    gate = opened(fixture);
    assert_fails(gate_state_pepper(gate, 7, after), REASON_GONE);
    gate_state_close(gate);
}

static void a_changed_byte_or_another_key_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct gate_state *gate = NULL;
    FILE *file = fopen(fixture->sealed, "r+b");

    assert_non_null(file);
    assert_int_equal(fseek(file, 40, SEEK_SET), 0);
    int byte = fgetc(file);
    assert_int_equal(fseek(file, 40, SEEK_SET), 0);
    assert_int_equal(fputc(byte ^ 1, file), byte ^ 1);
    (void)fclose(file);
    assert_fails(gate_state_open(fixture->state, right_key, fixture->silent, &gate), REASON_INTERNAL);
    file = fopen(fixture->sealed, "r+b");
    assert_int_equal(fseek(file, 40, SEEK_SET), 0);
    (void)fputc(byte, file);
    (void)fclose(file);
    gate_state_close(opened(fixture));
    assert_fails(gate_state_open(fixture->state, other_key, fixture->silent, &gate), REASON_INTERNAL);
    assert_null(gate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_state_is_made_once, setup, teardown),
        cmocka_unit_test_setup_teardown(peppers_are_the_same_after_a_restart_and_differ_by_epoch, setup, teardown),
        cmocka_unit_test_setup_teardown(the_ratchet_goes_one_way, setup, teardown),
        cmocka_unit_test_setup_teardown(a_changed_byte_or_another_key_is_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
