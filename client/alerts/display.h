/* The way to a local display: POSTs, one at a time, on a connection that stays open.  One that does not answer in time hangs: it keeps the alert that it was given, on the
 * connection that it has, and no other is posted meanwhile; it is asked on another connection (HEAD) whether it is there.  Once it answers there but not where the alert
 * is, that try has failed.  So a display that was stopped and goes on gets each alert once.  One thread: that of alerts.c. */
#ifndef CLIENT_ALERTS_DISPLAY_H
#define CLIENT_ALERTS_DISPLAY_H

#include <curl/curl.h>

#include "client/alerts/stream.h"

struct alert_display {
    char *url;
    CURLM *multi;
    CURL *post, *probe;
    struct curl_slist *headers;
    struct alert_stream stream;
    size_t at, answered;  /* bytes of the stream that went out, and of the answer */
    bool busy, probing;   /* an alert is under way; a question whether it is there */
    bool hangs, doubtful; /* what is under way takes too long; it is to be asked before it gets another */
    uint64_t raise;       /* what is under way, or was last: kept_alert.raise */
    int64_t begun_ms, again_ms, pause_ms, give_up_ms; /* monotonic but for the pause; 0: none */
};

/* http:// on loopback? */
bool alert_display_url_fits(const char *url);
struct alert_display *alert_display_open(const char *url, CURLM *multi) MUST_USE; /* NULL is said */
void alert_display_close(struct alert_display *display);                          /* NULL is fine */
/* May one be begun? */
bool alert_display_free(const struct alert_display *display, int64_t monotonic_ms);
/* Begins to post KEPT; false: not now. */
bool alert_display_begin(struct alert_display *display, const struct kept_alert *kept, int64_t monotonic_ms) MUST_USE;
/* Lets go of what is under way: nobody wants it any more. */
void alert_display_give_up(struct alert_display *display);

enum alert_display_news {
    ALERT_DISPLAY_NO_NEWS,
    ALERT_DISPLAY_TOOK, /* `raise` */
    ALERT_DISPLAY_FAILED,
    ALERT_DISPLAY_HANGS,
    ALERT_DISPLAY_IS_THERE, /* again; it was asked */
};
/* Goes on with what is under way, as far as that is possible at once: what comes next of it, until there are no news.  *WHY it failed or hangs is static. */
enum alert_display_news alert_display_go_on(struct alert_display *display, int64_t monotonic_ms, const char **why) MUST_USE;
/* When to go on at the latest, if nothing moves at its sockets; INT64_MAX: whenever. */
int64_t alert_display_next_ms(const struct alert_display *display, int64_t monotonic_ms);

#endif
