/* CSV with named columns, row by row, from a file or a live pipe (libcsv does the quoting).
 *
 * Names are matched whatever their case; a byte order mark, CR LF and blank lines are fine.  Rows that can't be read
 * are handed out with the reason and their line, and reading goes on with the next line: also after a quote that never
 * ends.  The lines of a row with a line break in a column asked for are given up one by one.  Buffers are locked where memory may be locked, and wiped. */
#ifndef CLIENT_IMPORT_CSV_H
#define CLIENT_IMPORT_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/import/source.h"

#define CSV_COLUMNS_MAX 8 /* columns that a caller may ask for */

struct csv;

enum csv_state {
    CSV_ROW,        /* fields are there */
    CSV_UNFINISHED, /* a quote that does not end, or a line break inside one of the columns asked for */
    CSV_TOO_LONG,   /* more than LIMIT_CSV_LINE_BYTES */
    CSV_NOT_UTF8,   /* one of the columns asked for, or not of the encoding that it was said to have */
    CSV_NUL,        /* a zero byte in one of the columns asked for */
    CSV_COLUMNS,    /* more columns than the header has, and something in them: a separator that is not in quotes */
    CSV_CUT,        /* the last one, and the file ends in the middle of it */
    CSV_LENGTH,     /* of a fixed-width line: too short, or not the length it must have */
    CSV_NO_RECORD,  /* of a national hot file: a header, a trailer, or nothing that is known */
    CSV_NO_PLATE,   /* of a national hot file: about something that has no plate of a road vehicle */
    CSV_END,
    CSV_BROKEN, /* the file can't be read on: errno */
};

struct csv_row {
    enum csv_state state;
    uint64_t line; /* where it begins; the header is line 1 */
    bool open_end; /* the file ends with it, without the end of a line: perhaps it was longer */
    struct csv_field {
        const char *text;
        size_t size;
    } fields[CSV_COLUMNS_MAX]; /* by column asked for; text NULL: no such column in this row */
};

/* Where a column that is asked for stands. */
struct csv_column {
    const char *name;  /* in the header; NULL: by position, or not at all */
    unsigned position; /* from 1; 0: by name, or not at all */
};

/* FD is read from its current position and not closed.  NULL when there is no memory. */
struct csv *csv_open(int fd) MUST_USE;
void csv_close(struct csv *csv); /* NULL is fine */

/* Reads the header and looks for COLUMNS (at most CSV_COLUMNS_MAX); found[i] says whether column i is there.  False
   when there is no header: an empty file, or one that can't be read.  A name found twice counts where it stands first.
 */
bool csv_header(struct csv *csv, const char *const *columns, size_t count, bool *found) MUST_USE;

/* For files as they come: with another separator, from a SOURCE (borrowed) instead of a file, with columns by name or by
 * position, and with or without HEADER.  Rows with too many columns and a last row that is cut off are told from good
 * ones. */
struct csv *csv_open_source(struct source *source, char delimiter) MUST_USE;
bool csv_columns(struct csv *csv, const struct csv_column *columns, size_t count, bool header, bool *found) MUST_USE;
/* CSV_ROW, CSV_NUL or CSV_NOT_UTF8. */
enum csv_state csv_judge(const struct csv_field *field);
/* Columns that the header has, or else the widest row so far. */
size_t csv_width(const struct csv *csv);

/* The next row; fields stay good until the next call. */
void csv_next(struct csv *csv, struct csv_row *row);
/* Would csv_next() return without waiting for the other end of a pipe? */
bool csv_waiting(struct csv *csv);
/* Bytes read so far, for a progress bar. */
uint64_t csv_bytes(const struct csv *csv);

#endif
