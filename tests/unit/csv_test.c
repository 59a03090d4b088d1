/* client/import/csv.c: rows by named columns, with their lines, whatever is broken between them. */
#include "client/import/csv.h"

#include <platesieve/platesieve.h>
#include <unistd.h>

#include "tests/unit/cmocka_all.h"

static const char *const columns[] = { "plate", "state" };

struct scene {
    struct csv *csv;
    int fd;
    bool found[2];
};

static int file_of(const char *text, size_t size)
{
    char path[] = "/tmp/platesieve-csv-XXXXXX";
    const int fd = mkstemp(path);

    assert_true(fd >= 0);
    unlink(path);
    assert_int_equal(write(fd, text, size), (ssize_t)size);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static struct scene open_text(const char *text, size_t size)
{
    struct scene scene = { .fd = file_of(text, size) };

    scene.csv = csv_open(scene.fd);
    assert_non_null(scene.csv);
    assert_true(csv_header(scene.csv, columns, 2, scene.found));
    return scene;
}

static void close_scene(struct scene *scene)
{
    csv_close(scene->csv);
    close(scene->fd);
}

static void expect_row(struct scene *scene, uint64_t line, const char *plate, const char *state)
{
    struct csv_row row;

    csv_next(scene->csv, &row);
    assert_int_equal(row.state, CSV_ROW);
    assert_int_equal(row.line, line);
    assert_int_equal(row.fields[0].size, strlen(plate));
    assert_memory_equal(row.fields[0].text, plate, strlen(plate));
    if (state == NULL) {
        assert_null(row.fields[1].text);
        return;
    }
    assert_int_equal(row.fields[1].size, strlen(state));
    assert_memory_equal(row.fields[1].text, state, strlen(state));
}

static void expect(struct scene *scene, uint64_t line, enum csv_state state)
{
    struct csv_row row;

    csv_next(scene->csv, &row);
    assert_int_equal(row.state, state);
    if (state != CSV_END) assert_int_equal(row.line, line);
}

static void columns_by_name(void **unused)
{
    static const char text[] = "\xef\xbb\xbf"
                               "Other, STATE ,Plate\r\nx,NJ,QQ1\r\n\r\n  \r\n,\"N\"\"Y\",QQ2\r\ny\r\nz,PA,QQ3";
    struct scene scene = open_text(text, sizeof(text) - 1);
    struct csv_row row;

    (void)unused;
    assert_true(scene.found[0] && scene.found[1]);
    expect_row(&scene, 2, "QQ1", "NJ");
    expect_row(&scene, 5, "QQ2", "N\"Y");
    csv_next(scene.csv, &row); /* a short row: its columns are absent, not those of the row before */
    assert_int_equal(row.state, CSV_ROW);
    assert_null(row.fields[0].text);
    expect_row(&scene, 7, "QQ3", "PA");
    expect(&scene, 0, CSV_END);
    expect(&scene, 0, CSV_END);
    close_scene(&scene);
}

static void old_line_ends(void **unused)
{
    static const char text[] = "plate,state\rQQ1,NY\rQQ2,NJ\r";
    struct scene scene = open_text(text, sizeof(text) - 1);

    (void)unused;
    expect_row(&scene, 2, "QQ1", "NY");
    expect_row(&scene, 3, "QQ2", "NJ");
    expect(&scene, 0, CSV_END);
    close_scene(&scene);
}

static void missing_column(void **unused)
{
    static const char text[] = "plate\nQQ1\n";
    struct scene scene = open_text(text, sizeof(text) - 1);

    (void)unused;
    assert_true(scene.found[0]);
    assert_false(scene.found[1]);
    expect_row(&scene, 2, "QQ1", NULL);
    close_scene(&scene);
}

/* A quote that never ends must not swallow the rows after it. */
static void lost_quote(void **unused)
{
    static const char text[] = "plate,state\nQQ1,NY\n\"QQ2,NY\nQQ3,NY\nQQ4,NY\n";
    struct scene scene = open_text(text, sizeof(text) - 1);

    (void)unused;
    expect_row(&scene, 2, "QQ1", "NY");
    expect(&scene, 3, CSV_UNFINISHED);
    expect_row(&scene, 4, "QQ3", "NY");
    expect_row(&scene, 5, "QQ4", "NY");
    expect(&scene, 0, CSV_END);
    close_scene(&scene);
}

/* In a column that nobody asked for, too. */
static void lost_quote_in_other_field(void **unused)
{
    static const char text[] = "plate,state,note\nQQ1,NY,\"x\nQQ2,NY,x\nQQ3,NY,\"x";
    struct scene scene = open_text(text, sizeof(text) - 1);

    (void)unused;
    expect(&scene, 2, CSV_UNFINISHED);
    expect_row(&scene, 3, "QQ2", "NY");
    expect(&scene, 4, CSV_UNFINISHED);
    expect(&scene, 0, CSV_END);
    close_scene(&scene);
}

/* Two stray quotes, lines apart, look like one long field. */
static void two_lost_quotes(void **unused)
{
    static const char text[] = "plate,state\n\"QQ1,NY\nQQ2,NY\n\"QQ3,NY\nQQ4,NY\n";
    struct scene scene = open_text(text, sizeof(text) - 1);

    (void)unused;
    expect(&scene, 2, CSV_UNFINISHED);
    expect_row(&scene, 3, "QQ2", "NY");
    expect(&scene, 4, CSV_UNFINISHED);
    expect_row(&scene, 5, "QQ4", "NY");
    close_scene(&scene);
}

/* A field nobody asked for may hold line breaks. */
static void break_in_other_field(void **unused)
{
    static const char text[] = "note,plate,state\n\"two\nlines\",QQ1,NY\nx,QQ2,NJ\n";
    struct scene scene = open_text(text, sizeof(text) - 1);

    (void)unused;
    expect_row(&scene, 2, "QQ1", "NY");
    expect_row(&scene, 4, "QQ2", "NJ");
    expect(&scene, 0, CSV_END);
    close_scene(&scene);
}

/* What follows a line break in a field asked for is the rest of that field: never a row, not even one that looks whole. */
static void break_in_asked_field(void **unused)
{
    static const char text[] = "state,plate\nNY,\"QQ1\nNJ,SMITH\n\nNJ,QQ2\"\nNY,QQ3\nNY,\"QQ4\nQQ5\"\n";
    struct scene scene = open_text(text, sizeof(text) - 1);

    (void)unused;
    expect(&scene, 2, CSV_UNFINISHED);
    expect(&scene, 3, CSV_UNFINISHED);
    expect(&scene, 5, CSV_UNFINISHED);
    expect_row(&scene, 6, "QQ3", "NY");
    expect(&scene, 7, CSV_UNFINISHED);
    expect(&scene, 8, CSV_UNFINISHED);
    expect(&scene, 0, CSV_END);
    close_scene(&scene);
}

static void long_line(void **unused)
{
    const size_t size = 5 * LIMIT_CSV_LINE_BYTES;
    char *text = malloc(size + 64);
    int length = snprintf(text, 64, "plate,state\nQQ1,NY\n");
    struct scene scene;

    (void)unused;
    memset(text + length, 'X', size);
    memcpy(text + (size_t)length + size, "\nQQ2,NY\n", 8);
    scene = open_text(text, (size_t)length + size + 8);
    expect_row(&scene, 2, "QQ1", "NY");
    expect(&scene, 3, CSV_TOO_LONG);
    expect_row(&scene, 4, "QQ2", "NY");
    expect(&scene, 0, CSV_END);
    close_scene(&scene);
    free(text);
}

static void not_utf8(void **unused)
{
    static const char text[] = "plate,state,owner\nQQ\xff"
                               "1,NY,x\nQQ2,NY,Jos\xe9\nQQ3,NY,x\n";
    struct scene scene = open_text(text, sizeof(text) - 1);

    (void)unused;
    expect(&scene, 2, CSV_NOT_UTF8);
    expect_row(&scene, 3, "QQ2", "NY"); /* a column that nobody asked for */
    expect_row(&scene, 4, "QQ3", "NY");
    close_scene(&scene);
}

static void no_header(void **unused)
{
    const int fd = file_of("\n\n", 2);
    struct csv *csv = csv_open(fd);
    bool found[2];

    (void)unused;
    assert_false(csv_header(csv, columns, 2, found));
    csv_close(csv);
    close(fd);
}

/* On a live pipe: a whole row waits, half a row does not. */
static void waiting(void **unused)
{
    struct scene scene = { 0 };
    int ends[2];

    (void)unused;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "plate,state\nQQ1,NY\nQQ2,", 23), 23);
    scene.fd = ends[0];
    scene.csv = csv_open(ends[0]);
    assert_true(csv_header(scene.csv, columns, 2, scene.found));
    assert_true(csv_waiting(scene.csv));
    expect_row(&scene, 2, "QQ1", "NY");
    assert_false(csv_waiting(scene.csv));
    assert_int_equal(write(ends[1], "NJ\n", 3), 3);
    assert_true(csv_waiting(scene.csv));
    expect_row(&scene, 3, "QQ2", "NJ");
    assert_false(csv_waiting(scene.csv));
    close(ends[1]);
    assert_true(csv_waiting(scene.csv));
    expect(&scene, 0, CSV_END);
    close_scene(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_by_name), cmocka_unit_test(old_line_ends),   cmocka_unit_test(missing_column),
        cmocka_unit_test(lost_quote),      cmocka_unit_test(two_lost_quotes),
        cmocka_unit_test(lost_quote_in_other_field), cmocka_unit_test(break_in_other_field),
        cmocka_unit_test(break_in_asked_field),
        cmocka_unit_test(long_line),       cmocka_unit_test(not_utf8),        cmocka_unit_test(no_header),
        cmocka_unit_test(waiting),
    };

    if (platesieve_failed(platesieve_init())) return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
