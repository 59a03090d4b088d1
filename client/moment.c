#include "client/moment.h"

#include <time.h>

#define CLOCK_OFF_MS (2 * 60 * 1000)

int64_t moment_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t moment_monotonic_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t moment_monotonic_ms(void)
{
    return moment_monotonic_us() / 1000;
}

int64_t moment_boot_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t moment_then_ms(int64_t monotonic_ms)
{
    return monotonic_ms == 0 ? 0 : moment_now_ms() - (moment_monotonic_ms() - monotonic_ms);
}

void moment_print(int64_t ms, char text[MOMENT_TEXT])
{
    const time_t seconds = (time_t)(ms / 1000 - (ms % 1000 < 0));
    const unsigned rest = (unsigned)(ms - (int64_t)seconds * 1000);
    struct tm tm;
    char front[MOMENT_TEXT];

    if (gmtime_r(&seconds, &tm) == NULL || strftime(front, sizeof(front), "%Y-%m-%dT%H:%M:%S", &tm) != 19)
        snprintf(front, sizeof(front), "0000-00-00T00:00:00");
    snprintf(text, MOMENT_TEXT, "%.19s.%03uZ", front, rest % 1000);
}

/* COUNT digits as a number between MIN and MAX. */
static bool digits(const char **at, int count, int min, int max, int *value)
{
    *value = 0;
    for (int i = 0; i < count; i++, (*at)++) {
        if (**at < '0' || **at > '9') return false;
        *value = *value * 10 + (**at - '0');
    }
    return *value >= min && *value <= max;
}

static bool sign(const char **at, char wanted)
{
    if (**at != wanted) return false;
    (*at)++;
    return true;
}

/* ".123456" after seconds; what is finer than a millisecond is dropped. */
static bool fraction(const char **at, int *ms)
{
    int scale = 100;

    *ms = 0;
    if (!sign(at, '.')) return true;
    for (int count = 0; count < 9 && **at >= '0' && **at <= '9'; count++, (*at)++, scale /= 10)
        *ms += (**at - '0') * scale;
    return (*at)[-1] != '.';
}

static bool offset(const char **at, int *minutes)
{
    const int direction = **at == '-' ? -1 : 1;
    int hours, rest;

    *minutes = 0;
    if (**at == 'Z' || **at == 'z') {
        (*at)++;
        return true;
    }
    if (!sign(at, '+') && !sign(at, '-')) return false;
    if (!digits(at, 2, 0, 23, &hours) || !sign(at, ':') || !digits(at, 2, 0, 59, &rest)) return false;
    *minutes = direction * (hours * 60 + rest);
    return true;
}

bool moment_parse(const char *text, int64_t *ms)
{
    struct tm tm = { 0 }, check;
    int year, month, minutes = 0, rest = 0;
    const char *at = text;
    time_t seconds;

    if (!digits(&at, 4, 1970, 9999, &year) || !sign(&at, '-') || !digits(&at, 2, 1, 12, &month) || !sign(&at, '-') ||
        !digits(&at, 2, 1, 31, &tm.tm_mday))
        return false;
    if (*at != '\0') {
        if (!sign(&at, 'T') && !sign(&at, 't') && !sign(&at, ' ')) return false;
        if (!digits(&at, 2, 0, 23, &tm.tm_hour) || !sign(&at, ':') || !digits(&at, 2, 0, 59, &tm.tm_min)) return false;
        if (sign(&at, ':') && (!digits(&at, 2, 0, 59, &tm.tm_sec) || !fraction(&at, &rest))) return false;
        if (!offset(&at, &minutes) || *at != '\0') return false;
    }
    tm.tm_year = year - 1900;
    tm.tm_mon = month - 1;
    check = tm;
    seconds = timegm(&check);
    if (check.tm_mday != tm.tm_mday) return false; /* 30 February */
    *ms = ((int64_t)seconds - minutes * 60) * 1000 + rest;
    return true;
}

bool moment_clock_is_off(const char *there, const char *server, char text[MOMENT_CLOCK_TEXT])
{
    int64_t there_ms, off_ms;

    if (there == NULL || !moment_parse(there, &there_ms)) return false;
    off_ms = moment_now_ms() - there_ms;
    snprintf(text, MOMENT_CLOCK_TEXT, "this machine's clock is %lld minutes %s the %.16s's",
             (long long)(off_ms < 0 ? -off_ms : off_ms) / 60000, off_ms < 0 ? "behind" : "ahead of", server);
    return off_ms <= -CLOCK_OFF_MS || off_ms >= CLOCK_OFF_MS;
}
