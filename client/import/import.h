/* A file of list entries as it comes, row by row, as its profile says. */
#ifndef CLIENT_IMPORT_IMPORT_H
#define CLIENT_IMPORT_IMPORT_H

#include "client/import/csv.h"
#include "client/import/profile.h"

/* Positions of what was asked for in csv_row.fields. */
enum import_column {
    IMPORT_PLATE,
    IMPORT_JURISDICTION,
    IMPORT_STATE,  /* other usual names of a jurisdiction's column, where no profile names it */
    IMPORT_REGION,
    IMPORT_REFERENCE,
    IMPORT_EFFECTIVE,
    IMPORT_EXPIRES,
    IMPORT_YEAR,
    IMPORT_COLUMNS
};

struct import;

/* FD is read from where it stands and not closed; FILE is its name, for people; PROFILE, which has been checked, is
 * borrowed.  The file must have a plate's column, or, with OR_REFERENCE, one for references.  An exit code; what is wrong
 * is said. */
int import_open(int fd, const char *file, const struct profile *profile, bool or_reference,
                struct import **import) MUST_USE;
void import_close(struct import *import); /* NULL is fine */
/* The next row; fields stay good until the next call. */
void import_next(struct import *import, struct csv_row *row);
/* At the end: was the file cut off, as far as can be seen? */
bool import_is_cut(const struct import *import);
/* At the end: has the last line no end?  Then it can't be seen whether the file was cut off in its last column. */
bool import_has_open_end(const struct import *import);
/* Bytes read so far, for a progress bar. */
uint64_t import_bytes(const struct import *import);

#endif
