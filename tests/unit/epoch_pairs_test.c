/* The keys on disk under the suite of pairs: kept beside those of the other suite, waited for, and shared between
   servers. */
#include <pthread.h>
#include <stdatomic.h>

#include "tests/unit/epoch_scene.h"

/* -- pairs ------------------------------------------------------------------------------------- */

static struct epoch_key *borrow(const struct place *place, const char *id)
{
    struct epoch epoch;
    struct epoch_key *key;
    assert_ok(epoch_store_borrow(place->store, id, VOPRF, place->now_ms, &epoch, &key));
    assert_null(epoch_key_bytes(key));
    struct platesieve_element public_key = platesieve_voprf_public_key(epoch_key_pair(key));
    assert_memory_equal(&public_key, &epoch.public_key, sizeof public_key);
    return key;
}

static void assert_named(const struct epoch *epoch)
{
    uint8_t key_id[PLATESIEVE_KEY_ID_BYTES];
    assert_false(platesieve_failed(platesieve_voprf_key_id(&epoch->public_key, key_id)));
    assert_memory_equal(key_id, epoch->key_id, sizeof key_id);
}

static void test_pairs_survive_a_restart_and_suites_live_side_by_side(void **state)
{
    struct place *place = *state;
    struct epoch before[LIMIT_EPOCHS_KNOWN], after[LIMIT_EPOCHS_KNOWN], epoch;
    struct epoch_key *key;
    uint8_t bytes[PLATESIEVE_KEY_BYTES];
    assert_true(tick_at(place, NOON));
    place->suite = VOPRF; /* for epochs made from now on */
    assert_true(tick_at(place, NOON + 3600));
    size_t count = epoch_store_list(place->store, before);
    assert_int_equal(count, 3);
    assert_ok(epoch_store_reschedule(place->store, before[count - 1].number, before[count - 1].span.closes_s - 60,
                                     before[count - 1].span.destroyed_s - 30));
    before[count - 1].span.closes_s -= 60;
    before[count - 1].span.destroyed_s -= 30;
    assert_ok(reopen(place));
    assert_int_equal(epoch_store_list(place->store, after), count);
    assert_memory_equal(before, after, count * sizeof before[0]);
    assert_int_equal(after[1].suite, PLATESIEVE_HMAC_SHA256);
    assert_true(sodium_is_zero(after[1].public_key.bytes, sizeof after[1].public_key.bytes));
    assert_int_equal(after[2].suite, VOPRF);
    assert_named(&after[2]);
    assert_ok(key_of(place, after[1].id, place->now_ms, &epoch, bytes));
    epoch_key_give_back(borrow(place, after[2].id));
    assert_fails(key_of(place, after[2].id, place->now_ms, &epoch, bytes), REASON_SUITE);
    assert_fails(epoch_store_borrow(place->store, after[1].id, VOPRF, place->now_ms, &epoch, &key),
                 REASON_SUITE);
    assert_fails(epoch_store_borrow(place->store, after[2].id, VOPRF,
                                    after[2].span.closes_s * 1000, &epoch, &key), REASON_GONE);
}

static void test_erased_pairs_leave_their_public_key(void **state)
{
    struct place *place = *state;
    struct epoch before[LIMIT_EPOCHS_KNOWN], after[LIMIT_EPOCHS_KNOWN], epoch;
    struct epoch_key *key;
    place->suite = VOPRF;
    assert_true(tick_at(place, NOON));
    epoch_store_list(place->store, before);
    assert_true(tick_at(place, NOON + 86400));
    for (int turn = 0; turn < 2; turn++) {
        epoch_store_list(place->store, after);
        assert_true(after[0].erased);
        assert_memory_equal(&after[0].public_key, &before[0].public_key, sizeof before[0].public_key);
        assert_named(&after[0]);
        assert_fails(epoch_store_borrow(place->store, after[0].id, VOPRF, NOON * 1000, &epoch, &key),
                     REASON_GONE);
        assert_ok(reopen(place));
    }
}

struct erasing {
    struct place *place;
    uint64_t number;
    atomic_bool done;
};

static void *erase(void *context)
{
    struct erasing *erasing = context;
    assert_ok(epoch_store_erase(erasing->place->store, erasing->number, NOON + 86400));
    atomic_store(&erasing->done, true);
    return NULL;
}

