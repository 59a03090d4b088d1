#include "client/import/profile.h"

#include <errno.h>
#include <strings.h>

#include "client/import/when.h"

#define NCIC_DATE "%Y%m%d"

static const char *const format_names[] = { "csv", "fixed", "ncic" };
static const char *const column_names[PROFILE_COLUMNS] = { "plate",     "jurisdiction", "reference",
                                                           "effective", "expires",      "year" };

const char *profile_format_name(enum profile_format format)
{
    return format_names[format];
}

const char *profile_column_name(enum profile_column column)
{
    return column_names[column];
}

void profile_default(struct profile *profile)
{
    *profile = (struct profile) { .delimiter = ',', .header = true, .years = -1 };
}

/* -- values -------------------------------------------------------------------------------------------------------- */

static bool refuse(char why[PROFILE_WHY], const char *text)
{
    snprintf(why, PROFILE_WHY, "%s", text);
    return false;
}

static bool number(const char *text, const char **end, unsigned max, unsigned *value)
{
    char *behind;
    unsigned long found;

    errno = 0;
    found = strtoul(text, &behind, 10);
    if (text[0] < '0' || text[0] > '9' || errno != 0 || found > max) return false;
    *value = (unsigned)found;
    *end = behind;
    return true;
}

static bool set_date_formats(struct profile *profile, const char *value, char why[PROFILE_WHY])
{
    const char *at = value;

    for (profile->date_format_count = 0;; at++) {
        char *format = profile->date_formats[profile->date_format_count];
        size_t size = strcspn(at, "|");
        const char *end = at + size;

        while (size > 0 && *at == ' ') at++, size--;
        while (size > 0 && at[size - 1] == ' ') size--;
        if (profile->date_format_count++ == PROFILE_DATE_FORMATS_MAX) return refuse(why, "these are too many formats");
        if (size > PROFILE_TEXT_MAX) return refuse(why, "a date's format is too long");
        memcpy(format, at, size);
        format[size] = '\0';
        if (!when_format_valid(format, why)) return false;
        at = end;
        if (*at == '\0') break;
    }
    return when_formats_agree(profile, why);
}

static bool set_format(struct profile *profile, const char *value, char why[PROFILE_WHY])
{
    for (unsigned i = 0; i < ARRAY_LENGTH(format_names); i++) {
        if (strcasecmp(format_names[i], value) != 0) continue;
        profile->format = (enum profile_format)i;
        if (profile->format != PROFILE_NCIC) return true;
        profile->codes = PLATESIEVE_CODES_NCIC;
        return set_date_formats(profile, NCIC_DATE, why);
    }
    return refuse(why, "the format is csv, fixed or ncic");
}

static bool set_encoding(struct profile *profile, const char *value, char why[PROFILE_WHY])
{
    if (encoding_parse(value, &profile->encoding)) return true;
    return refuse(why, "the encoding is utf-8, utf-16, utf-16le, utf-16be, iso-8859-1 or windows-1252");
}

static bool set_codes(struct profile *profile, const char *value, char why[PROFILE_WHY])
{
    if (platesieve_codes_parse(value, &profile->codes)) return true;
    return refuse(why, "codes are iso, ncic, aamva or usps");
}

static bool set_delimiter(struct profile *profile, const char *value, char why[PROFILE_WHY])
{
    static const struct {
        const char *name;
        char delimiter;
    } names[] = { { "comma", ',' }, { "semicolon", ';' }, { "tab", '\t' }, { "\\t", '\t' }, { "pipe", '|' } };

    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        if (strcasecmp(names[i].name, value) != 0) continue;
        profile->delimiter = names[i].delimiter;
        return true;
    }
    if (strlen(value) != 1 || strchr("\"\r\n ", value[0]) != NULL || (value[0] & 0x80) != 0)
        return refuse(why, "the delimiter is one character, or comma, semicolon, tab or pipe");
    profile->delimiter = value[0];
    return true;
}

static bool set_yes(bool *flag, const char *value, char why[PROFILE_WHY])
{
    *flag = strcmp(value, "yes") == 0;
    return *flag || strcmp(value, "no") == 0 || refuse(why, "it is yes or no");
}

/* "12:10", "3", "#3", "TAG_NO" */
static bool set_place(struct profile_place *place, const char *value, char why[PROFILE_WHY])
{
    const bool marked = value[0] == '#';
    const char *end;

    *place = (struct profile_place) { 0 };
    if (number(value, &end, PROFILE_POSITION_MAX, &place->first) && *end == ':') {
        if (number(end + 1, &end, PROFILE_POSITION_MAX, &place->width) && *end == '\0' && place->first > 0 &&
            place->width > 0)
            return true;
        return refuse(why, "a fixed column is FIRST:WIDTH, both from 1 to 1024");
    }
    place->first = 0;
    if (number(value + marked, &end, PROFILE_POSITION_MAX, &place->position) && *end == '\0') {
        if (place->position > 0) {
            if (!marked) snprintf(place->name, sizeof(place->name), "%s", value); /* perhaps a name that is a number */
            return true;
        }
    }
    place->position = 0;
    if (value[0] == '\0' || strlen(value) > PROFILE_TEXT_MAX || marked)
        return refuse(why, "a column is named as in the header, or by its number, #3");
    for (const char *at = value; *at != '\0'; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f || *at == ';')
            return refuse(why, "a column's name can't have this character here: say its number, #3");
    memcpy(place->name, value, strlen(value));
    return true;
}

