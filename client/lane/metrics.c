/* GET /metrics: the lane's counts as Prometheus reads them (text, version 0.0.4).  Labels are names of the lane's own, of engines and of servers, never anything of a
   message. */
#include "client/lane/service.h"

#include "client/lane/calibration.h"
#include "client/lane/status.h"
#include "client/moment.h"

static void family(FILE *out, const char *name, const char *type, const char *help)
{
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void write_answers(FILE *out, const char *look, const struct answer_counts *counts)
{
    fprintf(out, "platesieve_lane_looks_total{look=\"%s\",outcome=\"clear\"} %llu\n", look, (unsigned long long)count_get(&counts->clear));
    fprintf(out, "platesieve_lane_looks_total{look=\"%s\",outcome=\"hit\"} %llu\n", look, (unsigned long long)count_get(&counts->hits));
    for (size_t i = 0; i < UNCHECKED_REASONS; i++)
        fprintf(out, "platesieve_lane_looks_total{look=\"%s\",outcome=\"unchecked-%s\"} %llu\n", look, lane_unchecked_name((enum lane_unchecked)i),
                (unsigned long long)count_get(&counts->unchecked[i]));
}

static void write_engines(FILE *out, struct lane_service *service)
{
    family(out, "platesieve_lane_messages_total", "counter", "Messages of engines, by what came of them.");
    for (size_t i = 0; engines[i] != NULL; i++)
        for (size_t outcome = 0; outcome < ENGINE_OUTCOMES; outcome++)
            fprintf(out, "platesieve_lane_messages_total{engine=\"%s\",outcome=\"%s\"} %llu\n", engines[i]->name,
                    engine_outcome_name((enum engine_outcome)outcome),
                    (unsigned long long)count_get(&lane_counts_engine(&service->counts, engines[i])->messages[outcome]));
    family(out, "platesieve_lane_faults_total", "counter", "Parts of messages that could not be used.");
    for (size_t i = 0; engines[i] != NULL; i++)
        for (size_t fault = 0; fault < ENGINE_FAULTS; fault++)
            fprintf(out, "platesieve_lane_faults_total{engine=\"%s\",fault=\"%s\"} %llu\n", engines[i]->name, engine_fault_name((enum engine_fault)fault),
                    (unsigned long long)count_get(&lane_counts_engine(&service->counts, engines[i])->faults[fault]));
}

static void write_servers(FILE *out, struct lane_service *service)
{
    struct checker_state state;

    checker_look(service->checker, &state);
    family(out, "platesieve_lane_server_up", "gauge", "1 while a gate or key server answers.");
    for (size_t i = 0; i < state.gate_count; i++)
        fprintf(out, "platesieve_lane_server_up{service=\"gate\",number=\"%zu\"} %d\n", i + 1, state.gates[i].well);
    for (size_t i = 0; i < state.key_count; i++)
        fprintf(out, "platesieve_lane_server_up{service=\"keys\",number=\"%zu\"} %d\n", i + 1, state.keys[i].well);
    if (state.skew_known) {
        family(out, "platesieve_lane_clock_ahead_seconds", "gauge", "This machine's clock ahead of the gate's.");
        fprintf(out, "platesieve_lane_clock_ahead_seconds %.3f\n", (double)state.skew_ms / 1000);
    }
    family(out, "platesieve_lane_refused", "gauge", "1 while the gate does not want this lane.");
    fprintf(out, "platesieve_lane_refused %d\n", atomic_load(&service->refused));
}

static void write_histogram(FILE *out, const char *name, const struct histogram *histogram)
{
    static const double bounds_ms[] = { 1, 2, 5, 10, 20, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000 };
    uint64_t below = 0;
    double sum_us = 0;
    unsigned bucket = 0;

    for (size_t i = 0; i < ARRAY_LENGTH(bounds_ms); i++) {
        for (; bucket < HISTOGRAM_BUCKETS && histogram_middle(bucket) <= bounds_ms[i] * 1000; bucket++) below += histogram->buckets[bucket];
        fprintf(out, "%s_bucket{le=\"%g\"} %llu\n", name, bounds_ms[i] / 1000, (unsigned long long)below);
    }
    for (bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) sum_us += histogram_middle(bucket) * (double)histogram->buckets[bucket];
    fprintf(out, "%s_bucket{le=\"+Inf\"} %llu\n%s_sum %.6f\n%s_count %llu\n", name, (unsigned long long)histogram->total, name, sum_us / 1e6, name,
            (unsigned long long)histogram->total);
}

static void write_latency(FILE *out, struct lane_counts *counts)
{
    pthread_mutex_lock(&counts->mutex);
    family(out, "platesieve_lane_answer_seconds", "histogram", "From the last byte of a message to the gate's answer.");
    write_histogram(out, "platesieve_lane_answer_seconds", &counts->to_answer);
    family(out, "platesieve_lane_alert_seconds", "histogram", "From the last byte of a message to the alert.");
    write_histogram(out, "platesieve_lane_alert_seconds", &counts->to_alert);
    pthread_mutex_unlock(&counts->mutex);
}

static void write_single(FILE *out, const char *name, const char *type, const char *help, double value)
{
    family(out, name, type, help);
    fprintf(out, "%s %.17g\n", name, value);
}

/* Ways to the officer that are in use. */
static void write_ways(FILE *out, struct lane_service *service)
{
    struct alerts_state state;
    const struct alert_way *ways[] = { &state.output, &state.display, &state.command };
    static const char *const names[] = { "output", "display", "command" };

    alerts_look(service->alerts, &state);
    family(out, "platesieve_lane_way_up", "gauge", "1 while alerts get through.");
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
        if (ways[i]->used) fprintf(out, "platesieve_lane_way_up{way=\"%s\"} %d\n", names[i], ways[i]->well ? 1 : 0);
}

static void write_rest(FILE *out, struct lane_service *service)
{
    const struct lane_counts *counts = &service->counts;
    struct waiting_state waiting;

    waiting_look(service->waiting, &waiting);
    write_single(out, "platesieve_lane_alerts_total", "counter", "Alerts raised.", (double)count_get(&counts->alerts));
    write_single(out, "platesieve_lane_false_tags_total", "counter", "Alerts of gates whose tag was false.", (double)count_get(&counts->false_tags));
    write_single(out, "platesieve_lane_false_recipients_total", "counter", "Recipients of pictures that gates made up.",
                 (double)count_get(&counts->false_recipients));
    write_single(out, "platesieve_lane_captions_total", "counter", "Texts that were skipped as captions.", (double)count_get(&counts->captions));
    write_single(out, "platesieve_lane_late_total", "counter", "Looks that an engine told of long after it had them.", (double)count_get(&counts->late));
    write_single(out, "platesieve_lane_pictures_dropped_total", "counter", "Pictures that found no memory.", (double)count_get(&counts->pictures_dropped));
    write_single(out, "platesieve_lane_waiting", "gauge", "Reads that wait to be checked.", (double)waiting.all);
    write_single(out, "platesieve_lane_waiting_seconds", "gauge", "How long the oldest of them has waited.",
                 waiting.oldest_us == 0 ? 0 : (double)(moment_monotonic_us() - waiting.oldest_us) / 1e6);
    write_single(out, "platesieve_lane_images_bytes", "gauge", "Pictures in memory.", service->images == NULL ? 0 : (double)images_used(service->images));
    write_single(out, "process_resident_memory_bytes", "gauge", "Memory of this process.", (double)lane_process_bytes("VmRSS"));
    write_single(out, "process_start_time_seconds", "gauge", "When it began, since 1970.", (double)counts->began_ms / 1000);
    struct lane_certificate certificate;
    if (lane_certificate_look(service->renewer, &certificate)) {
        write_single(out, "platesieve_lane_certificate_ends_seconds", "gauge", "When the lane's certificate ends, since 1970.", (double)certificate.ends_ms / 1000);
        write_single(out, "platesieve_lane_certificate_alarm", "gauge", "1 while it ends soon, or its renewal failed.", certificate.alarm);
    }
    struct calibration_state calibration;
    if (calibration_look(service->calibration, &calibration)) {
        write_single(out, "platesieve_lane_calibration_alarm", "gauge", "1 while the lane's trial of itself fails, or is overdue.", calibration.alarm);
        write_single(out, "platesieve_lane_calibrated_seconds", "gauge", "When it succeeded last, since 1970.", (double)calibration.good_ms / 1000);
    }
    family(out, "platesieve_lane_requests_refused_total", "counter", "Requests to the lane's own listener that were refused.");
    for (size_t i = 0; i < REFUSED_REASONS; i++)
        fprintf(out, "platesieve_lane_requests_refused_total{reason=\"%s\"} %llu\n", lane_refused_name((enum lane_refused)i),
                (unsigned long long)count_get(&counts->refused[i]));
    write_ways(out, service);
    family(out, "platesieve_lane_delivered_total", "counter", "Alerts on their ways to the officer.");
    for (size_t i = 0; i < WAYS; i++)
        for (size_t well = 0; well < 2; well++)
            fprintf(out, "platesieve_lane_delivered_total{way=\"%s\",well=\"%s\"} %llu\n", lane_way_name((enum lane_way)i), well ? "yes" : "no",
                    (unsigned long long)count_get(&counts->delivered[i][well]));
}

char *lane_metrics_text(struct lane_service *service, size_t *size)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, size);

    if (out == NULL) return NULL;
    write_engines(out, service);
    family(out, "platesieve_lane_looks_total", "counter", "Looks at vehicles, by what came of them.");
    write_answers(out, "first", &service->counts.reads);
    write_answers(out, "again", &service->counts.again);
    write_answers(out, "calibration", &service->counts.calibrations);
    write_servers(out, service);
    write_latency(out, &service->counts);
    write_rest(out, service);
    if (fclose(out) == 0) return text;
    free(text);
    return NULL;
}
