/* Times and dates as lists write them, in the formats and the time zone that a profile says.  Nothing is guessed: what
 * fits none of the formats is no time. */
#ifndef CLIENT_IMPORT_WHEN_H
#define CLIENT_IMPORT_WHEN_H

#include "client/import/profile.h"

/* A format as strptime() takes it, of %Y %y %m %d %e %b %B %h %H %I %p %M %S %T %R %F %z %% and other characters; it must
 * have a year, a month and a day, each once. */
bool when_format_valid(const char *format, char why[PROFILE_WHY]) MUST_USE;
/* Formats of one profile must not differ in whether the day or the month comes first. */
bool when_formats_agree(const struct profile *profile, char why[PROFILE_WHY]) MUST_USE;
/* Is it a zone of this machine's time zone database?  UTC always is. */
bool when_zone_valid(const char *name);
/* Makes the profile's zone that of this process.  Before any thread is started. */
void when_use_zone(const struct profile *profile);

enum when { WHEN_EFFECTIVE, WHEN_EXPIRES };
/* TEXT (white space around it does not count) in milliseconds since 1970.  A date alone is midnight in the zone; where
 * the profile says that the day of expiry is included, the midnight that ends it.  Of a local time that comes twice, the
 * earlier makes an entry effective and the later ends it. */
bool when_read(const struct profile *profile, enum when when, const char *text, size_t size, int64_t *ms) MUST_USE;
/* The first moment of the year after YEAR, in the zone. */
int64_t when_year_ends(int year);

#endif
