/* Threads that ask the gate about reads, and see to what is answered. */
#include "client/lane/service.h"

#include "client/http/over_quota.h"
#include "client/lane/calibration.h"
#include "client/lane/handed.h"
#include "client/moment.h"

#define READS 8               /* of one question; more would only make the first wait for the last */
#define ASK_MS 2000u          /* for gates and key servers together */
#define ASK_ENDING_MS 1000u   /* the same, when the service ends */
#define IDLE_MS 20000u        /* then connections are used for something that says nothing */
#define AWAY_MS 500u          /* between two questions while none is answered, half of it more or less */
#define REFUSED_MS 5000u      /* the same, when the gate does not want this lane */
#define OVER_QUOTA_MS 30000   /* an operator may have raised it meanwhile */
#define JUMP_MS 1000          /* of the clock; less is what it is adjusted by */

static_assert(LANE_WORKERS * READS <= HANDED_MAX, "all that is asked about at one time is known as such");

/* In locked memory. */
struct worker_room {
    struct lane_read reads[READS];
    struct check_read questions[READS];
    struct check_answer answers[READS];
};

struct worker {
    struct lane_service *service;
    struct check_line *line;
    struct worker_room *room;
    size_t most; /* reads of one question, as the gate takes them */
    pthread_t thread;
};

struct workers {
    size_t count;
    struct worker list[LANE_WORKERS];
};

/* -- what came of a read --------------------------------------------------------------------------------------------- */

static struct answer_counts *counts_of(struct lane_service *service, const struct lane_read *read)
{
    if (read->calibration) return &service->counts.calibrations;
    return read->check.again ? &service->counts.again : &service->counts.reads;
}

void workers_dropped(void *context, const struct lane_read *read, enum lane_unchecked why)
{
    struct lane_service *service = context;

    count_add(&counts_of(service, read)->unchecked[why], 1);
    if (read->calibration) {
        calibration_answered(service->calibration, read, NULL);
        return;
    }
    atomic_store(&service->unchecked_ms, moment_monotonic_ms());
    pthread_mutex_lock(&service->vehicles_lock);
    vehicles_unchecked(service->vehicles, read);
    pthread_mutex_unlock(&service->vehicles_lock);
}

static void raise_alerts(struct lane_service *service, const struct lane_read *read, const struct check_answer *answer)
{
    for (size_t i = 0; i < answer->count; i++) {
        alerts_raise(service->alerts, read, &answer->alerts[i]);
        lane_counts_latency(&service->counts, moment_monotonic_us() - read->came_us, true);
        pictures_send(service, &answer->alerts[i], answer->server, read->image);
        pthread_mutex_lock(&service->vehicles_lock);
        vehicles_listed(service->vehicles, read, answer->alerts[i].candidate, moment_monotonic_ms());
        pthread_mutex_unlock(&service->vehicles_lock);
    }
    count_add(&service->counts.alerts, answer->count);
}

static void take_answer(struct lane_service *service, const struct lane_read *read, const struct check_answer *answer)
{
    struct answer_counts *counts = counts_of(service, read);

    count_add(&service->counts.false_tags, answer->false_tags);
    if (answer->false_tags > 0) say("ALARM: a gate sent %u alert%s whose tag is false", answer->false_tags, answer->false_tags == 1 ? "" : "s");
    if (read->calibration) {
        if (answer->result == CHECK_UNCHECKED) count_add(&counts->unchecked[UNCHECKED_FAILED], 1);
        else count_add(answer->result == CHECK_HIT ? &counts->hits : &counts->clear, 1);
        calibration_answered(service->calibration, read, answer);
        return;
    }
    if (answer->result == CHECK_UNCHECKED) {
        workers_dropped(service, read, UNCHECKED_FAILED);
        return;
    }
    count_add(answer->result == CHECK_HIT ? &counts->hits : &counts->clear, 1);
    lane_counts_latency(&service->counts, moment_monotonic_us() - read->came_us, false);
    raise_alerts(service, read, answer);
    if (read->image != NULL && read->check.again && read->same) alerts_picture(service->alerts, read->check.id, read->image); /* of an earlier look */
}

/* -- what came of a question ----------------------------------------------------------------------------------------- */

