#include "client/lane/lane.h"

#include <unistd.h>

#include "client/base64.h"
#include "client/lane/picture.h"
#include "client/moment.h"
#include "client/over_quota.h"
#include "client/problem.h"
#include "client/wiping.h"

#define POLICY_TRIES 4 /* an epoch may open while we ask, and another grade be wanted; not more */
#define BACKOFF_MS 250
#define CHECK_TIMEOUT_S 15u
#define EVALUATE_MS 1000u      /* for a key server, while there is another one to ask */
#define EVALUATE_LAST_MS 5000u /* for the last */
#define OVER_QUOTA_ASK_MS 30000 /* over quota: an operator may have raised it */
#define IDLE_S 60u             /* a connection that stays unused so long is used for a question that says nothing */

struct lane_worker {
    struct lane_context *context;
    struct http *gate;
    struct evaluator *evaluator;
    bool remote;                     /* the last policy had an epoch whose tokens a key server makes */
    struct lane_tokens_place place;  /* locked */
    struct lane_tokens *tokens;      /* locked: LIMIT_EPOCHS_OPEN for each read of a batch */
    char *body;
    pthread_t thread;
    unsigned generation; /* of the policy that the gate refused last */
    int64_t over_until_ms; /* since 1970: the round could not be done for the lane's quota; 0: for another reason */
};

static void nap(unsigned ms)
{
    const struct timespec time = { ms / 1000, (long)(ms % 1000) * 1000000 };

    nanosleep(&time, NULL);
}

/* -- the gate's answer --------------------------------------------------------------------------------------------- */

/* Is this alert what it says?  Its tag proves that the agency listed a plate that gives one of our own tokens. */
static bool is_authentic(const struct lane_policy *policy, const struct lane_tokens *tokens, json_t *alert)
{
    const char *list, *agency, *grade_name, *epoch, *tag_text;
    uint8_t tag[PLATESIEVE_TAG_BYTES];
    enum platesieve_grade grade;
    json_int_t candidate;

    if (json_unpack(alert, "{s:s, s:s, s:s, s:s, s:s, s:I}", "list", &list, "agency", &agency, "grade", &grade_name,
                    "epoch", &epoch, "tag", &tag_text, "candidate", &candidate) != 0)
        return false;
    if (!name_part_valid(list) || !name_part_valid(agency) || candidate != 0 ||
        !platesieve_grade_parse(grade_name, &grade))
        return false;
    if (!base64_parse(tag_text, tag, sizeof(tag))) return false;
    for (size_t i = 0; i < policy->epoch_count; i++)
        if (strcmp(policy->epochs[i].id, epoch) == 0) return lane_tokens_verify(&tokens[i], grade, list, agency, tag);
    return false;
}

static void judge_read(struct lane_worker *worker, const struct lane_policy *policy, const struct row_read *read,
                       const struct lane_tokens *tokens, json_t *answer)
{
    json_t *alerts = json_object_get(answer, "alerts"), *good = json_array();
    unsigned false_tags = 0;

    for (size_t i = 0; i < json_array_size(alerts); i++) {
        json_t *alert = json_array_get(alerts, i);

        if (!is_authentic(policy, tokens, alert)) {
            false_tags++;
            continue;
        }
        json_object_del(alert, "tag");
        json_array_append(good, alert);
    }
    json_incref(good);
    lane_report_answer(worker->context->report, read, good, false_tags);
    for (size_t i = 0; worker->context->pictures != NULL && i < json_array_size(good); i++)
        lane_pictures_add(worker->context->pictures, read, json_array_get(good, i), http_server_current(worker->gate));
    json_decref(good);
}

