#include "server/http/settings.h"

#include <errno.h>
#include <ini.h>

#define LINE_BYTES 16384 /* long paths and libpq conninfo strings */

struct reading {
    const char *file;
    const struct setting *table;
    size_t count;
    setting_each_fn each;
    void *settings;
    FILE *errors;
    bool *seen;
    char problem[256]; /* the first; empty: none yet */
};

/* Returns 0, on which inih notes the line.  Section and key are those of the table: what the file holds is not
   repeated. */
static int refuse(struct reading *reading, const struct setting *setting, const char *why)
{
    snprintf(reading->problem, sizeof reading->problem, "[%s] %s: %s", setting->section, setting->key, why);
    return 0;
}

static bool is_pattern(const struct setting *setting, size_t *prefix)
{
    size_t size = strlen(setting->section);
    if (size < 2 || strcmp(setting->section + size - 2, " *") != 0) return false;
    *prefix = size - 1; /* with the space */
    return true;
}

static bool store_number(const struct setting *setting, const char *value, void *settings)
{
    char *end;
    errno = 0;
    unsigned long long number = strtoull(value, &end, 10);
    if (value[0] < '0' || value[0] > '9' || *end != 0 || errno != 0 || number < setting->min || number > setting->max)
        return false;
    memcpy((char *)settings + setting->offset, &number, sizeof number);
    return true;
}

static bool store_bool(const struct setting *setting, const char *value, void *settings)
{
    bool yes = strcmp(value, "yes") == 0 || strcmp(value, "true") == 0 || strcmp(value, "1") == 0;
    if (!yes && strcmp(value, "no") != 0 && strcmp(value, "false") != 0 && strcmp(value, "0") != 0) return false;
    memcpy((char *)settings + setting->offset, &yes, sizeof yes);
    return true;
}

static bool store_text(const struct setting *setting, const char *value, void *settings)
{
    size_t size = strlen(value);
    if (size < setting->min || (setting->max != 0 && size > setting->max)) return false;
    char *copy = strdup(value);
    if (copy == NULL) return false;
    char **place = (char **)(void *)((char *)settings + setting->offset);
    free(*place);
    *place = copy;
    return true;
}

static bool store(const struct setting *setting, const char *value, void *settings)
{
    switch (setting->type) {
    case SETTING_NUMBER: return store_number(setting, value, settings);
    case SETTING_BOOL: return store_bool(setting, value, settings);
    default: return store_text(setting, value, settings);
    }
}

static int take(struct reading *reading, size_t i, const char *value)
{
    const struct setting *setting = &reading->table[i];
    if (reading->seen[i]) return refuse(reading, setting, "is given twice");
    reading->seen[i] = true;
    if (store(setting, value, reading->settings)) return 1;
    char why[96] = "is not yes or no";
    if (setting->type == SETTING_NUMBER)
        snprintf(why, sizeof why, "is not a number from %llu to %llu", setting->min, setting->max);
    if (setting->type == SETTING_TEXT) snprintf(why, sizeof why, "is too short or too long");
    return refuse(reading, setting, why);
}

/* In a section of a kind the table has no names: those of the file, which is its owner's, as far as they are printable. */
static int refuse_named(struct reading *reading, const char *section, const char *key)
{
    snprintf(reading->problem, sizeof reading->problem, "[%s] %s: the section's name, the key or its value is not acceptable",
             section, key);
    for (char *at = reading->problem; *at != 0; at++)
        if (*at < ' ' || *at > '~') *at = '?';
    return 0;
}

static int take_each(struct reading *reading, const struct setting *setting, const char *section, const char *key,
                     const char *value)
{
    const char *name = section + strlen(setting->section) - 1;
    bool fine = *name != 0 && reading->each != NULL && reading->each(reading->settings, setting, name, key, value);
    return fine ? 1 : refuse_named(reading, section, key);
}

static int on_line(void *context, const char *section, const char *key, const char *value)
{
    struct reading *reading = context;
    if (*reading->problem != 0) return 1;
    for (size_t i = 0; i < reading->count; i++) {
        const struct setting *setting = &reading->table[i];
        size_t prefix = 0;
        if (is_pattern(setting, &prefix)) {
            if (strncmp(section, setting->section, prefix) == 0)
                return take_each(reading, setting, section, key, value);
        } else if (strcmp(section, setting->section) == 0 && strcmp(key, setting->key) == 0) {
            return take(reading, i, value);
        }
    }
    return 0; /* inih then tells the line */
}

static bool fill_in(struct reading *reading, size_t i)
{
    const struct setting *setting = &reading->table[i];
    size_t prefix;
    if (reading->seen[i] || is_pattern(setting, &prefix)) return true;
    if (setting->fallback == NULL) {
        refuse(reading, setting, "is missing");
        return false;
    }
    if (*setting->fallback == 0) return true; /* optional: stays NULL, 0, false */
    if (store(setting, setting->fallback, reading->settings)) return true;
    refuse(reading, setting, "no memory");
    return false;
}

/* inih with the library's own settings, the same for every file; nothing else here uses it.  The first line that HANDLER refused, 0: none, -1: not read. */
static int parse(FILE *file, ini_handler handler, void *context)
{
    ini_use_stack = false;
    ini_allow_realloc = true;
    ini_max_line = LINE_BYTES;
    ini_allow_multiline = false;
    int line = ini_parse_file(file, handler, context);
    return ferror(file) ? -1 : line; /* a folder opens like a file */
}

static int read_with(struct reading *reading, FILE *file)
{
    int line = parse(file, on_line, reading);
    if (line == 0) {
        for (size_t i = 0; i < reading->count; i++)
            if (!fill_in(reading, i)) break;
        if (*reading->problem == 0) return 0;
        fprintf(reading->errors, "%s: %s\n", reading->file, reading->problem);
    } else if (line > 0) {
        const char *problem = *reading->problem != 0 ? reading->problem : "unknown section or key, or not a setting";
        fprintf(reading->errors, "%s:%d: %s\n", reading->file, line, problem);
    } else {
        fprintf(reading->errors, "%s: can't be read\n", reading->file);
    }
    return -1;
}

int settings_read(const char *file, const struct setting *table, size_t count, setting_each_fn each, void *settings,
                  FILE *errors)
{
    FILE *in = fopen(file, "re");
    if (in == NULL) {
        fprintf(errors, "%s: %s\n", file, strerror(errno));
        return -1;
    }
    struct reading reading = { file, table, count, each, settings, errors, calloc(count, sizeof(bool)), "" };
    int status = reading.seen == NULL ? -1 : read_with(&reading, in);
    free(reading.seen);
    fclose(in);
    return status;
}

struct place {
    const char *section, *key;
};

static int is_elsewhere(void *context, const char *section, const char *key, const char *value)
{
    const struct place *place = context;
    (void)value;
    return strcmp(section, place->section) != 0 || (place->key != NULL && strcmp(key, place->key) != 0);
}

int settings_line(const char *file, const char *section, const char *key)
{
    struct place place = { section, key };
    FILE *in = fopen(file, "re");
    if (in == NULL) return 0;
    int line = parse(in, is_elsewhere, &place);
    fclose(in);
    return line > 0 ? line : 0;
}

void settings_free(const struct setting *table, size_t count, void *settings)
{
    for (size_t i = 0; i < count; i++) {
        size_t prefix;
        if (table[i].type != SETTING_TEXT || is_pattern(&table[i], &prefix)) continue;
        char **place = (char **)(void *)((char *)settings + table[i].offset);
        free(*place);
        *place = NULL;
    }
}
