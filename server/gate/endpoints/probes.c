/* GET /livez, /readyz, /metrics: alive, ready and why not, and numbers.  Also on the loopback port, without TLS. */
#include <urcu-bp.h>

#include "server/gate/gate.h"
#include "server/gate/lists/alarms.h"
#include "server/gate/readiness.h"
#include "server/gate/routes.h"
#include "server/http/probes.h"

struct reply get_livez(void *app, struct request *request)
{
    (void)app;
    (void)request;
    return probe_alive();
}

struct reply get_readyz(void *app, struct request *request)
{
    (void)request;
    return probe_ready(readiness_reasons(app));
}

/* -- coverage ------------------------------------------------------------------------------------------------------------ */

struct gaps {
    FILE *out;
    size_t count;
    int64_t now_ms, before_ms;
    bool alarm;
    uint8_t written[COVERAGE_WHENS][LIMIT_LISTS / 8]; /* one line for a list, however many epochs come later */
};

static void write_gap(void *context, const struct coverage_gap *gap)
{
    struct gaps *gaps = context;

    gaps->alarm = gaps->alarm || coverage_is_alarm(gap, gaps->now_ms, gaps->before_ms);
    if (gaps->out == NULL || gap->list_at >= LIMIT_LISTS) return;
    uint8_t *written = &gaps->written[gap->when][gap->list_at / 8], bit = (uint8_t)(1 << gap->list_at % 8);
    if ((*written & bit) != 0 || ++gaps->count > LIMIT_ALARMS_SHOWN) return;
    *written |= bit;
    fprintf(gaps->out, "platesieve_list_uncovered_opens_seconds{agency=\"%s\",list=\"%s\",epoch=\"%s\"} %lld\n", gap->list->agency, gap->list->id,
            coverage_when_name(gap->when), (long long)gap->epoch->opens_ms / 1000);
}

static struct gaps each_gap(struct gate *gate, FILE *out)
{
    struct gaps gaps = { .out = out, .now_ms = clock_now_ms(gate->clock), .before_ms = (int64_t)gate->config->alarm_before_s * 1000 };

    rcu_read_lock();
    const struct catalogue *catalogue = follow_catalogue(gate->follow);
    if (catalogue != NULL) coverage_each_gap(catalogue, gaps.now_ms, write_gap, &gaps);
    rcu_read_unlock();
    return gaps;
}

/* Only what is missing has a line of its own. */
static void write_gaps(struct gate *gate, FILE *out)
{
    fputs("# HELP platesieve_list_uncovered_opens_seconds When the epoch opens for which the list lacks tokens, since 1970.\n"
          "# TYPE platesieve_list_uncovered_opens_seconds gauge\n",
          out);
    (void)each_gap(gate, out);
}

static void refresh_coverage(struct gate *gate)
{
    struct coverage_counts counts[COVERAGE_WHENS] = { 0 };
    unsigned refused[LIST_TROUBLES] = { 0 };

    rcu_read_lock();
    const struct catalogue *catalogue = follow_catalogue(gate->follow);
    if (catalogue != NULL) coverage_count(catalogue, clock_now_ms(gate->clock), counts);
    for (size_t i = 0; catalogue != NULL && i < catalogue->list_count; i++) refused[catalogue->lists[i].trouble]++;
    rcu_read_unlock();
    for (size_t i = 0; i < COVERAGE_WHENS; i++) {
        metric_set(gate->lists_covered[i], (double)counts[i].covered);
        metric_set(gate->lists_uncovered[i], (double)counts[i].uncovered);
    }
    for (size_t i = LIST_FORGED; i < LIST_TROUBLES; i++) metric_set(gate->lists_refused[i], refused[i]);
    metric_set(gate->alarms_coverage, each_gap(gate, NULL).alarm);
}

/* -- alarms of lists ----------------------------------------------------------------------------------------------------- */

static void count_alarm(void *context, enum list_alarm alarm, const struct catalogue_list *list)
{
    unsigned *counts = context;

    (void)list;
    counts[alarm]++;
}

static void refresh_list_alarms(struct gate *gate)
{
    unsigned counts[LIST_ALARMS] = { 0 };

    rcu_read_lock();
    const struct catalogue *catalogue = follow_catalogue(gate->follow);
    if (catalogue != NULL)
        list_alarms_each(catalogue, clock_now_ms(gate->clock), (int64_t)gate->config->ends_alarm_days * 86400000, count_alarm, counts);
    rcu_read_unlock();
    for (enum list_alarm alarm = 0; alarm < LIST_ALARMS; alarm++) metric_set(gate->list_alarms[alarm], counts[alarm] > 0);
}