static void test_erasure_waits_for_an_evaluation(void **state)
{
    struct place *place = *state;
    struct epoch epochs[LIMIT_EPOCHS_KNOWN], epoch;
    struct epoch_key *other;
    pthread_t thread;
    place->suite = VOPRF;
    assert_true(tick_at(place, NOON));
    epoch_store_list(place->store, epochs);
    struct erasing erasing = { .place = place, .number = epochs[0].number };
    struct epoch_key *first = borrow(place, epochs[0].id), *second = borrow(place, epochs[0].id);
    assert_int_equal(pthread_create(&thread, NULL, erase, &erasing), 0);
    while (epoch_store_borrow(place->store, epochs[0].id, VOPRF, place->now_ms, &epoch,
                              &other).reason == REASON_NONE)
        epoch_key_give_back(other); /* until the erasure began: from then on nobody gets it */
    epoch_key_give_back(first);
    usleep(20000);
    assert_false(atomic_load(&erasing.done));
    struct platesieve_element public_key = platesieve_voprf_public_key(epoch_key_pair(second));
    assert_memory_equal(&public_key, &epochs[0].public_key, sizeof public_key); /* still there for who has it */
    epoch_key_give_back(second);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(atomic_load(&erasing.done));
}

static void test_a_pair_under_another_name_is_noticed(void **state)
{
    struct place *place = *state;
    struct epoch epochs[LIMIT_EPOCHS_KNOWN], wrong;
    uint8_t seed[PLATESIEVE_SEED_BYTES] = { 5 };
    place->suite = VOPRF;
    assert_true(tick_at(place, NOON));
    epoch_store_list(place->store, epochs);
    assert_ok(epoch_file_write(place->folder, master, &epochs[0], seed)); /* another seed than the key id says */
    assert_fails(reopen(place), REASON_INTERNAL);
    wrong = epochs[0];
    assert_ok(epoch_file_erase(place->folder, &wrong));
    wrong.erased = true;
    wrong.public_key = epochs[1].public_key;
    assert_ok(epoch_file_write(place->folder, master, &wrong, NULL));
    assert_fails(reopen(place), REASON_INTERNAL);
    wrong.public_key = epochs[0].public_key;
    assert_ok(epoch_file_write(place->folder, master, &wrong, NULL));
    assert_ok(reopen(place));
}

/* -- shares -------------------------------------------------------------------------------------------------------- */

static void give_share(struct place *place, unsigned server)
{
    struct share share = { .server = server, .ceremony = "ceremony-of-test" };
    uint8_t seeds[PLATESIEVE_KEY_SERVERS][PLATESIEVE_SEED_BYTES];
    for (unsigned i = 0; i < PLATESIEVE_KEY_SERVERS; i++) memset(seeds[i], (int)i + 1, sizeof seeds[i]);
    seed_tree_plant(&share.lower, seeds[server == 1 ? 1 : 0]);
    seed_tree_plant(&share.higher, seeds[server == 3 ? 1 : 2]);
    epoch_store_close(place->store);
    place->store = NULL;
    assert_ok(epoch_store_give_share(place->folder, master, &share, place->errors));
    assert_ok(epoch_store_open(place->folder, master, place->errors, &place->store));
    place->suite = VOPRF;
}

/* The epochs of this store have keys as before; new ones have shares, the same after a restart. */
static void test_shares(void **state)
{
    struct place *place = *state;
    struct epoch before[LIMIT_EPOCHS_KNOWN], after[LIMIT_EPOCHS_KNOWN];
    place->suite = VOPRF;
    assert_true(tick_at(place, NOON));
    size_t whole = epoch_store_list(place->store, before);
    assert_false(epoch_store_shares(place->store));
    give_share(place, 2);
    assert_true(epoch_store_shares(place->store));
    assert_int_equal(epoch_store_server(place->store), 2);
    assert_true(tick_at(place, NOON + 3 * 3600));
    size_t count = epoch_store_list(place->store, before);
    assert_true(count > whole);
    for (size_t i = 0; i < count; i++) assert_int_equal(before[i].server, i < whole ? 0 : 2);
    assert_ok(reopen(place));
    assert_int_equal(epoch_store_list(place->store, after), count);
    assert_memory_equal(before, after, count * sizeof before[0]);
}

