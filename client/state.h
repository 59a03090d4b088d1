/* Where the client keeps what must outlive a command: keys for references, pushes under way.  $PLATESIEVE_STATE; else,
   where PLATESIEVE_PKI or
   --pki says where certificates are, <pki>/../state/client; else $XDG_STATE_HOME/platesieve or
   ~/.local/state/platesieve. */
#ifndef CLIENT_STATE_H
#define CLIENT_STATE_H

#include <limits.h>
#include <stdbool.h>

#include "client/client.h"

/* <state>/<agency>/<file>; makes nothing.  False is said. */
bool state_path(const struct settings *settings, const char *agency, const char *file, char path[PATH_MAX]) MUST_USE;

#endif
