/* What the key servers told becomes one answer, and who lies is named. */
#include "server/gate/follow/internal.h"
#include "server/http/log.h"

static const char *text_of(enum keys_fault fault)
{
    switch (fault) {
    case KEYS_FINE: return "agrees with the others again";
    case KEYS_WRONG_SHARE: return "has a share that does not belong to an epoch's key: nothing of it is used";
    case KEYS_OTHER_CALENDAR: return "tells other times or numbers of an epoch than the others, or has another time of day: its clock or its settings?";
    case KEYS_WHOLE_KEY: return "names a key of its own for an epoch whose key is shared";
    }
    return "";
}

static void note_faults(struct follow *follow, const struct keys_report *report)
{
    for (size_t i = 0; i < follow->hearing.count; i++) {
        struct follow_key_server *state = &follow->status.key_servers[i]; /* only this thread writes these two */

        if (!follow->hearing.servers[i].answered) continue;
        if (state->fault != report->faults[i])
            log_line(report->faults[i] == KEYS_FINE ? LOG_NOTICE : LOG_ERR, "the key server %s %s",
                     follow_key_server_url(follow, i), text_of(report->faults[i]));
        pthread_mutex_lock(&follow->lock);
        state->fault = report->faults[i];
        state->share = report->shares[i];
        pthread_mutex_unlock(&follow->lock);
    }
}

bool follow_hear(struct follow *follow, struct keys_answer *answer)
{
    const struct keys_told *told = &follow->hearing;
    struct keys_report report;

    if (told->remembered || (!follow->settings.keys_shared && !keys_told_shares(told))) {
        for (size_t i = 0; i < told->count; i++)
            if (told->servers[i].answered) *answer = told->servers[i].answer; /* it is one */
        return false;
    }
    keys_shares_combine(told, &follow->book, follow->settings.keys_shared, answer, &report);
    note_faults(follow, &report);
    return report.contradiction;
}
