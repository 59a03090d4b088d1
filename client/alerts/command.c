#include "client/alerts/command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHUNK 4096
#define END_MS 1000 /* so long what was killed may take to be gone */

extern char **environ;

bool alert_command_open(struct alert_command *command, const char *line)
{
    bool opened;

    *command = (struct alert_command) { .line = line, .chunk = platesieve_secret_allocate(CHUNK) };
    opened = command->chunk != NULL;
    for (size_t i = 0; i < ALERT_COMMANDS; i++) {
        command->runs[i].input = command->runs[i].watch = -1;
        opened = opened && alert_stream_open(&command->runs[i].stream);
    }
    if (!opened) say("there is no memory that can be locked for alerts to a command");
    return opened;
}

/* -- starting -------------------------------------------------------------------------------------------------------- */

/* A process group of its own, no signal blocked or ignored, INPUT as standard input and nothing else that is open here. */
static bool spawn(const char *line, int input, pid_t *pid)
{
    char shell[] = "/bin/sh", option[] = "-c", *text = strdup(line), *arguments[] = { shell, option, text, NULL };
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t all, none;
    bool made;

    (void)sigfillset(&all);
    (void)sigemptyset(&none);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    made = text != NULL && posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO) == 0;
    made = made && posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0) == 0;
    made = made && posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0) == 0;
    made = made && posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1) == 0;
    made = made && posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF) == 0;
    made = made && posix_spawnattr_setpgroup(&attributes, 0) == 0 && posix_spawnattr_setsigmask(&attributes, &none) == 0;
    made = made && posix_spawnattr_setsigdefault(&attributes, &all) == 0;
    made = made && posix_spawn(pid, shell, &actions, &attributes, arguments, environ) == 0;
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    free(text);
    return made;
}

/* Frees the place of one that was killed, if it ended within WAIT_MS: one that waits for a disk does not. */
static bool reap(struct alert_run *run, int wait_ms)
{
    struct pollfd ended = { .fd = run->watch, .events = POLLIN };
    pid_t pid;

    while (poll(&ended, 1, wait_ms) < 0 && errno == EINTR) continue;
    while ((pid = waitpid(run->pid, NULL, WNOHANG)) < 0 && errno == EINTR) continue;
    if (pid == 0) return false;
    if (run->watch >= 0) close(run->watch);
    *run = (struct alert_run) { .input = -1, .watch = -1, .stream = run->stream };
    return true;
}

static void kill_run(struct alert_run *run)
{
    (void)kill(-run->pid, SIGKILL); /* it was not waited for yet: its number is its own */
    if (run->input >= 0) close(run->input);
    run->input = -1;
    run->killed = true;
    alert_stream_clear(&run->stream);
}

static bool start(struct alert_run *run, const char *line)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0) return false;
    if (!spawn(line, ends[0], &run->pid)) {
        close(ends[0]);
        close(ends[1]);
        run->pid = 0;
        return false;
    }
    close(ends[0]);
    run->input = ends[1];
    run->watch = pidfd_open(run->pid, 0);
    if (run->watch >= 0 && fcntl(run->input, F_SETFL, O_NONBLOCK) == 0) return true;
    kill_run(run);
    (void)reap(run, 0);
    return false;
}

bool alert_command_begin(struct alert_command *command, const struct kept_alert *kept, int64_t monotonic_ms, bool *started)
{
    struct alert_run *run = NULL;

    for (size_t i = 0; i < ALERT_COMMANDS && run == NULL; i++)
        if (command->runs[i].pid == 0) run = &command->runs[i];
    if (run == NULL) return false;
    alert_stream_set(&run->stream, kept);
    *started = start(run, command->line);
    if (!*started) alert_stream_clear(&run->stream);
    run->raise = kept->raise;
    run->end_ms = monotonic_ms + ALERT_COMMAND_MS;
    return true;
}

/* -- running --------------------------------------------------------------------------------------------------------- */

size_t alert_command_fds(const struct alert_command *command, struct curl_waitfd fds[ALERT_COMMAND_FDS])
{
    size_t count = 0;

    for (size_t i = 0; i < ALERT_COMMANDS; i++) {
        const struct alert_run *run = &command->runs[i];

        if (run->pid == 0) continue;
        fds[count++] = (struct curl_waitfd) { .fd = run->watch, .events = CURL_WAIT_POLLIN };
        if (run->input >= 0) fds[count++] = (struct curl_waitfd) { .fd = run->input, .events = CURL_WAIT_POLLOUT };
    }
    return count;
}

/* As much as the pipe takes. */
static void feed(struct alert_run *run, char *chunk)
{
    while (run->input >= 0) {
        const size_t size = alert_stream_read(&run->stream, run->at, chunk, CHUNK);
        const ssize_t written = size == 0 ? 0 : write(run->input, chunk, size);

        if (written > 0) run->at += (size_t)written;
        else if (written < 0 && errno == EAGAIN) break;
        else if (written == 0 || errno != EINTR) { /* all, or it closed its input: it may */
            close(run->input);
            run->input = -1;
        }
    }
    platesieve_wipe(chunk, CHUNK);
}

static bool has_ended(const struct alert_run *run, bool *well)
{
    siginfo_t info = { .si_pid = 0 };

    if (waitid(P_PID, (id_t)run->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) return false;
    *well = info.si_code == CLD_EXITED && info.si_status == 0;
    return true;
}

bool alert_command_over(struct alert_command *command, int64_t monotonic_ms, uint64_t *raise, const char **why)
{
    for (size_t i = 0; i < ALERT_COMMANDS; i++) {
        struct alert_run *run = &command->runs[i];
        bool well = false, ended;

        if (run->killed) (void)reap(run, 0);
        if (run->pid == 0 || run->killed) continue;
        feed(run, command->chunk);
        ended = has_ended(run, &well);
        if (!ended && monotonic_ms < run->end_ms) continue;
        *raise = run->raise;
        *why = well ? NULL : ended ? "it fails" : "it takes too long";
        kill_run(run);
        (void)reap(run, 0);
        return true;
    }
    return false;
}

size_t alert_command_running(const struct alert_command *command)
{
    size_t count = 0;

    for (size_t i = 0; i < ALERT_COMMANDS; i++) count += command->runs[i].pid != 0;
    return count;
}

void alert_command_close(struct alert_command *command)
{
    for (size_t i = 0; i < ALERT_COMMANDS; i++) {
        if (command->runs[i].pid != 0 && !command->runs[i].killed) kill_run(&command->runs[i]);
        if (command->runs[i].pid != 0) (void)reap(&command->runs[i], END_MS);
        alert_stream_close(&command->runs[i].stream);
    }
    platesieve_secret_free(command->chunk);
    command->chunk = NULL;
}
