#include "server/gate/endpoints/lanes_json.h"

#include "server/gate/endpoints/list_json.h"

/* When it was, by this machine's clock; null: never. */
static json_t *moment(int64_t then_ms, int64_t now_ms, int64_t wall_ms)
{
    return then_ms == LANE_NEVER ? json_null() : time_json(wall_ms - (now_ms - then_ms));
}

static json_t *alarms_json(unsigned alarms)
{
    json_t *array = json_array();

    for (unsigned bit = 0; bit < LANE_ALARMS; bit++)
        if ((alarms & 1u << bit) != 0) (void)json_array_append_new(array, json_string(lane_alarm_name(bit)));
    return array;
}

/* BEFORE NULL: none. */
static json_t *totals_json(const uint64_t run[LANE_TOTALS], const uint64_t before[LANE_TOTALS])
{
    json_t *totals = json_object(), *unchecked = json_object();

    for (enum lane_total total = 0; total < LANE_TOTALS; total++) {
        const uint64_t count = run[total] + (before == NULL ? 0 : before[total]);

        (void)json_object_set_new(total < LANE_UNCHECKED_FROM ? totals : unchecked, lane_total_name(total), json_integer((json_int_t)count));
    }
    (void)json_object_set_new(totals, "unchecked", unchecked);
    return totals;
}

static json_t *calibration_json(const struct lane_facts *facts, int64_t now_ms, int64_t wall_ms)
{
    const struct lane_report *report = &facts->report;

    if (report->calibration == LANE_NOT_CALIBRATED) return json_null();
    return json_pack("{ss sI so}", "outcome", lane_calibration_name(report->calibration), "interval_s", (json_int_t)report->calibration_interval_s, "at",
                     moment(facts->calibrated_ms, now_ms, wall_ms));
}

static json_t *certificate_json(const struct lane_report *report)
{
    if (report->certificate_ends_ms == 0) return json_null();
    return json_pack("{so sb}", "ends_at", time_json(report->certificate_ends_ms), "alarm", report->certificate_alarm);
}

/* What it says of itself; null: it never did. */
static json_t *report_json(const struct lane_facts *facts, int64_t now_ms, int64_t wall_ms)
{
    const struct lane_report *report = &facts->report;

    if (facts->report_ms == LANE_NEVER) return json_null();
    return json_pack("{so so sI ss sb sI sI so so so so so}", "at", moment(facts->report_ms, now_ms, wall_ms), "started_at", time_json(report->started_ms),
                     "interval_s", (json_int_t)report->interval_s, "version", report->version, "ending", report->ending, "skew_ms",
                     (json_int_t)facts->skew_ms, "waiting", (json_int_t)report->waiting, "read_at", moment(facts->read_ms, now_ms, wall_ms), "run",
                     totals_json(report->totals, NULL), "totals", totals_json(report->totals, facts->before), "calibration",
                     calibration_json(facts, now_ms, wall_ms), "certificate", certificate_json(report));
}

json_t *lane_json(const struct lane_view *view, int64_t now_ms, int64_t wall_ms)
{
    const struct lane_facts *facts = view->facts;
    const struct lane_judgement *judgement = &view->judgement;

    return json_pack("{ss ss ss so so so so so}", "site", facts->site, "lane", facts->lane, "state", lane_state_name(judgement->state), "alarms",
                     alarms_json(judgement->alarms), "first_seen", moment(facts->first_ms, now_ms, wall_ms), "checked_at",
                     moment(facts->check_ms, now_ms, wall_ms), "silence_s",
                     judgement->silence_ms == 0 ? json_null() : json_integer((json_int_t)judgement->silence_ms / 1000), "report",
                     report_json(facts, now_ms, wall_ms));
}

/* -- for the status ---------------------------------------------------------------------------------------------------------- */

static void count_state(void *context, const struct lane_view *view)
{
    unsigned *counts = context;

    counts[view->judgement.state]++;
}

json_t *lanes_counts_json(struct gate *gate)
{
    unsigned counts[LANE_STATES] = { 0 };
    json_t *json = json_object();

    lanes_each(gate->lanes, gate->config, gate->registry, clock_now_ms(&steady_clock), count_state, counts);
    for (enum lane_state state = 0; state < LANE_REMOVED; state++) (void)json_object_set_new(json, lane_state_name(state), json_integer(counts[state]));
    return json;
}

struct appending {
    json_t *alarms;
    int64_t now_ms, wall_ms;
};

static void append(void *context, const struct lane_view *view)
{
    const struct appending *appending = context;

    for (unsigned bit = 0; bit < LANE_ALARMS && json_array_size(appending->alarms) < LIMIT_ALARMS_SHOWN; bit++) {
        if ((view->judgement.alarms & 1u << bit) == 0) continue;
        (void)json_array_append_new(appending->alarms,
                                    json_pack("{ss ss ss ss so}", "what", "lane", "site", view->facts->site, "lane", view->facts->lane, "why",
                                              lane_alarm_name(bit), "heard_at", moment(lane_heard_ms(view->facts), appending->now_ms, appending->wall_ms)));
    }
}

void lanes_add_alarms(struct gate *gate, json_t *alarms)
{
    struct appending appending = { alarms, clock_now_ms(&steady_clock), clock_now_ms(gate->clock) };

    lanes_each(gate->lanes, gate->config, gate->registry, appending.now_ms, append, &appending);
}
