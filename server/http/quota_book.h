/* The book's inside, between quota.c, quota_watch.c and quota_report.c.  For nobody else. */
#ifndef SERVER_HTTP_QUOTA_BOOK_H
#define SERVER_HTTP_QUOTA_BOOK_H

#include "server/http/metrics.h"
#include "server/http/quota.h"
#include "server/http/quota_file.h"
#include "server/http/quota_word.h"

#define QUOTA_HOT_PERCENT 80
#define QUOTA_TOTAL_NAMES_MIN 4 /* with fewer, no total is worked out: one busy lane would be an alarm of its own */

struct quota_book {
    struct quota_settings settings;
    struct quota_limits limits[LIMIT_QUOTA_PROFILES]; /* of each profile, on this side */
    struct quota_file file;
    struct metric *refused, *hot, *total_share, *alarm;
    struct quota_watch *watch;
    atomic_uint_least32_t total_alarmed_day;
    atomic_int_least64_t unknown_told_ms, full_told_ms;
};

/* The position of the profile called PROFILE (NULL: none) for NAME, or where there is none such for its role, the role's
   own; -1: no quota. */
int quota_profile_of(const struct quota_book *book, const char *name, const char *profile);
/* The record's profile: as it was charged last, else by its name. */
int quota_record_profile(const struct quota_book *book, const struct quota_record *record);
/* What was spent in the window of NOW_MS. */
uint64_t quota_spent(const struct quota_record *record, enum quota_window window, unsigned counter, int64_t now_ms);
/* The greatest share of a day's limit that was spent, in percent. */
unsigned quota_percent(const struct quota_book *book, const struct quota_record *record, int64_t now_ms);

struct quota_total {
    unsigned names;   /* that asked for anything today */
    unsigned hot;     /* of them, at QUOTA_HOT_PERCENT or more */
    uint64_t spent[QUOTA_COUNTERS], refused;
    uint64_t alarm_at; /* of the first counter; 0: no such alarm */
};
void quota_total(struct quota_book *book, int64_t now_ms, struct quota_total *total);

struct quota_watch *quota_watch_start(struct quota_book *book);
void quota_watch_stop(struct quota_watch *watch); /* NULL is fine */

#endif
