/* The follower against a real PostgreSQL: loads at a start, loads that fail, and epochs that are known late or
   destroyed. */
#include "tests/unit/follow_scene.h"

static void loaded_at_the_start(void **state)
{
    struct scene *scene = *state;

    for (int i = 0; i < 8; i++) {
        for (int k = 0; k < 6; k++) random_push(scene);
        start(scene);
        compare(scene);
        follow_stop(scene->follow);
    }
}

/* A load fails at the last moment, when all is in memory and nothing to be seen: it leaves nothing behind, and the
   next one goes well. */
static void load_fails(void **state)
{
    struct scene *scene = *state;
    struct follow_status status;

    start(scene);
    compare(scene);
    uint64_t slots = 0, entries = entries_count(scene->follow->entries);
    for (size_t i = 0; i < EPOCHS; i++) slots += index_slots(scene->follow->book.epochs[i].index);
    scene->follow->settings.rule_count = SIZE_MAX; /* more than views can be made for */
    for (int i = 0; i < 10; i++) random_push(scene);
    for (int i = 0; i < WAIT_MS / 10; i++, usleep(10000)) {
        follow_status(scene->follow, &status);
        if (status.stuck) break;
    }
    assert_true(status.stuck && status.loaded && status.database_up);
    for (size_t i = 0; i < EPOCHS; i++) slots -= index_slots(scene->follow->book.epochs[i].index);
    assert_int_equal(slots, 0);
    assert_int_equal(entries_count(scene->follow->entries), entries);
    scene->follow->settings.rule_count = 0;
    compare(scene);
    follow_stop(scene->follow);
}

/* The key server's word, as the asker would hand it over. */
static void say(struct scene *scene, const struct keys_answer *answer)
{
    pthread_mutex_lock(&scene->follow->lock);
    scene->follow->told = (struct keys_told){ .count = 1 };
    scene->follow->told.servers[0].answered = true;
    scene->follow->told.servers[0].answer = *answer;
    scene->follow->answered = true;
    pthread_mutex_unlock(&scene->follow->lock);
    follow_signal(scene->follow, &scene->follow->asked);
}

/* An epoch becomes known when the lists' entries are in memory already, and its slots in the database. */
static void epoch_known_late(void **state)
{
    struct scene *scene = *state;
    struct keys_answer one = known_epochs(scene, 1), two = known_epochs(scene, 2);

    two.epochs[0] = one.epochs[0];
    assert_ok(keys_answer_write(scene->epochs_file, &one));
    start(scene);
    rcu_read_lock();
    assert_int_equal(find_epoch(scene, follow_catalogue(scene->follow), 1), SIZE_MAX);
    rcu_read_unlock();
    say(scene, &two);
    wait_for_it(scene);
    /* it is shown as soon as it is known, and loaded then */
    for (int i = 0; i < WAIT_MS / 10 && !scene->follow->book.epochs[1].loaded; i++) usleep(10000);
    compare(scene);
    random_push(scene);
    compare(scene);
    follow_stop(scene->follow);
}

/* At `destroyed` it is gone from the catalogue; the others stay. */
static void epoch_destroyed(void **state)
{
    struct scene *scene = *state;
    struct keys_answer answer;

    start(scene);
    compare(scene);
    assert_ok(keys_answer_read(scene->epochs_file, &answer));
    answer.epochs[0].destroyed = true;
    say(scene, &answer);
    for (int i = 0; i < WAIT_MS / 10; i++) {
        rcu_read_lock();
        size_t at = find_epoch(scene, follow_catalogue(scene->follow), 0);
        rcu_read_unlock();
        if (at == SIZE_MAX) break;
        usleep(10000);
    }
    rcu_read_lock();
    const struct catalogue *catalogue = follow_catalogue(scene->follow);
    assert_int_equal(find_epoch(scene, catalogue, 0), SIZE_MAX);
    assert_int_equal(find_epoch(scene, catalogue, 1), 0);
    rcu_read_unlock();
    uint8_t pepper[PLATESIEVE_KEY_BYTES];
    follow_stop(scene->follow);
    assert_fails(gate_state_pepper(scene->state, scene->numbers[0], pepper), REASON_GONE);
    assert_ok(gate_state_pepper(scene->state, scene->numbers[1], pepper));
}

/* Lists that have something on them; a follower makes the epochs known to the database first. */
static int set_up_lists(void **state)
{
    if (set_up(state) != 0) return -1;
    struct scene *scene = *state;

    start(scene);
    for (unsigned list = 0; list < LISTS; list++) push(scene, list, REVISION_REPLACE, 80);
    compare(scene);
    follow_stop(scene->follow);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loaded_at_the_start),
        cmocka_unit_test(load_fails),
        cmocka_unit_test(epoch_known_late),
        cmocka_unit_test(epoch_destroyed),
    };

    if (!database_given("follow_load_test", "PLATESIEVE_TEST_DB_LOAD")) return 77;
    return cmocka_run_group_tests(tests, set_up_lists, tear_down);
}
