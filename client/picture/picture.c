#include "client/picture/picture.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum picture_fault picture_read(const char *path, uint8_t *file, size_t room, size_t *size)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); /* a pipe must not hold us up */
    enum picture_fault fault = PICTURE_FINE;
    struct stat status;

    *size = 0;
    if (fd < 0) return PICTURE_MISSING;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) fault = PICTURE_MISSING;
    else if (status.st_size > (off_t)room) fault = PICTURE_TOO_LARGE;
    while (fault == PICTURE_FINE && *size < room) {
        const ssize_t got = read(fd, file + *size, room - *size);

        if (got < 0 && errno == EINTR) continue;
        if (got < 0) fault = PICTURE_MISSING;
        if (got <= 0) break;
        *size += (size_t)got;
    }
    close(fd);
    return fault;
}

static bool is_jpeg(const uint8_t *file, size_t size)
{
    return size > 3 && memcmp(file, "\xff\xd8\xff", 3) == 0;
}

static bool is_png(const uint8_t *file, size_t size)
{
    return size > 8 && memcmp(file, "\x89PNG\r\n\x1a\n", 8) == 0;
}

enum picture_fault picture_strip(const uint8_t *file, size_t size, uint8_t *picture, size_t room, size_t *picture_size)
{
    *picture_size = 0;
    if (is_jpeg(file, size)) return picture_strip_jpeg(file, size, picture, room, picture_size);
    if (is_png(file, size)) return picture_strip_png(file, size, picture, room, picture_size);
    return PICTURE_NO_IMAGE;
}

enum picture_fault picture_look(const uint8_t *file, size_t size)
{
    if (is_jpeg(file, size)) return picture_look_jpeg(file, size);
    if (is_png(file, size)) return picture_look_png(file, size);
    return PICTURE_NO_IMAGE;
}
