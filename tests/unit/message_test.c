/* Messages: every grade, both sides, and what `near` promises. */
#include <platesieve/platesieve.h>

#include "include/cleanup.h"
#include "tests/unit/cmocka_all.h"

#define PAIRS 20000
#define SEED 20261122u

struct set {
    struct platesieve_message messages[PLATESIEVE_NEAR_MAX];
    size_t count;
};

static const struct platesieve_jurisdiction unknown = { "" };

static struct platesieve_plate plate_of(const char *text)
{
    struct platesieve_plate plate;

    assert_int_equal(platesieve_plate_canonicalise(text, strlen(text), &plate).reason, PLATESIEVE_OK);
    return plate;
}

static struct set near_of(const char *text, enum platesieve_side side)
{
    struct platesieve_plate plate = plate_of(text);
    struct set set;

    assert_int_equal(platesieve_messages(&plate, &unknown, PLATESIEVE_NEAR, side, set.messages, &set.count).reason, PLATESIEVE_OK);
    return set;
}

static void check_single(const char *text, const char *jurisdiction, enum platesieve_grade grade, const char *expected, size_t size)
{
    struct platesieve_plate plate = plate_of(text);
    struct platesieve_jurisdiction mapped = { "" };
    struct platesieve_message list, lane;
    size_t count;

    snprintf(mapped.code, sizeof mapped.code, "%s", jurisdiction);
    assert_int_equal(platesieve_messages(&plate, &mapped, grade, PLATESIEVE_SIDE_LIST, &list, &count).reason, PLATESIEVE_OK);
    assert_int_equal(count, 1);
    assert_int_equal(platesieve_messages(&plate, &mapped, grade, PLATESIEVE_SIDE_LANE, &lane, &count).reason, PLATESIEVE_OK);
    assert_int_equal(count, 1);
    assert_memory_equal(&list, &lane, sizeof list);
    assert_int_equal(list.length, size);
    assert_memory_equal(list.bytes, expected, size);
}

#define CHECK_SINGLE(text, jurisdiction, grade, expected) check_single(text, jurisdiction, grade, expected, sizeof(expected) - 1)

static void test_single(void **state)
{
    (void)state;
    CHECK_SINGLE("QQ-00.QQ0", "US-TX", PLATESIEVE_FULL, "platesieve/1\0full\0US-TX\0QQ00QQ0");
    CHECK_SINGLE("QQ-00.QQ0", "NL", PLATESIEVE_FULL, "platesieve/1\0full\0NL\0QQ00QQ0");
    CHECK_SINGLE("QQ-00.QQ0", "US-TX", PLATESIEVE_PLATE, "platesieve/1\0plate\0\0QQ00QQ0");
    CHECK_SINGLE("QQ-00.QQ0", "", PLATESIEVE_PLATE, "platesieve/1\0plate\0\0QQ00QQ0");
    CHECK_SINGLE("QQ-00.QQ0", "US-TX", PLATESIEVE_SIMILAR, "platesieve/1\0similar\0\0" "0000000");
    CHECK_SINGLE("QQ-00.QQ0", "", PLATESIEVE_SIMILAR, "platesieve/1\0similar\0\0" "0000000");
    CHECK_SINGLE("ABCDEFGHIJKL", "MX-BCN", PLATESIEVE_FULL, "platesieve/1\0full\0MX-BCN\0ABCDEFGHIJKL");
}

static void check_near(const char *text, enum platesieve_side side, const char *const *texts, size_t count)
{
    static const char head[] = "platesieve/1\0near\0";
    struct set set = near_of(text, side);

    assert_int_equal(set.count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(set.messages[i].length, sizeof head + strlen(texts[i]));
        assert_memory_equal(set.messages[i].bytes, head, sizeof head);
        assert_memory_equal(set.messages[i].bytes + sizeof head, texts[i], strlen(texts[i]));
    }
}

