/* Counters, gauges and histograms, written as Prometheus text (exposition format 0.0.4).  Registering is done at start,
   by one thread; adding is lock-free from any thread.  Labels are fixed at registration: nothing from a request can
   become a label. */
#ifndef SERVER_HTTP_METRICS_H
#define SERVER_HTTP_METRICS_H

#include <stddef.h>
#include <stdint.h>

struct metrics;
struct metric;

struct metrics *metrics_create(void);
void metrics_destroy(struct metrics *metrics);

/* NAME and HELP are literals; LABELS is "" or `answer="clear"`. */
struct metric *metrics_counter(struct metrics *metrics, const char *name, const char *help, const char *labels);
struct metric *metrics_gauge(struct metrics *metrics, const char *name, const char *help, const char *labels);
/* Seconds; buckets 100 us to 10 s. */
struct metric *metrics_histogram(struct metrics *metrics, const char *name, const char *help, const char *labels);

void metric_add(struct metric *metric, uint64_t n);
void metric_set(struct metric *metric, double value);
void metric_observe_ns(struct metric *metric, uint64_t nanoseconds);
double metric_value(const struct metric *metric);

/* malloc'ed text of all metrics, families together; *size without the ending zero.  NULL without memory. */
char *metrics_text(const struct metrics *metrics, size_t *size);

#endif