static void release(struct worker *worker, struct lane_read *read)
{
    image_release(waiting_late_picture(worker->service->waiting, read, true));
    image_release(read->image);
    platesieve_wipe(read, sizeof(*read));
}

static void finish(struct worker *worker, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct lane_read *read = &worker->room->reads[i];
        struct image *late = waiting_late_picture(worker->service->waiting, read, false);

        if (late != NULL) read->image = late; /* it had none */
        take_answer(worker->service, read, &worker->room->answers[i]);
        late = waiting_late_picture(worker->service->waiting, read, true);
        if (late != NULL) alerts_picture(worker->service->alerts, read->check.id, late); /* came just now */
        image_release(late);
        release(worker, read);
    }
}

static void drop(struct worker *worker, size_t count, enum lane_unchecked why)
{
    for (size_t i = 0; i < count; i++) {
        workers_dropped(worker->service, &worker->room->reads[i], why);
        release(worker, &worker->room->reads[i]);
    }
}

/* What would be too old when the quota is there again is given up at once. */
static void wait_for_quota(struct worker *worker, size_t count)
{
    struct lane_service *service = worker->service;
    const int64_t age_us = (int64_t)service->config->waiting_age_s * 1000000, now_us = moment_monotonic_us();
    struct lane_read *reads = worker->room->reads;
    struct checker_state state;
    int64_t left_ms;
    size_t kept = 0;

    checker_look(service->checker, &state);
    left_ms = over_quota_left_ms(state.over_until_ms);
    if (left_ms < (int64_t)AWAY_MS) left_ms = AWAY_MS;
    for (size_t i = 0; i < count; i++) {
        if (now_us + left_ms * 1000 < reads[i].came_us + age_us) {
            if (kept < i) {
                memcpy(&reads[kept], &reads[i], sizeof(*reads));
                platesieve_wipe(&reads[i], sizeof(*reads));
            }
            kept++;
        } else {
            workers_dropped(service, &reads[i], UNCHECKED_OVER_QUOTA);
            release(worker, &reads[i]);
        }
    }
    waiting_add_back(service->waiting, reads, kept, now_us + (left_ms < OVER_QUOTA_MS ? left_ms : OVER_QUOTA_MS) * 1000);
}

static void note_refusal(struct lane_service *service, bool refused)
{
    if (atomic_exchange(&service->refused, refused) == refused) return;
    if (refused) say("ALARM: the gate does not want this lane: nothing is checked until it does");
    else say("the gate takes this lane again");
}

static void too_many(struct worker *worker, size_t count)
{
    if (count == 1) {
        drop(worker, count, UNCHECKED_FAILED);
        return;
    }
    worker->most = count / 2;
    waiting_add_back(worker->service->waiting, worker->room->reads, count, 0);
}

/* Before reads are put back, so that none is handed out in between. */
static void note_question(struct lane_service *service, enum check_outcome outcome, int64_t begin_us)
{
    const int64_t now_us = moment_monotonic_us();

    if (outcome == CHECK_AWAY) waiting_not_answered(service->waiting, now_us, AWAY_MS);
    else if (outcome == CHECK_REFUSED) waiting_not_answered(service->waiting, now_us, REFUSED_MS);
    else waiting_answered(service->waiting, now_us, now_us - begin_us);
}

static void settle(struct worker *worker, size_t count, enum check_outcome outcome)
{
    struct lane_service *service = worker->service;

    if (outcome != CHECK_AWAY) {
        note_refusal(service, outcome == CHECK_REFUSED);
        atomic_store(&service->away, 0);
    } else {
        atomic_fetch_add(&service->away, 1);
    }
    switch (outcome) {
    case CHECK_DONE: finish(worker, count); break;
    case CHECK_AWAY:
    case CHECK_REFUSED: waiting_add_back(service->waiting, worker->room->reads, count, 0); break;
    case CHECK_OVER_QUOTA: wait_for_quota(worker, count); break;
    case CHECK_TOO_MANY: too_many(worker, count); break;
    case CHECK_FAILED:
    default: drop(worker, count, UNCHECKED_FAILED); break;
    }
}

/* By how much the clock was set forward while READ waited. */
static int64_t jumped_ms(const struct lane_read *read)
{
    const int64_t jumped = moment_now_ms() - moment_monotonic_ms() - read->clock_ms;

    return jumped > JUMP_MS || jumped < -JUMP_MS ? jumped : 0;
}

