#include "client/push/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* -- in the process of its own ------------------------------------------------------------------------------------- */

static int work(enum watch_kind kind, struct settings *settings, const struct push_options *options)
{
    return kind == WATCH_PUSH ? push_run(settings, options) : push_look(settings, options);
}

/* Signals as they were before the watch blocked them; and no longer than the watch. */
static _Noreturn void run_apart(enum watch_kind kind, const struct settings *settings, const struct push_options *options,
                                int out, pid_t parent)
{
    struct settings own = *settings;
    sigset_t none;

    sigemptyset(&none);
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    if (getppid() != parent || dup2(out, STDOUT_FILENO) < 0) _exit(CLIENT_FAILED);
    /* a look says nothing itself: the watch does, once */
    if (kind == WATCH_LOOK && dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO) < 0) _exit(CLIENT_FAILED);
    own.json = true;
    _exit(finish_output(work(kind, &own, options)));
}

/* -- in the watch -------------------------------------------------------------------------------------------------- */

bool watch_task_begin(struct watch_task *task, enum watch_kind kind, struct settings *settings,
                      const struct push_options *options)
{
    const pid_t parent = getpid();
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0) {
        say("no pipe: %s", strerror(errno));
        return false;
    }
    (void)fflush(stdout);
    task->pid = fork();
    if (task->pid == 0) run_apart(kind, settings, options, ends[1], parent);
    close(ends[1]);
    task->kind = kind;
    task->fd = ends[0];
    task->size = 0;
    task->result = NULL;
    task->as_json = settings->json;
    if (task->pid > 0) return true;
    say("no process: %s", strerror(errno));
    task->pid = 0;
    close(ends[0]);
    return false;
}

static void take_line(struct watch_task *task, const char *line, size_t size)
{
    json_t *json = json_loadb(line, size, JSON_REJECT_DUPLICATES, NULL);

    if (json_object_get(json, "remark") != NULL) {
        if (task->as_json) (void)print_json(json_incref(json));
        json_decref(json);
        return;
    }
    if (json == NULL) return;
    json_decref(task->result);
    task->result = json;
}

static int wait_for(struct watch_task *task)
{
    int status = 0;

    while (waitpid(task->pid, &status, 0) < 0 && errno == EINTR) continue;
    close(task->fd);
    task->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : CLIENT_FAILED;
}

bool watch_task_read(struct watch_task *task, int *code)
{
    const ssize_t got = read(task->fd, task->line + task->size, sizeof(task->line) - task->size);
    char *end;

    if (got < 0 && errno == EINTR) return false;
    if (got <= 0) {
        *code = wait_for(task);
        return true;
    }
    task->size += (size_t)got;
    while ((end = memchr(task->line, '\n', task->size)) != NULL) {
        const size_t size = (size_t)(end - task->line);

        take_line(task, task->line, size);
        task->size -= size + 1;
        memmove(task->line, end + 1, task->size);
    }
    if (task->size == sizeof(task->line)) task->size = 0; /* no line of ours is so long */
    return false;
}

void watch_task_stop(struct watch_task *task)
{
    if (task->pid == 0) return;
    (void)kill(task->pid, SIGTERM);
    (void)wait_for(task);
    json_decref(task->result);
    task->result = NULL;
}
