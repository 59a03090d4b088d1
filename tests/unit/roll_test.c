/* The file of registered names: what it may say, and everything that nearly is; changing it; who wins. */
#include "server/http/roll.h"

#include "tests/unit/unit.h"

#define GATE (ROLE_READER | ROLE_AGENCY | ROLE_OPERATOR_GATE | ROLE_AUDITOR)

static bool parse(const char *text, struct roll *roll, struct roll_problem *problem)
{
    return roll_parse(text, strlen(text), GATE, roll, problem);
}

static void test_all_that_may_stand_there(void **state)
{
    struct roll roll;
    struct roll_problem problem;
    (void)state;
    assert_true(parse("; who is in\n# and why\n\n[reader/north/1]\r\n  quota=busy  \nsince = 2026-11-22T04:37:09.123Z\n"
                      "\tby = operator/gate/olga\n\n[operator/gate/olga]\nby = local/root\n[agency/customs/ana]\n",
                      &roll, &problem));
    assert_int_equal(roll.count, 3);
    const struct roll_entry *entry = roll_find(&roll, "reader/north/1");
    assert_non_null(entry);
    assert_string_equal(entry->quota, "busy");
    assert_string_equal(entry->by, "operator/gate/olga");
    assert_int_equal(entry->since_s, 1795322229);
    assert_int_equal(entry->role, ROLE_READER);
    assert_string_equal(roll_find(&roll, "agency/customs/ana")->quota, "agency");
    assert_string_equal(roll_find(&roll, "operator/gate/olga")->quota, "none");
    assert_int_equal(roll_find(&roll, "operator/gate/olga")->since_s, 0);
    assert_int_equal(roll_count(&roll, ROLE_OPERATOR_GATE), 1);
    roll_clear(&roll);
    assert_true(parse("", &roll, &problem)); /* nobody */
    assert_int_equal(roll.count, 0);
    roll_clear(&roll);
}

/* A name is its whole: what it begins or ends with, or another case, is not it. */
static void test_whole_names_only(void **state)
{
    static const char *const others[] = { "",
                                          "reader",
                                          "reader/",
                                          "reader/north",
                                          "reader/north/",
                                          "reader/north/1",
                                          "reader/north/123",
                                          "reader/north/12 ",
                                          "reader/north/12/",
                                          "Reader/north/12",
                                          "reader/North/12",
                                          "reader/north/12\n",
                                          "reader/nort/12",
                                          "agency/north/12" };
    struct roll roll;
    struct roll_problem problem;
    (void)state;
    assert_true(parse("[reader/north/12]\n", &roll, &problem));
    assert_non_null(roll_find(&roll, "reader/north/12"));
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++) assert_null(roll_find(&roll, others[i]));
    roll_clear(&roll);
}

static void test_longest_name(void **state)
{
    char part[LIMIT_NAME_MAX + 1], text[256];
    struct roll roll;
    struct roll_problem problem;
    (void)state;
    memset(part, 'a', LIMIT_NAME_MAX);
    part[LIMIT_NAME_MAX] = 0;
    snprintf(text, sizeof text, "[agency/%s/%s]\n[agency/%s/b]\n", part, part, part);
    assert_true(parse(text, &roll, &problem)); /* they differ behind the 49th byte, where inih cuts */
    assert_int_equal(roll.count, 2);
    roll_clear(&roll);
    snprintf(text, sizeof text, "[agency/%sa/b]\n", part);
    assert_false(parse(text, &roll, &problem));
    roll_clear(&roll);
}

