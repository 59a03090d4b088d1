/* What three key servers tell becomes one answer: who is believed, who is named, and what is left out. */
#include "server/gate/keys/shares.h"

#include <sodium.h>

#include "tests/unit/unit.h"

#define NOON INT64_C(1795348800000)
#define DAY INT64_C(86400000)
#define EPOCHS 3

struct scene {
    struct keys_told told;
    struct epoch_book book;
    struct keys_answer answer;
    struct keys_report report;
    struct platesieve_element keys[EPOCHS], stray; /* public keys; some other element */
};

static uint8_t seeds[PLATESIEVE_KEY_SERVERS][PLATESIEVE_SEED_BYTES];

static struct platesieve_element share_of(unsigned server, const char *id)
{
    struct platesieve_voprf_key *key = NULL;
    unsigned lower = server == 1 ? 1 : 0, higher = server == 3 ? 1 : 2;

    assert_int_equal(platesieve_voprf_key_share(server, seeds[lower], seeds[higher], id, &key).reason, PLATESIEVE_OK);
    struct platesieve_element share = platesieve_voprf_public_key(key);
    platesieve_voprf_key_destroy(key);
    return share;
}

static struct keys_epoch epoch_of(unsigned server, unsigned number)
{
    struct keys_epoch epoch = { .number = 10 + number,
                                .suite = PLATESIEVE_VOPRF_RISTRETTO255_SHA512,
                                .server = server,
                                .opens_ms = NOON + number * DAY,
                                .closes_ms = NOON + (number + 1) * DAY,
                                .destroyed_ms = NOON + (number + 1) * DAY + 1000 };

    snprintf(epoch.id, sizeof(epoch.id), "epoch-%u", number);
    epoch.public_key = share_of(server, epoch.id);
    return epoch;
}