/* Folded: 201A5. */
static void test_near_texts(void **state)
{
    static const char *const list[] = { "+201A5",
                                        "201?5", "201A?", "20?A5", "2?1A5",
                                        "=01A5", "=2015", "=201A", "=20A5", "=21A5",
                                        "?01A5" };
    static const char *const lane[] = { "+01A5", "+2015", "+201A", "+20A5", "+21A5",
                                        "201?5", "201A?", "20?A5", "2?1A5",
                                        "=201A5",
                                        "?01A5" };

    (void)state;
    check_near("ZO-1AS", PLATESIEVE_SIDE_LIST, list, ARRAY_LENGTH(list));
    check_near("ZO-1AS", PLATESIEVE_SIDE_LANE, lane, ARRAY_LENGTH(lane));
}

/* One short of the least length: the whole only, which meets a five-character text that has one more. */
static void test_near_of_four(void **state)
{
    static const char *const list[] = { "+AC94" };
    static const char *const lane[] = { "=AC94" };

    (void)state;
    check_near("AC94", PLATESIEVE_SIDE_LIST, list, ARRAY_LENGTH(list));
    check_near("AC94", PLATESIEVE_SIDE_LANE, lane, ARRAY_LENGTH(lane));
}

/* 2n+1 before duplicates: a run loses the same text wherever it is shortened. */
static void test_near_duplicates(void **state)
{
    (void)state;
    assert_int_equal(near_of("QQ00QQ0", PLATESIEVE_SIDE_LANE).count, 7 + 1 + 1);
    assert_int_equal(near_of("QQ00QQ0", PLATESIEVE_SIDE_LIST).count, 7 + 1 + 1);
    assert_int_equal(near_of("ACEFHJKMNPRT", PLATESIEVE_SIDE_LIST).count, PLATESIEVE_NEAR_MAX);
}

static void test_failures(void **state)
{
    struct platesieve_plate short_plate = plate_of("AC9"), plate = plate_of("AC947");
    struct platesieve_jurisdiction overlong;
    struct set set = { .count = 99 };

    (void)state;
    memset(&overlong, 'X', sizeof overlong);
#define REASON(plate_, jurisdiction_, grade_, side_) \
    platesieve_messages(&(plate_), &(jurisdiction_), grade_, side_, set.messages, &set.count).reason
    assert_int_equal(REASON(short_plate, unknown, PLATESIEVE_NEAR, PLATESIEVE_SIDE_LANE), PLATESIEVE_TOO_SHORT_FOR_NEAR);
    assert_int_equal(set.count, 0);
    set.count = 99;
    assert_int_equal(REASON(plate, unknown, PLATESIEVE_FULL, PLATESIEVE_SIDE_LIST), PLATESIEVE_UNKNOWN_JURISDICTION);
    assert_int_equal(set.count, 0);
    assert_int_equal(REASON(plate, overlong, PLATESIEVE_FULL, PLATESIEVE_SIDE_LIST), PLATESIEVE_BAD_ARGUMENT);
    assert_int_equal(REASON(plate, unknown, (enum platesieve_grade)4, PLATESIEVE_SIDE_LIST), PLATESIEVE_BAD_ARGUMENT);
    assert_int_equal(REASON(plate, unknown, PLATESIEVE_NEAR, (enum platesieve_side)2), PLATESIEVE_BAD_ARGUMENT);
    plate.length = PLATESIEVE_PLATE_MAX + 1;
    assert_int_equal(REASON(plate, unknown, PLATESIEVE_PLATE, PLATESIEVE_SIDE_LIST), PLATESIEVE_BAD_ARGUMENT);
    plate.length = 0;
    assert_int_equal(REASON(plate, unknown, PLATESIEVE_PLATE, PLATESIEVE_SIDE_LIST), PLATESIEVE_BAD_ARGUMENT);
#undef REASON
}

static void test_names(void **state)
{
    enum platesieve_grade grade;

    (void)state;
    for (int i = 0; i < PLATESIEVE_GRADES; i++) {
        assert_true(platesieve_grade_parse(platesieve_grade_name((enum platesieve_grade)i), &grade));
        assert_int_equal(grade, i);
    }
    assert_false(platesieve_grade_parse("", &grade));
    assert_false(platesieve_grade_parse("Full", &grade));
    assert_false(platesieve_grade_parse("nearer", &grade));
    assert_string_equal(platesieve_grade_name((enum platesieve_grade)7), "unknown");
}

