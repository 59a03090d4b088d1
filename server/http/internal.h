/* What the files of server/http share among themselves.  Nobody else includes this.

   Three objects: the server; a connection (from accept to close); an exchange (one request and its reply).  A
   connection is referred to by libmicrohttpd and by its exchanges, an exchange by libmicrohttpd and by whoever promised
   to complete it: the last one frees.  So a completion that comes after its connection or even the server is gone finds
   memory that is still there, and a state that says so. */
#ifndef SERVER_HTTP_INTERNAL_H
#define SERVER_HTTP_INTERNAL_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "server/http/acceptor.h"
#include "server/http/http.h"
#include "server/http/registry.h"
#include "server/http/router.h"
#include "server/http/strangers.h"
#include "server/http/trust.h"

#define BODY_KEPT_BYTES 16384u /* a connection keeps a body buffer up to this; larger ones count against the total */
/* A refused body up to this is read and dropped, so that the client sees the answer. */
#define BODY_SWALLOWED_BYTES (8u * 1024 * 1024)
#define TICK_MS 250
#define READ_AHEAD_BYTES 4096u
#define HELD_ANSWER_MAX 3072u /* bytes of a body; larger answers go out as libmicrohttpd sends them */
#define HELD_BYTES 4096u      /* an answer with its head, encrypted */

_Static_assert(LIMIT_CONNECTIONS * BODY_KEPT_BYTES <= LIMIT_BODIES_TOTAL_BYTES,
               "small bodies alone stay within the total");
_Static_assert(LIMIT_PART_BYTES <= BODY_SWALLOWED_BYTES, "a part that is a little too large gets an answer");

/* -- connections (connection.c) ---------------------------------------------------------------- */

enum phase {
    PHASE_HANDSHAKE, /* until the certificate was verified */
    PHASE_FRESH,     /* the first request's header */
    PHASE_IDLE,      /* between two requests */
    PHASE_READING,   /* the request line is there, the body is not whole */
    PHASE_ANSWERING,
    PHASE_STREAMING, /* an answer without an end: since the client took the last of it, and there is more for it */
    PHASE_RESTING,   /* such an answer has nothing to send */
};

struct connection {
    struct http_server *server;
    struct MHD_Connection *mhd;
    int fd;
    bool secure;
    bool holding; /* tls_io.c */
    bool verified;       /* `trusted` is filled; on the loop only */
    atomic_bool stranger; /* shows no certificate, and was let in; written by the loop, read by the ticker */
    char place[LIMIT_ADDRESS_TEXT + 1]; /* of a stranger */
    atomic_uint references;
    atomic_uint_least64_t phase; /* enum phase in the upper 8 bits, since when (coarse ms) below; written by the loop,
                                    read by the ticker */
    struct trusted trusted;
    bool unregistered; /* its name was not registered when it came: it counts as one of unregistered_open */
    bool registered; /* so it was under registered_generation; on the loop only */
    uint64_t registered_generation;
    struct registration registration;
    gnutls_session_t session;     /* NULL on the plain port */
    const struct router_row *row; /* last one used here: most connections ask the same thing again and again */
    struct exchange *spare;       /* for the next request */

    /* the ticker's, under connections.lock */
    struct connection *next, *previous;
    atomic_bool ended;   /* shut down; a suspended one has to be woken to see it */
    uint64_t bytes_seen; /* received in all, by the kernel's count, when the connection was last seen idle */
    int64_t trickle_ms;  /* since when bytes come in without a request; 0: they don't */
    uint64_t idle_since; /* the phase that bytes_seen belongs to */

    size_t ahead_at, ahead_end; /* read from the socket, not yet by GnuTLS: ciphertext */
    unsigned char ahead[READ_AHEAD_BYTES];
    size_t held_size; /* of an answer that is not complete: ciphertext */
    unsigned char held[HELD_BYTES];
};

struct connections {
    pthread_mutex_t lock;
    struct connection *first;
    size_t count;
};

