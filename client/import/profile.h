/* How the files of a list are to be read: their format, encoding, columns, times and codes.  An agency says so once, as
 * options or in a file; the profile of a list lies in the state folder as an INI file that people can read, and each
 * later push of that list uses it.
 *
 * Whatever a profile does not name is never read out of a file. */
#ifndef CLIENT_IMPORT_PROFILE_H
#define CLIENT_IMPORT_PROFILE_H

#include <jansson.h>
#include <platesieve/platesieve.h>
#include <stdio.h>

#include "client/client.h"
#include "client/import/source.h"

enum profile_format { PROFILE_CSV, PROFILE_FIXED, PROFILE_NCIC };

/* What a row can say about an entry. */
enum profile_column {
    PROFILE_PLATE,
    PROFILE_JURISDICTION,
    PROFILE_REFERENCE,
    PROFILE_EFFECTIVE,
    PROFILE_EXPIRES,
    PROFILE_YEAR, /* in which the plate's registration ends */
    PROFILE_COLUMNS
};

#define PROFILE_TEXT_MAX 128 /* bytes of a value */
#define PROFILE_DATE_FORMATS_MAX 4
#define PROFILE_POSITION_MAX 1024
#define PROFILE_FILE_BYTES_MAX 16384
#define PROFILE_WHY 192 /* bytes of what is wrong */

/* Where one of them stands: by name, by number from 1, or from a character (from 1) on, so many wide. */
struct profile_place {
    char name[PROFILE_TEXT_MAX + 1]; /* empty: none */
    unsigned position;               /* 0: none */
    unsigned first, width;           /* 0: none */
};

struct profile {
    enum profile_format format;
    enum encoding encoding;
    enum platesieve_codes codes;
    char delimiter;
    bool header;
    unsigned line_length; /* of a fixed-width line, in characters; 0: any that holds its columns */
    struct profile_place columns[PROFILE_COLUMNS];
    char date_formats[PROFILE_DATE_FORMATS_MAX][PROFILE_TEXT_MAX + 1];
    size_t date_format_count;            /* 0: RFC 3339 */
    char time_zone[PROFILE_TEXT_MAX + 1]; /* of times that do not say theirs */
    bool last_day_counts; /* a date alone in `expires` is the last day on which the entry holds, not the first on which
                             it does not */
    int years;            /* an entry ends so many years after its plate's year; negative: years don't matter */
    char wildcard;        /* stands for one unknown character, beside `?`; 0: none */
};

/* CSV in UTF-8 with a header, ISO codes, RFC 3339. */
void profile_default(struct profile *profile);
/* Sets what KEY ("delimiter", "column") says to VALUE, as on the command line or in a file.  False: WHY says what is
 * wrong, without the value. */
bool profile_set(struct profile *profile, const char *key, const char *value, char why[PROFILE_WHY]) MUST_USE;
/* Does all of it fit together? */
bool profile_check(const struct profile *profile, char why[PROFILE_WHY]) MUST_USE;
/* Has somebody said where columns stand?  If not, those of a CSV file go by their usual names. */
bool profile_has_columns(const struct profile *profile);

const char *profile_format_name(enum profile_format format);
const char *profile_column_name(enum profile_column column);

/* -- profile_file.c: as a file ------------------------------------------------------------------------------------- */

/* All of it that is not as usual, as an INI file; LIST is named in its first line.  malloc'ed; NULL: no memory. */
char *profile_text(const struct profile *profile, const char *list) MUST_USE;
/* Adds what TEXT says to PROFILE.  False: WHY says what is wrong, and in which line. */
bool profile_read(struct profile *profile, const char *text, char why[PROFILE_WHY]) MUST_USE;
/* From FILE; an exit code; what is wrong is said. */
int profile_load(struct profile *profile, const char *file) MUST_USE;
/* Where AGENCY keeps the profile of LIST. */
bool profile_path(const struct settings *settings, const char *agency, const char *list, char path[]) MUST_USE;
json_t *profile_json(const struct profile *profile);

#endif
