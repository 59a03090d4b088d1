/* What status, metrics and the log of counts say in the same words. */
#ifndef CLIENT_LANE_STATUS_H
#define CLIENT_LANE_STATUS_H

#include <jansson.h>

#include "client/lane/counts.h"

#define LANE_SILENT_MS 3000 /* a server that has not answered for so long is away */

json_t *lane_time_json(int64_t ms); /* since 1970; 0: null */
json_t *lane_answers_json(const struct answer_counts *counts);
struct lane_service;
json_t *lane_alarms_json(struct lane_service *service); /* those that stand, an array of words */
/* A figure of /proc/self/status such as "VmRSS", in bytes. */
size_t lane_process_bytes(const char *key);

#endif
