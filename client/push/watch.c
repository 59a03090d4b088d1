#include "client/push/watch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "client/moment.h"

#define RETRY_MS_MIN INT64_C(2000)
#define RETRY_MS_MAX INT64_C(300000)
#define AGE_LIMIT_S 86400 /* until the gate has said */
#define NEVER INT64_MAX

/* Times are of the clock that never jumps. */
struct watch {
    struct settings *settings;
    const struct push_options *options;
    const struct watch_options *how;
    struct watch_file file;
    struct watch_task task;
    int signals;
    bool ending;
    bool gone, away; /* has been said: that the file is not there; that gate or key server don't answer */
    struct watch_mark pushed; /* the file as it was when the list became what it says */
    struct watch_mark tried;  /* as the gate, or we, refused it last */
    struct watch_mark begun;  /* of the push under way */
    struct watch_mark seen;   /* last looked at, */
    int64_t still_since_ms;   /* and since when it is so */
    bool wanted;              /* to be pushed whether or not it changed: tokens, an age to be renewed, SIGHUP */
    int64_t renew_ms, look_ms, retry_ms; /* when; NEVER */
    int64_t backoff_ms;
    int64_t age_limit_s;
};

/* -- what is said -------------------------------------------------------------------------------------------------- */

/* One line, or an object of JSON with what stands in MORE (stolen; NULL: nothing). */
static void tell(const struct watch *watch, const char *event, json_t *more, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void tell(const struct watch *watch, const char *event, json_t *more, const char *format, ...)
{
    char text[512];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    (void)sd_notifyf(0, "STATUS=%s: %s", watch->options->list, text);
    if (watch->settings->json) {
        json_t *json = json_pack("{s:s, s:s}", "event", event, "list", watch->options->list);

        if (more != NULL) (void)json_object_update_missing(json, more);
        (void)print_json(json);
    } else {
        printf("%s: %s\n", watch->options->list, text);
    }
    (void)fflush(stdout);
    json_decref(more);
}

static long long number_of(const json_t *json, const char *member)
{
    return (long long)json_integer_value(json_object_get(json, member));
}

static void tell_pushed(const struct watch *watch, json_t *summary)
{
    const char *way = json_string_value(json_object_get(summary, "way"));
    const long long added = number_of(summary, "added"), changed = number_of(summary, "changed"),
                    removed = number_of(summary, "removed");
    char what[160] = "pushed whole";

    if (way != NULL && strcmp(way, "delta") == 0) {
        if (added + changed + removed == 0) snprintf(what, sizeof(what), "unchanged");
        else snprintf(what, sizeof(what), "%lld added, %lld changed, %lld removed", added, changed, removed);
    }
    tell(watch, "pushed", json_incref(summary), "revision %lld, %lld entries, %lld unusable rows: %s",
         number_of(summary, "revision"), number_of(summary, "entries"), number_of(summary, "unusable"), what);
}

/* -- what came of a push ------------------------------------------------------------------------------------------- */

static int64_t renew_every_ms(const struct watch *watch)
{
    const int64_t s = watch->how->renew_s > 0 ? watch->how->renew_s : watch->age_limit_s / 4;

    return (s < 1 ? 1 : s) * 1000;
}

static void retry_later(struct watch *watch)
{
    watch->retry_ms = moment_monotonic_ms() + watch->backoff_ms;
    watch->backoff_ms = watch->backoff_ms * 2 < RETRY_MS_MAX ? watch->backoff_ms * 2 : RETRY_MS_MAX;
}

static json_t *trouble_json(const struct watch *watch, int code, const char *problem)
{
    json_t *json = json_pack("{s:i, s:f}", "code", code, "retry_s",
                             watch->retry_ms == NEVER ? 0.0 : (double)(watch->retry_ms - moment_monotonic_ms()) / 1000);

    if (problem != NULL) (void)json_object_set_new(json, "problem", json_string(problem));
    return json;
}

/* Standard error has the reason.  Where only time can help it is tried again; else when the file is another one, or when
   the age is to be renewed. */
static void push_failed(struct watch *watch, int code, const json_t *result)
{
    const char *problem = json_string_value(json_object_get(result, "problem"));
    const bool again = code == CLIENT_UNREACHABLE || (code == CLIENT_REFUSED && problem == NULL) ||
                       (problem != NULL && strcmp(problem, "base") == 0);

    watch->retry_ms = NEVER;
    watch->tried = watch->begun;
    if (again) retry_later(watch);
    if (again)
        tell(watch, "waiting", trouble_json(watch, code, problem), "not pushed; trying again in %lld s",
             (long long)(watch->retry_ms - moment_monotonic_ms() + 999) / 1000);
    else
        tell(watch, code == CLIENT_REFUSED ? "refused" : "failed", trouble_json(watch, code, problem),
             "not pushed (%s): the list stays as it is until the file changes",
             problem != NULL ? problem : "the file can't be used");
    if (!again) watch->renew_ms = moment_monotonic_ms() + renew_every_ms(watch);
}

static void push_ended(struct watch *watch, int code, json_t *result)
{
    if ((code == CLIENT_OK || code == CLIENT_REMARKS) && result != NULL) {
        watch->pushed = watch->tried = watch->begun;
        watch->wanted = false;
        watch->retry_ms = NEVER;
        watch->backoff_ms = RETRY_MS_MIN;
        watch->renew_ms = moment_monotonic_ms() + renew_every_ms(watch);
        tell_pushed(watch, result);
    } else {
        push_failed(watch, code, result);
    }
}

/* -- what came of a look at gate and key server -------------------------------------------------------------------- */

static void look_ended(struct watch *watch, int code, json_t *result)
{
    const size_t missing = json_array_size(json_object_get(result, "missing"));

    watch->look_ms = moment_monotonic_ms() + (int64_t)watch->how->look_s * 1000;
    if ((code != CLIENT_OK) != watch->away) {
        watch->away = code != CLIENT_OK;
        tell(watch, watch->away ? "away" : "back", NULL,
             watch->away ? "gate or key server can't be asked" : "gate and key server answer again");
    }
    if (code != CLIENT_OK || result == NULL) return;
    if (number_of(result, "age_limit_s") > 0 && number_of(result, "age_limit_s") != watch->age_limit_s) {
        watch->age_limit_s = number_of(result, "age_limit_s");
        if (watch->renew_ms != NEVER && watch->renew_ms > moment_monotonic_ms() + renew_every_ms(watch))
            watch->renew_ms = moment_monotonic_ms() + renew_every_ms(watch);
    }
    if (missing == 0 || watch->wanted || !watch->pushed.there) return;
    watch->wanted = true;
    tell(watch, "epochs", json_pack("{s:O}", "missing", json_object_get(result, "missing")),
         "%zu %s without tokens", missing, missing == 1 ? "epoch is" : "epochs are");
}

/* -- what is to be done -------------------------------------------------------------------------------------------- */

/* Looks at the file; since when is it as it is? */
static void look_at_file(struct watch *watch, bool touched)
{
    const struct watch_mark now = watch_mark_of(watch->options->file);

    if (touched || !watch_mark_same(&now, &watch->seen)) watch->still_since_ms = moment_monotonic_ms();
    watch->seen = now;
    if (!now.there && !watch->gone) tell(watch, "gone", NULL, "%s is not there: the list stays as it is", watch->options->file);
    watch->gone = !now.there;
}

/* When a push is due; NEVER: it is not. */
static int64_t push_due_ms(const struct watch *watch)
{
    const int64_t settled_ms = watch->still_since_ms + (int64_t)watch->how->settle_s * 1000;
    int64_t due_ms = NEVER;

    if (!watch->seen.there) return NEVER;
    if (!watch_mark_same(&watch->seen, &watch->pushed) && !watch_mark_same(&watch->seen, &watch->tried)) due_ms = 0;
    else if (watch->retry_ms != NEVER) due_ms = watch->retry_ms;
    else if (watch->wanted && watch_mark_same(&watch->seen, &watch->pushed)) due_ms = 0;
    if (watch->renew_ms < due_ms) due_ms = watch->renew_ms;
    if (due_ms == NEVER) return NEVER;
    return due_ms > settled_ms ? due_ms : settled_ms;
}

static void begin_task(struct watch *watch, enum watch_kind kind)
{
    if (kind == WATCH_PUSH) {
        watch->begun = watch->seen;
        watch->renew_ms = NEVER;
    }
    if (watch_task_begin(&watch->task, kind, watch->settings, watch->options)) return;
    if (kind == WATCH_PUSH) retry_later(watch);
    else watch->look_ms = moment_monotonic_ms() + (int64_t)watch->how->look_s * 1000;
}

/* Begins what is due; milliseconds until something else may be. */
static int64_t begin_what_is_due(struct watch *watch)
{
    const int64_t now_ms = moment_monotonic_ms(), push_ms = push_due_ms(watch);
    const int64_t poll_ms = (int64_t)watch->how->look_s * 1000;
    int64_t next_ms;

    if (watch->task.pid == 0 && push_ms <= now_ms) begin_task(watch, WATCH_PUSH);
    else if (watch->task.pid == 0 && watch->look_ms <= now_ms) begin_task(watch, WATCH_LOOK);
    if (watch->task.pid != 0) return poll_ms;
    next_ms = push_ms < watch->look_ms ? push_ms : watch->look_ms;
    if (next_ms == NEVER || next_ms - now_ms > poll_ms) return poll_ms;
    return next_ms > now_ms ? next_ms - now_ms : 0;
}

static void take_signal(struct watch *watch)
{
    struct signalfd_siginfo signal;

    if (read(watch->signals, &signal, sizeof(signal)) != sizeof(signal)) return;
    if (signal.ssi_signo == SIGHUP) watch->wanted = true, watch->tried = watch->pushed, watch->retry_ms = 0;
    else watch->ending = true;
}

static void step(struct watch *watch)
{
    const int64_t wait_ms = begin_what_is_due(watch);
    struct pollfd fds[3] = { { .fd = watch->signals, .events = POLLIN },
                             { .fd = watch->file.fd, .events = POLLIN },
                             { .fd = watch->task.pid == 0 ? -1 : watch->task.fd, .events = POLLIN } };
    bool touched;
    int code;

    if (poll(fds, 3, (int)wait_ms) < 0) return;
    if (fds[0].revents != 0) take_signal(watch);
    touched = watch_file_touched(&watch->file);
    look_at_file(watch, touched);
    if (watch->task.pid == 0 || fds[2].revents == 0 || !watch_task_read(&watch->task, &code)) return;
    if (watch->task.kind == WATCH_PUSH) push_ended(watch, code, watch->task.result);
    else look_ended(watch, code, watch->task.result);
    json_decref(watch->task.result);
    watch->task.result = NULL;
}

static bool take_over_signals(struct watch *watch)
{
    sigset_t ours;

    sigemptyset(&ours);
    sigaddset(&ours, SIGTERM);
    sigaddset(&ours, SIGINT);
    sigaddset(&ours, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &ours, NULL) == 0) watch->signals = signalfd(-1, &ours, SFD_CLOEXEC);
    if (watch->signals < 0) say("no signals: %s", strerror(errno));
    return watch->signals >= 0;
}

