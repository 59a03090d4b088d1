#include "client/alerts/internal.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "client/moment.h"

#define IDLE_MS 1000
#define OUTPUT_MS 50 /* between looks at an output that took nothing */

/* -- how it went; the mutex is held ---------------------------------------------------------------------------------- */

static void note_health(struct alerts *alerts, enum alert_path path, bool well, const char *why)
{
    struct alert_way *way = &alerts->ways[path];

    if (way->well && !well) say("ALARM: alerts do not get through to the %s: %s", alert_path_name(path), why);
    if (!way->well && well) say("alerts get through to the %s again", alert_path_name(path));
    if (way->well != well) way->since_ms = moment_now_ms();
    way->well = well;
    way->why = well ? NULL : why;
}

static void count(struct alerts *alerts, enum alert_path path, bool well)
{
    if (well) alerts->ways[path].delivered++;
    else alerts->ways[path].lost++;
    if (alerts->ears.delivered != NULL) alerts->ears.delivered(alerts->ears.context, alert_path_name(path), well);
}

/* Nobody may have seen it: the log says so, without the plate. */
static void on_lost(void *context, const struct kept_alert *lost, enum alert_path path)
{
    struct alerts *alerts = context;
    char words[ALERT_WORDS];

    count(alerts, path, false);
    if (alerts->ways[path].well) note_health(alerts, path, false, "it takes too long");
    alert_words(lost, words);
    say("ALERT of %s/%s (%s, priority %u) did not get through to the %s: hit %s", lost->alert.agency, lost->alert.list, words, lost->alert.priority,
        alert_path_name(path), lost->alert.hit);
}

static void lose_late(struct alerts *alerts, enum alert_path path, int64_t now_ms)
{
    struct kept_alert *kept;

    while ((kept = alert_book_late(alerts->book, path, now_ms - (int64_t)alerts->settings.late_s * 1000)) != NULL) {
        kept->due[path] = false;
        on_lost(alerts, kept, path);
    }
}

/* The next that is due, as long as it makes sense. */
static struct kept_alert *next_due(struct alerts *alerts, enum alert_path path, int64_t now_ms)
{
    lose_late(alerts, path, now_ms);
    return alert_book_due(alerts->book, path, now_ms);
}

/* -- standard output; the mutex is held ------------------------------------------------------------------------------ */

/* At once, or not: nobody waits for who reads it. */
static bool print_now(struct alerts *alerts, const struct kept_alert *kept)
{
    struct pollfd out = { .fd = STDOUT_FILENO, .events = POLLOUT };
    struct text text = { alerts->line, ALERT_TEXT, 0 };
    bool printed;

    if (alerts->settings.json) alert_json(&text, kept, alerts->settings.show_plates, ALERT_PICTURE_TYPE);
    else alert_line(&text, kept);
    if (alerts->settings.json) text_add(&text, "\n");
    printed = text_fits(&text) && poll(&out, 1, 0) == 1 && out.revents == POLLOUT && write(STDOUT_FILENO, text.to, text.size) == (ssize_t)text.size;
    platesieve_wipe(alerts->line, ALERT_TEXT);
    return printed;
}

static void print_due(struct alerts *alerts, int64_t now_ms)
{
    struct kept_alert *kept;

    while ((kept = next_due(alerts, ALERT_OUTPUT, now_ms)) != NULL) {
        if (!print_now(alerts, kept)) {
            note_health(alerts, ALERT_OUTPUT, false, "nobody reads it");
            return;
        }
        kept->due[ALERT_OUTPUT] = false;
        note_health(alerts, ALERT_OUTPUT, true, NULL);
        count(alerts, ALERT_OUTPUT, true);
    }
}

/* -- the courier ----------------------------------------------------------------------------------------------------- */

/* A copy of the next that is due, its picture held; false: there is none. */
static bool take_due(struct alerts *alerts, enum alert_path path, int64_t now_ms)
{
    const struct kept_alert *kept;

    pthread_mutex_lock(&alerts->mutex);
    kept = next_due(alerts, path, now_ms);
    if (kept != NULL) {
        *alerts->copy = *kept;
        (void)image_hold(kept->image);
    }
    pthread_mutex_unlock(&alerts->mutex);
    return kept != NULL;
}

static void drop_copy(struct alerts *alerts)
{
    image_release(alerts->copy->image);
    platesieve_wipe(alerts->copy, sizeof(*alerts->copy));
}

static void note_display(struct alerts *alerts, enum alert_display_news news, const char *why)
{
    const uint64_t raise = alerts->display->raise;

    pthread_mutex_lock(&alerts->mutex);
    if (news == ALERT_DISPLAY_FAILED || news == ALERT_DISPLAY_HANGS) note_health(alerts, ALERT_DISPLAY, false, why);
    if (news == ALERT_DISPLAY_FAILED) (void)alert_book_failed(alerts->book, ALERT_DISPLAY, raise);
    if (news == ALERT_DISPLAY_TOOK || (news == ALERT_DISPLAY_IS_THERE && alert_book_waiting(alerts->book, ALERT_DISPLAY) == 0))
        note_health(alerts, ALERT_DISPLAY, true, NULL);
    if (news == ALERT_DISPLAY_TOOK) {
        (void)alert_book_settle(alerts->book, ALERT_DISPLAY, raise);
        count(alerts, ALERT_DISPLAY, true);
    }
    pthread_mutex_unlock(&alerts->mutex);
}

