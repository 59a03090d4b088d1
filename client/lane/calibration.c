#include "client/lane/calibration.h"

#include <sodium.h>

#include "client/moment.h"

#define FIRST_MS 5000       /* after the start, at most */
#define RETRY_MS 15000      /* after one that was not good, at most */
#define JITTER_PERCENT 10   /* either way, so that lanes that were started together don't come together for ever */
#define OVERDUE 3           /* intervals without success */
#define GRACE_MS 5000       /* for the way there and back */

struct calibration {
    struct waiting *waiting;
    struct lane_counts *counts;
    const char *agency, *list;
    int64_t interval_ms;
    struct lane_read *read; /* in locked memory: what is made up, but its id and times */
    int64_t next_ms;        /* monotonic; of the ticker alone */
    pthread_mutex_t mutex;  /* of what follows */
    bool under_way;
    enum calibration_outcome outcome;
    int64_t good_ms;        /* monotonic; 0: never */
    int64_t last_good_ms;   /* the same; the start, before there was one */
    bool alarm;             /* the last that was said */
    bool retry;             /* the last was not good: the next comes soon */
};

const char *calibration_outcome_name(enum calibration_outcome outcome)
{
    static const char *const names[] = { "none", "good", "clear", "other", "unchecked", "false", "ordinary" };

    return names[outcome];
}

/* -- making one up --------------------------------------------------------------------------------------------------- */

static int64_t jitter(int64_t ms)
{
    const uint32_t span = (uint32_t)(ms * 2 * JITTER_PERCENT / 100) + 1;

    return ms - ms * JITTER_PERCENT / 100 + (int64_t)randombytes_uniform(span);
}

static bool prepare(struct calibration *calibration, const struct lane_config *config)
{
    struct check_candidate *candidate = &calibration->read->check.candidates[0];
    const char *jurisdiction = config->calibration_jurisdiction == NULL ? "" : config->calibration_jurisdiction;

    if (platesieve_failed(platesieve_plate_canonicalise(config->calibration_plate, strlen(config->calibration_plate), &candidate->plate))) {
        say("[calibration] plate: is none");
        return false;
    }
    if (platesieve_failed(platesieve_jurisdiction_map(PLATESIEVE_CODES_ISO, jurisdiction, strlen(jurisdiction), &candidate->jurisdiction))) {
        say("[calibration] jurisdiction: is no ISO code");
        return false;
    }
    candidate->confidence = 1;
    calibration->read->check.count = 1;
    calibration->read->calibration = true;
    calibration->read->engine = "calibration";
    return true;
}

static struct calibration *make(const struct lane_config *config, struct waiting *waiting, struct lane_counts *counts)
{
    struct calibration *calibration = calloc(1, sizeof(*calibration));

    if (calibration == NULL) return NULL;
    *calibration = (struct calibration) { .waiting = waiting,
                                          .counts = counts,
                                          .agency = config->calibration_agency,
                                          .list = config->calibration_list,
                                          .interval_ms = (int64_t)config->calibration_interval_s * 1000,
                                          .read = platesieve_secret_allocate(sizeof(*calibration->read)),
                                          .last_good_ms = moment_monotonic_ms() };
    pthread_mutex_init(&calibration->mutex, NULL);
    const int64_t first_ms = calibration->interval_ms < FIRST_MS ? calibration->interval_ms : FIRST_MS;
    calibration->next_ms = moment_monotonic_ms() + (int64_t)randombytes_uniform((uint32_t)first_ms);
    return calibration;
}

bool calibration_create(const struct lane_config *config, struct waiting *waiting, struct lane_counts *counts, struct calibration **out)
{
    *out = NULL;
    if (config->calibration_plate == NULL) return true;
    struct calibration *calibration = make(config, waiting, counts);
    if (calibration == NULL || calibration->read == NULL) say("there is no memory that can be locked for calibration");
    else if (prepare(calibration, config)) {
        *out = calibration;
        return true;
    }
    calibration_destroy(calibration);
    return false;
}

void calibration_destroy(struct calibration *calibration)
{
    if (calibration == NULL) return;
    platesieve_secret_free(calibration->read);
    pthread_mutex_destroy(&calibration->mutex);
    free(calibration);
}

