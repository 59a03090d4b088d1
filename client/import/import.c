#include "client/import/import.h"

#include <errno.h>

#include "client/import/fixed.h"

static const char *const usual_names[IMPORT_COLUMNS] = { "plate",     "jurisdiction", "state",   "region",
                                                         "reference", "effective",    "expires", NULL };

_Static_assert(IMPORT_COLUMNS <= CSV_COLUMNS_MAX, "all columns must fit into a row");

/* Where a column of a profile lies in a row. */
static const enum import_column places[PROFILE_COLUMNS] = {
    [PROFILE_PLATE] = IMPORT_PLATE,         [PROFILE_JURISDICTION] = IMPORT_JURISDICTION,
    [PROFILE_REFERENCE] = IMPORT_REFERENCE, [PROFILE_EFFECTIVE] = IMPORT_EFFECTIVE,
    [PROFILE_EXPIRES] = IMPORT_EXPIRES,     [PROFILE_YEAR] = IMPORT_YEAR,
};

struct import {
    const char *file;
    const struct profile *profile;
    struct source *source;
    struct csv *csv;     /* one of these two */
    struct fixed *fixed;
    struct fixed_layout layout;
    bool found[IMPORT_COLUMNS];
    bool cut, open_end;
};

void import_close(struct import *import)
{
    if (import == NULL) return;
    csv_close(import->csv);
    fixed_close(import->fixed);
    source_close(import->source);
    free(import);
}

static int no_memory(void)
{
    say("there is no memory that can be locked for plates");
    return CLIENT_FAILED;
}

static int begin(struct import *import)
{
    const char *encoding = encoding_name(import->profile->encoding);

    switch (source_begin(import->source)) {
    case SOURCE_FINE: return CLIENT_OK;
    case SOURCE_IS_UTF_16:
        say("%s begins with the byte order mark of UTF-16, and is read as %s: say --encoding utf-16", import->file,
            encoding);
        return CLIENT_FAILED;
    case SOURCE_IS_UTF_8:
        say("%s begins with the byte order mark of UTF-8, and is read as %s: say --encoding utf-8", import->file,
            encoding);
        return CLIENT_FAILED;
    case SOURCE_NO_MARK:
        say("%s has no byte order mark: say --encoding utf-16le or utf-16be", import->file);
        return CLIENT_FAILED;
    default: say("can't read %s: %s", import->file, strerror(errno)); return CLIENT_FAILED;
    }
}

/* -- CSV ----------------------------------------------------------------------------------------------------------- */

static void choose_columns(const struct profile *profile, struct csv_column columns[IMPORT_COLUMNS])
{
    memset(columns, 0, IMPORT_COLUMNS * sizeof(*columns));
    if (!profile_has_columns(profile)) {
        for (unsigned i = 0; i < IMPORT_COLUMNS; i++) columns[i].name = usual_names[i];
        return;
    }
    for (unsigned i = 0; i < PROFILE_COLUMNS; i++) {
        const struct profile_place *place = &profile->columns[i];

        if (profile->header && place->name[0] != '\0') columns[places[i]].name = place->name;
        else columns[places[i]].position = place->position;
    }
}

/* A column that the profile names and the file does not have. */
static int say_missing(const struct import *import, enum profile_column column)
{
    const size_t width = csv_width(import->csv);

    say("%s does not have the column that is named for `%s`; its header has %zu column%s%s", import->file,
        profile_column_name(column), width, width == 1 ? "" : "s", width == 1 ? ": is --delimiter right?" : "");
    return CLIENT_FAILED;
}

static int check_usual(const struct import *import, bool or_reference)
{
    if (import->found[IMPORT_PLATE] || (or_reference && import->found[IMPORT_REFERENCE])) return CLIENT_OK;
    say("%s has no column `plate`%s; --column plate=NAME says how it is named there%s", import->file,
        or_reference ? " and no column `reference`" : "",
        csv_width(import->csv) == 1 ? ", and --delimiter what is between columns, if it is no comma" : "");
    return CLIENT_FAILED;
}

static int check_columns(const struct import *import, const struct csv_column *columns, bool or_reference)
{
    if (!profile_has_columns(import->profile)) return check_usual(import, or_reference);
    for (unsigned i = 0; i < PROFILE_COLUMNS; i++) {
        const struct csv_column *column = &columns[places[i]];

        if ((column->name != NULL || column->position > 0) && !import->found[places[i]])
            return say_missing(import, (enum profile_column)i);
    }
    if (import->found[IMPORT_PLATE] || (or_reference && import->found[IMPORT_REFERENCE])) return CLIENT_OK;
    say("which column has the plates? Say --column plate=NAME");
    return CLIENT_FAILED;
}

static int open_csv(struct import *import, bool or_reference)
{
    const struct profile *profile = import->profile;
    struct csv_column columns[IMPORT_COLUMNS];

    import->csv = csv_open_source(import->source, profile->delimiter);
    if (import->csv == NULL) return no_memory();
    choose_columns(profile, columns);
    if (csv_columns(import->csv, columns, IMPORT_COLUMNS, profile->header, import->found))
        return check_columns(import, columns, or_reference);
    say("%s has no header: the first line names the columns, such as plate,jurisdiction,reference", import->file);
    return CLIENT_FAILED;
}

/* -- fixed width --------------------------------------------------------------------------------------------------- */

static int open_fixed(struct import *import)
{
    const struct profile *profile = import->profile;

    if (profile->format == PROFILE_NCIC) import->layout = fixed_ncic;
    else import->layout.length_min = profile->columns[PROFILE_PLATE].first;
    for (unsigned i = 0; i < PROFILE_COLUMNS && profile->format == PROFILE_FIXED; i++) {
        const struct profile_place *place = &profile->columns[i];

        if (place->width > 0)
            import->layout.columns[places[i]] = (struct fixed_column) { place->first - 1, place->width };
    }
    import->layout.length = profile->line_length;
    import->fixed = fixed_open(import->source, &import->layout);
    return import->fixed == NULL ? no_memory() : CLIENT_OK;
}

/* ------------------------------------------------------------------------------------------------------------------ */

int import_open(int fd, const char *file, const struct profile *profile, bool or_reference, struct import **opened)
{
    struct import *import = calloc(1, sizeof(*import));
    int code = import == NULL ? no_memory() : CLIENT_OK;

    *opened = NULL;
    if (code == CLIENT_OK) {
        import->file = file;
        import->profile = profile;
        import->source = source_open(fd, profile->encoding);
        code = import->source == NULL ? no_memory() : begin(import);
    }
    if (code == CLIENT_OK) code = profile->format == PROFILE_CSV ? open_csv(import, or_reference) : open_fixed(import);
    if (code == CLIENT_OK) *opened = import;
    else import_close(import);
    return code;
}

void import_next(struct import *import, struct csv_row *row)
{
    if (import->csv != NULL) csv_next(import->csv, row);
    else fixed_next(import->fixed, row);
    import->cut = import->cut || row->state == CSV_CUT;
    import->open_end = import->open_end || row->open_end;
}

bool import_is_cut(const struct import *import)
{
    return import->cut || source_is_cut(import->source);
}

bool import_has_open_end(const struct import *import)
{
    return import->open_end;
}

uint64_t import_bytes(const struct import *import)
{
    return source_bytes(import->source);
}
