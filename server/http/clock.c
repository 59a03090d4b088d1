#include "server/http/clock.h"

#include <time.h>

static int64_t system_now_ms(void *context)
{
    (void)context;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

const struct clock system_clock = { system_now_ms, NULL };

static int64_t steady_now_ms(void *context)
{
    (void)context;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

const struct clock steady_clock = { steady_now_ms, NULL };

#define DAY_S 86400

/* Days since 1970-01-01 of a date in the proleptic Gregorian calendar (H. Hinnant, chrono-compatible date
   algorithms). */
static int64_t days_from_date(int64_t year, unsigned month, unsigned day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    unsigned year_of_era = (unsigned)(year - era * 400);
    unsigned day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + (int64_t)day_of_era - 719468;
}

static void digits(char *text, unsigned value, size_t count)
{
    while (count > 0) {
        text[--count] = (char)('0' + value % 10);
        value /= 10;
    }
}

void time_format(int64_t ms, char text[TIME_TEXT_SIZE])
{
    int64_t seconds = ms >= 0 ? ms / 1000 : -((999 - ms) / 1000);
    time_t when = (time_t)seconds;
    struct tm tm;
    memcpy(text, "0000-00-00T00:00:00.000Z", TIME_TEXT_SIZE);
    if (gmtime_r(&when, &tm) == NULL || tm.tm_year + 1900 > 9999 || tm.tm_year + 1900 < 0) return;
    digits(text, (unsigned)(tm.tm_year + 1900), 4);
    digits(text + 5, (unsigned)tm.tm_mon + 1, 2);
    digits(text + 8, (unsigned)tm.tm_mday, 2);
    digits(text + 11, (unsigned)tm.tm_hour, 2);
    digits(text + 14, (unsigned)tm.tm_min, 2);
    digits(text + 17, (unsigned)tm.tm_sec, 2);
    digits(text + 20, (unsigned)(ms - seconds * 1000), 3);
}

struct scan {
    const char *at, *end;
};

static bool scan_number(struct scan *scan, unsigned count, unsigned max, unsigned *value)
{
    *value = 0;
    for (; count > 0; count--, scan->at++) {
        if (scan->at == scan->end || *scan->at < '0' || *scan->at > '9') return false;
        *value = *value * 10 + (unsigned)(*scan->at - '0');
    }
    return *value <= max;
}

static bool scan_one_of(struct scan *scan, const char *set, char *found)
{
    if (scan->at == scan->end || *scan->at == 0 || strchr(set, *scan->at) == NULL) return false;
    if (found != NULL) *found = *scan->at;
    scan->at++;
    return true;
}

/* Decimals beyond the third are read and dropped. */
static bool scan_milliseconds(struct scan *scan, unsigned *ms)
{
    *ms = 0;
    if (!scan_one_of(scan, ".", NULL)) return true;
    unsigned count = 0;
    for (; scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9'; scan->at++, count++)
        if (count < 3) *ms = *ms * 10 + (unsigned)(*scan->at - '0');
    for (unsigned i = count; i < 3; i++) *ms *= 10;
    return count >= 1 && count <= 9;
}

static bool scan_offset(struct scan *scan, int64_t *seconds)
{
    char sign;
    unsigned hours, minutes;
    *seconds = 0;
    if (scan_one_of(scan, "Zz", NULL)) return true;
    if (!scan_one_of(scan, "+-", &sign) || !scan_number(scan, 2, 23, &hours) || !scan_one_of(scan, ":", NULL) ||
        !scan_number(scan, 2, 59, &minutes))
        return false;
    *seconds = (int64_t)(hours * 3600 + minutes * 60) * (sign == '+' ? 1 : -1);
    return true;
}

static unsigned month_days(unsigned year, unsigned month)
{
    static const unsigned char days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

bool time_parse(const char *text, size_t size, int64_t *ms)
{
    struct scan scan = { text, text + size };
    unsigned year, month, day, hour, minute, second, milliseconds;
    int64_t offset;
    if (!scan_number(&scan, 4, 9999, &year) || !scan_one_of(&scan, "-", NULL) || !scan_number(&scan, 2, 12, &month) ||
        !scan_one_of(&scan, "-", NULL) || !scan_number(&scan, 2, 31, &day) || !scan_one_of(&scan, "Tt ", NULL) ||
        !scan_number(&scan, 2, 23, &hour) || !scan_one_of(&scan, ":", NULL) || !scan_number(&scan, 2, 59, &minute) ||
        !scan_one_of(&scan, ":", NULL) || !scan_number(&scan, 2, 60, &second) ||
        !scan_milliseconds(&scan, &milliseconds) || !scan_offset(&scan, &offset) || scan.at != scan.end)
        return false;
    if (year < 1969 || month < 1 || day < 1 || day > month_days(year, month)) return false;
    int64_t seconds = days_from_date(year, month, day) * DAY_S + hour * 3600 + minute * 60 + second - offset;
    if (seconds < 0 || seconds >= days_from_date(2106, 1, 1) * DAY_S) return false;
    *ms = seconds * 1000 + milliseconds;
    return true;
}
