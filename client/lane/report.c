#include "client/lane/lane.h"

#include <inttypes.h>

#include "client/base64.h"
#include "client/histogram.h"
#include "client/http/over_quota.h"
#include "client/http/problem.h"
#include "client/moment.h"
#include "crypto/list_header.h"

struct lane_report {
    const struct lane_options *options;
    bool json;
    int64_t begin_ms;
    struct remarks remarks;
    struct row_counts unusable;
    uint64_t unknown_jurisdiction;
    /* guarded by the mutex */
    pthread_mutex_t mutex;
    uint64_t reads, cleared, hits, alerts, unchecked, over_quota /* of the unchecked */, alarms;
    uint64_t by_grade[PLATESIEVE_GRADES];
    json_t *by_list;   /* "agency/list" -> hits */
    json_t *not_asked; /* "agency/list" -> why */
    json_t *pictures;  /* outcome -> how many */
    struct histogram latency;
};

struct lane_report *lane_report_create(const struct lane_options *options, bool json)
{
    struct lane_report *report = calloc(1, sizeof(*report));

    if (report == NULL) {
        say("out of memory");
        return NULL;
    }
    report->options = options;
    report->json = report->remarks.json = json;
    report->begin_ms = moment_monotonic_ms();
    pthread_mutex_init(&report->mutex, NULL);
    report->by_list = json_object();
    report->not_asked = json_object();
    report->pictures = json_object();
    return report;
}

void lane_report_destroy(struct lane_report *report)
{
    if (report == NULL) return;
    json_decref(report->by_list);
    json_decref(report->not_asked);
    json_decref(report->pictures);
    pthread_mutex_destroy(&report->mutex);
    free(report);
}

void lane_report_unusable(struct lane_report *report, uint64_t line, enum row_fault fault)
{
    report->unusable.faults[fault]++;
    remark(&report->remarks, line, row_fault_name(fault), row_fault_text(fault));
}

void lane_report_unknown_jurisdiction(struct lane_report *report)
{
    report->unknown_jurisdiction++;
}

void lane_report_latency(struct lane_report *report, size_t reads, int64_t us)
{
    pthread_mutex_lock(&report->mutex);
    histogram_add(&report->latency, us, reads);
    pthread_mutex_unlock(&report->mutex);
}

static void print_unchecked_json(const struct row_read *read, int64_t over_until_ms)
{
    json_t *json = json_pack("{s:I, s:b}", "line", (json_int_t)read->line, "unchecked", 1);
    char until[MOMENT_TEXT];

    if (over_until_ms > 0 && json != NULL) {
        moment_print(moment_then_ms(over_until_ms), until);
        json_object_set_new(json, "why", json_string("over-quota"));
        json_object_set_new(json, "until", json_string(until));
    }
    (void)print_json(json);
}

static void say_unchecked(const struct row_read *read, int64_t over_until_ms)
{
    char until[32];

    over_quota_time(over_until_ms, until);
    if (over_until_ms > 0) say("line %" PRIu64 ": NOT CHECKED: this lane is over its quota until %s", read->line, until);
    else say("line %" PRIu64 ": NOT CHECKED", read->line);
}

void lane_report_unchecked(struct lane_report *report, const struct row_batch *batch, int64_t over_until_ms)
{
    pthread_mutex_lock(&report->mutex);
    report->reads += batch->count;
    if (over_until_ms > 0) report->over_quota += batch->count;
    for (size_t i = 0; i < batch->count; i++) {
        if (report->json) print_unchecked_json(&batch->reads[i], over_until_ms);
        else if (report->unchecked + i < REMARKS_SHOWN) say_unchecked(&batch->reads[i], over_until_ms);
    }
    report->unchecked += batch->count;
    if (report->json) (void)fflush(stdout); /* whoever reads along must know now, as of an alert */
    pthread_mutex_unlock(&report->mutex);
}

/* -- alerts -------------------------------------------------------------------------------------------------------- */

