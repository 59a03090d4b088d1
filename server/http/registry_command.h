/* `platesieved register`, `unregister` and `registered`, the same for platesieve-keyd: for whoever owns the machine.  They
   change the file under the lock that a running daemon takes as well; this is how the first operator comes in. */
#ifndef SERVER_HTTP_REGISTRY_COMMAND_H
#define SERVER_HTTP_REGISTRY_COMMAND_H

#include "server/http/daemon.h"
#include "server/http/daemon_options.h"
#include "server/http/http.h"
#include "server/http/quota_profile.h"

/* What daemon_options_parse() needs to know of them; end such a table with a row of NULL. */
#define REGISTRY_COMMANDS \
    { "register", true }, { "unregister", true }, { "registered", false }
/* For the help text behind \v. */
#define REGISTRY_COMMANDS_ABOUT \
    "register and unregister let a name in and shut it out, within a second; registered lists those that are in."

/* Is OPTIONS' command one of these? */
bool registry_command(const struct daemon_options *options);

struct registry_place {
    const char *file;
    unsigned roles;     /* ORed: those of names that may stand in it */
    enum role operator; /* the role that must not run out unseen */
    const struct quota_profiles *quotas;
};

/* Runs it.  Names or a profile that are not acceptable: DAEMON_USAGE before anything is changed. */
enum daemon_exit registry_command_run(const struct registry_place *place, const struct daemon_options *options);

#endif
