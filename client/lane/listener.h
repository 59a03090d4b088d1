/* The lane's own listener: plain HTTP on loopback, for engines, for the officer's screen, and for whoever looks after the lane.
 *
 * Few connections; where one more comes, the one goes that is too long about its request, or else the one that says nothing longest.  Every request has an
 * absolute deadline.  A browser is taken for hostile: Host must be a loopback name, and a page that is not the lane's own gets nothing. */
#ifndef CLIENT_LANE_LISTENER_H
#define CLIENT_LANE_LISTENER_H

#include <jansson.h>
#include <microhttpd.h>

#include "client/lane/service.h"

/* -- listener.c -- */
/* Listens on ADDRESS ("127.0.0.1:8555", "[::1]:0"); NULL is said, and *CODE is an exit code. */
struct listener *listener_start(struct lane_service *service, const char *address, int *code) MUST_USE;
uint16_t listener_port(const struct listener *listener);
void listener_tick(struct listener *listener);  /* several times a second: ends what is overdue */
void listener_quiet(struct listener *listener); /* takes no more connections, and ends those that are idle */
void listener_stop(struct listener *listener);  /* NULL is fine */

/* -- what a handler is given and gives -- */
struct lane_request {
    struct lane_service *service;
    const char *argument; /* what stood for * in the route; NULL: nothing */
    const char *content_type;
    char *body; /* locked, followed by a zero byte; may be written to */
    size_t body_size;
    int64_t came_us;
    struct MHD_Connection *mhd;
};
struct lane_reply {
    unsigned status;
    struct MHD_Response *response; /* NULL: no memory */
};
/* "?NAME=..."; NULL: not there. */
const char *lane_request_query(const struct lane_request *request, const char *name);

/* -- reply.c -- */
enum lane_problem {
    LANE_PROBLEM_JSON,       /* 400: the body is not the JSON that it should be */
    LANE_PROBLEM_FIELD,      /* 400 */
    LANE_PROBLEM_MALFORMED,  /* 400: a message that is not what its content type says */
    LANE_PROBLEM_LENGTH,     /* 400 */
    LANE_PROBLEM_STRANGER,   /* 403 */
    LANE_PROBLEM_NOT_FOUND,  /* 404 */
    LANE_PROBLEM_METHOD,     /* 405 */
    LANE_PROBLEM_NO_LENGTH,  /* 411 */
    LANE_PROBLEM_TOO_LARGE,  /* 413 */
    LANE_PROBLEM_URL,        /* 414 */
    LANE_PROBLEM_TYPE,       /* 415 */
    LANE_PROBLEM_BUSY,       /* 503 */
    LANE_PROBLEM_ENDING,     /* 503 */
    LANE_PROBLEMS
};
struct lane_reply lane_reply_problem(enum lane_problem problem);
struct lane_reply lane_reply_json(unsigned status, json_t *json);                                       /* steals JSON */
struct lane_reply lane_reply_text(unsigned status, const char *type, char *text, size_t size);          /* TEXT is malloc'ed, and stolen */
struct lane_reply lane_reply_copy(unsigned status, const char *type, const void *bytes, size_t size);
struct lane_reply lane_reply_secret(unsigned status, const char *type, char *text, size_t size);         /* TEXT goes to platesieve_secret_free() */
/* BYTES live until RELEASE is called with HOLDER. */
struct lane_reply lane_reply_held(unsigned status, const char *type, const void *bytes, size_t size, void (*release)(void *holder), void *holder);
struct lane_reply lane_reply_static(unsigned status, const char *type, const void *bytes, size_t size); /* BYTES live for ever */

/* -- routes.c -- */
typedef struct lane_reply (*lane_handler_fn)(const struct lane_request *request);
struct lane_route {
    const char *method;
    const char *path; /* one part of it may be a * */
    size_t body_max;  /* bytes; 0: there is none; SIZE_MAX: of a message */
    lane_handler_fn handler;
};
/* The route for METHOD and URL; *ARGUMENT (ROOM bytes) is what stands for *.  NULL, and *PROBLEM says why. */
const struct lane_route *lane_route_find(const char *method, const char *url, char *argument, size_t room, enum lane_problem *problem);

/* -- request.c: what libmicrohttpd calls; CONTEXT is the listener -- */
enum listener_phase { LISTENER_FRESH, LISTENER_READING, LISTENER_ANSWERING, LISTENER_IDLE };
struct listener_connection {
    struct listener_connection *next, *previous;
    struct listener *listener;
    int fd;
    _Atomic enum listener_phase phase;
    _Atomic int64_t since_ms; /* monotonic, when the phase began */
    bool ended;
};
struct lane_service *listener_service(struct listener *listener);
void listener_phase(struct listener_connection *connection, enum listener_phase phase);
void listener_want_room(struct listener *listener); /* a message found no memory: whoever is slow gives his up soon */
void *listener_request_begin(void *context, const char *uri, struct MHD_Connection *mhd);
enum MHD_Result listener_request_proceed(void *context, struct MHD_Connection *mhd, const char *url, const char *method, const char *version,
                                         const char *data, size_t *size, void **request_context);
void listener_request_end(void *context, struct MHD_Connection *mhd, void **request_context, enum MHD_RequestTerminationCode code);

#endif
