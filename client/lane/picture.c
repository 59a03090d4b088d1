#include "client/lane/picture.h"

#include <errno.h>
#include <time.h>

#include "client/http/problem.h"
#include "client/moment.h"
#include "client/picture/picture.h"
#include "crypto/evidence.h"
#include "include/monotonic.h"

#define UPLOAD_TIMEOUT_S 15u
#define RETRY_MS 250
#define RETRY_MS_MAX 10000
#define SEALED_MAX (2u * 1024 * 1024) /* bytes that wait for a gate; with more, pictures wait to be sealed */
#define UNKNOWN_MS 60000 /* so long a gate may not know a hit that waits in another's spool */

enum stage { STAGE_FREE, STAGE_FRESH, STAGE_AT_WORK, STAGE_SEALED, STAGE_SENDING };

struct job {
    enum stage stage;
    struct lane_picture_news news;
    uint8_t header[LIST_HEADER_ID_BYTES];
    char path[LIMIT_IMAGE_PATH + 1]; /* of a file, unless there is an image */
    struct image *image;             /* held */
    size_t server;
    int64_t begin_ms, due_ms, pause_ms; /* monotonic */
    uint8_t *cms;
    size_t size;
};

struct lane_pictures {
    struct lane_pictures_settings settings;
    struct lane_headers *headers;
    uint8_t *file, *picture; /* locked, as are the jobs: a path may hold a plate; FILE is NULL where there are none */
    struct job *jobs;
    size_t sealed; /* bytes that wait for a gate, or are on their way */
    pthread_t sealer, sender;
    struct http *sealer_gate, *sender_gate;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool ending;
};

/* -- the queue ------------------------------------------------------------------------------------------------------ */

static void finish(struct lane_pictures *pictures, struct job *job, const char *outcome)
{
    job->news.outcome = outcome;
    pictures->settings.told(pictures->settings.context, &job->news);
    free(job->cms);
    image_release(job->image);
    pthread_mutex_lock(&pictures->mutex);
    pictures->sealed -= job->size;
    platesieve_wipe(job, sizeof(*job));
    pthread_cond_broadcast(&pictures->changed);
    pthread_mutex_unlock(&pictures->mutex);
}

/* To STAGE again, after a while. */
static void put_back(struct lane_pictures *pictures, struct job *job, enum stage stage, unsigned retry_after_s)
{
    const int64_t asked_ms = (int64_t)retry_after_s * 1000;

    job->pause_ms = job->pause_ms == 0 ? RETRY_MS : job->pause_ms * 2;
    if (job->pause_ms < asked_ms) job->pause_ms = asked_ms;
    if (job->pause_ms > RETRY_MS_MAX) job->pause_ms = RETRY_MS_MAX;
    pthread_mutex_lock(&pictures->mutex);
    job->due_ms = moment_monotonic_ms() + job->pause_ms;
    job->stage = stage;
    pthread_mutex_unlock(&pictures->mutex);
}

static void pass_on(struct lane_pictures *pictures, struct job *job)
{
    image_release(job->image);
    job->image = NULL;
    pthread_mutex_lock(&pictures->mutex);
    pictures->sealed += job->size;
    job->due_ms = job->pause_ms = 0;
    job->stage = STAGE_SEALED;
    pthread_cond_broadcast(&pictures->changed);
    pthread_mutex_unlock(&pictures->mutex);
}

static void wait_until(struct lane_pictures *pictures, int64_t ms)
{
    (void)monotonic_wait(&pictures->changed, &pictures->mutex, ms);
}

static struct job *first_due(struct lane_pictures *pictures, enum stage stage)
{
    struct job *found = NULL;

    if (stage == STAGE_FRESH && pictures->sealed >= SEALED_MAX) return NULL;
    for (size_t i = 0; i < LANE_PICTURES_MAX; i++) {
        struct job *job = &pictures->jobs[i];

        if (job->stage == stage && (found == NULL || job->due_ms < found->due_ms)) found = job;
    }
    return found;
}

/* The job at STAGE that is due first, now at STAGE `at work`; NULL: it is over. */
static struct job *take(struct lane_pictures *pictures, enum stage stage, enum stage at_work)
{
    struct job *found = NULL;

