/* What the parts of `platesieve keys rotate` share. */
#ifndef CLIENT_KEYS_ROTATE_H
#define CLIENT_KEYS_ROTATE_H

#include "client/http/http.h"
#include "client/keys/keys.h"
#include "client/moment.h"

#define ROTATE_TIMEOUT_MS 10000u

struct rotate_options {
    int64_t opens_ms; /* 0: not said */
    int64_t ahead_s;  /* -1: not said */
    const char *reason;
    bool keep, destroy, coming, yes;
};

/* What a key server says of itself. */
struct server {
    json_t *status;
    int64_t clock_ms; /* its clock less ours */
    bool done;
};

struct rotate {
    struct settings *settings;
    const struct rotate_options *options;
    struct http *http;
    size_t count;
    struct server servers[HTTP_SERVERS_MAX];
    int64_t opens_ms;
    char opens[MOMENT_TEXT];
    char rotation[LIMIT_EPOCH_ID_MAX + 1]; /* the new epoch's id, as they say */
};

/* Asks all key servers how they are, before anything is changed.  Else it is said why not: one does not answer, clocks
   are too far apart, or shares are of different ceremonies. */
int rotate_ask_all(struct rotate *rotate);

#endif
