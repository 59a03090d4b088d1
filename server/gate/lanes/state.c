#include "server/gate/lanes/state.h"

#include <stddef.h>
#include <string.h>

#define UNCHECKED_ALARM_MS (5 * 60 * 1000)
#define FALSE_TAGS_ALARM_MS (24 * 3600 * 1000)
#define TWICE_ALARM_MS (10 * 60 * 1000)
#define GOODBYE_LAST_MS 2000 /* a check that was answered by another gate may seem to be a little younger than the goodbye */

const char *lane_total_name(enum lane_total total)
{
    static const char *const names[LANE_TOTALS] = {
        [LANE_MESSAGES] = "messages",     [LANE_READS] = "reads",       [LANE_CLEAR] = "clear", [LANE_HITS] = "hits",
        [LANE_ALERTS] = "alerts",         [LANE_FALSE_TAGS] = "false_tags", [LANE_UNUSABLE] = "unusable", [LANE_AWAY] = "away",
        [LANE_OVER_QUOTA] = "over-quota", [LANE_AGED] = "aged",         [LANE_FULL] = "full",   [LANE_FAILED] = "failed",
    };

    return names[total];
}

const char *lane_calibration_name(enum lane_calibration calibration)
{
    static const char *const names[LANE_CALIBRATIONS] = {
        [LANE_NOT_CALIBRATED] = "",        [LANE_CALIBRATION_NONE] = "none",   [LANE_CALIBRATION_GOOD] = "good",
        [LANE_CALIBRATION_CLEAR] = "clear", [LANE_CALIBRATION_OTHER] = "other", [LANE_CALIBRATION_UNCHECKED] = "unchecked",
        [LANE_CALIBRATION_FALSE] = "false", [LANE_CALIBRATION_ORDINARY] = "ordinary",
    };

    return names[calibration];
}

const char *lane_alarm_name(unsigned bit)
{
    static const char *const names[LANE_ALARMS] = { "silent", "idle", "calibration", "unchecked", "false-tags", "skew", "twice", "certificate" };

    return names[bit];
}

const char *lane_state_name(enum lane_state state)
{
    static const char *const names[LANE_STATES] = { "well", "alarm", "silent", "ended", "unknown", "removed" };

    return names[state];
}

