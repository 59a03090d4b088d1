/* Connections: who is at the other end, and how long they may take.  Deadlines are absolute; libmicrohttpd's own
   timeout counts inactivity only, and somebody who drips a byte now and then would stay for ever. */
#include <gnutls/x509.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "server/http/internal.h"

#include "server/http/log.h"

#define ESTABLISHED 1 /* TCP_ESTABLISHED of <netinet/tcp.h>, which does not go with <linux/tcp.h> */
#define PHASE_SHIFT 56
#define SINCE_MASK ((UINT64_C(1) << PHASE_SHIFT) - 1)

/* -- identity ---------------------------------------------------------------------------------- */

static gnutls_session_t session_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    return info == NULL ? NULL : (gnutls_session_t)info->tls_session;
}

static gnutls_alert_description_t alert_for(unsigned status)
{
    if ((status & GNUTLS_CERT_REVOKED) != 0) return GNUTLS_A_CERTIFICATE_REVOKED;
    if ((status & GNUTLS_CERT_EXPIRED) != 0) return GNUTLS_A_CERTIFICATE_EXPIRED;
    if ((status & (GNUTLS_CERT_SIGNER_NOT_FOUND | GNUTLS_CERT_SIGNATURE_FAILURE)) != 0) return GNUTLS_A_UNKNOWN_CA;
    return GNUTLS_A_BAD_CERTIFICATE;
}

/* Lets in somebody who shows no certificate, if there is room for one more. */
static bool let_in(struct connection *connection)
{
    struct http_server *server = connection->server;
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    if (getpeername(connection->fd, (struct sockaddr *)&address, &size) != 0) return false;
    strangers_place((const struct sockaddr *)&address, connection->place);
    if (!strangers_enter(server->strangers, connection->place, server_coarse_ms(server))) return false;
    connection->trusted = (struct trusted){ .peer = { .role = ROLE_STRANGER }, .expires_s = INT64_MAX };
    if (server->let_in != NULL) metric_add(server->let_in, 1);
    atomic_store(&connection->stranger, true);
    return true;
}

/* Few may come that will only be told that they are not registered: else whoever has any certificate of the authority,
   or was shut out, could hold all connections. */
static bool room_for(struct connection *connection)
{
    struct http_server *server = connection->server;
    struct registration registration;
    if (registry_find(server->registry, connection->trusted.peer.name, &registration)) return true;
    connection->unregistered = true;
    return atomic_fetch_add(&server->unregistered_open, 1) < LIMIT_UNREGISTERED;
}

/* When it closes, or its name was registered meanwhile.  On the loop. */
static void give_room_back(struct connection *connection)
{
    if (connection->unregistered) atomic_fetch_sub(&connection->server->unregistered_open, 1);
    connection->unregistered = false;
}

/* In the handshake: a certificate that is not acceptable ends it, and so does none, but for strangers. */
static int verify_in_handshake(gnutls_session_t session)
{
    struct connection *connection = gnutls_session_get_ptr(session);
    unsigned count = 0, status = GNUTLS_CERT_INVALID;
    const gnutls_datum_t *peers = gnutls_certificate_get_peers(session, &count);
    if (peers == NULL && connection->server->strangers != NULL) {
        if (!let_in(connection)) {
            gnutls_alert_send(session, GNUTLS_AL_FATAL, GNUTLS_A_CERTIFICATE_REQUIRED);
            return GNUTLS_E_CERTIFICATE_ERROR;
        }
    } else if (peers == NULL || count == 0 ||
        failed(trust_verify(connection->server->trust, &peers[0], &connection->trusted, &status))) {
        gnutls_alert_send(session, GNUTLS_AL_FATAL, alert_for(status));
        return GNUTLS_E_CERTIFICATE_ERROR;
    } else if (!room_for(connection)) {
        gnutls_alert_send(session, GNUTLS_AL_FATAL, GNUTLS_A_ACCESS_DENIED);
        return GNUTLS_E_CERTIFICATE_ERROR;
    }
    connection->verified = true;
    connection_phase(connection, PHASE_FRESH);
    return 0;
}

#define EMPTY_CERTIFICATE_BYTES 4 /* no context, no certificate (RFC 8446, 4.4.2) */

/* A client without a certificate would see nothing but the end of the connection: GnuTLS refuses it without an
   alert. */
static int tell_who_shows_none(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
                               const gnutls_datum_t *message)
{
    (void)type;
    (void)when;
    if (incoming != 0 && message->size <= EMPTY_CERTIFICATE_BYTES)
        gnutls_alert_send(session, GNUTLS_AL_FATAL, GNUTLS_A_CERTIFICATE_REQUIRED);
    return 0;
}

