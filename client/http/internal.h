/* Between http.c, tls.c, group.c and stream.c; for nobody else. */
#ifndef CLIENT_HTTP_INTERNAL_H
#define CLIENT_HTTP_INTERNAL_H

#include <curl/curl.h>

#include "client/http/http.h"

struct http {
    CURL *curl;
    struct curl_slist *headers; /* of the question that is under way */
    const struct settings *settings;
    const struct identity *identity;
    unsigned generation; /* of the identity, when the handle was made */
    enum http_service service;
    char *urls; /* cut into pieces */
    const char *url[HTTP_SERVERS_MAX];
    size_t url_count, current;
    bool stranger; /* the last server was no node of our trust domain */
    bool untimely; /* its certificate has not begun, or has ended, by our clock */
    bool unwanted; /* it ended the handshake, or the connection, for our certificate's sake */
    bool hopeless; /* http_hopeless() */
    char trouble[CURL_ERROR_SIZE + 128];
    char error[CURL_ERROR_SIZE];
};

/* A CURLOPT_SSL_CTX_FUNCTION whose context is the struct http: sets `stranger`, `untimely`, `unwanted`. */
CURLcode http_prepare_tls(CURL *curl, void *tls, void *http);
/* Makes http->curl ready to put REQUEST to the server in use; what comes goes to ANSWER.  http_conclude() is due either
   way. */
bool http_prepare(struct http *http, const struct http_request *request, struct http_answer *answer) MUST_USE;
/* A CURLOPT_WRITEFUNCTION whose context is the struct http_answer that grows. */
size_t http_answer_take(char *data, size_t one, size_t size, void *answer);
/* After the transfer ended with CODE: fills in ANSWER, or the trouble.  Not CURLE_OK: there is no answer. */
CURLcode http_conclude(struct http *http, CURLcode code, struct http_answer *answer);

#endif
