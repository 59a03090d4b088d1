#include "client/push/push.h"

#include <sodium.h>
#include <unistd.h>

#include "client/http/over_quota.h"
#include "client/http/problem.h"
#include "client/http/wiping.h"
#include "client/moment.h"
#include "client/say.h"

#define BACKOFF_MS_MIN 200
#define BACKOFF_MS_MAX 5000
#define NEW_EPOCH_PATIENCE_S 10u /* a gate learns of an epoch within seconds */
#define PART_TIMEOUT_S 120u

struct part {
    char *text;
    size_t size;
    unsigned lines;
    uint32_t number;
};

/* Two parts: one is being filled, one is on its way.  The mutex guards what both threads touch. */
struct push_sender {
    struct push_target target;
    struct part parts[2];
    unsigned filling; /* the caller's part; the other is the thread's while `busy` */
    struct push_totals totals;
    crypto_hash_sha256_state digest;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool busy, stop;
    int code;
};

/* -- the thread that sends ----------------------------------------------------------------------------------------- */

static void nap(unsigned ms)
{
    const struct timespec time = { ms / 1000, (long)(ms % 1000) * 1000000 };

    nanosleep(&time, NULL);
}

/* Worth another try: nobody answered, or the one who did can't just now. */
static bool is_passing(const struct http_answer *answer)
{
    return answer->status == 503 || answer->status == 502 || answer->status == 504;
}

/* Waits until the gate will go on, if that is within LEFT_MS; an exit code. */
static int wait_for_quota(const struct over_quota *over, int64_t left_ms)
{
    const int64_t wait_ms = over_quota_left_ms(over->until_ms);

    if (wait_ms > left_ms) {
        say("the gate can't take more now: %s; --patience is shorter", over->what);
        return CLIENT_UNREACHABLE;
    }
    say("the gate can't take more now: %s; going on then", over->what);
    nap((unsigned)wait_ms);
    return CLIENT_OK;
}

int push_ask(struct http *gate, const struct http_request *request, unsigned patience_s, struct http_answer *answer)
{
    const int64_t begin_ms = moment_monotonic_ms();
    unsigned backoff_ms = BACKOFF_MS_MIN;
    bool told = false;

    for (;;) {
        const bool answered = http_ask(gate, request, answer);
        const int64_t left_ms = (int64_t)patience_s * 1000 - (moment_monotonic_ms() - begin_ms);
        struct over_quota over;

        if (answered && over_quota_of(answer, &over)) {
            http_answer_wipe(answer);
            if (wait_for_quota(&over, left_ms) != CLIENT_OK) return CLIENT_UNREACHABLE;
            continue;
        }
        if (answered && !is_passing(answer)) return CLIENT_OK;
        if (left_ms <= 0 || (!answered && http_hopeless(gate))) {
            if (answered) return CLIENT_OK; /* the caller says what the gate said */
            say("no answer from the gate: %s", http_trouble(gate));
            return CLIENT_UNREACHABLE;
        }
        if (!told && answered) say("the gate can't take this now; trying on for %u s", patience_s);
        else if (!told) say("the gate can't be reached (%s); trying on for %u s", http_trouble(gate), patience_s);
        told = true;
        if (answered && answer->retry_after_s > 0 && answer->retry_after_s * 1000 > backoff_ms)
            backoff_ms = answer->retry_after_s * 1000;
        http_answer_wipe(answer);
        if (backoff_ms > BACKOFF_MS_MAX) backoff_ms = BACKOFF_MS_MAX;
        nap(backoff_ms);
        backoff_ms *= 2;
    }
}

int push_ask_json(struct http *gate, const struct http_request *request, unsigned patience_s, unsigned status, json_t **json)
{
    struct http_answer answer CLEANUP(http_answer_wipe) = { 0 };
    const int code = push_ask(gate, request, patience_s, &answer);

    *json = NULL;
    if (code != CLIENT_OK) return code;
    if (answer.status != status) return problem_say(gate, &answer);
    *json = http_answer_json(&answer);
    if (*json != NULL) return CLIENT_OK;
    say("the gate sent an answer that can't be read");
    return CLIENT_FAILED;
}

