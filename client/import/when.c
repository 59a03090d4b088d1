#define _XOPEN_SOURCE 700 /* strptime */
#include "client/import/when.h"

#include <ctype.h>
#include <time.h>

#include "client/file.h"
#include "client/moment.h"

#define TIME_TEXT_MAX 64

/* -- formats ------------------------------------------------------------------------------------------------------- */

/* What a conversion sets: Year, Month, Day, Time, zone, or nothing. */
static char kind_of(char conversion)
{
    switch (conversion) {
    case 'Y':
    case 'y': return 'Y';
    case 'm':
    case 'b':
    case 'B':
    case 'h': return 'M';
    case 'd':
    case 'e': return 'D';
    case 'H':
    case 'I':
    case 'p':
    case 'M':
    case 'S':
    case 'T':
    case 'R': return 'T';
    case 'F': return 'F';
    case 'z': return 'z';
    case '%': return '%';
    default: return '\0';
    }
}

/* The kinds in their order, in at most SIZE - 1 characters; false: something else is in it. */
static bool kinds_of(const char *format, char *kinds, size_t size)
{
    size_t count = 0;

    for (const char *at = format; *at != '\0'; at++) {
        char kind;

        if ((unsigned char)*at < 0x20 || *at == 0x7f || *at == ';') return false;
        if (*at != '%') continue;
        kind = kind_of(*++at);
        if (kind == '\0' || count + 4 > size) return false;
        if (kind == 'F') {
            memcpy(kinds + count, "YMD", 3);
            count += 3;
        } else if (kind != '%') {
            kinds[count++] = kind;
        }
    }
    kinds[count] = '\0';
    return true;
}

static bool once(const char *kinds, char kind)
{
    const char *at = strchr(kinds, kind);

    return at != NULL && strchr(at + 1, kind) == NULL;
}

bool when_format_valid(const char *format, char why[PROFILE_WHY])
{
    char kinds[PROFILE_TEXT_MAX];

    if (kinds_of(format, kinds, sizeof(kinds)) && once(kinds, 'Y') && once(kinds, 'M') && once(kinds, 'D')) return true;
    snprintf(why, PROFILE_WHY, "a date's format has one year (%%Y or %%y), one month (%%m or %%b) and one day (%%d), and "
                               "may have %%H %%I %%p %%M %%S %%T %%R %%z");
    return false;
}

static bool day_first(const char *format)
{
    char kinds[PROFILE_TEXT_MAX];
    const char *day, *month;

    if (!kinds_of(format, kinds, sizeof(kinds))) return false;
    day = strchr(kinds, 'D');
    month = strchr(kinds, 'M');
    return day != NULL && month != NULL && day < month;
}

/* %d/%m and %m/%d: which one it is would be guessed, date by date. */
bool when_formats_agree(const struct profile *profile, char why[PROFILE_WHY])
{
    for (size_t i = 0; i < profile->date_format_count; i++)
        for (size_t k = 0; k < i; k++) {
            const char *one = profile->date_formats[i], *other = profile->date_formats[k];

            if (strstr(one, "%m") == NULL || strstr(other, "%m") == NULL || day_first(one) == day_first(other)) continue;
            if (strncmp(one, "%Y", 2) == 0 || strncmp(other, "%Y", 2) == 0 || strncmp(one, "%F", 2) == 0 ||
                strncmp(other, "%F", 2) == 0)
                continue;
            snprintf(why, PROFILE_WHY, "one of these formats has the day first, another the month: say which it is");
            return false;
        }
    return true;
}

/* -- the zone ------------------------------------------------------------------------------------------------------ */

