/* One request from its first line to the end of its answer.  libmicrohttpd calls in this order: exchange_begin (request
   line read), exchange_proceed without data (header read), with data for each piece of the body, without data (body
   whole; and again after a resume), exchange_end.  An answer in the first exchange_proceed would cost the connection;
   so refusals wait for the body where they can. */
#include "server/http/internal.h"

#include <time.h>

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static struct connection *connection_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info == NULL ? NULL : info->socket_context;
}

/* -- memory ------------------------------------------------------------------------------------ */

static struct exchange *exchange_create(struct connection *connection)
{
    struct exchange *exchange = calloc(1, sizeof *exchange);
    if (exchange == NULL) return NULL;
    exchange->connection = connection;
    atomic_fetch_add(&connection->references, 1);
    return exchange;
}

/* The body is wiped, and kept as memory if it is small. */
static void body_drop(struct exchange *exchange)
{
    if (exchange->body != NULL) explicit_bzero(exchange->body, exchange->request.body_size);
    if (exchange->body_counted > 0) {
        atomic_fetch_sub(&exchange->connection->server->bodies_bytes, exchange->body_counted);
        exchange->body_counted = 0;
    }
    if (exchange->body_room <= BODY_KEPT_BYTES) return;
    free(exchange->body);
    exchange->body = NULL;
    exchange->body_room = 0;
}

void exchange_release(struct exchange *exchange)
{
    if (atomic_fetch_sub(&exchange->references, 1) != 1) return;
    reply_drop(exchange->reply);
    body_drop(exchange);
    free(exchange->body);
    request_free_fields(exchange);
    connection_release(exchange->connection);
    free(exchange);
}

static struct result body_prepare(struct exchange *exchange, size_t size)
{
    struct http_server *server = exchange->connection->server;
    size_t room = size <= BODY_KEPT_BYTES / 4 ? BODY_KEPT_BYTES / 4 : size <= BODY_KEPT_BYTES ? BODY_KEPT_BYTES : size;
    exchange->body_expected = size;
    if (exchange->body_room >= size && exchange->body != NULL) return OK;
    if (room > BODY_KEPT_BYTES) {
        uint64_t before = atomic_fetch_add(&server->bodies_bytes, room);
        exchange->body_counted = room;
        if (before + room > LIMIT_BODIES_TOTAL_BYTES) return FAIL(REASON_BUSY);
    }
    free(exchange->body);
    exchange->body = malloc(room);
    exchange->body_room = exchange->body == NULL ? 0 : room;
    return exchange->body == NULL ? FAIL(REASON_BUSY) : OK;
}

/* -- the header -------------------------------------------------------------------------------- */

struct header_scan {
    unsigned lengths, encodings, expects, hosts, connections;
    const char *length, *host, *type;
};

static bool is_name(const char *key, const char *name, size_t size)
{
    return strncasecmp(key, name, size) == 0;
}

/* One pass over the few fields of a header; a field's size tells most apart. */
static enum MHD_Result scan_field(void *context, enum MHD_ValueKind kind, const char *key, size_t key_size,
                                  const char *value, size_t value_size)
{
    struct header_scan *scan = context;
    (void)kind;
    (void)value_size;
    switch (key_size) {
    case 4:
        if (is_name(key, "Host", 4)) scan->hosts++, scan->host = value;
        break;
    case 6:
        if (is_name(key, "Expect", 6)) scan->expects++;
        break;
    case 10:
        if (is_name(key, "Connection", 10) && (value == NULL || strcasecmp(value, "keep-alive") != 0))
            scan->connections++;
        break;
    case 12:
        if (is_name(key, "Content-Type", 12)) scan->type = value;
        break;
    case 14:
        if (is_name(key, "Content-Length", 14)) scan->lengths++, scan->length = value;
        break;
    case 17:
        if (is_name(key, "Transfer-Encoding", 17)) scan->encodings++;
        break;
    default: break;
    }
    return MHD_YES;
}

