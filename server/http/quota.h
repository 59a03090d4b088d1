/* The book of quotas: what each registered name has asked for in this minute and this day, and whether it may ask more.

   Windows are fixed: UTC minutes and UTC days.  So a count is what an operator would count, Retry-After is exact, and a
   name takes one word a window.  The worst case: twice a minute's quota within two seconds, and twice a day's around
   midnight, at the pace of the minutes; never more than n days' quotas in n calendar days.

   A request is charged whole or not at all; one that is refused is not charged.  Charging takes no lock and no system
   call.  Counts survive a killed process at once, a power cut from the last second but one (quota_file.h).

   Any thread. */
#ifndef SERVER_HTTP_QUOTA_H
#define SERVER_HTTP_QUOTA_H

#include "server/http/clock.h"
#include "server/http/http.h"
#include "server/http/quota_profile.h"

struct quota_book;

struct quota_settings {
    enum quota_side side;
    const char *folder; /* that it keeps its file "quota" in */
    const struct quota_profiles *profiles;
    uint64_t keys_a_day; /* a key server's: epochs whose key can be had in the course of a day */
    const struct clock *clock;
    struct metrics *metrics; /* NULL: nowhere */
};

/* SETTINGS' pointers must outlive the book.  REASON_SETTINGS, said on ERRORS. */
struct result quota_open(const struct quota_settings *settings, FILE *errors, struct quota_book **book);
void quota_close(struct quota_book *book); /* NULL is fine */

/* What a request costs, by enum quota_counter. */
struct quota_cost {
    uint64_t amount[QUOTA_COUNTERS];
    int64_t charged_ms; /* set by quota_charge() */
};

/* Why a request is refused, and until when. */
struct quota_refusal {
    enum reason reason; /* REASON_NONE: it is not; REASON_OVER_QUOTA, REASON_TOO_MUCH, REASON_BUSY */
    unsigned retry_after_s;
    const char *counted;
    enum quota_window window;
};

/* Charges the request's peer, by the profile that it is registered with, or its role's own where there is none such; only readers and agencies have quotas, others are never refused.
   REASON_OVER_QUOTA: not now; it would pass retry_after_s from now if nothing else came.  REASON_TOO_MUCH: more than a
   whole window's quota, so never.  REASON_BUSY: the book is full. */
struct result quota_charge(struct quota_book *book, const struct request *request, struct quota_cost *cost,
                           struct quota_refusal *refusal);
/* Takes a charge back: nothing was done for it. */
void quota_give_back(struct quota_book *book, const struct request *request, const struct quota_cost *cost);
/* Would the smallest request pass?  For a look before a body is parsed, so that refusing costs next to nothing.  Charges
   nothing. */
struct result quota_look(struct quota_book *book, const struct request *request, struct quota_refusal *refusal);
/* The answer to a refusal: a problem with Retry-After that says what was counted. */
struct reply quota_problem(const struct quota_refusal *refusal);

/* In a handler: leave with the problem of a refusal. */
#define TRY_QUOTA(expression, refusal) \
    do { \
        if (failed(expression)) return quota_problem(&(refusal)); \
    } while (0)

/* May somebody of ROLE be registered with PROFILE?  Readers with a lane's, agencies with an agency's, all others with
   "none". */
bool quota_fits(const struct quota_book *book, enum role role, const char *profile);

/* For GET /v1/status: limits, totals, hot names, alarms.  The caller json_decref()s. */
json_t *quota_status_json(struct quota_book *book);
/* The use that NAME, registered with PROFILE, makes of its quota; a JSON null when it has none.  The caller
   json_decref()s. */
json_t *quota_use_json(struct quota_book *book, const char *name, const char *profile);
/* Brings the gauges up to date and says what is hot on the log; done each second by the book's own thread. */
void quota_watch(struct quota_book *book);

#endif
