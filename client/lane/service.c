#include "client/lane/service.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "client/lane/calibration.h"
#include "client/lane/listener.h"
#include "client/lane/reporter.h"
#include "client/moment.h"

#define TICK_MS 200
#define POLICY_TICKS 5      /* between two looks at the policy and the vehicles */
#define LAST_DELIVERY_MS 2000u
#define LEAST_WITH_PICTURES (128u * 1024) /* a message of this size has a small one */

bool lane_thread_start(pthread_t *thread, void *(*run)(void *), void *argument)
{
    pthread_attr_t attributes;
    int failure;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, LANE_STACK_BYTES);
    failure = pthread_create(thread, &attributes, run, argument);
    pthread_attr_destroy(&attributes);
    if (failure != 0) say("can't start a thread: %s", strerror(failure));
    return failure == 0;
}

/* -- signals --------------------------------------------------------------------------------------------------------- */

static void signals_of_interest(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
}

static void block_signals(void)
{
    sigset_t set;

    (void)signal(SIGPIPE, SIG_IGN);
    signals_of_interest(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

/* -- what happens to alerts ------------------------------------------------------------------------------------------ */

static void delivered(void *context, const char *way, bool well)
{
    struct lane_service *service = context;

    for (unsigned i = 0; i < WAYS; i++)
        if (strcmp(way, lane_way_name((enum lane_way)i)) == 0) lane_counts_delivered(&service->counts, (enum lane_way)i, well);
}

static void judged(void *context, const char *hit, const char *agency, const char *judgement, int64_t at_ms)
{
    struct lane_service *service = context;
    struct checker_state state;

    (void)agency;
    checker_look(service->checker, &state);
    judgements_add(service->judgements, hit, judgement, at_ms - state.clock_ahead_ms);
}

static void told(void *context, const char *hit, const char *outcome)
{
    struct lane_service *service = context;

    alerts_told(service->alerts, hit, outcome);
    lane_counts_delivered(&service->counts, WAY_JUDGEMENT, strcmp(outcome, "done") == 0);
}

static void not_asked(void *context, const char *agency, const char *list, const char *why)
{
    struct lane_service *service = context;

    lane_counts_not_asked(&service->counts, agency, list, why);
}

/* -- starting -------------------------------------------------------------------------------------------------------- */

static bool make_alerts(struct lane_service *service)
{
    const struct lane_config *config = service->config;
    const struct alert_settings settings = { .print = config->print,
                                             .json = config->alerts_json,
                                             .show_plates = config->show_plates,
                                             .command = config->command,
                                             .display = config->display,
                                             .keep_s = (unsigned)config->keep_s,
                                             .keep_max = (unsigned)config->keep_max,
                                             .late_s = (unsigned)config->late_s };
    const struct alert_ears ears = { .context = service, .delivered = delivered, .judged = judged, .pictured = pictures_came_late };

    service->alerts = alerts_create(&settings, &ears);
    if (service->alerts == NULL) return false;
    service->judgements = judgements_create(service->settings, &service->identity, told, service);
    return service->judgements != NULL;
}

static bool make_vehicles(struct lane_service *service)
{
    const struct lane_config *config = service->config;
    const struct vehicle_rules rules = { .window_ms = (unsigned)config->vehicle_window_ms,
                                         .candidates_max = (unsigned)config->candidates,
                                         .confidence_min = config->confidence,
                                         .region_confidence_min = config->region_confidence,
                                         .caption_vehicles = (unsigned)config->caption_vehicles,
                                         .caption_again_ms = (unsigned)config->caption_again_s * 1000 };

    pthread_mutex_init(&service->vehicles_lock, NULL);
    service->vehicles = vehicles_create(&rules);
    return service->vehicles != NULL;
}

static bool make_waiting(struct lane_service *service)
{
    const struct lane_config *config = service->config;
    const struct waiting_rules rules = { .reads = (size_t)config->waiting_reads,
                                         .age_s = (unsigned)config->waiting_age_s,
                                         .rate = (unsigned)config->catch_up_rate };

    service->waiting = waiting_create(&rules, workers_dropped, service);
    return service->waiting != NULL;
}

static bool make_checker(struct lane_service *service)
{
    const struct checker_ears ears = { .context = service, .not_asked = not_asked };

    atomic_store(&service->candidates_max, (unsigned)service->config->candidates);
    service->checker = checker_create(service->settings, &service->identity, &ears);
    return service->checker != NULL;
}

/* Where little can be locked, messages may be smaller rather than that there are no pictures at all; without any it goes on. */
static bool make_room(struct lane_service *service)
{
    const struct lane_config *config = service->config;
    const bool pictures = config->images_mib > 0 && pictures_begin(service);
    size_t bytes = (size_t)config->message_bytes;

    for (;; bytes = buffers_message_max(service->buffers) / 2) {
        buffers_destroy(service->buffers);
        service->buffers = buffers_create(bytes);
        if (service->buffers == NULL || !pictures) break;
        service->images = images_create((size_t)config->images_mib * 1024 * 1024);
        if (service->images != NULL || buffers_message_max(service->buffers) <= LEAST_WITH_PICTURES) break;
    }
    if (service->buffers != NULL && buffers_message_max(service->buffers) < config->message_bytes)
        say("too little memory can be locked: messages of more than %zu kB are refused (LimitMEMLOCK=)", buffers_message_max(service->buffers) / 1024);
    if (service->images == NULL) pictures_end(service, 0);
    return service->buffers != NULL;
}

/* A lane that could ask nobody had better not seem to work. */
static bool files_usable(const struct lane_service *service)
{
    const char *crl = service->settings->crl;

    if (crl != NULL && access(crl, R_OK) != 0) {
        say("can't read the file of revoked certificates, %s: %s", crl, strerror(errno));
        return false;
    }
    return identity_try(&service->identity);
}

/* In this order: what every lane needs finds its locked memory first, pictures get what is left. */
static bool make_parts(struct lane_service *service)
{
    const struct lane_config *config = service->config;

    if (!lane_counts_begin(&service->counts) || !make_checker(service) || !make_vehicles(service) || !make_waiting(service)) return false;
    if (!message_prepare(service) || !make_alerts(service)) return false;
    if ((service->workers = workers_start(service)) == NULL) return false;
    if (!make_room(service)) return false;
    if ((service->renewer = lane_renewer_start(service->settings, &service->identity)) == NULL) return false;
    if (!calibration_create(config, service->waiting, &service->counts, &service->calibration)) return false;
    return (service->journal = journal_open(config)) != NULL;
}

static int open_doors(struct lane_service *service, const struct lane_run *run)
{
    int code = CLIENT_FAILED;

    if (!run->no_listener && (service->listener = listener_start(service, service->config->listen, &code)) == NULL) return code;
    if (run->input != NULL && (service->input = lane_input_start(service, run->input)) == NULL) return CLIENT_FAILED;
    return CLIENT_OK;
}

static bool write_ready(const char *file, uint16_t port)
{
    char temporary[PATH_MAX];
    bool written;
    int fd;

    if (file == NULL) return true;
    if (snprintf(temporary, sizeof(temporary), "%s.new", file) >= (int)sizeof(temporary)) return false;
    fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0) return false;
    written = dprintf(fd, "{\"pid\": %ld, \"port\": %u}\n", (long)getpid(), port) > 0;
    return close(fd) == 0 && written && rename(temporary, file) == 0;
}

static bool tell_ready(struct lane_service *service, const char *file)
{
    const uint16_t port = service->listener == NULL ? 0 : listener_port(service->listener);

    if (!write_ready(file, port)) {
        say("can't write the ready file: %s", strerror(errno));
        return false;
    }
    if (port != 0) say("%s listens on port %u", service->identity.name.text, port);
    sd_notify(0, "READY=1");
    return true;
}

/* -- running --------------------------------------------------------------------------------------------------------- */

static void look_after(struct lane_service *service)
{
    struct checker_state state;

    checker_look(service->checker, &state);
    if (state.asked && state.candidates_max > 0)
        atomic_store(&service->candidates_max,
                     state.candidates_max < service->config->candidates ? state.candidates_max : (unsigned)service->config->candidates);
    pthread_mutex_lock(&service->vehicles_lock);
    vehicles_forget(service->vehicles, moment_monotonic_ms());
    pthread_mutex_unlock(&service->vehicles_lock);
}

/* Said when it begins, and when it has been over for a while. */
static void tell_unchecked(struct lane_service *service)
{
    const bool some = lane_some_unchecked(service);

    if (some == service->unchecked_told) return;
    service->unchecked_told = some;
    say("%s", some ? "ALARM: reads go unchecked; the status counts them by why" : "no read has gone unchecked for five minutes");
}

static void tick(struct lane_service *service, unsigned number)
{
    if (service->listener != NULL) listener_tick(service->listener);
    waiting_sweep(service->waiting, moment_monotonic_us());
    tell_unchecked(service);
    calibration_tick(service->calibration);
    if (number % POLICY_TICKS == 0) look_after(service);
    journal_tick(service->journal, service, false);
}

/* Until a signal that ends it, or the end of what it was to take. */
static void look_on(struct lane_service *service)
{
    const struct timespec pause = { 0, TICK_MS * 1000000L };
    sigset_t set;

    signals_of_interest(&set);
    for (unsigned number = 0;; number++) {
        const int got = sigtimedwait(&set, NULL, &pause);

        if (got == SIGTERM || got == SIGINT) return;
        if (got == SIGHUP) journal_reopen(service->journal);
        if (service->listener == NULL && lane_input_ended(service->input)) return;
        tick(service, number);
    }
}

/* -- ending ---------------------------------------------------------------------------------------------------------- */

static size_t count_waiting(struct lane_service *service)
{
    struct waiting_state state;

    waiting_look(service->waiting, &state);
    return state.all;
}

static void finish_waiting(struct lane_service *service)
{
    const struct timespec pause = { 0, 10 * 1000000L };
    const int64_t end_ms = moment_monotonic_ms() + LANE_GRACE_MS;

    waiting_end(service->waiting, false);
    while (count_waiting(service) > 0 && moment_monotonic_ms() < end_ms) nanosleep(&pause, NULL);
    waiting_end(service->waiting, true);
    workers_join(service->workers);
    service->workers = NULL;
    waiting_drop_all(service->waiting, UNCHECKED_AWAY);
}

static void close_doors(struct lane_service *service)
{
    atomic_store(&service->ending, true);
    sd_notify(0, "STOPPING=1");
    if (service->listener != NULL) listener_quiet(service->listener);
    lane_input_stop(service->input);
    service->input = NULL;
}

static void say_end(const struct lane_service *service)
{
    const struct answer_counts *reads = &service->counts.reads;

    say("%llu messages, %llu reads: %llu clear, %llu hits, %llu unchecked; %llu alerts", (unsigned long long)lane_counts_messages(&service->counts),
        (unsigned long long)count_get(&reads->asked), (unsigned long long)count_get(&reads->clear),
        (unsigned long long)(count_get(&reads->hits) + count_get(&service->counts.again.hits)), (unsigned long long)lane_counts_unchecked(reads),
        (unsigned long long)count_get(&service->counts.alerts));
}

static void release(struct lane_service *service)
{
    listener_stop(service->listener);
    lane_input_stop(service->input);
    if (service->workers != NULL) {
        waiting_end(service->waiting, true);
        workers_join(service->workers);
    }
    pictures_end(service, LAST_DELIVERY_MS / 1000);
    reporter_stop(service->reporter, false);
    lane_renewer_stop(service->renewer);
    judgements_destroy(service->judgements, LAST_DELIVERY_MS);
    waiting_destroy(service->waiting);
    calibration_destroy(service->calibration);
    alerts_destroy(service->alerts, LAST_DELIVERY_MS);
    message_release(service);
    vehicles_destroy(service->vehicles);
    checker_destroy(service->checker);
    buffers_destroy(service->buffers);
    images_destroy(service->images);
    journal_close(service->journal);
}

/* Of a run that ended with its input: what a script wants to know. */
static int code_of_input(const struct lane_service *service)
{
    if (count_get(&service->counts.false_tags) > 0) return CLIENT_ALARM;
    if (lane_counts_unchecked(&service->counts.reads) + lane_counts_unchecked(&service->counts.again) > 0) return CLIENT_FAILED;
    return lane_counts_unusable(&service->counts) > 0 ? CLIENT_REMARKS : CLIENT_OK;
}

static int serve(struct lane_service *service, const struct lane_run *run)
{
    int code = open_doors(service, run);

    if (code == CLIENT_OK && !reporter_start(service, &service->reporter)) code = CLIENT_FAILED;
    if (code == CLIENT_OK && !tell_ready(service, run->ready_file)) code = CLIENT_FAILED;
    if (code != CLIENT_OK) return code;
    look_on(service);
    close_doors(service);
    finish_waiting(service);
    journal_tick(service->journal, service, true);
    reporter_stop(service->reporter, true);
    service->reporter = NULL;
    say_end(service);
    return service->listener == NULL ? code_of_input(service) : CLIENT_OK;
}

int lane_service_run(const struct lane_run *run)
{
    struct lane_service *service = calloc(1, sizeof(*service));
    int code;

    if (service == NULL) {
        say("out of memory");
        return CLIENT_FAILED;
    }
    service->locked_all = lane_harden();
    block_signals();
    service->config = run->config;
    service->settings = run->settings;
    code = identity_find(run->settings, "reader", &service->identity);
    if (code == CLIENT_OK && !files_usable(service)) code = CLIENT_USAGE;
    if (code == CLIENT_OK) code = make_parts(service) ? serve(service, run) : CLIENT_FAILED;
    release(service);
    free(service);
    return code;
}
