#include "server/gate/index/coverage.h"

const char *coverage_when_name(enum coverage_when when)
{
    static const char *const names[] = { "open", "next", "later" };

    return names[when];
}

const char *coverage_name(enum coverage coverage)
{
    switch (coverage) {
    case COVERAGE_NONE: return "none";
    case COVERAGE_PARTIAL: return "partial";
    case COVERAGE_WHOLE: return "whole";
    }
    return "none";
}

static bool counts(const struct catalogue_list *list, int64_t now_ms)
{
    return catalogue_list_current(list, now_ms) && !list->suspended;
}

/* False for an epoch that is over, or of which nothing is known yet. */
static bool epoch_when(const struct catalogue *catalogue, size_t at, int64_t now_ms, enum coverage_when *when)
{
    const struct catalogue_epoch *epoch = &catalogue->epochs[at];

    if (!epoch->loaded || epoch->closes_ms <= now_ms || epoch->destroyed_ms <= now_ms) return false;
    *when = epoch->opens_ms <= now_ms ? COVERAGE_OPEN : COVERAGE_NEXT;
    for (size_t i = 0; i < at && *when == COVERAGE_NEXT; i++)
        if (catalogue->epochs[i].opens_ms > now_ms && catalogue->epochs[i].destroyed_ms > now_ms) *when = COVERAGE_LATER;
    return true;
}

void coverage_each_gap(const struct catalogue *catalogue, int64_t now_ms, coverage_gap_fn each, void *context)
{
    for (size_t i = 0; i < catalogue->epoch_count; i++) {
        struct coverage_gap gap = { .epoch = &catalogue->epochs[i], .epoch_at = i };

        if (!epoch_when(catalogue, i, now_ms, &gap.when)) continue;
        for (size_t k = 0; k < catalogue->list_count; k++) {
            gap.list = &catalogue->lists[k];
            gap.list_at = k;
            gap.coverage = catalogue_list_coverage(gap.list, i);
            if (counts(gap.list, now_ms) && gap.coverage != COVERAGE_WHOLE) each(context, &gap);
        }
    }
}

bool coverage_is_alarm(const struct coverage_gap *gap, int64_t now_ms, int64_t before_ms)
{
    return gap->epoch->opens_ms - before_ms <= now_ms;
}

void coverage_count(const struct catalogue *catalogue, int64_t now_ms, struct coverage_counts counted[COVERAGE_WHENS])
{
    memset(counted, 0, COVERAGE_WHENS * sizeof(*counted));
    for (size_t i = 0; i < catalogue->epoch_count; i++) {
        enum coverage_when when;

        if (!epoch_when(catalogue, i, now_ms, &when)) continue;
        for (size_t k = 0; k < catalogue->list_count; k++) {
            const struct catalogue_list *list = &catalogue->lists[k];

            if (!counts(list, now_ms)) continue;
            if (catalogue_list_coverage(list, i) == COVERAGE_WHOLE) counted[when].covered++;
            else counted[when].uncovered++;
        }
    }
}
