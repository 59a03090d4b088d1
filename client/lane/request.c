/* One request to the lane's own listener, from its first line to the end of its answer.  libmicrohttpd calls in this order: begin (request line read),
   proceed without data (header read), with data for each piece of the body, without data (body whole), end.  An answer in the first proceed costs the
   connection, so refusals of small bodies wait for these. */
#include "client/lane/listener.h"

#include "client/moment.h"

#define SWALLOWED_BYTES 16384 /* of a refused body, so that the connection can be kept */
#define ARGUMENT_BYTES 64
/* Of a body in chunks, whose size nobody knows before its end: room to begin with, a page's fraction less the zero behind it; and how much of one that was
   refused halfway is read on, since libmicrohttpd takes no answer before the end. */
#define CHUNKS_ROOM_BYTES (16u * 1024 - 1)
#define CHUNKS_SWALLOWED_BYTES (64u * 1024 * 1024)

enum stage { STAGE_NEW, STAGE_BODY, STAGE_ANSWERED };

struct exchange {
    struct listener_connection *connection;
    enum stage stage;
    bool refused;
    enum lane_problem problem;
    const struct lane_route *route;
    char argument[ARGUMENT_BYTES];
    bool has_argument;
    const char *content_type;
    char *body;       /* room for `expected` and a zero byte; NULL: none */
    size_t expected, got;
    bool in_chunks;
    size_t most;      /* what `expected` may grow to, of a body in chunks */
    size_t swallowed; /* of a body in chunks that was refused halfway */
};

const char *lane_request_query(const struct lane_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->mhd, MHD_GET_ARGUMENT_KIND, name);
}

/* -- the header ------------------------------------------------------------------------------------------------------ */

struct header_scan {
    unsigned lengths, encodings, expects, hosts, origins, sites;
    const char *length, *encoding, *host, *origin, *site, *type, *content_encoding;
};

static enum MHD_Result scan_field(void *context, enum MHD_ValueKind kind, const char *key, const char *value)
{
    struct header_scan *scan = context;

    (void)kind;
    if (strcasecmp(key, "Host") == 0) scan->hosts++, scan->host = value;
    else if (strcasecmp(key, "Origin") == 0) scan->origins++, scan->origin = value;
    else if (strcasecmp(key, "Sec-Fetch-Site") == 0) scan->sites++, scan->site = value;
    else if (strcasecmp(key, "Content-Length") == 0) scan->lengths++, scan->length = value;
    else if (strcasecmp(key, "Transfer-Encoding") == 0) scan->encodings++, scan->encoding = value;
    else if (strcasecmp(key, "Expect") == 0) scan->expects++;
    else if (strcasecmp(key, "Content-Type") == 0) scan->type = value;
    else if (strcasecmp(key, "Content-Encoding") == 0) scan->content_encoding = value;
    return MHD_YES;
}

/* A page that a browser was tricked into loading must not reach this port under another host's name. */
static bool is_loopback_host(const struct header_scan *scan)
{
    static const char *const names[] = { "localhost", "127.0.0.1", "[::1]" };

    if (scan->hosts == 0) return true; /* HTTP/1.0, no browser */
    if (scan->hosts > 1 || scan->host == NULL) return false;
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        const size_t size = strlen(names[i]);

        if (strncasecmp(scan->host, names[i], size) != 0) continue;
        if (scan->host[size] == '\0' || (scan->host[size] == ':' && strspn(scan->host + size + 1, "0123456789") == strlen(scan->host + size + 1))) return true;
    }
    return false;
}

/* No page but the lane's own, which came from the very host that is asked. */
static bool is_own_page(const struct header_scan *scan)
{
    static const char scheme[] = "http://";

    if (scan->sites > 1 || scan->origins > 1) return false;
    if (scan->site != NULL && strcasecmp(scan->site, "same-origin") != 0 && strcasecmp(scan->site, "none") != 0) return false;
    if (scan->origins == 0) return true;
    if (scan->origin == NULL || scan->host == NULL || strncasecmp(scan->origin, scheme, sizeof(scheme) - 1) != 0) return false;
    return strcasecmp(scan->origin + sizeof(scheme) - 1, scan->host) == 0;
}

/* False for anything but a number below 2^58. */
static bool parse_length(const char *text, uint64_t *length)
{
    *length = 0;
    if (text == NULL || *text == '\0') return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9' || *length >= UINT64_C(1) << 54) return false;
        *length = *length * 10 + (uint64_t)(*text - '0');
    }
    return true;
}

static bool refuse(struct exchange *exchange, enum lane_problem problem)
{
    if (!exchange->refused) exchange->problem = problem;
    exchange->refused = true;
    return false;
}