bool when_zone_valid(const char *name)
{
    static const char good[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/";
    const char *folder = getenv("TZDIR");
    char path[PROFILE_TEXT_MAX + 256], magic[4] = "";
    bool zone;
    FILE *file;

    if (strcmp(name, "UTC") == 0) return true;
    if (strlen(name) > PROFILE_TEXT_MAX || strspn(name, good) != strlen(name) || !isalpha((unsigned char)name[0]))
        return false;
    if (!path_make(path, sizeof(path), "%s/%s", folder == NULL ? "/usr/share/zoneinfo" : folder, name)) return false;
    file = fopen(path, "re");
    if (file == NULL) return false;
    zone = fread(magic, sizeof(magic), 1, file) == 1 && memcmp(magic, "TZif", 4) == 0;
    fclose(file);
    return zone;
}

void when_use_zone(const struct profile *profile)
{
    setenv("TZ", profile->time_zone[0] == '\0' ? "UTC0" : profile->time_zone, 1);
    tzset();
}

/* Local time to seconds since 1970.  mktime() is asked with and without daylight saving time, and believed where it
   kept the time that it was given. */
static bool from_local(const struct tm *local, bool later, time_t *seconds)
{
    bool found = false;

    for (int saving = 0; saving <= 1; saving++) {
        struct tm tm = *local;
        time_t moment;

        tm.tm_isdst = saving;
        moment = mktime(&tm);
        if (tm.tm_isdst != saving || tm.tm_hour != local->tm_hour || tm.tm_min != local->tm_min) continue;
        if (!found || (later ? moment > *seconds : moment < *seconds)) *seconds = moment;
        found = true;
    }
    if (!found) { /* an hour that is left out in spring */
        struct tm tm = *local;

        tm.tm_isdst = -1;
        *seconds = mktime(&tm);
    }
    return *seconds != (time_t)-1;
}

/* -- reading ------------------------------------------------------------------------------------------------------- */

/* 30 February is none. */
static bool is_a_day(const struct tm *tm)
{
    struct tm check = { .tm_year = tm->tm_year, .tm_mon = tm->tm_mon, .tm_mday = tm->tm_mday };

    if (tm->tm_year < 0 || tm->tm_year > 9999 - 1900) return false;
    (void)timegm(&check);
    return check.tm_mday == tm->tm_mday && check.tm_mon == tm->tm_mon;
}

static bool to_ms(struct tm tm, enum when when, bool next_day, bool zoned, int64_t *ms)
{
    const long offset = tm.tm_gmtoff;
    time_t seconds;

    tm.tm_mday += next_day;
    if (next_day) { /* 31 December and 1: a day that exists, so that from_local() can compare */
        struct tm day = { .tm_year = tm.tm_year, .tm_mon = tm.tm_mon, .tm_mday = tm.tm_mday };

        (void)timegm(&day);
        tm = day;
    }
    if (zoned) seconds = timegm(&tm) - offset;
    else if (!from_local(&tm, when == WHEN_EXPIRES, &seconds)) return false;
    *ms = (int64_t)seconds * 1000;
    return true;
}

static bool by_format(const struct profile *profile, const char *format, enum when when, const char *text, int64_t *ms)
{
    char kinds[PROFILE_TEXT_MAX];
    struct tm tm = { 0 };
    const char *end = strptime(text, format, &tm);
    bool alone;

    if (end == NULL || *end != '\0' || !is_a_day(&tm) || !kinds_of(format, kinds, sizeof(kinds))) return false;
    alone = strchr(kinds, 'T') == NULL;
    return to_ms(tm, when, alone && when == WHEN_EXPIRES && profile->last_day_counts, strchr(kinds, 'z') != NULL, ms);
}

bool when_read(const struct profile *profile, enum when when, const char *text, size_t size, int64_t *ms)
{
    char own[TIME_TEXT_MAX];

    while (size > 0 && isspace((unsigned char)*text)) text++, size--;
    while (size > 0 && isspace((unsigned char)text[size - 1])) size--;
    if (size == 0 || size >= sizeof(own)) return false;
    memcpy(own, text, size);
    own[size] = '\0';
    if (strlen(own) != size) return false;
    for (size_t i = 0; i < profile->date_format_count; i++)
        if (by_format(profile, profile->date_formats[i], when, own, ms)) return true;
    if (profile->date_format_count > 0) return false;
    return size == sizeof("2026-11-22") - 1 ? by_format(profile, "%Y-%m-%d", when, own, ms) : moment_parse(own, ms);
}

int64_t when_year_ends(int year)
{
    const struct tm tm = { .tm_year = year + 1 - 1900, .tm_mday = 1 };
    time_t seconds = 0;

    return from_local(&tm, true, &seconds) ? (int64_t)seconds * 1000 : INT64_MAX;
}