static void print_alert(const struct row_read *read, const struct check_read *check, const struct check_alert *alert)
{
    const struct platesieve_jurisdiction *jurisdiction = &check->candidates[alert->candidate].jurisdiction;
    char plate[LANE_RAW_MAX + 1], words[LIMIT_INSTRUCTION_MAX + 1], about[LIMIT_CATEGORY_MAX + 1], time[MOMENT_TEXT];

    snprintf(plate, sizeof(plate), "%s", read->raw);
    snprintf(words, sizeof(words), "%s", alert->instruction);
    snprintf(about, sizeof(about), "%s", alert->category);
    make_printable(plate);
    make_printable(words);
    make_printable(about);
    moment_print(check->seen_ms, time);
    printf("%.8s  ALERT  %s %s  %s (%s/%s), match %s, priority %u%s%s%s  [line %" PRIu64 "]\n", time + 11, plate,
           jurisdiction->code[0] == '\0' ? "(jurisdiction unknown)" : jurisdiction->code, about, alert->agency, alert->list,
           platesieve_grade_name(alert->grade), alert->priority, words[0] == '\0' ? "" : ": ", words,
           alert->verify ? "  (THE LIST IS OLD: VERIFY FIRST)" : "", read->line);
    platesieve_wipe(plate, sizeof(plate));
}

/* As the gate sends it, without the tag. */
static json_t *alert_json(const struct check_alert *alert)
{
    char header[LIST_HEADER_ID_TEXT + 1];

    base64_print(alert->header, sizeof(alert->header), header, sizeof(header));
    return json_pack("{s:s, s:s, s:s, s:s, s:I, s:s, s:I, s:s, s:s, s:s?, s:I, s:I, s:b}", "hit", alert->hit, "list", alert->list, "agency",
                     alert->agency, "category", alert->category, "priority", (json_int_t)alert->priority, "grade",
                     platesieve_grade_name(alert->grade), "candidate", (json_int_t)alert->candidate, "epoch", alert->epoch, "instruction",
                     alert->instruction, "header", alert->has_header ? header : NULL, "revision", (json_int_t)alert->revision, "age_s",
                     (json_int_t)alert->age_s, "verify", alert->verify);
}

/* One object for a read: its line stands for the plate, unless --show-plates. */
static void print_alerts_json(const struct lane_report *report, const struct row_read *read, const struct check_read *check,
                              const struct check_answer *answer)
{
    const char *jurisdiction = check->candidates[0].jurisdiction.code;
    char id[PLATESIEVE_TOKEN_TEXT + 1], seen[MOMENT_TEXT];
    json_t *json, *alerts = json_array();

    base64_print(check->id, sizeof(check->id), id, sizeof(id));
    moment_print(check->seen_ms, seen);
    for (size_t i = 0; i < answer->count; i++) json_array_append_new(alerts, alert_json(&answer->alerts[i]));
    json = json_pack("{s:I, s:s, s:s, s:o}", "line", (json_int_t)read->line, "read_id", id, "seen_at", seen, "alerts", alerts);
    if (report->options->show_plates && json != NULL) {
        json_object_set_new(json, "plate", json_string(read->raw));
        json_object_set_new(json, "jurisdiction", jurisdiction[0] == '\0' ? json_null() : json_string(jurisdiction));
    }
    (void)print_json(json);
}

/* A read counts once for each list, and once at its strongest grade. */
static void count_hit(struct lane_report *report, const struct check_answer *answer)
{
    unsigned strongest = PLATESIEVE_NEAR;
    json_t *counted = json_object();

    for (size_t i = 0; i < answer->count; i++) {
        const struct check_alert *alert = &answer->alerts[i];
        char name[2 * LIMIT_NAME_MAX + 2];

        if (alert->grade < strongest) strongest = alert->grade;
        snprintf(name, sizeof(name), "%s/%s", alert->agency, alert->list);
        if (json_object_get(counted, name) != NULL) continue;
        json_object_set_new(counted, name, json_true());
        json_object_set_new(report->by_list, name, json_integer(json_integer_value(json_object_get(report->by_list, name)) + 1));
    }
    json_decref(counted);
    report->hits++;
    report->by_grade[strongest]++;
    report->alerts += answer->count;
}

void lane_report_answer(struct lane_report *report, const struct row_batch *batch, size_t number, const struct check_answer *answer)
{
    const struct row_read *read = &batch->reads[number];
    const struct check_read *check = &batch->checks[number];
    const bool hit = answer->result == CHECK_HIT;

    pthread_mutex_lock(&report->mutex);
    report->reads++;
    report->alarms += answer->false_tags;
    if (answer->false_tags > 0)
        say("ALARM: line %" PRIu64 ": the gate sent %u alert%s with a false tag; no agency listed this.  Tell the "
                                   "gate's operator and your own people.",
            read->line, answer->false_tags, answer->false_tags == 1 ? "" : "s");
    if (hit) count_hit(report, answer);
    else if (answer->result == CHECK_UNCHECKED) report->unchecked++;
    else report->cleared++;
    if (hit && report->json) print_alerts_json(report, read, check, answer);
    for (size_t i = 0; hit && !report->json && i < answer->count; i++) print_alert(read, check, &answer->alerts[i]);
    if (hit) (void)fflush(stdout);
    pthread_mutex_unlock(&report->mutex);
}

