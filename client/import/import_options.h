/* The options that say how a file is to be read, and what comes of them, of a profile and of a list's own profile. */
#ifndef CLIENT_IMPORT_IMPORT_OPTIONS_H
#define CLIENT_IMPORT_IMPORT_OPTIONS_H

#include <argp.h>

#include "client/import/profile.h"

#define IMPORT_SETTINGS_MAX 32

/* Borrowed from argv. */
struct import_options {
    struct {
        const char *key, *value;
    } settings[IMPORT_SETTINGS_MAX]; /* in the order of the command line */
    size_t count;
    const char *file; /* --profile; NULL: the list's own, if it has one */
    bool none;        /* --no-profile */
};

enum {
    OPTION_FORMAT = 0x400,
    OPTION_COLUMN,
    OPTION_DELIMITER,
    OPTION_ENCODING,
    OPTION_NO_HEADER,
    OPTION_LINE_LENGTH,
    OPTION_DATE_FORMAT,
    OPTION_TIME_ZONE,
    OPTION_EXPIRY_DAY,
    OPTION_YEARS,
    OPTION_CODES,
    OPTION_WILDCARD,
    OPTION_PROFILE,
    OPTION_NO_PROFILE,
};

/* For a command's table of options. */
#define IMPORT_OPTIONS                                                                                                 \
    { "format", OPTION_FORMAT, "FORMAT", 0, "csv, fixed (columns by --column), or ncic (csv)", 1 },                    \
        { "column", OPTION_COLUMN, "WHAT=WHERE", 0,                                                                    \
          "Where plate, jurisdiction, reference, effective, expires or year stands: NAME, #NUMBER, or FIRST:WIDTH", 1 }, \
        { "delimiter", OPTION_DELIMITER, "CHARACTER", 0, "Between columns: comma, semicolon, tab, pipe ... (comma)", 1 }, \
        { "encoding", OPTION_ENCODING, "NAME", 0,                                                                      \
          "utf-8, utf-16, utf-16le, utf-16be, iso-8859-1 or windows-1252 (utf-8)", 1 },                                \
        { "no-header", OPTION_NO_HEADER, NULL, 0, "The first line is a row already", 1 },                              \
        { "line-length", OPTION_LINE_LENGTH, "N", 0, "Characters that each line of fixed width must have", 1 },        \
        { "date-format", OPTION_DATE_FORMAT, "FORMAT", 0,                                                              \
          "As in %d/%m/%Y, of effective and expires; several with | (RFC 3339)", 1 },                                  \
        { "time-zone", OPTION_TIME_ZONE, "ZONE", 0, "Of times that do not say theirs, as in America/Chicago (UTC)", 1 }, \
        { "expiry-day", OPTION_EXPIRY_DAY, "HOW", 0,                                                                   \
          "A date alone in expires: included, the last day; or excluded, the first day after (excluded)", 1 },         \
        { "years", OPTION_YEARS, "N", 0, "Entries end N years after the year of their plate", 1 },                     \
        { "codes", OPTION_CODES, "SET", 0, "Codes of the jurisdictions: iso, ncic, aamva or usps (iso)", 1 },          \
        { "wildcard", OPTION_WILDCARD, "CHARACTER", 0, "Stands for one unknown character of a plate, as ? does", 1 },  \
        { "profile", OPTION_PROFILE, "FILE", 0, "Read the file as FILE says, not as the list's own profile does", 1 }, \
    {                                                                                                                  \
        "no-profile", OPTION_NO_PROFILE, NULL, 0, "Take no notice of the list's own profile", 1                        \
    }

/* For the command's parser: takes one of these options.  ARGP_ERR_UNKNOWN for others; what is wrong with a value is a
 * usage error. */
error_t import_option(int key, char *argument, struct argp_state *state, struct import_options *options);

/* The profile for a file of AGENCY's LIST: what is usual, the list's own or the one of --profile, and the options; and
 * makes its time zone that of this process.  An exit code; what is wrong is said. */
int import_profile(const struct settings *settings, const char *agency, const char *list,
                   const struct import_options *options, struct profile *profile) MUST_USE;
/* The same without the list's own, for a profile that is to be saved; the time zone is left alone. */
int import_profile_new(const struct import_options *options, struct profile *profile) MUST_USE;

#endif
