/* Lines of fixed width: national hot files, and others whose columns a profile names.
 *
 * Lines end with LF, CR or CR LF; blank ones, and the mark with which old systems end a file, are passed over.  Columns
 * are counted in characters; white space around a field does not count.  Buffers are locked where memory may be locked,
 * and wiped. */
#ifndef CLIENT_IMPORT_FIXED_H
#define CLIENT_IMPORT_FIXED_H

#include "client/import/csv.h"

struct fixed_column {
    unsigned first, width; /* characters, from 0; width 0: not asked for */
};

struct fixed_layout {
    struct fixed_column columns[CSV_COLUMNS_MAX];
    unsigned length_min; /* a shorter line is CSV_LENGTH */
    unsigned length;     /* so is any other than this; 0: any */
    /* What else is to be said of a line whose columns were found, and blanked where they say nothing; NULL: nothing.
       TEXT has SIZE bytes and at least length_min of them. */
    enum csv_state (*judge)(const char *text, size_t size, struct csv_row *row);
};

/* The extract of NCIC plates, with its fields in the places of enum import_column. */
extern const struct fixed_layout fixed_ncic;

struct fixed;

/* LAYOUT and SOURCE are borrowed.  NULL: no memory that can be locked. */
struct fixed *fixed_open(struct source *source, const struct fixed_layout *layout) MUST_USE;
void fixed_close(struct fixed *fixed); /* NULL is fine */
/* The next line as a row; a last line that is cut off is CSV_CUT: it has no end, and is shorter than its columns, or
 * than all the lines before it, which have one length.  Fields stay good until the next call. */
void fixed_next(struct fixed *fixed, struct csv_row *row);

#endif
