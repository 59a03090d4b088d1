/* An answer without an end, taken as it comes. */
#ifndef CLIENT_HTTP_STREAM_H
#define CLIENT_HTTP_STREAM_H

#include "client/http/http.h"

struct http_stream {
    /* A piece of the body of an answer with status 200; false ends it. */
    bool (*take)(void *context, const char *data, size_t size);
    /* Asked about once a second, also while nothing comes; false ends it. */
    bool (*go_on)(void *context);
    void *context;
    const char *header; /* one more header line, or NULL */
    unsigned silence_s; /* when nothing came for so long the server is taken for dead */
};

/* Asks the server in use.  True: it answered; with 200 the body went to STREAM, and its end has come; else it is in ANSWER.  False: no answer, or
 * it broke off: http_trouble() says why, and answer->status whether it had begun. */
bool http_stream(struct http *http, const struct http_request *request, const struct http_stream *stream, struct http_answer *answer) MUST_USE;

#endif
