/* From a path to a route. */
#include "server/http/router.h"
#include "tests/unit/unit.h"

static const struct route routes[] = {
    { "/v1/lists", METHOD_GET, ROLE_AGENCY, 0, NULL, RUN_ON_LOOP, false, 0 },
    { "/v1/lists", METHOD_POST, ROLE_AGENCY, 10, NULL, RUN_ON_LOOP, false, 0 },
    { "/v1/lists/{}", METHOD_GET, ROLE_AGENCY, 0, NULL, RUN_ON_LOOP, false, 0 },
    { "/v1/lists/{}/revisions/{}/parts/{}", METHOD_PUT, ROLE_AGENCY, 10, NULL, RUN_ON_LOOP, false, 0 },
    { NULL, METHOD_GET, 0, 0, NULL, RUN_ON_LOOP, false, 0 },
};

static void test_found(void **state)
{
    char arguments[3][LIMIT_NAME_MAX + 1];
    struct router *router = router_create(routes, NULL);
    (void)state;
    const struct router_row *row = router_find(router, "/v1/lists", arguments);
    assert_non_null(row);
    assert_ptr_equal(row->routes[METHOD_POST], &routes[1]);
    assert_null(row->routes[METHOD_PUT]);
    assert_string_equal(row->allow, "GET, HEAD, POST");
    row = router_find(router, "/v1/lists/a.b/revisions/12/parts/3", arguments);
    assert_ptr_equal(row->routes[METHOD_PUT], &routes[3]);
    assert_string_equal(arguments[0], "a.b");
    assert_string_equal(arguments[1], "12");
    assert_string_equal(arguments[2], "3");
    router_destroy(router);
}

static void test_not_found(void **state)
{
    static const char *const urls[] = {
        "",
        "/",
        "/v1",
        "/v1/list",
        "/v1/lists/",
        "/v1/listsx",
        "/V1/lists",
        "//v1/lists",
        "/v1/lists/a/",
        "/v1/lists/a/revisions",
        "/v1/lists/a/revisions//parts/1",
        "/v1/lists/a/revisions/1/parts/1/2",
        "/v1/lists/a b",
        "/v1/lists/a\x7f",
        "/v1/lists/\xc3\xa4",
        "v1/lists",
        "*",
        "/v1/lists/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", /* 49 */
    };
    char arguments[3][LIMIT_NAME_MAX + 1];
    struct router *router = router_create(routes, NULL);
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(urls); i++) assert_null(router_find(router, urls[i], arguments));
    router_destroy(router);
}

static void test_methods(void **state)
{
    static const char *const others[] = { "", "get", "PATCH", "OPTIONS", "TRACE", "CONNECT", "GETX" };
    enum method method;
    (void)state;
    assert_true(router_method("HEAD", &method));
    assert_int_equal(method, METHOD_GET);
    assert_true(router_method("DELETE", &method));
    assert_int_equal(method, METHOD_DELETE);
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++) assert_false(router_method(others[i], &method));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found),
        cmocka_unit_test(test_not_found),
        cmocka_unit_test(test_methods),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