/* What hangs there may be acknowledged meanwhile, or too old. */
static void drop_unwanted(struct alerts *alerts, int64_t now_ms)
{
    bool wanted;

    if (!alerts->display->hangs) return;
    pthread_mutex_lock(&alerts->mutex);
    lose_late(alerts, ALERT_DISPLAY, now_ms);
    wanted = alert_book_wants(alerts->book, ALERT_DISPLAY, alerts->display->raise);
    pthread_mutex_unlock(&alerts->mutex);
    if (!wanted) alert_display_give_up(alerts->display);
}

static void serve_display(struct alerts *alerts, int64_t now_ms)
{
    enum alert_display_news news;
    const char *why = NULL;
    int running;

    while ((news = alert_display_go_on(alerts->display, now_ms, &why)) != ALERT_DISPLAY_NO_NEWS) note_display(alerts, news, why);
    drop_unwanted(alerts, now_ms);
    if (!alert_display_free(alerts->display, now_ms) || !take_due(alerts, ALERT_DISPLAY, now_ms)) return;
    if (alert_display_begin(alerts->display, alerts->copy, now_ms)) (void)curl_multi_perform(alerts->multi, &running);
    drop_copy(alerts);
}

/* WHY it failed; NULL: it did not. */
static void end_command(struct alerts *alerts, uint64_t raise, const char *why)
{
    const struct kept_alert *kept;

    pthread_mutex_lock(&alerts->mutex);
    note_health(alerts, ALERT_COMMAND, why == NULL, why);
    kept = alert_book_settle(alerts->book, ALERT_COMMAND, raise);
    if (why != NULL && kept != NULL) on_lost(alerts, kept, ALERT_COMMAND);
    else count(alerts, ALERT_COMMAND, why == NULL);
    pthread_mutex_unlock(&alerts->mutex);
}

/* What is started counts as on its way: it is not due any more. */
static bool begin_command(struct alerts *alerts, int64_t now_ms)
{
    bool started = false, begun;

    if (alert_command_running(&alerts->command) == ALERT_COMMANDS || !take_due(alerts, ALERT_COMMAND, now_ms)) return false;
    begun = alert_command_begin(&alerts->command, alerts->copy, now_ms, &started);
    pthread_mutex_lock(&alerts->mutex);
    (void)alert_book_settle(alerts->book, ALERT_COMMAND, alerts->copy->raise);
    pthread_mutex_unlock(&alerts->mutex);
    if (begun && !started) end_command(alerts, alerts->copy->raise, "it can't be started");
    drop_copy(alerts);
    return true;
}

static void serve_command(struct alerts *alerts, int64_t now_ms)
{
    const char *why;
    uint64_t raise;

    while (begin_command(alerts, now_ms)) continue;
    while (alert_command_over(&alerts->command, now_ms, &raise, &why)) end_command(alerts, raise, why);
    while (begin_command(alerts, now_ms)) continue;
    pthread_mutex_lock(&alerts->mutex);
    lose_late(alerts, ALERT_COMMAND, now_ms);
    pthread_mutex_unlock(&alerts->mutex);
}

static bool has_work(struct alerts *alerts)
{
    bool work = alerts->display != NULL && alerts->display->busy;

    for (enum alert_path path = 0; path < ALERT_PATHS; path++) work = work || alert_book_waiting(alerts->book, path) > 0;
    return work || alert_command_running(&alerts->command) > 0;
}

/* Until there is something to do. */
static void wait_for_work(struct alerts *alerts, int64_t now_ms)
{
    struct curl_waitfd fds[ALERT_COMMAND_FDS];
    const size_t fd_count = alerts->command.line == NULL ? 0 : alert_command_fds(&alerts->command, fds);
    int wait_ms = IDLE_MS;

    if (alerts->display != NULL) {
        const int64_t next_ms = alert_display_next_ms(alerts->display, now_ms);

        if (next_ms - now_ms < wait_ms) wait_ms = (int)(next_ms - now_ms);
    }
    pthread_mutex_lock(&alerts->mutex);
    if (alert_book_waiting(alerts->book, ALERT_OUTPUT) > 0 && wait_ms > OUTPUT_MS) wait_ms = OUTPUT_MS;
    if (alerts->ending && wait_ms > OUTPUT_MS) wait_ms = OUTPUT_MS;
    pthread_mutex_unlock(&alerts->mutex);
    (void)curl_multi_poll(alerts->multi, fds, (unsigned)fd_count, wait_ms, NULL);
}

