/* platesieve list push, add, remove and tokens: their options. */
#include "client/push.h"

enum { OPTION_YES = 0x300, OPTION_CLEAR, OPTION_PATIENCE, OPTION_PARALLEL, OPTION_REPORT, OPTION_TRUNCATED, OPTION_FULL };

static const struct argp_option push_argp_options[] = {
    { "patience", OPTION_PATIENCE, "SECONDS", 0, "Try on for so long when gate or key server can't be reached (60)",
      0 },
    { "parallel", OPTION_PARALLEL, "N", 0,
      "Threads that make tokens, each with its own connection to the key server (4)", 0 },
    { "clear-references", OPTION_CLEAR, NULL, 0, "Send references as they are, readable for the gate's people", 0 },
    { "full", OPTION_FULL, NULL, 0, "Send all rows, not only those that changed since the last push from here", 0 },
    { "yes", OPTION_YES, NULL, 0, "Even if the list becomes empty", 0 },
    { "allow-truncated", OPTION_TRUNCATED, NULL, 0, "Even if the file ends in the middle of a line", 0 },
    { "report", OPTION_REPORT, "FILE", 0, "Write line and reason of each row that was not taken as it is, as CSV", 0 },
    IMPORT_OPTIONS,
    { 0 },
};

static error_t push_parse(int key, char *argument, struct argp_state *state)
{
    struct push_options *options = state->input;

    switch (key) {
    case OPTION_PATIENCE:
        options->patience_s = (unsigned)option_number(state, "--patience", argument, 0, 86400);
        return 0;
    case OPTION_PARALLEL:
        options->parallel = (unsigned)option_number(state, "--parallel", argument, 1, PUSH_PARALLEL_MAX);
        return 0;
    case OPTION_CLEAR: options->clear_references = true; return 0;
    case OPTION_FULL: options->full = true; return 0;
    case OPTION_YES: options->yes = true; return 0;
    case OPTION_TRUNCATED: options->allow_truncated = true; return 0;
    case OPTION_REPORT: options->report = argument; return 0;
    case ARGP_KEY_ARG:
        if (options->file != NULL) argp_usage(state);
        if (options->list != NULL) options->file = argument;
        else if (name_part_valid(argument)) options->list = argument;
        else argp_error(state, "a list's name is made of a-z, 0-9, -, _ and .");
        return 0;
    case ARGP_KEY_END:
        if (options->file == NULL) argp_error(state, "which list, and which file?");
        return 0;
    default: return import_option(key, argument, state, &options->import);
    }
}

static int command(struct settings *settings, enum push_mode mode, const char *documentation, int argc, char **argv)
{
    struct push_options options = { .mode = mode, .patience_s = 60, .parallel = 4 };
    struct command_input input = { settings, &options };

    command_parse(push_argp_options, push_parse, "LIST FILE", documentation, &input, argc, argv);
    return push_run(settings, &options);
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
