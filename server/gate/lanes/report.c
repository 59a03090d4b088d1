#include "server/gate/lanes/report.h"

#include "server/gate/fields.h"

#define WORD_BYTES 16
#define CALIBRATION_INTERVAL_S 60 /* where the lane does not say it */

static struct result parse_count(const json_t *object, enum lane_total total, uint64_t totals[LANE_TOTALS])
{
    return field_number_given(object, lane_total_name(total), 0, LIMIT_LANE_COUNT, &totals[total]);
}

static struct result parse_totals(const json_t *object, uint64_t totals[LANE_TOTALS])
{
    static const char *const members[] = { "messages", "reads", "clear", "hits", "alerts", "unchecked", "false_tags", "unusable", NULL };
    static const char *const whys[] = { "away", "over-quota", "aged", "full", "failed", NULL };
    const json_t *unchecked = json_object_get(object, "unchecked");

    if (!json_is_object(object) || !json_is_object(unchecked)) return FAIL(REASON_BAD_FIELD);
    TRY(fields_only(object, members));
    TRY(fields_only(unchecked, whys));
    for (enum lane_total total = 0; total < LANE_TOTALS; total++) TRY(parse_count(total < LANE_UNCHECKED_FROM ? object : unchecked, total, totals));
    return OK;
}

static struct result parse_calibration(const json_t *object, struct lane_report *report)
{
    static const char *const members[] = { "at", "outcome", "interval_s", NULL };
    char outcome[WORD_BYTES];
    uint64_t interval_s;

    report->calibration = LANE_NOT_CALIBRATED;
    if (json_is_null(object)) return OK;
    if (!json_is_object(object)) return FAIL(REASON_BAD_FIELD);
    TRY(fields_only(object, members));
    if (!json_is_null(json_object_get(object, "at"))) TRY(field_time(object, "at", &report->calibrated_ms));
    TRY(field_number(object, "interval_s", 1, LIMIT_LANE_INTERVAL_S, CALIBRATION_INTERVAL_S, &interval_s));
    report->calibration_interval_s = (uint32_t)interval_s;
    TRY(field_text(object, "outcome", NULL, outcome, sizeof outcome));
    for (enum lane_calibration each = LANE_CALIBRATION_NONE; each < LANE_CALIBRATIONS; each++)
        if (strcmp(outcome, lane_calibration_name(each)) == 0) report->calibration = each;
    return report->calibration != LANE_NOT_CALIBRATED ? OK : FAIL(REASON_BAD_FIELD);
}

/* Absent or null: it does not say. */
static struct result parse_certificate(const json_t *object, struct lane_report *report)
{
    static const char *const members[] = { "ends_at", "alarm", NULL };

    if (object == NULL || json_is_null(object)) return OK;
    if (!json_is_object(object)) return FAIL(REASON_BAD_FIELD);
    TRY(fields_only(object, members));
    TRY(field_time(object, "ends_at", &report->certificate_ends_ms));
    return field_bool(object, "alarm", false, &report->certificate_alarm);
}

struct result lane_report_parse(const json_t *object, struct lane_report *report)
{
    static const char *const members[] = { "started_at", "sent_at", "interval_s", "version", "totals", "waiting", "calibration", "certificate", "ending", NULL };
    uint64_t interval_s;

    *report = (struct lane_report){ 0 };
    TRY(fields_only(object, members));
    TRY(field_time(object, "started_at", &report->started_ms));
    TRY(field_time(object, "sent_at", &report->sent_ms));
    TRY(field_number_given(object, "interval_s", 1, LIMIT_LANE_INTERVAL_S, &interval_s));
    report->interval_s = (uint32_t)interval_s;
    TRY(field_text(object, "version", NULL, report->version, sizeof report->version));
    if (report->version[0] == '\0' || !lane_version_valid(report->version)) return FAIL(REASON_BAD_FIELD);
    TRY(parse_totals(json_object_get(object, "totals"), report->totals));
    TRY(field_number_given(object, "waiting", 0, LIMIT_LANE_COUNT, &report->waiting));
    TRY(parse_calibration(json_object_get(object, "calibration"), report));
    TRY(parse_certificate(json_object_get(object, "certificate"), report));
    return field_bool(object, "ending", false, &report->ending);
}
