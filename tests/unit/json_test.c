/* JSON at the edge: one object, not too deep, nothing twice. */
#include "server/http/json.h"

#include <platesieve/limits.h>

#include "tests/unit/unit.h"

static void test_objects(void **state)
{
    json_t *json = NULL;
    static const char text[] = "{\"a\": [1, {\"b\": \"[[[[[[[[[[[[[[\\\"[[[[[[[[[[[[[[[[\"}]}";
    (void)state;
    assert_ok(json_parse_object(text, sizeof text - 1, &json));
    assert_int_equal(json_array_size(json_object_get(json, "a")), 2);
    json_decref(json);
}

static void test_refused(void **state)
{
    static const char *const texts[] = {
        "",
        " ",
        "null",
        "1",
        "[]",
        "\"{}\"",
        "{",
        "{}{}",
        "{} x",
        "{\"a\":1,\"a\":1}",
        "{\"a\":{\"b\":1,\"b\":2}}",
        "{\"a\":}",
        "{'a':1}",
        "{\"a\":1,}",
        "{\"a\":\"\\u0000\"}",
        "{\"a\":\"\xff\"}",
        "{\"a\":nan}",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        json_t *json = NULL;
        assert_fails(json_parse_object(texts[i], strlen(texts[i]), &json), REASON_BAD_JSON);
        assert_null(json);
    }
    json_t *json = NULL;
    assert_fails(json_parse_object(NULL, 0, &json), REASON_BAD_JSON);
}

static void nest(char text[128], unsigned levels)
{
    size_t size = 0;
    for (unsigned i = 1; i < levels; i++) size += (size_t)snprintf(text + size, 128 - size, "{\"a\":");
    size += (size_t)snprintf(text + size, 128 - size, "{}");
    for (unsigned i = 1; i < levels; i++) size += (size_t)snprintf(text + size, 128 - size, "}");
}

static void test_depth(void **state)
{
    char text[128];
    json_t *json = NULL;
    (void)state;
    nest(text, LIMIT_JSON_DEPTH);
    assert_ok(json_parse_object(text, strlen(text), &json));
    json_decref(json);
    nest(text, LIMIT_JSON_DEPTH + 1);
    assert_fails(json_parse_object(text, strlen(text), &json), REASON_BAD_JSON);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_objects),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_depth),
    };
    json_wipe_on_free();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
