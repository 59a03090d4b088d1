/* What a lane says of itself: GET /status, and whether it is ready. */
#include "client/lane/status.h"

#include "client/http/over_quota.h"
#include "client/lane/calibration.h"
#include "client/lane/service.h"
#include "client/moment.h"

#define AWAY_ALARM 2 /* questions in a row; one may have had bad luck */

json_t *lane_time_json(int64_t ms)
{
    char text[MOMENT_TEXT];

    if (ms == 0) return json_null();
    moment_print(ms, text);
    return json_string(text);
}

static json_t *number(const _Atomic uint64_t *count)
{
    return json_integer((json_int_t)count_get(count));
}

json_t *lane_answers_json(const struct answer_counts *counts)
{
    json_t *unchecked = json_object();

    for (size_t i = 0; i < UNCHECKED_REASONS; i++)
        json_object_set_new(unchecked, lane_unchecked_name((enum lane_unchecked)i), number(&counts->unchecked[i]));
    return json_pack("{s:o, s:o, s:o, s:o}", "asked", number(&counts->asked), "clear", number(&counts->clear), "hits", number(&counts->hits), "unchecked",
                     unchecked);
}

/* -- servers --------------------------------------------------------------------------------------------------------- */

static json_t *servers_json(const struct checker_server *servers, size_t count)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_pack("{s:s, s:b, s:o}", "url", servers[i].url, "well", servers[i].well, "answered_at",
                                              lane_time_json(servers[i].answered_ms)));
    return list;
}

static json_t *policy_json(const struct checker_state *state)
{
    json_t *grades = json_array();

    if (!state->asked) {
        json_decref(grades);
        return json_null();
    }
    for (unsigned grade = 0; grade < PLATESIEVE_GRADES; grade++)
        if ((state->grades & 1u << grade) != 0) json_array_append_new(grades, json_string(platesieve_grade_name(grade)));
    return json_pack("{s:s, s:o, s:I, s:I}", "version", state->policy, "grades", grades, "candidates_max", (json_int_t)state->candidates_max, "reads_max",
                     (json_int_t)state->reads_max);
}

/* A server that failed a question a moment ago is not well until it has answered one, but it is there. */
static bool some_answer(const struct checker_server *servers, size_t count)
{
    const int64_t now_ms = moment_now_ms();

    for (size_t i = 0; i < count; i++)
        if (servers[i].well || now_ms - servers[i].answered_ms < LANE_SILENT_MS) return true;
    return false;
}

/* Gates may answer and still check nothing: their spools are full, or no key server gives tokens. */
static bool is_stuck(struct lane_service *service)
{
    struct waiting_state waiting;

    waiting_look(service->waiting, &waiting);
    return waiting.all + waiting.asking > 0 && atomic_load(&service->away) >= AWAY_ALARM;
}

bool lane_some_unchecked(struct lane_service *service)
{
    const int64_t last_ms = atomic_load(&service->unchecked_ms);

    return last_ms != 0 && moment_monotonic_ms() - last_ms < LANE_UNCHECKED_ALARM_MS;
}

static bool is_ready(struct lane_service *service, const struct checker_state *state, const char **why)
{
    if (atomic_load(&service->ending)) *why = "it is being stopped";
    else if (atomic_load(&service->refused)) *why = "the gate does not want this lane";
    else if (!state->asked) *why = "no gate has told yet what is wanted here";
    else if (!some_answer(state->gates, state->gate_count)) *why = "no gate answers";
    else if (is_stuck(service)) *why = "reads wait: no gate can check them now";
    else *why = NULL;
    return *why == NULL;
}

bool lane_is_ready(struct lane_service *service, const char **why)
{
    struct checker_state state;

    checker_look(service->checker, &state);
    return is_ready(service, &state, why);
}

/* Stable words; platesieve-lane(1) lists them. */
static json_t *alarms_of(struct lane_service *service, const struct checker_state *state)
{
    json_t *alarms = json_array();
    struct calibration_state calibration;
    struct lane_certificate certificate;
    struct alerts_state alerts;

    if (atomic_load(&service->refused)) json_array_append_new(alarms, json_string("refused"));
    if (!some_answer(state->gates, state->gate_count)) json_array_append_new(alarms, json_string("no-gate"));
    if (state->key_count > 0 && !some_answer(state->keys, state->key_count)) json_array_append_new(alarms, json_string("no-key-server"));
    if (is_stuck(service)) json_array_append_new(alarms, json_string("waiting"));
    if (lane_some_unchecked(service)) json_array_append_new(alarms, json_string("unchecked"));
    if (over_quota_left_ms(state->over_until_ms) > 0) json_array_append_new(alarms, json_string("over-quota"));
    if (state->clock_ahead_ms != 0) json_array_append_new(alarms, json_string("clock"));
    if (calibration_look(service->calibration, &calibration) && calibration.alarm) json_array_append_new(alarms, json_string("calibration"));
    if (lane_certificate_look(service->renewer, &certificate) && certificate.alarm) json_array_append_new(alarms, json_string("certificate"));
    if (count_get(&service->counts.false_tags) > 0) json_array_append_new(alarms, json_string("false-tag"));
    if (count_get(&service->counts.false_recipients) > 0) json_array_append_new(alarms, json_string("false-recipients"));
    alerts_look(service->alerts, &alerts);
    if (alerts.output.used && !alerts.output.well) json_array_append_new(alarms, json_string("output"));
    if (alerts.command.used && !alerts.command.well) json_array_append_new(alarms, json_string("command"));
    if (alerts.display.used && !alerts.display.well) json_array_append_new(alarms, json_string("display"));
    return alarms;
}