static bool set_column(struct profile *profile, const char *value, char why[PROFILE_WHY])
{
    const size_t size = strcspn(value, "=");

    for (unsigned i = 0; i < PROFILE_COLUMNS && value[size] == '='; i++)
        if (strlen(column_names[i]) == size && strncmp(column_names[i], value, size) == 0)
            return set_place(&profile->columns[i], value + size + 1, why);
    return refuse(why, "a column is given as plate=WHERE, jurisdiction=, reference=, effective=, expires= or year=");
}

static bool set_time_zone(struct profile *profile, const char *value, char why[PROFILE_WHY])
{
    if (!when_zone_valid(value)) return refuse(why, "no such time zone here; they are named like America/Chicago");
    snprintf(profile->time_zone, sizeof(profile->time_zone), "%s", value);
    return true;
}

static bool set_expiry_day(struct profile *profile, const char *value, char why[PROFILE_WHY])
{
    profile->last_day_counts = strcmp(value, "included") == 0;
    return profile->last_day_counts || strcmp(value, "excluded") == 0 ||
           refuse(why, "the day of expiry is included (the last that counts) or excluded (the first that does not)");
}

static bool set_number(unsigned *value, const char *text, unsigned max, char why[PROFILE_WHY])
{
    const char *end;

    if (number(text, &end, max, value) && *end == '\0') return true;
    snprintf(why, PROFILE_WHY, "it is a number from 0 to %u", max);
    return false;
}

static bool set_years(struct profile *profile, const char *value, char why[PROFILE_WHY])
{
    unsigned years;

    if (!set_number(&years, value, 99, why)) return false;
    profile->years = (int)years;
    return true;
}

static bool set_wildcard(struct profile *profile, const char *value, char why[PROFILE_WHY])
{
    if (strlen(value) != 1 || strchr("*_%#.-", value[0]) == NULL)
        return refuse(why, "a wildcard is one of * _ % # . -");
    profile->wildcard = value[0];
    return true;
}

bool profile_set(struct profile *profile, const char *key, const char *value, char why[PROFILE_WHY])
{
    if (strcmp(key, "format") == 0) return set_format(profile, value, why);
    if (strcmp(key, "encoding") == 0) return set_encoding(profile, value, why);
    if (strcmp(key, "codes") == 0) return set_codes(profile, value, why);
    if (strcmp(key, "delimiter") == 0) return set_delimiter(profile, value, why);
    if (strcmp(key, "header") == 0) return set_yes(&profile->header, value, why);
    if (strcmp(key, "line-length") == 0) return set_number(&profile->line_length, value, LIMIT_CSV_LINE_BYTES, why);
    if (strcmp(key, "column") == 0) return set_column(profile, value, why);
    if (strcmp(key, "date-format") == 0) return set_date_formats(profile, value, why);
    if (strcmp(key, "time-zone") == 0) return set_time_zone(profile, value, why);
    if (strcmp(key, "expiry-day") == 0) return set_expiry_day(profile, value, why);
    if (strcmp(key, "years") == 0) return set_years(profile, value, why);
    if (strcmp(key, "wildcard") == 0) return set_wildcard(profile, value, why);
    return refuse(why, "there is no such setting");
}

/* -- all together -------------------------------------------------------------------------------------------------- */

bool profile_has_columns(const struct profile *profile)
{
    for (unsigned i = 0; i < PROFILE_COLUMNS; i++) {
        const struct profile_place *place = &profile->columns[i];

        if (place->name[0] != '\0' || place->position > 0 || place->width > 0) return true;
    }
    return false;
}

/* Is each column given in the way that the format wants? */
static bool check_place(const struct profile *profile, const struct profile_place *place, char why[PROFILE_WHY])
{
    const bool named = place->name[0] != '\0', numbered = place->position > 0, fixed = place->width > 0;

    if (!named && !numbered && !fixed) return true;
    if (profile->format == PROFILE_FIXED && !fixed)
        return refuse(why, "columns of a fixed-width file are given as FIRST:WIDTH");
    if (profile->format == PROFILE_CSV && fixed)
        return refuse(why, "FIRST:WIDTH is for fixed-width files; a column of CSV has a name or a number");
    if (!profile->header && profile->format == PROFILE_CSV && !numbered)
        return refuse(why, "without a header columns are given by their numbers, from 1");
    return true;
}

static bool is_ncic(const struct profile *profile)
{
    return profile->codes == PLATESIEVE_CODES_NCIC && profile->date_format_count == 1 &&
           strcmp(profile->date_formats[0], NCIC_DATE) == 0;
}

bool profile_check(const struct profile *profile, char why[PROFILE_WHY])
{
    const bool columns = profile_has_columns(profile);

    if (profile->format == PROFILE_NCIC && columns) return refuse(why, "the format ncic has its own columns");
    if (profile->format == PROFILE_NCIC && !is_ncic(profile))
        return refuse(why, "the format ncic has its own codes and dates");
    if (profile->format == PROFILE_FIXED && profile->columns[PROFILE_PLATE].width == 0)
        return refuse(why, "where is the plate? Say --column plate=FIRST:WIDTH");
    if (profile->format == PROFILE_CSV && !profile->header && !columns)
        return refuse(why, "which columns? Without a header, say --column plate=1 and so on");
    for (unsigned i = 0; i < PROFILE_COLUMNS; i++)
        if (!check_place(profile, &profile->columns[i], why)) return false;
    return true;
}
