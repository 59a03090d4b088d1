#include "server/keys/schedule.h"

#include <time.h>

const char *schedule_problem(const struct schedule *schedule)
{
    if (schedule->overlap_s > schedule->length_s) return "epoch_overlap_s must not exceed epoch_length_s";
    int64_t behind = (schedule->overlap_s + schedule->destroy_after_s) / schedule->length_s + 2;
    if (behind + schedule->ahead + 1 + SCHEDULE_ERASED_KEPT > LIMIT_EPOCHS_KNOWN)
        return "too many epochs would be known at one time: raise epoch_length_s, or lower destroy_after_s or epochs_ahead";
    return NULL;
}

struct span schedule_span(const struct schedule *schedule, int64_t opens_s)
{
    int64_t closes_s = opens_s + schedule->length_s + schedule->overlap_s;
    return (struct span){ opens_s, closes_s, closes_s + schedule->destroy_after_s };
}

size_t schedule_wanted(const struct schedule *schedule, int64_t now_s,
                       struct span spans[SCHEDULE_WANTED_MAX])
{
    int64_t first = now_s / schedule->length_s, soon = (now_s + SCHEDULE_EARLY_S) / schedule->length_s;
    size_t count = (size_t)(soon - first) + schedule->ahead + 1;
    for (size_t i = 0; i < count; i++) spans[i] = schedule_span(schedule, (first + (int64_t)i) * schedule->length_s);
    return count;
}

enum epoch_state schedule_state(const struct span *span, bool erased, int64_t now_ms)
{
    if (erased) return EPOCH_DESTROYED;
    if (now_ms >= span->closes_s * 1000) return EPOCH_CLOSED;
    return now_ms >= span->opens_s * 1000 ? EPOCH_OPEN : EPOCH_COMING;
}

const char *schedule_state_name(enum epoch_state state)
{
    static const char *const names[] = { "coming", "open", "closed", "destroyed" };
    return names[state];
}

void schedule_id(int64_t opens_s, char id[SCHEDULE_ID_SIZE])
{
    time_t when = (time_t)opens_s;
    struct tm tm = { 0 };
    gmtime_r(&when, &tm);
    strftime(id, SCHEDULE_ID_SIZE, "%Y%m%dT%H%M%SZ", &tm);
}

uint64_t schedule_number(int64_t opens_s)
{
    return (uint64_t)(opens_s / SCHEDULE_NUMBER_S);
}
