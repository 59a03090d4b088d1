/* Tokens under a key that three servers share: two are asked at one time, and the third when one of them fails, lies, or
   takes too long. */
#include <sodium.h>

#include "client/moment.h"
#include "client/tokens/evaluator_internal.h"

#define WARM_GRACE_MS 200u
#define CLOSING_MS 5000 /* so near to an epoch's close may one call it over and another not */

/* Before anything is asked: makes the connections.  False is said. */
static bool open_group(struct evaluator *evaluator)
{
    const struct evaluator_settings *settings = &evaluator->settings;

    if (evaluator->group != NULL) return true;
    evaluator->turn = randombytes_uniform(PLATESIEVE_KEY_SERVERS);
    return http_group_open(settings->settings, HTTP_KEYS, settings->identity, &evaluator->group) == CLIENT_OK;
}

void evaluator_warm_shared(struct evaluator *evaluator)
{
    struct key_servers *servers = evaluator->settings.servers;
    const struct http_request request = { .method = "GET",
                                          .path = "/livez",
                                          .timeout_ms = evaluator->settings.deadline_ms };
    struct http_answer answer;
    size_t at;

    if (!open_group(evaluator)) return;
    for (at = 0; at < http_group_count(evaluator->group); at++)
        if (!key_servers_failed(servers, at)) (void)!http_group_ask(evaluator->group, at, &request);
    while (http_group_wait(evaluator->group, request.timeout_ms + WARM_GRACE_MS, &at, &answer)) {
        struct key_question nothing = { 0 };

        if (answer.status == 0)
            (void)!key_servers_judge(servers, http_group_member(evaluator->group, at), NULL, &nothing);
        http_answer_wipe(&answer);
    }
    http_group_drop_all(evaluator->group);
}

/* -- who can be asked ---------------------------------------------------------------------------------------------- */

static struct judged *judge(struct evaluator *evaluator, const struct epoch *epoch)
{
    struct share_book *book = key_servers_book(evaluator->settings.servers);
    const unsigned generation = share_book_generation(book);
    struct judged *judged = NULL;

    for (size_t i = 0; i < LIMIT_ENTRY_EPOCHS && judged == NULL; i++)
        if (strcmp(evaluator->judged[i].epoch_id, epoch->id) == 0) judged = &evaluator->judged[i];
    if (judged != NULL && judged->generation == generation &&
        memcmp(&judged->public_key, &epoch->public_key, sizeof(epoch->public_key)) == 0)
        return judged;
    if (judged == NULL) judged = &evaluator->judged[evaluator->next++ % LIMIT_ENTRY_EPOCHS];
    memcpy(judged->epoch_id, epoch->id, sizeof(judged->epoch_id));
    judged->public_key = epoch->public_key;
    judged->generation = generation;
    judged->pair = (struct platesieve_voprf_shares) { 0 };
    share_book_parties(book, epoch->id, &epoch->public_key, &judged->parties);
    return judged;
}

/* -- one batch ----------------------------------------------------------------------------------------------------- */

enum stage { NOT_ASKED, ASKED, ANSWERED, FAILED };

struct round {
    struct evaluator *evaluator;
    const struct epoch *epoch;
    struct platesieve_token *tokens;
    struct http_request request;
    int64_t end_ms;               /* monotonic: nothing waits any longer then */
    struct key_question question; /* for the judgement */
    size_t party_count;           /* those whose share is good, in the order in which they are asked */
    struct share_party parties[HTTP_SERVERS_MAX];
    enum stage stage[HTTP_SERVERS_MAX];
    bool gone[HTTP_SERVERS_MAX];  /* it does not know the epoch, or not any more */
    bool evaluated;               /* but somebody does */
    size_t at_work;               /* asked and not answered */
    size_t answered;              /* parties that have: at most two */
    size_t who[2];
    struct evaluated answers[2];
    enum key_outcome outcome;     /* the gravest so far */
};

static void add_parties(struct round *round, bool failed)
{
    const struct share_parties *all = &judge(round->evaluator, round->epoch)->parties;

    for (size_t i = 0; i < all->count; i++) {
        const struct share_party *party = &all->list[(i + round->evaluator->turn) % all->count];
        bool known = !party->good || key_servers_failed(round->evaluator->settings.servers, party->at) != failed;

        for (size_t k = 0; k < round->party_count; k++) known = known || round->parties[k].at == party->at;
        if (!known) round->parties[round->party_count++] = *party;
    }
}