/* Bytes of the largest body that belongs here now. */
static uint64_t body_most(const struct exchange *exchange)
{
    const struct lane_service *service = listener_service(exchange->connection->listener);
    const size_t body_max = exchange->route->body_max;
    const uint64_t most = body_max < SIZE_MAX ? body_max : buffers_message_max(service->buffers);

    return most < service->config->message_bytes ? most : service->config->message_bytes;
}

/* A body in chunks has no other length, and no other coding: where a proxy in front could understand two things, nothing is. */
static bool check_length(struct exchange *exchange, const struct header_scan *scan, const char *version, uint64_t *length)
{
    const struct lane_route *route = exchange->route;

    if (scan->encodings + scan->lengths > 1) return refuse(exchange, LANE_PROBLEM_LENGTH);
    if (scan->encodings == 1 && (scan->encoding == NULL || strcasecmp(scan->encoding, "chunked") != 0 || strcmp(version, MHD_HTTP_VERSION_1_1) != 0))
        return refuse(exchange, LANE_PROBLEM_LENGTH);
    if (scan->lengths == 1 && !parse_length(scan->length, length)) return refuse(exchange, LANE_PROBLEM_LENGTH);
    if (route == NULL) return true;
    if (route->body_max == 0) return (scan->encodings == 0 && *length == 0) || refuse(exchange, LANE_PROBLEM_LENGTH);
    exchange->in_chunks = scan->encodings == 1;
    exchange->most = (size_t)body_most(exchange);
    if (exchange->in_chunks) *length = exchange->most < CHUNKS_ROOM_BYTES ? exchange->most : CHUNKS_ROOM_BYTES;
    else if (scan->lengths == 0) return refuse(exchange, LANE_PROBLEM_NO_LENGTH);
    return *length <= exchange->most || refuse(exchange, LANE_PROBLEM_TOO_LARGE);
}

static bool take_room(struct exchange *exchange, size_t size)
{
    struct listener *listener = exchange->connection->listener;

    exchange->expected = size;
    exchange->body = buffers_take(listener_service(listener)->buffers, size);
    if (exchange->body != NULL) return true;
    listener_want_room(listener);
    return refuse(exchange, LANE_PROBLEM_BUSY);
}

static void release_body(struct exchange *exchange)
{
    struct lane_service *service = listener_service(exchange->connection->listener);

    buffers_give_back(service->buffers, exchange->body, exchange->expected, exchange->got);
    exchange->body = NULL;
}

/* Room for SIZE bytes more of a body in chunks: twice as much as there was, until it fits. */
static bool grow_room(struct exchange *exchange, size_t size)
{
    const struct exchange old = *exchange;
    size_t room = old.expected;

    if (size > old.most - old.got) {
        release_body(exchange);
        return refuse(exchange, LANE_PROBLEM_TOO_LARGE);
    }
    while (size > room - old.got) room = room < old.most / 2 ? 2 * room + 1 : old.most;
    if (!take_room(exchange, room)) {
        exchange->body = old.body, exchange->expected = old.expected;
        release_body(exchange);
        return false;
    }
    memcpy(exchange->body, old.body, old.got);
    buffers_give_back(listener_service(old.connection->listener)->buffers, old.body, old.expected, old.got);
    return true;
}

/* -- answering ------------------------------------------------------------------------------------------------------- */

static enum lane_refused refused_of(enum lane_problem problem)
{
    switch (problem) {
    case LANE_PROBLEM_TOO_LARGE: return REFUSED_TOO_LARGE;
    case LANE_PROBLEM_TYPE: return REFUSED_TYPE;
    case LANE_PROBLEM_MALFORMED:
    case LANE_PROBLEM_JSON: return REFUSED_MALFORMED;
    case LANE_PROBLEM_STRANGER: return REFUSED_STRANGER;
    case LANE_PROBLEM_BUSY:
    case LANE_PROBLEM_ENDING: return REFUSED_BUSY;
    default: return REFUSED_REQUEST;
    }
}

static enum MHD_Result queue(struct exchange *exchange, struct MHD_Connection *mhd, struct lane_reply reply)
{
    const bool ending = atomic_load(&listener_service(exchange->connection->listener)->ending);
    enum MHD_Result result;

    exchange->stage = STAGE_ANSWERED;
    listener_phase(exchange->connection, LISTENER_ANSWERING);
    if (reply.response == NULL) return MHD_NO;
    if (ending) MHD_add_response_header(reply.response, MHD_HTTP_HEADER_CONNECTION, "close");
    result = MHD_queue_response(mhd, reply.status, reply.response);
    MHD_destroy_response(reply.response);
    return result;
}

static enum MHD_Result answer_problem(struct exchange *exchange, struct MHD_Connection *mhd)
{
    count_add(&listener_service(exchange->connection->listener)->counts.refused[refused_of(exchange->problem)], 1);
    return queue(exchange, mhd, lane_reply_problem(exchange->problem));
}