/* -- what `near` promises: the sets of both sides meet exactly when one edit, or none, lies between the texts ------------ */

static uint32_t draw(uint32_t *seed, uint32_t below)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % below;
}

static unsigned smallest(unsigned a, unsigned b, unsigned c)
{
    unsigned least = a < b ? a : b;

    return least < c ? least : c;
}

static unsigned edit_distance(const char *a, const char *b)
{
    unsigned row[2][PLATESIEVE_PLATE_MAX + 2];
    size_t length_a = strlen(a), length_b = strlen(b);

    for (size_t j = 0; j <= length_b; j++)
        row[0][j] = (unsigned)j;
    for (size_t i = 1; i <= length_a; i++) {
        unsigned *before = row[(i + 1) % 2], *here = row[i % 2];

        here[0] = (unsigned)i;
        for (size_t j = 1; j <= length_b; j++)
            here[j] = smallest(before[j] + 1, here[j - 1] + 1, before[j - 1] + (a[i - 1] != b[j - 1]));
    }
    return row[length_a % 2][length_b];
}

static bool sets_meet(const struct set *a, const struct set *b)
{
    for (size_t i = 0; i < a->count; i++)
        for (size_t j = 0; j < b->count; j++)
            if (memcmp(&a->messages[i], &b->messages[j], sizeof a->messages[i]) == 0)
                return true;
    return false;
}

static void check_is_set(const struct set *set, size_t length)
{
    assert_true(set->count >= 1 && set->count <= 2 * length + 1);
    for (size_t i = 0; i < set->count; i++) {
        assert_true(set->messages[i].length <= PLATESIEVE_MESSAGE_MAX);
        assert_true(i == 0 || memcmp(set->messages[i - 1].bytes, set->messages[i].bytes, PLATESIEVE_MESSAGE_MAX) < 0);
    }
}

/* COUNT edits of FROM; few different characters, so that runs and repeats are frequent.  None of them folds. */
static void edit(const char *from, uint32_t count, uint32_t *seed, char to[PLATESIEVE_PLATE_MAX + 2])
{
    static const char characters[] = "A47C";
    size_t length = strlen(from);

    memcpy(to, from, length + 1);
    while (count-- > 0) {
        size_t place = draw(seed, (uint32_t)length + 1);
        char drawn = characters[draw(seed, 4)];

        switch (draw(seed, 3)) {
        case 0:
            if (place < length)
                to[place] = drawn;
            break;
        case 1:
            if (place < length && length > PLATESIEVE_NEAR_LENGTH_MIN)
                memmove(to + place, to + place + 1, length-- - place);
            break;
        default:
            if (length < PLATESIEVE_PLATE_MAX) {
                memmove(to + place + 1, to + place, ++length - place);
                to[place] = drawn;
            }
        }
    }
}

static void test_near_meets_exactly_at_one_edit(void **state)
{
    uint32_t seed = SEED;
    unsigned met = 0, missed = 0;

    (void)state;
    for (unsigned i = 0; i < PAIRS; i++) {
        char a[PLATESIEVE_PLATE_MAX + 2] = "AAAAA", b[PLATESIEVE_PLATE_MAX + 2];
        struct set list, lane;
        bool meet;

        edit("A4C7A4C", 12, &seed, a);
        edit(a, draw(&seed, 4), &seed, b);
        list = near_of(a, PLATESIEVE_SIDE_LIST);
        lane = near_of(b, PLATESIEVE_SIDE_LANE);
        check_is_set(&list, strlen(a));
        check_is_set(&lane, strlen(b));
        meet = sets_meet(&list, &lane);
        if (meet != (edit_distance(a, b) <= 1))
            fail_msg("pair %u of seed %u: %s and %s", i, SEED, a, b);
        *(meet ? &met : &missed) += 1;
    }
    assert_true(met > PAIRS / 10 && missed > PAIRS / 10);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_single),   cmocka_unit_test(test_near_texts), cmocka_unit_test(test_near_of_four), cmocka_unit_test(test_near_duplicates),
        cmocka_unit_test(test_failures), cmocka_unit_test(test_names),      cmocka_unit_test(test_near_meets_exactly_at_one_edit),
    };

    return platesieve_failed(platesieve_init()) ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
