/* The way to a local display: POSTs, one at a time, on a connection that stays open.  One thread: that of alerts.c. */
#ifndef CLIENT_ALERTS_DISPLAY_H
#define CLIENT_ALERTS_DISPLAY_H

#include <curl/curl.h>

#include "client/alerts/stream.h"

struct alert_display {
    char *url;
    CURLM *multi;
    CURL *curl;
    struct curl_slist *headers;
    struct alert_stream stream;
    size_t at, answered; /* bytes of the stream that went out, and of the answer */
    bool busy;
    uint64_t raise; /* what is under way: kept_alert.raise */
    int64_t again_ms; /* monotonic: not before */
};

/* http:// on loopback? */
bool alert_display_url_fits(const char *url);
struct alert_display *alert_display_open(const char *url, CURLM *multi) MUST_USE; /* NULL is said */
void alert_display_close(struct alert_display *display);                          /* NULL is fine */
/* Begins to post KEPT; false: not now. */
bool alert_display_begin(struct alert_display *display, const struct kept_alert *kept) MUST_USE;
/* Is the one that was begun over?  Then NULL, or why it failed (static), in *WHY. */
bool alert_display_over(struct alert_display *display, int64_t monotonic_ms, const char **why) MUST_USE;

#endif
