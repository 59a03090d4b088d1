/* The command line of both daemons: one command and what it works on, --config, --ready-file, --routes, --make-key, --quota, --rights, --json. */
#ifndef SERVER_HTTP_DAEMON_OPTIONS_H
#define SERVER_HTTP_DAEMON_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

struct daemon_options {
    const char *command;    /* "run" unless another was named */
    const char *config;     /* NULL only with `routes` */
    const char *ready_file; /* NULL: none */
    bool routes;            /* print the routes and exit */
    const char *const *arguments; /* of the command, in argv */
    size_t argument_count;
    const char *quota; /* NULL: not given */
    unsigned rights;   /* 0: not given */
    bool json;
    bool make_key; /* with init: make the key on a PKCS#11 token */
};

struct daemon_command {
    const char *name;
    bool arguments; /* takes one or more; others take none */
};

/* COMMANDS ends with a row of NULL and holds "run"; USAGE is "[run|init]"; ABOUT says what the program is and, behind a \v, what its commands do.
   Ends the process with DAEMON_USAGE for anything else, and for --help and --version. */
void daemon_options_parse(int argc, char **argv, const struct daemon_command *commands, const char *usage, const char *about,
                          struct daemon_options *options);

#endif