bool lane_version_valid(const char *version)
{
    const size_t size = strlen(version);

    return size <= LIMIT_LANE_VERSION_MAX && strspn(version, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+~-_/") == size;
}

uint64_t lane_unchecked(const uint64_t totals[LANE_TOTALS])
{
    uint64_t sum = 0;

    for (size_t i = LANE_UNCHECKED_FROM; i < LANE_TOTALS; i++) sum += totals[i];
    return sum;
}

/* -- taking a report ------------------------------------------------------------------------------------------------------- */

/* One lane that is started anew never goes on with its earlier run; two that go by one name, or one and a thief, take turns. */
static void note_run(struct lane_facts *facts, int64_t started_ms, int64_t now_ms)
{
    if (facts->earlier_started_ms != 0 && started_ms == facts->earlier_started_ms) {
        facts->twice = true;
        facts->twice_ms = now_ms;
    }
    facts->earlier_started_ms = facts->report.started_ms;
}

void lane_facts_report(struct lane_facts *facts, const struct lane_report *report, int64_t now_ms, int64_t wall_ms)
{
    static const uint64_t nothing[LANE_TOTALS];
    const bool reported = facts->report_ms != LANE_NEVER;
    const bool same_run = reported && facts->report.started_ms == report->started_ms;
    const uint64_t *then = same_run ? facts->report.totals : nothing;

    if (reported && !same_run) note_run(facts, report->started_ms, now_ms);
    if (reported && !same_run)
        for (size_t i = 0; i < LANE_TOTALS; i++) facts->before[i] += facts->report.totals[i];
    if (report->totals[LANE_READS] > then[LANE_READS]) facts->read_ms = now_ms;
    if (lane_unchecked(report->totals) > lane_unchecked(then)) facts->unchecked_ms = now_ms;
    if (report->totals[LANE_FALSE_TAGS] > then[LANE_FALSE_TAGS]) facts->false_ms = now_ms;
    if (report->calibrated_ms != 0) {
        const int64_t age_ms = report->sent_ms - report->calibrated_ms;

        facts->calibrated_ms = now_ms - (age_ms > 0 ? age_ms : 0);
    } else if (!same_run) {
        facts->calibrated_ms = LANE_NEVER;
    }
    facts->report = *report;
    facts->report_ms = now_ms;
    facts->skew_ms = report->sent_ms - wall_ms;
}

/* -- judging --------------------------------------------------------------------------------------------------------------- */

int64_t lane_heard_ms(const struct lane_facts *facts)
{
    int64_t heard_ms = facts->first_ms;

    if (facts->check_ms > heard_ms) heard_ms = facts->check_ms;
    return facts->report_ms > heard_ms ? facts->report_ms : heard_ms;
}

int64_t lane_silence_ms(const struct lane_facts *facts, const struct lane_wishes *wishes)
{
    if (wishes->silence_s != 0) return (int64_t)wishes->silence_s * 1000;
    if (facts->report_ms == LANE_NEVER) return 0;
    const uint32_t own_s = 3 * facts->report.interval_s;
    return (int64_t)(own_s > LIMIT_LANE_SILENCE_S ? own_s : LIMIT_LANE_SILENCE_S) * 1000;
}

static bool within(int64_t then_ms, int64_t duration_ms, int64_t now_ms)
{
    return then_ms != LANE_NEVER && now_ms - then_ms <= duration_ms;
}

/* Until it reports again.  Who only asks under its name meanwhile (a file of reads) has promised nothing: it is there while it does. */
static bool has_ended(const struct lane_facts *facts, int64_t now_ms)
{
    if (facts->report_ms == LANE_NEVER || !facts->report.ending) return false;
    return facts->check_ms == LANE_NEVER || facts->check_ms - GOODBYE_LAST_MS <= facts->report_ms ||
           !within(facts->check_ms, LIMIT_LANE_SILENCE_S * 1000, now_ms);
}

/* When the lane began to work, for what it has not had since. */
static int64_t began_ms(const struct lane_facts *facts)
{
    int64_t age_ms = facts->report.sent_ms - facts->report.started_ms;

    if (facts->report_ms == LANE_NEVER) return facts->first_ms;
    return facts->report_ms - (age_ms > 0 ? age_ms : 0);
}

static bool calibration_fails(const struct lane_facts *facts, int64_t now_ms)
{
    const struct lane_report *report = &facts->report;

    if (facts->report_ms == LANE_NEVER || report->calibration == LANE_NOT_CALIBRATED) return false;
    if (report->calibration != LANE_CALIBRATION_GOOD && report->calibration != LANE_CALIBRATION_NONE) return true;
    const int64_t last_ms = facts->calibrated_ms != LANE_NEVER ? facts->calibrated_ms : began_ms(facts);
    return now_ms - last_ms > ((int64_t)3 * report->calibration_interval_s + report->interval_s) * 1000;
}

static bool is_idle(const struct lane_facts *facts, const struct lane_wishes *wishes, int64_t now_ms)
{
    int64_t last_ms = facts->report_ms != LANE_NEVER ? facts->read_ms : facts->check_ms;

    if (wishes->idle_s == 0) return false;
    if (last_ms < began_ms(facts)) last_ms = began_ms(facts); /* also for never */
    return now_ms - last_ms > (int64_t)wishes->idle_s * 1000;
}

/* Of a lane that talks. */
static unsigned alarms_of(const struct lane_facts *facts, const struct lane_wishes *wishes, int64_t now_ms)
{
    const int64_t skew_ms = facts->skew_ms < 0 ? -facts->skew_ms : facts->skew_ms;
    unsigned alarms = 0;

    if (is_idle(facts, wishes, now_ms)) alarms |= LANE_ALARM_IDLE;
    if (calibration_fails(facts, now_ms)) alarms |= LANE_ALARM_CALIBRATION;
    if (within(facts->unchecked_ms, UNCHECKED_ALARM_MS, now_ms)) alarms |= LANE_ALARM_UNCHECKED;
    if (within(facts->false_ms, FALSE_TAGS_ALARM_MS, now_ms)) alarms |= LANE_ALARM_FALSE_TAGS;
    if (facts->report_ms != LANE_NEVER && skew_ms > (int64_t)wishes->skew_s * 1000) alarms |= LANE_ALARM_SKEW;
    if (facts->report_ms != LANE_NEVER && facts->report.certificate_alarm) alarms |= LANE_ALARM_CERTIFICATE;
    if (facts->twice && within(facts->twice_ms, TWICE_ALARM_MS, now_ms)) alarms |= LANE_ALARM_TWICE;
    return alarms;
}

struct lane_judgement lane_judge(const struct lane_facts *facts, const struct lane_wishes *wishes, bool registered, int64_t known_ms, int64_t now_ms)
{
    struct lane_judgement judgement = { .state = LANE_REMOVED, .silence_ms = lane_silence_ms(facts, wishes) };
    const int64_t heard_ms = lane_heard_ms(facts);

    if (!registered) return judgement;
    if (has_ended(facts, now_ms)) {
        judgement.state = LANE_ENDED;
        if (within(facts->false_ms, FALSE_TAGS_ALARM_MS, now_ms)) judgement.alarms = LANE_ALARM_FALSE_TAGS;
        return judgement;
    }
    if (judgement.silence_ms != 0 && now_ms - heard_ms > judgement.silence_ms) {
        const bool sure = known_ms != LANE_NEVER && known_ms - heard_ms > judgement.silence_ms;

        judgement.state = sure ? LANE_SILENT : LANE_UNKNOWN;
        if (sure) judgement.alarms = LANE_ALARM_SILENT;
        return judgement;
    }
    judgement.alarms = alarms_of(facts, wishes, now_ms);
    judgement.state = judgement.alarms != 0 ? LANE_ALARM : LANE_WELL;
    return judgement;
}
