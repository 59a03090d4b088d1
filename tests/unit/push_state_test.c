/* client/push/state.c and client/push/seen.c: what is remembered of a list that was pushed. */
#include "client/push/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/push/seen.h"
#include "tests/unit/cmocka_all.h"

static char folder[] = "/tmp/platesieve-push-state-XXXXXX", path[64];
static const uint8_t check[PUSH_STATE_CONTENT_BYTES] = { 7 };

static int set_up(void **unused)
{
    (void)unused;
    if (mkdtemp(folder) == NULL) return 1;
    snprintf(path, sizeof(path), "%s/list.db", folder);
    return 0;
}

static void unlink_ending(const char *ending)
{
    char name[96];

    snprintf(name, sizeof(name), "%s%s", path, ending);
    (void)unlink(name);
}

static int clean(void **unused)
{
    (void)unused;
    push_state_drop(path);
    unlink_ending("");
    unlink_ending("-wal");
    return 0;
}

static int tear_down(void **unused)
{
    (void)unused;
    return rmdir(folder);
}

static struct push_state_row row_of(int64_t key, uint8_t content)
{
    struct push_state_row row = { .key = key, .content = { content }, .reference_size = 2, .reference = { 1, (uint8_t)key } };

    return row;
}

/* A list of COUNT entries, keys 1 to COUNT in falling order. */
static void make(int64_t count, uint32_t revision)
{
    struct push_state_head head = { .revision = revision, .epochs = "a=b" };
    struct push_state *anew = push_state_anew(path, check);

    assert_non_null(anew);
    for (int64_t key = count; key > 0; key--) {
        const struct push_state_row row = row_of(key, 1);

        assert_true(push_state_stage(anew, &row));
    }
    assert_true(push_state_finish(anew, &head));
    assert_int_equal(head.entries, count);
    push_state_close(anew);
}

static bool has(struct push_state *state, int64_t key, uint8_t content)
{
    uint8_t found[PUSH_STATE_CONTENT_BYTES] = { 0 };
    bool there;

    assert_true(push_state_find(state, key, &there, found));
    return there && found[0] == content;
}

static void test_a_list_anew(void **unused)
{
    struct push_state_head head;
    struct push_state *state;

    (void)unused;
    assert_false(push_state_anew_head(path, check, &head));
    make(1000, 3);
    assert_true(push_state_anew_head(path, check, &head));
    assert_int_equal(head.revision, 3);
    assert_string_equal(head.epochs, "a=b");
    assert_true(push_state_take(path));
    assert_false(push_state_anew_head(path, check, &head));
    state = push_state_open(path, check);
    assert_true(push_state_standing(state, &head));
    assert_int_equal(head.entries, 1000);
    assert_true(has(state, 1, 1) && has(state, 1000, 1));
    assert_false(has(state, 1001, 1));
    push_state_close(state);
}

static void test_a_key_twice_is_refused(void **unused)
{
    struct push_state_head head = { .revision = 1 };
    struct push_state *anew = push_state_anew(path, check);
    const struct push_state_row row = row_of(1, 1);

    (void)unused;
    assert_true(push_state_stage(anew, &row) && push_state_stage(anew, &row));
    assert_false(push_state_finish(anew, &head));
    push_state_close(anew);
    assert_false(push_state_anew_head(path, check, &head));
}

static bool count_each(void *context, const struct push_state_row *row)
{
    int64_t *sum = context;

    *sum += row->key;
    return row->key < 100;
}

/* Promised and not kept: both stand, over a crash.  Then one of the two. */
static void change(bool keep)
{
    struct push_state_head head = { .revision = 2 };
    const struct push_state_row changed = row_of(2, 9), added = row_of(11, 1);
    struct push_state *state;
    int64_t sum = 0;

    make(10, 1);
    assert_true(push_state_take(path));
    state = push_state_open(path, check);
    assert_false(push_state_promised(state, &head));
    head.revision = 2;
    assert_true(push_state_put(state, &changed) && push_state_put(state, &added) && push_state_remove(state, 5));
    assert_true(push_state_remove(state, 777)); /* never stood */
    assert_true(push_state_promise(state, &head));
    push_state_close(state);
    state = push_state_open(path, check);
    assert_true(push_state_promised(state, &head));
    assert_int_equal(head.revision, 2);
    assert_true(has(state, 2, 1) && has(state, 5, 1));
    assert_true(keep ? push_state_keep(state) : push_state_break(state));
    assert_false(push_state_promised(state, &head));
    assert_true(push_state_standing(state, &head));
    assert_int_equal(head.revision, keep ? 2 : 1);
    assert_int_equal(head.entries, 10);
    assert_int_equal(has(state, 2, 9), keep);
    assert_int_equal(has(state, 5, 1), !keep);
    assert_int_equal(has(state, 11, 1), keep);
    assert_true(push_state_each(state, count_each, &sum));
    assert_int_equal(sum, keep ? 55 - 5 + 11 : 55);
    push_state_close(state);
}

static void test_a_promise_is_kept(void **unused)
{
    (void)unused;
    change(true);
}

static void test_a_promise_is_broken(void **unused)
{
    (void)unused;
    change(false);
}

static void test_what_was_not_promised_is_gone(void **unused)
{
    const struct push_state_row row = row_of(1, 9);
    struct push_state_head head;
    struct push_state *state;

    (void)unused;
    make(3, 1);
    assert_true(push_state_take(path));
    state = push_state_open(path, check);
    assert_true(push_state_put(state, &row));
    push_state_close(state);
    state = push_state_open(path, check);
    assert_true(has(state, 1, 1) && !push_state_promised(state, &head));
    push_state_close(state);
}

static void test_another_key_begins_anew(void **unused)
{
    static const uint8_t other[PUSH_STATE_CONTENT_BYTES] = { 8 };
    struct push_state_head head;
    struct push_state *state;

    (void)unused;
    make(3, 1);
    assert_false(push_state_anew_head(path, other, &head));
    assert_true(push_state_take(path));
    state = push_state_open(path, other);
    assert_non_null(state);
    assert_false(push_state_standing(state, &head));
    push_state_close(state);
}

static void test_seen_grows(void **unused)
{
    struct seen *seen = seen_create();
    char text[32];

    (void)unused;
    for (int i = 0; i < 200000; i++) {
        snprintf(text, sizeof(text), "case %d", i);
        assert_false(seen_has(seen, text));
        assert_int_equal(seen_ask(seen, text, NULL, NULL), SEEN_NEVER);
    }
    for (int i = 0; i < 200000; i++) {
        snprintf(text, sizeof(text), "case %d", i);
        assert_true(seen_has(seen, text));
        assert_int_equal(seen_ask(seen, text, NULL, NULL), SEEN_WITH_THIS_PLATE);
    }
    seen_destroy(seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_a_list_anew, clean),
        cmocka_unit_test_teardown(test_a_key_twice_is_refused, clean),
        cmocka_unit_test_teardown(test_a_promise_is_kept, clean),
        cmocka_unit_test_teardown(test_a_promise_is_broken, clean),
        cmocka_unit_test_teardown(test_what_was_not_promised_is_gone, clean),
        cmocka_unit_test_teardown(test_another_key_begins_anew, clean),
        cmocka_unit_test(test_seen_grows),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
