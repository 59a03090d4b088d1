/* client/import/fixed.c, client/import/source.c: lines of fixed width out of files in all encodings. */
#include "client/import/fixed.h"
#include "client/import/import.h"

#include <platesieve/platesieve.h>
#include <unistd.h>

#include "tests/unit/cmocka_all.h"

static const struct fixed_layout layout = {
    .columns = { { 2, 4 }, { 6, 2 } },
    .length_min = 3,
};

struct scene {
    int fd;
    struct source *source;
    struct fixed *fixed;
};

static struct scene open_bytes(const void *bytes, size_t size, enum encoding encoding, const struct fixed_layout *like)
{
    char path[] = "/tmp/platesieve-fixed-XXXXXX";
    struct scene scene = { .fd = mkstemp(path) };

    assert_true(scene.fd >= 0);
    unlink(path);
    assert_int_equal(write(scene.fd, bytes, size), (ssize_t)size);
    assert_int_equal(lseek(scene.fd, 0, SEEK_SET), 0);
    scene.source = source_open(scene.fd, encoding);
    assert_non_null(scene.source);
    assert_int_equal(source_begin(scene.source), SOURCE_FINE);
    scene.fixed = fixed_open(scene.source, like);
    assert_non_null(scene.fixed);
    return scene;
}

static void close_scene(struct scene *scene)
{
    fixed_close(scene->fixed);
    source_close(scene->source);
    close(scene->fd);
}

static void expect(struct scene *scene, uint64_t line, enum csv_state state, const char *first, const char *second)
{
    const char *const wanted[] = { first, second };
    struct csv_row row;

    fixed_next(scene->fixed, &row);
    assert_int_equal(row.state, state);
    if (state != CSV_END) assert_int_equal(row.line, line);
    for (size_t i = 0; i < 2 && state == CSV_ROW; i++) {
        assert_int_equal(row.fields[i].size, strlen(wanted[i]));
        assert_memory_equal(row.fields[i].text, wanted[i], strlen(wanted[i]));
    }
}

static void columns_and_line_ends(void **unused)
{
    static const char text[] = "xxQQ1 NY\nxxQQ22NJmore\r\n\n   \nxx Q 3 \rxxQQ4\nxx\nxxQ\n";
    struct scene scene = open_bytes(text, sizeof(text) - 1, ENCODING_UTF_8, &layout);

    (void)unused;
    expect(&scene, 1, CSV_ROW, "QQ1", "NY");
    expect(&scene, 2, CSV_ROW, "QQ22", "NJ");
    expect(&scene, 5, CSV_ROW, "Q 3", "");
    expect(&scene, 6, CSV_ROW, "QQ4", "");
    expect(&scene, 7, CSV_LENGTH, NULL, NULL);
    expect(&scene, 8, CSV_ROW, "Q", "");
    expect(&scene, 0, CSV_END, NULL, NULL);
    expect(&scene, 0, CSV_END, NULL, NULL);
    close_scene(&scene);
}

/* The same rows from each encoding; columns are counted in characters. */
static void encodings(void **unused)
{
    static const struct {
        enum encoding encoding;
        const char *bytes;
        size_t size;
    } files[] = {
#define FILE_OF(encoding, bytes) { encoding, bytes, sizeof(bytes) - 1 }
        FILE_OF(ENCODING_UTF_8, "\xef\xbb\xbf\xc3\xa9xQ\xc3\x9c" "1 NY\n"),
        FILE_OF(ENCODING_UTF_16, "\xff\xfe\xe9\0x\0Q\0\xdc\0" "1\0 \0N\0Y\0\n\0"),
        FILE_OF(ENCODING_UTF_16, "\xfe\xff\0\xe9\0x\0Q\0\xdc\0" "1\0 \0N\0Y\0\n"),
        FILE_OF(ENCODING_UTF_16LE, "\xe9\0x\0Q\0\xdc\0" "1\0 \0N\0Y\0\n\0"),
        FILE_OF(ENCODING_UTF_16BE, "\0\xe9\0x\0Q\0\xdc\0" "1\0 \0N\0Y\0\n"),
        FILE_OF(ENCODING_ISO_8859_1, "\xe9xQ\xdc" "1 NY\n"),
        FILE_OF(ENCODING_WINDOWS_1252, "\x80xQ\xdc" "1 NY\n"),
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        struct scene scene = open_bytes(files[i].bytes, files[i].size, files[i].encoding, &layout);

        expect(&scene, 1, CSV_ROW, "Q\xc3\x9c" "1", "NY");
        expect(&scene, 0, CSV_END, NULL, NULL);
        assert_false(source_is_cut(scene.source));
        close_scene(&scene);
    }
}

