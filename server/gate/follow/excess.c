/* Lists that hit too large a share of a lane's reads are suspended: here at once, and at all gates through the database. */
#include <stdio.h>

#include "server/gate/follow/internal.h"
#include "server/http/log.h"

static struct result mark(void *context, struct catalogue *next)
{
    const struct follow *follow = context;

    for (size_t k = 0; k < follow->excess_count; k++)
        for (size_t i = 0; i < next->list_count; i++) {
            struct catalogue_list *list = &next->lists[i];

            if (list->suspended || strcmp(list->agency, follow->excesses[k].agency) != 0 || strcmp(list->id, follow->excesses[k].list) != 0) continue;
            list->suspended = true;
            list->suspended_ms = follow_now_ms(follow);
        }
    return OK;
}

/* Whether or not the database can be told. */
static void show(struct follow *follow)
{
    struct publication publication = { .edit = mark, .context = follow };

    follow_count(follow, &publication);
    (void)failed(follow_publish(follow, &publication)); /* without memory it stays for the next round */
}

static bool waits(const struct follow *follow, const struct excess_report *report)
{
    for (size_t i = 0; i < follow->excess_count; i++)
        if (strcmp(follow->excesses[i].agency, report->agency) == 0 && strcmp(follow->excesses[i].list, report->list) == 0) return true;
    return false;
}

static void take(struct follow *follow)
{
    struct excess_report report;

    while (follow->excess_count < FOLLOW_EXCESSES && excess_take(follow->settings.excess, &report))
        if (!waits(follow, &report)) follow->excesses[follow->excess_count++] = report;
}

/* Operators read it, who learn of a covert list neither how often it hits nor where. */
static void describe(const struct excess_report *report, char why[LIMIT_REASON_MAX + 1])
{
    char since[TIME_TEXT_SIZE];

    time_format(report->since_ms, since);
    if (report->covert) (void)snprintf(why, LIMIT_REASON_MAX + 1, "too large a share of a lane's reads");
    else
        (void)snprintf(why, LIMIT_REASON_MAX + 1, "%u entries hit in %llu reads of %s since %s", report->hits, (unsigned long long)report->reads,
                       report->lane, since);
}

/* False: it has to be tried again. */
static bool suspend(struct follow *follow, const struct excess_report *report)
{
    char why[LIMIT_REASON_MAX + 1];
    bool changed = false;

    describe(report, why);
    struct result result = db_list_suspend(follow->settings.db, report->agency, report->list, follow->settings.own_name, why, &changed);
    if (result.reason == REASON_DATABASE || result.reason == REASON_BUSY) return false;
    if (changed) log_line(LOG_WARNING, "list %s/%s is suspended: %s", report->agency, report->list, why);
    else if (failed(result)) log_line(LOG_WARNING, "list %s/%s can't be suspended: %s", report->agency, report->list, reason_row(result.reason)->title);
    return true;
}

void follow_excess(struct follow *follow)
{
    size_t left = 0;

    if (follow->settings.excess == NULL) return;
    take(follow);
    if (follow->excess_count == 0 || follow_ticks_ms() < follow->excess_retry_ms) return;
    show(follow);
    for (size_t i = 0; i < follow->excess_count; i++)
        if (!suspend(follow, &follow->excesses[i])) follow->excesses[left++] = follow->excesses[i];
    follow->excess_count = left;
    follow->excess_retry_ms = left == 0 ? 0 : follow_ticks_ms() + FOLLOW_RETRY_MS;
}
