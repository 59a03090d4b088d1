#include "client/histogram.h"

/* Values below 32 have a bucket each; above, each power of two is cut into 32. */
static unsigned bucket_of(uint64_t us)
{
    unsigned shift = 0, bucket;

    while ((us >> shift) >= 64) shift++;
    bucket = us < 32 ? (unsigned)us : 32 * (shift + 1) + (unsigned)(us >> shift) - 32;
    return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

double histogram_middle(unsigned bucket)
{
    const unsigned shift = bucket < 64 ? 0 : bucket / 32 - 1;
    const uint64_t low = bucket < 64 ? bucket : (uint64_t)(bucket % 32 + 32) << shift;

    return (double)low + (double)(1ull << shift) / 2;
}

void histogram_add(struct histogram *histogram, int64_t us, uint64_t count)
{
    histogram->buckets[bucket_of(us < 0 ? 0 : (uint64_t)us)] += count;
    histogram->total += count;
}

double histogram_percentile(const struct histogram *histogram, unsigned percent)
{
    const uint64_t wanted = (histogram->total * percent + 99) / 100;
    uint64_t sum = 0;

    if (histogram->total == 0) return 0;
    for (unsigned bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
        sum += histogram->buckets[bucket];
        if (sum >= wanted) return histogram_middle(bucket);
    }
    return 0;
}