/* False for anything but a number below 2^62. */
static bool parse_length(const char *text, uint64_t *length)
{
    *length = 0;
    if (text == NULL || *text == 0) return false;
    for (; *text != 0; text++) {
        if (*text < '0' || *text > '9' || *length >= UINT64_C(1) << 58) return false;
        *length = *length * 10 + (uint64_t)(*text - '0');
    }
    return true;
}

/* "application/json", "application/jsonl; charset=utf-8"; a body that does not say what it is is taken for one. */
static bool is_json(const char *type)
{
    static const char json[] = "application/json";
    if (type == NULL) return true;
    if (strncasecmp(type, json, sizeof json - 1) != 0) return false;
    type += sizeof json - 1;
    if (*type == 'l') type++;
    return *type == 0 || *type == ';' || *type == ' ';
}

static bool fits_route(const struct exchange *exchange, const char *type)
{
    return (exchange->route->body_max & BODY_CMS) == 0 ? is_json(type) : type != NULL && strcasecmp(type, "application/cms") == 0;
}

/* A page that a browser was tricked into loading must not reach the loopback port under another host's name. */
static bool is_loopback_host(const struct header_scan *scan)
{
    static const char *const names[] = { "localhost", "127.0.0.1", "[::1]" };
    if (scan->hosts == 0) return true; /* HTTP/1.0, no browser */
    if (scan->hosts > 1 || scan->host == NULL) return false;
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        size_t size = strlen(names[i]);
        if (strncasecmp(scan->host, names[i], size) == 0 && (scan->host[size] == 0 || scan->host[size] == ':'))
            return true;
    }
    return false;
}

static bool from_stranger(const struct connection *connection)
{
    return connection->secure && connection->trusted.peer.role == ROLE_STRANGER;
}

static struct result still_admitted(struct connection *connection)
{
    if (!connection_trusted(connection)) return FAIL(REASON_REVOKED);
    return from_stranger(connection) || connection_registered(connection) ? OK : FAIL(REASON_UNREGISTERED);
}

/* An agency's name may lack the right that the route asks for. */
static struct result still_entitled(const struct exchange *exchange)
{
    const struct connection *connection = exchange->connection;
    unsigned wanted = exchange->route == NULL ? 0 : exchange->route->rights;
    if (wanted == 0 || !connection->secure || connection->trusted.peer.role != ROLE_AGENCY) return OK;
    return (connection->registration.rights & wanted) != 0 ? OK : FAIL(REASON_RIGHT);
}

/* May the peer still ask this?  Before the request is looked at, and again before it is handled. */
static struct result admit(struct exchange *exchange)
{
    struct connection *connection = exchange->connection;
    TRY(still_admitted(connection));
    if (!connection->secure || from_stranger(connection)) return OK;
    exchange->registration = connection->registration;
    exchange->request.registration = &exchange->registration;
    return still_entitled(exchange);
}

struct result exchange_welcome(struct exchange *exchange)
{
    TRY(still_admitted(exchange->connection));
    return still_entitled(exchange);
}

/* Not to be used for another request after this one's answer. */
static bool is_last(const struct exchange *exchange)
{
    return atomic_load_explicit(&exchange->connection->server->stopping, memory_order_relaxed) || from_stranger(exchange->connection);
}

static struct result find_row(struct exchange *exchange, const char *url, const char *method_text)
{
    struct connection *connection = exchange->connection;
    if (connection->row != NULL && connection->row->literal && strcmp(connection->row->path, url) == 0)
        exchange->row = connection->row;
    else
        exchange->row = connection->row = router_find(connection->server->router, url, exchange->arguments);
    if (exchange->row == NULL) return FAIL(REASON_NOT_FOUND);
    if (!router_method(method_text, &exchange->request.method)) return FAIL(REASON_METHOD);
    const struct route *route = exchange->row->routes[exchange->request.method];
    if (route == NULL) return FAIL(REASON_METHOD);
    if (!connection->secure && !route->plain) return FAIL(REASON_NOT_FOUND);
    exchange->route = route;
    if (connection->secure && (route->roles & connection->trusted.peer.role) == 0) return FAIL(REASON_FORBIDDEN);
    return still_entitled(exchange);
}

