/* Memory for secrets: locked, out of core files, guarded, wiped, and refused rather than unlocked. */
#include <platesieve/platesieve.h>

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "include/cleanup.h"
#include "tests/unit/cmocka_all.h"

#define NOBODY 65534

static bool is_zero(const unsigned char *memory, size_t size)
{
    unsigned char any = 0;

    for (size_t i = 0; i < size; i++)
        any |= memory[i];
    return any == 0;
}

/* The kernel's flags ("rd wr ... lo ... dd") for the mapping that ADDRESS lies in. */
static void mapping_flags(const void *address, char *flags, size_t size)
{
    FILE *maps = fopen("/proc/self/smaps", "r");
    char line[1024];
    bool inside = false;

    assert_non_null(maps);
    flags[0] = 0;
    while (flags[0] == 0 && fgets(line, sizeof line, maps) != NULL) {
        char *dash, *end;
        uintptr_t first = strtoull(line, &dash, 16);

        if (dash != line && *dash == '-') {
            uintptr_t behind = strtoull(dash + 1, &end, 16);

            inside = (uintptr_t)address >= first && (uintptr_t)address < behind;
        }
        if (inside && strncmp(line, "VmFlags:", 8) == 0)
            snprintf(flags, size, "%s", line);
    }
    fclose(maps);
}

static void check_locked(const void *memory)
{
    char flags[1024];

    mapping_flags(memory, flags, sizeof flags);
    assert_non_null(strstr(flags, " dd"));
#ifndef PLATESIEVE_SANITIZER /* AddressSanitizer ignores mlock() */
    assert_non_null(strstr(flags, " lo"));
#endif
}

static void test_secret(void **state)
{
    static const size_t sizes[] = { 1, 15, 16, 17, 32, 4096, 10000 };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(sizes); i++) {
        unsigned char *secret = platesieve_secret_allocate(sizes[i]);

        assert_non_null(secret);
        assert_int_equal((uintptr_t)secret % 16, 0);
        assert_true(is_zero(secret, sizes[i]));
        check_locked(secret);
        memset(secret, 0xA5, sizes[i]);
        platesieve_wipe(secret, sizes[i]);
        assert_true(is_zero(secret, sizes[i]));
        platesieve_secret_free(secret);
    }
    platesieve_secret_free(NULL);
    assert_null(platesieve_secret_allocate(SIZE_MAX));
    assert_null(platesieve_secret_allocate(SIZE_MAX / 2));
}

static void test_arena(void **state)
{
    struct platesieve_arena *arena;
    unsigned char *first, *second;

    (void)state;
    assert_int_equal(platesieve_arena_create(1024, &arena).reason, PLATESIEVE_OK);
    first = platesieve_arena_allocate(arena, 100);
    second = platesieve_arena_allocate(arena, 1);
    assert_non_null(first);
    assert_ptr_equal(second, first + 112);
    assert_int_equal((uintptr_t)second % 16, 0);
    check_locked(first);
    assert_null(platesieve_arena_allocate(arena, 1024));
    assert_null(platesieve_arena_allocate(arena, SIZE_MAX));
    assert_non_null(platesieve_arena_allocate(arena, 1024 - 128));
    assert_null(platesieve_arena_allocate(arena, 1));
    memset(first, 0xA5, 1024);
    platesieve_arena_reset(arena);
    assert_true(is_zero(first, 1024));
    assert_ptr_equal(platesieve_arena_allocate(arena, 1024), first);
    platesieve_arena_destroy(arena);
    platesieve_arena_destroy(NULL);
}

static void test_arena_sizes(void **state)
{
    struct platesieve_arena *arena;

    (void)state;
    assert_int_equal(platesieve_arena_create(0, &arena).reason, PLATESIEVE_BAD_ARGUMENT);
    assert_null(arena);
    assert_int_equal(platesieve_arena_create(SIZE_MAX, &arena).reason, PLATESIEVE_BAD_ARGUMENT);
    assert_int_equal(platesieve_arena_create(SIZE_MAX / 2, &arena).reason, PLATESIEVE_NO_MEMORY);
    assert_null(arena);
}

/* Runs ACTION in a child; its exit code, or minus the signal that ended it. */
static int in_child(int (*action)(void))
{
    int status;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        const struct rlimit no_core = { 0, 0 };

        (void)setrlimit(RLIMIT_CORE, &no_core);
        (void)signal(SIGSEGV, SIG_DFL); /* cmocka's handler would go on with the tests, in the child */
        _exit(action());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int write_behind_a_secret(void)
{
    volatile unsigned char *secret = platesieve_secret_allocate(32);

    if (secret == NULL)
        return 7;
    secret[32] = 1;
    return 0;
}

static void test_guard(void **state)
{
    (void)state;
    assert_int_equal(in_child(write_behind_a_secret), -SIGSEGV);
}

/* An ordinary user with 64 KiB to lock: a small secret fits, a large arena is refused. */
static int exceed_the_memory_lock(void)
{
    const struct rlimit little = { 65536, 65536 };
    struct platesieve_arena *arena;

    if (setrlimit(RLIMIT_MEMLOCK, &little) != 0 || (geteuid() == 0 && setuid(NOBODY) != 0))
        return 2;
    if (platesieve_secret_allocate(32) == NULL)
        return 3;
    return platesieve_arena_create(1u << 20, &arena).reason == PLATESIEVE_NO_MEMORY ? 0 : 4;
}

static void test_refused_rather_than_unlocked(void **state)
{
    (void)state;
#ifdef PLATESIEVE_SANITIZER
    print_message("SKIPPED: AddressSanitizer ignores mlock()\n");
    skip();
#endif
    assert_int_equal(in_child(exceed_the_memory_lock), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_secret), cmocka_unit_test(test_arena), cmocka_unit_test(test_arena_sizes),
        cmocka_unit_test(test_guard),  cmocka_unit_test(test_refused_rather_than_unlocked),
    };

    return platesieve_failed(platesieve_init()) ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
