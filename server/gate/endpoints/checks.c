/* POST /v1/checks: are any of these reads listed?  Readers only.  Never touches SQL.  An answer that holds an open hit waits for the
   spool's sync, without holding a thread. */
#include <urcu-bp.h>

#include "server/gate/gate.h"
#include "server/gate/routes.h"

struct outcome {
    char *text; /* the answer's body */
    size_t size;
    struct sighting *sightings;
    size_t count;
    struct tally_names *names; /* of the sightings' lists */
    struct check_counts counts;
    bool wait;
};

/* One that nobody waits for. */
static void outcome_free(const struct outcome *outcome)
{
    free(outcome->names);
    free(outcome->sightings);
    free(outcome->text);
}

/* Runs the batch under one catalogue and writes the answer; the catalogue is let go before anything waits. */
static struct result decide(struct gate *gate, const struct peer *peer, const struct check_batch *batch, int64_t now_ms, struct outcome *outcome)
{
    struct check_answer *answer = NULL;
    struct result result;

    rcu_read_lock();
    const struct catalogue *catalogue = follow_catalogue(gate->follow);
    result = catalogue == NULL ? FAIL(REASON_STARTING)
                               : check_run(catalogue, gate->cooldown, peer, batch, now_ms, &answer, &outcome->sightings, &outcome->count,
                                           &outcome->wait);
    if (!failed(result)) {
        outcome->text = check_text(answer, &outcome->size);
        check_counts(answer, &outcome->counts);
        if (gate->excess != NULL) excess_add(gate->excess, catalogue, peer->name, outcome->counts.reads + outcome->counts.again, NULL, 0, now_ms);
        if (outcome->count > 0) outcome->names = tally_names(catalogue, outcome->sightings, outcome->count);
        check_answer_free(answer);
    }
    rcu_read_unlock();
    if (!failed(result)) lanes_checked(gate->lanes, peer->first, peer->second, clock_now_ms(&steady_clock));
    return result;
}

/* -- what is counted: what was answered, and of what matched what is on the disk ------------------------------------------------- */

static void count_clear(struct gate *gate, const char *lane, const struct check_counts *counts)
{
    tally_clear(gate->tally, lane, counts);
    metric_add(gate->checks_clear, counts->cleared);
    metric_add(gate->checks_again, counts->again);
}

/* -- what matched, on its way to the disk ------------------------------------------------------------------------------------------ */

struct waiting {
    struct gate *gate;
    struct request *request; /* NULL: it was answered; all that matched is covert */
    char *text;
    size_t size;
    struct sighting *sightings;
    size_t count;
    struct tally_names *names;
    struct check_counts counts;
    char lane[LIMIT_IDENTITY_MAX + 1];
};

static void count_matched(const struct waiting *waiting)
{
    struct gate *gate = waiting->gate;
    const struct tally_hits hits = tally_matched(gate->tally, waiting->lane, waiting->names, waiting->sightings, waiting->count);

    metric_add(gate->checks_clear, hits.cleared);
    metric_add(gate->checks_hit, hits.reads);
    metric_add(gate->checks_later, hits.later);
    metric_add(gate->checks_again, hits.again);
}

static void waiting_free(struct waiting *waiting)
{
    free(waiting->names);
    free(waiting->sightings);
    free(waiting);
}

static struct waiting *wait_for(struct gate *gate, struct request *request, const struct outcome *outcome)
{
    struct waiting *waiting = malloc(sizeof *waiting);

    if (waiting == NULL) return NULL;
    *waiting = (struct waiting){ .gate = gate, .text = outcome->text, .size = outcome->size, .sightings = outcome->sightings, .count = outcome->count,
                                 .names = outcome->names, .counts = outcome->counts };
    (void)snprintf(waiting->lane, sizeof waiting->lane, "%s", request->peer->name);
    return waiting;
}

/* On the spool's writer thread: what a clear read would not have waited for. */
static void before_sealed(void *context, struct sighting *sightings, size_t count)
{
    const struct waiting *waiting = context;
    struct gate *gate = waiting->gate;

    for (size_t i = 0; i < count; i++)
        if (sightings[i].covert) cooldown_touch(gate->cooldown, &sightings[i]);
    if (gate->excess == NULL) return;
    rcu_read_lock();
    const struct catalogue *catalogue = follow_catalogue(gate->follow);
    if (catalogue != NULL) excess_add(gate->excess, catalogue, waiting->lane, 0, sightings, count, clock_now_ms(gate->clock));
    rcu_read_unlock();
}

