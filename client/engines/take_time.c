/* Times as engines write them, in whatever notation.  A read's time is nearly now, which tells most of what a notation leaves open. */
#include <ctype.h>
#include <strings.h>

#include "client/engines/document_internal.h"

#define TIME_MAX 48 /* bytes of a time */

/* -- numbers ------------------------------------------------------------------------------------------------------- */

/* Since 1970, in seconds, milli-, micro- or nanoseconds; until the year 5138 they can be told apart by their size. */
static bool of_number(double number, int64_t *ms)
{
    if (!(number >= 0 && number < 1e20)) return false;
    *ms = (int64_t)(number < 1e11 ? number * 1000 : number < 1e14 ? number : number < 1e17 ? number / 1e3 : number / 1e6);
    return true;
}

/* -- texts --------------------------------------------------------------------------------------------------------- */

struct reader {
    const char *at; /* ends with a zero byte */
    struct tm tm;
    int ms;
    bool zoned;
    int offset_s;
};

/* At most MOST digits. */
static bool digits(struct reader *reader, int least, int most, int *value)
{
    int count = 0;

    for (*value = 0; count < most && isdigit((unsigned char)*reader->at); count++) *value = *value * 10 + (*reader->at++ - '0');
    return count >= least;
}

static bool one_of(struct reader *reader, const char *signs)
{
    if (*reader->at == '\0' || strchr(signs, *reader->at) == NULL) return false;
    reader->at++;
    return true;
}

static void spaces(struct reader *reader)
{
    while (*reader->at == ' ' || *reader->at == '\t') reader->at++;
}