static void note(struct round *round, enum key_outcome outcome)
{
    if (outcome > round->outcome) round->outcome = outcome;
}

/* Asks the next that was not; false when there is none. */
static bool ask_next(struct round *round)
{
    for (size_t i = 0; i < round->party_count; i++) {
        if (round->stage[i] != NOT_ASKED) continue;
        if (http_group_ask(round->evaluator->group, round->parties[i].at, &round->request)) {
            round->stage[i] = ASKED;
            round->at_work++;
            return true;
        }
        round->stage[i] = FAILED;
        note(round, KEY_LATER);
    }
    return false;
}

static void take(struct round *round, size_t at, const struct http_answer *answer)
{
    struct key_servers *servers = round->evaluator->settings.servers;
    struct http *member = http_group_member(round->evaluator->group, at);
    struct evaluated *place = &round->answers[round->answered];
    enum key_outcome outcome;
    size_t i = 0;

    while (i < round->party_count && round->parties[i].at != at) i++;
    if (i == round->party_count) return;
    round->at_work--;
    place->count = round->evaluator->count;
    round->question.context = place;
    outcome = key_servers_judge(servers, member, answer->status == 0 ? NULL : answer, &round->question);
    round->stage[i] = outcome == KEY_DONE ? ANSWERED : FAILED;
    round->gone[i] = outcome == KEY_GONE;
    round->evaluated = round->evaluated || outcome == KEY_DONE;
    if (outcome == KEY_DONE) round->who[round->answered++] = i;
    note(round, outcome);
}

static bool is_of(const struct platesieve_voprf_shares *pair, const struct share_party *party)
{
    return pair->good[party->server - 1] &&
           memcmp(&pair->shares[party->server - 1], &party->share, sizeof(party->share)) == 0;
}

/* Holds the shares of the two that answered against the public key, unless they were the last two already. */
static const struct platesieve_voprf_shares *check_pair(struct round *round)
{
    const struct share_party *a = &round->parties[round->who[0]], *b = &round->parties[round->who[1]];
    const struct platesieve_element *told[PLATESIEVE_KEY_SERVERS] = { NULL };
    struct judged *judged = judge(round->evaluator, round->epoch);

    told[a->server - 1] = &a->share;
    told[b->server - 1] = &b->share;
    if ((!is_of(&judged->pair, a) || !is_of(&judged->pair, b)) &&
        platesieve_failed(platesieve_voprf_shares_check(&round->epoch->public_key, told, &judged->pair)))
        judged->pair = (struct platesieve_voprf_shares) { 0 };
    return &judged->pair;
}

/* Both proofs and the tokens; whose proof is wrong is out. */
static bool finish(struct round *round)
{
    struct platesieve_voprf_answer answers[2];
    struct platesieve_result result;
    unsigned at_fault = 0;
    size_t bad;

    for (size_t i = 0; i < 2; i++) {
        const struct share_party *party = &round->parties[round->who[i]];

        answers[i] = (struct platesieve_voprf_answer) { party->server, round->answers[i].count,
                                                        round->answers[i].elements, &round->answers[i].proof };
    }
    result = platesieve_voprf_finish_shares(round->evaluator->batch, check_pair(round), answers, round->tokens,
                                            &at_fault);
    if (!platesieve_failed(result)) return true;
    if (at_fault == 0) { /* the two are not of one line, or there is no memory */
        round->stage[round->who[0]] = round->stage[round->who[1]] = FAILED;
        round->answered = 0;
        note(round, KEY_LATER);
        return false;
    }
    bad = at_fault == answers[0].server ? 0 : 1;
    round->stage[round->who[bad]] = FAILED;
    note(round, KEY_WRONG);
    key_servers_blame(round->evaluator->settings.servers,
                      http_group_member(round->evaluator->group, round->parties[round->who[bad]].at),
                      evaluated_fault(result));
    round->who[0] = round->who[1 - bad];
    if (bad == 0) round->answers[0] = round->answers[1];
    round->answered = 1;
    return false;
}

/* With those that were asked; then another is asked as well. */
static unsigned patience_ms(const struct round *round)
{
    return round->evaluator->settings.deadline_ms / 2;
}