    pthread_mutex_lock(&pictures->mutex);
    while (!pictures->ending) {
        const int64_t now_ms = moment_monotonic_ms();

        found = first_due(pictures, stage);
        if (found != NULL && found->due_ms <= now_ms) break;
        wait_until(pictures, found == NULL ? now_ms + 1000 : found->due_ms);
        found = NULL;
    }
    if (found != NULL) found->stage = at_work;
    pthread_mutex_unlock(&pictures->mutex);
    return found;
}

static bool is_old(const struct job *job, int64_t most_ms)
{
    return moment_monotonic_ms() - job->begin_ms > most_ms;
}

/* -- sealing --------------------------------------------------------------------------------------------------------- */

static const char *fault_name(enum picture_fault fault)
{
    static const char *const names[] = { [PICTURE_FINE] = "fine", [PICTURE_MISSING] = "missing", [PICTURE_TOO_LARGE] = "too-large",
                                         [PICTURE_NO_IMAGE] = "no-image" };

    return names[fault];
}

/* A file is in memory for this long. */
static enum picture_fault strip_file(struct lane_pictures *pictures, const struct job *job, size_t *size)
{
    size_t file_size = 0;
    enum picture_fault fault = picture_read(job->path, pictures->file, LIMIT_IMAGE_FILE_BYTES, &file_size);

    if (fault == PICTURE_FINE) fault = picture_strip(pictures->file, file_size, pictures->picture, EVIDENCE_PICTURE_MAX, size);
    platesieve_wipe(pictures->file, file_size);
    return fault;
}

static enum picture_fault strip_image(struct lane_pictures *pictures, const struct job *job, size_t *size)
{
    size_t image_size;
    const uint8_t *bytes = image_bytes(job->image, &image_size);

    return picture_strip(bytes, image_size, pictures->picture, EVIDENCE_PICTURE_MAX, size);
}

/* To CMS; NULL, or what else became of it. */
static const char *strip_and_seal(struct lane_pictures *pictures, struct job *job, const struct list_header *header)
{
    size_t size = 0, sealed_size = 0;
    const enum picture_fault fault = job->image != NULL ? strip_image(pictures, job, &size) : strip_file(pictures, job, &size);
    bool sealed = false;

    if (fault == PICTURE_FINE) sealed = evidence_seal(header, pictures->picture, size, &job->cms, &sealed_size);
    platesieve_wipe(pictures->picture, EVIDENCE_PICTURE_MAX);
    if (fault != PICTURE_FINE) return fault_name(fault);
    if (!sealed) return "failed";
    job->size = job->news.size = sealed_size;
    job->news.recipients = header->recipient_count;
    return NULL;
}

static void prepare(struct lane_pictures *pictures, struct job *job)
{
    struct list_header *header = NULL;
    const char *why = NULL, *outcome = NULL;

    http_use_server(pictures->sealer_gate, job->server);
    switch (lane_headers_get(pictures->headers, pictures->sealer_gate, job->header, job->news.agency, job->news.list, &header, &why)) {
    case HEADER_FINE: outcome = strip_and_seal(pictures, job, header); break;
    case HEADER_EXPIRED: outcome = "header-expired"; break;
    case HEADER_GONE: outcome = is_old(job, UNKNOWN_MS) ? "no-header" : "again"; break;
    case HEADER_LATER: outcome = is_old(job, LANE_PICTURE_AGE_S * INT64_C(1000)) ? "given-up" : "again"; break;
    case HEADER_ALARM:
        job->news.alarm = why;
        outcome = "alarm";
        break;
    }
    list_header_free(header);
    if (outcome == NULL) pass_on(pictures, job);
    else if (strcmp(outcome, "again") == 0) put_back(pictures, job, STAGE_FRESH, 0);
    else finish(pictures, job, outcome);
}

static void *seal_all(void *argument)
{
    struct lane_pictures *pictures = argument;
    struct job *job;

    (void)say_listen(pictures->settings.ear);
    while ((job = take(pictures, STAGE_FRESH, STAGE_AT_WORK)) != NULL) prepare(pictures, job);
    return NULL;
}

/* -- sending --------------------------------------------------------------------------------------------------------- */

