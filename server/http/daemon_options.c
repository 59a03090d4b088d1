#include "server/http/daemon_options.h"

#include <argp.h>

#include "server/http/daemon.h"

struct parse {
    const char *const *commands;
    struct daemon_options *options;
};

static bool is_command(const char *const *commands, const char *word)
{
    for (; *commands != NULL; commands++)
        if (strcmp(*commands, word) == 0) return true;
    return false;
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    const struct parse *parse = state->input;
    struct daemon_options *options = parse->options;

    switch (key) {
    case 'c': options->config = argument; return 0;
    case 'r': options->ready_file = argument; return 0;
    case 'R': options->routes = true; return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 0) argp_error(state, "one command at a time");
        if (!is_command(parse->commands, argument)) argp_error(state, "there is no such command");
        options->command = argument;
        return 0;
    case ARGP_KEY_END:
        if (options->config == NULL && !options->routes) argp_error(state, "--config FILE is missing");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option argp_options[] = {
    { "config", 'c', "FILE", 0, "settings (platesieved.conf(5))", 0 },
    { "ready-file", 'r', "FILE", 0, "write pid and ports there as JSON when ready", 0 },
    { "routes", 'R', NULL, 0, "print the routes and who may ask, and exit", 0 },
    { 0 },
};

void daemon_options_parse(int argc, char **argv, const char *const *commands, const char *usage, const char *about,
                          struct daemon_options *options)
{
    const struct argp argp = { argp_options, parse_option, usage, about, NULL, NULL, NULL };
    struct parse parse = { commands, options };

    *options = (struct daemon_options){ .command = "run" };
    argp_err_exit_status = DAEMON_USAGE;
    (void)argp_parse(&argp, argc, argv, 0, NULL, &parse);
}
