/* `platesieved accept-older` and `platesieved reseal`: what the operator of a gate decides when the database is not what gates made of it.  On the
   gate's machine, with its state key. */
#ifndef SERVER_GATE_LISTS_COMMAND_H
#define SERVER_GATE_LISTS_COMMAND_H

#include "server/gate/config.h"
#include "server/http/daemon.h"
#include "server/http/daemon_options.h"

#define LIST_COMMANDS \
    { "accept-older", true }, { "reseal", true }
#define LIST_COMMANDS_ABOUT \
    "accept-older forgets what was served of lists, after an honest restore; reseal vouches for lists as the database shows them."

bool list_command(const struct daemon_options *options);
/* KEY: the state key, from whence it is configured. */
enum daemon_exit list_command_run(const struct config *config, const struct daemon_options *options, const uint8_t *key);

#endif
