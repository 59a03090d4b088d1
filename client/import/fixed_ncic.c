/* The columns of the extract that the FBI's National Crime Information Center makes for plate readers, and of the state
   files that have the same ones.

   Places: as the importers of plate-reader vendors publish them for "NCIC".  The NCIC number (one letter, nine digits; the
   letter names the file) and the codes LIS and LIT: NCIC Operating Manual and NCIC Code Manual.  Of each record only what
   is named here is read: not its agency (ORI), nor the vehicle. */
#include "client/import/fixed.h"
#include "client/import/import.h"

#define NUMBER_CHARACTERS 10
#define TYPE_FIRST 43 /* LIT, two characters */
#define LENGTH_MIN 39 /* up to the plate's state */

static bool is_number(const char *text)
{
    if (text[0] < 'A' || text[0] > 'Z') return false;
    for (size_t i = 1; i < NUMBER_CHARACTERS; i++)
        if (text[i] < '0' || text[i] > '9') return false;
    return true;
}

/* Articles, boats, guns and securities; and the three types of plates that are registrations of aircraft. */
static bool is_other(const char *text, size_t size)
{
    static const char aircraft[][3] = { "MY", "NP", "PP" };

    if (strchr("ABGS", text[0]) != NULL) return true;
    for (size_t i = 0; size >= TYPE_FIRST + 2 && i < ARRAY_LENGTH(aircraft); i++)
        if (memcmp(text + TYPE_FIRST, aircraft[i], 2) == 0) return true;
    return false;
}

static void blank_zeros(struct csv_field *field)
{
    for (size_t i = 0; i < field->size; i++)
        if (field->text[i] != '0') return;
    field->size = 0;
}

static enum csv_state judge(const char *text, size_t size, struct csv_row *row)
{
    if (!is_number(text)) return CSV_NO_RECORD;
    if (is_other(text, size) || row->fields[IMPORT_PLATE].size == 0) return CSV_NO_PLATE;
    blank_zeros(&row->fields[IMPORT_EFFECTIVE]);
    return CSV_ROW;
}

const struct fixed_layout fixed_ncic = {
    .columns = {
        [IMPORT_REFERENCE] = { 0, NUMBER_CHARACTERS }, /* NIC */
        [IMPORT_EFFECTIVE] = { 19, 8 },                /* date of theft or of the warrant, YYYYMMDD */
        [IMPORT_PLATE] = { 27, 10 },                   /* LIC */
        [IMPORT_JURISDICTION] = { 37, 2 },             /* LIS */
        [IMPORT_YEAR] = { 39, 4 },                     /* LIY */
    },
    .length_min = LENGTH_MIN,
    .judge = judge,
};
