/* A window's number and what was spent in it, in one word, so that both change together.  Windows are UTC minutes and
   days since 1970.  Pure arithmetic. */
#ifndef SERVER_HTTP_QUOTA_WORD_H
#define SERVER_HTTP_QUOTA_WORD_H

#include "server/http/quota_profile.h"

#define QUOTA_COUNT_BITS 38 /* the 26 bits above hold minutes until 2097 */

_Static_assert(QUOTA_COUNT_MAX == (UINT64_C(1) << QUOTA_COUNT_BITS) - 1, "a count fills its bits");

static inline int64_t quota_window_ms(enum quota_window window)
{
    return window == QUOTA_MINUTE ? INT64_C(60000) : INT64_C(86400000);
}

static inline uint64_t quota_word(uint64_t window, uint64_t count)
{
    return window << QUOTA_COUNT_BITS | count;
}

static inline uint64_t quota_word_window(uint64_t word)
{
    return word >> QUOTA_COUNT_BITS;
}

static inline uint64_t quota_word_count(uint64_t word)
{
    return word & QUOTA_COUNT_MAX;
}

/* What WORD says in WINDOW.  A window that is over is forgotten.  One that has not begun is one that a clock was in
   which went back: the next window stays, so that going back over an edge and forward again refills nothing; from
   further ahead, where a clock was simply wrong, the count is taken along, or a name might be shut out for years. */
static inline uint64_t quota_word_at(uint64_t word, uint64_t window)
{
    if (quota_word_window(word) < window) return quota_word(window, 0);
    if (quota_word_window(word) <= window + 1) return word;
    return quota_word(window, quota_word_count(word));
}

#endif
