/* Which lists have tokens for which epochs, and which ought to have them by now.  A list that was never committed, waits for
   the second person, is over or suspended, is not asked and not missed; an epoch whose slots are not in memory yet says nothing. */
#ifndef SERVER_GATE_INDEX_COVERAGE_H
#define SERVER_GATE_INDEX_COVERAGE_H

#include "server/gate/index/catalogue.h"

/* An epoch's place in time, for metrics: labels must not grow with the calendar. */
enum coverage_when { COVERAGE_OPEN, COVERAGE_NEXT, COVERAGE_LATER, COVERAGE_WHENS };
const char *coverage_when_name(enum coverage_when when); /* "open", "next", "later" */
const char *coverage_name(enum coverage coverage);       /* "none", "partial", "whole" */

struct coverage_gap {
    const struct catalogue_list *list;
    const struct catalogue_epoch *epoch;
    size_t list_at, epoch_at; /* their positions */
    enum coverage coverage;   /* none or partial */
    enum coverage_when when;
};

typedef void (*coverage_gap_fn)(void *context, const struct coverage_gap *gap);

/* Calls EACH for each list that lacks tokens for an epoch that is open or comes, the epoch that opens first before the
   others. */
void coverage_each_gap(const struct catalogue *catalogue, int64_t now_ms, coverage_gap_fn each, void *context);
/* Is it time to be alarmed?  From BEFORE_MS before the epoch opens until it closes. */
bool coverage_is_alarm(const struct coverage_gap *gap, int64_t now_ms, int64_t before_ms);

struct coverage_counts {
    uint64_t covered, uncovered; /* pairs of a list and an epoch */
};
void coverage_count(const struct catalogue *catalogue, int64_t now_ms, struct coverage_counts counts[COVERAGE_WHENS]);

#endif
