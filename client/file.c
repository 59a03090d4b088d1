#include "client/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/client.h"

bool path_make(char *path, size_t size, const char *format, ...)
{
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vsnprintf(path, size, format, arguments);
    va_end(arguments);
    if (length > 0 && (size_t)length < size) return true;
    say("a path is too long");
    return false;
}

bool folder_make(const char *folder, mode_t mode)
{
    char path[PATH_MAX];

    if (!path_make(path, sizeof(path), "%s", folder)) return false;
    for (char *at = path + 1;; at++) {
        const char kept = *at;

        if (kept != '/' && kept != '\0') continue;
        *at = '\0';
        if (mkdir(path, mode) != 0 && errno != EEXIST) {
            say("can't make the folder %s: %s", path, strerror(errno));
            return false;
        }
        if (kept == '\0') return true;
        *at = kept;
    }
}

bool folder_make_for(const char *file, mode_t mode)
{
    char path[PATH_MAX];
    char *slash;

    if (!path_make(path, sizeof(path), "%s", file)) return false;
    slash = strrchr(path, '/');
    if (slash == NULL || slash == path) return true;
    *slash = '\0';
    return folder_make(path, mode);
}

static bool write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        const ssize_t written = write(fd, data, size);

        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        data += written;
        size -= (size_t)written;
    }
    return true;
}

/* A rename is durable once the folder is synced. */
static void sync_folder_of(const char *file)
{
    char path[PATH_MAX];
    char *slash;
    int fd;

    if (snprintf(path, sizeof(path), "%s", file) >= (int)sizeof(path)) return;
    slash = strrchr(path, '/');
    if (slash == NULL) return;
    *slash = '\0';
    fd = open(path[0] == '\0' ? "/" : path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    (void)fsync(fd);
    close(fd);
}

bool file_write(const char *path, const void *data, size_t size, mode_t mode)
{
    char temporary[PATH_MAX];
    bool done;
    int fd;

    if (!path_make(temporary, sizeof(temporary), "%s.XXXXXX", path)) return false;
    fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0) {
        say("can't write %s: %s", path, strerror(errno));
        return false;
    }
    done = fchmod(fd, mode) == 0 && write_all(fd, data, size) && fsync(fd) == 0;
    done = close(fd) == 0 && done;
    done = done && rename(temporary, path) == 0;
    if (!done) {
        say("can't write %s: %s", path, strerror(errno));
        unlink(temporary);
        return false;
    }
    sync_folder_of(path);
    return true;
}

bool file_move(const char *from, const char *to)
{
    if (rename(from, to) == 0) {
        sync_folder_of(to);
        return true;
    }
    say("can't move %s to %s: %s", from, to, strerror(errno));
    return false;
}

/* At most SIZE bytes, fewer at the end; -1 with errno set. */
static ssize_t read_all(int fd, char *data, size_t size)
{
    size_t used = 0;

    while (used < size) {
        const ssize_t got = read(fd, data + used, size - used);

        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return -1;
        if (got == 0) break;
        used += (size_t)got;
    }
    return (ssize_t)used;
}

/* Without stdio: no second copy of a key in one of its buffers; and an unbuffered stream there flushes standard output
 * first, which may have nobody who reads it. */
char *file_read(const char *path, size_t max, size_t *size)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *data = fd < 0 ? NULL : malloc(max + 2);
    ssize_t got = data == NULL ? -1 : read_all(fd, data, max + 1);
    int why = errno;

    if (got > (ssize_t)max) {
        why = EFBIG;
        got = -1;
    }
    if (got >= 0) {
        *size = (size_t)got;
        data[got] = '\0';
    } else {
        free(data);
        data = NULL;
    }
    if (fd >= 0) close(fd);
    errno = why;
    return data;
}

static int lock(const char *path, int operation)
{
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int why;

    if (fd >= 0 && flock(fd, operation) == 0) return fd;
    why = errno;
    if (why != EWOULDBLOCK) say("can't lock %s: %s", path, strerror(why));
    if (fd >= 0) close(fd);
    errno = why;
    return -1;
}

int file_lock(const char *path)
{
    return lock(path, LOCK_EX);
}

int file_try_lock(const char *path)
{
    return lock(path, LOCK_EX | LOCK_NB);
}
