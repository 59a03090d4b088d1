/* Alerts to the officer: on standard output, to a command, to a local display; and what the officer says of them.
 *
 * An alert is shown as what it is: grade, and age of the list ("similar, list 26 h old: verify").  Those that were raised lately are kept, in locked memory,
 * bounded in number and age, so that they can be looked at, acknowledged and judged.  Raising one never waits. */
#ifndef CLIENT_LANE_ALERTS_H
#define CLIENT_LANE_ALERTS_H

#include <jansson.h>

#include "client/lane/read.h"

struct alerts;

struct alert_settings {
    bool print;               /* lines on standard output */
    bool json;                /* they are JSON */
    bool show_plates;         /* in JSON; in lines for people they always are */
    const char *command;      /* run by /bin/sh -c; the alert comes on its standard input as JSON.  NULL: none */
    const char *display;      /* http:// URL on loopback that the alert is posted to; NULL: none */
    unsigned keep_s, keep_max; /* how long, and how many, alerts can be looked at */
};

/* What came of alerts, for the lane's counts.  Any thread. */
struct alert_ears {
    void *context;
    void (*delivered)(void *context, const char *way, bool well);                       /* "display", "command", "output" */
    void (*judged)(void *context, const char *hit, const char *agency, const char *judgement); /* to be told to the gate */
};

/* All is borrowed.  NULL is said. */
struct alerts *alerts_create(const struct alert_settings *settings, const struct alert_ears *ears) MUST_USE;
void alerts_destroy(struct alerts *alerts); /* NULL is fine */
/* READ raised ALERT.  Both, and the image, are copied or held. */
void alerts_raise(struct alerts *alerts, const struct lane_read *read, const struct check_alert *alert);

/* For the lane's own listener.  Any thread.  Those after number AFTER, oldest first, as JSON: {"alerts": [...], "next": n}; to be released. */
json_t *alerts_list(struct alerts *alerts, uint64_t after);
enum alert_judge { ALERT_JUDGED, ALERT_UNKNOWN, ALERT_NO_SUCH_WORD };
/* JUDGEMENT is "acknowledged", "confirmed", "misread", "wrong-jurisdiction" or "stale-entry". */
enum alert_judge alerts_judge(struct alerts *alerts, const char *hit, const char *judgement) MUST_USE;
struct image *alerts_image(struct alerts *alerts, const char *hit); /* held; NULL: it has none */

#endif
