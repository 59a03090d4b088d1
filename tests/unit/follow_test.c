/* The follower against a real PostgreSQL: whatever is pushed, in memory stands what the lists say, no more and no
   less; revisions followed one by one and in bursts. */
#include "tests/unit/follow_scene.h"

static void revisions_one_by_one(void **state)
{
    struct scene *scene = *state;

    start(scene);
    for (unsigned list = 0; list < LISTS; list++) push(scene, list, REVISION_REPLACE, 80);
    compare(scene);
    for (int i = 0; i < 25; i++) {
        random_push(scene);
        compare(scene);
    }
    follow_stop(scene->follow);
}

/* Several at once, between two polls, with sweeps between them. */
static void revisions_in_bursts(void **state)
{
    struct scene *scene = *state;

    start(scene);
    for (int i = 0; i < 12; i++) {
        for (uint32_t k = randombytes_uniform(8); k > 0; k--) random_push(scene);
        compare(scene);
        if (i % 4 == 0) usleep(1200000); /* replaced lists are swept after a second */
    }
    compare(scene);
    follow_stop(scene->follow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(revisions_one_by_one),
        cmocka_unit_test(revisions_in_bursts),
    };

    if (!database_given("follow_test", "PLATESIEVE_TEST_DB_FOLLOW")) return 77;
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
