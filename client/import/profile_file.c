/* A profile as an INI file: what people can read, keep and pass on. */
#include "client/import/profile.h"

#include <errno.h>
#include <ini.h>

#include "client/file.h"
#include "client/state.h"

/* Keys and the sections that they stand in. */
static const struct {
    const char *section, *key;
} settings_of_file[] = {
    { "file", "format" },       { "file", "encoding" },   { "file", "codes" },       { "file", "delimiter" },
    { "file", "header" },       { "file", "line-length" }, { "times", "date-format" }, { "times", "time-zone" },
    { "times", "expiry-day" },  { "times", "years" },     { "plates", "wildcard" },
};

static const char *const code_names[] = { [PLATESIEVE_CODES_ISO] = "iso",
                                          [PLATESIEVE_CODES_NCIC] = "ncic",
                                          [PLATESIEVE_CODES_AAMVA] = "aamva",
                                          [PLATESIEVE_CODES_USPS] = "usps" };

/* -- values as texts ----------------------------------------------------------------------------------------------- */

static void place_text(const struct profile *profile, const struct profile_place *place, char *text, size_t size)
{
    text[0] = '\0';
    if (place->width > 0) snprintf(text, size, "%u:%u", place->first, place->width);
    else if (place->name[0] != '\0' && (profile->header || place->position == 0)) snprintf(text, size, "%s", place->name);
    else if (place->position > 0) snprintf(text, size, "#%u", place->position);
}

static void delimiter_text(char delimiter, char *text, size_t size)
{
    if (delimiter == ',') snprintf(text, size, "comma");
    else if (delimiter == ';') snprintf(text, size, "semicolon");
    else if (delimiter == '\t') snprintf(text, size, "tab");
    else snprintf(text, size, "%c", delimiter);
}

static void formats_text(const struct profile *profile, char *text, size_t size)
{
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < profile->date_format_count && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s", i == 0 ? "" : " | ", profile->date_formats[i]);
}

/* Empty where it is as usual, or does not matter. */
static void value_text(const struct profile *profile, const char *key, char *text, size_t size)
{
    const bool csv = profile->format == PROFILE_CSV;

    text[0] = '\0';
    if (strcmp(key, "format") == 0) snprintf(text, size, "%s", profile_format_name(profile->format));
    else if (strcmp(key, "encoding") == 0) snprintf(text, size, "%s", encoding_name(profile->encoding));
    else if (strcmp(key, "codes") == 0) snprintf(text, size, "%s", code_names[profile->codes]);
    else if (strcmp(key, "delimiter") == 0 && csv) delimiter_text(profile->delimiter, text, size);
    else if (strcmp(key, "header") == 0 && csv) snprintf(text, size, "%s", profile->header ? "yes" : "no");
    else if (strcmp(key, "line-length") == 0 && profile->line_length > 0)
        snprintf(text, size, "%u", profile->line_length);
    else if (strcmp(key, "date-format") == 0) formats_text(profile, text, size);
    else if (strcmp(key, "time-zone") == 0) snprintf(text, size, "%s", profile->time_zone);
    else if (strcmp(key, "expiry-day") == 0 && profile->last_day_counts) snprintf(text, size, "included");
    else if (strcmp(key, "years") == 0 && profile->years >= 0) snprintf(text, size, "%d", profile->years);
    else if (strcmp(key, "wildcard") == 0 && profile->wildcard != 0) snprintf(text, size, "%c", profile->wildcard);
}

/* -- writing ------------------------------------------------------------------------------------------------------- */

#define VALUE_TEXT (PROFILE_DATE_FORMATS_MAX * (PROFILE_TEXT_MAX + 4))

