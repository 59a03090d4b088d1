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
    bool wait;
};

/* Runs the batch under one catalogue and writes the answer; the catalogue is let go before anything waits. */
static struct result decide(struct gate *gate, const struct peer *peer, const struct check_batch *batch, int64_t now_ms, struct outcome *outcome)
{
    struct check_answer *answer = NULL;
    struct check_counts counts;
    struct result result;

    rcu_read_lock();
    const struct catalogue *catalogue = follow_catalogue(gate->follow);
    result = catalogue == NULL ? FAIL(REASON_STARTING)
                               : check_run(catalogue, gate->cooldown, peer, batch, now_ms, &answer, &outcome->sightings, &outcome->count,
                                           &outcome->wait);
    if (!failed(result)) {
        outcome->text = check_text(answer, &outcome->size);
        check_counts(answer, &counts);
        if (gate->excess != NULL)
            excess_add(gate->excess, catalogue, peer->name, counts.reads + counts.again, outcome->sightings, outcome->count, now_ms);
        tally_add(gate->tally, catalogue, peer, &counts, outcome->sightings, outcome->count);
        lanes_checked(gate->lanes, peer->first, peer->second, clock_now_ms(&steady_clock));
        metric_add(gate->checks_clear, counts.cleared);
        metric_add(gate->checks_hit, counts.hits);
        metric_add(gate->checks_again, counts.again);
        check_answer_free(answer);
    }
    rcu_read_unlock();
    return result;
}

struct waiting {
    struct request *request;
    char *text;
    size_t size;
};

/* On the spool's writer thread. */
static void synced(void *context, struct result result)
{
    struct waiting *waiting = context;

    if (failed(result)) {
        free(waiting->text);
        request_complete(waiting->request, reply_problem(result.reason));
    } else {
        request_complete(waiting->request, reply_text(200, "application/json", waiting->text, waiting->size));
    }
    free(waiting);
}

static struct reply answer_after_sync(struct gate *gate, struct request *request, struct outcome *outcome)
{
    struct waiting *waiting = malloc(sizeof *waiting);

    if (waiting == NULL) {
        free(outcome->text);
        free(outcome->sightings);
        return reply_problem(REASON_BUSY);
    }
    *waiting = (struct waiting){ request, outcome->text, outcome->size };
    struct reply later = reply_later();
    spool_append(gate->spool, outcome->sightings, outcome->count, synced, waiting);
    free(outcome->sightings);
    return later;
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
        free(outcome.sightings);
        return refuse(gate, FAIL(REASON_BUSY));
    }
    if (outcome.wait) return answer_after_sync(gate, request, &outcome);
    if (outcome.count > 0) spool_append(gate->spool, outcome.sightings, outcome.count, NULL, NULL); /* covert: does not wait */
    free(outcome.sightings);
    return reply_text(200, "application/json", outcome.text, outcome.size);
}
