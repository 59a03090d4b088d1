/* The book of epochs under a scripted clock. */
#include "server/gate/keys/epoch_book.h"
#include "tests/unit/unit.h"

#define DAY INT64_C(86400000)
#define HOUR INT64_C(3600000)

static struct keys_epoch epoch(uint64_t number)
{
    struct keys_epoch made = { .number = number, .opens_ms = (int64_t)number * DAY };

    snprintf(made.id, sizeof(made.id), "epoch-%llu", (unsigned long long)number);
    memset(made.key_id, (int)number, sizeof(made.key_id));
    made.closes_ms = made.opens_ms + DAY + HOUR;
    made.destroyed_ms = made.closes_ms + HOUR;
    return made;
}

static struct keys_answer answer(uint64_t first, size_t count)
{
    struct keys_answer made = { .count = count };

    for (size_t i = 0; i < count; i++) made.epochs[i] = epoch(first + i);
    return made;
}

static void takes_living(void **state)
{
    struct epoch_book *book = calloc(1, sizeof(*book));
    struct keys_answer said = answer(10, 5);
    uint64_t lowest;

    (void)state;
    assert_false(epoch_book_lowest(book, &lowest));
    said.epochs[3].destroyed = true; /* of a server that had reason to */
    assert_true(epoch_book_merge(book, &said, 12 * DAY));
    /* 10 is past its time at 11 days and 2 hours */
    assert_int_equal(book->count, 3);
    assert_int_equal(book->epochs[0].known.number, 11);
    assert_int_equal(book->epochs[2].known.number, 14);
    assert_true(epoch_book_lowest(book, &lowest));
    assert_int_equal(lowest, 11);
    assert_false(epoch_book_merge(book, &said, 12 * DAY));
    assert_false(book->other_key || book->full);
    free(book);
}

/* A key server that forgets an epoch, or answers nothing, takes none from us. */
static void keeps_until_their_time(void **state)
{
    struct epoch_book *book = calloc(1, sizeof(*book));
    struct keys_answer said = answer(10, 2), none = answer(0, 0);
    struct booked_epoch over;

    (void)state;
    (void)epoch_book_merge(book, &said, 10 * DAY);
    book->epochs[0].loaded = true;
    assert_false(epoch_book_merge(book, &none, 10 * DAY));
    assert_int_equal(book->count, 2);
    assert_false(epoch_book_take_over(book, 11 * DAY + 2 * HOUR - 1, &over));
    assert_true(epoch_book_take_over(book, 11 * DAY + 2 * HOUR, &over));
    assert_int_equal(over.known.number, 10);
    assert_true(over.loaded);
    assert_false(epoch_book_take_over(book, 11 * DAY + 2 * HOUR, &over));
    assert_int_equal(book->count, 1);
    assert_true(epoch_book_take_over(book, 99 * DAY, &over));
    assert_int_equal(over.known.number, 11);
    assert_int_equal(book->count, 0);
    /* and it does not come back */
    assert_false(epoch_book_merge(book, &said, 99 * DAY));
    free(book);
}

static void refuses_another_key(void **state)
{
    struct epoch_book *book = calloc(1, sizeof(*book));
    struct keys_answer said = answer(10, 2);

    (void)state;
    (void)epoch_book_merge(book, &said, 10 * DAY);
    for (int what = 0; what < 4; what++) {
        struct keys_answer other = said;

        if (what == 0) other.epochs[0].key_id[15] ^= 1;
        if (what == 1) other.epochs[0].opens_ms -= 1;
        if (what == 2) other.epochs[0].number = 9; /* the id of another number */
        if (what == 3) memcpy(other.epochs[0].id, "epoch-9", 8);
        other.epochs[0].destroyed = what != 0; /* it has no say over what it does not know */
        assert_false(epoch_book_merge(book, &other, 10 * DAY));
        assert_true(book->other_key);
        assert_int_equal(book->count, 2);
        assert_memory_equal(&book->epochs[0].known, &said.epochs[0], sizeof(said.epochs[0]));
        assert_false(epoch_book_merge(book, &said, 10 * DAY));
        assert_false(book->other_key);
    }
    free(book);
}