/* A stranger doesn't even learn which routes there are. */
static struct result find_route(struct exchange *exchange, const char *url, const char *method_text)
{
    struct result result = find_row(exchange, url, method_text);
    return failed(result) && from_stranger(exchange->connection) ? FAIL(REASON_FORBIDDEN) : result;
}

static struct result check_length(struct exchange *exchange, const struct header_scan *scan, uint64_t *length)
{
    *length = 0;
    if (scan->encodings > 0 || scan->lengths > 1) return FAIL(REASON_BAD_LENGTH);
    if (scan->lengths == 1 && !parse_length(scan->length, length)) return FAIL(REASON_BAD_LENGTH);
    enum method method = exchange->request.method;
    if (exchange->route == NULL) return OK;
    if ((method == METHOD_GET || method == METHOD_DELETE) && *length > 0) return FAIL(REASON_BAD_LENGTH);
    if ((method == METHOD_POST || method == METHOD_PUT) && scan->lengths == 0) return FAIL(REASON_NO_LENGTH);
    if (*length > (exchange->route->body_max & ~BODY_CMS)) return FAIL(REASON_BODY_TOO_LARGE);
    return OK;
}

/* -- answering --------------------------------------------------------------------------------- */

static enum MHD_Result queue(struct exchange *exchange, unsigned status, struct MHD_Response *response, size_t size)
{
    exchange->status = status;
    if (exchange->holds) tls_io_hold(exchange->connection, size);
    return MHD_queue_response(exchange->mhd, status, response);
}