/* What the answer means for good; NULL: try again. */
static const char *outcome_of(const struct job *job, const struct http_answer *answer)
{
    if (answer->status == 200 || answer->status == 201) return "stored";
    if (answer->status == 404) return is_old(job, UNKNOWN_MS) ? "unknown" : NULL;
    if (answer->status == 409 && problem_is(answer, "too-many")) return "enough";
    if (answer->status == 410) return "late";
    if (answer->status >= 500 || answer->status == 429 || answer->status == 409) return NULL;
    return "refused";
}

/* One round: the gate that knows the hit first, and the others when it can't be reached. */
static const char *offer(struct lane_pictures *pictures, struct job *job, unsigned *retry_after_s)
{
    char path[PLATESIEVE_TOKEN_TEXT + 32];
    const struct http_request request = { .method = "POST", .path = path, .body = (const char *)job->cms, .body_size = job->size,
                                          .content_type = "application/cms", .timeout_s = UPLOAD_TIMEOUT_S };
    const size_t servers = http_server_count(pictures->sender_gate);

    snprintf(path, sizeof(path), "/v1/hits/%s/evidence", job->news.hit);
    for (size_t i = 0; i < servers; i++) {
        struct http_answer answer CLEANUP(http_answer_wipe) = { 0 };
        const char *outcome;

        http_use_server(pictures->sender_gate, (job->server + i) % servers);
        if (!http_ask_here(pictures->sender_gate, &request, &answer)) continue;
        *retry_after_s = answer.retry_after_s;
        outcome = outcome_of(job, &answer);
        if (outcome != NULL && strcmp(outcome, "refused") == 0) problem_name(&answer, job->news.problem);
        if (outcome != NULL) return outcome;
    }
    return is_old(job, LANE_PICTURE_AGE_S * INT64_C(1000)) ? "given-up" : NULL;
}

static void *send_all(void *argument)
{
    struct lane_pictures *pictures = argument;
    struct job *job;

    (void)say_listen(pictures->settings.ear);
    while ((job = take(pictures, STAGE_SEALED, STAGE_SENDING)) != NULL) {
        unsigned retry_after_s = 0;
        const char *outcome = offer(pictures, job, &retry_after_s);

        if (outcome != NULL) finish(pictures, job, outcome);
        else put_back(pictures, job, STAGE_SEALED, retry_after_s);
    }
    return NULL;
}

/* -- jobs ------------------------------------------------------------------------------------------------------------ */

static struct job *find_free(struct lane_pictures *pictures)
{
    for (size_t i = 0; i < LANE_PICTURES_MAX; i++)
        if (pictures->jobs[i].stage == STAGE_FREE) return &pictures->jobs[i];
    return NULL;
}

static bool put_in(struct lane_pictures *pictures, const struct job *wanted)
{
    struct job *job;

    pthread_mutex_lock(&pictures->mutex);
    job = find_free(pictures);
    if (job != NULL) {
        *job = *wanted;
        (void)image_hold(job->image);
        job->begin_ms = moment_monotonic_ms();
        job->stage = STAGE_FRESH;
        pthread_cond_broadcast(&pictures->changed);
    }
    pthread_mutex_unlock(&pictures->mutex);
    return job != NULL;
}

/* JOB names its picture; NONE says why it does not.  WANTED is wiped. */
static void add(struct lane_pictures *pictures, struct job *wanted, const char *none, const struct check_alert *alert)
{
    struct lane_picture_news *news = &wanted->news;

    memcpy(news->hit, alert->hit, sizeof(news->hit));
    memcpy(news->agency, alert->agency, sizeof(news->agency));
    memcpy(news->list, alert->list, sizeof(news->list));
    memcpy(wanted->header, alert->header, sizeof(wanted->header));
    if (!alert->has_header) news->outcome = "not-wanted";
    else if (none != NULL) news->outcome = none;
    else if (!put_in(pictures, wanted)) news->outcome = "too-many";
    if (news->outcome != NULL) pictures->settings.told(pictures->settings.context, news);
    platesieve_wipe(wanted, sizeof(*wanted));
}