/* -- whatever says itself why it fails -------------------------------------------------------------------------------- */

#define HEARD_BYTES 4096

struct heard {
    const struct say_ear *before;
    char lines[HEARD_BYTES]; /* each ended by a zero byte; what is more is said each time */
    size_t used;
};

/* The same again is not said again. */
static void hear(void *context, const char *line)
{
    struct heard *heard = context;
    const size_t size = strlen(line) + 1;
    const struct say_ear *own;

    for (size_t at = 0; at < heard->used; at += strlen(heard->lines + at) + 1)
        if (strcmp(heard->lines + at, line) == 0) return;
    if (size <= sizeof(heard->lines) - heard->used) {
        memcpy(heard->lines + heard->used, line, size);
        heard->used += size;
    }
    own = say_listen(heard->before);
    say("%s", line);
    (void)say_listen(own);
}

int push_try_on(const char *whom, unsigned patience_s, int (*attempt)(void *context), void *context)
{
    const int64_t begin_ms = moment_monotonic_ms();
    struct heard heard = { .used = 0 };
    const struct say_ear ear = { hear, &heard };
    unsigned backoff_ms = BACKOFF_MS_MIN;

    for (bool told = false;; told = true) {
        int code;

        heard.before = say_listen(&ear);
        code = attempt(context);
        (void)say_listen(heard.before);
        if (code != CLIENT_UNREACHABLE || moment_monotonic_ms() - begin_ms >= (int64_t)patience_s * 1000) return code;
        if (!told) say("%s can't be reached or can't answer now; trying on for %u s", whom, patience_s);
        nap(backoff_ms);
        backoff_ms = 2 * backoff_ms < BACKOFF_MS_MAX ? 2 * backoff_ms : BACKOFF_MS_MAX;
    }
}

/* -- parts ------------------------------------------------------------------------------------------------------------ */

static int send_part(const struct push_sender *sender, const struct part *part)
{
    const struct push_target *target = &sender->target;
    const int64_t begin_ms = moment_monotonic_ms();
    char path[256];
    const struct http_request request = {
        .method = "PUT",
        .path = path,
        .body = part->text,
        .body_size = part->size,
        .content_type = "application/jsonl",
        .header = target->key_ids,
        .timeout_s = PART_TIMEOUT_S,
    };

    snprintf(path, sizeof(path), "/v1/lists/%s/revisions/%u/parts/%u", target->info->id, target->revision->number,
             part->number);
    for (;;) {
        struct http_answer answer CLEANUP(http_answer_wipe) = { 0 };
        const int code = push_ask(target->gate, &request, target->patience_s, &answer);

        if (code != CLIENT_OK || answer.status == 200) return code;
        if (!problem_is(&answer, "key-id") || moment_monotonic_ms() - begin_ms > NEW_EPOCH_PATIENCE_S * 1000)
            return problem_say(target->gate, &answer);
        nap(500);
    }
}

/* The digest of PART goes into the total; true if the gate has it already. */
static bool stands_already(struct push_sender *sender, const struct part *part)
{
    const struct push_revision *revision = sender->target.revision;
    uint8_t digest[PUSH_SHA256];

    crypto_hash_sha256(digest, (const uint8_t *)part->text, part->size);
    crypto_hash_sha256_update(&sender->digest, digest, sizeof(digest));
    return part->number <= revision->part_count &&
           memcmp(revision->parts[part->number - 1], digest, sizeof(digest)) == 0;
}

