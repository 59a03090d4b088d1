/* The way to a command: each alert starts one, with the alert as JSON on its standard input.  At most ALERT_COMMANDS run at a time, each for ALERT_COMMAND_MS; what is left
 * of it is killed then.  Nothing of an alert is in its arguments or environment, and what it prints goes nowhere.  One thread: that of alerts.c, which blocks SIGPIPE. */
#ifndef CLIENT_ALERTS_COMMAND_H
#define CLIENT_ALERTS_COMMAND_H

#include <curl/curl.h>
#include <sys/types.h>

#include "client/alerts/stream.h"

#define ALERT_COMMANDS 4
#define ALERT_COMMAND_MS 10000

struct alert_run {
    pid_t pid;   /* 0: none; the leader of a process group of its own */
    bool killed; /* it is over, and its place is not free yet */
    int watch; /* readable when it ended */
    int input; /* -1: it has all, or does not want it */
    size_t at;
    struct alert_stream stream;
    int64_t end_ms; /* monotonic */
    uint64_t raise;
};

struct alert_command {
    const char *line; /* borrowed */
    char *chunk;      /* locked; on its way into a pipe */
    struct alert_run runs[ALERT_COMMANDS];
};

bool alert_command_open(struct alert_command *command, const char *line) MUST_USE; /* false is said */
void alert_command_close(struct alert_command *command);                           /* kills what runs */
/* False: so many run already.  *STARTED is false when it can't be started at all. */
bool alert_command_begin(struct alert_command *command, const struct kept_alert *kept, int64_t monotonic_ms, bool *started) MUST_USE;
/* What to wait for; how many there are. */
#define ALERT_COMMAND_FDS (2 * ALERT_COMMANDS)
size_t alert_command_fds(const struct alert_command *command, struct curl_waitfd fds[ALERT_COMMAND_FDS]);
/* Writes what can be written.  The next one that is over, at most one a call: true, its RAISE, and why it failed (static; NULL: it did not). */
bool alert_command_over(struct alert_command *command, int64_t monotonic_ms, uint64_t *raise, const char **why) MUST_USE;
size_t alert_command_running(const struct alert_command *command);

#endif
