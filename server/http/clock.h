/* Time, passed along, so that a test can say what time it is. */
#ifndef SERVER_HTTP_CLOCK_H
#define SERVER_HTTP_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct clock {
    int64_t (*now_ms)(void *context); /* milliseconds since 1970, UTC */
    void *context;
};

extern const struct clock system_clock;
/* Since some time in the past; nobody can set it: for how long something lasts. */
extern const struct clock steady_clock;

static inline int64_t clock_now_ms(const struct clock *clock)
{
    return clock->now_ms(clock->context);
}

#define TIME_TEXT_SIZE 25 /* "2026-11-22T01:30:43.123Z" and the ending zero */
void time_format(int64_t ms, char text[TIME_TEXT_SIZE]);
/* RFC 3339, any offset, 0 to 9 decimals; false if it is anything else or before 1970 or after 2105. */
bool time_parse(const char *text, size_t size, int64_t *ms);

#endif