/* Before anything is counted: answers for all reads, in order, each `clear`, or `hit` with alerts. */
static bool is_whole(const struct row_batch *batch, json_t *answers)
{
    if (json_array_size(answers) != batch->count) return false;
    for (size_t i = 0; i < batch->count; i++) {
        uint8_t id[PLATESIEVE_READ_ID_BYTES];
        const char *id_text, *answer;
        json_t *alerts = NULL;

        if (json_unpack(json_array_get(answers, i), "{s:s, s:s, s?o}", "read_id", &id_text, "answer", &answer, "alerts",
                        &alerts) != 0)
            return false;
        if (!base64_parse(id_text, id, sizeof(id)) || memcmp(id, batch->reads[i].id, sizeof(id)) != 0) return false;
        if (strcmp(answer, "clear") == 0
                ? json_array_size(alerts) != 0
                : strcmp(answer, "hit") != 0 || json_array_size(alerts) == 0 || json_array_size(alerts) > LIMIT_ALERTS)
            return false;
    }
    return true;
}

static bool judge(struct lane_worker *worker, const struct lane_policy *policy, const struct row_batch *batch,
                  const struct http_answer *answer)
{
    json_t *json = http_answer_json(answer);
    json_t *answers = json_object_get(json, "answers");
    const bool whole = is_whole(batch, answers);

    for (size_t i = 0; whole && i < batch->count; i++)
        judge_read(worker, policy, &batch->reads[i], worker->tokens + i * policy->epoch_count,
                   json_array_get(answers, i));
    if (whole) lane_report_lists(worker->context->report, json_object_get(json, "unchecked"));
    else say("the gate sent an answer that can't be read; its reads count as unchecked");
    json_decref(json);
    return whole;
}

/* -- asking -------------------------------------------------------------------------------------------------------- */

enum outcome { DONE, AGAIN_WITH_NEW_POLICY, AGAIN_LATER, GIVEN_UP };

static enum outcome outcome_of(struct lane_worker *worker, const struct lane_policy *policy,
                               const struct row_batch *batch, const struct http_answer *answer)
{
    if (answer->status == 200) return judge(worker, policy, batch, answer) ? DONE : GIVEN_UP;
    if (answer->status == 409) {
        worker->generation = policy->generation;
        return AGAIN_WITH_NEW_POLICY;
    }
    if (answer->status >= 500 || answer->status == 429) return AGAIN_LATER;
    if (problem_is(answer, "too-much")) {
        say("%zu reads in one request are more than this lane's quota allows: ask for a smaller --batch", batch->count);
        return GIVEN_UP;
    }
    atomic_store(&worker->context->fatal,
                 problem_say(worker->gate, answer)); /* our identity, or this program, does not fit */
    return GIVEN_UP;
}

/* Why the gate can't check now. */
static void note_trouble(struct lane_worker *worker, const struct http_answer *answer, bool tell)
{
    struct over_quota over;
    char name[64];

    problem_name(answer, name);
    if (over_quota_of(answer, &over)) worker->over_until_ms = over.until_ms;
    if (tell) say("the gate can't check now: %s", over.until_ms > 0 ? over.what : name);
}

/* Asks the gate in use and, if it can't answer, each of the others. */
static enum outcome ask(struct lane_worker *worker, const struct lane_policy *policy, const struct row_batch *batch,
                        size_t size, bool tell)
{
    const struct http_request request = {
        .method = "POST", .path = "/v1/checks", .body = worker->body, .body_size = size, .timeout_s = CHECK_TIMEOUT_S
    };

    do {
        struct http_answer answer CLEANUP(http_answer_wipe) = { 0 };

        if (http_ask_here(worker->gate, &request, &answer)) {
            const enum outcome outcome = outcome_of(worker, policy, batch, &answer);

            if (outcome != AGAIN_LATER) return outcome;
            note_trouble(worker, &answer, tell);
        } else if (tell) {
            say("no answer from the gate: %s", http_trouble(worker->gate));
        }
    } while (http_next_server(worker->gate));
    return AGAIN_LATER;
}

/* A key server that does not know an epoch of the policy's is a moment ahead of the gate, or behind. */
static enum outcome outcome_of_tokens(struct lane_worker *worker, const struct lane_policy *policy,
                                      enum key_outcome outcome)
{
    if (outcome == KEY_REFUSED) atomic_store(&worker->context->fatal, CLIENT_REFUSED);
    if (outcome == KEY_GONE) worker->generation = policy->generation;
    if (outcome == KEY_LATER || outcome == KEY_GONE) return AGAIN_LATER;
    return outcome == KEY_DONE ? DONE : GIVEN_UP;
}