json_t *lane_alarms_json(struct lane_service *service)
{
    struct checker_state state;

    checker_look(service->checker, &state);
    return alarms_of(service, &state);
}

/* -- engines --------------------------------------------------------------------------------------------------------- */

static json_t *kinds_json(struct lane_counts *counts, const struct engine *engine)
{
    json_t *kinds = json_object();

    pthread_mutex_lock(&counts->mutex);
    for (size_t i = 0; i < counts->kind_count; i++) {
        const json_int_t before = json_integer_value(json_object_get(kinds, counts->kinds[i].kind));

        if (counts->kinds[i].engine == engine)
            json_object_set_new(kinds, counts->kinds[i].kind, json_integer(before + (json_int_t)count_get(&counts->kinds[i].count)));
    }
    pthread_mutex_unlock(&counts->mutex);
    return kinds;
}

static json_t *engine_json(struct lane_counts *counts, const struct engine *engine)
{
    struct engine_counts *own = lane_counts_engine(counts, engine);
    json_t *messages = json_object(), *faults = json_object();

    for (size_t i = 0; i < ENGINE_OUTCOMES; i++) json_object_set_new(messages, engine_outcome_name((enum engine_outcome)i), number(&own->messages[i]));
    for (size_t i = 0; i < ENGINE_FAULTS; i++) json_object_set_new(faults, engine_fault_name((enum engine_fault)i), number(&own->faults[i]));
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "messages", messages, "kinds", kinds_json(counts, engine), "reads", number(&own->reads), "faults", faults,
                     "last_message_at", lane_time_json(moment_then_ms(atomic_load(&own->last_ms))));
}

/* Those that are listened for. */
static json_t *engines_json(struct lane_service *service)
{
    json_t *list = json_object();

    for (size_t i = 0; engines[i] != NULL; i++)
        if (lane_config_wants(service->config, engines[i])) json_object_set_new(list, engines[i]->name, engine_json(&service->counts, engines[i]));
    return list;
}

/* -- the rest -------------------------------------------------------------------------------------------------------- */

static json_t *waiting_json(struct lane_service *service)
{
    struct waiting_state state;

    waiting_look(service->waiting, &state);
    return json_pack("{s:I, s:I, s:I, s:I, s:f}", "fresh", (json_int_t)state.fresh, "old", (json_int_t)state.old, "late", (json_int_t)state.late, "room", (json_int_t)state.room, "oldest_s",
                     state.oldest_us == 0 ? 0.0 : (double)(moment_monotonic_us() - state.oldest_us) / 1e6);
}

static json_t *certificate_json(struct lane_service *service)
{
    struct lane_certificate certificate;

    if (!lane_certificate_look(service->renewer, &certificate)) return json_null();
    return json_pack("{s:o, s:f, s:s}", "ends_at", lane_time_json(certificate.ends_ms), "days_left", (double)certificate.left_ms / (24 * 3600 * 1000), "renewal",
                     lane_renewal_name(certificate.renewal));
}

static json_t *calibration_json(struct lane_service *service)
{
    struct calibration_state state;

    if (!calibration_look(service->calibration, &state)) return json_null();
    return json_pack("{s:s, s:o, s:I, s:b}", "outcome", calibration_outcome_name(state.outcome), "at", lane_time_json(state.good_ms), "interval_s",
                     (json_int_t)state.interval_s, "alarm", state.alarm);
}

static json_t *counts_json(struct lane_counts *counts)
{
    static const char *const outcomes[VEHICLE_OUTCOMES] = { "new", "again", "known", "nothing", "caption" };
    json_t *vehicles = json_object(), *refused = json_object();

    for (size_t i = 0; i < VEHICLE_OUTCOMES; i++) json_object_set_new(vehicles, outcomes[i], number(&counts->vehicles[i]));
    for (size_t i = 0; i < REFUSED_REASONS; i++) json_object_set_new(refused, lane_refused_name((enum lane_refused)i), number(&counts->refused[i]));
    return json_pack("{s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "messages", (json_int_t)lane_counts_messages(counts), "unusable",
                     (json_int_t)lane_counts_unusable(counts), "looks", vehicles, "reads", lane_answers_json(&counts->reads), "again",
                     lane_answers_json(&counts->again), "calibrations", lane_answers_json(&counts->calibrations), "alerts", number(&counts->alerts),
                     "false_tags", number(&counts->false_tags), "captions", number(&counts->captions), "late", number(&counts->late), "pictures_dropped",
                     number(&counts->pictures_dropped), "refused", refused);
}