/* Those that were asked and have not answered when it was over. */
static void give_up_slow(struct round *round, unsigned waited_ms)
{
    for (size_t i = 0; i < round->party_count; i++) {
        const size_t at = round->parties[i].at;

        if (round->stage[i] != ASKED) continue;
        http_group_drop(round->evaluator->group, at);
        round->stage[i] = FAILED;
        note(round, KEY_LATER);
        if (waited_ms >= patience_ms(round))
            key_servers_too_slow(round->evaluator->settings.servers, http_group_member(round->evaluator->group, at),
                                 waited_ms);
    }
    round->at_work = 0;
}

static size_t may_answer(const struct round *round)
{
    size_t count = round->answered;

    for (size_t i = 0; i < round->party_count; i++) count += round->stage[i] == NOT_ASKED;
    return count;
}

/* Until two have answered well, or all were asked and the last deadline is over. */
static bool run(struct round *round)
{
    const int64_t begin_ms = moment_monotonic_ms(), left_ms = round->end_ms - begin_ms;
    const unsigned last_ms = left_ms > 0 ? (unsigned)left_ms : 0, first_ms = patience_ms(round) < last_ms ? patience_ms(round) : last_ms;
    unsigned waited_ms = 0;
    bool done = false;

    if (may_answer(round) < 2 || last_ms == 0) return false;
    round->request.timeout_ms = last_ms;
    while (round->at_work + round->answered < 2 && ask_next(round)) continue;
    while (!done && round->at_work > 0 && round->at_work + round->answered >= 2 && waited_ms < last_ms) {
        const unsigned pause_ms = waited_ms < first_ms ? first_ms - waited_ms : last_ms - waited_ms;
        struct http_answer answer;
        size_t at;

        if (http_group_wait(round->evaluator->group, pause_ms, &at, &answer)) {
            take(round, at, &answer);
            http_answer_wipe(&answer);
            done = round->answered == 2 && finish(round);
            while (!done && round->at_work + round->answered < 2 && ask_next(round)) continue;
        } else if (!ask_next(round)) {
            add_parties(round, true); /* one that failed lately may be well again */
            (void)ask_next(round);
        }
        waited_ms = (unsigned)(moment_monotonic_ms() - begin_ms);
    }
    give_up_slow(round, waited_ms);
    return done;
}

/* Servers that told nothing of the epoch, or something wrong, may know better now. */
static void ask_for_shares(struct round *round)
{
    struct epoch again = *round->epoch;

    again.public_key_known = false;
    if (epoch_make_ready(round->evaluator->settings.servers, round->evaluator->keys, &again) != CLIENT_OK)
        note(round, KEY_LATER);
}

static enum key_outcome evaluate(struct round *round)
{
    bool done;

    add_parties(round, false);
    if (round->party_count < 2) add_parties(round, true);
    done = run(round);
    if (!done) add_parties(round, true);
    if (!done) done = run(round);
    if (!done && round->outcome != KEY_GONE) {
        ask_for_shares(round);
        add_parties(round, false);
        done = run(round);
    }
    if (done) return KEY_DONE;
    return round->outcome == KEY_DONE ? KEY_LATER : round->outcome;
}

/* Those that call the epoch over while another evaluates for it; not where nobody said when it closes. */
static void blame_gone(struct round *round)
{
    if (!round->evaluated || moment_now_ms() > round->epoch->closes_ms - CLOSING_MS) return;
    for (size_t i = 0; i < round->party_count; i++)
        if (round->gone[i])
            key_servers_blame_gone(round->evaluator->settings.servers,
                                   http_group_member(round->evaluator->group, round->parties[i].at));
}

enum key_outcome evaluate_shared(struct evaluator *evaluator, const struct epoch *epoch,
                                 struct platesieve_token *tokens, unsigned *retry_after_s)
{
    char path[LIMIT_EPOCH_ID_MAX + 32];
    struct round round = { .evaluator = evaluator, .epoch = epoch, .tokens = tokens };
    enum key_outcome outcome;

    if (!open_group(evaluator)) return KEY_LATER;
    snprintf(path, sizeof(path), "/v1/epochs/%s/evaluate", epoch->id);
    round.request = (struct http_request) { .method = "POST",
                                            .path = path,
                                            .body = evaluator->body,
                                            .body_size = evaluator->body_size };
    round.end_ms = moment_monotonic_ms() + evaluator->settings.deadline_last_ms;
    round.question.take = evaluated_take;
    outcome = evaluate(&round);
    blame_gone(&round);
    *retry_after_s = round.question.retry_after_s;
    platesieve_wipe(round.answers, sizeof(round.answers));
    return outcome;
}
