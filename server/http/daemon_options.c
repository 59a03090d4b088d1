#include "server/http/daemon_options.h"

#include <argp.h>

#include "server/http/daemon.h"
#include "server/http/rights.h"

struct parse {
    const struct daemon_command *commands, *command; /* `command`: the one that was named; NULL: none yet */
    struct daemon_options *options;
};

static const struct daemon_command *find_command(const struct daemon_command *commands, const char *word)
{
    for (; commands->name != NULL; commands++)
        if (strcmp(commands->name, word) == 0) return commands;
    return NULL;
}

static error_t take_argument(struct parse *parse, char *argument, struct argp_state *state)
{
    struct daemon_options *options = parse->options;

    if (parse->command == NULL) {
        parse->command = find_command(parse->commands, argument);
        if (parse->command == NULL) argp_error(state, "there is no such command");
        options->command = argument;
        options->arguments = (const char *const *)(state->argv + state->next); /* argp has put the options before them */
        return 0;
    }
    if (!parse->command->arguments) argp_error(state, "one command at a time");
    options->argument_count++;
    return 0;
}

static error_t end(const struct parse *parse, struct argp_state *state)
{
    const struct daemon_options *options = parse->options;
    bool lists = strcmp(options->command, "registered") == 0;

    if (options->config == NULL && !options->routes) argp_error(state, "--config FILE is missing");
    if (parse->command != NULL && parse->command->arguments && options->argument_count == 0) argp_error(state, "a name is missing");
    if (options->quota != NULL && strcmp(options->command, "register") != 0) argp_error(state, "--quota goes with register");
    if (options->rights != 0 && strcmp(options->command, "register") != 0) argp_error(state, "--rights goes with register");
    if (options->json && !lists) argp_error(state, "--json goes with registered");
    if (options->make_key && strcmp(options->command, "init") != 0) argp_error(state, "--make-key goes with init");
    return 0;
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct parse *parse = state->input;
    struct daemon_options *options = parse->options;

    switch (key) {
    case 'c': options->config = argument; return 0;
    case 'r': options->ready_file = argument; return 0;
    case 'R': options->routes = true; return 0;
    case 'q': options->quota = argument; return 0;
    case 'g':
        if (!rights_parse(argument, &options->rights)) argp_error(state, "--rights takes some of push,view,decrypt");
        return 0;
    case 'j': options->json = true; return 0;
    case 'm': options->make_key = true; return 0;
    case ARGP_KEY_ARG: return take_argument(parse, argument, state);
    case ARGP_KEY_END: return end(parse, state);
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option argp_options[] = {
    { "config", 'c', "FILE", 0, "settings (platesieved.conf(5))", 0 },
    { "ready-file", 'r', "FILE", 0, "write pid and ports there as JSON when ready", 0 },
    { "make-key", 'm', NULL, 0, "with init: make the key on the PKCS#11 token, if it has none of that name", 0 },
    { "routes", 'R', NULL, 0, "print the routes and who may ask, and exit", 0 },
    { "quota", 'q', "PROFILE", 0, "with register: the quota profile (default: that of the name's role)", 0 },
    { "rights", 'g', "RIGHTS", 0, "with register: what names of agencies may do, of push,view,decrypt (default: all)", 0 },
    { "json", 'j', NULL, 0, "with registered: as JSON", 0 },
    { 0 },
};

void daemon_options_parse(int argc, char **argv, const struct daemon_command *commands, const char *usage, const char *about,
                          struct daemon_options *options)
{
    const struct argp argp = { argp_options, parse_option, usage, about, NULL, NULL, NULL };
    struct parse parse = { .commands = commands, .options = options };

    *options = (struct daemon_options){ .command = "run" };
    argp_err_exit_status = DAEMON_USAGE;
    (void)argp_parse(&argp, argc, argv, 0, NULL, &parse);
}
