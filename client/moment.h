/* Times as the protocol writes them: RFC 3339, UTC, milliseconds. */
#ifndef CLIENT_MOMENT_H
#define CLIENT_MOMENT_H

#include <stdbool.h>
#include <stdint.h>

#define MOMENT_TEXT 25 /* "2026-11-22T01:30:43.123Z" and its ending zero */

int64_t moment_now_ms(void);
/* Milliseconds of a clock that never jumps, for durations. */
int64_t moment_monotonic_ms(void);
int64_t moment_monotonic_us(void);
/* The same, that goes on while the machine sleeps. */
int64_t moment_boot_ms(void);
/* What the time of day was MONOTONIC_MS, by the clock as it is now; 0 stays 0 (never). */
int64_t moment_then_ms(int64_t monotonic_ms);
void moment_print(int64_t ms, char text[MOMENT_TEXT]);
/* RFC 3339 with any offset and up to nine digits of fraction, "2026-11-22T01:30Z", or a date alone (midnight UTC).
 * False for anything else. */
bool moment_parse(const char *text, int64_t *ms);
#define MOMENT_CLOCK_TEXT 96
/* Holds this machine's clock against the time that the answer of a server ("gate") said when it came.  True when they are
 * minutes apart, and TEXT is what to say: "this machine's clock is 59 minutes behind the gate's".  False without a time
 * (NULL, or not one), too. */
bool moment_clock_is_off(const char *there, const char *server, char text[MOMENT_CLOCK_TEXT]);

#endif