static bool set_date(struct reader *reader, int year, int month, int day)
{
    reader->tm.tm_year = year - 1900;
    reader->tm.tm_mon = month - 1;
    reader->tm.tm_mday = day;
    return year >= 1970 && year <= 9999 && month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

/* "2021-06-11", "2021/06/11", "20210611" */
static bool year_first(struct reader *reader)
{
    int year, month, day;

    if (!digits(reader, 4, 4, &year)) return false;
    one_of(reader, "-/.");
    if (!digits(reader, 2, 2, &month)) return false;
    one_of(reader, "-/.");
    return digits(reader, 2, 2, &day) && set_date(reader, year, month, day);
}

/* "11/06/2021"; where the first two can be in one order only, in that. */
static bool year_last(struct reader *reader, bool month_first)
{
    int first, second, year;

    if (!digits(reader, 1, 2, &first) || !one_of(reader, "/.-") || !digits(reader, 1, 2, &second) || !one_of(reader, "/.-") || !digits(reader, 4, 4, &year))
        return false;
    if (month_first ? first > 12 : second > 12) month_first = !month_first;
    return month_first ? set_date(reader, year, first, second) : set_date(reader, year, second, first);
}

/* "13:05:38.252", "130538252", "13:05", "1:05:38 PM" */
static bool clock_time(struct reader *reader)
{
    struct tm *tm = &reader->tm;
    const char *begin = reader->at;
    int fraction = 0, scale = 100;

    if (!digits(reader, 1, 2, &tm->tm_hour)) return false;
    const bool colons = one_of(reader, ":");

    if ((!colons && reader->at - begin != 2) || !digits(reader, 2, 2, &tm->tm_min)) return false;
    if (!colons || one_of(reader, ":")) {
        if (!digits(reader, 2, 2, &tm->tm_sec)) return false;
        if (one_of(reader, ".,") || !colons)
            for (; isdigit((unsigned char)*reader->at); reader->at++, scale /= 10) fraction += (*reader->at - '0') * scale;
    }
    reader->ms = fraction;
    spaces(reader);
    if (strncasecmp(reader->at, "AM", 2) == 0 || strncasecmp(reader->at, "PM", 2) == 0) {
        if (tm->tm_hour < 1 || tm->tm_hour > 12) return false;
        tm->tm_hour = tm->tm_hour % 12 + (toupper((unsigned char)*reader->at) == 'P' ? 12 : 0);
        reader->at += 2;
    }
    return tm->tm_hour <= 23 && tm->tm_min <= 59 && tm->tm_sec <= 60;
}

/* "Z", "UTC", "+02:00", "-0800", "+08"; nothing is no zone. */
static bool zone(struct reader *reader)
{
    int sign, hours, minutes = 0;

    spaces(reader);
    if (*reader->at == '\0') return true;
    reader->zoned = true;
    if (strcasecmp(reader->at, "Z") == 0 || strcasecmp(reader->at, "UTC") == 0 || strcasecmp(reader->at, "GMT") == 0) return true;
    sign = *reader->at == '-' ? -1 : 1;
    if (!one_of(reader, "+-") || !digits(reader, 2, 2, &hours)) return false;
    one_of(reader, ":");
    if (*reader->at != '\0' && !digits(reader, 2, 2, &minutes)) return false;
    reader->offset_s = sign * (hours * 3600 + minutes * 60);
    return *reader->at == '\0' && hours <= 23 && minutes <= 59;
}

static bool of_text(const struct engine_options *options, const char *text, int64_t *ms)
{
    struct reader reader = { .at = text };
    struct tm check;
    int64_t utc, local;

    if (!year_first(&reader)) {
        reader = (struct reader){ .at = text };
        if (!year_last(&reader, options->month_first)) return false;
    }
    one_of(&reader, "Tt");
    spaces(&reader);
    if (!clock_time(&reader) || !zone(&reader)) return false;
    check = reader.tm;
    utc = (int64_t)timegm(&check) * 1000 + reader.ms;
    if (check.tm_mday != reader.tm.tm_mday) return false; /* 30 February */
    *ms = utc - (int64_t)reader.offset_s * 1000;
    if (reader.zoned) return true;
    check = reader.tm;
    check.tm_isdst = -1;
    local = (int64_t)mktime(&check) * 1000 + reader.ms;
    if (llabs(local - options->now_ms) < llabs(utc - options->now_ms)) *ms = local;
    return true;
}

/* ------------------------------------------------------------------------------------------------------------------ */

/* 14 digits and more are a date and a time without anything between, unless that would not be in these centuries. */
static bool is_compact(const char *text, size_t size)
{
    return (size == 14 || size == 17) && (memcmp(text, "19", 2) == 0 || memcmp(text, "20", 2) == 0);
}

static bool read_time(const struct engine_options *options, struct value time, int64_t *ms)
{
    char text[TIME_MAX + 1] = "";
    double number;

    if (time.kind == VALUE_NUMBER) return of_number(time.number, ms);
    if (time.kind != VALUE_TEXT) return false;
    while (time.size > 0 && (*time.text == ' ' || *time.text == '\t')) time.text++, time.size--;
    while (time.size > 0 && (time.text[time.size - 1] == ' ' || time.text[time.size - 1] == '\t')) time.size--;
    if (time.size > TIME_MAX || memchr(time.text, '\0', time.size) != NULL) return false;
    if (!is_compact(time.text, time.size) && value_number(time, &number)) return of_number(number, ms);
    memcpy(text, time.text, time.size);
    return of_text(options, text, ms);
}

static bool is_late(const struct engine_options *options, int64_t ms)
{
    return options->now_ms - ms >= LIMIT_SEEN_LATE_S * 1000LL;
}

void engine_time(const struct engine_options *options, struct engine_reads *reads, struct engine_read *read, struct value time)
{
    int64_t ms;

    if (time.kind == VALUE_NONE) return;
    if (!read_time(options, time, &ms) || ms > options->now_ms + LIMIT_SEEN_AHEAD_S * 1000LL) {
        reads->faults[ENGINE_TIME]++;
        return;
    }
    read->late = is_late(options, ms);
    read->long_past = ms < options->now_ms - LIMIT_SEEN_AGE_S * 1000LL;
    if (read->long_past) reads->faults[ENGINE_TIME]++;
    else read->seen_ms = ms;
}

void engine_until(const struct engine_options *options, struct engine_read *read, struct value time)
{
    int64_t ms;

    if (time.kind != VALUE_NONE && read_time(options, time, &ms) && !is_late(options, ms)) read->late = read->long_past = false;
}
