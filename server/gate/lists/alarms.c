#include "server/gate/lists/alarms.h"

const char *list_alarm_name(enum list_alarm alarm)
{
    static const char *const names[] = { "refused", "suspended", "ends", "old" };

    return names[alarm];
}

const char *list_refused_name(const struct catalogue_list *list)
{
    switch (list->push_refused) {
    case CATALOGUE_SHRINKS: return "shrinks";
    case CATALOGUE_GROWS: return "grows";
    default: return "cap";
    }
}

int64_t list_old_ms(const struct catalogue_list *list)
{
    return list->committed_ms + (int64_t)list->age_limit_s * 1000;
}

/* A calibration list is made once, and hits nobody. */
static bool is_old(const struct catalogue_list *list, int64_t now_ms)
{
    return list->revision > 0 && !list->calibration && catalogue_list_current(list, now_ms) && (now_ms - list->committed_ms) / 1000 > (int64_t)list->age_limit_s;
}

void list_alarms_each(const struct catalogue *catalogue, int64_t now_ms, int64_t before_ms, list_alarm_fn each, void *context)
{
    for (size_t i = 0; i < catalogue->list_count; i++) {
        const struct catalogue_list *list = &catalogue->lists[i];

        if (catalogue_list_ended(list, now_ms)) continue; /* nothing to be done about it any more */
        if (list->push_refused != CATALOGUE_FINE) each(context, LIST_ALARM_REFUSED, list);
        if (list->suspended) each(context, LIST_ALARM_SUSPENDED, list);
        if (list->ends_ms != 0 && list->ends_ms - before_ms <= now_ms && catalogue_list_current(list, now_ms)) each(context, LIST_ALARM_ENDS, list);
        if (is_old(list, now_ms)) each(context, LIST_ALARM_OLD, list);
    }
}
