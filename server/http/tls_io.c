/* Fewer system calls per request than libmicrohttpd and GnuTLS make by themselves, measured at a quarter of a request's
   cost:
   - GnuTLS reads each record in two steps, its 5-byte head and the rest: here both come from one recv() into a small
   buffer;
   - libmicrohttpd sends head and body of an answer one after the other: here the records of both are held back,
   encrypted, and leave with one send() when the answer is complete. (GnuTLS's own corking would keep the clear text in a
   buffer that nobody can wipe.) libmicrohttpd sees the same: data is there until EAGAIN, and what it sends is accepted. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "server/http/internal.h"

static ssize_t pull(gnutls_transport_ptr_t pointer, void *data, size_t size)
{
    struct connection *connection = pointer;
    if (connection->ahead_at == connection->ahead_end) {
        if (size >= sizeof connection->ahead) return recv(connection->fd, data, size, 0);
        ssize_t got = recv(connection->fd, connection->ahead, sizeof connection->ahead, 0);
        if (got <= 0) return got;
        connection->ahead_at = 0;
        connection->ahead_end = (size_t)got;
    }
    size_t there = connection->ahead_end - connection->ahead_at;
    if (size > there) size = there;
    memcpy(data, connection->ahead + connection->ahead_at, size);
    connection->ahead_at += size;
    return (ssize_t)size;
}

/* All of it, or false: who reads none of its answers has filled the socket, and is not waited for. */
static bool flush(struct connection *connection)
{
    size_t sent = 0;
    while (sent < connection->held_size) {
        ssize_t went = send(connection->fd, connection->held + sent, connection->held_size - sent, MSG_NOSIGNAL);
        if (went < 0 && errno == EINTR) continue;
        if (went <= 0) break;
        sent += (size_t)went;
    }
    bool all = sent == connection->held_size;
    connection->held_size = 0;
    return all;
}

static ssize_t push(gnutls_transport_ptr_t pointer, const giovec_t *pieces, int count)
{
    struct connection *connection = pointer;
    struct msghdr message = { .msg_iov = (struct iovec *)(uintptr_t)pieces, .msg_iovlen = (size_t)count };
    size_t size = 0;
    for (int i = 0; i < count; i++) size += pieces[i].iov_len;
    if (!connection->holding) return sendmsg(connection->fd, &message, MSG_NOSIGNAL);
    if (size > sizeof connection->held - connection->held_size) {
        connection->holding = false;
        if (flush(connection)) return sendmsg(connection->fd, &message, MSG_NOSIGNAL);
        errno = ECONNRESET;
        return -1;
    }
    for (int i = 0; i < count; i++) {
        memcpy(connection->held + connection->held_size, pieces[i].iov_base, pieces[i].iov_len);
        connection->held_size += pieces[i].iov_len;
    }
    return (ssize_t)size;
}

void tls_io_setup(struct connection *connection)
{
    gnutls_transport_set_ptr(connection->session, connection);
    gnutls_transport_set_pull_function(connection->session, pull);
    gnutls_transport_set_vec_push_function(connection->session, push);
}

void tls_io_hold(struct connection *connection, size_t size)
{
    if (connection->session != NULL && size <= HELD_ANSWER_MAX) connection->holding = true;
}

void tls_io_send(struct connection *connection)
{
    if (!connection->holding) return;
    connection->holding = false;
    /* libmicrohttpd corks the socket with a small answer's head, at times that can't be foretold, and a corked socket holds back what is
       less than a segment for 200 ms: each time, then. */
    const int off = 0;
    setsockopt(connection->fd, IPPROTO_TCP, TCP_CORK, &off, sizeof off);
    if (!flush(connection)) shutdown(connection->fd, SHUT_RDWR);
}