bool connection_trusted(struct connection *connection)
{
    if (!connection->secure) return true;
    if (atomic_load_explicit(&connection->stranger, memory_order_relaxed)) return true; /* has nothing to lose */
    struct http_server *server = connection->server;
    if (!connection->verified ||
        atomic_load_explicit(&server->coarse_s, memory_order_relaxed) >= connection->trusted.expires_s)
        return false;
    if (connection->trusted.generation == trust_generation(server->trust)) return true;
    unsigned count = 0, status;
    struct trusted again; /* the same certificate, so the same name: a handler may still be reading the first */
    const gnutls_datum_t *peers = gnutls_certificate_get_peers(connection->session, &count);
    connection->verified =
        peers != NULL && count > 0 && !failed(trust_verify(server->trust, &peers[0], &again, &status));
    if (connection->verified) connection->trusted.generation = again.generation;
    return connection->verified;
}

/* One line a second at most: whoever holds a good certificate must not fill the log. */
static void tell_of(struct connection *connection)
{
    struct http_server *server = connection->server;
    int64_t now_s = atomic_load_explicit(&server->coarse_s, memory_order_relaxed);
    if (atomic_exchange(&server->knocked_s, now_s) != now_s)
        log_line(LOG_WARNING, "refused, as it is not registered: %s", connection->trusted.peer.name);
}

bool connection_registered(struct connection *connection)
{
    if (!connection->secure) return true;
    struct registry *registry = connection->server->registry;
    uint64_t generation = registry_generation(registry);
    if (connection->registered_generation != generation) {
        connection->registered_generation = generation;
        connection->registered = registry_find(registry, connection->trusted.peer.name, &connection->registration);
        if (connection->registered) give_room_back(connection);
        if (!connection->registered) tell_of(connection);
    }
    return connection->registered;
}

/* -- coming and going -------------------------------------------------------------------------- */

static void list_add(struct connections *connections, struct connection *connection)
{
    pthread_mutex_lock(&connections->lock);
    connection->next = connections->first;
    if (connections->first != NULL) connections->first->previous = connection;
    connections->first = connection;
    connections->count++;
    pthread_mutex_unlock(&connections->lock);
}

/* When this returns the ticker does not touch the socket any more: libmicrohttpd may close it, and its number may be
   used again. */
static void list_remove(struct connections *connections, struct connection *connection)
{
    pthread_mutex_lock(&connections->lock);
    if (connection->previous != NULL)
        connection->previous->next = connection->next;
    else
        connections->first = connection->next;
    if (connection->next != NULL) connection->next->previous = connection->previous;
    connections->count--;
    pthread_mutex_unlock(&connections->lock);
}

static void opened(struct http_server *server, struct MHD_Connection *mhd, void **socket_context)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct connection *connection = calloc(1, sizeof *connection);
    *socket_context = connection;
    if (connection == NULL) {
        shutdown(info->connect_fd, SHUT_RDWR);
        return;
    }
    connection->server = server;
    connection->mhd = mhd;
    connection->fd = info->connect_fd;
    atomic_init(&connection->references, 1);
    atomic_fetch_add(&server->references, 1);
    connection->session = session_of(mhd);
    connection->secure = connection->session != NULL;
    if (connection->secure) {
        gnutls_session_set_ptr(connection->session, connection);
        bool required = server->strangers == NULL;
        gnutls_certificate_server_set_request(connection->session, required ? GNUTLS_CERT_REQUIRE : GNUTLS_CERT_REQUEST);
        gnutls_session_set_verify_function(connection->session, verify_in_handshake);
        if (required)
            gnutls_handshake_set_hook_function(connection->session, GNUTLS_HANDSHAKE_CERTIFICATE_PKT, GNUTLS_HOOK_PRE,
                                               tell_who_shows_none);
        tls_io_setup(connection);
    }
    connection_phase(connection, connection->secure ? PHASE_HANDSHAKE : PHASE_FRESH);
    list_add(&server->connections, connection);
}

static void closed(struct connection *connection)
{
    struct http_server *server = connection->server;
    list_remove(&server->connections, connection);
    if (atomic_load(&connection->stranger)) strangers_leave(server->strangers, connection->place);
    give_room_back(connection);
    if (connection->secure && !connection->verified && server->refused != NULL) metric_add(server->refused, 1);
    connection->mhd = NULL;
    connection->session = NULL;
    if (connection->spare != NULL) exchange_release(connection->spare);
    connection_release(connection);
}

void connection_notify(void *context, struct MHD_Connection *mhd, void **socket_context,
                       enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        opened(context, mhd, socket_context);
    else if (*socket_context != NULL)
        closed(*socket_context);
}

