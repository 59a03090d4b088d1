#include "client/import/rows.h"

#include <ctype.h>
#include <strings.h>

#include "client/import/partial.h"
#include "include/cleanup.h"

static const struct {
    const char *name, *text;
} faults[ROW_FAULTS] = {
    [ROW_FINE] = { "fine", "fine" },
    [ROW_EMPTY] = { "empty", "there is no plate" },
    [ROW_TOO_LONG] = { "too-long", "longer than 12 characters: not a plate (a VIN?)" },
    [ROW_SPREADSHEET] = { "spreadsheet", "damaged by a spreadsheet: the plate that was meant can't be told" },
    [ROW_PLACEHOLDER] = { "placeholder", "a word for `no plate`" },
    [ROW_PARTIAL] = { "partial", "a partial plate with more than two unknown characters" },
    [ROW_VAGUE] = { "partial-short", "a partial plate with fewer than four known characters" },
    [ROW_UNFINISHED] = { "unfinished-quote", "a quote that does not end on this line" },
    [ROW_LINE_TOO_LONG] = { "line-too-long", "the line is too long" },
    [ROW_NOT_UTF8] = { "not-utf-8", "not UTF-8, or not in the encoding that was named" },
    [ROW_NUL] = { "zero-byte", "a zero byte in a field: another encoding (UTF-16?)" },
    [ROW_COLUMNS] = { "columns", "more columns than the header has: a separator that is not in quotes" },
    [ROW_CUT] = { "cut-off", "the file ends in the middle of this line" },
    [ROW_LENGTH] = { "line-length", "the line has not the length that it must have" },
    [ROW_JURISDICTION] = { "jurisdiction", "the jurisdiction is unknown, and the list matches at `full` only" },
    [ROW_REFERENCE] = { "reference", "the reference can't be used" },
    [ROW_TIME] = { "time", "effective or expires is not a time" },
    [ROW_CONFIDENCE] = { "confidence", "the confidence is not a number from 0 to 100" },
    [ROW_NO_RECORD] = { "no-record", "no record: the file's header or trailer" },
    [ROW_NO_PLATE] = { "no-plate", "a record about something without a plate" },
    [ROW_EXPIRED] = { "expired", "has ended already" },
};

const char *row_fault_name(enum row_fault fault)
{
    return faults[fault].name;
}

const char *row_fault_text(enum row_fault fault)
{
    return faults[fault].text;
}

bool row_fault_is_skip(enum row_fault fault)
{
    return fault == ROW_NO_RECORD || fault == ROW_NO_PLATE || fault == ROW_EXPIRED;
}

enum row_fault row_fault_of(enum csv_state state)
{
    switch (state) {
    case CSV_UNFINISHED: return ROW_UNFINISHED;
    case CSV_TOO_LONG: return ROW_LINE_TOO_LONG;
    case CSV_NOT_UTF8: return ROW_NOT_UTF8;
    case CSV_NUL: return ROW_NUL;
    case CSV_COLUMNS: return ROW_COLUMNS;
    case CSV_CUT: return ROW_CUT;
    case CSV_LENGTH: return ROW_LENGTH;
    case CSV_NO_RECORD: return ROW_NO_RECORD;
    case CSV_NO_PLATE: return ROW_NO_PLATE;
    default: return ROW_FINE;
    }
}

/* -- what spreadsheets do to plates -------------------------------------------------------------------------------- */

static size_t count_digits(const char *text, size_t size)
{
    size_t count = 0;

    while (count < size && text[count] >= '0' && text[count] <= '9') count++;
    return count;
}

/* "123.0", "GEL 1890.00": a tail that a number format added.  Canonicalised, it would become part of the plate.  A
   single zero after a plate with letters may be the plate's own. */
static bool has_decimal_tail(const char *text, size_t size)
{
    size_t zeros = 0, front;

    while (zeros < size && text[size - 1 - zeros] == '0') zeros++;
    if (zeros == 0 || size - zeros < 2 || text[size - zeros - 1] != '.') return false;
    front = size - zeros - 1;
    if (text[front - 1] < '0' || text[front - 1] > '9') return false;
    return zeros >= 2 || count_digits(text, front) == front;
}

/* "1.23E+05", "12E+10" */
static bool is_scientific(const char *text, size_t size)
{
    size_t at = count_digits(text, size);

    if (at == 0) return false;
    if (at < size && text[at] == '.') {
        at++;
        at += count_digits(text + at, size - at);
    }
    if (size - at < 3 || (text[at] != 'E' && text[at] != 'e') || text[at + 1] != '+') return false;
    return count_digits(text + at + 2, size - at - 2) == size - at - 2;
}

/* "18-Sep", "Sep-18", "18-Sep-76", written as spreadsheets write dates and nobody writes plates. */
static bool is_date(const char *text, size_t size)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    const size_t first = count_digits(text, size);
    size_t at = first;

    if (first > 2 || (first > 0 && (size <= first || text[at++] != '-'))) return false;
    if (size - at < 3) return false;
    for (size_t month = 0;; month += 3) {
        if (month == sizeof(months) - 1) return false;
        if (memcmp(months + month, text + at, 3) == 0) break;
    }
    at += 3;
    if (at == size) return first > 0;
    return text[at] == '-' && size - at > 2 && size - at <= 5 &&
           count_digits(text + at + 1, size - at - 1) == size - at - 1;
}

