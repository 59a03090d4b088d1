/* Answers without an end.  libmicrohttpd asks for data on the connection's loop: when there is none the connection is suspended (a reader
   that returns nothing would spin), and whoever writes resumes it.  A suspended connection sees neither its client's end nor a timeout, and
   must not be left when the daemon stops: so all streams are on a list here, and the ticker looks after them. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sodium.h>
#include <sys/socket.h>

#include "server/http/internal.h"
#include "server/http/metrics.h"

#define COMMENT_BYTES 96 /* beyond the buffer, so that the last word always fits */
#define BLOCK_BYTES 8192 /* of an answer to HTTP/1.0 */

struct stream {
    struct http_server *server;
    struct connection *connection; /* referred to */
    struct exchange *exchange;     /* from stream_begin on; on the loop */
    stream_room_fn room;
    void *context;
    char agency[LIMIT_NAME_MAX + 1];
    int64_t ends_ms; /* coarse */
    atomic_uint references; /* libmicrohttpd's response, the reply or exchange, the writer */
    struct stream *next, *previous; /* under streams.lock */

    pthread_mutex_t lock;          /* guards what follows */
    struct MHD_Connection *mhd;    /* NULL: not begun, or over */
    bool suspended, ended, over, wanting;
    size_t start, size;            /* of what is in the ring */
    char ring[LIMIT_STREAM_BYTES + COMMENT_BYTES];
};

void stream_release(struct stream *stream)
{
    if (stream == NULL || atomic_fetch_sub(&stream->references, 1) != 1) return;
    pthread_mutex_destroy(&stream->lock);
    connection_release(stream->connection);
    free(stream);
}

static void release_response(void *context)
{
    stream_release(context);
}

/* -- the ring ---------------------------------------------------------------------------------- */

static void put(struct stream *stream, const char *text, size_t size)
{
    size_t end = (stream->start + stream->size) % sizeof stream->ring;
    size_t first = sizeof stream->ring - end < size ? sizeof stream->ring - end : size;
    memcpy(stream->ring + end, text, first);
    memcpy(stream->ring, text + first, size - first);
    stream->size += size;
}

static size_t take(struct stream *stream, char *data, size_t room)
{
    size_t size = stream->size < room ? stream->size : room;
    size_t first = sizeof stream->ring - stream->start < size ? sizeof stream->ring - stream->start : size;
    memcpy(data, stream->ring + stream->start, first);
    memcpy(data + first, stream->ring, size - first);
    stream->start = (stream->start + size) % sizeof stream->ring;
    stream->size -= size;
    return size;
}

/* Under the lock. */
static void wake(struct stream *stream)
{
    if (!stream->suspended) return;
    stream->suspended = false;
    MHD_resume_connection(stream->mhd);
}

/* Under the lock. */
static void end_with(struct stream *stream, const char *comment)
{
    char line[COMMENT_BYTES];
    if (stream->ended) return;
    int size = snprintf(line, sizeof line, ": %.80s\n\n", comment);
    put(stream, line, (size_t)size);
    stream->ended = true;
}

/* -- what libmicrohttpd asks for --------------------------------------------------------------- */

/* Nothing is there: the socket sends what it holds (libmicrohttpd corks it at times), and the connection rests. */
static ssize_t rest(struct stream *stream)
{
    const int off = 0;
    setsockopt(stream->connection->fd, IPPROTO_TCP, TCP_CORK, &off, sizeof off);
    connection_phase(stream->connection, PHASE_RESTING);
    stream->suspended = true;
    MHD_suspend_connection(stream->mhd);
    return 0;
}

/* Somebody who may not see hits any more gets none of those that are still here. */
static void turn_away(struct stream *stream, enum reason reason)
{
    if (stream->ended) return;
    explicit_bzero(stream->ring, sizeof stream->ring);
    stream->size = 0;
    end_with(stream, reason_row(reason)->name);
}

