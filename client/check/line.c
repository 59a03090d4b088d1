#include "client/check/internal.h"

#include "client/http/over_quota.h"
#include "client/http/problem.h"
#include "client/http/wiping.h"
#include "client/moment.h"

#define POLICY_TRIES 4          /* an epoch may open while we ask, and another grade be wanted; not more */
#define BACKOFF_MS 250
#define EVALUATE_MS 400u        /* for a key server, while there is another one to ask */
#define EVALUATE_LAST_MS 5000u  /* for the last */
#define OVER_QUOTA_ASK_MS 30000 /* over quota: an operator may have raised it */
#define WARM_MS 550u

struct check_line {
    struct checker *checker;
    struct http *gate;
    struct evaluator *evaluator;
    struct check_place place; /* locked */
    char *body;
    unsigned *false_tags;     /* of each read, by gates that were passed over for it */
    unsigned generation;      /* of the policy that was refused last */
};

static void nap(unsigned ms)
{
    const struct timespec time = { ms / 1000, (long)(ms % 1000) * 1000000 };

    nanosleep(&time, NULL);
}

/* -- one question to the gates ------------------------------------------------------------------------------------------- */

enum step { STEP_DONE, STEP_AGAIN, STEP_NEW_POLICY, STEP_LATER, STEP_FAILED, STEP_REFUSED, STEP_TOO_MANY };

struct round {
    struct check_line *line;
    struct check_question question;
    struct check_answer *answers;
    bool answered;         /* they are there, though of a gate that told something false */
    bool untimely;         /* a gate finds a read's time wrong: one of the clocks is */
    bool by_theirs;        /* times are said by that gate's clock, which is so much behind: */
    int64_t ahead_ms;
    enum step stop;        /* of GATE_STOP */
    int64_t over_until_ms; /* monotonic: the quota is in the way; 0: it is not */
};

/* Somebody else may know better about a read for which a gate made up a hit. */
static enum gate_verdict take_answers(struct round *round, struct http *gate, const struct http_answer *answer)
{
    json_t *json = http_answer_json(answer);
    const bool whole = check_answer_take(&round->question, json, round->answers);
    bool lied = false;

    for (size_t i = 0; whole && i < round->question.count; i++) {
        struct check_answer *one = &round->answers[i];

        lied = lied || one->false_tags > 0;
        one->false_tags = round->line->false_tags[i] += one->false_tags;
        one->server = http_server_current(gate);
    }
    if (whole) check_answer_not_asked(json, &round->line->checker->ears);
    else gates_tell_wrong(round->line->checker->gates, gate);
    json_decref(json);
    round->answered = round->answered || whole;
    return whole && !lied ? GATE_TAKEN : GATE_WRONG;
}

static enum gate_verdict stop(struct round *round, enum step step)
{
    round->stop = step;
    return GATE_STOP;
}

static enum gate_verdict later(struct round *round, struct http *gate, const struct http_answer *answer)
{
    struct over_quota over;
    char name[64];

    problem_name(answer, name);
    if (over_quota_of(answer, &over)) round->over_until_ms = over.until_ms;
    gates_tell_later(round->line->checker->gates, gate, over.until_ms > 0 ? over.what : name);
    return GATE_LATER;
}

/* Another gate may have another clock. */
static enum gate_verdict untimely(struct round *round, struct http *gate, const struct http_answer *answer)
{
    gates_tell_later(round->line->checker->gates, gate, "a read has the wrong time, or the clocks differ");
    if (round->by_theirs) return GATE_WRONG;
    round->untimely = answer->date_ms != 0;
    round->ahead_ms = moment_now_ms() - answer->date_ms;
    return GATE_LATER;
}

static enum gate_verdict take(void *context, struct http *gate, const struct http_answer *answer)
{
    struct round *round = context;

    if (answer->status == 200) return take_answers(round, gate, answer);
    if (answer->status == 409) return stop(round, STEP_NEW_POLICY);
    if (answer->status >= 500 || answer->status == 429 || answer->status == 408) return later(round, gate, answer);
    if (problem_is(answer, "too-much")) return stop(round, STEP_TOO_MANY);
    if (problem_is(answer, "time")) return untimely(round, gate, answer);
    gates_tell_refusal(round->line->checker->gates, gate, answer);
    if (answer->status == 400 || answer->status == 413 || answer->status == 422) return stop(round, STEP_FAILED); /* these reads; others may do */
    return GATE_REFUSED; /* our identity, or this program, does not fit */
}

static enum step ask_gates(struct round *round, size_t size, int64_t end_ms)
{
    struct check_line *line = round->line;
    const struct gate_question question = {
        .request = { .method = "POST", .path = "/v1/checks", .body = line->body, .body_size = size },
        .until_ms = end_ms,
        .take = take,
        .context = round,
    };
    const enum gate_verdict verdict = gates_ask(line->checker->gates, line->gate, &question);