/* -- words that mean `no plate` ------------------------------------------------------------------------------------ */

static bool is_placeholder_raw(const char *text, size_t size)
{
    static const char *const words[] = { "N/A",   "N/S",     "N.A.",   "#N/A",    "#NAME?",
                                         "#REF!", "#VALUE!", "#NULL!", "(BLANK)", "(NULL)" };

    for (size_t i = 0; i < ARRAY_LENGTH(words); i++)
        if (strlen(words[i]) == size && strncasecmp(words[i], text, size) == 0) return true;
    return false;
}

/* In canonical form: O is written 0. */
static bool is_placeholder(const struct platesieve_plate *plate)
{
    static const char *const words[] = { "BLANKPLATE", "N0PLATE",    "N0PLATES", "N0LICENSE",
                                         "UNKN0WN",    "UNREADABLE", "N0TREAD" };

    for (size_t i = 0; i < ARRAY_LENGTH(words); i++)
        if (strlen(words[i]) == plate->length && memcmp(words[i], plate->text, plate->length) == 0) return true;
    return false;
}

bool row_is_placeholder(const char *text, size_t size, const struct platesieve_plate *plate)
{
    return is_placeholder_raw(text, size) || is_placeholder(plate);
}

/* ------------------------------------------------------------------------------------------------------------------ */

/* How many letters and digits there are, to tell "nothing" from "too much". */
static bool has_alphanumeric(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (isalnum((unsigned char)text[i])) return true;
    return false;
}

/* Without white space around it; and what can be told by how it is written. */
static enum row_fault look_at(const struct csv_field *plate, struct csv_field *trimmed)
{
    const char *text = plate->text;
    size_t size = plate->size;

    if (text == NULL) return ROW_EMPTY;
    while (size > 0 && isspace((unsigned char)*text)) text++, size--;
    while (size > 0 && isspace((unsigned char)text[size - 1])) size--;
    *trimmed = (struct csv_field) { text, size };
    if (size == 0) return ROW_EMPTY;
    if (size > PLATESIEVE_PLATE_RAW_MAX) return ROW_TOO_LONG;
    if (has_decimal_tail(text, size) || is_scientific(text, size) || is_date(text, size)) return ROW_SPREADSHEET;
    return is_placeholder_raw(text, size) ? ROW_PLACEHOLDER : ROW_FINE;
}

static void take_jurisdiction(enum platesieve_codes codes, const struct csv_field *jurisdiction, struct row_plate *row)
{
    struct platesieve_result result;

    if (jurisdiction == NULL || jurisdiction->text == NULL) return;
    result = platesieve_jurisdiction_map(codes, jurisdiction->text, jurisdiction->size, &row->jurisdiction);
    if (platesieve_failed(result)) row->jurisdiction.code[0] = '\0';
}

enum row_fault row_read(enum platesieve_codes codes, const struct csv_field *plate,
                        const struct csv_field *jurisdiction, struct row_plate *row)
{
    struct csv_field trimmed;
    enum row_fault fault;

    memset(row, 0, sizeof(*row));
    fault = look_at(plate, &trimmed);
    if (fault != ROW_FINE) return fault;
    if (platesieve_failed(platesieve_plate_canonicalise(trimmed.text, trimmed.size, &row->plate))) {
        memset(row, 0, sizeof(*row));
        return has_alphanumeric(trimmed.text, trimmed.size) ? ROW_TOO_LONG : ROW_EMPTY;
    }
    if (is_placeholder(&row->plate)) return ROW_PLACEHOLDER;
    take_jurisdiction(codes, jurisdiction, row);
    return ROW_FINE;
}

enum row_fault row_read_listed(enum platesieve_codes codes, const struct csv_field *plate, char wildcard,
                               const struct csv_field *jurisdiction, struct row_plate *row)
{
    static const enum row_fault meanings[] = {
        [PARTIAL_FINE] = ROW_FINE,        [PARTIAL_NO_PLATE] = ROW_EMPTY, [PARTIAL_TOO_LONG] = ROW_TOO_LONG,
        [PARTIAL_TOO_MANY] = ROW_PARTIAL, [PARTIAL_TOO_FEW] = ROW_VAGUE,
    };
    struct csv_field trimmed;
    enum row_fault fault;

    if (plate->text == NULL || !partial_is(plate->text, plate->size, wildcard))
        return row_read(codes, plate, jurisdiction, row);
    memset(row, 0, sizeof(*row));
    fault = look_at(plate, &trimmed);
    if (fault != ROW_FINE) return fault;
    fault = meanings[partial_read(trimmed.text, trimmed.size, wildcard, &row->plate, &row->unknowns)];
    if (fault == ROW_FINE) take_jurisdiction(codes, jurisdiction, row);
    return fault;
}

uint64_t row_counts_total(const struct row_counts *counts, bool skips)
{
    uint64_t total = 0;

    for (unsigned i = 1; i < ROW_FAULTS; i++)
        if (row_fault_is_skip((enum row_fault)i) == skips) total += counts->faults[i];
    return total;
}

json_t *row_counts_json(const struct row_counts *counts, bool skips)
{
    json_t *json = json_object();

    for (unsigned i = 1; i < ROW_FAULTS; i++)
        if (counts->faults[i] != 0 && row_fault_is_skip((enum row_fault)i) == skips)
            json_object_set_new(json, faults[i].name, json_integer((json_int_t)counts->faults[i]));
    return json;
}
