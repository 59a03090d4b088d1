#include "client/lane/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/moment.h"

#define CONNECTIONS 16          /* that stay open */
#define CONNECTIONS_BURST 40    /* that may be there while each of them is busy, or has only just come */
#define CONNECTIONS_MOST 64     /* until those that were ended have gone */
#define POOL_BYTES 16384        /* of a connection; small enough to go back through free(), which wipes */
#define BACKLOG 1024
#define REQUEST_MS 10000        /* from the first byte to the last */
#define SLOW_MS 2000            /* the same, while somebody else waits for memory or a connection */
#define WHOLE_MS 500            /* in which any message of this machine's is whole: one that takes longer goes first, where there are too many */
#define FRESH_MS 100            /* in which a new connection's request begins: until then nobody knows whether it says anything */
#define ANSWER_MS 10000         /* until the answer was taken */
#define IDLE_MS 120000          /* between two requests */

struct listener {
    struct lane_service *service;
    struct MHD_Daemon *daemon;
    uint16_t port;
    pthread_mutex_t mutex; /* of the chain */
    struct listener_connection *first; /* the newest */
    size_t count;
    _Atomic int64_t wanted_ms; /* monotonic, when somebody found no room; 0: long ago */
};

struct lane_service *listener_service(struct listener *listener)
{
    return listener->service;
}

uint16_t listener_port(const struct listener *listener)
{
    return listener->port;
}

void listener_phase(struct listener_connection *connection, enum listener_phase phase)
{
    atomic_store(&connection->since_ms, moment_monotonic_ms());
    atomic_store(&connection->phase, phase);
}

void listener_want_room(struct listener *listener)
{
    atomic_store(&listener->wanted_ms, moment_monotonic_ms());
}

/* -- ending connections ---------------------------------------------------------------------------------------------- */

/* Its loop then sees the end of the stream, and closes.  Under the mutex. */
static void end(struct listener_connection *connection)
{
    connection->ended = true;
    shutdown(connection->fd, SHUT_RDWR);
}

static bool is_overdue(const struct listener *listener, const struct listener_connection *connection, int64_t now_ms)
{
    const int64_t age_ms = now_ms - atomic_load(&connection->since_ms);
    const bool wanted = now_ms - atomic_load(&listener->wanted_ms) < SLOW_MS;

    switch (atomic_load(&connection->phase)) {
    case LISTENER_FRESH:
    case LISTENER_READING: return age_ms > (wanted ? SLOW_MS : REQUEST_MS);
    case LISTENER_ANSWERING: return age_ms > ANSWER_MS;
    case LISTENER_IDLE:
    default: return age_ms > IDLE_MS;
    }
}

void listener_tick(struct listener *listener)
{
    const int64_t now_ms = moment_monotonic_ms();

    pthread_mutex_lock(&listener->mutex);
    for (struct listener_connection *at = listener->first; at != NULL; at = at->next) {
        if (at->ended || !is_overdue(listener, at, now_ms)) continue;
        if (atomic_load(&at->phase) == LISTENER_READING) count_add(&listener->service->counts.refused[REFUSED_SLOW], 1);
        end(at);
    }
    pthread_mutex_unlock(&listener->mutex);
}

/* Neither a request that is on its way for too long, nor a connection on which none comes, is worth an engine's own, which waits for the next vehicle. */
static bool is_overlong(const struct listener_connection *connection, int64_t now_ms)
{
    const enum listener_phase phase = atomic_load(&connection->phase);

    return (phase == LISTENER_FRESH || phase == LISTENER_READING) && now_ms - atomic_load(&connection->since_ms) >= WHOLE_MS;
}

static bool is_quiet(const struct listener_connection *connection, int64_t now_ms)
{
    const enum listener_phase phase = atomic_load(&connection->phase);

    return phase == LISTENER_IDLE || (phase == LISTENER_FRESH && now_ms - atomic_load(&connection->since_ms) >= FRESH_MS);
}

static bool is_fresh(const struct listener_connection *connection, int64_t now_ms)
{
    (void)now_ms;
    return atomic_load(&connection->phase) == LISTENER_FRESH;
}

