#include "server/http/roll_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <unistd.h>

#include "server/http/file_io.h"
#include "server/http/log.h"


static void close_fd(const int *fd)
{
    if (*fd >= 0) (void)close(*fd);
}

/* -- reading ----------------------------------------------------------------------------------- */

/* All of FD, at most ROOM bytes. */
static ssize_t read_all(int fd, char *text, size_t room)
{
    size_t size = 0;
    while (size < room) {
        ssize_t got = read(fd, text + size, room - size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return -1;
        if (got == 0) break;
        size += (size_t)got;
    }
    return (ssize_t)size;
}

bool roll_read(const char *file, unsigned roles, struct roll *roll, struct stat *info, unsigned *line,
               const char **why)
{
    *roll = (struct roll){ 0 };
    memset(info, 0, sizeof *info);
    *line = 0;
    int fd CLEANUP(close_fd) = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, info) != 0) return *why = strerror(errno), false;
    if (!S_ISREG(info->st_mode)) return *why = "is not a plain file", false;
    if ((info->st_mode & S_IWOTH) != 0) return *why = "may be written by others: chmod o-w", false;
    if (info->st_size > LIMIT_REGISTRY_BYTES) return *why = "is too large", false;
    char *text = malloc(LIMIT_REGISTRY_BYTES + 1);
    ssize_t size = text == NULL ? -1 : read_all(fd, text, LIMIT_REGISTRY_BYTES + 1);
    struct roll_problem problem = { 0, "can't be read" };
    bool good = size >= 0 && roll_parse(text, (size_t)size, roles, roll, &problem);
    free(text);
    *line = problem.line;
    *why = problem.why;
    return good;
}

/* -- changing ---------------------------------------------------------------------------------- */

/* Whoever FILE belongs to, or else its folder: the command is root's, the daemon is not. */
static bool owner_of(const char *file, const char *folder, struct stat *info)
{
    if (stat(file, info) == 0) return true;
    if (errno != ENOENT || stat(folder, info) != 0) return false;
    info->st_mode = S_IRUSR | S_IWUSR;
    return true;
}

static bool give(int fd, const struct stat *info)
{
    struct stat now;
    if (fstat(fd, &now) != 0) return false;
    return (now.st_uid == info->st_uid && now.st_gid == info->st_gid) || fchown(fd, info->st_uid, info->st_gid) == 0 ||
           now.st_uid == info->st_uid;
}

/* Nobody may trick the command, which root runs, into giving another file away. */
static bool is_ours(int fd)
{
    struct stat info;
    return fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_nlink == 1 && info.st_size == 0;
}

/* -1 with errno; EWOULDBLOCK when others hold it for too long. */
static int lock(const char *path, const struct stat *owner)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return -1;
    if (!is_ours(fd) || !give(fd, owner)) {
        close_fd(&fd);
        errno = EPERM;
        return -1;
    }
    if (file_lock(fd)) return fd;
    int error = errno;
    close_fd(&fd);
    errno = error;
    return -1;
}

static bool write_all(int fd, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, text, size);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        text += written;
        size -= (size_t)written;
    }
    return true;
}

static bool write_new(const char *path, const struct roll *roll, const struct stat *owner)
{
    size_t size = 0;
    char *text = roll_print(roll, &size);
    if (text == NULL) return false;
    (void)unlink(path); /* of somebody who was killed: we hold the lock */
    int fd CLEANUP(close_fd) = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool good = fd >= 0 && write_all(fd, text, size) && give(fd, owner) &&
                fchmod(fd, owner->st_mode & (S_IRWXU | S_IRGRP | S_IROTH)) == 0 && fsync(fd) == 0;
    free(text);
    return good;
}

static bool replace(const char *file, const char *folder, const char *temporary, const struct roll *roll,
                    const struct stat *owner)
{
    if (write_new(temporary, roll, owner) && rename(temporary, file) == 0) {
        int fd CLEANUP(close_fd) = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd >= 0 && fsync(fd) == 0) return true;
    }
    int error = errno;
    (void)unlink(temporary);
    errno = error;
    return false;
}

static struct result complain(const char *file, unsigned line, const char *why)
{
    if (line > 0)
        log_line(LOG_ERR, "the registry can't be changed: %s, line %u: %s", file, line, why);
    else
        log_line(LOG_ERR, "the registry can't be changed: %s: %s", file, why);
    return FAIL(REASON_REGISTRY);
}

struct result roll_change(const char *file, unsigned roles, bool may_be_new, roll_change_fn change, void *context)
{
    char place[PATH_MAX], lock_file[PATH_MAX], temporary[PATH_MAX];
    struct stat owner, info;
    struct roll roll CLEANUP(roll_clear) = { 0 };
    const char *why = NULL;
    unsigned line = 0;

    if (snprintf(place, sizeof place, "%s", file) >= PATH_MAX ||
        snprintf(lock_file, sizeof lock_file, "%s.lock", file) >= PATH_MAX ||
        snprintf(temporary, sizeof temporary, "%s.new", file) >= PATH_MAX)
        return complain("its path", 0, "is too long");
    const char *folder = dirname(place);
    if (!owner_of(file, folder, &owner)) return complain(file, 0, strerror(errno));
    int held CLEANUP(close_fd) = lock(lock_file, &owner);
    if (held < 0 && errno == EWOULDBLOCK) return FAIL(REASON_BUSY);
    if (held < 0) return complain(lock_file, 0, strerror(errno));
    bool read = roll_read(file, roles, &roll, &info, &line, &why);
    bool missing = !read && info.st_mode == 0 && errno == ENOENT;
    if (!read && !(missing && may_be_new)) return complain(file, line, why);
    TRY(change(context, &roll));
    return replace(file, folder, temporary, &roll, &owner) ? OK : complain(file, 0, strerror(errno));
}