static enum MHD_Result answer(struct exchange *exchange, struct MHD_Connection *mhd)
{
    struct lane_request request = { .service = listener_service(exchange->connection->listener),
                                    .argument = exchange->has_argument ? exchange->argument : NULL,
                                    .content_type = exchange->content_type,
                                    .body = exchange->body,
                                    .body_size = exchange->got,
                                    .came_us = moment_monotonic_us(),
                                    .mhd = mhd };
    struct lane_reply reply;

    if (exchange->refused) return answer_problem(exchange, mhd);
    listener_phase(exchange->connection, LISTENER_ANSWERING);
    reply = exchange->route->handler(&request);
    release_body(exchange);
    return queue(exchange, mhd, reply);
}

/* -- what libmicrohttpd calls ---------------------------------------------------------------------------------------- */

void *listener_request_begin(void *context, const char *uri, struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct exchange *exchange = info == NULL || info->socket_context == NULL ? NULL : calloc(1, sizeof(*exchange));

    (void)context;
    if (exchange == NULL) return NULL;
    exchange->connection = info->socket_context;
    if (strlen(uri) > LIMIT_URL_BYTES) refuse(exchange, LANE_PROBLEM_URL);
    listener_phase(exchange->connection, LISTENER_READING);
    return exchange;
}

static enum MHD_Result take_header(struct exchange *exchange, struct MHD_Connection *mhd, const char *url, const char *method,
                                   const char *version)
{
    struct header_scan scan = { 0 };
    enum lane_problem problem;
    uint64_t length = 0;
    bool swallow;

    exchange->stage = STAGE_BODY;
    MHD_get_connection_values(mhd, MHD_HEADER_KIND, scan_field, &scan);
    exchange->content_type = scan.type;
    if (!is_loopback_host(&scan) || !is_own_page(&scan)) refuse(exchange, LANE_PROBLEM_STRANGER);
    if (!exchange->refused) {
        exchange->route = lane_route_find(method, url, exchange->argument, sizeof(exchange->argument), &problem);
        if (exchange->route == NULL) refuse(exchange, problem);
        else exchange->has_argument = strchr(exchange->route->path, '*') != NULL;
    }
    swallow = check_length(exchange, &scan, version, &length) || scan.encodings + scan.lengths <= 1;
    if (!exchange->refused && scan.content_encoding != NULL && strcasecmp(scan.content_encoding, "identity") != 0)
        refuse(exchange, LANE_PROBLEM_TYPE);
    if (!exchange->refused && exchange->route->body_max > 0) take_room(exchange, (size_t)length);
    if (!exchange->refused || (swallow && scan.encodings == 0 && scan.expects == 0 && length <= SWALLOWED_BYTES)) return MHD_YES;
    return answer_problem(exchange, mhd);
}

/* False: the connection ends. */
static bool take_piece(struct exchange *exchange, const char *data, size_t size)
{
    if (!exchange->refused && exchange->in_chunks && size > exchange->expected - exchange->got) (void)grow_room(exchange, size);
    if (exchange->refused) {
        if (!exchange->in_chunks) return true; /* a small one, whose length is known */
        if (size <= CHUNKS_SWALLOWED_BYTES - exchange->swallowed) {
            exchange->swallowed += size;
            return true;
        }
        count_add(&listener_service(exchange->connection->listener)->counts.refused[refused_of(exchange->problem)], 1);
        return false;
    }
    if (exchange->body == NULL || size > exchange->expected - exchange->got) return false; /* it never hands out more than was announced */
    memcpy(exchange->body + exchange->got, data, size);
    exchange->got += size;
    return true;
}

enum MHD_Result listener_request_proceed(void *context, struct MHD_Connection *mhd, const char *url, const char *method, const char *version,
                                         const char *data, size_t *size, void **request_context)
{
    struct exchange *exchange = *request_context;

    (void)context;
    if (exchange == NULL) return MHD_NO; /* no memory: the connection ends */
    if (exchange->stage == STAGE_NEW) return take_header(exchange, mhd, url, method, version);
    if (*size > 0) {
        if (!take_piece(exchange, data, *size)) return MHD_NO;
        *size = 0;
        return MHD_YES;
    }
    return exchange->stage == STAGE_BODY ? answer(exchange, mhd) : MHD_YES;
}

void listener_request_end(void *context, struct MHD_Connection *mhd, void **request_context, enum MHD_RequestTerminationCode code)
{
    struct exchange *exchange = *request_context;

    (void)context;
    (void)mhd;
    (void)code;
    if (exchange == NULL) return;
    *request_context = NULL;
    release_body(exchange);
    listener_phase(exchange->connection, LISTENER_IDLE);
    free(exchange);
}