/* MHD_OPTION_NOTIFY_CONNECTION of both daemons; the context is the server. */
void connection_notify(void *context, struct MHD_Connection *mhd, void **socket_context,
                       enum MHD_ConnectionNotificationCode code);
void connection_release(struct connection *connection);
void connection_phase(struct connection *connection, enum phase phase);
/* False when the certificate stopped being valid (checked again only when something changed). */
bool connection_trusted(struct connection *connection);
/* False when the peer's name is not registered (looked up again only when something changed). */
bool connection_registered(struct connection *connection);
/* Shuts down what has outstayed its deadline; from the ticker. */
void connections_enforce(struct http_server *server);
/* Shuts down those without a request under way (ALL: every one); returns how many have one. */
size_t connections_end(struct http_server *server, bool all);

/* -- reading and sending (tls_io.c) ------------------------------------------------------------ */

void tls_io_setup(struct connection *connection);
/* Before an answer of SIZE bytes that does not end the connection is queued: its head and body are held back... */
void tls_io_hold(struct connection *connection, size_t size);
/* ... until this sends them, when libmicrohttpd believes that they are sent. */
void tls_io_send(struct connection *connection);

/* -- exchanges (exchange.c) -------------------------------------------------------------------- */

enum stage {
    STAGE_NEW, /* the request line was read */
    STAGE_BODY,
    STAGE_HANDLED, /* handler ran or was queued; the reply is there or comes later */
};

/* Who finishes first: completer or deadline.  RUNNING -> COMPLETED, or RUNNING -> WAITING -> COMPLETED | EXPIRED. */
enum progress { RUNNING, WAITING, COMPLETED, EXPIRED };

struct field {
    const char *name, *value;
};

struct exchange {
    struct request request;        /* first: handlers hold its address */
    struct registration registration; /* a copy: that of the connection may change while a handler reads */
    struct connection *connection; /* referred to */
    struct MHD_Connection *mhd;    /* valid on the loop and while WAITING */
    const struct router_row *row;
    const struct route *route;
    enum stage stage;
    enum reason refusal;
    atomic_uint references;
    _Atomic enum progress progress;
    struct reply reply;
    struct stream *stream; /* that is being sent; owned; on the loop */
    unsigned status; /* that was sent */
    uint64_t began_ns;
    bool measured;
    bool holds; /* the answer may be held back: the connection stays open after it, and it is no secret */

    char *body;
    size_t body_room, body_expected, body_counted;
    char arguments[3][LIMIT_NAME_MAX + 1];

    bool copied; /* queries and headers are in the fields: the connection is not asked any more */
    struct field *queries, *headers;
    size_t query_count, header_count;

    int64_t deadline_ms;              /* coarse; while WAITING */
    struct exchange *next, *previous; /* in later.waiting */
    struct exchange *queued_next;     /* in the workers' queue: a queued exchange is waiting as well */
};

static inline struct exchange *exchange_of(const struct request *request)
{
    return (struct exchange *)(uintptr_t)request; /* request is the first member */
}

/* MHD_OPTION_URI_LOG_CALLBACK, the access handler and MHD_OPTION_NOTIFY_COMPLETED; the context is the server. */
void *exchange_begin(void *context, const char *uri, struct MHD_Connection *mhd);
enum MHD_Result exchange_proceed(void *context, struct MHD_Connection *mhd, const char *url, const char *method,
                                 const char *version, const char *data, size_t *size, void **request_context);
void exchange_end(void *context, struct MHD_Connection *mhd, void **request_context,
                  enum MHD_RequestTerminationCode code);
void exchange_release(struct exchange *exchange);
/* May the peer still have what it asked for?  On the loop. */
struct result exchange_welcome(struct exchange *exchange);
/* Copies queries and headers, so that a worker needs no connection (request.c).  REASON_BUSY without memory. */
struct result request_copy_fields(struct exchange *exchange);
void request_free_fields(struct exchange *exchange);

/* -- waiting (later.c) ------------------------------------------------------------------------- */

struct later {
    pthread_mutex_t lock;
    struct exchange *waiting;
    bool closed; /* nothing may wait any more */
};

