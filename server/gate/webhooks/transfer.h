/* One delivery under way. */
#ifndef SERVER_GATE_WEBHOOKS_TRANSFER_H
#define SERVER_GATE_WEBHOOKS_TRANSFER_H

#include <curl/curl.h>

#include "server/gate/db/webhooks.h"

struct transfer {
    struct transfer *next;
    struct db_webhook hook;
    uint64_t upto; /* the cursor, when this has arrived */
    bool test;
    CURL *curl;
    struct curl_slist *headers;
    char *body;
    size_t body_size, answered; /* bytes of the answer so far */
};

/* Prepares the request with BODY (malloc'ed, taken over), signed with SECRET at SECONDS since 1970.  NULL without memory. */
struct transfer *transfer_create(const struct db_webhook *hook, const char *ca, const char *id, int64_t seconds, char *body,
                                 const uint8_t secret[WEBHOOK_SECRET_BYTES]);
void transfer_destroy(struct transfer *transfer); /* wipes the body */
/* "" when the receiver has it; else why not, in our words: never the receiver's. */
void transfer_verdict(const struct transfer *transfer, CURLcode code, char error[WEBHOOK_ERROR_MAX + 1]);

#endif
