/* The lane's certificate is renewed while it reads: a thread of its own asks for the next one in the last third, and all
 * connections are made anew with it when a gate has accepted it. */
#include "client/lane/lane.h"

#include <time.h>

#include "client/enrol/enrol.h"
#include "client/moment.h"
#include "include/monotonic.h"

#define LOOK_MS (60 * INT64_C(1000))       /* between two looks at the clock, which may be set */
#define REFUSED_MS (3600 * INT64_C(1000))  /* until the next try after a refusal */
#define TELL_AGAIN_MS (3600 * INT64_C(1000))
#define LEAST_MS INT64_C(250)
#define WAIT_S 60u /* for the authority, in one go */
#define LITTLE_MS (14 * 24 * 3600 * INT64_C(1000)) /* with which something should be done about it */
#define LITTLE_PART 6                              /* the same, of certificates that are short: half of the time in which it is asked for */

struct lane_renewer {
    const struct settings *settings;
    struct identity *identity;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool ending;
    int64_t told_ms; /* monotonic, when a failure was said; 0: never */
    _Atomic int64_t ends_ms, lasts_ms; /* since 1970, and how long; 0: it can't be read */
    _Atomic bool failed;
};

const char *lane_renewal_name(enum lane_renewal renewal)
{
    static const char *const names[] = { "not-due", "due", "failed" };

    return names[renewal];
}

bool lane_certificate_look(struct lane_renewer *renewer, struct lane_certificate *certificate)
{
    const int64_t ends_ms = renewer == NULL ? 0 : atomic_load(&renewer->ends_ms), lasts_ms = renewer == NULL ? 0 : atomic_load(&renewer->lasts_ms);
    const int64_t little_ms = lasts_ms / LITTLE_PART < LITTLE_MS ? lasts_ms / LITTLE_PART : LITTLE_MS;

    *certificate = (struct lane_certificate) { .ends_ms = ends_ms, .left_ms = ends_ms - moment_now_ms() };
    if (ends_ms == 0) return false;
    if (certificate->left_ms <= lasts_ms / 3) certificate->renewal = atomic_load(&renewer->failed) ? RENEWAL_FAILED : RENEWAL_DUE;
    certificate->alarm = certificate->renewal == RENEWAL_FAILED || certificate->left_ms < little_ms;
    return true;
}

/* False: it can't be read now, and what was read before holds. */
static bool look(struct lane_renewer *renewer, int64_t *in_ms, int64_t *left_ms)
{
    int64_t ends_ms, lasts_ms;

    if (!renewal_due(renewer->identity, in_ms, &ends_ms, &lasts_ms)) return false;
    *left_ms = ends_ms - moment_now_ms();
    atomic_store(&renewer->lasts_ms, lasts_ms);
    atomic_store(&renewer->ends_ms, ends_ms);
    return true;
}

/* False when the lane ends. */
static bool pause_for(struct lane_renewer *renewer, int64_t ms)
{
    return monotonic_pause(&renewer->wake, &renewer->mutex, &renewer->ending, moment_monotonic_ms() + ms);
}

static bool pause_in_renewal(void *context, unsigned ms)
{
    return pause_for(context, ms);
}

static int64_t between(int64_t low, int64_t value, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

/* Asks; how long to wait until the next look. */
static int64_t try_now(struct lane_renewer *renewer, int64_t left_ms)
{
    const bool tell = renewer->told_ms == 0 || moment_monotonic_ms() - renewer->told_ms >= TELL_AGAIN_MS;
    const struct renewal renewal = { .settings = renewer->settings,
                                     .identity = renewer->identity,
                                     .pause = pause_in_renewal,
                                     .context = renewer,
                                     .wait_s = left_ms < (int64_t)WAIT_S * 1000 ? (unsigned)(left_ms / 1000) : WAIT_S,
                                     .quiet = true };
    bool renewed = false;
    char end[MOMENT_TEXT];
    const int code = renew(&renewal, &renewed);

    if (renewed) {
        say("renewed the certificate of %s", renewer->identity->name.text);
        renewer->told_ms = 0;
        atomic_store(&renewer->failed, false);
        return LEAST_MS;
    }
    if (code != CLIENT_OK) atomic_store(&renewer->failed, code != CLIENT_REMARKS && code != CLIENT_UNREACHABLE);
    if (code != CLIENT_OK && tell && pause_for(renewer, 0)) {
        moment_print(moment_now_ms() + left_ms, end);
        say("the certificate of %s ends at %.16sZ and was not renewed yet: nobody has answered for the authority", renewer->identity->name.text,
            end);
        renewer->told_ms = moment_monotonic_ms();
    }
    return between(LEAST_MS, left_ms / 20, code == CLIENT_REFUSED || code == CLIENT_ALARM ? REFUSED_MS : LOOK_MS);
}

static void *run(void *argument)
{
    struct lane_renewer *renewer = argument;
    int64_t wait_ms;

    do {
        int64_t in_ms, left_ms;

        wait_ms = LOOK_MS;
        if (!look(renewer, &in_ms, &left_ms)) continue;
        if (in_ms > 0) atomic_store(&renewer->failed, false); /* somebody else has renewed it */
        if (in_ms > 0) wait_ms = between(LEAST_MS, in_ms, LOOK_MS);
        else if (left_ms > 0) wait_ms = try_now(renewer, left_ms);
    } while (pause_for(renewer, wait_ms));
    return NULL;
}

struct lane_renewer *lane_renewer_start(const struct settings *settings, struct identity *identity)
{
    struct lane_renewer *renewer = calloc(1, sizeof(*renewer));
    int64_t in_ms, left_ms;

    if (renewer == NULL) {
        say("out of memory");
        return NULL;
    }
    renewer->settings = settings;
    renewer->identity = identity;
    pthread_mutex_init(&renewer->mutex, NULL);
    monotonic_condition(&renewer->wake);
    (void)look(renewer, &in_ms, &left_ms); /* so that the first who asks is told */
    if (pthread_create(&renewer->thread, NULL, run, renewer) == 0) return renewer;
    say("can't start a thread");
    free(renewer);
    return NULL;
}

void lane_renewer_stop(struct lane_renewer *renewer)
{
    if (renewer == NULL) return;
    pthread_mutex_lock(&renewer->mutex);
    renewer->ending = true;
    pthread_cond_signal(&renewer->wake);
    pthread_mutex_unlock(&renewer->mutex);
    pthread_join(renewer->thread, NULL);
    pthread_cond_destroy(&renewer->wake);
    pthread_mutex_destroy(&renewer->mutex);
    free(renewer);
}
