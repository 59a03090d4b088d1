#include "client/client.h"
#include "client/identity/name.h"

#include <errno.h>
#include <stdint.h>

enum { OPTION_AS = 0x100, OPTION_JSON, OPTION_GATE, OPTION_KEYS, OPTION_SHARED, OPTION_CA, OPTION_CRL, OPTION_PKI };

static const struct argp_option settings_options[] = {
    { NULL, 0, NULL, 0, "For every command:", 10 },
    { "as", OPTION_AS, "ROLE/NAME", 0, "Identity to use, such as agency/customs/ana", 10 },
    { "json", OPTION_JSON, NULL, 0, "Print JSON, one object a line", 10 },
    { "gate", OPTION_GATE, "URL", 0, "Gates, comma separated, tried in order (PLATESIEVE_GATE)", 10 },
    { "keys", OPTION_KEYS, "URL", 0, "Key servers, in the same way (PLATESIEVE_KEYS)", 10 },
    { "shared-keys", OPTION_SHARED, NULL, 0, "Use no key that one key server has (PLATESIEVE_SHARED_KEYS=yes)", 10 },
    { "ca", OPTION_CA, "FILE", 0, "Certificate of the authority (PLATESIEVE_CA; else PKI/ca/ca.pem)", 10 },
    { "crl", OPTION_CRL, "FILE", 0, "Revocation list to hold servers against (PLATESIEVE_CRL)", 10 },
    { "pki", OPTION_PKI, "DIR", 0, "Folder with <role>/<name>.pem and .key (PLATESIEVE_PKI)", 10 },
    { 0 },
};