int watch_run(struct settings *settings, const struct push_options *options, const struct watch_options *how)
{
    struct watch *watch = calloc(1, sizeof(*watch));
    int code = CLIENT_FAILED;

    if (watch == NULL) {
        say("out of memory");
        return CLIENT_FAILED;
    }
    *watch = (struct watch) { .settings = settings, .options = options, .how = how, .signals = -1, .file.fd = -1,
                              .renew_ms = NEVER, .look_ms = 0, .retry_ms = NEVER, .backoff_ms = RETRY_MS_MIN,
                              .age_limit_s = AGE_LIMIT_S };
    if (watch_file_begin(&watch->file, options->file) && take_over_signals(watch)) {
        tell(watch, "watching", json_pack("{s:s}", "file", options->file), "watching %s", options->file);
        (void)sd_notify(0, "READY=1");
        look_at_file(watch, false);
        watch->still_since_ms = 0; /* what stands there at the beginning has been left alone */
        while (!watch->ending && !ferror(stdout)) step(watch);
        (void)sd_notify(0, "STOPPING=1");
        watch_task_stop(&watch->task);
        tell(watch, "stopping", NULL, "stopping");
        code = watch->ending ? CLIENT_OK : CLIENT_FAILED;
    }
    watch_file_end(&watch->file);
    if (watch->signals >= 0) close(watch->signals);
    free(watch);
    return code;
}
