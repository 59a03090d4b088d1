/* What alerts.c and ask.c share. */
#ifndef CLIENT_ALERTS_INTERNAL_H
#define CLIENT_ALERTS_INTERNAL_H

#include <pthread.h>

#include "client/alerts/alerts.h"
#include "client/alerts/command.h"
#include "client/alerts/display.h"

struct alerts {
    struct alert_settings settings;
    struct alert_ears ears;
    char *command_line;
    pthread_mutex_t mutex;
    struct alert_book *book;
    struct alert_way ways[ALERT_PATHS];
    char *line; /* locked; for standard output */
    bool ending;
    int64_t end_ms;
    /* the courier's */
    pthread_t courier;
    bool started;
    CURLM *multi;
    struct alert_display *display; /* NULL: none */
    struct alert_command command;  /* line NULL: none */
    struct kept_alert *copy;       /* locked */
};

#endif