static void *run(void *context)
{
    struct push_sender *sender = context;

    pthread_mutex_lock(&sender->mutex);
    for (;;) {
        struct part *part;
        bool skip;
        int code = CLIENT_OK;

        while (!sender->busy && !sender->stop) pthread_cond_wait(&sender->changed, &sender->mutex);
        if (!sender->busy) break;
        part = &sender->parts[1 - sender->filling];
        pthread_mutex_unlock(&sender->mutex);
        skip = stands_already(sender, part);
        if (!skip) code = send_part(sender, part);
        platesieve_wipe(part->text, part->size);
        pthread_mutex_lock(&sender->mutex);
        sender->totals.parts++;
        sender->totals.skipped += skip;
        sender->totals.lines += part->lines;
        part->size = part->lines = 0;
        if (sender->code == CLIENT_OK) sender->code = code;
        sender->busy = false;
        pthread_cond_broadcast(&sender->changed);
    }
    pthread_mutex_unlock(&sender->mutex);
    return NULL;
}

/* -- the thread that fills ----------------------------------------------------------------------------------------- */

static void sender_free(struct push_sender *sender)
{
    for (size_t i = 0; i < 2; i++) wiping_free(sender->parts[i].text);
    pthread_mutex_destroy(&sender->mutex);
    pthread_cond_destroy(&sender->changed);
    free(sender);
}

struct push_sender *push_sender_start(const struct push_target *target)
{
    struct push_sender *sender = calloc(1, sizeof(*sender));

    if (sender == NULL) {
        say("out of memory");
        return NULL;
    }
    sender->target = *target;
    pthread_mutex_init(&sender->mutex, NULL);
    pthread_cond_init(&sender->changed, NULL);
    crypto_hash_sha256_init(&sender->digest);
    for (size_t i = 0; i < 2; i++) sender->parts[i].text = malloc(LIMIT_PART_BYTES);
    sender->parts[0].number = 1;
    if (sender->parts[0].text != NULL && sender->parts[1].text != NULL &&
        pthread_create(&sender->thread, NULL, run, sender) == 0)
        return sender;
    say("out of memory");
    sender_free(sender);
    return NULL;
}

/* Waits until the part before is through, gives this one to the thread, and turns to the other. */
static bool hand_over(struct push_sender *sender)
{
    uint32_t number;
    bool going;

    pthread_mutex_lock(&sender->mutex);
    while (sender->busy) pthread_cond_wait(&sender->changed, &sender->mutex);
    going = sender->code == CLIENT_OK;
    if (going && sender->parts[sender->filling].number > LIMIT_PARTS) {
        say("more than %d parts: the file is too large for one push", LIMIT_PARTS);
        sender->code = CLIENT_FAILED;
        going = false;
    }
    if (going) {
        number = sender->parts[sender->filling].number;
        sender->filling = 1 - sender->filling;
        sender->parts[sender->filling].number = number + 1;
        sender->busy = true;
        pthread_cond_broadcast(&sender->changed);
    }
    pthread_mutex_unlock(&sender->mutex);
    return going;
}

bool push_sender_add(struct push_sender *sender, const char *text, size_t size, unsigned lines)
{
    struct part *part = &sender->parts[sender->filling];

    if (part->size + size > LIMIT_PART_BYTES) {
        if (!hand_over(sender)) return false;
        part = &sender->parts[sender->filling];
    }
    memcpy(part->text + part->size, text, size);
    part->size += size;
    part->lines += lines;
    return true;
}

int push_sender_finish(struct push_sender *sender, bool send_rest, struct push_totals *totals)
{
    int code;

    if (send_rest && sender->parts[sender->filling].size > 0) (void)hand_over(sender);
    pthread_mutex_lock(&sender->mutex);
    while (sender->busy) pthread_cond_wait(&sender->changed, &sender->mutex);
    sender->stop = true;
    pthread_cond_broadcast(&sender->changed);
    pthread_mutex_unlock(&sender->mutex);
    pthread_join(sender->thread, NULL);
    crypto_hash_sha256_final(&sender->digest, sender->totals.sha256);
    *totals = sender->totals;
    code = sender->code;
    sender_free(sender);
    return code;
}
