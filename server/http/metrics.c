#include "server/http/metrics.h"

#include <stdatomic.h>
#include <stdbool.h>

#define SHARDS 4 /* so that event-loop threads don't take a cache line from each other */
#define BUCKETS 16

enum kind { KIND_COUNTER, KIND_GAUGE, KIND_HISTOGRAM };

static const uint64_t bucket_ns[BUCKETS] = {
    100000,   250000,    500000,    1000000,   2500000,    5000000,    10000000,   25000000,
    50000000, 100000000, 250000000, 500000000, 1000000000, 2500000000, 5000000000, 10000000000,
};
static const char *const bucket_text[BUCKETS] = {
    "0.0001", "0.00025", "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025",
    "0.05",   "0.1",     "0.25",   "0.5",   "1",      "2.5",   "5",    "10",
};

struct shard {
    _Alignas(64) atomic_uint_least64_t total;   /* a counter's value; a histogram's nanoseconds */
    atomic_uint_least64_t buckets[BUCKETS + 1]; /* the last: above all */
};

struct metric {
    struct metric *next;
    enum kind kind;
    const char *name, *help;
    char *labels;
    _Atomic double gauge;
    struct shard *shards; /* SHARDS of them */
};

struct metrics {
    struct metric *first, **last;
};

struct metrics *metrics_create(void)
{
    struct metrics *metrics = calloc(1, sizeof *metrics);
    if (metrics != NULL) metrics->last = &metrics->first;
    return metrics;
}

static void metric_free(struct metric *metric)
{
    free(metric->labels);
    free(metric->shards);
    free(metric);
}

void metrics_destroy(struct metrics *metrics)
{
    if (metrics == NULL) return;
    while (metrics->first != NULL) {
        struct metric *metric = metrics->first;
        metrics->first = metric->next;
        metric_free(metric);
    }
    free(metrics);
}

/* Without memory at start there is no daemon: abort rather than have every caller ask. */
static struct metric *add(struct metrics *metrics, enum kind kind, const char *name, const char *help,
                          const char *labels)
{
    struct metric *metric = calloc(1, sizeof *metric);
    if (metric == NULL) abort();
    metric->kind = kind;
    metric->name = name;
    metric->help = help;
    metric->labels = strdup(labels);
    if (kind != KIND_GAUGE) metric->shards = aligned_alloc(64, SHARDS * sizeof *metric->shards);
    if (metric->labels == NULL || (kind != KIND_GAUGE && metric->shards == NULL)) abort();
    if (metric->shards != NULL) memset(metric->shards, 0, SHARDS * sizeof *metric->shards);
    *metrics->last = metric;
    metrics->last = &metric->next;
    return metric;
}

struct metric *metrics_counter(struct metrics *metrics, const char *name, const char *help, const char *labels)
{
    return add(metrics, KIND_COUNTER, name, help, labels);
}

struct metric *metrics_gauge(struct metrics *metrics, const char *name, const char *help, const char *labels)
{
    return add(metrics, KIND_GAUGE, name, help, labels);
}

struct metric *metrics_histogram(struct metrics *metrics, const char *name, const char *help, const char *labels)
{
    return add(metrics, KIND_HISTOGRAM, name, help, labels);
}

/* Each thread keeps to one shard. */
static struct shard *my_shard(struct metric *metric)
{
    static atomic_uint next;
    static _Thread_local unsigned mine;
    if (mine == 0) mine = 1 + atomic_fetch_add_explicit(&next, 1, memory_order_relaxed) % SHARDS;
    return &metric->shards[mine - 1];
}

void metric_add(struct metric *metric, uint64_t n)
{
    atomic_fetch_add_explicit(&my_shard(metric)->total, n, memory_order_relaxed);
}

void metric_set(struct metric *metric, double value)
{
    atomic_store_explicit(&metric->gauge, value, memory_order_relaxed);
}

void metric_observe_ns(struct metric *metric, uint64_t nanoseconds)
{
    size_t i = 0;
    while (i < BUCKETS && nanoseconds > bucket_ns[i]) i++;
    struct shard *shard = my_shard(metric);
    atomic_fetch_add_explicit(&shard->buckets[i], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&shard->total, nanoseconds, memory_order_relaxed);
}

static uint64_t total(const struct metric *metric)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < SHARDS; i++) sum += atomic_load_explicit(&metric->shards[i].total, memory_order_relaxed);
    return sum;
}

double metric_value(const struct metric *metric)
{
    if (metric->kind == KIND_GAUGE) return atomic_load_explicit(&metric->gauge, memory_order_relaxed);
    return (double)total(metric);
}

/* -- the text ---------------------------------------------------------------------------------- */

static void write_plain(FILE *out, const struct metric *metric)
{
    const char *open = *metric->labels ? "{" : "", *close = *metric->labels ? "}" : "";
    if (metric->kind == KIND_COUNTER)
        fprintf(out, "%s%s%s%s %llu\n", metric->name, open, metric->labels, close, (unsigned long long)total(metric));
    else
        fprintf(out, "%s%s%s%s %.17g\n", metric->name, open, metric->labels, close, metric_value(metric));
}

static void write_histogram(FILE *out, const struct metric *metric)
{
    const char *comma = *metric->labels ? "," : "";
    const char *open = *metric->labels ? "{" : "", *close = *metric->labels ? "}" : "";
    unsigned long long count = 0;
    for (size_t i = 0; i <= BUCKETS; i++) {
        for (size_t s = 0; s < SHARDS; s++)
            count += atomic_load_explicit(&metric->shards[s].buckets[i], memory_order_relaxed);
        fprintf(out, "%s_bucket{%s%sle=\"%s\"} %llu\n", metric->name, metric->labels, comma,
                i < BUCKETS ? bucket_text[i] : "+Inf", count);
    }
    fprintf(out, "%s_sum%s%s%s %.9f\n", metric->name, open, metric->labels, close, (double)total(metric) / 1e9);
    fprintf(out, "%s_count%s%s%s %llu\n", metric->name, open, metric->labels, close, count);
}

static bool first_of_family(const struct metrics *metrics, const struct metric *metric)
{
    const struct metric *before = metrics->first;
    while (strcmp(before->name, metric->name) != 0) before = before->next;
    return before == metric;
}

static void write_family(FILE *out, const struct metric *metric)
{
    static const char *const kinds[] = { "counter", "gauge", "histogram" };
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help, metric->name, kinds[metric->kind]);
    for (const struct metric *other = metric; other != NULL; other = other->next) {
        if (strcmp(other->name, metric->name) != 0) continue;
        if (other->kind == KIND_HISTOGRAM)
            write_histogram(out, other);
        else
            write_plain(out, other);
    }
}

char *metrics_text(const struct metrics *metrics, size_t *size)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, size);
    if (out == NULL) return NULL;
    for (const struct metric *metric = metrics->first; metric != NULL; metric = metric->next)
        if (first_of_family(metrics, metric)) write_family(out, metric);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}
