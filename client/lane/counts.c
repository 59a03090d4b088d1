#include "client/lane/counts.h"

#include "client/client.h"
#include "client/moment.h"

const char *lane_unchecked_name(enum lane_unchecked why)
{
    static const char *const names[UNCHECKED_REASONS] = { "away", "over-quota", "aged", "full", "failed" };

    return names[why];
}

const char *lane_refused_name(enum lane_refused why)
{
    static const char *const names[REFUSED_REASONS] = { "too-large", "type", "malformed", "request", "stranger", "busy", "slow" };

    return names[why];
}

const char *lane_way_name(enum lane_way way)
{
    static const char *const names[WAYS] = { "output", "command", "display", "picture", "judgement" };

    return names[way];
}

bool lane_counts_begin(struct lane_counts *counts)
{
    counts->began_ms = moment_now_ms();
    if (pthread_mutex_init(&counts->mutex, NULL) == 0) return true;
    say("out of memory");
    return false;
}

struct engine_counts *lane_counts_engine(struct lane_counts *counts, const struct engine *engine)
{
    size_t i = 0;

    while (i + 1 < COUNT_ENGINES && engines[i] != NULL && engines[i] != engine) i++;
    return &counts->engines[i];
}

/* A kind too many is counted by its outcome only. */
static void count_kind(struct lane_counts *counts, const struct engine *engine, enum engine_outcome outcome, const char *kind)
{
    size_t i = 0;

    pthread_mutex_lock(&counts->mutex);
    while (i < counts->kind_count && (counts->kinds[i].engine != engine || counts->kinds[i].outcome != outcome || strcmp(counts->kinds[i].kind, kind) != 0))
        i++;
    if (i == counts->kind_count && i < COUNT_KINDS) {
        counts->kinds[i].engine = engine;
        counts->kinds[i].outcome = outcome;
        counts->kinds[i].kind = kind;
        counts->kind_count++;
    }
    if (i < COUNT_KINDS) count_add(&counts->kinds[i].count, 1);
    pthread_mutex_unlock(&counts->mutex);
}

void lane_counts_message(struct lane_counts *counts, const struct engine *engine, enum engine_outcome outcome, const struct engine_reads *reads)
{
    struct engine_counts *own = lane_counts_engine(counts, engine);

    count_add(&own->messages[outcome], 1);
    if (outcome == ENGINE_TAKEN) atomic_store(&own->last_ms, moment_monotonic_ms());
    if (reads == NULL) return;
    count_add(&own->reads, reads->count);
    for (size_t i = 0; i < ENGINE_FAULTS; i++) count_add(&own->faults[i], reads->faults[i]);
    if (reads->kind != NULL) count_kind(counts, engine, outcome, reads->kind);
}

void lane_counts_not_asked(struct lane_counts *counts, const char *agency, const char *list, const char *why)
{
    size_t i = 0;

    pthread_mutex_lock(&counts->mutex);
    while (i < counts->list_count && (strcmp(counts->lists[i].agency, agency) != 0 || strcmp(counts->lists[i].list, list) != 0)) i++;
    if (i == counts->list_count && i < COUNT_LISTS) counts->list_count++;
    if (i < COUNT_LISTS) {
        snprintf(counts->lists[i].agency, sizeof(counts->lists[i].agency), "%s", agency);
        snprintf(counts->lists[i].list, sizeof(counts->lists[i].list), "%s", list);
        snprintf(counts->lists[i].why, sizeof(counts->lists[i].why), "%s", why);
        count_add(&counts->lists[i].count, 1);
    }
    pthread_mutex_unlock(&counts->mutex);
}

void lane_counts_latency(struct lane_counts *counts, int64_t us, bool alert)
{
    pthread_mutex_lock(&counts->mutex);
    histogram_add(alert ? &counts->to_alert : &counts->to_answer, us, 1);
    pthread_mutex_unlock(&counts->mutex);
}

void lane_counts_delivered(struct lane_counts *counts, enum lane_way way, bool well)
{
    count_add(&counts->delivered[way][well], 1);
}

uint64_t lane_counts_unchecked(const struct answer_counts *counts)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < UNCHECKED_REASONS; i++) sum += count_get(&counts->unchecked[i]);
    return sum;
}

uint64_t lane_counts_messages(const struct lane_counts *counts)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < COUNT_ENGINES; i++)
        for (size_t outcome = 0; outcome < ENGINE_OUTCOMES; outcome++) sum += count_get(&counts->engines[i].messages[outcome]);
    return sum;
}

uint64_t lane_counts_unusable(const struct lane_counts *counts)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < COUNT_ENGINES; i++) {
        for (size_t outcome = ENGINE_UNKNOWN; outcome < ENGINE_OUTCOMES; outcome++) sum += count_get(&counts->engines[i].messages[outcome]);
        for (size_t fault = 0; fault < ENGINE_FAULTS; fault++) sum += count_get(&counts->engines[i].faults[fault]);
    }
    return sum;
}