static int set_up(void **state)
{
    struct scene *scene = calloc(1, sizeof(*scene));

    for (unsigned i = 0; i < PLATESIEVE_KEY_SERVERS; i++) memset(seeds[i], (int)i + 1, sizeof(seeds[i]));
    scene->told.count = PLATESIEVE_KEY_SERVERS;
    for (unsigned server = 1; server <= PLATESIEVE_KEY_SERVERS; server++) {
        scene->told.servers[server - 1].answered = true;
        scene->told.servers[server - 1].answer.count = EPOCHS;
        for (unsigned i = 0; i < EPOCHS; i++)
            scene->told.servers[server - 1].answer.epochs[i] = epoch_of(server, i);
    }
    for (unsigned i = 0; i < EPOCHS; i++) {
        struct platesieve_element one = share_of(1, epoch_of(1, i).id), two = share_of(2, epoch_of(2, i).id);

        assert_int_equal(platesieve_voprf_combine(1, &one, 2, &two, &scene->keys[i]).reason, PLATESIEVE_OK);
    }
    scene->stray = share_of(1, "another");
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

static struct keys_epoch *told(struct scene *scene, unsigned server, unsigned number)
{
    return &scene->told.servers[server - 1].answer.epochs[number];
}

static void combine(struct scene *scene, bool only_shared)
{
    keys_shares_combine(&scene->told, &scene->book, only_shared, &scene->answer, &scene->report);
}

static void pin(struct scene *scene, unsigned number)
{
    struct keys_epoch *known = &scene->book.epochs[scene->book.count++].known;

    *known = epoch_of(1, number);
    known->server = 0;
    known->public_key = scene->keys[number];
    assert_int_equal(platesieve_voprf_key_id(&known->public_key, known->key_id).reason, PLATESIEVE_OK);
}

/* Epochs FIRST to EPOCHS are there, whole, under the whole key, in any order. */
static void assert_all_but(struct scene *scene, unsigned first)
{
    assert_int_equal(scene->answer.count, EPOCHS - first);
    for (unsigned i = 0; i < scene->answer.count; i++) {
        const struct keys_epoch *epoch = &scene->answer.epochs[i];
        uint8_t key_id[PLATESIEVE_KEY_ID_BYTES];
        unsigned number = (unsigned)epoch->number - 10;

        assert_true(number >= first && number < EPOCHS);
        assert_int_equal(epoch->server, 0);
        assert_memory_equal(&epoch->public_key, &scene->keys[number], sizeof(epoch->public_key));
        assert_int_equal(platesieve_voprf_key_id(&epoch->public_key, key_id).reason, PLATESIEVE_OK);
        assert_memory_equal(epoch->key_id, key_id, sizeof(key_id));
        assert_int_equal(epoch->opens_ms, NOON + number * DAY);
        assert_false(epoch->destroyed);
    }
}

static void assert_faults(struct scene *scene, enum keys_fault one, enum keys_fault two, enum keys_fault three)
{
    assert_int_equal(scene->report.faults[0], one);
    assert_int_equal(scene->report.faults[1], two);
    assert_int_equal(scene->report.faults[2], three);
}

static void all_agree(void **state)
{
    struct scene *scene = *state;

    assert_true(keys_told_shares(&scene->told));
    combine(scene, true);
    assert_all_but(scene, 0);
    assert_faults(scene, KEYS_FINE, KEYS_FINE, KEYS_FINE);
    assert_false(scene->report.contradiction);
    for (unsigned i = 0; i < 3; i++) assert_int_equal(scene->report.shares[i], i + 1);
}

/* Two are enough, one is not. */
static void some_are_away(void **state)
{
    struct scene *scene = *state;

    for (unsigned away = 0; away < 3; away++) {
        scene->told.servers[away].answered = false;
        combine(scene, true);
        assert_all_but(scene, 0);
        scene->told.servers[(away + 1) % 3].answered = false;
        combine(scene, true);
        assert_int_equal(scene->answer.count, 0);
        assert_false(scene->report.contradiction);
        scene->told.servers[away].answered = scene->told.servers[(away + 1) % 3].answered = true;
    }
}

static void a_liar_about_what_is_pinned(void **state)
{
    struct scene *scene = *state;

    pin(scene, 0);
    for (unsigned liar = 1; liar <= 3; liar++) {
        told(scene, liar, 0)->public_key = scene->stray;
        combine(scene, true);
        assert_all_but(scene, 0);
        for (unsigned i = 0; i < 3; i++)
            assert_int_equal(scene->report.faults[i], i + 1 == liar ? KEYS_WRONG_SHARE : KEYS_FINE);
        /* it is not believed about another either */
        told(scene, liar, 2)->public_key = scene->stray;
        combine(scene, true);
        assert_all_but(scene, 0);
        assert_false(scene->report.contradiction);
        *told(scene, liar, 0) = epoch_of(liar, 0);
        *told(scene, liar, 2) = epoch_of(liar, 2);
    }
}

/* It is named; its share is as good as ever.  When all are wrong, it is the gate's own clock. */
static void a_wrong_clock(void **state)
{
    struct scene *scene = *state;

    for (unsigned i = 0; i < 3; i++) {
        scene->told.servers[i].heard_ms = NOON;
        scene->told.servers[i].answer.now_ms = NOON - 1500;
    }
    scene->told.servers[1].answer.now_ms = NOON + 3600000;
    combine(scene, true);
    assert_all_but(scene, 0);
    assert_faults(scene, KEYS_FINE, KEYS_OTHER_CALENDAR, KEYS_FINE);
    scene->told.servers[0].answered = false;
    scene->told.servers[1].answer.now_ms = NOON - 3600000;
    combine(scene, true);
    assert_faults(scene, KEYS_FINE, KEYS_OTHER_CALENDAR, KEYS_FINE);
    scene->told.servers[2].answer.now_ms = NOON - 3600000;
    combine(scene, true);
    assert_faults(scene, KEYS_FINE, KEYS_FINE, KEYS_FINE);
    assert_all_but(scene, 0);
    scene->told.servers[2].answer.now_ms = 0; /* does not say */
    combine(scene, true);
    assert_faults(scene, KEYS_FINE, KEYS_OTHER_CALENDAR, KEYS_FINE);
}

/* About what is new nobody can tell who it is. */
static void a_liar_about_what_is_new(void **state)
{
    struct scene *scene = *state;

    told(scene, 2, 0)->public_key = scene->stray;
    combine(scene, true);
    assert_all_but(scene, 1);
    assert_true(scene->report.contradiction);
    assert_faults(scene, KEYS_FINE, KEYS_FINE, KEYS_FINE);
    told(scene, 2, 0)->server = 1; /* two that say they are the same */
    *told(scene, 2, 0) = epoch_of(1, 0);
    combine(scene, true);
    assert_all_but(scene, 1);
    assert_true(scene->report.contradiction);
}

static void two_liars(void **state)
{
    struct scene *scene = *state;

    pin(scene, 0);
    told(scene, 1, 0)->public_key = told(scene, 2, 0)->public_key = scene->stray;
    combine(scene, true);
    assert_all_but(scene, 1);
    assert_true(scene->report.contradiction);
}

static void whole_keys_among_shares(void **state)
{
    struct scene *scene = *state;
    struct keys_epoch whole = epoch_of(1, 0);

    whole.server = 0;
    assert_int_equal(platesieve_voprf_key_id(&whole.public_key, whole.key_id).reason, PLATESIEVE_OK);
    *told(scene, 3, 0) = whole;
    combine(scene, false);
    assert_all_but(scene, 0);
    assert_faults(scene, KEYS_FINE, KEYS_FINE, KEYS_WHOLE_KEY);
    /* nobody else knows it: believed only where whole keys are */
    scene->told.servers[0].answered = scene->told.servers[1].answered = false;
    scene->told.servers[2].answer.count = 1;
    combine(scene, true);
    assert_int_equal(scene->answer.count, 0);
    combine(scene, false);
    assert_int_equal(scene->answer.count, 1);
    assert_memory_equal(&scene->answer.epochs[0], &whole, sizeof(whole));
    assert_false(keys_told_shares(&scene->told));
    /* and against one share it is not */
    scene->told.servers[1].answered = true;
    combine(scene, false);
    for (size_t i = 0; i < scene->answer.count; i++) assert_string_not_equal(scene->answer.epochs[i].id, "epoch-0");
}

/* An epoch that began before there were three: the others' shares of it are of no use. */
static void a_whole_key_that_is_pinned(void **state)
{
    struct scene *scene = *state;
    struct keys_epoch whole = epoch_of(1, 0);

    whole.server = 0;
    whole.public_key = scene->stray;
    assert_int_equal(platesieve_voprf_key_id(&whole.public_key, whole.key_id).reason, PLATESIEVE_OK);
    *told(scene, 1, 0) = scene->book.epochs[scene->book.count++].known = whole;
    combine(scene, false);
    assert_int_equal(scene->answer.count, EPOCHS);
    assert_memory_equal(&scene->answer.epochs[0], &whole, sizeof(whole));
    assert_faults(scene, KEYS_FINE, KEYS_FINE, KEYS_FINE);
    assert_false(scene->report.contradiction);
    combine(scene, true); /* nothing but shares: they are not of this key */
    assert_all_but(scene, 1);
    assert_true(scene->report.contradiction);
}

static void calendars(void **state)
{
    struct scene *scene = *state;

    told(scene, 1, 0)->closes_ms += 1000;
    told(scene, 2, 1)->number += 5;
    told(scene, 3, 2)->destroyed_ms -= 1000;
    combine(scene, true);
    assert_all_but(scene, 0);
    assert_int_equal(scene->answer.epochs[0].closes_ms, NOON + DAY);
    assert_int_equal(scene->answer.epochs[2].destroyed_ms, NOON + 3 * DAY + 1000);
    assert_faults(scene, KEYS_OTHER_CALENDAR, KEYS_OTHER_CALENDAR, KEYS_OTHER_CALENDAR);
    told(scene, 2, 0)->closes_ms += 2000; /* three calendars */
    combine(scene, true);
    assert_true(scene->report.contradiction);
}

/* One server's word is not enough to give an epoch up. */
static void destruction(void **state)
{
    struct scene *scene = *state;

    pin(scene, 0);
    told(scene, 1, 0)->destroyed = true;
    told(scene, 1, 0)->destroyed_ms = NOON - 5;
    combine(scene, true);
    assert_all_but(scene, 0);
    assert_int_equal(scene->answer.epochs[0].destroyed_ms, NOON + DAY + 1000);
    told(scene, 3, 0)->destroyed = true;
    combine(scene, true);
    assert_true(scene->answer.epochs[0].destroyed);
}

/* After another ceremony: what all say of an epoch that is pinned is a contradiction, until two of them destroyed it. */
static void another_ceremony(void **state)
{
    struct scene *scene = *state;

    pin(scene, 0);
    for (unsigned i = 0; i < PLATESIEVE_KEY_SERVERS; i++) memset(seeds[i], (int)i + 100, sizeof(seeds[i]));
    for (unsigned server = 1; server <= PLATESIEVE_KEY_SERVERS; server++) *told(scene, server, 0) = epoch_of(server, 0);
    for (unsigned destroyed = 0; destroyed <= PLATESIEVE_KEY_SERVERS; destroyed++) {
        combine(scene, true);
        assert_int_equal(scene->report.contradiction, destroyed < 2);
        assert_int_equal(scene->answer.count, destroyed < 2 ? EPOCHS - 1 : EPOCHS);
        if (destroyed >= 2) {
            assert_string_equal(scene->answer.epochs[0].id, scene->book.epochs[0].known.id);
            assert_true(scene->answer.epochs[0].destroyed);
            assert_memory_not_equal(scene->answer.epochs[0].key_id, scene->book.epochs[0].known.key_id, PLATESIEVE_KEY_ID_BYTES);
        }
        if (destroyed < PLATESIEVE_KEY_SERVERS) told(scene, destroyed + 1, 0)->destroyed = true;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_agree, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_ceremony, set_up, tear_down),
        cmocka_unit_test_setup_teardown(some_are_away, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_liar_about_what_is_pinned, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_wrong_clock, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_liar_about_what_is_new, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_liars, set_up, tear_down),
        cmocka_unit_test_setup_teardown(whole_keys_among_shares, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_whole_key_that_is_pinned, set_up, tear_down),
        cmocka_unit_test_setup_teardown(calendars, set_up, tear_down),
        cmocka_unit_test_setup_teardown(destruction, set_up, tear_down),
    };

    return platesieve_init().reason != PLATESIEVE_OK || cmocka_run_group_tests(tests, NULL, NULL);
}
