/* What tally.h has counted, copied at one moment, to be written out at leisure: while it is copied checks wait, while it is written none does. */
#ifndef SERVER_GATE_CHECK_TALLY_VIEW_H
#define SERVER_GATE_CHECK_TALLY_VIEW_H

#include "server/gate/check/tally.h"

#define TALLY_LANES_MAX 4096 /* more lanes than that share one row, which is not shown: they are counted in the totals only */

struct tally_counts {
    uint64_t reads, cleared, hits, again, matches, calibration;
};

struct tally_lane {
    char name[LIMIT_IDENTITY_MAX + 1];
};

struct tally_list {
    struct tally_name name;
    uint64_t hits, matches;
};

struct tally_view {
    struct tally_counts total;
    size_t lane_count;
    const struct tally_lane *lane_names; /* the tally's: a name stands where it is, and never changes */
    struct tally_counts *lanes;

    /* With the truth only. */
    uint64_t covert;
    uint64_t hits_by_grade[PLATESIEVE_GRADES], matches_by_grade[PLATESIEVE_GRADES];
    size_t list_count;
    struct tally_list *lists;
};

/* As auditors (TRUTH) or operators may see it; from any thread.  False without memory; VIEW is to be freed in any case, and before the tally. */
bool tally_view(struct tally *tally, bool truth, struct tally_view *view);
void tally_view_free(struct tally_view *view);

#endif