static void test_refused_as_a_whole(void **state)
{
    static const struct {
        const char *text;
        unsigned line;
    } cases[] = {
        { "[reader/north/1]\n[evidence/customs/1]\n", 2 },
        { "[reader/north/1]\n[operator/keys/kim]\n", 2 }, /* the other daemon's */
        { "[node/gate-1]\n", 1 },
        { "[reader/north/1]\n[reader/north/1]\n", 2 },
        { "[reader/north/1]\n\n[reader/north/2]\nquota = a\n[reader/north/1]\n", 5 },
        { "[reader/north/1\n", 1 },
        { "[]\n", 1 },
        { "[", 1 },
        { "[reader/north/*]\n", 1 },
        { "[reader/north]\n", 1 },
        { "[reader/North/1]\n", 1 },
        { "[reader/north/1/2]\n", 1 },
        { "[ reader/north/1 ]\n", 1 },
        { "[reader/north/1] ; mine\n", 1 },
        { "[spiffe://example.org/reader/north/1]\n", 1 },
        { "[reader/north/1\xc3\xa9]\n", 1 },
        { "quota = lane\n", 1 },
        { "[reader/north/1]\nquota\n", 2 },
        { "[reader/north/1]\nquota =\n", 2 },
        { "[reader/north/1]\nquota = a b\n", 2 },
        { "[reader/north/1]\nquota = Lane\n", 2 },
        { "[reader/north/1]\nquota = -lane\n", 2 },
        { "[reader/north/1]\nquota = aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", 2 },
        { "[reader/north/1]\nquota = a\nquota = a\n", 3 },
        { "[reader/north/1]\nrole = agency\n", 2 },
        { "[reader/north/1]\nsince = yesterday\n", 2 },
        { "[reader/north/1]\nsince = 2026-11-22\n", 2 },
        { "[reader/north/1]\nby = O'Brien\n", 2 },
        { "[reader/north/1]\nby = \x1b[2J\n", 2 },
        { "[reader/north/1]\nrights = push\n", 2 },
        { "[agency/customs/ana]\nrights =\n", 2 },
        { "[agency/customs/ana]\nrights = none\n", 2 },
        { "[agency/customs/ana]\nrights = push push\n", 2 },
        { "[agency/customs/ana]\nrights = Push\n", 2 },
        { "[agency/customs/ana]\nrights = push view decrypt more\n", 2 },
        { "[agency/customs/ana]\nrights = push\nrights = push\n", 3 },
        { "garbage\n", 1 },
        { "\xef\xbb\xbf[reader/north/1]\n", 1 },
        { "[reader/north/1]", 1 },            /* cut off */
        { "[reader/north/1]\nby = loc", 2 }, /* cut off */
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct roll roll;
        struct roll_problem problem;
        assert_false(parse(cases[i].text, &roll, &problem));
        assert_int_equal(problem.line, cases[i].line);
        assert_non_null(problem.why);
        roll_clear(&roll);
    }
}

static void test_bytes_that_are_not_text(void **state)
{
    static const char text[] = "[reader/north/1]\n; \0 \n";
    struct roll roll;
    struct roll_problem problem;
    (void)state;
    assert_false(roll_parse(text, sizeof text - 1, GATE, &roll, &problem));
    roll_clear(&roll);
}

static void test_rights(void **state)
{
    static const struct {
        const char *text;
        unsigned rights;
    } cases[] = {
        { "", RIGHTS_ALL },
        { "rights = push\n", RIGHT_PUSH },
        { "rights=view\n", RIGHT_VIEW },
        { "rights = decrypt push\n", RIGHT_PUSH | RIGHT_DECRYPT },
        { "rights = view,push,decrypt\n", RIGHTS_ALL },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct roll roll, again;
        struct roll_problem problem;
        char text[128];
        size_t size = 0;
        snprintf(text, sizeof text, "[agency/customs/ana]\n%s[reader/north/1]\n", cases[i].text);
        assert_true(parse(text, &roll, &problem));
        assert_int_equal(roll_find(&roll, "agency/customs/ana")->rights, cases[i].rights);
        assert_int_equal(roll_find(&roll, "reader/north/1")->rights, 0);
        char *printed = roll_print(&roll, &size);
        assert_true(roll_parse(printed, size, GATE, &again, &problem));
        assert_int_equal(roll_find(&again, "agency/customs/ana")->rights, cases[i].rights);
        free(printed);
        roll_clear(&again);
        roll_clear(&roll);
    }
}

