/* From a row as somebody typed or exported it to a plate and its jurisdiction, or the reason why it is none. */
#ifndef CLIENT_IMPORT_ROWS_H
#define CLIENT_IMPORT_ROWS_H

#include <jansson.h>
#include <platesieve/platesieve.h>

#include "client/import/csv.h"

enum row_fault {
    ROW_FINE = 0,
    ROW_EMPTY,       /* nothing remains of the plate: empty, or only spaces (non-breaking ones, too) and signs */
    ROW_TOO_LONG,    /* more than 12 characters: a vehicle identification number, most of the time */
    ROW_SPREADSHEET, /* "1890.00", "1.23E+05", "18-Sep": the plate that was meant is lost */
    ROW_PLACEHOLDER, /* BLANKPLATE, NOPLATE, UNKNOWN, N/A ...: says that there is no plate */
    ROW_PARTIAL,     /* more than two unknown characters */
    ROW_VAGUE,       /* a partial plate with too few known ones */
    ROW_UNFINISHED,  /* a quote that does not end */
    ROW_LINE_TOO_LONG,
    ROW_NOT_UTF8,    /* or, where the file is said to have another encoding, not in that */
    ROW_NUL,
    ROW_COLUMNS, /* more of them than the header has */
    ROW_CUT,     /* the file ends in the middle of it */
    ROW_LENGTH,  /* of a fixed-width line */
    ROW_JURISDICTION, /* unknown, where a list matches at `full` only */
    ROW_REFERENCE,    /* holds control characters, or is too long for --clear-references */
    ROW_TIME,         /* effective or expires is no time */
    ROW_CONFIDENCE,   /* neither 0-1 nor 0-100 */
    ROW_NO_RECORD,    /* left out: a header or trailer of a national hot file */
    ROW_NO_PLATE,     /* left out: a record about something that has no plate */
    ROW_EXPIRED,      /* left out: it has ended already */
    ROW_FAULTS
};

struct row_plate {
    struct platesieve_plate plate;               /* canonical; wipe it */
    struct platesieve_jurisdiction jurisdiction; /* empty: blank, or not in the code set */
    unsigned unknowns;                           /* characters of the plate that are not known: partial.h */
};

/* "spreadsheet"; stable, for programs. */
const char *row_fault_name(enum row_fault fault);
/* "damaged by a spreadsheet"; for people. */
const char *row_fault_text(enum row_fault fault);

/* Was the row left out because that is right, and not because something is wrong with it? */
bool row_fault_is_skip(enum row_fault fault);

/* What a CSV row that could not be read means here; ROW_FINE for CSV_ROW. */
enum row_fault row_fault_of(enum csv_state state);

/* PLATE and JURISDICTION as they stand in the file (text NULL: the row has no such column); CODES says whose codes
 * JURISDICTION uses. */
enum row_fault row_read(enum platesieve_codes codes, const struct csv_field *plate,
                        const struct csv_field *jurisdiction, struct row_plate *row);
/* The same for a list, on which plates may be partial: `?`, and WILDCARD if it is not 0, is a character not known. */
enum row_fault row_read_listed(enum platesieve_codes codes, const struct csv_field *plate,
                               char wildcard, const struct csv_field *jurisdiction, struct row_plate *row);

/* Does TEXT, whose canonical form is PLATE, say that there is no plate? */
bool row_is_placeholder(const char *text, size_t size, const struct platesieve_plate *plate);

/* Counts of faults, as {"empty": 2, ...} without zeros. */
struct row_counts {
    uint64_t faults[ROW_FAULTS];
};
/* SKIPS says which kind: those that were left out rightly, or the others. */
uint64_t row_counts_total(const struct row_counts *counts, bool skips);
json_t *row_counts_json(const struct row_counts *counts, bool skips);

#endif
