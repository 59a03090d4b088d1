/* client/printable.c: what other people's words look like on a terminal. */
#include "client/printable.h"

#include "tests/unit/cmocka_all.h"

static void expect(const char *text, const char *wanted)
{
    char shown[64];

    snprintf(shown, sizeof(shown), "%s", text);
    make_printable(shown);
    assert_string_equal(shown, wanted);
}

static void words(void **unused)
{
    (void)unused;
    expect("", "");
    expect("stolen, 2 doors", "stolen, 2 doors");
    expect("\xd0\x9a\xd0\x90\xd0\x97 \xe2\x82\xac \xe4\xba\xac \xf0\x9f\x9a\x97", "\xd0\x9a\xd0\x90\xd0\x97 \xe2\x82\xac \xe4\xba\xac \xf0\x9f\x9a\x97");
    expect("a\nb\x1b[31m\x7f", "a?b?[31m?");
    expect("a\xc2\x9b" "31m", "a?31m");                       /* a control sequence in one character */
    expect("ref-\xe2\x80\xae" "321", "ref-?321");             /* right to left from here */
    expect("\xe2\x81\xa6" "x\xe2\x81\xa9", "?x?");            /* isolates */
    expect("\xe2\x80\xa8\xe2\x80\xa9\xef\xbb\xbf\xe2\x80\x8b", "????"); /* line, paragraph, byte order, nothing */
    expect("\xff\xc0\xaf" "a\xed\xa0\x80" "b", "???a???b");   /* no UTF-8 */
    expect("cut \xe4\xba", "cut ");                           /* where a buffer ended */
    expect("cut \xf0\x9f\x9a", "cut ");
}

static void json(void **unused)
{
    json_t *told = json_pack("{s:s, s:[s, i, n], s:{s:b, s:f}}", "a\xe2\x80\xae", "x\x1b", "list", "\xe2\x80\xae", 7, "object", "\xc2\x85", 1, "b", 0.5);
    json_t *shown = json_printable(told);
    char *text = json_dumps(shown, JSON_COMPACT);

    (void)unused;
    assert_non_null(shown);
    assert_string_equal(text, "{\"a?\":\"x?\",\"list\":[\"?\",7,null],\"object\":{\"?\":true,\"b\":0.5}}");
    assert_string_equal(json_string_value(json_object_get(told, "a\xe2\x80\xae")), "x\x1b"); /* stays what it was */
    free(text);
    json_decref(shown);
    json_decref(told);
    assert_null(json_printable(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(words), cmocka_unit_test(json) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