char *profile_text(const struct profile *profile, const char *list)
{
    char *text = NULL, value[VALUE_TEXT];
    const char *section = "";
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);

    if (stream == NULL) return NULL;
    fprintf(stream, "; How files of the list %s are read (platesieve-list(1)).  Columns that are not named are not read.\n",
            list);
    for (size_t i = 0; i < ARRAY_LENGTH(settings_of_file); i++) {
        value_text(profile, settings_of_file[i].key, value, sizeof(value));
        if (value[0] == '\0') continue;
        if (strcmp(section, settings_of_file[i].section) != 0)
            fprintf(stream, "\n[%s]\n", section = settings_of_file[i].section);
        fprintf(stream, "%s = %s\n", settings_of_file[i].key, value);
    }
    if (profile_has_columns(profile)) fputs("\n[columns]\n", stream);
    for (unsigned i = 0; i < PROFILE_COLUMNS; i++) {
        place_text(profile, &profile->columns[i], value, sizeof(value));
        if (value[0] != '\0') fprintf(stream, "%s = %s\n", profile_column_name(i), value);
    }
    if (fclose(stream) == 0) return text;
    free(text);
    return NULL;
}

json_t *profile_json(const struct profile *profile)
{
    json_t *json = json_object(), *columns = json_object();
    char value[VALUE_TEXT];

    for (size_t i = 0; i < ARRAY_LENGTH(settings_of_file); i++) {
        value_text(profile, settings_of_file[i].key, value, sizeof(value));
        if (value[0] != '\0') json_object_set_new(json, settings_of_file[i].key, json_string(value));
    }
    for (unsigned i = 0; i < PROFILE_COLUMNS; i++) {
        place_text(profile, &profile->columns[i], value, sizeof(value));
        if (value[0] != '\0') json_object_set_new(columns, profile_column_name(i), json_string(value));
    }
    json_object_set_new(json, "columns", columns);
    return json;
}

/* -- reading ------------------------------------------------------------------------------------------------------- */

struct reading {
    struct profile *profile;
    char *why;
};

static int on_line(void *context, const char *section, const char *key, const char *value)
{
    struct reading *reading = context;
    char column[2 * PROFILE_TEXT_MAX];

    if (strcmp(section, "columns") == 0) {
        if ((size_t)snprintf(column, sizeof(column), "%s=%s", key, value) >= sizeof(column)) return 0;
        return profile_set(reading->profile, "column", column, reading->why);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(settings_of_file); i++)
        if (strcmp(settings_of_file[i].section, section) == 0 && strcmp(settings_of_file[i].key, key) == 0)
            return profile_set(reading->profile, key, value, reading->why);
    return 0;
}

bool profile_read(struct profile *profile, const char *text, char why[PROFILE_WHY])
{
    char first[PROFILE_WHY] = "";
    struct reading reading = { profile, first };
    int line;

    ini_allow_multiline = false; /* the library's own settings; nothing else here uses it */
    ini_stop_on_first_error = true;
    ini_max_line = 1024;
    ini_use_stack = false;
    ini_allow_realloc = true;
    line = ini_parse_string(text, on_line, &reading);
    if (line == 0) return true;
    if (line < 0) snprintf(why, PROFILE_WHY, "no memory");
    else snprintf(why, PROFILE_WHY, "line %d: %.150s", line, first[0] != '\0' ? first : "no setting of a profile");
    return false;
}

int profile_load(struct profile *profile, const char *file)
{
    char why[PROFILE_WHY];
    size_t size;
    char *text = file_read(file, PROFILE_FILE_BYTES_MAX, &size);
    bool good;

    if (text == NULL) {
        say("can't read the profile %s: %s", file, strerror(errno));
        return CLIENT_FAILED;
    }
    good = strlen(text) == size && profile_read(profile, text, why);
    if (strlen(text) != size) snprintf(why, sizeof(why), "it is not text");
    free(text);
    if (good) return CLIENT_OK;
    say("%s: %s", file, why);
    return CLIENT_USAGE;
}

bool profile_path(const struct settings *settings, const char *agency, const char *list, char path[])
{
    char file[LIMIT_NAME_MAX + 16];

    snprintf(file, sizeof(file), "profile-%s.ini", list);
    return state_path(settings, agency, file, path);
}