static bool is_remote(const struct lane_policy *policy)
{
    bool remote = false;

    for (size_t i = 0; i < policy->epoch_count; i++)
        remote = remote || policy->epochs[i].suite != PLATESIEVE_HMAC_SHA256;
    return remote;
}

/* One round: policy, tokens, question. */
static enum outcome round_of(struct lane_worker *worker, const struct row_batch *batch, bool tell)
{
    struct lane_policy *policy = NULL;
    enum outcome outcome;
    size_t size = 0;

    worker->over_until_ms = 0;
    const int code = lane_policy_get(worker->context->keyring, worker->gate, worker->generation, tell, &policy);

    if (code == CLIENT_REFUSED) atomic_store(&worker->context->fatal, code);
    if (code != CLIENT_OK) return code == CLIENT_UNREACHABLE ? AGAIN_LATER : GIVEN_UP;
    worker->remote = is_remote(policy);
    outcome = outcome_of_tokens(worker, policy,
                                lane_tokens_make(policy, batch, worker->evaluator, &worker->place, worker->tokens));
    if (outcome == DONE) {
        size = lane_body_write(policy, batch, worker->tokens, worker->body, LIMIT_CHECK_BODY_BYTES);
        outcome = size == 0 ? GIVEN_UP : ask(worker, policy, batch, size, tell);
    }
    platesieve_wipe(worker->body, size);
    platesieve_wipe(worker->tokens, batch->count * policy->epoch_count * sizeof(*worker->tokens));
    lane_policy_release(policy);
    return outcome;
}

/* Waits before the next round, if that can be soon enough: LEFT_US of patience are left. */
static bool wait_for_next(struct lane_worker *worker, int64_t left_us)
{
    if (worker->over_until_ms == 0)
        worker->over_until_ms = key_servers_over_quota(worker->context->servers); /* if it was a key server */
    const int64_t over_ms = over_quota_left_ms(worker->over_until_ms);

    if (left_us <= 0 || over_ms * 1000 > left_us) return false;
    nap(over_ms > 0 ? (unsigned)over_ms : BACKOFF_MS);
    return true;
}

/* Rounds until one is done, or the patience is over. */
static enum outcome try_on(struct lane_worker *worker, const struct row_batch *batch, int64_t begin_us)
{
    struct lane_context *context = worker->context;
    const int64_t patience_us = atomic_load(&context->down) ? 0 : (int64_t)context->options->patience_s * 1000000;
    enum outcome outcome = GIVEN_UP;
    unsigned policies = 0;
    bool tell = !atomic_load(&context->down);

    while (atomic_load(&context->fatal) == CLIENT_OK) {
        outcome = round_of(worker, batch, tell);
        if (outcome == AGAIN_WITH_NEW_POLICY && ++policies < POLICY_TRIES) continue;
        if (outcome != AGAIN_LATER || !wait_for_next(worker, patience_us - (moment_monotonic_us() - begin_us))) break;
        tell = false;
    }
    return outcome;
}

/* Was a worker just told that the quota is used up for longer than anybody waits? */
static bool is_over_quota(struct lane_context *context)
{
    return over_quota_left_ms(atomic_load(&context->over_until_ms)) > 0 &&
           moment_monotonic_ms() - atomic_load(&context->over_asked_ms) < OVER_QUOTA_ASK_MS;
}

/* A read is never `clear` because nobody could be asked. */
static void check(struct lane_worker *worker, const struct row_batch *batch)
{
    struct lane_context *context = worker->context;
    const int64_t begin_us = moment_monotonic_us();
    enum outcome outcome;

    if (is_over_quota(context)) {
        lane_report_unchecked(context->report, batch, atomic_load(&context->over_until_ms));
        return;
    }
    outcome = try_on(worker, batch, begin_us);
    atomic_store(&context->down, outcome == AGAIN_LATER);
    atomic_store(&context->over_asked_ms, moment_monotonic_ms());
    atomic_store(&context->over_until_ms, outcome == AGAIN_LATER ? worker->over_until_ms : 0);
    if (outcome == DONE) {
        lane_report_latency(context->report, batch->count, moment_monotonic_us() - begin_us);
        return;
    }
    if (outcome == AGAIN_WITH_NEW_POLICY) say("the gate keeps asking for another policy than it announces");
    lane_report_unchecked(context->report, batch, outcome == AGAIN_LATER ? worker->over_until_ms : 0);
}

