#include "client/alerts/judgements.h"

#include <pthread.h>
#include <time.h>

#include "client/moment.h"
#include "include/monotonic.h"

#define TIMEOUT_S 5u
#define RETRY_MS 250
#define RETRY_MS_MAX 10000
#define UNKNOWN_MS 60000 /* so long a gate may not know a hit that waits in another's spool */
#define AGE_MS 600000    /* so long it is tried when no gate can be reached */

struct job {
    bool used;
    char hit[PLATESIEVE_TOKEN_TEXT + 1];
    const char *judgement;
    int64_t at_ms;                      /* since 1970 */
    int64_t begin_ms, due_ms, pause_ms; /* monotonic */
};

struct judgements {
    struct http *gate;
    judgement_told_fn told;
    void *context;
    pthread_t teller;
    bool started;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool ending;
    int64_t end_ms; /* monotonic */
    struct job jobs[JUDGEMENTS_MAX];
};

/* -- the queue; the mutex is held ------------------------------------------------------------------------------------ */

static struct job *first_due(struct judgements *judgements)
{
    struct job *found = NULL;

    for (size_t i = 0; i < JUDGEMENTS_MAX; i++) {
        struct job *job = &judgements->jobs[i];

        if (job->used && (found == NULL || job->due_ms < found->due_ms)) found = job;
    }
    return found;
}

/* A free place, or that of the oldest, whose time has come: its hit goes to LOST. */
static struct job *make_place(struct judgements *judgements, char lost[PLATESIEVE_TOKEN_TEXT + 1])
{
    struct job *oldest = &judgements->jobs[0];

    lost[0] = '\0';
    for (size_t i = 0; i < JUDGEMENTS_MAX; i++) {
        struct job *job = &judgements->jobs[i];

        if (!job->used) return job;
        if (job->begin_ms < oldest->begin_ms) oldest = job;
    }
    memcpy(lost, oldest->hit, sizeof(oldest->hit));
    return oldest;
}

void judgements_add(struct judgements *judgements, const char *hit, const char *judgement, int64_t at_ms)
{
    char lost[PLATESIEVE_TOKEN_TEXT + 1];
    struct job *job;

    pthread_mutex_lock(&judgements->mutex);
    job = make_place(judgements, lost);
    *job = (struct job) { .used = true, .judgement = judgement, .at_ms = at_ms, .begin_ms = moment_monotonic_ms() };
    snprintf(job->hit, sizeof(job->hit), "%s", hit);
    pthread_cond_broadcast(&judgements->changed);
    pthread_mutex_unlock(&judgements->mutex);
    if (lost[0] != '\0') judgements->told(judgements->context, lost, "failed");
}

static void wait_until(struct judgements *judgements, int64_t ms)
{
    (void)monotonic_wait(&judgements->changed, &judgements->mutex, ms);
}

/* A copy of the one that is due; false: it is over. */
static bool take(struct judgements *judgements, struct job *taken)
{
    bool found = false;

    pthread_mutex_lock(&judgements->mutex);
    while (!found) {
        const int64_t now_ms = moment_monotonic_ms();
        const struct job *job = first_due(judgements);

        if (judgements->ending && (job == NULL || now_ms >= judgements->end_ms)) break;
        found = job != NULL && job->due_ms <= now_ms;
        if (found) *taken = *job;
        else wait_until(judgements, job == NULL || job->due_ms > now_ms + 1000 ? now_ms + 1000 : job->due_ms);
    }
    pthread_mutex_unlock(&judgements->mutex);
    return found;
}

/* That TAKEN is over, or is tried again.  Its place may have been given to another meanwhile. */
static void put_back(struct judgements *judgements, const struct job *taken, bool over, unsigned retry_after_s)
{
    const int64_t asked_ms = (int64_t)retry_after_s * 1000;
    int64_t pause_ms = taken->pause_ms == 0 ? RETRY_MS : taken->pause_ms * 2;

    if (pause_ms < asked_ms) pause_ms = asked_ms;
    if (pause_ms > RETRY_MS_MAX) pause_ms = RETRY_MS_MAX;
    pthread_mutex_lock(&judgements->mutex);
    for (size_t i = 0; i < JUDGEMENTS_MAX; i++) {
        struct job *job = &judgements->jobs[i];

        if (!job->used || job->begin_ms != taken->begin_ms || job->judgement != taken->judgement || strcmp(job->hit, taken->hit) != 0) continue;
        job->used = !over;
        job->pause_ms = pause_ms;
        job->due_ms = moment_monotonic_ms() + pause_ms;
    }
    pthread_mutex_unlock(&judgements->mutex);
}

