/* platesieve list push --watch: stays, and keeps a list what its file says. */
#ifndef CLIENT_PUSH_WATCH_H
#define CLIENT_PUSH_WATCH_H

#include "client/push/push.h"

struct watch_options {
    bool watch;
    unsigned settle_s; /* so long the file must have been left alone */
    unsigned renew_s;  /* it is pushed again at least so often; 0: a quarter of the list's age limit */
    unsigned look_s;   /* so often epochs are asked for, and the file is looked at where nobody tells of changes */
};

/* Until SIGTERM or SIGINT; an exit code. */
int watch_run(struct settings *settings, const struct push_options *options, const struct watch_options *watch) MUST_USE;

/* -- between watch.c and its parts ---------------------------------------------------------------------------- */

/* What there is to know of a file without reading it. */
struct watch_mark {
    bool there;
    int64_t inode, size, seconds, nanoseconds;
};
bool watch_mark_same(const struct watch_mark *a, const struct watch_mark *b);
struct watch_mark watch_mark_of(const char *file);

/* watch_file.c: tells that something happened to a file, also when it is replaced, or is not there yet. */
struct watch_file {
    int fd; /* to be polled; -1: nobody tells, it has to be looked at */
    const char *path;
    char folder[PATH_MAX];
};
/* False is said: its folder is not there. */
bool watch_file_begin(struct watch_file *watched, const char *path) MUST_USE;
/* Takes in what happened; was it about the file? */
bool watch_file_touched(struct watch_file *watched);
void watch_file_end(struct watch_file *watched);

/* watch_task.c: work in a process of its own, so that nothing that goes wrong there ends the watch, and what it
   took of memory goes back.  Its last line of JSON is its result. */
enum watch_kind { WATCH_PUSH, WATCH_LOOK };
struct watch_task {
    enum watch_kind kind;
    pid_t pid; /* 0: none */
    int fd;    /* to be polled while there is one */
    size_t size;
    char line[65536];
    json_t *result; /* the last object that was not a remark; or NULL */
    bool as_json;   /* remarks go on to standard output */
};
bool watch_task_begin(struct watch_task *task, enum watch_kind kind, struct settings *settings,
                      const struct push_options *options) MUST_USE;
/* Takes in what it says.  True when it has ended: *CODE is its exit code (CLIENT_FAILED: it was killed), and
 * task->result is the caller's. */
bool watch_task_read(struct watch_task *task, int *code);
/* Ends it, and waits. */
void watch_task_stop(struct watch_task *task);

#endif
