#include "client/import/import_options.h"

#include <limits.h>
#include <unistd.h>

#include "client/import/when.h"

static const struct {
    int option;
    const char *key, *value; /* value: of an option that takes none */
} keys[] = {
    { OPTION_FORMAT, "format", NULL },           { OPTION_COLUMN, "column", NULL },
    { OPTION_DELIMITER, "delimiter", NULL },     { OPTION_ENCODING, "encoding", NULL },
    { OPTION_NO_HEADER, "header", "no" },        { OPTION_LINE_LENGTH, "line-length", NULL },
    { OPTION_DATE_FORMAT, "date-format", NULL }, { OPTION_TIME_ZONE, "time-zone", NULL },
    { OPTION_EXPIRY_DAY, "expiry-day", NULL },   { OPTION_YEARS, "years", NULL },
    { OPTION_CODES, "codes", NULL },             { OPTION_WILDCARD, "wildcard", NULL },
};

/* Tries it on a profile of no use, so that a wrong value is a usage error. */
static void take(struct argp_state *state, struct import_options *options, const char *key, const char *value)
{
    struct profile trial;
    char why[PROFILE_WHY] = "";

    profile_default(&trial);
    if (!profile_set(&trial, key, value, why)) argp_error(state, "--%s: %s", key, why);
    if (options->count == IMPORT_SETTINGS_MAX) argp_error(state, "too many options");
    options->settings[options->count].key = key;
    options->settings[options->count++].value = value;
}

error_t import_option(int key, char *argument, struct argp_state *state, struct import_options *options)
{
    if (key == OPTION_PROFILE) options->file = argument;
    if (key == OPTION_NO_PROFILE) options->none = true;
    if (key == OPTION_PROFILE || key == OPTION_NO_PROFILE) return 0;
    for (size_t i = 0; i < ARRAY_LENGTH(keys); i++) {
        if (keys[i].option != key) continue;
        take(state, options, keys[i].key, keys[i].value != NULL ? keys[i].value : argument);
        return 0;
    }
    return ARGP_ERR_UNKNOWN;
}

static int apply(const struct import_options *options, struct profile *profile)
{
    char why[PROFILE_WHY] = "";
    bool good = true;

    for (size_t i = 0; good && i < options->count; i++)
        good = profile_set(profile, options->settings[i].key, options->settings[i].value, why);
    if (good && profile_check(profile, why)) return CLIENT_OK;
    say("%s", why);
    return CLIENT_USAGE;
}

int import_profile_new(const struct import_options *options, struct profile *profile)
{
    int code = CLIENT_OK;

    profile_default(profile);
    if (options->file != NULL) code = profile_load(profile, options->file);
    return code == CLIENT_OK ? apply(options, profile) : code;
}

int import_profile(const struct settings *settings, const char *agency, const char *list,
                   const struct import_options *options, struct profile *profile)
{
    struct import_options all = *options;
    char path[PATH_MAX];
    int code;

    if (all.file == NULL && !all.none) {
        if (!profile_path(settings, agency, list, path)) return CLIENT_FAILED;
        if (access(path, F_OK) == 0) all.file = path;
    }
    code = import_profile_new(&all, profile);
    if (code == CLIENT_OK) when_use_zone(profile);
    return code;
}