static ssize_t read_stream(void *context, uint64_t position, char *data, size_t room)
{
    struct stream *stream = context;
    (void)position;
    struct result welcome = exchange_welcome(stream->exchange);
    bool gone = atomic_load(&stream->connection->ended), tell = false;
    ssize_t size;
    pthread_mutex_lock(&stream->lock);
    if (failed(welcome)) turn_away(stream, welcome.reason);
    if (gone) {
        size = MHD_CONTENT_READER_END_WITH_ERROR;
    } else if (stream->size > 0) {
        size = (ssize_t)take(stream, data, room);
        tell = stream->wanting && stream->size < LIMIT_STREAM_BYTES / 2;
        if (tell) stream->wanting = false;
        connection_phase(stream->connection, PHASE_STREAMING);
    } else if (stream->ended) {
        size = failed(welcome) ? MHD_CONTENT_READER_END_WITH_ERROR : MHD_CONTENT_READER_END_OF_STREAM;
    } else {
        size = rest(stream);
    }
    pthread_mutex_unlock(&stream->lock);
    if (tell) stream->room(stream->context);
    return size;
}

/* -- beginning --------------------------------------------------------------------------------- */

/* Under streams.lock. */
static enum reason room_for(const struct streams *streams, const struct stream *stream)
{
    unsigned own = 0;
    if (streams->closed) return REASON_BUSY;
    for (const struct stream *other = streams->first; other != NULL; other = other->next)
        if (strcmp(other->agency, stream->agency) == 0) own++;
    return own < LIMIT_STREAMS_PER_AGENCY && streams->count < LIMIT_STREAMS ? REASON_NONE : REASON_STREAMS;
}

static enum reason list_add(struct streams *streams, struct stream *stream)
{
    pthread_mutex_lock(&streams->lock);
    enum reason reason = room_for(streams, stream);
    if (reason == REASON_NONE) {
        stream->next = streams->first;
        if (streams->first != NULL) streams->first->previous = stream;
        streams->first = stream;
        streams->count++;
    }
    pthread_mutex_unlock(&streams->lock);
    return reason;
}

static void list_remove(struct streams *streams, struct stream *stream)
{
    pthread_mutex_lock(&streams->lock);
    if (stream->previous != NULL)
        stream->previous->next = stream->next;
    else
        streams->first = stream->next;
    if (stream->next != NULL) stream->next->previous = stream->previous;
    streams->count--;
    pthread_mutex_unlock(&streams->lock);
}

static struct stream *stream_create(struct request *request)
{
    struct stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL) return NULL;
    stream->connection = exchange_of(request)->connection;
    stream->server = stream->connection->server;
    atomic_fetch_add(&stream->connection->references, 1);
    atomic_init(&stream->references, 1);
    pthread_mutex_init(&stream->lock, NULL);
    snprintf(stream->agency, sizeof stream->agency, "%s", request->peer->first);
    uint32_t life_ms = stream->server->stream_life_s * 1000;
    stream->ends_ms = server_coarse_ms(stream->server) + life_ms - randombytes_uniform(life_ms / 10 + 1); /* not all at once */
    return stream;
}

static struct MHD_Response *make_response(struct stream *stream)
{
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_stream, stream, release_response);
    if (response == NULL) return NULL;
    atomic_fetch_add(&stream->references, 1);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/event-stream");
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    MHD_add_response_header(response, "X-Accel-Buffering", "no"); /* a proxy in between must not wait for more */
    return response;
}

struct reply reply_stream(struct request *request, stream_room_fn room, void *context, struct stream **out)
{
    struct stream *stream = stream_create(request);
    *out = NULL;
    if (stream == NULL) return reply_problem(REASON_BUSY);
    stream->room = room;
    stream->context = context;
    enum reason reason = list_add(&stream->server->streams, stream);
    struct MHD_Response *response = reason == REASON_NONE ? make_response(stream) : NULL;
    if (response == NULL) {
        if (reason == REASON_NONE) list_remove(&stream->server->streams, stream);
        stream_release(stream);
        return reply_problem(reason == REASON_NONE ? REASON_BUSY : reason);
    }
    atomic_fetch_add(&stream->references, 1);
    *out = stream;
    return (struct reply){ .response = response, .stream = stream, .status = 200, .size = 1 };
}

