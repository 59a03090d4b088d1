/* What stands with lists that somebody must do something about, besides their coverage (coverage.h). */
#ifndef SERVER_GATE_LISTS_ALARMS_H
#define SERVER_GATE_LISTS_ALARMS_H

#include "server/gate/index/catalogue.h"

enum list_alarm {
    LIST_ALARM_REFUSED,   /* its last commit was refused by a guard or the cap */
    LIST_ALARM_SUSPENDED,
    LIST_ALARM_ENDS,      /* soon */
    LIST_ALARM_OLD,       /* older than its agency wants it to be: its hits are to be verified */
    LIST_ALARMS
};
const char *list_alarm_name(enum list_alarm alarm); /* "refused", "suspended", "ends", "old" */

typedef void (*list_alarm_fn)(void *context, enum list_alarm alarm, const struct catalogue_list *list);

/* Calls EACH for every alarm of every list; an end is one from BEFORE_MS before it until it. */
void list_alarms_each(const struct catalogue *catalogue, int64_t now_ms, int64_t before_ms, list_alarm_fn each, void *context);

/* When LIST becomes old, or became so. */
int64_t list_old_ms(const struct catalogue_list *list);

/* "shrinks", "grows", "cap": why a commit was refused. */
const char *list_refused_name(const struct catalogue_list *list);

#endif