/* -- telling --------------------------------------------------------------------------------------------------------- */

/* What an answer means for good; NULL: nothing yet. */
static const char *outcome_of(const struct http_answer *answer)
{
    if (answer->status == 200) return "done";
    if (answer->status == 404 || answer->status == 429 || answer->status >= 500) return NULL;
    return "failed";
}

/* One round of all gates.  *UNKNOWN: one that answered does not know the hit. */
static const char *offer(struct judgements *judgements, const struct job *job, bool *unknown, unsigned *retry_after_s)
{
    char path[PLATESIEVE_TOKEN_TEXT + 32], body[128], at[MOMENT_TEXT];
    struct http_request request = { .method = "POST", .path = path, .body = body, .timeout_s = TIMEOUT_S };
    const size_t servers = http_server_count(judgements->gate), first = http_server_current(judgements->gate);

    moment_print(job->at_ms, at);
    snprintf(path, sizeof(path), "/v1/hits/%s/judgement", job->hit);
    request.body_size = (size_t)snprintf(body, sizeof(body), "{\"judgement\": \"%s\", \"at\": \"%s\"}", job->judgement, at);
    for (size_t i = 0; i < servers; i++) {
        struct http_answer answer CLEANUP(http_answer_wipe) = { 0 };
        const char *outcome;

        http_use_server(judgements->gate, (first + i) % servers);
        if (!http_ask_here(judgements->gate, &request, &answer)) continue;
        *unknown = *unknown || answer.status == 404;
        *retry_after_s = answer.retry_after_s;
        outcome = outcome_of(&answer);
        if (outcome != NULL) return outcome;
    }
    return NULL;
}

static void tell(struct judgements *judgements, const struct job *job)
{
    const int64_t old_ms = moment_monotonic_ms() - job->begin_ms;
    unsigned retry_after_s = 0;
    bool unknown = false;
    const char *outcome = offer(judgements, job, &unknown, &retry_after_s);

    if (outcome == NULL && ((unknown && old_ms > UNKNOWN_MS) || old_ms > AGE_MS)) outcome = "failed";
    put_back(judgements, job, outcome != NULL, retry_after_s);
    if (outcome != NULL) judgements->told(judgements->context, job->hit, outcome);
}

static void *tell_all(void *argument)
{
    struct judgements *judgements = argument;
    struct job job;

    while (take(judgements, &job)) tell(judgements, &job);
    return NULL;
}

/* -- the whole ------------------------------------------------------------------------------------------------------- */

struct judgements *judgements_create(const struct settings *settings, const struct identity *identity, judgement_told_fn told, void *context)
{
    struct judgements *judgements = calloc(1, sizeof(*judgements));

    if (judgements == NULL) {
        say("out of memory");
        return NULL;
    }
    judgements->told = told;
    judgements->context = context;
    pthread_mutex_init(&judgements->mutex, NULL);
    monotonic_condition(&judgements->changed);
    if (http_open(settings, HTTP_GATE, identity, &judgements->gate) == CLIENT_OK) {
        judgements->started = pthread_create(&judgements->teller, NULL, tell_all, judgements) == 0;
        if (judgements->started) return judgements;
        say("can't start a thread");
    }
    judgements_destroy(judgements, 0);
    return NULL;
}

void judgements_destroy(struct judgements *judgements, unsigned wait_ms)
{
    if (judgements == NULL) return;
    pthread_mutex_lock(&judgements->mutex);
    judgements->ending = true;
    judgements->end_ms = moment_monotonic_ms() + (int64_t)wait_ms;
    pthread_cond_broadcast(&judgements->changed);
    pthread_mutex_unlock(&judgements->mutex);
    if (judgements->started) pthread_join(judgements->teller, NULL);
    for (size_t i = 0; i < JUDGEMENTS_MAX; i++)
        if (judgements->jobs[i].used) judgements->told(judgements->context, judgements->jobs[i].hit, "failed");
    http_close(judgements->gate);
    pthread_cond_destroy(&judgements->changed);
    pthread_mutex_destroy(&judgements->mutex);
    free(judgements);
}