void lane_pictures_add(struct lane_pictures *pictures, uint64_t line, const char *path, const struct check_alert *alert, size_t server)
{
    struct job wanted = { .server = server, .news.line = line };

    if (path != NULL) snprintf(wanted.path, sizeof(wanted.path), "%s", path);
    add(pictures, &wanted, path == NULL ? "missing" : path[0] == '\0' ? "none" : NULL, alert);
}

void lane_pictures_add_image(struct lane_pictures *pictures, struct image *image, const struct check_alert *alert, size_t server)
{
    struct job wanted = { .server = server, .image = image };

    add(pictures, &wanted, image == NULL ? "none" : NULL, alert);
}

/* -- the whole ------------------------------------------------------------------------------------------------------- */

static void destroy(struct lane_pictures *pictures)
{
    http_close(pictures->sealer_gate);
    http_close(pictures->sender_gate);
    lane_headers_destroy(pictures->headers);
    platesieve_secret_free(pictures->file);
    platesieve_secret_free(pictures->picture);
    platesieve_secret_free(pictures->jobs);
    pthread_cond_destroy(&pictures->changed);
    pthread_mutex_destroy(&pictures->mutex);
    free(pictures);
}

static bool prepare_all(struct lane_pictures *pictures)
{
    const struct lane_pictures_settings *settings = &pictures->settings;

    if (settings->files) pictures->file = platesieve_secret_allocate(LIMIT_IMAGE_FILE_BYTES);
    pictures->picture = platesieve_secret_allocate(EVIDENCE_PICTURE_MAX);
    pictures->jobs = platesieve_secret_allocate(LANE_PICTURES_MAX * sizeof(*pictures->jobs));
    if ((settings->files && pictures->file == NULL) || pictures->picture == NULL || pictures->jobs == NULL) {
        say("there is no memory that can be locked for pictures (%d MB)", settings->files ? 4 : 2);
        return false;
    }
    memset(pictures->jobs, 0, LANE_PICTURES_MAX * sizeof(*pictures->jobs));
    pictures->headers = lane_headers_create(settings->settings, settings->identity);
    return pictures->headers != NULL && http_open(settings->settings, HTTP_GATE, settings->identity, &pictures->sealer_gate) == CLIENT_OK &&
           http_open(settings->settings, HTTP_GATE, settings->identity, &pictures->sender_gate) == CLIENT_OK;
}

struct lane_pictures *lane_pictures_start(const struct lane_pictures_settings *settings)
{
    struct lane_pictures *pictures = calloc(1, sizeof(*pictures));

    if (pictures == NULL) {
        say("out of memory");
        return NULL;
    }
    pictures->settings = *settings;
    pthread_mutex_init(&pictures->mutex, NULL);
    monotonic_condition(&pictures->changed);
    if (prepare_all(pictures) && pthread_create(&pictures->sealer, NULL, seal_all, pictures) == 0) {
        if (pthread_create(&pictures->sender, NULL, send_all, pictures) == 0) return pictures;
        say("can't start a thread");
        lane_pictures_stop(pictures, 0);
        return NULL;
    }
    destroy(pictures);
    return NULL;
}

static bool is_idle(const struct lane_pictures *pictures)
{
    for (size_t i = 0; i < LANE_PICTURES_MAX; i++)
        if (pictures->jobs[i].stage != STAGE_FREE) return false;
    return true;
}

void lane_pictures_stop(struct lane_pictures *pictures, unsigned wait_s)
{
    const int64_t end_ms = moment_monotonic_ms() + (int64_t)wait_s * 1000;

    if (pictures == NULL) return;
    pthread_mutex_lock(&pictures->mutex);
    while (!is_idle(pictures) && moment_monotonic_ms() < end_ms) wait_until(pictures, end_ms);
    pictures->ending = true;
    pthread_cond_broadcast(&pictures->changed);
    pthread_mutex_unlock(&pictures->mutex);
    pthread_join(pictures->sealer, NULL);
    if (pictures->sender != 0) pthread_join(pictures->sender, NULL);
    for (size_t i = 0; i < LANE_PICTURES_MAX; i++)
        if (pictures->jobs[i].stage != STAGE_FREE) finish(pictures, &pictures->jobs[i], "given-up");
    destroy(pictures);
}
