#include "server/http/file_io.h"

#include <errno.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define LOCK_TRIES 100
#define LOCK_PAUSE_MS 50

void file_close(const int *fd)
{
    if (*fd >= 0) (void)close(*fd);
}

bool file_write_all(int fd, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, bytes, size);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        bytes += written;
        size -= (size_t)written;
    }
    return true;
}

ssize_t file_read_all(int fd, uint8_t *bytes, size_t size_max)
{
    size_t size = 0;
    uint8_t beyond;

    for (;;) {
        ssize_t got = size < size_max ? read(fd, bytes + size, size_max - size) : read(fd, &beyond, 1);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 || (got > 0 && size == size_max)) return -1;
        if (got == 0) return (ssize_t)size;
        size += (size_t)got;
    }
}

bool file_lock(int fd)
{
    const struct timespec pause = { 0, LOCK_PAUSE_MS * 1000000L };

    for (unsigned i = 0; i < LOCK_TRIES; i++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) return true;
        if (errno != EWOULDBLOCK && errno != EINTR) return false;
        if (i + 1 < LOCK_TRIES) (void)nanosleep(&pause, NULL);
    }
    errno = EWOULDBLOCK;
    return false;
}
