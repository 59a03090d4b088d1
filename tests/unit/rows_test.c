/* client/import/rows.c: which rows are plates, and why the others are not. */
#include "client/import/rows.h"

#include "tests/unit/cmocka_all.h"

static struct row_plate row;

static enum row_fault read_row(const char *plate, const char *jurisdiction)
{
    const struct csv_field fields[] = { { plate, strlen(plate) },
                                        { jurisdiction, jurisdiction == NULL ? 0 : strlen(jurisdiction) } };

    return row_read(PLATESIEVE_CODES_USPS, &fields[0], &fields[1], &row);
}

static void expect_plate(const char *plate, const char *canonical)
{
    assert_int_equal(read_row(plate, "NY"), ROW_FINE);
    assert_int_equal(row.plate.length, strlen(canonical));
    assert_memory_equal(row.plate.text, canonical, strlen(canonical));
}

static void plates(void **unused)
{
    (void)unused;
    expect_plate(" qqo 123 ", "QQ0123");
    expect_plate("QQF\xc2\xa0"
                 "2877",
                 "QQF2877"); /* a non-breaking space is dropped */
    expect_plate("QQ.88", "QQ88");
    expect_plate("QQV1.0", "QQV10");
    expect_plate("100", "100");
    expect_plate("1E5", "1E5");
    expect_plate("18SEP76", "18SEP76");
    expect_plate("SEP-18", "SEP18");
    expect_plate("QQNS", "QQNS");
}

static void empty(void **unused)
{
    (void)unused;
    assert_int_equal(read_row("", "NY"), ROW_EMPTY);
    assert_int_equal(read_row("   ", "NY"), ROW_EMPTY);
    assert_int_equal(read_row("\xc2\xa0\xc2\xa0", "NY"), ROW_EMPTY);
    assert_int_equal(read_row("---", "NY"), ROW_EMPTY);
}

static void too_long(void **unused)
{
    (void)unused;
    assert_int_equal(read_row("QQQ00000000000000", "NY"), ROW_TOO_LONG);
    assert_int_equal(read_row("QQQ0000000000", "NY"), ROW_TOO_LONG);
    assert_int_equal(read_row("QQQ000000000", "NY"), ROW_FINE);
}

static void spreadsheets(void **unused)
{
    static const char *const damaged[] = {
        "1234567.00",
        "1234567.0",
        "QQL\xc2\xa0"
        "1890.00",
        "QQL1890.00",
        " 12.000 ",
        "1.23E+05",
        "12E+10",
        "1e+05",
        "18-Sep",
        "Sep-18",
        "18-Sep-76",
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++)
        assert_int_equal(read_row(damaged[i], "NY"), ROW_SPREADSHEET);
}

static void placeholders(void **unused)
{
    (void)unused;
    assert_int_equal(read_row("BLANKPLATE", "99"), ROW_PLACEHOLDER);
    assert_int_equal(read_row("no plate", "99"), ROW_PLACEHOLDER);
    assert_int_equal(read_row("n/a", "99"), ROW_PLACEHOLDER);
    assert_int_equal(read_row("N/S", "99"), ROW_PLACEHOLDER);
    assert_int_equal(read_row("NS", "NY"), ROW_FINE); /* two letters may be a plate */
}

static void jurisdictions(void **unused)
{
    (void)unused;
    assert_int_equal(read_row("QQ1", "ny"), ROW_FINE);
    assert_string_equal(row.jurisdiction.code, "US-NY");
    assert_int_equal(read_row("QQ1", "99"), ROW_FINE);
    assert_string_equal(row.jurisdiction.code, "");
    assert_int_equal(read_row("QQ1", ""), ROW_FINE);
    assert_string_equal(row.jurisdiction.code, "");
    assert_int_equal(read_row("QQ1", NULL), ROW_FINE);
    assert_string_equal(row.jurisdiction.code, "");
}

static void counts(void **unused)
{
    struct row_counts counted = { 0 };
    json_t *json;

    (void)unused;
    counted.faults[ROW_EMPTY] = 2;
    counted.faults[ROW_SPREADSHEET] = 1;
    assert_int_equal(row_counts_total(&counted, false), 3);
    json = row_counts_json(&counted, false);
    assert_int_equal(json_object_size(json), 2);
    assert_int_equal(json_integer_value(json_object_get(json, "empty")), 2);
    json_decref(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plates),       cmocka_unit_test(empty),        cmocka_unit_test(too_long),
        cmocka_unit_test(spreadsheets), cmocka_unit_test(placeholders), cmocka_unit_test(jurisdictions),
        cmocka_unit_test(counts),
    };

    if (platesieve_failed(platesieve_init())) return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