/* -- lanes --------------------------------------------------------------------------------------------------------------- */

struct lanes_written {
    FILE *out;
    unsigned states[LANE_STATES];
    bool alarm;
};

/* Names of lanes are names of those who are registered here. */
static void write_lane(void *context, const struct lane_view *view)
{
    struct lanes_written *written = context;
    const struct lane_facts *facts = view->facts;

    written->states[view->judgement.state]++;
    written->alarm = written->alarm || view->judgement.alarms != 0;
    if (written->out == NULL || view->judgement.state == LANE_REMOVED) return;
    fprintf(written->out, "platesieve_lane_silent{site=\"%s\",lane=\"%s\"} %d\n", facts->site, facts->lane, view->judgement.state == LANE_SILENT);
}

static struct lanes_written each_lane(struct gate *gate, FILE *out)
{
    struct lanes_written written = { .out = out };

    lanes_each(gate->lanes, gate->config, gate->registry, clock_now_ms(&steady_clock), write_lane, &written);
    return written;
}

static void refresh_lanes(struct gate *gate)
{
    const struct lanes_written counted = each_lane(gate, NULL);

    for (size_t i = 0; i < ARRAY_LENGTH(gate->lane_states); i++) metric_set(gate->lane_states[i], counted.states[i]);
    metric_set(gate->alarms_lanes, counted.alarm);
}

/* What stands with one of them. */
static void write_lane_alarms(void *context, const struct lane_view *view)
{
    for (unsigned bit = 0; bit < LANE_ALARMS; bit++)
        if ((view->judgement.alarms & 1u << bit) != 0)
            fprintf(context, "platesieve_lane_alarm{site=\"%s\",lane=\"%s\",what=\"%s\"} 1\n", view->facts->site, view->facts->lane, lane_alarm_name(bit));
}

static void write_lanes(struct gate *gate, FILE *out)
{
    fputs("# HELP platesieve_lane_silent 1 while a lane that should is not heard of, at any gate.\n# TYPE platesieve_lane_silent gauge\n", out);
    (void)each_lane(gate, out);
    fputs("# HELP platesieve_lane_alarm 1 while it stands.\n# TYPE platesieve_lane_alarm gauge\n", out);
    lanes_each(gate->lanes, gate->config, gate->registry, clock_now_ms(&steady_clock), write_lane_alarms, out);
}

/* ------------------------------------------------------------------------------------------------------------------------ */

static void write_more(void *context, FILE *out)
{
    write_gaps(context, out);
    write_lanes(context, out);
}

static void refresh(struct gate *gate)
{
    struct spool_state spool;
    struct follow_status follow;
    struct readiness_index index;

    spool_state(gate->spool, &spool);
    follow_status(gate->follow, &follow);
    readiness_index(gate, &index);
    int64_t now_ms = clock_now_ms(gate->clock);
    metric_set(gate->spool_depth, (double)spool.depth);
    metric_set(gate->spool_oldest, spool.oldest_ms == 0 ? 0 : (double)(now_ms - spool.oldest_ms) / 1000);
    metric_set(gate->index_slots, (double)index.slots);
    metric_set(gate->index_bytes, (double)index.bytes);
    metric_set(gate->lists_version, (double)follow.version);
    metric_set(gate->alarms_lists, follow.stuck || follow.lists_refused > 0 || follow.served_broken);
    metric_set(gate->alarms_epochs, follow.epochs_alarm);
    for (size_t i = 0; i < follow.key_server_count; i++) {
        metric_set(gate->key_servers_up[i], follow.key_servers[i].up);
        metric_set(gate->key_servers_wrong[i], follow.key_servers[i].fault != KEYS_FINE);
    }
    refresh_coverage(gate);
    refresh_list_alarms(gate);
    refresh_lanes(gate);
    json_t *reasons = readiness_reasons(gate);
    metric_set(gate->ready, json_array_size(reasons) == 0);
    json_decref(reasons);
}

struct reply get_metrics(void *app, struct request *request)
{
    struct gate *gate = app;

    (void)request;
    refresh(gate);
    return probe_metrics(gate->metrics, write_more, gate);
}
