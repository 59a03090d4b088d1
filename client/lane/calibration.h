/* A lane that tries itself: every interval it makes up a read of a plate that cannot exist, which waits, is asked about and comes back like any other, by-passing only
 * what tells vehicles apart.  It must hit the list that an agency made for it; then tokens, keys, gate and list are what they should be.  The officer is not alerted. */
#ifndef CLIENT_LANE_CALIBRATION_H
#define CLIENT_LANE_CALIBRATION_H

#include "client/lane/config.h"
#include "client/lane/waiting.h"

/* What came of the last one. */
enum calibration_outcome {
    CALIBRATION_NONE,      /* none came back yet */
    CALIBRATION_GOOD,
    CALIBRATION_CLEAR,     /* it did not hit */
    CALIBRATION_OTHER,     /* it hit, but not the list that it should */
    CALIBRATION_UNCHECKED, /* nobody answered */
    CALIBRATION_FALSE,     /* an alert had a false tag */
    CALIBRATION_ORDINARY,  /* it went the whole way, but on a list that is not for this: its hits count as those of vehicles */
};
const char *calibration_outcome_name(enum calibration_outcome outcome); /* "none", "good", ...: as in the lane's report */

struct calibration;

/* Of [calibration] in CONFIG; all is borrowed.  False is said; *CALIBRATION is NULL where none is wanted. */
bool calibration_create(const struct lane_config *config, struct waiting *waiting, struct lane_counts *counts, struct calibration **calibration) MUST_USE;
void calibration_destroy(struct calibration *calibration); /* after the workers; NULL is fine */

/* Makes a read up when it is time, unless one is under way; says it when no good one has come back for three intervals.  Call it a few times a second; one
   thread. */
void calibration_tick(struct calibration *calibration);
/* READ, which was one of these, was asked about: ANSWER, or NULL when it was not.  Any thread. */
void calibration_answered(struct calibration *calibration, const struct lane_read *read, const struct check_answer *answer);

struct calibration_state {
    enum calibration_outcome outcome;
    int64_t good_ms;     /* since 1970, of the last success; 0: none */
    unsigned interval_s;
    bool alarm;          /* the last one was not good, or none was for three intervals */
};
/* Any thread; NULL is fine: false, there is none. */
bool calibration_look(struct calibration *calibration, struct calibration_state *state);

#endif
