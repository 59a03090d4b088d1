/* The HTTPS server that both daemons share.  libmicrohttpd and GnuTLS stay behind this header: endpoints see peers,
   requests and replies.

   Threads: a fast handler runs on an event-loop thread and must not block; a handler of a route marked RUN_ON_WORKER
   runs on a pool of worker threads and may wait for the database, or compute for long.  Either may return
   reply_later() and have any thread finish with request_complete(). */
#ifndef SERVER_HTTP_HTTP_H
#define SERVER_HTTP_HTTP_H

#include <jansson.h>
#include <platesieve/limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "server/http/reason.h"

/* -- who asks ---------------------------------------------------------------------------------- */

enum role {
    ROLE_NONE = 0,
    ROLE_READER = 1 << 0,
    ROLE_AGENCY = 1 << 1,
    ROLE_EVIDENCE = 1 << 2, /* never admitted */
    ROLE_OPERATOR_GATE = 1 << 3,
    ROLE_OPERATOR_KEYS = 1 << 4,
    ROLE_AUDITOR = 1 << 5,
    ROLE_NODE = 1 << 6,
    ROLE_STRANGER = 1 << 7, /* has no certificate yet; only where the settings let strangers in */
};
#define ROLE_ANY (ROLE_READER | ROLE_AGENCY | ROLE_OPERATOR_GATE | ROLE_OPERATOR_KEYS | ROLE_AUDITOR | ROLE_NODE)

/* What an agency's identity may do; whoever has several parts of an agency's work has several rights. */
enum right {
    RIGHT_PUSH = 1 << 0,    /* change lists and their rules, and ask for the tokens of plates */
    RIGHT_VIEW = 1 << 1,    /* see hits and judge them */
    RIGHT_DECRYPT = 1 << 2, /* fetch evidence */
};
#define RIGHTS_ALL ((unsigned)RIGHT_PUSH | RIGHT_VIEW | RIGHT_DECRYPT)

struct peer {
    enum role role;
    char name[LIMIT_IDENTITY_MAX + 1]; /* "reader/north/1"; "" for a stranger */
    char first[LIMIT_NAME_MAX + 1];    /* site, agency; for others the user */
    char second[LIMIT_NAME_MAX + 1];   /* lane, user; may be empty */
};

/* Parses "<role>/..." alone: the whole of NAME, or nothing (peer.c). */
struct result peer_parse_name(const char *name, size_t size, struct peer *peer);
/* Parses "spiffe://<trust domain>/<role>/..." (peer.c). */
struct result peer_parse(const char *trust_domain, const char *uri, size_t size, struct peer *peer);

/* -- request ----------------------------------------------------------------------------------- */

enum method { METHOD_GET, METHOD_POST, METHOD_PUT, METHOD_DELETE };

struct registration; /* registry.h */

struct request {
    enum method method;
    const struct peer *peer;                 /* NULL on the plain loopback port */
    const struct registration *registration; /* the peer's; NULL on the plain loopback port */
    const char *arguments[3]; /* what stood for {} in the route, percent-decoded, 1 to LIMIT_NAME_MAX bytes; owned by
                                 the request */
    const char *body;         /* the whole body; wiped when the request ends */
    size_t body_size;
};

/* Query argument or header by name, or NULL; owned by the request. */
const char *request_query(const struct request *request, const char *name);
const char *request_header(const struct request *request, const char *name);
/* Refuses queries that hold an argument not in NAMES (NULL-ended). */
struct result request_query_only(const struct request *request, const char *const *names);
struct result request_query_number(const struct request *request, const char *name, uint64_t min, uint64_t max,
                                   uint64_t fallback, uint64_t *value);
/* A decimal number that is all of TEXT; REASON_BAD_QUERY for anything else. */
struct result number_parse(const char *text, uint64_t min, uint64_t max, uint64_t *value);
/* Where a stranger comes from, as text: an IPv4 address or the /64 of an IPv6 one.  "" for everybody else. */
const char *request_place(const struct request *request);
/* The body as one JSON object (duplicates and depth refused).  The caller json_decref()s. */
struct result request_json(const struct request *request, json_t **json);

/* -- reply ------------------------------------------------------------------------------------- */

struct stream;

struct reply {
    void *response; /* struct MHD_Response *, owned; NULL for a problem */
    struct stream *stream; /* owned; NULL unless it is one */
    unsigned status;
    enum reason reason; /* of a problem; the server has its answer ready-made */
    size_t size;        /* of the body */
    bool later;
    bool secret; /* set it when the body is one: it is then sent without a buffer of ours in between */
};

struct reply reply_json(unsigned status, json_t *json /* stolen; NULL: REASON_INTERNAL */);
/* TEXT from malloc, owned; wiped when sent. */
struct reply reply_text(unsigned status, const char *content_type, char *text, size_t size);
struct reply reply_empty(unsigned status);
struct reply reply_problem(enum reason reason);
/* With a Retry-After of its own (0: none) and further members of the object, MORE ("\"line\":3"). */
struct reply reply_problem_more(enum reason reason, unsigned retry_after_s, const char *more);
/* REPLY with the header Retry-After; for answers that are no problems. */
struct reply reply_retry_after(struct reply reply, unsigned seconds);
/* For a reply that is not sent after all; a reply that was returned or handed to request_complete() is owned there. */
void reply_drop(struct reply reply);
/* The handler keeps REQUEST and whoever finishes calls request_complete() exactly once, from any thread.  After
   LIMIT_ANSWER_S the client gets REASON_TIMEOUT; a completion that comes later is dropped, safely, even after
   http_server_stop().  Peer, arguments and body stay readable until then; queries and headers only for a route on
   workers: on the loop read them before returning. */
