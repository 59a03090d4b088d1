#include "server/http/daemon.h"

#include <stdbool.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "server/http/json.h"
#include "server/http/log.h"

#define FILES_WANTED 8192 /* connections, database, spool; the usual soft limit is the number of connections alone */

static void signals_of_interest(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
}

void daemon_harden(void)
{
    struct rlimit none = { 0, 0 };
    if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        log_line(LOG_WARNING, "can't switch off core files");
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max < FILES_WANTED ? files.rlim_max : FILES_WANTED;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    umask(077);
    signal(SIGPIPE, SIG_IGN);
    sigset_t set;
    signals_of_interest(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    json_wipe_on_free();
}

int daemon_wait(void)
{
    sigset_t set;
    signals_of_interest(&set);
    for (;;) {
        int got = 0;
        if (sigwait(&set, &got) == 0 && got != SIGHUP) return got;
    }
}

static int write_whole(const char *file, const char *text, size_t size)
{
    char temporary[4096];
    int length = snprintf(temporary, sizeof temporary, "%s.new", file);
    if (length < 0 || (size_t)length >= sizeof temporary) return -1;
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) return -1;
    bool written = write(fd, text, size) == (ssize_t)size;
    if (close(fd) != 0 || !written || rename(temporary, file) != 0) {
        unlink(temporary);
        return -1;
    }
    return 0;
}

int daemon_ready(const char *file, uint16_t port, uint16_t plain_port)
{
    if (file != NULL) {
        char text[96];
        int size = snprintf(text, sizeof text, "{\"pid\": %ld, \"port\": %u, \"plain_port\": %u}\n", (long)getpid(),
                            port, plain_port);
        if (write_whole(file, text, (size_t)size) != 0) {
            log_line(LOG_ERR, "can't write the ready file");
            return -1;
        }
    }
    sd_notify(0, "READY=1");
    return 0;
}

void daemon_stopping(void)
{
    sd_notify(0, "STOPPING=1");
}
