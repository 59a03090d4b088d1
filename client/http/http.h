/* HTTPS to gates and key servers, as one identity: TLS 1.3, the server's certificate checked for its authority, its
   host and its role (a node of our own trust domain), a connection kept alive.  One struct http is for one thread at a
   time. */
#ifndef CLIENT_HTTP_HTTP_H
#define CLIENT_HTTP_HTTP_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "client/identity/identity.h"

struct http;

enum http_service { HTTP_GATE, HTTP_KEYS };

/* URLs are those of SETTINGS for SERVICE.  IDENTITY and SETTINGS are borrowed.  Returns an exit code; says what is
 * wrong. */
int http_open(const struct settings *settings, enum http_service service, const struct identity *identity,
              struct http **http) MUST_USE;
/* Finds the identity of KIND ("agency"), which must outlive the connection, and opens a gate as it.  Likewise. */
int http_open_as(const struct settings *settings, const char *kind, struct identity *identity, struct http **gate) MUST_USE;
void http_close(struct http *http); /* NULL is fine */

struct http_request {
    const char *method; /* "GET", "POST", "PUT", "DELETE" */
    const char *path;   /* "/v1/lists/x?..." */
    const char *body;   /* NULL: none; borrowed during the call */
    size_t body_size;
    const char *content_type; /* NULL: application/json */
    const char *header;       /* one more header line, or NULL */
    unsigned timeout_s;       /* 0: 60 */
    unsigned timeout_ms;      /* unless it is 0, this counts */
    bool once;                /* not to be sent again when it may have arrived */
};

struct http_answer {
    unsigned status;
    char *body; /* with an ending zero that body_size does not count */
    size_t body_size, capacity;
    unsigned retry_after_s;
    int64_t date_ms; /* since 1970: the server's clock, to a second; 0: it does not say */
};
void http_answer_wipe(struct http_answer *answer);
/* The body, to be released with json_decref(); NULL: there is none, or it is no JSON.  Says nothing. */
json_t *http_answer_json(const struct http_answer *answer) MUST_USE;

/* Sends REQUEST to the server in use; if that can't be reached, to the others in turn.  False when none answered:
 * http_trouble() says why. */
bool http_ask(struct http *http, const struct http_request *request, struct http_answer *answer) MUST_USE;
/* One try, at the server in use. */
bool http_ask_here(struct http *http, const struct http_request *request, struct http_answer *answer) MUST_USE;
/* Goes to the next server of the list; false after the last, and the first is in use again. */
bool http_next_server(struct http *http);
/* The servers by number, from 0: how many, which one is in use, and which shall be. */
#define HTTP_SERVERS_MAX 16
size_t http_server_count(const struct http *http);
size_t http_server_current(const struct http *http);
void http_use_server(struct http *http, size_t number);
const char *http_server_url(const struct http *http); /* of the one in use */
const char *http_server_url_of(const struct http *http, size_t number); /* any thread */
/* One line on why the last call got no answer; static or owned by HTTP. */
const char *http_trouble(const struct http *http);
/* Would asking again, with the same certificates, get no answer either?  After a call that got none, of all servers that it asked: each is no node of ours, or does not
 * believe that we are who we say.  False where our clock may be wrong: it may be set any moment. */
bool http_hopeless(const struct http *http);
const char *http_service_name(const struct http *http); /* "gate", "key server" */

/* Asks, wants STATUS, and parses the body (NULL: there is none to parse; else json_decref() it).  Returns an exit code;
 * says what is wrong. */
int http_ask_json(struct http *http, const struct http_request *request, unsigned status, json_t **json) MUST_USE;
/* The same with a body made of JSON, stolen. */
int http_send_json(struct http *http, const char *method, const char *path, json_t *body, unsigned status,
                   json_t **json) MUST_USE;

#endif