static void *carry(void *argument)
{
    struct alerts *alerts = argument;
    sigset_t pipe_signal;
    bool over = false;

    (void)sigemptyset(&pipe_signal);
    (void)sigaddset(&pipe_signal, SIGPIPE);
    (void)pthread_sigmask(SIG_BLOCK, &pipe_signal, NULL);
    while (!over) {
        const int64_t now_ms = moment_monotonic_ms();

        if (alerts->display != NULL) serve_display(alerts, now_ms);
        if (alerts->command.line != NULL) serve_command(alerts, now_ms);
        pthread_mutex_lock(&alerts->mutex);
        print_due(alerts, now_ms);
        alert_book_forget(alerts->book, now_ms);
        over = alerts->ending && (!has_work(alerts) || now_ms >= alerts->end_ms);
        pthread_mutex_unlock(&alerts->mutex);
        if (!over) wait_for_work(alerts, now_ms);
    }
    return NULL;
}

/* -- raising --------------------------------------------------------------------------------------------------------- */

static unsigned ways_in_use(const struct alerts *alerts)
{
    unsigned ways = 0;

    for (enum alert_path path = 0; path < ALERT_PATHS; path++)
        if (alerts->ways[path].used) ways |= 1u << path;
    return ways;
}

void alerts_raise(struct alerts *alerts, const struct lane_read *read, const struct check_alert *alert)
{
    const struct alert_moment moment = { moment_monotonic_ms(), moment_now_ms() };

    pthread_mutex_lock(&alerts->mutex);
    if (alert_book_raise(alerts->book, read, alert, ways_in_use(alerts), moment) != NULL) print_due(alerts, moment.monotonic_ms);
    pthread_mutex_unlock(&alerts->mutex);
    (void)curl_multi_wakeup(alerts->multi);
}

/* -- the whole ------------------------------------------------------------------------------------------------------- */

bool alerts_display_fits(const char *display)
{
    if (alert_display_url_fits(display)) return true;
    say("a display is an http:// address on this machine: 127.0.0.1, [::1] or localhost");
    return false;
}

/* What anybody else can read nothing from is said by who makes it. */
static bool prepare(struct alerts *alerts)
{
    const struct alert_settings *settings = &alerts->settings;
    const unsigned max = settings->keep_max < ALERTS_KEEP_MAX ? settings->keep_max : ALERTS_KEEP_MAX;
    const unsigned seconds = settings->keep_s < ALERTS_KEEP_S_MAX ? settings->keep_s : ALERTS_KEEP_S_MAX;

    if (settings->display != NULL && !alerts_display_fits(settings->display)) return false;
    alerts->line = platesieve_secret_allocate(ALERT_TEXT);
    alerts->copy = platesieve_secret_allocate(sizeof(*alerts->copy));
    alerts->multi = curl_multi_init();
    if (alerts->line == NULL || alerts->copy == NULL || alerts->multi == NULL) {
        say("there is no memory that can be locked for alerts");
        return false;
    }
    /* Numbers go on where a lane that ran before left off, for who looks on. */
    alerts->book = alert_book_create(max > 0 ? max : 1, seconds, (uint64_t)moment_now_ms(), on_lost, alerts);
    if (alerts->book == NULL) return false;
    if (settings->display != NULL && (alerts->display = alert_display_open(settings->display, alerts->multi)) == NULL) return false;
    if (settings->command == NULL) return true;
    alerts->command_line = strdup(settings->command);
    return alerts->command_line != NULL && alert_command_open(&alerts->command, alerts->command_line);
}

struct alerts *alerts_create(const struct alert_settings *settings, const struct alert_ears *ears)
{
    struct alerts *alerts = calloc(1, sizeof(*alerts));

    if (alerts == NULL) {
        say("out of memory");
        return NULL;
    }
    alerts->settings = *settings;
    alerts->ears = *ears;
    pthread_mutex_init(&alerts->mutex, NULL);
    alerts->ways[ALERT_OUTPUT] = (struct alert_way) { .used = settings->print, .well = true };
    alerts->ways[ALERT_DISPLAY] = (struct alert_way) { .used = settings->display != NULL, .well = true };
    alerts->ways[ALERT_COMMAND] = (struct alert_way) { .used = settings->command != NULL, .well = true };
    if (prepare(alerts)) {
        alerts->started = pthread_create(&alerts->courier, NULL, carry, alerts) == 0;
        if (alerts->started) return alerts;
        say("can't start a thread");
    }
    alerts_destroy(alerts, 0);
    return NULL;
}

void alerts_destroy(struct alerts *alerts, unsigned wait_ms)
{
    if (alerts == NULL) return;
    pthread_mutex_lock(&alerts->mutex);
    alerts->ending = true;
    alerts->end_ms = moment_monotonic_ms() + (int64_t)wait_ms;
    pthread_mutex_unlock(&alerts->mutex);
    if (alerts->started) {
        (void)curl_multi_wakeup(alerts->multi);
        pthread_join(alerts->courier, NULL);
    }
    alert_command_close(&alerts->command);
    alert_display_close(alerts->display);
    alert_book_destroy(alerts->book);
    curl_multi_cleanup(alerts->multi);
    platesieve_secret_free(alerts->copy);
    platesieve_secret_free(alerts->line);
    pthread_mutex_destroy(&alerts->mutex);
    free(alerts->command_line);
    free(alerts);
}
