/* client/import/partial.c: which partial plates are taken, and that their messages are those of all plates that fit. */
#include "client/import/partial.h"

#include "tests/unit/cmocka_all.h"

static const struct platesieve_jurisdiction somewhere = { "NL" };

static void readings(void **unused)
{
    static const struct {
        const char *raw, *canonical; /* NULL: none */
        char wildcard;
        enum partial_fault fault;
        unsigned unknowns;
    } cases[] = {
        { "abo1??", "AB01??", 0, PARTIAL_FINE, 2 },
        { "?AB 12", "?AB12", 0, PARTIAL_FINE, 1 },
        { "QQ-7?-7?", "QQ7?7?", 0, PARTIAL_FINE, 2 },
        { "QQ77\xef\xbc\x9f", "QQ77?", 0, PARTIAL_FINE, 1 },
        { "\xd0\x90\xd0\x92\xd0\x9a" "7?", "ABK7?", 0, PARTIAL_FINE, 1 }, /* Cyrillic, which looks the same */
        { "QQ*7?7", "QQ?7?7", '*', PARTIAL_FINE, 2 },
        { "QQ*77?", "QQ77?", 0, PARTIAL_FINE, 1 }, /* a sign, unless somebody said otherwise */
        { "QQQQQ00000??", "QQQQQ00000??", 0, PARTIAL_FINE, 2 },
        { "QQQQQ000000??", NULL, 0, PARTIAL_TOO_LONG, 0 },
        { "?QQQQQ0000000", NULL, 0, PARTIAL_TOO_LONG, 0 },
        { "QQQQQ00000QQ00?", NULL, 0, PARTIAL_TOO_LONG, 0 },
        { "QQ77???", NULL, 0, PARTIAL_TOO_MANY, 0 },
        { "QQ7??", NULL, 0, PARTIAL_TOO_FEW, 0 },
        { "QQ7?", NULL, 0, PARTIAL_TOO_FEW, 0 },
        { "??", NULL, 0, PARTIAL_TOO_FEW, 0 },
        { "?", NULL, 0, PARTIAL_TOO_FEW, 0 },
        { "-?-", NULL, 0, PARTIAL_TOO_FEW, 0 },
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct platesieve_plate plate;
        unsigned unknowns;
        const size_t size = strlen(cases[i].raw);

        assert_true(partial_is(cases[i].raw, size, cases[i].wildcard));
        assert_int_equal(partial_read(cases[i].raw, size, cases[i].wildcard, &plate, &unknowns), cases[i].fault);
        if (cases[i].canonical == NULL) {
            assert_int_equal(plate.length, 0);
            continue;
        }
        assert_int_equal(unknowns, cases[i].unknowns);
        assert_int_equal(plate.length, strlen(cases[i].canonical));
        assert_memory_equal(plate.text, cases[i].canonical, plate.length);
    }
    assert_false(partial_is("QQ*_77", 6, 0));
}

/* Of the partial plate TEXT at GRADE, one after the other and sorted. */
static int compare(const void *left, const void *right)
{
    return memcmp(left, right, sizeof(struct platesieve_message));
}

static size_t distinct(struct platesieve_message *messages, size_t count)
{
    size_t kept = 0;

    qsort(messages, count, sizeof(*messages), compare);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || compare(&messages[i], &messages[i - 1]) != 0) messages[kept++] = messages[i];
    return kept;
}

/* Every plate that fits, made without partial.c; sorted, each once. */
static size_t fitting(const struct platesieve_plate *partial, enum platesieve_grade grade,
                      struct platesieve_message *messages)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNPQRSTUVWXYZ0123456789";
    size_t first = 0, second, count = 0, one;

    while (partial->text[first] != '?') first++;
    second = first + 1;
    while (second < partial->length && partial->text[second] != '?') second++;
    for (size_t i = 0; i < 35; i++)
        for (size_t k = 0; k < (second < partial->length ? 35 : 1); k++) {
            struct platesieve_plate plate = *partial;

            plate.text[first] = alphabet[i];
            if (second < partial->length) plate.text[second] = alphabet[k];
            assert_int_equal(platesieve_messages(&plate, &somewhere, grade, PLATESIEVE_SIDE_LIST, &messages[count], &one).reason,
                             PLATESIEVE_OK);
            count += one;
        }
    return distinct(messages, count);
}

static void messages_are_those_of_all_plates_that_fit(void **unused)
{
    static const char *const plates[] = { "ABC1??", "?BS12", "Z?Z?QQ", "I?OLS8", "QQQQQ00000??" };
    static struct platesieve_message wanted[LIMIT_ENTRY_TOKENS + PLATESIEVE_NEAR_MAX], made[LIMIT_ENTRY_TOKENS];

    (void)unused;
    for (size_t i = 0; i < sizeof(plates) / sizeof(plates[0]); i++)
        for (unsigned grade = 0; grade <= PLATESIEVE_SIMILAR; grade++) {
            struct platesieve_plate plate;
            struct platesieve_message itself;
            unsigned unknowns;
            size_t one, count;

            assert_int_equal(partial_read(plates[i], strlen(plates[i]), 0, &plate, &unknowns), PARTIAL_FINE);
            assert_int_equal(platesieve_messages(&plate, &somewhere, grade, PLATESIEVE_SIDE_LIST, &itself, &one).reason,
                             PLATESIEVE_OK);
            count = partial_count(grade, unknowns);
            assert_int_equal(count, (grade == PLATESIEVE_SIMILAR ? 27 : 35) * (unknowns == 1                 ? 1
                                                                               : grade == PLATESIEVE_SIMILAR ? 27
                                                                                                             : 35));
            for (size_t k = 0; k < count; k++) partial_message(&itself, grade, k, &made[k]);
            assert_int_equal(distinct(made, count), count); /* no token twice */
            assert_int_equal(fitting(&plate, grade, wanted), count);
            assert_memory_equal(made, wanted, count * sizeof(*made));
        }
    assert_int_equal(partial_count(PLATESIEVE_NEAR, 2), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readings),
        cmocka_unit_test(messages_are_those_of_all_plates_that_fit),
    };

    if (platesieve_failed(platesieve_init())) return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