static struct listener_connection *longest(struct listener *listener, const struct listener_connection *newest,
                                           bool (*is_such)(const struct listener_connection *connection, int64_t now_ms))
{
    const int64_t now_ms = moment_monotonic_ms();
    struct listener_connection *found = NULL;

    for (struct listener_connection *at = listener->first; at != NULL; at = at->next) {
        if (at == newest || at->ended || !is_such(at, now_ms)) continue;
        if (found == NULL || atomic_load(&at->since_ms) < atomic_load(&found->since_ms)) found = at;
    }
    return found;
}

/* Who goes for NEWEST; NULL: all are busy.  Under the mutex. */
static struct listener_connection *least_wanted(struct listener *listener, const struct listener_connection *newest)
{
    struct listener_connection *found = longest(listener, newest, is_overlong);

    if (found == NULL) return longest(listener, newest, is_quiet);
    if (atomic_load(&found->phase) == LISTENER_READING) count_add(&listener->service->counts.refused[REFUSED_SLOW], 1);
    return found;
}

/* Many engines may speak at one time, each on a connection of its own: none of them is cut off for the next one's sake.  Under the mutex. */
static void make_room(struct listener *listener, struct listener_connection *newest)
{
    struct listener_connection *victim = least_wanted(listener, newest);

    if (victim == NULL) {
        listener_want_room(listener);
        if (listener->count <= CONNECTIONS_BURST) return;
        victim = longest(listener, newest, is_fresh);
        count_add(&listener->service->counts.refused[REFUSED_BUSY], 1);
    }
    end(victim == NULL ? newest : victim);
}

/* -- coming and going ------------------------------------------------------------------------------------------------ */

static void opened(struct listener *listener, struct MHD_Connection *mhd, void **socket_context)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct listener_connection *connection = calloc(1, sizeof(*connection));

    *socket_context = connection;
    if (connection == NULL) {
        shutdown(info->connect_fd, SHUT_RDWR);
        return;
    }
    connection->listener = listener;
    connection->fd = info->connect_fd;
    listener_phase(connection, LISTENER_FRESH);
    pthread_mutex_lock(&listener->mutex);
    connection->next = listener->first;
    if (listener->first != NULL) listener->first->previous = connection;
    listener->first = connection;
    if (++listener->count > CONNECTIONS) make_room(listener, connection);
    pthread_mutex_unlock(&listener->mutex);
}

/* When this returns nobody touches the socket any more: libmicrohttpd may close it, and its number may be used again. */
static void closed(struct listener *listener, struct listener_connection *connection)
{
    pthread_mutex_lock(&listener->mutex);
    *(connection->previous == NULL ? &listener->first : &connection->previous->next) = connection->next;
    if (connection->next != NULL) connection->next->previous = connection->previous;
    listener->count--;
    pthread_mutex_unlock(&listener->mutex);
    free(connection);
}

static void notify(void *context, struct MHD_Connection *mhd, void **socket_context, enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED) opened(context, mhd, socket_context);
    else if (*socket_context != NULL) closed(context, *socket_context);
}

/* -- starting -------------------------------------------------------------------------------------------------------- */

/* "127.0.0.1:8555" or "[::1]:8555". */
static bool split(const char *address, char host[64], char port[8])
{
    const char *colon = strrchr(address, ':');
    size_t size;

    if (colon == NULL || colon[1] == '\0' || strlen(colon + 1) > 5 || strspn(colon + 1, "0123456789") != strlen(colon + 1)) return false;
    if (strtoul(colon + 1, NULL, 10) > UINT16_MAX) return false;
    size = (size_t)(colon - address);
    if (size >= 2 && address[0] == '[' && address[size - 1] == ']') address++, size -= 2;
    else if (memchr(address, ':', size) != NULL) return false;
    if (size == 0 || size >= 64) return false;
    memcpy(host, address, size);
    host[size] = '\0';
    memcpy(port, colon + 1, strlen(colon + 1) + 1);
    return true;
}

static bool is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) return ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr) >> 24 == 127;
    if (address->sa_family != AF_INET6) return false;
    return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
}

static uint16_t port_of(int fd)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof(address);

    if (getsockname(fd, (struct sockaddr *)&address, &size) != 0) return 0;
    if (address.ss_family == AF_INET6) return ntohs(((struct sockaddr_in6 *)(void *)&address)->sin6_port);
    return ntohs(((struct sockaddr_in *)(void *)&address)->sin_port);
}