/* It lost its keys and made others, which it destroyed: none is left for the one that we know. */
static void ends_with_another_key(void **state)
{
    struct epoch_book *book = calloc(1, sizeof(*book));
    struct keys_answer said = answer(10, 2), other = said;
    struct booked_epoch over;

    (void)state;
    (void)epoch_book_merge(book, &said, 10 * DAY);
    other.epochs[1].key_id[0] ^= 1;
    other.epochs[1].destroyed = true;
    other.epochs[1].destroyed_ms = 10 * DAY + 1; /* before it opens */
    assert_true(epoch_book_merge(book, &other, 10 * DAY + 2));
    assert_false(book->other_key);
    assert_true(epoch_book_take_over(book, 10 * DAY + 2, &over));
    assert_int_equal(over.known.number, 11);
    assert_false(epoch_book_take_over(book, 10 * DAY + 2, &over));
    assert_false(epoch_book_merge(book, &other, 10 * DAY + 3)); /* and it does not come back */
    assert_int_equal(book->count, 1);
    free(book);
}

static void follows_times(void **state)
{
    struct epoch_book *book = calloc(1, sizeof(*book));
    struct keys_answer said = answer(10, 1);
    struct booked_epoch over;

    (void)state;
    (void)epoch_book_merge(book, &said, 10 * DAY);
    book->epochs[0].prepared = true;
    said.epochs[0].closes_ms += HOUR;
    said.epochs[0].destroyed_ms += 2 * HOUR;
    assert_true(epoch_book_merge(book, &said, 10 * DAY));
    assert_int_equal(book->epochs[0].known.closes_ms, 11 * DAY + 2 * HOUR);
    assert_false(book->epochs[0].prepared); /* the database must learn it */
    assert_true(book->epochs[0].moved);
    assert_false(epoch_book_take_over(book, 11 * DAY + 4 * HOUR - 1, &over));

    book->epochs[0].prepared = true;
    said.epochs[0].destroyed = true;
    assert_true(epoch_book_merge(book, &said, 10 * DAY + 5));
    assert_false(book->epochs[0].prepared);
    assert_true(epoch_book_take_over(book, 10 * DAY + 5, &over));
    assert_int_equal(over.known.destroyed_ms, 10 * DAY + 5);
    assert_true(over.known.opens_ms < over.known.closes_ms && over.known.closes_ms <= over.known.destroyed_ms);
    free(book);
}

static void has_a_limit(void **state)
{
    struct epoch_book *book = calloc(1, sizeof(*book));
    struct keys_answer first = answer(100, LIMIT_EPOCHS_KNOWN), later = answer(100 + LIMIT_EPOCHS_KNOWN, 1);

    (void)state;
    assert_true(epoch_book_merge(book, &first, 100 * DAY));
    assert_false(book->full);
    assert_false(epoch_book_merge(book, &later, 100 * DAY));
    assert_true(book->full);
    assert_int_equal(book->count, LIMIT_EPOCHS_KNOWN);
    free(book);
}

static void sorts_by_number(void **state)
{
    struct epoch_book *book = calloc(1, sizeof(*book));
    struct keys_answer late = answer(12, 2), early = answer(10, 2), all;
    uint64_t lowest;

    (void)state;
    (void)epoch_book_merge(book, &late, 10 * DAY);
    book->epochs[0].prepared = true;
    assert_true(epoch_book_merge(book, &early, 10 * DAY));
    for (size_t i = 0; i < 4; i++) assert_int_equal(book->epochs[i].known.number, 10 + i);
    assert_true(book->epochs[2].prepared); /* went with its epoch */
    book->epochs[0].lost = true;
    assert_true(epoch_book_lowest(book, &lowest));
    assert_int_equal(lowest, 11);
    epoch_book_answer(book, &all);
    assert_int_equal(all.count, 4);
    assert_memory_equal(&all.epochs[3], &late.epochs[1], sizeof(all.epochs[3]));
    free(book);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_living),
        cmocka_unit_test(keeps_until_their_time),
        cmocka_unit_test(refuses_another_key),
        cmocka_unit_test(ends_with_another_key),
        cmocka_unit_test(follows_times),
        cmocka_unit_test(has_a_limit),
        cmocka_unit_test(sorts_by_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