/* Three stores, one line: the epochs of servers that were started at other times belong together. */
static void test_shares_of_three(void **state)
{
    struct place *place = *state, *others[2];
    struct epoch of[3][LIMIT_EPOCHS_KNOWN];
    struct platesieve_element keys[3];
    assert_int_equal(set_up((void **)&others[0]), 0);
    assert_int_equal(set_up((void **)&others[1]), 0);
    struct place *places[3] = { place, others[0], others[1] };
    for (unsigned i = 0; i < 3; i++) {
        give_share(places[i], i + 1);
        if (i != 1) assert_true(tick_at(places[i], NOON - 7200 - i * 5));
        assert_true(tick_at(places[i], NOON + i * 7));
        size_t count = epoch_store_list(places[i]->store, of[i]);
        of[i][0] = of[i][count - 1]; /* the latest */
    }
    for (unsigned i = 1; i < 3; i++) {
        assert_string_equal(of[i][0].id, of[0][0].id);
        assert_int_equal(of[i][0].number, of[0][0].number);
    }
    for (unsigned i = 0; i < 3; i++) {
        unsigned k = (i + 1) % 3;
        assert_int_equal(platesieve_voprf_combine(i + 1, &of[i][0].public_key, k + 1, &of[k][0].public_key, &keys[i]).reason,
                         PLATESIEVE_OK);
        assert_memory_equal(&keys[i], &keys[0], sizeof keys[0]);
    }
    assert_int_equal(tear_down((void **)&others[0]), 0);
    assert_int_equal(tear_down((void **)&others[1]), 0);
}

/* What was erased can't be made again, by whoever has the files and the master key. */
static void test_shares_are_forgotten(void **state)
{
    struct place *place = *state;
    struct epoch epochs[LIMIT_EPOCHS_KNOWN], added;
    uint8_t secret[SHARE_SECRET_BYTES];
    struct share *share = calloc(1, sizeof *share);
    give_share(place, 1);
    assert_true(tick_at(place, NOON));
    assert_ok(share_load(place->folder, master, share));
    assert_ok(share_secret(share, NOON, secret));
    assert_true(tick_at(place, NOON + 5 * 3600));
    assert_ok(share_load(place->folder, master, share));
    assert_int_equal(share_secret(share, NOON, secret).reason, REASON_GONE);
    assert_int_equal(share_secret(share, NOON - 3600, secret).reason, REASON_GONE);
    size_t count = epoch_store_list(place->store, epochs);
    for (size_t i = 0; i < count; i++) /* those that live have all that they need */
        assert_int_equal(share_secret(share, epochs[i].span.opens_s, secret).reason,
                         epochs[i].erased ? REASON_GONE : REASON_NONE);
    assert_ok(reopen(place));
    struct span span = { NOON - 3600, NOON, NOON };
    assert_int_equal(epoch_store_add(place->store, &span, VOPRF, &added).reason, REASON_GONE);
    assert_int_equal(epoch_store_list(place->store, epochs), count);
    free(share);
}

static void test_a_broken_share(void **state)
{
    struct place *place = *state;
    char path[100];
    give_share(place, 3);
    epoch_store_close(place->store);
    place->store = NULL;
    struct share *share = calloc(1, sizeof *share);
    assert_int_equal(epoch_store_give_share(place->folder, other_master, share, place->errors).reason, REASON_INTERNAL);
    free(share);
    snprintf(path, sizeof path, "%s/share", place->folder);
    assert_int_equal(truncate(path, 100), 0);
    assert_int_equal(epoch_store_open(place->folder, master, place->errors, &place->store).reason, REASON_INTERNAL);
}

/* Who shared keys does not go on with whole ones; with another share it does. */
static void test_a_missing_share(void **state)
{
    struct place *place = *state;
    char path[100];
    give_share(place, 2);
    assert_true(tick_at(place, NOON));
    epoch_store_close(place->store);
    place->store = NULL;
    snprintf(path, sizeof path, "%s/share", place->folder);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(epoch_store_open(place->folder, master, place->errors, &place->store).reason, REASON_INTERNAL);
    give_share(place, 2);
    assert_true(epoch_store_shares(place->store));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PLACE(test_pairs_survive_a_restart_and_suites_live_side_by_side),
        WITH_PLACE(test_erased_pairs_leave_their_public_key),
        WITH_PLACE(test_erasure_waits_for_an_evaluation),
        WITH_PLACE(test_a_pair_under_another_name_is_noticed),
        WITH_PLACE(test_shares),
        WITH_PLACE(test_shares_of_three),
        WITH_PLACE(test_shares_are_forgotten),
        WITH_PLACE(test_a_broken_share),
        WITH_PLACE(test_a_missing_share),
    };
    if (platesieve_failed(platesieve_init())) return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