/* -- changing ---------------------------------------------------------------------------------- */

static struct roll_entry entry_of(const char *name)
{
    struct roll_entry entry = { .role = ROLE_READER, .since_s = 1795322229 };
    snprintf(entry.name, sizeof entry.name, "%s", name);
    snprintf(entry.quota, sizeof entry.quota, "lane");
    snprintf(entry.by, sizeof entry.by, "local/root");
    return entry;
}

static void test_what_is_printed_is_read_again(void **state)
{
    struct roll roll = { 0 }, again;
    struct roll_problem problem;
    char name[64];
    size_t size = 0;
    (void)state;
    for (unsigned i = 0; i < 500; i++) { /* in no order */
        snprintf(name, sizeof name, "reader/site-%u/%u", i * 7919 % 500, i);
        struct roll_entry entry = entry_of(name);
        if (i % 3 == 0) snprintf(entry.quota, sizeof entry.quota, "busy");
        if (i % 5 == 0) entry.by[0] = 0, entry.since_s = 0;
        assert_ok(roll_put(&roll, &entry));
    }
    for (unsigned i = 0; i < 500; i += 2) {
        snprintf(name, sizeof name, "reader/site-%u/%u", i * 7919 % 500, i);
        assert_true(roll_remove(&roll, name));
        assert_false(roll_remove(&roll, name));
    }
    char *text = roll_print(&roll, &size);
    assert_non_null(text);
    assert_true(roll_parse(text, size, GATE, &again, &problem));
    assert_int_equal(again.count, 250);
    for (size_t i = 0; i < again.count; i++) {
        assert_string_equal(again.entries[i].name, roll.entries[i].name);
        assert_string_equal(again.entries[i].quota, roll.entries[i].quota);
        assert_string_equal(again.entries[i].by, roll.entries[i].by);
        assert_int_equal(again.entries[i].since_s, roll.entries[i].since_s);
        if (i > 0) assert_true(strcmp(again.entries[i - 1].name, again.entries[i].name) < 0);
    }
    free(text);
    roll_clear(&again);
    roll_clear(&roll);
}

static void test_room_for_so_many(void **state)
{
    struct roll roll = { 0 }, again;
    struct roll_problem problem;
    char name[64];
    size_t size = 0;
    (void)state;
    for (unsigned i = 0; i < LIMIT_REGISTERED; i++) {
        snprintf(name, sizeof name, "reader/north/%u", i);
        struct roll_entry entry = entry_of(name);
        assert_ok(roll_put(&roll, &entry));
    }
    struct roll_entry entry = entry_of("reader/north/one-more");
    assert_fails(roll_put(&roll, &entry), REASON_TOO_MANY);
    entry = entry_of("reader/north/7"); /* there already */
    assert_ok(roll_put(&roll, &entry));
    char *text = roll_print(&roll, &size);
    assert_true(roll_parse(text, size, GATE, &again, &problem));
    assert_int_equal(again.count, LIMIT_REGISTERED);
    roll_clear(&again);
    char *more = malloc(size + 64);
    assert_non_null(more);
    int tail = snprintf(more, size + 64, "%s[reader/north/one-more]\n", text);
    assert_false(roll_parse(more, (size_t)tail, GATE, &again, &problem));
    assert_string_equal(problem.why, "there are too many names");
    roll_clear(&again);
    free(more);
    free(text);
    roll_clear(&roll);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_that_may_stand_there), cmocka_unit_test(test_whole_names_only),
        cmocka_unit_test(test_longest_name),             cmocka_unit_test(test_refused_as_a_whole),
        cmocka_unit_test(test_bytes_that_are_not_text),  cmocka_unit_test(test_what_is_printed_is_read_again),
        cmocka_unit_test(test_room_for_so_many),          cmocka_unit_test(test_rights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