static error_t settings_parse(int key, char *argument, struct argp_state *state)
{
    struct settings *settings = state->input;

    switch (key) {
    case OPTION_AS: settings->as = argument; return 0;
    case OPTION_JSON: settings->json = true; return 0;
    case OPTION_GATE: settings->gates = argument; return 0;
    case OPTION_KEYS: settings->keys = argument; return 0;
    case OPTION_SHARED: settings->shared_keys = true; return 0;
    case OPTION_CA: settings->ca = argument; return 0;
    case OPTION_CRL: settings->crl = argument; return 0;
    case OPTION_PKI: settings->pki = argument; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

const struct argp settings_argp = { .options = settings_options, .parser = settings_parse };

/* -- a command's own options --------------------------------------------------------------------------------------- */

static error_t parse_hook(int key, char *argument, struct argp_state *state)
{
    struct command_input *input = state->input;

    (void)argument;
    if (key == ARGP_KEY_INIT) {
        state->child_inputs[0] = input->settings;
        state->child_inputs[1] = input->context;
        return 0;
    }
    return ARGP_ERR_UNKNOWN;
}

void command_parse(const struct argp_option *options, argp_parser_t parser, const char *arguments,
                   const char *documentation, struct command_input *input, int argc, char **argv)
{
    struct argp own = { .options = options, .parser = parser, .args_doc = arguments };
    const struct argp_child children[] = { { &settings_argp, 0, NULL, 10 }, { &own, 0, NULL, 0 }, { 0 } };
    struct argp whole = { .parser = parse_hook, .doc = documentation, .children = children };
    error_t error = argp_parse(&whole, argc, argv, 0, NULL, input);

    if (error == 0) return;
    say("%s", strerror(error));
    exit(CLIENT_USAGE);
}

const char *option_name(const struct argp_state *state, const char *what, const char *text)
{
    if (!name_part_valid(text)) argp_error(state, "%s is made of a-z, 0-9, -, _ and .", what);
    return text;
}

unsigned long long option_number(const struct argp_state *state, const char *name, const char *text,
                                 unsigned long long min, unsigned long long max)
{
    char *end = NULL;
    unsigned long long value;

    errno = 0;
    value = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || text[0] == '-' || value < min || value > max)
        argp_error(state, "%s must be a number between %llu and %llu", name, min, max);
    return value;
}

/* -- commands and groups of commands ------------------------------------------------------------------------------- */

struct dispatch {
    struct settings *settings;
    const struct command *table;
    int command; /* position in argv; 0: none given */
};

static error_t dispatch_parse(int key, char *argument, struct argp_state *state)
{
    struct dispatch *dispatch = state->input;

    (void)argument;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = dispatch->settings; return 0;
    case ARGP_KEY_ARG:
        dispatch->command = state->next - 1;
        state->next = state->argc; /* the rest belongs to the command */
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* The commands of the table, laid out for the end of the help; argp frees it. */
static char *dispatch_help(int key, const char *text, void *input)
{
    const struct dispatch *dispatch = input;
    char *help = NULL;
    size_t size = 0;
    FILE *stream;

    if (key != ARGP_KEY_HELP_PRE_DOC || (stream = open_memstream(&help, &size)) == NULL) return (char *)(uintptr_t)text;
    fprintf(stream, "%s\n\n", text == NULL ? "" : text);
    for (const struct command *row = dispatch->table; row != NULL && row->name != NULL; row++)
        fprintf(stream, "  %-12s %s\n", row->name, row->summary);
    fputs("\nEach command has its own --help.\n", stream);
    if (fclose(stream) != 0) return (char *)(uintptr_t)text;
    return help;
}

static int dispatch_run(const struct dispatch *dispatch, const struct command *row, int argc, char **argv)
{
    char name[128];

    snprintf(name, sizeof(name), "%s %s", argv[0], row->name);
    argv[dispatch->command] = name;
    return row->run(dispatch->settings, argc - dispatch->command, argv + dispatch->command);
}

static const struct command *dispatch_find(const struct command *table, const char *name)
{
    while (table->name != NULL && strcmp(table->name, name) != 0) table++;
    return table->name == NULL ? NULL : table;
}

/* `help list` is `list --help`, and `help` is `--help`. */
static int dispatch_answer_help(const struct argp *argp, struct dispatch *dispatch, int argc, char **argv)
{
    char help[] = "--help";
    char *arguments[] = { argv[0], help, help, NULL };
    const struct command *row =
        dispatch->command + 1 < argc ? dispatch_find(dispatch->table, argv[dispatch->command + 1]) : NULL;

    if (row == NULL)
        return argp_parse(argp, 2, arguments, ARGP_IN_ORDER, NULL, dispatch) == 0 ? CLIENT_OK : CLIENT_FAILED;
    dispatch->command = 1;
    return dispatch_run(dispatch, row, 3, arguments);
}

const struct command *command_named(const struct command *table, int argc, char **argv)
{
    return argc > 1 ? dispatch_find(table, argv[1]) : NULL;
}

int command_run_named(const struct command *row, struct settings *settings, int argc, char **argv)
{
    const struct dispatch dispatch = { .settings = settings, .command = 1 };

    return dispatch_run(&dispatch, row, argc, argv);
}

int command_dispatch(const struct command *table, const char *documentation, struct settings *settings, int argc,
                     char **argv)
{
    struct dispatch dispatch = { .settings = settings, .table = table };
    const struct argp_child children[] = { { &settings_argp, 0, NULL, 10 }, { 0 } };
    const struct argp argp = {
        .parser = dispatch_parse,
        .args_doc = "COMMAND ...",
        .doc = documentation,
        .children = children,
        .help_filter = dispatch_help,
    };
    const struct command *row;

    if (argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &dispatch) != 0) return CLIENT_USAGE;
    if (dispatch.command == 0) {
        say("which command? See `%s --help`.", argv[0]);
        return CLIENT_USAGE;
    }
    if (strcmp(argv[dispatch.command], "help") == 0) return dispatch_answer_help(&argp, &dispatch, argc, argv);
    row = dispatch_find(table, argv[dispatch.command]);
    if (row != NULL) return dispatch_run(&dispatch, row, argc, argv);
    say("there is no such command; see `%s --help`.", argv[0]);
    return CLIENT_USAGE;
}