static int bind_to(const struct addrinfo *where)
{
    const int on = 1;
    int fd = socket(where->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), why;

    if (fd < 0) return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (where->ai_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    if (bind(fd, where->ai_addr, where->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0) return fd;
    why = errno;
    close(fd);
    errno = why;
    return -1;
}

static int open_socket(const char *address, int *code)
{
    const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE, .ai_socktype = SOCK_STREAM };
    struct addrinfo *where = NULL;
    char host[64], port[8];
    int fd = -1;

    *code = CLIENT_USAGE;
    if (!split(address, host, port) || getaddrinfo(host, port, &hints, &where) != 0) {
        say("[listen] address: is not of the form 127.0.0.1:8555 or [::1]:8555");
        return -1;
    }
    if (!is_loopback(where->ai_addr)) {
        say("[listen] address: what engines say is in clear, so the lane listens on loopback addresses only");
    } else if ((fd = bind_to(where)) < 0) {
        *code = errno == EADDRINUSE ? CLIENT_UNREACHABLE : CLIENT_FAILED;
        say("can't listen on %s: %s", address, strerror(errno));
    }
    freeaddrinfo(where);
    return fd;
}

/* Some requests never reach a handler: libmicrohttpd answers them itself, in HTML, and nothing but its log tells.  Of that only the status is looked at (0.9.75,
   transmit_error_response_len()); other messages, and what stands in them, go nowhere. */
static void count_refusal(void *context, const char *format, va_list arguments)
{
    static const char of_its_own[] = "Error processing request (HTTP response code is %u ";
    struct listener *listener = context;

    if (strncmp(format, of_its_own, sizeof(of_its_own) - 1) != 0) return;
    count_add(&listener->service->counts.refused[va_arg(arguments, unsigned) == 413 ? REFUSED_TOO_LARGE : REFUSED_REQUEST], 1);
}

static struct MHD_Daemon *start_daemon(struct listener *listener, int fd)
{
    return MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG, 0, NULL, NULL, listener_request_proceed, listener,
                            MHD_OPTION_EXTERNAL_LOGGER, count_refusal, listener, MHD_OPTION_LISTEN_SOCKET, fd,
                            MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MOST, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)POOL_BYTES,
                            MHD_OPTION_NOTIFY_CONNECTION, notify, listener, MHD_OPTION_NOTIFY_COMPLETED, listener_request_end, listener,
                            MHD_OPTION_URI_LOG_CALLBACK, listener_request_begin, listener, MHD_OPTION_STRICT_FOR_CLIENT, 1,
                            MHD_OPTION_THREAD_STACK_SIZE, (size_t)LANE_STACK_BYTES, MHD_OPTION_END);
}

struct listener *listener_start(struct lane_service *service, const char *address, int *code)
{
    const int fd = open_socket(address, code);
    struct listener *listener = fd < 0 ? NULL : calloc(1, sizeof(*listener));

    if (listener == NULL) {
        if (fd >= 0) close(fd);
        return NULL;
    }
    *code = CLIENT_FAILED;
    listener->service = service;
    listener->port = port_of(fd);
    atomic_init(&listener->wanted_ms, -SLOW_MS);
    pthread_mutex_init(&listener->mutex, NULL);
    listener->daemon = start_daemon(listener, fd);
    if (listener->daemon != NULL) return listener;
    say("the listener does not start");
    close(fd);
    pthread_mutex_destroy(&listener->mutex);
    free(listener);
    return NULL;
}

/* -- stopping -------------------------------------------------------------------------------------------------------- */

void listener_quiet(struct listener *listener)
{
    const MHD_socket fd = MHD_quiesce_daemon(listener->daemon);

    if (fd != MHD_INVALID_SOCKET) close(fd);
    pthread_mutex_lock(&listener->mutex);
    for (struct listener_connection *at = listener->first; at != NULL; at = at->next) {
        const enum listener_phase phase = atomic_load(&at->phase);

        if (!at->ended && (phase == LISTENER_FRESH || phase == LISTENER_IDLE)) end(at);
    }
    pthread_mutex_unlock(&listener->mutex);
}

void listener_stop(struct listener *listener)
{
    if (listener == NULL) return;
    MHD_stop_daemon(listener->daemon);
    pthread_mutex_destroy(&listener->mutex);
    free(listener);
}