    if (verdict == GATE_STOP) return round->stop;
    if (verdict == GATE_TAKEN || round->answered) return STEP_DONE;
    if (round->untimely && !round->by_theirs) {
        round->by_theirs = true;
        return STEP_AGAIN;
    }
    return verdict == GATE_WRONG ? STEP_FAILED : verdict == GATE_REFUSED ? STEP_REFUSED : STEP_LATER;
}

/* -- a round: policy, tokens, question ----------------------------------------------------------------------------------- */

static enum step step_of(enum check_outcome outcome)
{
    if (outcome == CHECK_AWAY) return STEP_LATER;
    return outcome == CHECK_DONE ? STEP_DONE : outcome == CHECK_REFUSED ? STEP_REFUSED : STEP_FAILED;
}

/* A key server that does not know an epoch of the policy's is a moment ahead of the gate, or behind. */
static enum step step_of_tokens(struct round *round, enum key_outcome outcome)
{
    if (outcome == KEY_GONE) round->line->generation = round->question.policy->generation;
    if (outcome == KEY_LATER) round->over_until_ms = key_servers_over_quota(round->line->checker->servers);
    if (outcome == KEY_LATER || outcome == KEY_GONE) return STEP_LATER;
    return outcome == KEY_DONE ? STEP_DONE : outcome == KEY_REFUSED ? STEP_REFUSED : STEP_FAILED;
}

static unsigned last_evaluation_ms(int64_t end_ms)
{
    const int64_t left_ms = end_ms - moment_monotonic_ms();

    if (end_ms == 0 || left_ms > (int64_t)EVALUATE_LAST_MS) return EVALUATE_LAST_MS;
    return left_ms < (int64_t)EVALUATE_MS ? EVALUATE_MS : (unsigned)left_ms;
}

static enum step tokens_and_question(struct round *round, int64_t end_ms)
{
    struct check_line *line = round->line;
    const struct check_question *question = &round->question;
    const int64_t ahead_ms = round->by_theirs ? round->ahead_ms : gate_clocks_ahead_ms(&line->checker->clocks);
    enum step step;
    size_t size = 0;

    evaluator_set_last(line->evaluator, last_evaluation_ms(end_ms));
    step = step_of_tokens(round, check_tokens_make(question->policy, question->reads, question->count, line->evaluator, &line->place));
    if (step == STEP_DONE) {
        size = check_body_write(question->policy, question->reads, question->count, &line->place, ahead_ms, line->body, LIMIT_CHECK_BODY_BYTES);
        step = size == 0 ? STEP_TOO_MANY : ask_gates(round, size, end_ms);
    }
    if (step == STEP_NEW_POLICY) line->generation = question->policy->generation;
    platesieve_wipe(line->body, size > 0 ? size : LIMIT_CHECK_BODY_BYTES);
    check_place_wipe(&line->place);
    return step;
}

static enum step go_round(struct round *round, int64_t end_ms)
{
    struct check_line *line = round->line;
    struct check_policy *policy = NULL;
    enum step step = step_of(keyring_policy(line->checker->keyring, line->gate, line->generation, &policy));

    if (step != STEP_DONE) return step;
    round->question.policy = policy;
    step = round->question.count > policy->reads_max ? STEP_TOO_MANY : tokens_and_question(round, end_ms);
    round->question.policy = NULL;
    check_policy_release(policy);
    return step;
}

/* Waits before the next round, if that can be soon enough. */
static bool wait_for_next(const struct round *round, int64_t end_ms)
{
    const int64_t left_ms = end_ms - moment_monotonic_ms(), over_ms = over_quota_left_ms(round->over_until_ms);

    if (end_ms == 0 || left_ms <= 0 || over_ms > left_ms) return false;
    nap(over_ms > 0 ? (unsigned)over_ms : BACKOFF_MS);
    return true;
}

static enum step try_on(struct round *round, int64_t end_ms)
{
    unsigned policies = 0;

    for (;;) {
        enum step step;

        round->over_until_ms = 0;
        step = go_round(round, end_ms);
        if (step == STEP_AGAIN) continue;
        if (step == STEP_NEW_POLICY && ++policies < POLICY_TRIES) continue;
        if (step == STEP_NEW_POLICY) say("the gate keeps asking for another policy than it announces");
        if (step != STEP_LATER || !wait_for_next(round, end_ms)) return step;
    }
}

/* -- the whole ----------------------------------------------------------------------------------------------------------- */

int64_t checker_over_until_ms(struct checker *checker)
{
    const int64_t until_ms = atomic_load(&checker->over_until_ms);

    return over_quota_left_ms(until_ms) > 0 ? until_ms : 0;
}

