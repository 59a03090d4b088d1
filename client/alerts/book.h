/* Alerts that were raised lately.  Times are given by the caller; not thread-safe: alerts.c has the mutex. */
#ifndef CLIENT_ALERTS_BOOK_H
#define CLIENT_ALERTS_BOOK_H

#include "client/lane/read.h"
#include "client/picture/images.h"

enum alert_path { ALERT_OUTPUT, ALERT_DISPLAY, ALERT_COMMAND, ALERT_PATHS };
const char *alert_path_name(enum alert_path path); /* "output", "display", "command" */

struct kept_alert {
    uint64_t number; /* of its last change; 0: the place is free */
    uint64_t raise;  /* number of when it was raised last */
    unsigned times;  /* that it was raised */
    int64_t raised_ms, until_ms; /* monotonic: raised last, to be kept until */
    int64_t raised_at_ms;        /* since 1970, first */
    struct check_alert alert;
    uint8_t read_id[PLATESIEVE_READ_ID_BYTES];
    int64_t seen_ms; /* since 1970 */
    int64_t then_ms; /* monotonic: the same moment, or when its message came; only for comparing */
    int64_t ago_s;   /* so long before it was raised; INT64_MAX: longer than a gate takes, or the camera's clock is wrong */
    char plate[LANE_RAW_MAX + 1], best[LANE_RAW_MAX + 1]; /* of the candidate that matched, and of the one that the engine believes in most */
    char jurisdiction[PLATESIEVE_JURISDICTION_MAX + 1];   /* of the candidate; "": unknown */
    double confidence;
    char camera[LANE_CAMERA_MAX + 1];
    const char *engine;
    struct image *image;    /* held; NULL: none */
    bool due[ALERT_PATHS];  /* still to be delivered */
    unsigned tries[ALERT_PATHS]; /* that failed, since it was raised last */
    int64_t acknowledged_at_ms, judged_at_ms; /* since 1970; 0: not */
    const char *judgement, *told; /* static; NULL: none */
    unsigned telling;             /* words that the gate was not told yet */
};

/* That LOST could not be delivered in time: it makes place for others, or its time is over.  Called while the book is at work. */
typedef void (*alert_lost_fn)(void *context, const struct kept_alert *lost, enum alert_path path);

struct alert_book;

/* For MAX alerts, kept for KEEP_S, in locked memory; numbers begin behind FIRST.  NULL is said. */
struct alert_book *alert_book_create(unsigned max, unsigned keep_s, uint64_t first, alert_lost_fn lost, void *context) MUST_USE;
void alert_book_destroy(struct alert_book *book); /* wipes; NULL is fine */

struct alert_moment {
    int64_t monotonic_ms, now_ms; /* the same moment; the second since 1970 */
};
/* What is kept of it now.  DUE: bits of the paths that it has to go.  NULL: this vehicle raised it before, at no weaker grade, or was seen before what is kept: there is
 * nothing to tell, but it was raised once more, or a picture that was missing is kept.  A read counts as seen when its message came; only one that is late, by no more
 * than a gate takes, as its camera says, and then it is held against alerts of that camera only. */
struct kept_alert *alert_book_raise(struct alert_book *book, const struct lane_read *read, const struct check_alert *alert, unsigned due,
                                    struct alert_moment moment);
struct kept_alert *alert_book_find(struct alert_book *book, const char *hit); /* NULL: it is not there */
void alert_book_changed(struct alert_book *book, struct kept_alert *kept);    /* gives it the next number */
/* The one with the least number after AFTER; NULL: there is none. */
struct kept_alert *alert_book_after(struct alert_book *book, uint64_t after);
#define ALERT_PROMPT_MS 1000 /* an alert that waits for longer finds that there was trouble */
/* The next of those that have yet to go PATH; NULL: there is none.  In the order in which they were raised; once one of them waits for more than ALERT_PROMPT_MS, the
 * gravest goes first, and of these the latest, but not on standard output.  Those that were tried in vain go behind the others. */
struct kept_alert *alert_book_due(struct alert_book *book, enum alert_path path, int64_t monotonic_ms);
/* One of them that was raised before BEFORE_MS (monotonic); NULL: there is none. */
struct kept_alert *alert_book_late(struct alert_book *book, enum alert_path path, int64_t before_ms);
size_t alert_book_waiting(const struct alert_book *book, enum alert_path path);
/* That RAISE (of whatever alert has it still) need not go PATH any more, and that it was tried in vain.  What has it; NULL: none. */
struct kept_alert *alert_book_settle(struct alert_book *book, enum alert_path path, uint64_t raise);
struct kept_alert *alert_book_failed(struct alert_book *book, enum alert_path path, uint64_t raise);
bool alert_book_wants(const struct alert_book *book, enum alert_path path, uint64_t raise); /* has it yet to go there? */
/* The one that was raised longest ago of those that have a picture; NULL: there is none. */
struct kept_alert *alert_book_pictured(struct alert_book *book);
void alert_book_forget(struct alert_book *book, int64_t monotonic_ms); /* wipes those whose time is over */
uint64_t alert_book_last(const struct alert_book *book);               /* number */
size_t alert_book_count(const struct alert_book *book);

#endif
