/* platesieve list profile: how the files of a list are read.  All of it stays on this machine. */
#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "client/file.h"
#include "client/identity/identity.h"
#include "client/identity/name.h"
#include "client/import/import_options.h"
#include "client/list/list.h"

enum { OPTION_SAVE = 0x500, OPTION_DELETE };

struct profile_options {
    const char *list;
    struct import_options import;
    bool save, remove;
};

static const struct argp_option options_of_profile[] = {
    { "save", OPTION_SAVE, NULL, 0, "Keep what the options (and --profile) say as the profile of the list", 0 },
    { "delete", OPTION_DELETE, NULL, 0, "Forget the profile of the list", 0 },
    IMPORT_OPTIONS,
    { 0 },
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct profile_options *options = state->input;

    switch (key) {
    case OPTION_SAVE: options->save = true; return 0;
    case OPTION_DELETE: options->remove = true; return 0;
    case ARGP_KEY_ARG:
        list_argument(state, &options->list, argument);
        return 0;
    case ARGP_KEY_END:
        if (options->list == NULL) argp_error(state, "which list?");
        if (options->remove && options->save) argp_error(state, "--save and --delete together?");
        if (!options->save && (options->import.count > 0 || options->import.file != NULL || options->import.none))
            argp_error(state, "to keep what these options say, add --save");
        return 0;
    default: return import_option(key, argument, state, &options->import);
    }
}

static int show(const struct settings *settings, const struct profile *profile, const char *list, const char *path)
{
    char *text;

    if (settings->json) {
        json_t *json = profile_json(profile);

        json_object_set_new(json, "list", json_string(list));
        json_object_set_new(json, "file", path == NULL ? json_null() : json_string(path));
        return print_json(json) ? CLIENT_OK : CLIENT_FAILED;
    }
    if (path == NULL) puts("; The list has no profile of its own; this is what is usual.");
    text = profile_text(profile, list);
    if (text == NULL) {
        say("out of memory");
        return CLIENT_FAILED;
    }
    fputs(text, stdout);
    free(text);
    return CLIENT_OK;
}

/* Reads it back before it counts: what can't be written as a file must not be kept. */
static int save(const struct settings *settings, const struct profile_options *options, const char *path)
{
    struct profile profile, again;
    char why[PROFILE_WHY] = "it would not mean the same";
    int code = import_profile_new(&options->import, &profile);
    char *text = code == CLIENT_OK ? profile_text(&profile, options->list) : NULL, *second = NULL;
    bool same = false;

    if (code != CLIENT_OK) return code;
    profile_default(&again);
    if (text != NULL && profile_read(&again, text, why)) {
        second = profile_text(&again, options->list);
        same = second != NULL && strcmp(text, second) == 0;
    }
    if (!same) say("this can't be kept as a file: %s", why);
    code = same && folder_make_for(path, 0700) && file_write(path, text, strlen(text), 0600) ? CLIENT_OK : CLIENT_FAILED;
    if (code == CLIENT_OK) say("kept as %s", path);
    if (code == CLIENT_OK) code = show(settings, &profile, options->list, path);
    free(text);
    free(second);
    return code;
}

static int forget(const char *path)
{
    if (unlink(path) == 0 || errno == ENOENT) return CLIENT_OK;
    say("can't remove %s: %s", path, strerror(errno));
    return CLIENT_FAILED;
}

int command_list_profile(struct settings *settings, int argc, char **argv)
{
    struct profile_options options = { 0 };
    struct command_input input = { settings, &options };
    struct identity identity;
    struct profile profile;
    char path[PATH_MAX];
    int code;

    command_parse(options_of_profile, parse, "LIST",
                  "Shows how files of LIST are read by push, add, remove and tokens; with --save, keeps what the options "
                  "say.  The profile lies in the client's state folder and is not sent to anybody.",
                  &input, argc, argv);
    code = identity_find(settings, "agency", &identity);
    if (code != CLIENT_OK) return code;
    if (!profile_path(settings, identity.name.first, options.list, path)) return CLIENT_FAILED;
    if (options.remove) return forget(path);
    if (options.save) return save(settings, &options, path);
    profile_default(&profile);
    if (access(path, F_OK) != 0) return show(settings, &profile, options.list, NULL);
    code = profile_load(&profile, path);
    return code == CLIENT_OK ? show(settings, &profile, options.list, path) : code;
}