/* Was a line just told that the quota is used up for longer than this one waits? */
static bool is_over_quota(struct checker *checker, unsigned deadline_ms)
{
    return over_quota_left_ms(atomic_load(&checker->over_until_ms)) > deadline_ms &&
           moment_monotonic_ms() - atomic_load(&checker->over_asked_ms) < OVER_QUOTA_ASK_MS;
}

static enum check_outcome outcome_of(const struct round *round, enum step step)
{
    switch (step) {
    case STEP_DONE: return CHECK_DONE;
    case STEP_LATER: return round->over_until_ms > 0 ? CHECK_OVER_QUOTA : CHECK_AWAY;
    case STEP_REFUSED: return CHECK_REFUSED;
    case STEP_TOO_MANY: return CHECK_TOO_MANY;
    default: return CHECK_FAILED;
    }
}

static enum check_outcome ask(struct check_line *line, const struct check_read *reads, size_t count, unsigned deadline_ms,
                              struct check_answer *answers)
{
    struct checker *checker = line->checker;
    struct round round = { .line = line, .question = { .reads = reads, .count = count, .place = &line->place }, .answers = answers };
    enum step step;

    if (is_over_quota(checker, deadline_ms)) return CHECK_OVER_QUOTA;
    memset(line->false_tags, 0, count * sizeof(*line->false_tags));
    step = try_on(&round, deadline_ms == 0 ? 0 : moment_monotonic_ms() + deadline_ms);
    atomic_store(&checker->over_asked_ms, moment_monotonic_ms());
    atomic_store(&checker->over_until_ms, step == STEP_LATER ? round.over_until_ms : 0);
    return outcome_of(&round, step);
}

enum check_outcome check_ask(struct check_line *line, const struct check_read *reads, size_t count, unsigned deadline_ms, struct check_answer *answers)
{
    const struct say_ear *before;
    enum check_outcome outcome;

    if (count == 0) return CHECK_DONE;
    if (count > line->place.reads) return CHECK_TOO_MANY;
    for (size_t i = 0; i < count; i++)
        if (reads[i].count == 0) return CHECK_FAILED;
    before = checker_listen(line->checker);
    outcome = ask(line, reads, count, deadline_ms, answers);
    (void)say_listen(before);
    return outcome;
}

/* Nothing here depends on any read. */
void check_line_warm(struct check_line *line)
{
    const struct http_request request = { .method = "GET", .path = "/livez", .timeout_ms = WARM_MS };
    const struct say_ear *before = checker_listen(line->checker);
    struct check_policy *policy = keyring_in_force(line->checker->keyring);
    struct http_answer answer CLEANUP(http_answer_wipe) = { 0 };

    http_use_server(line->gate, gates_first(line->checker->gates));
    (void)!http_ask_here(line->gate, &request, &answer); /* the first read will say what is wrong */
    if (policy != NULL && policy->remote) evaluator_warm(line->evaluator);
    check_policy_release(policy);
    (void)say_listen(before);
}

static bool prepare(struct check_line *line, size_t reads, size_t candidates)
{
    const struct checker *checker = line->checker;
    const struct evaluator_settings settings = { checker->settings, checker->identity, checker->servers, EVALUATE_MS, EVALUATE_LAST_MS };

    line->body = malloc(LIMIT_CHECK_BODY_BYTES);
    line->false_tags = calloc(reads, sizeof(*line->false_tags));
    if (line->body == NULL || line->false_tags == NULL) {
        say("out of memory");
        return false;
    }
    if (!check_place_create(&line->place, reads, candidates)) {
        say("there is no memory that can be locked for tokens; ask for fewer reads at a time, or fewer at one time");
        return false;
    }
    return http_open(checker->settings, HTTP_GATE, checker->identity, &line->gate) == CLIENT_OK &&
           evaluator_open(&settings, &line->evaluator) == CLIENT_OK;
}

struct check_line *check_line_open(struct checker *checker, size_t reads, size_t candidates)
{
    struct check_line *line = calloc(1, sizeof(*line));
    const struct say_ear *before = checker_listen(checker);
    bool prepared;

    if (line == NULL) say("out of memory");
    else line->checker = checker;
    prepared = line != NULL && reads >= 1 && reads <= LIMIT_CHECK_READS && candidates >= 1 && candidates <= LIMIT_CHECK_CANDIDATES &&
               prepare(line, reads, candidates);
    (void)say_listen(before);
    if (prepared) return line;
    check_line_close(line);
    return NULL;
}

void check_line_close(struct check_line *line)
{
    if (line == NULL) return;
    http_close(line->gate);
    evaluator_close(line->evaluator);
    check_place_destroy(&line->place);
    wiping_free(line->body);
    free(line->false_tags);
    free(line);
}
