/* Names in certificates: what is one, and everything that nearly is. */
#include "server/http/http.h"
#include "tests/unit/unit.h"

static struct result parse(const char *uri, struct peer *peer)
{
    return peer_parse("example.org", uri, strlen(uri), peer);
}

static void test_each_role(void **state)
{
    static const struct {
        const char *uri;
        enum role role;
        const char *name, *first, *second;
    } cases[] = {
        { "spiffe://example.org/reader/north/1", ROLE_READER, "reader/north/1", "north", "1" },
        { "spiffe://example.org/agency/customs/ana", ROLE_AGENCY, "agency/customs/ana", "customs", "ana" },
        { "spiffe://example.org/evidence/customs/2", ROLE_EVIDENCE, "evidence/customs/2", "customs", "2" },
        { "spiffe://example.org/operator/gate/olga", ROLE_OPERATOR_GATE, "operator/gate/olga", "olga", "" },
        { "spiffe://example.org/operator/keys/kim", ROLE_OPERATOR_KEYS, "operator/keys/kim", "kim", "" },
        { "spiffe://example.org/auditor/ines", ROLE_AUDITOR, "auditor/ines", "ines", "" },
        { "spiffe://example.org/node/gate-1.b_c", ROLE_NODE, "node/gate-1.b_c", "gate-1.b_c", "" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct peer peer;
        assert_ok(parse(cases[i].uri, &peer));
        assert_int_equal(peer.role, cases[i].role);
        assert_string_equal(peer.name, cases[i].name);
        assert_string_equal(peer.first, cases[i].first);
        assert_string_equal(peer.second, cases[i].second);
    }
}

static void test_refused(void **state)
{
    static const char *const uris[] = {
        "",
        "spiffe://",
        "spiffe://example.org",
        "spiffe://example.org/",
        "http://example.org/reader/north/1",
        "spiffe://example.com/reader/north/1",
        "spiffe://example.org.evil/reader/north/1",
        "spiffe://Example.org/reader/north/1",
        "spiffe://example.orgreader/north/1",
        "spiffe://example.org/reader",
        "spiffe://example.org/reader/",
        "spiffe://example.org/reader/north",
        "spiffe://example.org/reader/north/",
        "spiffe://example.org/reader/north/1/",
        "spiffe://example.org/reader/north/1/2",
        "spiffe://example.org/reader//1",
        "spiffe://example.org/reader/North/1",
        "spiffe://example.org/reader/-north/1",
        "spiffe://example.org/reader/.././1",
        "spiffe://example.org/reader/no rth/1",
        "spiffe://example.org/reader/north/1?x",
        "spiffe://example.org/reader/n%6frth/1",
        "spiffe://example.org/operator/olga",
        "spiffe://example.org/operator/web/olga",
        "spiffe://example.org/node/a/b",
        "spiffe://example.org/auditor/",
        "spiffe://example.org/root/x",
        " spiffe://example.org/node/a",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(uris); i++) {
        struct peer peer;
        assert_fails(parse(uris[i], &peer), REASON_FORBIDDEN);
        assert_int_equal(peer.role, ROLE_NONE);
    }
}

static void test_a_zero_byte_hides_nothing(void **state)
{
    static const char uri[] = "spiffe://example.org/reader/north/1\0.evil";
    struct peer peer;
    (void)state;
    assert_fails(peer_parse("example.org", uri, sizeof uri - 1, &peer), REASON_FORBIDDEN);
}

static void test_longest_parts(void **state)
{
    char uri[256], part[LIMIT_NAME_MAX + 2];
    struct peer peer;
    (void)state;
    memset(part, 'a', sizeof part);
    snprintf(uri, sizeof uri, "spiffe://example.org/reader/%.*s/%.*s", LIMIT_NAME_MAX, part, LIMIT_NAME_MAX, part);
    assert_ok(parse(uri, &peer));
    assert_int_equal(strlen(peer.first), LIMIT_NAME_MAX);
    snprintf(uri, sizeof uri, "spiffe://example.org/reader/%.*s/1", LIMIT_NAME_MAX + 1, part);
    assert_fails(parse(uri, &peer), REASON_FORBIDDEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_role),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_a_zero_byte_hides_nothing),
        cmocka_unit_test(test_longest_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
