/* How a lane fares: what it reports, and what a gate makes of it.  No clock, no memory, no I/O. */
#ifndef SERVER_GATE_LANES_STATE_H
#define SERVER_GATE_LANES_STATE_H

#include <platesieve/limits.h>
#include <stdbool.h>
#include <stdint.h>

/* -- a report (PUT /v1/lane/report) ------------------------------------------------------------------------------------- */

/* What a lane counts since it started.  Those from `away` on are reads that were never checked, and why. */
enum lane_total {
    LANE_MESSAGES,
    LANE_READS,
    LANE_CLEAR,
    LANE_HITS,
    LANE_ALERTS,
    LANE_FALSE_TAGS,
    LANE_UNUSABLE,
    LANE_AWAY,
    LANE_OVER_QUOTA,
    LANE_AGED,
    LANE_FULL,
    LANE_FAILED,
    LANE_TOTALS
};
#define LANE_UNCHECKED_FROM LANE_AWAY
const char *lane_total_name(enum lane_total total); /* "messages", "over-quota": as on the wire */

/* What came of the last read that the lane made up itself. */
enum lane_calibration {
    LANE_NOT_CALIBRATED, /* the lane has no calibration */
    LANE_CALIBRATION_NONE, /* none was tried yet */
    LANE_CALIBRATION_GOOD,
    LANE_CALIBRATION_CLEAR,     /* it did not hit */
    LANE_CALIBRATION_OTHER,     /* it hit, but not the list that it should */
    LANE_CALIBRATION_UNCHECKED,
    LANE_CALIBRATION_FALSE,     /* its alert had a false tag */
    LANE_CALIBRATION_ORDINARY,  /* it hit, but a list on which its hits count as those of vehicles */
    LANE_CALIBRATIONS
};
const char *lane_calibration_name(enum lane_calibration calibration); /* "none", "good", ... */

struct lane_report {
    int64_t started_ms, sent_ms; /* since 1970, by the lane's clock */
    uint32_t interval_s;
    char version[LIMIT_LANE_VERSION_MAX + 1];
    bool ending; /* it says goodbye */
    uint64_t totals[LANE_TOTALS], waiting;
    enum lane_calibration calibration;
    uint32_t calibration_interval_s;
    int64_t calibrated_ms; /* its last success, by the lane's clock; 0: none yet */
    int64_t certificate_ends_ms; /* since 1970; 0: it does not say */
    bool certificate_alarm;      /* the lane's own word: it ends soon, or its renewal failed */
};

/* Printable, without spaces, and short enough. */
bool lane_version_valid(const char *version);
uint64_t lane_unchecked(const uint64_t totals[LANE_TOTALS]);

/* -- a lane, as a gate knows it ------------------------------------------------------------------------------------------- */

#define LANE_NEVER INT64_MIN

struct lane_facts {
    char site[LIMIT_NAME_MAX + 1], lane[LIMIT_NAME_MAX + 1];
    /* steady time; all but the first may be LANE_NEVER */
    int64_t first_ms;     /* when it was heard of first */
    int64_t check_ms;     /* its last answered check, at any gate */
    int64_t report_ms;    /* its last report, at any gate; below: only then */
    int64_t read_ms;      /* when its count of reads was seen to have grown last, */
    int64_t unchecked_ms; /* that of reads that were not checked, */
    int64_t false_ms;     /* that of false tags */
    int64_t calibrated_ms;
    struct lane_report report;
    int64_t skew_ms;               /* its clock is so much ahead */
    uint64_t before[LANE_TOTALS];  /* of earlier runs */
    /* This gate's own, which the database does not have: */
    int64_t earlier_started_ms;    /* of the run before this one, by the lane's clock; 0: none */
    bool twice;                    /* a run that another had followed reported again: two lanes use one name */
    int64_t twice_ms;              /* when, steady */
};

/* Takes REPORT at NOW_MS (steady), when this machine's clock says WALL_MS: fills in all that follows from it and from what FACTS were before. */
void lane_facts_report(struct lane_facts *facts, const struct lane_report *report, int64_t now_ms, int64_t wall_ms);

/* -- what somebody must do something about -------------------------------------------------------------------------------- */

enum lane_alarm { /* a bit each */
    LANE_ALARM_SILENT = 1 << 0,      /* it neither reports nor checks */
    LANE_ALARM_IDLE = 1 << 1,        /* it reports, but sees no reads */
    LANE_ALARM_CALIBRATION = 1 << 2, /* the last one failed, or none succeeded for three intervals */
    LANE_ALARM_UNCHECKED = 1 << 3,   /* in the last minutes there were reads that nobody checked */
    LANE_ALARM_FALSE_TAGS = 1 << 4,  /* in the last day a gate answered with an alert that no agency made */
    LANE_ALARM_SKEW = 1 << 5,
    LANE_ALARM_TWICE = 1 << 6,       /* in the last minutes two lanes reported under its name */
    LANE_ALARM_CERTIFICATE = 1 << 7, /* it says that its certificate ends soon, or that nobody renews it */
};
#define LANE_ALARMS 8
const char *lane_alarm_name(unsigned bit); /* of the bit's number: "silent", "idle", "calibration", "unchecked", "false-tags", "skew", "twice", "certificate" */

enum lane_state {
    LANE_WELL,
    LANE_ALARM,   /* it talks, and there are alarms */
    LANE_SILENT,
    LANE_ENDED,   /* it said goodbye */
    LANE_UNKNOWN, /* it has not talked to this gate for too long, and this gate does not know whether it does to another */
    LANE_REMOVED, /* not registered any more */
    LANE_STATES
};
const char *lane_state_name(enum lane_state state);

/* What the operator wants to hear about; of one site. */
struct lane_wishes {
    uint32_t silence_s; /* 0: three intervals of the lane that reports, at least LIMIT_LANE_SILENCE_S; never of one that does not */
    uint32_t idle_s;    /* 0: it does not matter */
    uint32_t skew_s;
};

struct lane_judgement {
    enum lane_state state;
    unsigned alarms;     /* ORed enum lane_alarm */
    int64_t silence_ms;  /* how long it may keep quiet; 0: as long as it likes */
};

/* At NOW_MS.  KNOWN_MS: up to then this gate knows what the lane said to other gates, LANE_NEVER: not at all; all steady. */
struct lane_judgement lane_judge(const struct lane_facts *facts, const struct lane_wishes *wishes, bool registered, int64_t known_ms, int64_t now_ms);
/* How long a lane may keep quiet; 0: as long as it likes. */
int64_t lane_silence_ms(const struct lane_facts *facts, const struct lane_wishes *wishes);
/* When it was heard last. */
int64_t lane_heard_ms(const struct lane_facts *facts);

#endif
