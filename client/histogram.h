/* Durations, in buckets that are at most 3 % wide. */
#ifndef CLIENT_HISTOGRAM_H
#define CLIENT_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_BUCKETS (32 * 40) /* up to 2^40 microseconds */

struct histogram {
    uint64_t total;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

/* COUNT values of US microseconds. */
void histogram_add(struct histogram *histogram, int64_t us, uint64_t count);
/* The middle of BUCKET, in microseconds. */
double histogram_middle(unsigned bucket);
/* In microseconds; 0 when there is none. */
double histogram_percentile(const struct histogram *histogram, unsigned percent);

#endif