struct reply reply_later(void);
void request_complete(struct request *request, struct reply reply);

/* -- streams: answers without an end (stream.c) ------------------------------------------------------------------

   The writer appends text to a bounded buffer, from any thread; the client's loop takes it from there.  A stream ends
   when its client goes, takes nothing for LIMIT_STREAM_STALL_S, or may not ask any more (certificate, registration or
   right gone: within a second); when the server stops, or when its time is over.  Its writer learns that from
   stream_over(). */

/* Called from any thread, without locks held, when there is room again after a write that found none, and when the
   stream is over.  Must not block. */
typedef void (*stream_room_fn)(void *context);

/* The answer to REQUEST: 200 with server-sent events.  *STREAM is the writer's, to be released; also when the reply is
   never sent.  CONTEXT must live until then.  With REASON_STREAMS or REASON_BUSY the reply is a problem, and *STREAM
   NULL: too many are open, of this agency or at all; the server stops. */
struct reply reply_stream(struct request *request, stream_room_fn room, void *context, struct stream **stream);
/* TEXT whole, or not at all: false when it does not fit (now), or the stream is over. */
bool stream_write(struct stream *stream, const char *text, size_t size);
bool stream_over(struct stream *stream);
/* Says COMMENT (one line, at most 80 bytes), when all before is sent, and ends the answer. */
void stream_end(struct stream *stream, const char *comment);
void stream_release(struct stream *stream); /* NULL is fine */

/* -- routes and server ------------------------------------------------------------------------- */

typedef struct reply (*handler_fn)(void *app, struct request *request);

/* RUN_SMALL_ON_LOOP: as RUN_ON_LOOP with a body of at most LIMIT_LOOP_BODY_BYTES, else as RUN_ON_WORKER.  So a small
   request waits for no large one, and for no other thread. */
enum run_on { RUN_ON_LOOP, RUN_ON_WORKER, RUN_SMALL_ON_LOOP };

#define BODY_CMS ((size_t)1 << (sizeof(size_t) * 8 - 1))

struct route {
    const char *path; /* "/v1/lists/{}/revisions" */
    enum method method;
    unsigned roles;  /* ORed enum role that may ask over TLS */
    size_t body_max; /* bytes; 0: none may be sent; + BODY_CMS: application/cms, and no JSON */
    handler_fn handler;
    enum run_on run_on;
    bool plain; /* served on the loopback port without TLS as well */
    unsigned rights; /* ORed: an agency's identity must have one of them; 0: needs none */
};

/* One line a route: "GET /v1/lane reader", roles comma separated, "plain" the last of them; then, of agencies'
   routes that ask for one, the rights: " push,view".  What a daemon prints for
   --routes, so that a test can hold schema/openapi.yaml against it. */
void http_routes_print(const struct route *routes, FILE *out);

/* The roles that ROUTES serve with more than the probes, ORed: those that a daemon can register. */
unsigned http_routes_roles(const struct route *routes);

struct metrics;
struct quota_book;
struct registry;

struct http_settings {
    const char *listen;       /* "127.0.0.1:8443", "[::1]:0": numbers only; port 0: any that is free */
    const char *plain_listen; /* loopback only; NULL or "": none */
    /* PEM files.  CRL may be NULL or "".  CA and CRL are read again when they change (poll 250 ms). */
    const char *certificate, *key, *ca, *crl;
    const char *trust_domain;
    struct registry *registry; /* who is admitted; looked at by the server's thread; must outlive it */
    struct quota_book *quota;  /* what IDENTITY_ROUTES show and check (identities.h); NULL without them; must outlive it */
    const char *own_name; /* name in the log */
    unsigned threads;     /* event-loop threads, 1 to cores */
    unsigned workers;
    unsigned connections_max;
    unsigned stream_life_s; /* 0: LIMIT_STREAM_LIFE_S */
    bool strangers; /* clients without a certificate get past the handshake, to routes with ROLE_STRANGER */
    struct metrics *metrics; /* where requests, handshakes and connections are counted; NULL: nowhere */
};

struct http_server;

/* ROUTES ends with a row whose path is NULL; it, SETTINGS' metrics and APP must outlive the server.  Fails with
   REASON_SETTINGS (said on the log: which file or address, why) or REASON_ADDRESS_IN_USE.  Signals must be blocked
   before, or its threads take them. */
struct result http_server_start(const struct http_settings *settings, const struct route *routes, void *app,
                                struct http_server **server);
uint16_t http_server_port(const struct http_server *server);
uint16_t http_server_plain_port(const struct http_server *server);
/* Stops accepting, answers what is under way (bounded by DEADLINE_MS), then stops. */
void http_server_stop(struct http_server *server, unsigned deadline_ms);

#endif
