/* What all parts of the `platesieve` command share: its settings, its exit codes, and how it speaks to people and to
 * programs. */
#ifndef CLIENT_CLIENT_H
#define CLIENT_CLIENT_H

#include <argp.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "include/cleanup.h"

/* Exit codes are a promise to scripts; platesieve(1) lists them. */
enum client_exit {
    CLIENT_OK = 0,
    CLIENT_FAILED = 1,
    CLIENT_USAGE = 2,
    CLIENT_REMARKS = 3,     /* done, but some rows were unusable or were kept without `full` */
    CLIENT_UNREACHABLE = 4, /* no gate or key server could be reached */
    CLIENT_REFUSED = 5,     /* the server answered with a problem */
    CLIENT_ALARM = 6,       /* a gate sent a tag that is false */
};

/* Options that each command takes, with their defaults from the environment.  Strings are borrowed from argv and
 * environ. */
struct settings {
    const char *as;    /* "agency/customs/ana"; NULL: the only identity that fits */
    const char *gates; /* URLs, comma separated, tried in order; NULL: not said */
    const char *keys;
    const char *ca;  /* PEM file; NULL: <pki>/ca/ca.pem */
    const char *crl; /* PEM file; NULL: servers' certificates are not checked for revocation */
    const char *pki; /* folder with <role>/<name>.pem and .key */
    bool shared_keys; /* keys that one key server has are not used */
    bool json;
};

typedef int (*command_fn)(struct settings *settings, int argc, char **argv);

struct command {
    const char *name;
    const char *summary; /* one line for the help */
    command_fn run;
};

/* Runs the command of TABLE (ended by a NULL name) that ARGV names, after the options before it.  ARGV[0] is what the
   user typed so far
   ("platesieve list").  Answers help and unknown names. */
int command_dispatch(const struct command *table, const char *documentation, struct settings *settings, int argc,
                     char **argv);

/* For a command that does something without a further word as well: the command of TABLE that ARGV[1] names, or NULL,
   and its run. */
const struct command *command_named(const struct command *table, int argc, char **argv);
int command_run_named(const struct command *row, struct settings *settings, int argc, char **argv);

/* The options of `struct settings`, as a child for a command's own argp; its input is the settings. */
extern const struct argp settings_argp;
/* argp_parse for a command: CONTEXT is the input of ARGP, SETTINGS that of settings_argp.  A usage error ends the
 * program with CLIENT_USAGE. */
struct command_input {
    struct settings *settings;
    void *context;
};
void command_parse(const struct argp_option *options, argp_parser_t parser, const char *arguments,
                   const char *documentation, struct command_input *input, int argc, char **argv);

/* A whole number between MIN and MAX, or a usage error through argp. */
unsigned long long option_number(const struct argp_state *state, const char *name, const char *text,
                                 unsigned long long min, unsigned long long max);

/* TEXT if it may be one part of a name (name.h), or a usage error through argp that calls it WHAT ("a list's name"). */
const char *option_name(const struct argp_state *state, const char *what, const char *text);

/* One line on standard error, with the program's name before it. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* One line of JSON on standard output; steals JSON.  False when it could not be written. */
bool print_json(json_t *json);
/* Ends with CLIENT_FAILED if standard output took not all that was written to it (a full disk, a closed pipe), else
 * with CODE. */
int finish_output(int code);

int command_list(struct settings *settings, int argc, char **argv);
int command_hits(struct settings *settings, int argc, char **argv);
int command_lane(struct settings *settings, int argc, char **argv);
int command_status(struct settings *settings, int argc, char **argv);
int command_report(struct settings *settings, int argc, char **argv);
int command_registry(struct settings *settings, int argc, char **argv);
int command_ca(struct settings *settings, int argc, char **argv);
int command_enrol(struct settings *settings, int argc, char **argv);
int command_keys(struct settings *settings, int argc, char **argv);
int command_token(struct settings *settings, int argc, char **argv);

#endif
