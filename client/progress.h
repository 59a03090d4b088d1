/* A progress bar on standard error, where that is a terminal. */
#ifndef CLIENT_PROGRESS_H
#define CLIENT_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool shown;     /* standard error is a terminal */
    uint64_t total; /* bytes; 0: unknown */
    int64_t begin_ms, last_ms;
};

/* FD is what will be read. */
struct progress progress_begin(int fd);
/* DONE bytes, ROWS rows so far; draws at most ten times a second. */
void progress_show(struct progress *progress, uint64_t done, uint64_t rows);
/* Takes the bar away. */
void progress_end(struct progress *progress);

#endif