/* Suspends the connection.  False when the reply is there already, or nothing may wait: then the caller answers at
   once. */
bool later_suspend(struct http_server *server, struct exchange *exchange);
/* Gives REASON_TIMEOUT to those past their deadline; EVERY: to all. */
void later_expire(struct http_server *server, bool every);
void later_close(struct http_server *server);

/* -- streams (stream.c) ------------------------------------------------------------------------ */

struct streams {
    pthread_mutex_t lock;
    struct stream *first;
    size_t count;
    bool closed; /* none may begin any more */
    uint64_t trust_generation, registry_generation; /* that streams were checked under; the ticker's */
};

/* Its answer begins on EXCHANGE's connection; on the loop. */
void stream_begin(struct stream *stream, struct exchange *exchange);
/* There is no connection for it any more, or never was; takes the reply's reference. */
void stream_leave(struct stream *stream);
/* Ends those whose time is over, and wakes those that have to look whether they may go on; from the ticker. */
void streams_enforce(struct http_server *server);
/* Ends all with a comment. */
void streams_close(struct http_server *server);

/* -- workers (worker.c) ------------------------------------------------------------------------ */

struct workers;
struct workers *workers_create(unsigned count, void *app);
/* False when the queue is full or the workers are stopping.  Takes over the handler's reference. */
bool workers_submit(struct workers *workers, struct exchange *exchange);
/* Ends the threads after what they are at; what is queued is answered with REASON_BUSY. */
void workers_stop(struct workers *workers);

/* -- replies (reply.c) ------------------------------------------------------------------------- */

/* A new answer for REASON; CLOSE: the connection ends with it. */
struct MHD_Response *problem_response(enum reason reason, bool close);
struct MHD_Response *problem_method(const char *allow, bool close);
/* With the member "rights": one of RIGHTS is wanted. */
struct MHD_Response *problem_right(unsigned rights, bool close);

/* -- the server (server.c) --------------------------------------------------------------------- */

/* Overwrites what calls before left on this thread's stack below the caller (stack.c). */
void stack_wipe(void);

struct ticker; /* ticker.c: a thread that moves the clocks on and keeps the deadlines */
struct ticker *ticker_start(struct http_server *server);
void ticker_stop(struct ticker *ticker); /* NULL is fine */
void ticker_read_clocks(struct http_server *server);

/* A listening socket on ADDRESS ("127.0.0.1:0"), not blocking, or -1 with *result set and the log told (listen.c). */
int listen_open(const char *address, bool loopback_only, uint16_t *port, struct result *result);

struct http_server {
    atomic_uint references;
    void *app;
    struct router *router;
    struct trust *trust;
    struct registry *registry; /* the daemon's */
    struct quota_book *quota;  /* the same */
    struct MHD_Daemon *secure, *plain;
    struct acceptor *secure_acceptor, *plain_acceptor;
    uint16_t port, plain_port;
    struct MHD_Response *problems[REASON_COUNT];
    struct connections connections;
    struct later later;
    struct streams streams;
    unsigned stream_life_s;
    struct workers *workers;
    atomic_uint_least64_t bodies_bytes;
    atomic_int_least64_t coarse_ms; /* monotonic, moved on by the ticker: deadlines cost no system call */
    atomic_int_least64_t coarse_s;  /* since 1970 */
    atomic_bool stopping;           /* every answer ends its connection */
    struct ticker *ticker;
    atomic_int_least64_t knocked_s; /* when the log was last told of a name that is not registered */
    atomic_uint unregistered_open; /* connections of names that were not registered when they came */
    struct strangers *strangers;    /* NULL: none are let in */
    struct metric *refused, *unregistered, *open, *let_in, *registered, *registry_alarm, *streaming, *stalled; /* NULL: not counted */
};

static inline int64_t server_coarse_ms(struct http_server *server)
{
    return atomic_load_explicit(&server->coarse_ms, memory_order_relaxed);
}

void server_release(struct http_server *server);

#endif
