/* What both daemons answer to /livez, /readyz and /metrics: one form for all who watch them. */
#ifndef SERVER_HTTP_PROBES_H
#define SERVER_HTTP_PROBES_H

#include "server/http/http.h"
#include "server/http/metrics.h"

/* 200 {"alive": true}. */
struct reply probe_alive(void);
/* 200 {"ready": true}, or 503 with REASONS, an array of texts that is empty when there are none; taken over. */
struct reply probe_ready(json_t *reasons);
/* All of METRICS as Prometheus text 0.0.4, and below it what MORE writes (NULL: nothing): whole families, each with a
   bounded number of lines. */
struct reply probe_metrics(const struct metrics *metrics, void (*more)(void *context, FILE *out), void *context);

#endif