void stream_begin(struct stream *stream, struct exchange *exchange)
{
    const int on = 1, bytes = LIMIT_STREAM_SOCKET_BYTES;
    const unsigned patience_ms = LIMIT_STREAM_STALL_S * 1000;
    setsockopt(stream->connection->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    setsockopt(stream->connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(stream->connection->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience_ms, sizeof patience_ms);
    exchange->stream = stream;
    exchange->measured = false; /* how long it lasts is not how long an answer takes */
    stream->exchange = exchange;
    pthread_mutex_lock(&stream->lock);
    stream->mhd = exchange->mhd;
    pthread_mutex_unlock(&stream->lock);
}

/* -- writing and ending ------------------------------------------------------------------------ */

bool stream_write(struct stream *stream, const char *text, size_t size)
{
    pthread_mutex_lock(&stream->lock);
    bool open = !stream->ended && !stream->over, fits = size <= LIMIT_STREAM_BYTES - stream->size;
    if (open && fits) {
        put(stream, text, size);
        wake(stream);
    } else if (open) {
        stream->wanting = true;
    }
    pthread_mutex_unlock(&stream->lock);
    return open && fits;
}

bool stream_over(struct stream *stream)
{
    pthread_mutex_lock(&stream->lock);
    bool over = stream->over || stream->ended;
    pthread_mutex_unlock(&stream->lock);
    return over;
}

void stream_end(struct stream *stream, const char *comment)
{
    pthread_mutex_lock(&stream->lock);
    end_with(stream, comment);
    wake(stream);
    pthread_mutex_unlock(&stream->lock);
}

void stream_leave(struct stream *stream)
{
    list_remove(&stream->server->streams, stream);
    pthread_mutex_lock(&stream->lock);
    stream->over = true;
    stream->suspended = false;
    stream->mhd = NULL;
    pthread_mutex_unlock(&stream->lock);
    stream->room(stream->context);
    stream_release(stream);
}

/* -- all of them ------------------------------------------------------------------------------- */

/* Certificates and registrations are looked at on the loop: it is woken to do so when something changed. */
static bool must_look(const struct stream *stream, bool changed)
{
    const struct connection *connection = stream->connection;
    return changed || atomic_load(&connection->ended) ||
           atomic_load_explicit(&stream->server->coarse_s, memory_order_relaxed) >= connection->trusted.expires_s;
}

void streams_enforce(struct http_server *server)
{
    struct streams *streams = &server->streams;
    const uint64_t trust = trust_generation(server->trust), registry = registry_generation(server->registry);
    pthread_mutex_lock(&streams->lock);
    bool changed = trust != streams->trust_generation || registry != streams->registry_generation;
    streams->trust_generation = trust;
    streams->registry_generation = registry;
    for (struct stream *stream = streams->first; stream != NULL; stream = stream->next) {
        pthread_mutex_lock(&stream->lock);
        bool due = server_coarse_ms(server) >= stream->ends_ms;
        if (due) end_with(stream, "connect again");
        if (due || must_look(stream, changed)) wake(stream);
        pthread_mutex_unlock(&stream->lock);
    }
    if (server->streaming != NULL) metric_set(server->streaming, (double)streams->count);
    pthread_mutex_unlock(&streams->lock);
}

void streams_close(struct http_server *server)
{
    pthread_mutex_lock(&server->streams.lock);
    server->streams.closed = true;
    for (struct stream *stream = server->streams.first; stream != NULL; stream = stream->next) stream_end(stream, "the gate stops");
    pthread_mutex_unlock(&server->streams.lock);
}
