/* platesieve keys: its subcommands. */
#include "client/keys/keys.h"

static const struct command keys_commands[] = {
    { "ceremony", "deal the seeds of three key servers that share their keys", keys_ceremony },
    { "rotate", "put an epoch with a new key into the calendar", keys_rotate },
    { NULL, NULL, NULL },
};

int command_keys(struct settings *settings, int argc, char **argv)
{
    return command_dispatch(keys_commands, "The keys of key servers, out of the ordinary.", settings, argc, argv);
}
