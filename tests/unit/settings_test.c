/* Settings: what is read, and that errors name place and key but never the value. */
#include "server/http/settings.h"
#include "tests/unit/unit.h"

struct settings {
    char *listen, *crl;
    unsigned long long threads;
    bool quick;
    char sites[256];
};

static const struct setting table[] = {
    { "gate", "listen", SETTING_TEXT, offsetof(struct settings, listen), NULL, 0, 0 },
    { "gate", "crl", SETTING_TEXT, offsetof(struct settings, crl), "", 0, 10 },
    { "gate", "threads", SETTING_NUMBER, offsetof(struct settings, threads), "2", 1, 64 },
    { "gate", "quick", SETTING_BOOL, offsetof(struct settings, quick), "no", 0, 0 },
    { "site *", "grades", SETTING_TEXT, 0, "", 0, 0 },
};

static bool each(void *context, const struct setting *setting, const char *name, const char *key, const char *value)
{
    (void)setting;
    struct settings *settings = context;
    size_t used = strlen(settings->sites);
    if (strcmp(key, "grades") != 0) return false;
    snprintf(settings->sites + used, sizeof settings->sites - used, "%s=%s;", name, value);
    return true;
}

/* Reads CONTENT; what was said goes to SAID. */
static int read_text(const char *content, struct settings *settings, char said[512])
{
    char file[] = "/tmp/settings-test-XXXXXX";
    int fd = mkstemp(file);
    FILE *out = fdopen(fd, "w"), *errors = fmemopen(said, 512, "w");
    memset(settings, 0, sizeof *settings);
    memset(said, 0, 512);
    fputs(content, out);
    fclose(out);
    int status = settings_read(file, table, ARRAY_LENGTH(table), each, settings, errors);
    fclose(errors);
    remove(file);
    return status;
}

static void test_all_kinds(void **state)
{
    struct settings settings;
    char said[512];
    (void)state;
    assert_int_equal(
        read_text(
            "; a comment\n[gate]\nlisten = 127.0.0.1:1\nthreads=8\nquick = yes\n[site north]\ngrades = full plate\n"
            "[site south]\ngrades = near\n",
            &settings, said),
        0);
    assert_string_equal(settings.listen, "127.0.0.1:1");
    assert_null(settings.crl);
    assert_int_equal(settings.threads, 8);
    assert_true(settings.quick);
    assert_string_equal(settings.sites, "north=full plate;south=near;");
    settings_free(table, ARRAY_LENGTH(table), &settings);
    assert_null(settings.listen);
}

static void test_defaults_and_long_values(void **state)
{
    struct settings settings;
    char said[512], *content = malloc(8192);
    (void)state;
    int head = snprintf(content, 8192, "[gate]\nlisten = ");
    memset(content + head, 'x', 4000);
    memcpy(content + head + 4000, "\n", 2);
    assert_int_equal(read_text(content, &settings, said), 0);
    assert_int_equal(strlen(settings.listen), 4000);
    assert_int_equal(settings.threads, 2);
    assert_false(settings.quick);
    settings_free(table, ARRAY_LENGTH(table), &settings);
    free(content);
}

static void test_errors(void **state)
{
    static const struct {
        const char *content, *expected;
    } cases[] = {
        { "[gate]\nthreads = 3\n", "[gate] listen: is missing" },
        { "[gate]\nlisten = SECRET\nthreads = 65\n", ":3: [gate] threads: is not a number from 1 to 64" },
        { "[gate]\nlisten = a\nthreads = -1\n", ":3: [gate] threads" },
        { "[gate]\nlisten = a\nthreads = 3SECRET\n", ":3: [gate] threads" },
        { "[gate]\nlisten = a\nquick = SECRET\n", ":3: [gate] quick: is not yes or no" },
        { "[gate]\nlisten = a\nlisten = SECRET\n", ":3: [gate] listen: is given twice" },
        { "[gate]\nlisten = a\ncrl = SECRETSECRET\n", ":3: [gate] crl: is too short or too long" },
        { "[gate]\nlisten = a\nSECRET = b\n", ":3: unknown section or key" },
        { "[SECRET]\nlisten = a\n", ":2: unknown section or key" },
        { "[gate]\nlisten = a\nSECRET\n", ":3: unknown section or key" },
        { "[gate]\nlisten = a\n[site north]\ngrade = SECRET\n", ":4: [site north] grade: " },
        { "[gate]\nlisten = a\n[site no\x1b[0m\xc3\xb6rth]\ngr\tade = SECRET\n", ":4: [site no?[0m??rth] gr?ade: " },
        { "[gate]\nlisten = a\n[site north]\ngrades = full\n[site ]\ngrades = SECRET\n", ":6: [site ] grades: " },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct settings settings;
        char said[512];
        assert_int_equal(read_text(cases[i].content, &settings, said), -1);
        if (strstr(said, cases[i].expected) == NULL) fail_msg("case %zu said: %s", i, said);
        assert_null(strstr(said, "SECRET"));
        assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1);
        settings_free(table, ARRAY_LENGTH(table), &settings);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_kinds),
        cmocka_unit_test(test_defaults_and_long_values),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
