/* Asks the key server for its epochs: HTTPS (TLS 1.3), as this node; the server must be a node of our trust domain. */
#ifndef SERVER_GATE_KEYS_CLIENT_H
#define SERVER_GATE_KEYS_CLIENT_H

#include <stdatomic.h>

#include "server/gate/keys/shares.h"

struct keys_client;

struct keys_client_settings { /* borrowed for the call only */
    const char *urls;         /* https://, comma separated, at most KEYS_SERVERS_MAX */
    const char *certificate, *key, *ca; /* PEM files */
    const char *trust_domain;
};

/* REASON_SETTINGS: an address or a file is wrong; REASON_INTERNAL.  Call it before threads are started: libcurl
   prepares itself here. */
struct result keys_client_open(const struct keys_client_settings *settings, struct keys_client **client);
void keys_client_close(struct keys_client *client); /* NULL is fine */

/* The servers of the settings, in their order, from 0. */
size_t keys_client_count(const struct keys_client *client);
const char *keys_client_url(const struct keys_client *client, size_t server);
/* Asks SERVER, for 2 seconds at most.  ENDING, when it becomes true, ends the wait early.  One thread at a time.
   REASON_TIMEOUT: it could not be reached, or is not who it should be; REASON_BAD_JSON and REASON_BAD_FIELD: it
   answered what it should not. */
struct result keys_client_epochs(struct keys_client *client, size_t server, const atomic_bool *ending,
                                 struct keys_answer *answer);
/* Why the last call failed: a static line without anything from outside. */
const char *keys_client_trouble(const struct keys_client *client);

#endif