/* On the same thread. */
static void synced(void *context, struct result result)
{
    struct waiting *waiting = context;

    if (failed(result)) {
        free(waiting->text);
        request_complete(waiting->request, reply_problem(result.reason));
    } else {
        count_clear(waiting->gate, waiting->lane, &waiting->counts);
        count_matched(waiting);
        request_complete(waiting->request, reply_text(200, "application/json", waiting->text, waiting->size));
    }
    waiting_free(waiting);
}

static void synced_covert(void *context, struct result result)
{
    struct waiting *waiting = context;

    if (failed(result)) tally_lost(waiting->gate->tally, waiting->lane, waiting->sightings, waiting->count);
    else count_matched(waiting);
    waiting_free(waiting);
}

static struct reply answer_after_sync(struct gate *gate, struct request *request, struct outcome *outcome)
{
    struct waiting *waiting = wait_for(gate, request, outcome);

    if (waiting == NULL) {
        outcome_free(outcome);
        return reply_problem(REASON_BUSY);
    }
    waiting->request = request;
    struct reply later = reply_later();
    spool_append(gate->spool, waiting->sightings, waiting->count, before_sealed, synced, waiting);
    return later;
}

/* The answer does not wait for it, and does not hang on it. */
static void keep_covert(struct gate *gate, struct request *request, const struct outcome *outcome)
{
    struct waiting *waiting = wait_for(gate, request, outcome);

    spool_append_later(gate->spool, outcome->sightings, outcome->count, waiting == NULL ? NULL : before_sealed, waiting == NULL ? NULL : synced_covert, waiting);
    if (waiting != NULL) return;
    tally_lost(gate->tally, request->peer->name, outcome->sightings, outcome->count);
    free(outcome->names);
    free(outcome->sightings);
}

static struct reply refuse(struct gate *gate, struct result result)
{
    metric_add(gate->checks_refused, 1);
    return reply_problem(result.reason);
}

/* Nothing was looked up, and the lane will ask again: when an epoch opened, when a list was loaded. */
static bool looked_up_nothing(struct result result)
{
    return result.reason == REASON_POLICY || result.reason == REASON_KEY_ID || result.reason == REASON_NO_LISTS || result.reason == REASON_STARTING;
}

/* Charges the peer's quota, and decides. */
static struct result charge_and_decide(struct gate *gate, const struct request *request, const struct check_batch *batch, int64_t now_ms,
                                       struct outcome *outcome, struct quota_refusal *over)
{
    struct quota_cost cost = { 0 };

    check_batch_size(batch, &cost.amount[QUOTA_READS], &cost.amount[QUOTA_TOKENS]);
    TRY(quota_charge(gate->quota, request, &cost, over));
    struct result result = decide(gate, request->peer, batch, now_ms, outcome);
    if (looked_up_nothing(result)) quota_give_back(gate->quota, request, &cost);
    return result;
}

static struct reply refuse_quota(struct gate *gate, const struct quota_refusal *over)
{
    metric_add(gate->checks_refused, 1);
    return quota_problem(over);
}

struct reply post_checks(void *app, struct request *request)
{
    struct gate *gate = app;
    struct check_batch *batch CLEANUP(check_batch_wipe) = NULL;
    struct outcome outcome = { 0 };
    struct quota_refusal over;
    int64_t now_ms = clock_now_ms(gate->clock);
    struct result result;

    if (!spool_accepts(gate->spool)) return refuse(gate, FAIL(REASON_SPOOL));
    if (failed(quota_look(gate->quota, request, &over))) return refuse_quota(gate, &over);
    result = check_batch_parse(request->body, request->body_size, now_ms, &batch);
    if (!failed(result)) result = charge_and_decide(gate, request, batch, now_ms, &outcome, &over);
    if (over.reason != REASON_NONE) return refuse_quota(gate, &over);
    if (failed(result)) return refuse(gate, result);
    if (outcome.text == NULL) {
        outcome_free(&outcome);
        return refuse(gate, FAIL(REASON_BUSY));
    }
    if (outcome.wait) return answer_after_sync(gate, request, &outcome);
    count_clear(gate, request->peer->name, &outcome.counts);
    if (outcome.count > 0) keep_covert(gate, request, &outcome);
    return reply_text(200, "application/json", outcome.text, outcome.size);
}