/* It goes the way of all reads from here. */
static void send(struct calibration *calibration)
{
    struct lane_read *read = platesieve_secret_allocate(sizeof(*read));

    if (read == NULL) return; /* next time; three times without is an alarm */
    pthread_mutex_lock(&calibration->mutex);
    calibration->under_way = true;
    pthread_mutex_unlock(&calibration->mutex);
    *read = *calibration->read;
    randombytes_buf(read->check.id, sizeof(read->check.id));
    read->check.seen_ms = moment_now_ms();
    read->came_us = moment_monotonic_us();
    read->clock_ms = read->check.seen_ms - read->came_us / 1000;
    count_add(&calibration->counts->calibrations.asked, 1);
    waiting_add(calibration->waiting, read);
    platesieve_secret_free(read);
}

/* -- what came of it ------------------------------------------------------------------------------------------------- */

static bool is_bad(enum calibration_outcome outcome)
{
    return outcome != CALIBRATION_NONE && outcome != CALIBRATION_GOOD;
}

static bool went_the_way(enum calibration_outcome outcome)
{
    return outcome == CALIBRATION_GOOD || outcome == CALIBRATION_ORDINARY;
}

/* The mutex is held.  Says it when that has changed. */
static void weigh(struct calibration *calibration)
{
    const int64_t old_ms = moment_monotonic_ms() - calibration->last_good_ms;
    const bool overdue = old_ms > OVERDUE * calibration->interval_ms + GRACE_MS;
    const bool alarm = is_bad(calibration->outcome) || overdue;

    if (alarm == calibration->alarm) return;
    calibration->alarm = alarm;
    if (!alarm) say("calibration succeeds again");
    else if (calibration->outcome == CALIBRATION_ORDINARY)
        say("ALARM: calibration: %s/%s is no calibration list: each trial of this lane counts as a vehicle that was found", calibration->agency, calibration->list);
    else if (is_bad(calibration->outcome)) say("ALARM: calibration fails: %s", calibration_outcome_name(calibration->outcome));
    else say("ALARM: calibration has not succeeded for %lld s", (long long)old_ms / 1000);
}

static enum calibration_outcome outcome_of(const struct calibration *calibration, const struct check_answer *answer)
{
    if (answer == NULL) return CALIBRATION_UNCHECKED;
    for (size_t i = 0; i < answer->count && answer->result == CHECK_HIT; i++)
        if (strcmp(answer->alerts[i].agency, calibration->agency) == 0 && strcmp(answer->alerts[i].list, calibration->list) == 0)
            return answer->alerts[i].ordinary ? CALIBRATION_ORDINARY : CALIBRATION_GOOD;
    if (answer->false_tags > 0) return CALIBRATION_FALSE;
    if (answer->result == CHECK_UNCHECKED) return CALIBRATION_UNCHECKED;
    return answer->result == CHECK_HIT ? CALIBRATION_OTHER : CALIBRATION_CLEAR;
}

void calibration_answered(struct calibration *calibration, const struct lane_read *read, const struct check_answer *answer)
{
    (void)read;
    pthread_mutex_lock(&calibration->mutex);
    calibration->under_way = false;
    calibration->outcome = outcome_of(calibration, answer);
    calibration->retry = !went_the_way(calibration->outcome);
    if (went_the_way(calibration->outcome)) {
        calibration->good_ms = calibration->last_good_ms = moment_monotonic_ms();
    }
    weigh(calibration);
    pthread_mutex_unlock(&calibration->mutex);
}

void calibration_tick(struct calibration *calibration)
{
    const int64_t now_ms = moment_monotonic_ms();
    bool due;

    if (calibration == NULL) return;
    pthread_mutex_lock(&calibration->mutex);
    weigh(calibration);
    if (calibration->retry && calibration->next_ms > now_ms + RETRY_MS) calibration->next_ms = now_ms + jitter(RETRY_MS);
    calibration->retry = false;
    due = now_ms >= calibration->next_ms && !calibration->under_way;
    pthread_mutex_unlock(&calibration->mutex);
    if (!due) return;
    calibration->next_ms = now_ms + jitter(calibration->interval_ms);
    send(calibration);
}

bool calibration_look(struct calibration *calibration, struct calibration_state *state)
{
    if (calibration == NULL) return false;
    pthread_mutex_lock(&calibration->mutex);
    *state = (struct calibration_state) { .outcome = calibration->outcome,
                                          .good_ms = moment_then_ms(calibration->good_ms),
                                          .interval_s = (unsigned)(calibration->interval_ms / 1000),
                                          .alarm = calibration->alarm };
    pthread_mutex_unlock(&calibration->mutex);
    return true;
}