static enum MHD_Result queue_owned(struct exchange *exchange, unsigned status, struct MHD_Response *response,
                                   size_t size)
{
    if (response == NULL) return MHD_NO;
    enum MHD_Result result = queue(exchange, status, response, size);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result answer_problem(struct exchange *exchange, enum reason reason)
{
    struct http_server *server = exchange->connection->server;
    unsigned status = reason_row(reason)->status;
    bool last = is_last(exchange);
    if (last || reason_ends(reason)) exchange->holds = false;
    if (reason == REASON_UNREGISTERED && server->unregistered != NULL) metric_add(server->unregistered, 1);
    if (reason == REASON_METHOD && exchange->row != NULL) {
        if (!last) return queue(exchange, status, exchange->row->not_allowed, 0);
        return queue_owned(exchange, status, problem_method(exchange->row->allow, true), 0);
    }
    if (reason == REASON_RIGHT) return queue_owned(exchange, status, problem_right(exchange->route->rights, last), 0);
    if (last) return queue_owned(exchange, status, problem_response(reason, true), 0);
    return queue(exchange, status, server->problems[reason], 0);
}

static enum MHD_Result answer(struct exchange *exchange, struct reply reply)
{
    if (reply.response == NULL)
        return answer_problem(exchange, reply.reason == REASON_NONE ? REASON_INTERNAL : reply.reason);
    if (is_last(exchange)) {
        MHD_add_response_header(reply.response, MHD_HTTP_HEADER_CONNECTION, "close");
        exchange->holds = false;
    }
    if (reply.secret || reply.stream != NULL) exchange->holds = false;
    if (reply.stream != NULL) stream_begin(reply.stream, exchange);
    return queue_owned(exchange, reply.status, reply.response, reply.size);
}

/* What the completer left, or that nobody did in time. */
static enum MHD_Result answer_completed(struct exchange *exchange)
{
    if (atomic_load(&exchange->progress) != COMPLETED) return answer_problem(exchange, REASON_TIMEOUT);
    struct reply reply = exchange->reply;
    exchange->reply = (struct reply){ 0 };
    struct result welcome = exchange_welcome(exchange);
    if (!failed(welcome) || reply.size == 0) return answer(exchange, reply); /* who removes himself is told that he did */
    reply_drop(reply); /* nothing else is told any more, also if it was found before */
    return answer_problem(exchange, welcome.reason);
}

static enum MHD_Result answer_later(struct exchange *exchange)
{
    if (later_suspend(exchange->connection->server, exchange)) return MHD_YES;
    return answer_completed(exchange);
}

static enum MHD_Result run_on_worker(struct exchange *exchange)
{
    struct result copied = request_copy_fields(exchange);
    if (failed(copied)) return answer_problem(exchange, copied.reason);
    atomic_store(&exchange->references, 2); /* libmicrohttpd's and the handler's */
    if (workers_submit(exchange->connection->server->workers, exchange)) return answer_later(exchange);
    atomic_store(&exchange->references, 1);
    return answer_problem(exchange, REASON_BUSY);
}

static bool is_for_worker(const struct exchange *exchange)
{
    const enum run_on run_on = exchange->route->run_on;
    return run_on == RUN_ON_WORKER ||
           (run_on == RUN_SMALL_ON_LOOP && exchange->request.body_size > LIMIT_LOOP_BODY_BYTES);
}

static enum MHD_Result run(struct exchange *exchange)
{
    exchange->stage = STAGE_HANDLED;
    connection_phase(exchange->connection, PHASE_ANSWERING);
    if (exchange->refusal == REASON_NONE) exchange->refusal = admit(exchange).reason; /* it may have changed meanwhile */
    if (exchange->refusal != REASON_NONE) return answer_problem(exchange, exchange->refusal);
    if (is_for_worker(exchange)) return run_on_worker(exchange);
    atomic_store_explicit(&exchange->references, 2, memory_order_relaxed);
    struct reply reply = exchange->route->handler(exchange->connection->server->app, &exchange->request);
    if (reply.later) {
        stack_wipe();
        return answer_later(exchange);
    }
    atomic_store_explicit(&exchange->references, 1, memory_order_relaxed); /* nobody else ever had it */
    return answer(exchange, reply);
}

/* -- what libmicrohttpd calls ------------------------------------------------------------------ */

void *exchange_begin(void *context, const char *uri, struct MHD_Connection *mhd)
{
    (void)context;
    struct connection *connection = connection_of(mhd);
    if (connection == NULL) return NULL;
    struct exchange *exchange = connection->spare;
    connection->spare = NULL;
    if (exchange == NULL) exchange = exchange_create(connection);
    if (exchange == NULL) return NULL;
    atomic_store_explicit(&exchange->references, 1, memory_order_relaxed);
    atomic_store_explicit(&exchange->progress, RUNNING, memory_order_relaxed);
    exchange->mhd = mhd;
    exchange->row = NULL;
    exchange->route = NULL;
    exchange->stage = STAGE_NEW;
    exchange->status = 0;
    exchange->measured = false;
    exchange->body_expected = 0;
    exchange->request =
        (struct request){ .peer = connection->secure ? &connection->trusted.peer : NULL,
                          .arguments = { exchange->arguments[0], exchange->arguments[1], exchange->arguments[2] } };
    exchange->refusal = strlen(uri) > LIMIT_URL_BYTES ? REASON_URL_TOO_LONG : REASON_NONE;
    connection_phase(connection, PHASE_READING);
    return exchange;
}

static enum MHD_Result take_header(struct exchange *exchange, const char *url, const char *method, const char *version)
{
    struct connection *connection = exchange->connection;
    struct header_scan scan = { 0 };
    uint64_t length = 0;
    exchange->stage = STAGE_BODY;
    exchange->began_ns = now_ns();
    exchange->measured = true;
    MHD_get_connection_values_n(exchange->mhd, MHD_HEADER_KIND, scan_field, &scan);
    exchange->holds = scan.connections == 0 && strcmp(version, MHD_HTTP_VERSION_1_1) == 0;

    struct result result = exchange->refusal != REASON_NONE ? FAIL(exchange->refusal) : OK;
    struct result welcome = admit(exchange);
    if (failed(welcome)) result = welcome;
    if (!connection->secure && !is_loopback_host(&scan)) result = FAIL(REASON_FORBIDDEN);
    if (!failed(result)) result = find_route(exchange, url, method);
    struct result shape = check_length(exchange, &scan, &length);
    if (!failed(result)) result = shape;
    if (!failed(result) && length > 0 && !fits_route(exchange, scan.type)) result = FAIL(REASON_MEDIA_TYPE);
    if (!failed(result) && length > 0) result = body_prepare(exchange, length);
    exchange->refusal = result.reason;
    if (!failed(result)) return MHD_YES;
    bool swallow = shape.reason != REASON_BAD_LENGTH || scan.lengths == 1;
    uint64_t swallowed = from_stranger(exchange->connection) ? LIMIT_STRANGER_SWALLOWED_BYTES : BODY_SWALLOWED_BYTES;
    if (swallow && scan.encodings == 0 && scan.expects == 0 && length <= swallowed) return MHD_YES;
    exchange->stage = STAGE_HANDLED;
    exchange->holds = false;
    return answer_problem(exchange, result.reason);
}

static enum MHD_Result take_data(struct exchange *exchange, const char *data, size_t *size)
{
    size_t have = exchange->request.body_size;
    if (exchange->refusal == REASON_NONE) {
        if (*size > exchange->body_expected - have)
            return MHD_NO; /* libmicrohttpd never hands out more than was announced */
        memcpy(exchange->body + have, data, *size);
        exchange->request.body = exchange->body;
        exchange->request.body_size = have + *size;
    }
    *size = 0;
    return MHD_YES;
}

enum MHD_Result exchange_proceed(void *context, struct MHD_Connection *mhd, const char *url, const char *method,
                                 const char *version, const char *data, size_t *size, void **request_context)
{
    (void)context;
    (void)mhd;
    struct exchange *exchange = *request_context;
    if (exchange == NULL) return MHD_NO; /* no memory: the connection ends */
    if (exchange->stage == STAGE_NEW) return take_header(exchange, url, method, version);
    if (*size > 0) return take_data(exchange, data, size);
    if (exchange->stage == STAGE_BODY) return run(exchange);
    return answer_completed(exchange); /* resumed */
}

static void count(struct exchange *exchange)
{
    const struct router_row *row = exchange->row;
    if (row == NULL || exchange->route == NULL) {
        struct metric *lost = router_lost(exchange->connection->server->router);
        if (lost != NULL && exchange->status != 0) metric_add(lost, 1);
        return;
    }
    enum method method = exchange->request.method;
    if (row->answers[method][0] == NULL || exchange->status == 0) return;
    metric_add(row->answers[method][exchange->status < 400 ? 0 : exchange->status < 500 ? 1 : 2], 1);
    if (exchange->measured) metric_observe_ns(row->seconds[method], now_ns() - exchange->began_ns);
}

void exchange_end(void *context, struct MHD_Connection *mhd, void **request_context,
                  enum MHD_RequestTerminationCode code)
{
    (void)context;
    (void)mhd;
    struct exchange *exchange = *request_context;
    if (exchange == NULL) return;
    *request_context = NULL;
    struct connection *connection = exchange->connection;
    if (code == MHD_REQUEST_TERMINATED_COMPLETED_OK) tls_io_send(connection);
    if (exchange->stream != NULL) stream_leave(exchange->stream);
    exchange->stream = NULL;
    stack_wipe(); /* what decrypting, parsing and answering left there */
    count(exchange);
    connection_phase(connection, PHASE_IDLE);
    if (atomic_load(&exchange->references) != 1 || connection->spare != NULL) { /* somebody may still complete it */
        exchange_release(exchange);
        return;
    }
    body_drop(exchange);
    if (exchange->copied) request_free_fields(exchange);
    reply_drop(exchange->reply); /* completed, but the client had gone */
    exchange->reply = (struct reply){ 0 };
    connection->spare = exchange;
}
