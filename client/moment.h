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
void moment_print(int64_t ms, char text[MOMENT_TEXT]);
/* RFC 3339 with any offset and up to nine digits of fraction, "2026-11-22T01:30Z", or a date alone (midnight UTC).
 * False for anything else. */
bool moment_parse(const char *text, int64_t *ms);
/* Holds this machine's clock against the time that a server's answer said when it came: true when they are minutes apart;
 * *off_ms is how far this one is ahead.  False without a time (NULL, or not one), too. */
bool moment_clock_is_off(const char *there, int64_t *off_ms);

#endif