static void not_of_the_encoding(void **unused)
{
    static const char utf8[] = "xxQ\xff" "1 NY\nxxQQ2 NJ\n\xffxQQ3 NJ\n", windows[] = "xxQ\x81" "1 NY\nxxQQ2 NJ\n";
    static const char lone[] = "x\0x\0Q\0\0\xdc" "1\0 \0N\0Y\0\n\0x\0x\0Q\0Q\0" "2\0 \0N\0J\0\n\0x";
    struct scene scene = open_bytes(utf8, sizeof(utf8) - 1, ENCODING_UTF_8, &layout);

    (void)unused;
    expect(&scene, 1, CSV_NOT_UTF8, NULL, NULL);
    expect(&scene, 2, CSV_ROW, "QQ2", "NJ");
    expect(&scene, 3, CSV_ROW, "QQ3", "NJ"); /* where nobody looks */
    close_scene(&scene);
    scene = open_bytes(windows, sizeof(windows) - 1, ENCODING_WINDOWS_1252, &layout);
    expect(&scene, 1, CSV_NOT_UTF8, NULL, NULL);
    expect(&scene, 2, CSV_ROW, "QQ2", "NJ");
    close_scene(&scene);
    scene = open_bytes(lone, sizeof(lone) - 1, ENCODING_UTF_16LE, &layout);
    expect(&scene, 1, CSV_NOT_UTF8, NULL, NULL);
    expect(&scene, 2, CSV_ROW, "QQ2", "NJ");
    expect(&scene, 3, CSV_CUT, NULL, NULL);
    expect(&scene, 0, CSV_END, NULL, NULL);
    assert_true(source_is_cut(scene.source));
    close_scene(&scene);
}

/* A last line without an end is cut off when it is shorter than its columns, or than all the others. */
static void cut_off(void **unused)
{
    static const char same[] = "xxQQ1 NY....\nxxQQ2 NJ....\nxxQQ3 NJ...", other[] = "xxQQ1 NY..\nxxQQ2 NJ....\nxxQQ3 NJ..";
    static const char whole[] = "xxQQ1 NY\nxxQQ2 NJ", few[] = "xxQQ1 NY\nxxQQ2\nxx";
    struct scene scene = open_bytes(same, sizeof(same) - 1, ENCODING_UTF_8, &layout);

    (void)unused;
    expect(&scene, 1, CSV_ROW, "QQ1", "NY");
    expect(&scene, 2, CSV_ROW, "QQ2", "NJ");
    expect(&scene, 3, CSV_CUT, NULL, NULL);
    close_scene(&scene);
    scene = open_bytes(other, sizeof(other) - 1, ENCODING_UTF_8, &layout);
    expect(&scene, 1, CSV_ROW, "QQ1", "NY");
    expect(&scene, 2, CSV_ROW, "QQ2", "NJ");
    expect(&scene, 3, CSV_ROW, "QQ3", "NJ");
    close_scene(&scene);
    scene = open_bytes(whole, sizeof(whole) - 1, ENCODING_UTF_8, &layout);
    expect(&scene, 1, CSV_ROW, "QQ1", "NY");
    expect(&scene, 2, CSV_ROW, "QQ2", "NJ");
    close_scene(&scene);
    scene = open_bytes(few, sizeof(few) - 1, ENCODING_UTF_8, &layout);
    expect(&scene, 1, CSV_ROW, "QQ1", "NY");
    expect(&scene, 2, CSV_ROW, "QQ2", "");
    expect(&scene, 3, CSV_CUT, NULL, NULL);
    close_scene(&scene);
}