/* What has become older than a gate takes while it waited is asked about as just not so old: one such would have the gate refuse them all. */
static int64_t in_time_ms(int64_t seen_ms)
{
    const int64_t least_ms = moment_now_ms() - (LIMIT_SEEN_AGE_S - 2 * LIMIT_CLOCK_OFF_S) * INT64_C(1000);

    return seen_ms < least_ms ? least_ms : seen_ms;
}

/* `again` is for the gate, which counts vehicles: what was the first look here may never have been answered, or go after a later one. */
static void make_questions(struct worker *worker, size_t count)
{
    struct worker_room *room = worker->room;

    pthread_mutex_lock(&worker->service->vehicles_lock);
    for (size_t i = 0; i < count; i++) {
        room->questions[i] = room->reads[i].check;
        room->questions[i].seen_ms = in_time_ms(room->reads[i].check.seen_ms + jumped_ms(&room->reads[i]));
        room->questions[i].again = vehicles_asking(worker->service->vehicles, &room->reads[i]);
    }
    pthread_mutex_unlock(&worker->service->vehicles_lock);
}

static void note_asked(struct worker *worker, size_t count, enum check_outcome outcome)
{
    const struct worker_room *room = worker->room;

    pthread_mutex_lock(&worker->service->vehicles_lock);
    for (size_t i = 0; i < count; i++)
        vehicles_asked(worker->service->vehicles, &room->reads[i], room->questions[i].again,
                       outcome == CHECK_DONE && room->answers[i].result != CHECK_UNCHECKED);
    pthread_mutex_unlock(&worker->service->vehicles_lock);
}

static void check(struct worker *worker, size_t count)
{
    const unsigned deadline_ms = atomic_load(&worker->service->ending) ? ASK_ENDING_MS : ASK_MS;
    const int64_t begin_us = moment_monotonic_us();
    struct worker_room *room = worker->room;
    enum check_outcome outcome;

    make_questions(worker, count);
    outcome = check_ask(worker->line, room->questions, count, deadline_ms, room->answers);
    note_asked(worker, count, outcome);
    platesieve_wipe(room->questions, count * sizeof(room->questions[0]));
    note_question(worker->service, outcome, begin_us);
    settle(worker, count, outcome);
    platesieve_wipe(room->answers, count * sizeof(room->answers[0]));
}

/* -- the threads ----------------------------------------------------------------------------------------------------- */

static void *run(void *argument)
{
    struct worker *worker = argument;
    bool ended = false;

    check_line_warm(worker->line);
    while (!ended) {
        const size_t count = waiting_take(worker->service->waiting, IDLE_MS, worker->room->reads, worker->most, &ended);

        if (count > 0) check(worker, count);
        else if (!ended) check_line_warm(worker->line);
    }
    return NULL;
}

static void release_worker(struct worker *worker)
{
    check_line_close(worker->line);
    platesieve_secret_free(worker->room);
}

static bool start_worker(struct worker *worker, struct lane_service *service)
{
    worker->service = service;
    worker->most = READS;
    worker->room = platesieve_secret_allocate(sizeof(*worker->room));
    worker->line = worker->room == NULL ? NULL : check_line_open(service->checker, READS, (size_t)service->config->candidates);
    if (worker->room == NULL) say("there is no memory that can be locked for reads");
    if (worker->line != NULL && lane_thread_start(&worker->thread, run, worker)) return true;
    release_worker(worker);
    return false;
}

struct workers *workers_start(struct lane_service *service)
{
    struct workers *workers = calloc(1, sizeof(*workers));

    if (workers == NULL) {
        say("out of memory");
        return NULL;
    }
    while (workers->count < LANE_WORKERS && start_worker(&workers->list[workers->count], service)) workers->count++;
    if (workers->count == LANE_WORKERS) return workers;
    waiting_end(service->waiting, true);
    workers_join(workers);
    return NULL;
}

void workers_join(struct workers *workers)
{
    if (workers == NULL) return;
    for (size_t i = 0; i < workers->count; i++) {
        pthread_join(workers->list[i].thread, NULL);
        release_worker(&workers->list[i]);
    }
    free(workers);
}
