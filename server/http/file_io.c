#include "server/http/file_io.h"

#include <errno.h>
#include <unistd.h>

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