void connection_release(struct connection *connection)
{
    if (atomic_fetch_sub(&connection->references, 1) != 1) return;
    server_release(connection->server);
    free(connection);
}

/* -- deadlines --------------------------------------------------------------------------------- */

/* A stranger's time runs from the handshake to the end, whatever happens in between. */
void connection_phase(struct connection *connection, enum phase phase)
{
    uint64_t since = (uint64_t)server_coarse_ms(connection->server) & SINCE_MASK;
    if (phase != PHASE_FRESH && atomic_load_explicit(&connection->stranger, memory_order_relaxed))
        since = atomic_load_explicit(&connection->phase, memory_order_relaxed) & SINCE_MASK;
    atomic_store_explicit(&connection->phase, (uint64_t)phase << PHASE_SHIFT | since, memory_order_relaxed);
}

/* An idle connection whose byte count grows, without a request line getting ready, is dripping one. */
static bool trickles_too_long(struct connection *connection, uint64_t idle, int64_t now_ms)
{
    struct tcp_info info = { 0 };
    socklen_t size = sizeof info;
    if (getsockopt(connection->fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return false;
    if (connection->idle_since != idle) {
        connection->idle_since = idle;
        connection->bytes_seen = info.tcpi_bytes_received;
        connection->trickle_ms = 0;
    }
    if (info.tcpi_bytes_received != connection->bytes_seen) {
        connection->bytes_seen = info.tcpi_bytes_received;
        if (connection->trickle_ms == 0) connection->trickle_ms = now_ms;
    }
    return connection->trickle_ms != 0 && now_ms - connection->trickle_ms > LIMIT_REQUEST_S * 1000;
}

/* Its end has come, or its reset: a suspended connection does not see that by itself. */
static bool peer_left(const struct connection *connection)
{
    struct tcp_info info = { 0 };
    socklen_t size = sizeof info;
    return getsockopt(connection->fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 || info.tcpi_state != ESTABLISHED;
}

/* What is there for it is not taken. */
static bool stalls(const struct connection *connection, int64_t age_ms)
{
    bool stalled = age_ms > LIMIT_STREAM_STALL_S * 1000;
    if (stalled && connection->server->stalled != NULL) metric_add(connection->server->stalled, 1);
    return stalled;
}

static bool overdue(struct connection *connection, int64_t now_ms)
{
    uint64_t value = atomic_load_explicit(&connection->phase, memory_order_relaxed);
    int64_t age_ms = now_ms - (int64_t)(value & SINCE_MASK);
    if (atomic_load_explicit(&connection->stranger, memory_order_relaxed)) return age_ms > LIMIT_STRANGER_S * 1000;
    switch ((enum phase)(value >> PHASE_SHIFT)) {
    case PHASE_HANDSHAKE: return age_ms > LIMIT_HANDSHAKE_S * 1000;
    case PHASE_FRESH:
    case PHASE_READING: return age_ms > LIMIT_REQUEST_S * 1000;
    case PHASE_ANSWERING: return age_ms > (LIMIT_ANSWER_S + LIMIT_REQUEST_S) * 1000;
    case PHASE_STREAMING: return stalls(connection, age_ms) || peer_left(connection);
    case PHASE_RESTING: return peer_left(connection);
    case PHASE_IDLE:
    default: return age_ms > LIMIT_IDLE_S * 1000 || trickles_too_long(connection, value, now_ms);
    }
}

/* Its loop then sees the end of the stream, and closes.  Under connections.lock. */
static void end(struct connection *connection)
{
    connection->ended = true;
    shutdown(connection->fd, SHUT_RDWR);
}

void connections_enforce(struct http_server *server)
{
    int64_t now_ms = server_coarse_ms(server);
    pthread_mutex_lock(&server->connections.lock);
    for (struct connection *connection = server->connections.first; connection != NULL; connection = connection->next)
        if (!connection->ended && overdue(connection, now_ms)) end(connection);
    size_t open = server->connections.count;
    pthread_mutex_unlock(&server->connections.lock);
    if (server->open != NULL) metric_set(server->open, (double)open);
}

size_t connections_end(struct http_server *server, bool all)
{
    size_t busy = 0;
    pthread_mutex_lock(&server->connections.lock);
    for (struct connection *connection = server->connections.first; connection != NULL; connection = connection->next) {
        uint64_t phase = atomic_load_explicit(&connection->phase, memory_order_relaxed) >> PHASE_SHIFT;
        bool under_way = phase == PHASE_READING || phase >= PHASE_ANSWERING;
        if (under_way) busy++;
        if ((all || !under_way) && !connection->ended) end(connection);
    }
    pthread_mutex_unlock(&server->connections.lock);
    return busy;
}
