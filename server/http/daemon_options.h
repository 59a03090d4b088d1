/* The command line of both daemons: one command, --config, --ready-file, --routes. */
#ifndef SERVER_HTTP_DAEMON_OPTIONS_H
#define SERVER_HTTP_DAEMON_OPTIONS_H

#include <stdbool.h>

struct daemon_options {
    const char *command;    /* "run" unless another was named */
    const char *config;     /* NULL only with `routes` */
    const char *ready_file; /* NULL: none */
    bool routes;            /* print the routes and exit */
};

/* COMMANDS ends with NULL and holds "run"; USAGE is "[run|init]"; ABOUT says what the program is and, behind a \v, what its commands do.
   Ends the process with DAEMON_USAGE for anything else, and for --help and --version. */
void daemon_options_parse(int argc, char **argv, const char *const *commands, const char *usage, const char *about,
                          struct daemon_options *options);

#endif
