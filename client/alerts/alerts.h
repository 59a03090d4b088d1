/* Alerts to the officer: on standard output, to a command, to a local display; and what the officer says of them.
 *
 * An alert is shown as what it is: grade, and age of the list ("similar, list 26 h old: VERIFY").  Those that were raised lately are kept, in locked memory,
 * bounded in number and age, so that they can be looked at, acknowledged and judged.  Raising one never waits: the line on standard output is written at once,
 * if it can be; a thread serves the display, on a connection that stays open, and the commands.  Both take what is kept, so that what they have not taken yet is
 * bounded as well: a way that is not open for a while gets the gravest and latest first, then, and none that was acknowledged, judged or became too old meanwhile.
 * An alert that was raised again (the same hit) is the same one, seen once more. */
#ifndef CLIENT_ALERTS_ALERTS_H
#define CLIENT_ALERTS_ALERTS_H

#include "client/lane/read.h"

#define ALERTS_KEEP_MAX 256
#define ALERTS_KEEP_S_MAX 86400

struct alerts;

struct alert_settings {
    bool print;               /* lines on standard output */
    bool json;                /* they are JSON */
    bool show_plates;         /* in that JSON; in lines for people, at commands and displays they always are */
    const char *command;      /* run by /bin/sh -c, its output goes nowhere; the alert comes on its standard input as JSON.  NULL: none */
    const char *display;      /* http:// URL on loopback that the alert is posted to; NULL: none */
    unsigned keep_s, keep_max; /* how long, and how many, alerts can be looked at; at most ALERTS_KEEP_... */
    unsigned late_s;          /* one that a way did not take for so long is lost on it */
};

/* What comes of alerts.  Any thread; `delivered` must not call alerts.c again.  Each may be NULL. */
struct alert_ears {
    void *context;
    void (*delivered)(void *context, const char *way, bool well); /* "display", "command", "output": of one alert, for good */
    /* To be told to the gate: judgements_add(). */
    void (*judged)(void *context, const char *hit, const char *agency, const char *judgement, int64_t at_ms);
    /* A picture came after the alert, which had none: lane_pictures_add_image(). */
    void (*pictured)(void *context, const struct check_alert *alert, struct image *image);
};

/* True, or what is wrong with DISPLAY as an address for alerts is said. */
bool alerts_display_fits(const char *display) MUST_USE;

/* All is borrowed; the settings' texts are copied.  Starts a thread.  NULL is said. */
struct alerts *alerts_create(const struct alert_settings *settings, const struct alert_ears *ears) MUST_USE;
/* Waits up to WAIT_MS for what is still to be delivered; commands that run on are killed.  NULL is fine. */
void alerts_destroy(struct alerts *alerts, unsigned wait_ms);
/* READ raised ALERT.  Both, and the image, are copied or held.  Any thread. */
void alerts_raise(struct alerts *alerts, const struct lane_read *read, const struct check_alert *alert);
/* Lets go of the picture of the alert that was raised longest ago, if that is more than ten seconds: others need the room.  False: there is none.  Any thread. */
bool alerts_yield_picture(struct alerts *alerts);
/* A later message about the vehicle of READ_ID brought a picture: is there an alert that has none?  Then IMAGE is held for all such.  Any thread. */
bool alerts_want_picture(struct alerts *alerts, const uint8_t read_id[PLATESIEVE_READ_ID_BYTES]);
void alerts_picture(struct alerts *alerts, const uint8_t read_id[PLATESIEVE_READ_ID_BYTES], struct image *image);

/* -- for the lane's own listener, any thread ---------------------------------------------------------------------------- */

/* Those that came, or changed, after number AFTER, oldest change first: {"alerts": [...], "kept": [hits], "next": n}.  Plates in it: in locked memory, ended by a zero
 * byte that SIZE does not count, to be given to platesieve_secret_free().  NULL: there is no memory. */
char *alerts_list(struct alerts *alerts, uint64_t after, size_t *size) MUST_USE;
enum alert_judge { ALERT_JUDGED, ALERT_UNKNOWN, ALERT_NO_SUCH_WORD };
/* JUDGEMENT is "acknowledged", "confirmed", "misread", "wrong-jurisdiction" or "stale-entry". */
enum alert_judge alerts_judge(struct alerts *alerts, const char *hit, const char *judgement) MUST_USE;
/* What became of telling it to the gate: "pending", "done", "failed"; static. */
void alerts_told(struct alerts *alerts, const char *hit, const char *told);
struct image *alerts_image(struct alerts *alerts, const char *hit); /* held; NULL: it has none */

/* How each way does, for status and metrics. */
struct alert_way {
    bool used, well;          /* well: the last one arrived, or there was none yet */
    const char *why;          /* it is not well; static; NULL: it is */
    int64_t since_ms;         /* that it is, or is not; since 1970; 0: since the start */
    uint64_t delivered, lost; /* alerts */
    size_t waiting;
};
struct alerts_state {
    size_t kept;
    struct alert_way output, display, command;
};
void alerts_look(struct alerts *alerts, struct alerts_state *state);

#endif
