/* What the main() of either daemon needs besides a server: a hardened process, signals, a log, readiness. */
#ifndef SERVER_HTTP_DAEMON_H
#define SERVER_HTTP_DAEMON_H

#include <stdint.h>

/* Exit codes of both daemons. */
enum daemon_exit {
    DAEMON_OK = 0,
    DAEMON_FAILED = 1,
    DAEMON_USAGE = 2,  /* command line or settings */
    DAEMON_SCHEMA = 3, /* a database schema that it does not know */
    DAEMON_ADDRESS_IN_USE = 4,
};

/* No core files, no ptrace, files for the owner only, no SIGPIPE; SIGTERM, SIGINT and SIGHUP blocked for daemon_wait();
   jansson's memory wiped on free.  Call it first, before any secret is read and any thread started. */
void daemon_harden(void);

/* Blocks until SIGTERM or SIGINT; SIGHUP is ignored.  Returns the signal. */
int daemon_wait(void);

/* Tells systemd (if it asks), and writes {"pid", "port", "plain_port"} to FILE (NULL: none), whole or not at all.  -1
   when FILE can't be written. */
int daemon_ready(const char *file, uint16_t port, uint16_t plain_port);
/* Tells systemd that the daemon is about to stop. */
void daemon_stopping(void);

#endif
