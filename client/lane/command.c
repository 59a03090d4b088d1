/* platesieve lane: which of its kinds is meant. */
#include "client/lane/service.h"

#include "client/lane/command.h"
#include "client/lane/try.h"

struct service_options {
    const char *config, *ready_file, *input;
};

enum { OPTION_CONFIG = 'c', OPTION_READY = 'r', OPTION_STDIN = 0x300 };

static const struct argp_option service_options[] = {
    { "config", OPTION_CONFIG, "FILE", 0, "Settings (platesieve-lane.conf(5))", 0 },
    { "ready-file", OPTION_READY, "FILE", 0, "Write pid and port there as JSON when ready", 0 },
    { "stdin", OPTION_STDIN, "ENGINE", 0, "Take lines of standard input as messages of ENGINE, too", 0 },
    { 0 },
};

static error_t service_parse(int key, char *argument, struct argp_state *state)
{
    struct service_options *options = state->input;

    switch (key) {
    case OPTION_CONFIG: options->config = argument; return 0;
    case OPTION_READY: options->ready_file = argument; return 0;
    case OPTION_STDIN:
        if (engine_named(argument) == NULL) argp_error(state, "--stdin takes the name of an engine, such as rekor");
        options->input = argument;
        return 0;
    case ARGP_KEY_ARG: argp_error(state, "with --config nothing is read from files"); return 0;
    case ARGP_KEY_END:
        if (options->config == NULL) argp_error(state, "--config FILE is missing");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* What the settings would be without options. */
static struct settings of_environment(void)
{
    const char *shared = getenv("PLATESIEVE_SHARED_KEYS");

    return (struct settings) { .gates = getenv("PLATESIEVE_GATE"),
                               .keys = getenv("PLATESIEVE_KEYS"),
                               .ca = getenv("PLATESIEVE_CA"),
                               .crl = getenv("PLATESIEVE_CRL"),
                               .shared_keys = shared != NULL && shared[0] != '\0' && strcmp(shared, "0") != 0 && strcmp(shared, "no") != 0,
                               .pki = getenv("PLATESIEVE_PKI") };
}

static int command_lane_service(struct settings *settings, int argc, char **argv)
{
    const struct settings environment = of_environment();
    struct service_options options = { NULL, NULL, NULL };
    struct command_input input = { settings, &options };
    struct lane_config config;
    struct lane_run run;
    int code;

    command_parse(service_options, service_parse, NULL,
                  "Runs until it is stopped: takes messages of camera engines over HTTP on this machine, checks what they read against the lists, and brings "
                  "alerts to the officer.\vWhat the file says goes before the environment, and options before the file.",
                  &input, argc, argv);
    if (!lane_config_read(options.config, &config)) return CLIENT_USAGE;
    lane_config_settings(&config, &environment, settings);
    run = (struct lane_run) { &config, settings, options.ready_file, options.input == NULL ? NULL : engine_named(options.input),
                              strcmp(config.listen, "none") == 0 };
    if (run.no_listener && run.input == NULL) {
        say("[listen] address: none, and no --stdin: nothing would ever come");
        code = CLIENT_USAGE;
    } else {
        code = lane_service_run(&run);
    }
    lane_config_free(&config);
    return code;
}

static bool names_config(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--config") == 0 || strncmp(argv[i], "--config=", 9) == 0 || strcmp(argv[i], "-c") == 0) return true;
    return false;
}

static const struct command words[] = {
    { "status", "show how a lane does that runs on this machine", command_lane_status },
    { "try", "what a lane would understand of an engine's message", command_lane_try },
    { NULL, NULL, NULL },
};

int command_lane_any(struct settings *settings, int argc, char **argv)
{
    const struct command *row = command_named(words, argc, argv);

    if (row != NULL) return command_run_named(row, settings, argc, argv);
    return names_config(argc, argv) ? command_lane_service(settings, argc, argv) : command_lane(settings, argc, argv);
}