/* -- pictures ------------------------------------------------------------------------------------------------------ */

static const char *picture_text(const char *outcome)
{
    static const struct {
        const char *outcome, *text;
    } texts[] = {
        { "missing", "its file can't be read" },
        { "too-large", "it is too large" },
        { "no-image", "its file is neither a JPEG nor a PNG, or is broken" },
        { "header-expired", "the agency has let its recipients expire" },
        { "no-header", "the gates do not have the list's recipients any more" },
        { "unknown", "no gate knows the hit" },
        { "enough", "the hit has enough of them" },
        { "late", "it came too late" },
        { "refused", "the gate refused it" },
        { "too-many", "too many are under way" },
        { "given-up", "no gate took it in time" },
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (strcmp(texts[i].outcome, outcome) == 0) return texts[i].text;
    return "it can't be sealed";
}

static void print_picture_json(const struct lane_picture_news *news)
{
    json_t *json = json_pack("{s:I, s:s, s:s, s:s, s:s}", "line", (json_int_t)news->line, "hit", news->hit, "agency", news->agency, "list",
                             news->list, "picture", news->outcome);

    if (news->size > 0 && json != NULL) {
        json_object_set_new(json, "size", json_integer((json_int_t)news->size));
        json_object_set_new(json, "recipients", json_integer((json_int_t)news->recipients));
    }
    if (news->problem[0] != '\0' && json != NULL) json_object_set_new(json, "problem", json_string(news->problem));
    (void)print_json(json);
    (void)fflush(stdout);
}

/* That a read has no picture, or that nobody wants it, is nothing to report to people. */
static void say_picture(const struct lane_picture_news *news)
{
    if (strcmp(news->outcome, "none") == 0 || strcmp(news->outcome, "not-wanted") == 0 || news->alarm != NULL) return;
    if (strcmp(news->outcome, "stored") == 0)
        say("line %" PRIu64 ": picture sealed to %zu certificate%s of %s/%s and stored, %zu kB", news->line, news->recipients,
            news->recipients == 1 ? "" : "s", news->agency, news->list, (news->size + 999) / 1000);
    else
        say("line %" PRIu64 ": NO PICTURE for %s/%s: %s%s%s", news->line, news->agency, news->list, picture_text(news->outcome),
            news->problem[0] == '\0' ? "" : ": ", news->problem);
}

void lane_report_picture(struct lane_report *report, const struct lane_picture_news *news)
{
    pthread_mutex_lock(&report->mutex);
    json_object_set_new(report->pictures, news->outcome,
                        json_integer(json_integer_value(json_object_get(report->pictures, news->outcome)) + 1));
    if (news->alarm != NULL) {
        report->alarms++;
        say("ALARM: line %" PRIu64 ": the recipients that the gate named for pictures of %s/%s can't be believed: %s.  Nothing was sealed "
            "to them.  Tell the gate's operator, the agency and your own people.",
            news->line, news->agency, news->list, news->alarm);
    }
    if (report->json) print_picture_json(news);
    else say_picture(news);
    pthread_mutex_unlock(&report->mutex);
}

void lane_report_not_asked(struct lane_report *report, const char *agency, const char *list, const char *why)
{
    char name[2 * LIMIT_NAME_MAX + 2];

    snprintf(name, sizeof(name), "%s/%s", agency, list);
    pthread_mutex_lock(&report->mutex);
    if (json_object_get(report->not_asked, name) == NULL) {
        json_object_set_new(report->not_asked, name, json_string(why));
        say("the list %s could not be asked: %s", name, why);
    }
    pthread_mutex_unlock(&report->mutex);
}

/* -- summary ------------------------------------------------------------------------------------------------------- */

/* [[milliseconds, reads], ...], so that whoever runs several lanes can add them up. */
static json_t *histogram_json(const struct histogram *histogram)
{
    json_t *buckets = json_array();

    for (unsigned bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++)
        if (histogram->buckets[bucket] > 0)
            json_array_append_new(
                buckets, json_pack("[f, I]", histogram_middle(bucket) / 1000, (json_int_t)histogram->buckets[bucket]));
    return buckets;
}

static json_t *summary_json(const struct lane_report *report)
{
    json_t *by_grade = json_object();

    for (unsigned grade = 0; grade < PLATESIEVE_GRADES; grade++)
        json_object_set_new(by_grade, platesieve_grade_name(grade), json_integer((json_int_t)report->by_grade[grade]));
    return json_pack("{s:{s:I, s:I, s:I, s:I, s:O, s:o, s:I, s:o, s:I, s:I, s:I, s:I, s:O, s:O, s:{s:f, s:f, s:o}, s:f}}",
                     "summary", "reads", (json_int_t)report->reads, "cleared", (json_int_t)report->cleared, "hits",
                     (json_int_t)report->hits, "alerts", (json_int_t)report->alerts, "hits_by_list", report->by_list,
                     "hits_by_grade", by_grade, "unusable", (json_int_t)row_counts_total(&report->unusable, false),
                     "unusable_by_reason", row_counts_json(&report->unusable, false), "unknown_jurisdiction",
                     (json_int_t)report->unknown_jurisdiction, "unchecked", (json_int_t)report->unchecked, "over_quota",
                     (json_int_t)report->over_quota, "alarms",
                     (json_int_t)report->alarms, "lists_not_asked", report->not_asked, "pictures", report->pictures, "latency_ms", "p50",
                     histogram_percentile(&report->latency, 50) / 1000, "p99",
                     histogram_percentile(&report->latency, 99) / 1000, "histogram", histogram_json(&report->latency),
                     "seconds", (double)(moment_monotonic_ms() - report->begin_ms) / 1000);
}

static void print_summary(const struct lane_report *report)
{
    const char *list;
    json_t *count;

    fprintf(stderr,
            "\n%" PRIu64 " reads: %" PRIu64 " cleared, %" PRIu64 " hits, %" PRIu64 " unchecked; %" PRIu64 " alerts\n",
            report->reads, report->cleared, report->hits, report->unchecked, report->alerts);
    for (unsigned grade = 0; grade < PLATESIEVE_GRADES; grade++)
        if (report->by_grade[grade] > 0)
            fprintf(stderr, "  %-24s %" PRIu64 "\n", platesieve_grade_name(grade), report->by_grade[grade]);
    json_object_foreach(report->by_list, list, count)
        fprintf(stderr, "  %-24s %lld\n", list, (long long)json_integer_value(count));
    for (size_t i = 1; i < ROW_FAULTS; i++)
        if (report->unusable.faults[i] > 0)
            fprintf(stderr, "  %" PRIu64 " unusable: %s\n", report->unusable.faults[i],
                    row_fault_text((enum row_fault)i));
    if (report->unknown_jurisdiction > 0)
        fprintf(stderr, "  %" PRIu64 " of unknown jurisdiction, checked from grade `plate` down\n",
                report->unknown_jurisdiction);
    if (report->over_quota > 0)
        fprintf(stderr, "  %" PRIu64 " of the unchecked were over this lane's quota\n", report->over_quota);
    json_object_foreach(report->pictures, list, count)
        if (strcmp(list, "none") != 0 && strcmp(list, "not-wanted") != 0)
            fprintf(stderr, "  %lld picture%s: %s\n", (long long)json_integer_value(count), json_integer_value(count) == 1 ? "" : "s", list);
    if (report->alarms > 0) fprintf(stderr, "  %" PRIu64 " ALARMS: a gate sent what is false\n", report->alarms);
    fprintf(stderr, "  answered in %.2f ms (median), %.2f ms (99th percentile)\n",
            histogram_percentile(&report->latency, 50) / 1000, histogram_percentile(&report->latency, 99) / 1000);
}

int lane_report_end(struct lane_report *report)
{
    remarks_end(&report->remarks);
    if (!report->json) print_summary(report);
    else if (!print_json(summary_json(report))) return CLIENT_FAILED;
    if (report->alarms > 0) return CLIENT_ALARM;
    if (report->unchecked > 0) return CLIENT_FAILED;
    return row_counts_total(&report->unusable, false) > 0 ? CLIENT_REMARKS : CLIENT_OK;
}
