#include "client/lane/reporter.h"

#include "client/lane/calibration.h"
#include "client/moment.h"
#include "include/monotonic.h"

#define ASK_MS 2000u
#define GOODBYE_MS 700u /* of each gate, while there is time */
#define GOODBYE_ALL_MS 1500
#define AWAY_ROUNDS 3   /* reports that nobody took, before it is said */

struct reporter {
    struct lane_service *service;
    struct http *gate;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool ending, goodbye;
    unsigned failures; /* in a row; of the thread alone */
};

/* -- what is told ---------------------------------------------------------------------------------------------------- */

static json_t *unchecked_json(const struct lane_counts *counts)
{
    json_t *unchecked = json_object();

    for (size_t i = 0; i < UNCHECKED_REASONS; i++)
        json_object_set_new(unchecked, lane_unchecked_name((enum lane_unchecked)i),
                            json_integer((json_int_t)(count_get(&counts->reads.unchecked[i]) + count_get(&counts->again.unchecked[i]))));
    return unchecked;
}

/* What the lane tries itself with is not among it. */
static json_t *totals_json(const struct lane_counts *counts)
{
    const uint64_t hits = count_get(&counts->reads.hits) + count_get(&counts->again.hits);

    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:o, s:I, s:I}", "messages", (json_int_t)lane_counts_messages(counts), "reads",
                     (json_int_t)count_get(&counts->reads.asked), "clear", (json_int_t)count_get(&counts->reads.clear), "hits", (json_int_t)hits, "alerts",
                     (json_int_t)count_get(&counts->alerts), "unchecked", unchecked_json(counts), "false_tags", (json_int_t)count_get(&counts->false_tags),
                     "unusable", (json_int_t)lane_counts_unusable(counts));
}

static json_t *time_json(int64_t ms)
{
    char text[MOMENT_TEXT];

    if (ms == 0) return json_null();
    moment_print(ms, text);
    return json_string(text);
}

static json_t *calibration_json(struct lane_service *service)
{
    struct calibration_state state;

    if (!calibration_look(service->calibration, &state)) return json_null();
    return json_pack("{s:o, s:s, s:I}", "at", time_json(state.good_ms), "outcome", calibration_outcome_name(state.outcome), "interval_s",
                     (json_int_t)state.interval_s);
}

static json_t *certificate_json(struct lane_service *service)
{
    struct lane_certificate certificate;

    if (!lane_certificate_look(service->renewer, &certificate)) return json_null();
    return json_pack("{s:o, s:b}", "ends_at", time_json(certificate.ends_ms), "alarm", certificate.alarm);
}

static json_t *report_json(struct lane_service *service, bool ending)
{
    struct waiting_state waiting;

    waiting_look(service->waiting, &waiting);
    return json_pack("{s:o, s:o, s:I, s:s, s:o, s:I, s:o, s:o, s:b}", "started_at", time_json(service->counts.began_ms), "sent_at", time_json(moment_now_ms()),
                     "interval_s", (json_int_t)service->config->report_interval_s, "version", PACKAGE_VERSION, "totals", totals_json(&service->counts),
                     "waiting", (json_int_t)waiting.all, "calibration", calibration_json(service), "certificate",
                     certificate_json(service), "ending", ending);
}

/* -- telling --------------------------------------------------------------------------------------------------------- */

/* A gate that is known to answer goes first. */
static void prefer_well(struct reporter *reporter)
{
    struct checker_state state;
    const size_t current = http_server_current(reporter->gate);

    checker_look(reporter->service->checker, &state);
    if (current < state.gate_count && state.gates[current].well) return;
    for (size_t i = 0; i < state.gate_count; i++) {
        if (!state.gates[i].well) continue;
        http_use_server(reporter->gate, i);
        return;
    }
}

/* One round of all gates, until one takes it or, unless END_MS (monotonic) is 0, it is so late. */
static bool offer(struct reporter *reporter, const char *body, unsigned timeout_ms, int64_t end_ms)
{
    const struct http_request request = { .method = "PUT", .path = "/v1/lane/report", .body = body, .body_size = strlen(body), .timeout_ms = timeout_ms };
    const size_t servers = http_server_count(reporter->gate), first = http_server_current(reporter->gate);

    for (size_t i = 0; i < servers && (end_ms == 0 || moment_monotonic_ms() < end_ms); i++) {
        struct http_answer answer CLEANUP(http_answer_wipe) = { 0 };

        http_use_server(reporter->gate, (first + i) % servers);
        if (http_ask_here(reporter->gate, &request, &answer) && answer.status == 200) return true;
    }
    return false;
}

static void tell(struct reporter *reporter, bool ending)
{
    json_t *json = report_json(reporter->service, ending);
    char *body = json == NULL ? NULL : json_dumps(json, JSON_COMPACT);

    json_decref(json);
    if (body == NULL) return;
    prefer_well(reporter);
    if (offer(reporter, body, ending ? GOODBYE_MS : ASK_MS, ending ? moment_monotonic_ms() + GOODBYE_ALL_MS : 0)) {
        if (reporter->failures >= AWAY_ROUNDS) say("a gate takes this lane's reports again");
        reporter->failures = 0;
        atomic_store(&reporter->service->reported_ms, moment_monotonic_ms());
    } else if (++reporter->failures == AWAY_ROUNDS) {
        say("no gate takes this lane's reports; operators will hear that it is silent");
    }
    free(body);
}

/* Until it is time for the next, or the end, which is false. */
static bool wait_for_next(struct reporter *reporter, int64_t next_ms)
{
    return monotonic_pause(&reporter->changed, &reporter->mutex, &reporter->ending, next_ms);
}

static void *run(void *argument)
{
    struct reporter *reporter = argument;
    const int64_t interval_ms = (int64_t)reporter->service->config->report_interval_s * 1000;
    int64_t next_ms = moment_monotonic_ms();

    while (wait_for_next(reporter, next_ms)) {
        next_ms = moment_monotonic_ms() + interval_ms;
        tell(reporter, false);
    }
    if (reporter->goodbye) tell(reporter, true);
    return NULL;
}

/* -- start and end --------------------------------------------------------------------------------------------------- */

static void release(struct reporter *reporter)
{
    http_close(reporter->gate);
    pthread_cond_destroy(&reporter->changed);
    pthread_mutex_destroy(&reporter->mutex);
    free(reporter);
}

bool reporter_start(struct lane_service *service, struct reporter **out)
{
    struct reporter *reporter;

    *out = NULL;
    if (service->config->report_interval_s == 0) return true;
    reporter = calloc(1, sizeof(*reporter));
    if (reporter == NULL) {
        say("out of memory");
        return false;
    }
    reporter->service = service;
    pthread_mutex_init(&reporter->mutex, NULL);
    monotonic_condition(&reporter->changed);
    if (http_open(service->settings, HTTP_GATE, &service->identity, &reporter->gate) == CLIENT_OK &&
        lane_thread_start(&reporter->thread, run, reporter)) {
        *out = reporter;
        return true;
    }
    release(reporter);
    return false;
}

void reporter_stop(struct reporter *reporter, bool goodbye)
{
    if (reporter == NULL) return;
    pthread_mutex_lock(&reporter->mutex);
    reporter->ending = true;
    reporter->goodbye = goodbye;
    pthread_cond_broadcast(&reporter->changed);
    pthread_mutex_unlock(&reporter->mutex);
    pthread_join(reporter->thread, NULL);
    release(reporter);
}
