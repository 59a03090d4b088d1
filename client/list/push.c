/* platesieve list push, add, remove and tokens: their options. */
#include "client/push/watch.h"

enum { OPTION_YES = 0x300, OPTION_CLEAR, OPTION_PATIENCE, OPTION_PARALLEL, OPTION_REPORT, OPTION_TRUNCATED, OPTION_FULL,
       OPTION_OVERRIDE, OPTION_WATCH, OPTION_SETTLE, OPTION_RENEW, OPTION_LOOK };

/* Of all four. */
#define SENDING_OPTIONS                                                                                                \
        { "patience", OPTION_PATIENCE, "SECONDS", 0, "Try on for so long when gate or key server can't be reached (60)", \
          0 },                                                                                                         \
        { "parallel", OPTION_PARALLEL, "N", 0,                                                                         \
          "Threads that make tokens, each with its own connection to the key server (4)", 0 },                         \
        { "clear-references", OPTION_CLEAR, NULL, 0, "Send references as they are, readable for the gate's people", 0 }, \
        { "override", OPTION_OVERRIDE, NULL, 0, "Even if the list shrinks or grows more at once than the operator lets pass", 0 }, \
        { "yes", OPTION_YES, NULL, 0, "Even if the list becomes empty", 0 },                                           \
        { "allow-truncated", OPTION_TRUNCATED, NULL, 0, "Even if the file ends in the middle of a line", 0 },          \
        { "report", OPTION_REPORT, "FILE", 0, "Write line and reason of each row that was not taken as it is, as CSV", \
          0 },                                                                                                         \
    IMPORT_OPTIONS

static const struct argp_option sending_options[] = {
    SENDING_OPTIONS,
    { 0 },
};

static const struct argp_option push_options[] = {
    SENDING_OPTIONS,
    { "full", OPTION_FULL, NULL, 0, "Send all rows, not only those that changed since the last push from here", 0 },
    { "watch", OPTION_WATCH, NULL, 0, "Stay, and push again when the file changes or the list needs it", 0 },
    { "settle", OPTION_SETTLE, "SECONDS", 0, "With --watch: the file must have been left alone for so long (2)", 0 },
    { "renew", OPTION_RENEW, "SECONDS", 0, "With --watch: push again at least so often (a quarter of the age limit)", 0 },
    { "look", OPTION_LOOK, "SECONDS", 0, "With --watch: ask for new epochs so often (30)", 0 },
    { 0 },
};

struct command_options {
    struct push_options push;
    struct watch_options watch;
};

static error_t push_parse(int key, char *argument, struct argp_state *state)
{
    struct command_options *all = state->input;
    struct push_options *options = &all->push;

    switch (key) {
    case OPTION_WATCH: all->watch.watch = true; return 0;
    case OPTION_SETTLE: all->watch.settle_s = (unsigned)option_number(state, "--settle", argument, 0, 3600); return 0;
    case OPTION_RENEW: all->watch.renew_s = (unsigned)option_number(state, "--renew", argument, 1, 30 * 86400); return 0;
    case OPTION_LOOK: all->watch.look_s = (unsigned)option_number(state, "--look", argument, 1, 3600); return 0;
    case OPTION_PATIENCE:
        options->patience_s = (unsigned)option_number(state, "--patience", argument, 0, 86400);
        return 0;
    case OPTION_PARALLEL:
        options->parallel = (unsigned)option_number(state, "--parallel", argument, 1, PUSH_PARALLEL_MAX);
        return 0;
    case OPTION_CLEAR: options->clear_references = true; return 0;
    case OPTION_FULL: options->full = true; return 0;
    case OPTION_OVERRIDE: options->override = true; return 0;
    case OPTION_YES: options->yes = true; return 0;
    case OPTION_TRUNCATED: options->allow_truncated = true; return 0;
    case OPTION_REPORT: options->report = argument; return 0;
    case ARGP_KEY_ARG:
        if (options->file != NULL) argp_usage(state);
        if (options->list != NULL) options->file = argument;
        else list_argument(state, &options->list, argument);
        return 0;
    case ARGP_KEY_END:
        if (options->file == NULL) argp_error(state, "which list, and which file?");
        if (all->watch.watch && strcmp(options->file, "-") == 0) argp_error(state, "standard input can't be watched");
        return 0;
    default: return import_option(key, argument, state, &options->import);
    }
}

static int command(struct settings *settings, enum push_mode mode, const char *documentation, int argc, char **argv)
{
    struct command_options options = { .push = { .mode = mode, .patience_s = 60, .parallel = 4 },
                                       .watch = { .settle_s = 2, .look_s = 30 } };
    struct command_input input = { settings, &options };

    command_parse(mode == PUSH_REPLACE ? push_options : sending_options, push_parse, "LIST FILE", documentation, &input,
                  argc, argv);
    return options.watch.watch ? watch_run(settings, &options.push, &options.watch) : push_run(settings, &options.push);
}

#define COLUMNS_HELP                                                                                                   \
    "\vFILE (- is standard input) is CSV with a header, unless options or the list's profile say otherwise (platesieve " \
    "list profile): plate, one of jurisdiction, state or region, and if you like reference, effective and expires "    \
    "(RFC 3339).  Rows that can't be used are reported by line; the rest goes on, and the exit code is 3."

int command_list_push(struct settings *settings, int argc, char **argv)
{
    return command(settings, PUSH_REPLACE,
                   "Makes LIST what FILE says, at once and whole.  What changed since the last push from this machine "
                   "is sent; all of it where that can't be told." COLUMNS_HELP, argc, argv);
}

int command_list_add(struct settings *settings, int argc, char **argv)
{
    return command(settings, PUSH_ADD,
                   "Adds the rows of FILE to LIST; a row whose reference stands replaces that entry." COLUMNS_HELP,
                   argc, argv);
}

int command_list_remove(struct settings *settings, int argc, char **argv)
{
    return command(settings, PUSH_REMOVE,
                   "Removes entries from LIST: by reference, or, for entries that were added without one, by plate and "
                   "jurisdiction." COLUMNS_HELP,
                   argc, argv);
}

int command_list_tokens(struct settings *settings, int argc, char **argv)
{
    return command(settings, PUSH_TOKENS,
                   "Gives the entries of LIST tokens for epochs that it does not cover yet.  FILE is the one that was "
                   "pushed." COLUMNS_HELP,
                   argc, argv);
}
