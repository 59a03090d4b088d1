#include "client/progress.h"

#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/moment.h"

#define WIDTH 30
#define REDRAW_MS 100

struct progress progress_begin(int fd)
{
    struct progress progress = { .shown = isatty(STDERR_FILENO) == 1, .begin_ms = moment_monotonic_ms() };
    struct stat file;

    if (fstat(fd, &file) == 0 && S_ISREG(file.st_mode) && file.st_size > 0) progress.total = (uint64_t)file.st_size;
    return progress;
}

void progress_show(struct progress *progress, uint64_t done, uint64_t rows)
{
    const int64_t now_ms = moment_monotonic_ms();
    char bar[WIDTH + 1];
    int filled;

    if (!progress->shown || now_ms - progress->last_ms < REDRAW_MS) return;
    progress->last_ms = now_ms;
    if (progress->total == 0) {
        fprintf(stderr, "\r%" PRIu64 " rows, %lld s ", rows, (long long)(now_ms - progress->begin_ms) / 1000);
        return;
    }
    if (done > progress->total) done = progress->total;
    filled = (int)(done * WIDTH / progress->total);
    memset(bar, '.', WIDTH);
    memset(bar, '#', (size_t)filled);
    bar[WIDTH] = '\0';
    fprintf(stderr, "\r[%s] %3u %%  %" PRIu64 " rows, %lld s ", bar, (unsigned)(done * 100 / progress->total), rows,
            (long long)(now_ms - progress->begin_ms) / 1000);
}

void progress_end(struct progress *progress)
{
    if (progress->shown && progress->last_ms != 0) fprintf(stderr, "\r\033[K");
}
