/* Sums of rows: what db/seal.h makes and the follower compares. */
#ifndef SERVER_GATE_DB_SUMS_H
#define SERVER_GATE_DB_SUMS_H

#include <platesieve/limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIST_MAC_BYTES 32

/* Keyed hashes of rows, added up modulo 2^128. */
struct row_sum {
    uint64_t low, high;
};

struct sums_epoch {
    uint32_t number;
    uint64_t lines, near, slots;  /* lines with tokens for it, those with some of grade near, slots */
    struct row_sum sum;           /* of rows of `slots` */
};

/* Of a part, a segment, or of rows that were erased. */
struct sums {
    uint8_t digest[32];           /* SHA-256 of a part's body; else zero */
    uint64_t lines, adds;
    struct row_sum entries, edits;
    size_t epoch_count;
    struct sums_epoch epochs[LIMIT_EPOCHS_KNOWN];
};

static inline void row_sum_add(struct row_sum *sum, const struct row_sum *more)
{
    sum->high += more->high + __builtin_add_overflow(sum->low, more->low, &sum->low);
}

static inline bool row_sum_equal(const struct row_sum *a, const struct row_sum *b)
{
    return a->low == b->low && a->high == b->high;
}

#endif