static void long_lines(void **unused)
{
    const size_t size = 5 * LIMIT_CSV_LINE_BYTES;
    char *text = malloc(size + 32);
    struct scene scene;

    (void)unused;
    memset(text, 'Q', size);
    memcpy(text + size, "\nxxQQ2 NJ\n", 10);
    scene = open_bytes(text, size + 10, ENCODING_UTF_8, &layout);
    expect(&scene, 1, CSV_TOO_LONG, NULL, NULL);
    expect(&scene, 2, CSV_ROW, "QQ2", "NJ");
    expect(&scene, 0, CSV_END, NULL, NULL);
    close_scene(&scene);
    scene = open_bytes(text, size, ENCODING_UTF_8, &layout);
    expect(&scene, 1, CSV_TOO_LONG, NULL, NULL);
    expect(&scene, 0, CSV_END, NULL, NULL);
    close_scene(&scene);
    free(text);
}

/* What a file that is read in the wrong encoding begins with is told. */
static void beginnings(void **unused)
{
    static const struct {
        const char *bytes;
        enum encoding encoding;
        enum source_start start;
    } cases[] = {
        { "\xff\xfeP", ENCODING_UTF_8, SOURCE_IS_UTF_16 },        { "\xfe\xffP", ENCODING_WINDOWS_1252, SOURCE_IS_UTF_16 },
        { "plate", ENCODING_UTF_16, SOURCE_NO_MARK },              { "\xef\xbb\xbfp", ENCODING_ISO_8859_1, SOURCE_IS_UTF_8 },
        { "\xff\xfeP", ENCODING_UTF_16BE, SOURCE_IS_UTF_16 },     { "", ENCODING_UTF_16, SOURCE_FINE },
        { "p", ENCODING_UTF_8, SOURCE_FINE },
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int ends[2];
        struct source *source;

        assert_int_equal(pipe(ends), 0);
        assert_int_equal(write(ends[1], cases[i].bytes, strlen(cases[i].bytes)), (ssize_t)strlen(cases[i].bytes));
        close(ends[1]);
        source = source_open(ends[0], cases[i].encoding);
        assert_int_equal(source_begin(source), cases[i].start);
        source_close(source);
        close(ends[0]);
    }
}

static void national_records(void **unused)
{
    static const struct {
        const char *line;
        enum csv_state state;
    } cases[] = {
        { "V123456789QQ000000020200102QQ77QQ7   NY2036PC2011", CSV_ROW },
        { "P123456789QQ000000020200102QQ77QQ7   NY", CSV_ROW },
        { "P123456789QQ000000020200102QQ77QQ7   N", CSV_LENGTH },
        { "P12345678XQQ000000020200102QQ77QQ7   NY", CSV_NO_RECORD },
        { "v123456789QQ000000020200102QQ77QQ7   NY", CSV_NO_RECORD },
        { "G123456789QQ000000020200102QQ77QQ7   NY", CSV_NO_PLATE },
        { "V123456789QQ000000020200102QQ77QQ7   NY2036MY2011", CSV_NO_PLATE },
        { "V123456789QQ000000020200102          NY2036PC2011", CSV_NO_PLATE },
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[128];
        const int size = snprintf(text, sizeof(text), "%s\n", cases[i].line);
        struct scene scene = open_bytes(text, (size_t)size, ENCODING_UTF_8, &fixed_ncic);
        struct csv_row row;

        fixed_next(scene.fixed, &row);
        assert_int_equal(row.state, cases[i].state);
        if (row.state == CSV_ROW) {
            assert_int_equal(row.fields[IMPORT_PLATE].size, 7);
            assert_memory_equal(row.fields[IMPORT_PLATE].text, "QQ77QQ7", 7);
            assert_memory_equal(row.fields[IMPORT_JURISDICTION].text, "NY", 2);
            assert_memory_equal(row.fields[IMPORT_EFFECTIVE].text, "20200102", 8);
            assert_int_equal(row.fields[IMPORT_REFERENCE].size, 10);
        }
        close_scene(&scene);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_and_line_ends), cmocka_unit_test(encodings),  cmocka_unit_test(not_of_the_encoding),
        cmocka_unit_test(cut_off),               cmocka_unit_test(long_lines), cmocka_unit_test(beginnings),
        cmocka_unit_test(national_records),
    };

    if (platesieve_failed(platesieve_init())) return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