static json_t *not_asked_json(struct lane_counts *counts)
{
    json_t *list = json_array();

    pthread_mutex_lock(&counts->mutex);
    for (size_t i = 0; i < counts->list_count; i++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:o}", "agency", counts->lists[i].agency, "list", counts->lists[i].list, "why",
                                              counts->lists[i].why, "times", number(&counts->lists[i].count)));
    pthread_mutex_unlock(&counts->mutex);
    return list;
}

static json_t *percentiles_json(const struct histogram *histogram)
{
    return json_pack("{s:I, s:f, s:f}", "count", (json_int_t)histogram->total, "p50", histogram_percentile(histogram, 50) / 1000, "p99",
                     histogram_percentile(histogram, 99) / 1000);
}

static json_t *latency_json(struct lane_counts *counts)
{
    json_t *json;

    pthread_mutex_lock(&counts->mutex);
    json = json_pack("{s:o, s:o}", "answer", percentiles_json(&counts->to_answer), "alert", percentiles_json(&counts->to_alert));
    pthread_mutex_unlock(&counts->mutex);
    return json;
}

static json_t *way_json(const struct alert_way *way)
{
    if (!way->used) return json_null();
    return json_pack("{s:b, s:s?, s:o, s:I, s:I, s:I}", "well", way->well, "why", way->why, "since", lane_time_json(way->since_ms), "delivered",
                     (json_int_t)way->delivered, "lost", (json_int_t)way->lost, "waiting", (json_int_t)way->waiting);
}

/* Pictures and words on hits, on their way to gates. */
static json_t *told_json(struct lane_counts *counts, enum lane_way way)
{
    return json_pack("{s:o, s:o}", "delivered", number(&counts->delivered[way][true]), "lost", number(&counts->delivered[way][false]));
}

static json_t *alerts_json(struct lane_service *service)
{
    struct alerts_state state;

    alerts_look(service->alerts, &state);
    return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o}", "kept", (json_int_t)state.kept, "output", way_json(&state.output), "command", way_json(&state.command),
                     "display", way_json(&state.display), "pictures", told_json(&service->counts, WAY_PICTURE), "judgements",
                     told_json(&service->counts, WAY_JUDGEMENT));
}

size_t lane_process_bytes(const char *key)
{
    FILE *file = fopen("/proc/self/status", "re");
    const size_t size = strlen(key);
    char line[256];
    size_t kb = 0;

    if (file == NULL) return 0;
    while (kb == 0 && fgets(line, sizeof(line), file) != NULL)
        if (strncmp(line, key, size) == 0 && line[size] == ':') kb = (size_t)strtoull(line + size + 1, NULL, 10);
    fclose(file);
    return kb * 1024;
}

static json_t *memory_json(struct lane_service *service)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:b}", "resident_bytes", (json_int_t)lane_process_bytes("VmRSS"), "locked_bytes",
                     (json_int_t)lane_process_bytes("VmLck"), "messages_bytes", (json_int_t)buffers_used(service->buffers), "images_bytes",
                     (json_int_t)(service->images == NULL ? 0 : images_used(service->images)), "all_locked", service->locked_all);
}

json_t *lane_status_json(struct lane_service *service)
{
    const char *why = NULL;
    struct checker_state state;
    json_t *json;

    checker_look(service->checker, &state);
    json = json_pack("{s:s, s:s, s:o, s:o}", "lane", service->identity.name.text, "version", PACKAGE_VERSION, "started_at",
                     lane_time_json(service->counts.began_ms), "now", lane_time_json(moment_now_ms()));
    if (json == NULL) return NULL;
    json_object_set_new(json, "ready", json_boolean(is_ready(service, &state, &why)));
    json_object_set_new(json, "reason", why == NULL ? json_null() : json_string(why));
    json_object_set_new(json, "alarms", alarms_of(service, &state));
    json_object_set_new(json, "gates", servers_json(state.gates, state.gate_count));
    json_object_set_new(json, "key_servers", servers_json(state.keys, state.key_count));
    json_object_set_new(json, "policy", policy_json(&state));
    json_object_set_new(json, "clock_ahead_ms", state.skew_known ? json_integer((json_int_t)state.skew_ms) : json_null());
    json_object_set_new(json, "over_quota_until", lane_time_json(moment_then_ms(state.over_until_ms)));
    json_object_set_new(json, "certificate", certificate_json(service));
    json_object_set_new(json, "calibration", calibration_json(service));
    json_object_set_new(json, "reported_at", lane_time_json(moment_then_ms(atomic_load(&service->reported_ms))));
    json_object_set_new(json, "waiting", waiting_json(service));
    json_object_set_new(json, "counts", counts_json(&service->counts));
    json_object_set_new(json, "engines", engines_json(service));
    json_object_set_new(json, "lists_not_asked", not_asked_json(&service->counts));
    json_object_set_new(json, "latency_ms", latency_json(&service->counts));
    json_object_set_new(json, "alerts", alerts_json(service));
    json_object_set_new(json, "memory", memory_json(service));
    return json;
}
