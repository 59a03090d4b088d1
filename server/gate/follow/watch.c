/* The alarm before an epoch opens without a list: one line on the log for each list and epoch, and one when the list has
   its tokens after all. */
#include <urcu-bp.h>

#include "server/gate/follow/internal.h"
#include "server/gate/index/coverage.h"
#include "server/http/log.h"

#define WATCH_EVERY_MS 1000

struct round_of_watch {
    struct follow *follow;
    int64_t now_ms;
    struct gap_marks *old;
    size_t old_count;
};

static bool get_mark(const struct gap_marks *marks, size_t list)
{
    return marks != NULL && (marks->lists[list / 8] >> list % 8 & 1) != 0;
}

static struct gap_marks *marks_of(struct gap_marks *all, size_t count, uint64_t epoch)
{
    for (size_t i = 0; i < count; i++)
        if (all[i].epoch == epoch) return &all[i];
    return NULL;
}

static void tell(const struct coverage_gap *gap, int64_t now_ms)
{
    const char *what = gap->coverage == COVERAGE_NONE ? "no tokens" : "tokens of some entries only";
    int64_t minutes = (gap->epoch->opens_ms - now_ms) / 60000;

    if (gap->epoch->opens_ms <= now_ms)
        log_line(LOG_WARNING, "list %s/%s has %s for epoch %s, which is open", gap->list->agency, gap->list->id, what,
                 gap->epoch->id);
    else
        log_line(LOG_WARNING, "list %s/%s has %s for epoch %s, which opens in %lld h %lld min", gap->list->agency,
                 gap->list->id, what, gap->epoch->id, (long long)minutes / 60, (long long)minutes % 60);
}

static void mark(void *context, const struct coverage_gap *gap)
{
    struct round_of_watch *round = context;
    struct follow *follow = round->follow;

    if (gap->list_at >= LIMIT_LISTS || !coverage_is_alarm(gap, round->now_ms, follow->settings.alarm_before_ms)) return;
    struct gap_marks *marks = marks_of(follow->gaps, follow->gap_count, gap->epoch->number);
    if (marks == NULL) {
        if (follow->gap_count == LIMIT_EPOCHS_KNOWN) return;
        marks = &follow->gaps[follow->gap_count++];
        *marks = (struct gap_marks){ .epoch = gap->epoch->number };
    }
    marks->lists[gap->list_at / 8] |= (uint8_t)(1 << gap->list_at % 8);
    if (!get_mark(marks_of(round->old, round->old_count, gap->epoch->number), gap->list_at)) tell(gap, round->now_ms);
}

/* Lists that were marked and are not any more, of epochs that still live. */
static void tell_mended(const struct round_of_watch *round, const struct catalogue *catalogue)
{
    const struct follow *follow = round->follow;

    for (size_t i = 0; i < catalogue->epoch_count; i++) {
        const struct catalogue_epoch *epoch = &catalogue->epochs[i];
        const struct gap_marks *before = marks_of(round->old, round->old_count, epoch->number);
        const struct gap_marks *now = marks_of((struct gap_marks *)(uintptr_t)follow->gaps, follow->gap_count, epoch->number);

        if (before == NULL || epoch->closes_ms <= round->now_ms) continue;
        for (size_t k = 0; k < catalogue->list_count && k < LIMIT_LISTS; k++)
            if (get_mark(before, k) && !get_mark(now, k) && catalogue_list_coverage(&catalogue->lists[k], i) == COVERAGE_WHOLE)
                log_line(LOG_NOTICE, "list %s/%s has its tokens for epoch %s", catalogue->lists[k].agency,
                         catalogue->lists[k].id, epoch->id);
    }
}

void follow_watch(struct follow *follow)
{
    int64_t ticks = follow_ticks_ms();

    if (!follow->status.loaded || ticks < follow->watch_ms) return;
    follow->watch_ms = ticks + WATCH_EVERY_MS;
    struct round_of_watch round = { follow, follow_now_ms(follow), follow->gaps, follow->gap_count };
    follow->gaps = follow->gaps == follow->gap_space[0] ? follow->gap_space[1] : follow->gap_space[0];
    follow->gap_count = 0;
    rcu_read_lock();
    const struct catalogue *catalogue = rcu_dereference(follow->current);
    coverage_each_gap(catalogue, round.now_ms, mark, &round);
    tell_mended(&round, catalogue);
    rcu_read_unlock();
}
