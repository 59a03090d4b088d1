#include "client/push/watch.h"

#include <errno.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/file.h"

#define EVENTS (IN_CLOSE_WRITE | IN_MODIFY | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_ATTRIB)

bool watch_mark_same(const struct watch_mark *a, const struct watch_mark *b)
{
    return a->there == b->there && a->inode == b->inode && a->size == b->size && a->seconds == b->seconds &&
           a->nanoseconds == b->nanoseconds;
}

struct watch_mark watch_mark_of(const char *file)
{
    struct stat found;

    if (stat(file, &found) != 0) return (struct watch_mark) { 0 };
    return (struct watch_mark) { true, (int64_t)found.st_ino, found.st_size, found.st_mtim.tv_sec,
                                 found.st_mtim.tv_nsec };
}

/* The folder is watched, not the file: a file that is replaced by another of its name is seen, too. */
bool watch_file_begin(struct watch_file *watched, const char *path)
{
    const char *slash = strrchr(path, '/');
    struct stat folder;

    *watched = (struct watch_file) { .fd = -1, .path = path };
    if (!path_make(watched->folder, PATH_MAX, "%.*s", slash == NULL ? 1 : slash == path ? 1 : (int)(slash - path),
                   slash == NULL ? "." : path))
        return false;
    if (stat(watched->folder, &folder) != 0 || !S_ISDIR(folder.st_mode)) {
        say("can't watch %s: its folder is not there", path);
        return false;
    }
    watched->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (watched->fd >= 0 && inotify_add_watch(watched->fd, watched->folder, EVENTS) >= 0) return true;
    say("the system does not tell of changes (%s): %s is looked at from time to time", strerror(errno), path);
    watch_file_end(watched);
    return true;
}

bool watch_file_touched(struct watch_file *watched)
{
    _Alignas(struct inotify_event) char buffer[8192];
    const char *slash = strrchr(watched->path, '/');
    const char *name = slash == NULL ? watched->path : slash + 1;
    bool touched = false;
    ssize_t size;

    if (watched->fd < 0) return false;
    while ((size = read(watched->fd, buffer, sizeof(buffer))) > 0)
        for (ssize_t at = 0; at < size;) {
            const struct inotify_event *event = (const struct inotify_event *)(const void *)(buffer + at);

            touched = touched || event->len == 0 || strcmp(event->name, name) == 0;
            at += (ssize_t)(sizeof(*event) + event->len);
        }
    return touched;
}

void watch_file_end(struct watch_file *watched)
{
    if (watched->fd >= 0) close(watched->fd);
    watched->fd = -1;
}
