/* Any bytes as a lane's report: what is taken is within its limits, and what a gate makes of it holds, whatever came before. */
#include "server/gate/lanes/report.h"
#include "server/http/json.h"
#include "tests/fuzz/fuzz.h"

#define NOW_MS INT64_C(5000000000)       /* of a clock that only goes on */
#define WALL_MS INT64_C(1795311043123)   /* 2026-11-22T01:30:43.123Z, as the corpus has it */
#define YEAR_0_MS (-INT64_C(62167219200) * 1000)
#define YEAR_10000_MS (INT64_C(253402300800) * 1000)

static bool is_time(int64_t ms)
{
    return ms >= YEAR_0_MS && ms < YEAR_10000_MS;
}

static void whole(const struct lane_report *report)
{
    FUZZ_ASSERT(is_time(report->started_ms) && is_time(report->sent_ms) && is_time(report->calibrated_ms) && is_time(report->certificate_ends_ms));
    FUZZ_ASSERT(report->interval_s >= 1 && report->interval_s <= LIMIT_LANE_INTERVAL_S);
    FUZZ_ASSERT(report->version[0] != '\0' && lane_version_valid(report->version));
    for (size_t i = 0; i < LANE_TOTALS; i++) FUZZ_ASSERT(report->totals[i] <= LIMIT_LANE_COUNT);
    FUZZ_ASSERT(report->waiting <= LIMIT_LANE_COUNT);
    FUZZ_ASSERT(report->calibration < LANE_CALIBRATIONS && lane_calibration_name(report->calibration) != NULL);
    FUZZ_ASSERT(report->calibration == LANE_NOT_CALIBRATED || (report->calibration_interval_s >= 1 && report->calibration_interval_s <= LIMIT_LANE_INTERVAL_S));
}

/* Twice under one name, with a report of another run between: a gate's own numbers stay what they can be. */
static void taken(const struct lane_report *report)
{
    static const struct lane_wishes wishes = { .idle_s = 60, .skew_s = 5 };
    static const struct lane_report other = { .started_ms = WALL_MS - 1000, .sent_ms = WALL_MS, .interval_s = 10, .version = "1" };
    struct lane_facts facts = { .site = "north", .lane = "1", .first_ms = NOW_MS - 1000, .check_ms = LANE_NEVER, .report_ms = LANE_NEVER, .read_ms = LANE_NEVER,
                                .unchecked_ms = LANE_NEVER, .false_ms = LANE_NEVER, .calibrated_ms = LANE_NEVER };

    lane_facts_report(&facts, report, NOW_MS, WALL_MS);
    lane_facts_report(&facts, &other, NOW_MS + 1, WALL_MS + 1);
    lane_facts_report(&facts, report, NOW_MS + 2, WALL_MS + 2);
    FUZZ_ASSERT(lane_heard_ms(&facts) == NOW_MS + 2);
    for (size_t i = 0; i < LANE_TOTALS; i++) FUZZ_ASSERT(facts.before[i] <= LIMIT_LANE_COUNT * 2);
    for (int64_t now_ms = NOW_MS + 2; now_ms < NOW_MS + INT64_C(100000000); now_ms += 9999999) {
        const struct lane_judgement judgement = lane_judge(&facts, &wishes, true, now_ms, now_ms);

        FUZZ_ASSERT(judgement.state < LANE_STATES && judgement.alarms < 1u << LANE_ALARMS);
        FUZZ_ASSERT(judgement.state != LANE_WELL || judgement.alarms == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lane_report report;
    json_t *json = NULL;

    if (size > LIMIT_LANE_REPORT_BYTES || failed(json_parse_object((const char *)data, size, &json))) return 0;
    if (!failed(lane_report_parse(json, &report))) {
        whole(&report);
        taken(&report);
    }
    json_decref(json);
    return 0;
}