/* -- the thread ---------------------------------------------------------------------------------------------------- */

/* Makes the connections before a read has to wait for them, and keeps them.  Nothing here depends on any read. */
static void warm_up(struct lane_worker *worker)
{
    const struct http_request request = { .method = "GET", .path = "/livez", .timeout_s = CHECK_TIMEOUT_S };
    struct http_answer answer CLEANUP(http_answer_wipe) = { 0 };

    (void)!http_ask_here(worker->gate, &request, &answer); /* the first read will say what is wrong */
    if (worker->remote) evaluator_warm(worker->evaluator);
}

/* The policy was fetched before the workers began. */
static void first_warm_up(struct lane_worker *worker)
{
    struct lane_policy *policy = NULL;

    if (lane_policy_get(worker->context->keyring, worker->gate, 0, false, &policy) == CLIENT_OK) {
        worker->remote = is_remote(policy);
        lane_policy_release(policy);
    }
    warm_up(worker);
}

static void *run(void *argument)
{
    struct lane_worker *worker = argument;

    first_warm_up(worker);
    for (;;) {
        bool idle = false;
        struct row_batch *batch = lane_queue_take(worker->context->queue, IDLE_S, &idle);

        if (batch == NULL && !idle) return NULL;
        if (batch == NULL) {
            warm_up(worker);
            continue;
        }
        check(worker, batch);
        lane_queue_give_back(worker->context->queue, batch);
    }
}

static void worker_free(struct lane_worker *worker)
{
    http_close(worker->gate);
    evaluator_close(worker->evaluator);
    platesieve_secret_free(worker->tokens);
    platesieve_secret_free(worker->place.messages);
    wiping_free(worker->body);
    free(worker);
}

/* Room for one more `near` set than the batch can have: platesieve_messages() wants room for a whole one. */
static bool allocate(struct lane_worker *worker, size_t reads)
{
    struct lane_tokens_place *place = &worker->place;

    worker->tokens = platesieve_secret_allocate(reads * LIMIT_EPOCHS_OPEN * sizeof(*worker->tokens));
    place->capacity = reads * LANE_TOKENS_MAX + PLATESIEVE_NEAR_MAX;
    place->messages = platesieve_secret_allocate(
        place->capacity * (sizeof(*place->messages) + LIMIT_EPOCHS_OPEN * sizeof(*place->tokens)));
    if (place->messages != NULL) place->tokens = (struct platesieve_token *)(void *)&place->messages[place->capacity];
    worker->body = malloc(LIMIT_CHECK_BODY_BYTES);
    return worker->tokens != NULL && place->messages != NULL && worker->body != NULL;
}

_Static_assert(_Alignof(struct platesieve_token) == 1, "tokens stand behind messages without a gap");

struct lane_worker *lane_worker_start(struct lane_context *context)
{
    const struct evaluator_settings settings = { context->settings, context->identity, context->servers, EVALUATE_MS,
                                                 EVALUATE_LAST_MS };
    struct lane_worker *worker = calloc(1, sizeof(*worker));

    if (worker == NULL) {
        say("out of memory");
        return NULL;
    }
    worker->context = context;
    if (!allocate(worker, context->options->batch))
        say("there is no memory that can be locked for tokens; ask for less --parallel or --batch");
    else if (http_open(context->settings, HTTP_GATE, context->identity, &worker->gate) == CLIENT_OK &&
             evaluator_open(&settings, &worker->evaluator) == CLIENT_OK &&
             pthread_create(&worker->thread, NULL, run, worker) == 0)
        return worker;
    worker_free(worker);
    return NULL;
}

void lane_worker_join(struct lane_worker *worker)
{
    pthread_join(worker->thread, NULL);
    worker_free(worker);
}
