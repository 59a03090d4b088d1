/* Fewer system calls per request than libmicrohttpd and GnuTLS make by themselves, measured at a quarter of a request's
   cost:
   - GnuTLS reads each record in two steps, its 5-byte head and the rest: here both come from one recv() into a small
   buffer;
   - libmicrohttpd sends head and body of an answer as two records: here they are held back and sent as one when the
   answer is complete. libmicrohttpd sees the same: data is there until EAGAIN, and what it sends is accepted. */
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

void tls_io_setup(struct connection *connection)
{
    gnutls_transport_set_ptr2(connection->session, connection, (gnutls_transport_ptr_t)(intptr_t)connection->fd);
    gnutls_transport_set_pull_function(connection->session, pull);
}

void tls_io_hold(struct connection *connection, size_t size)
{
    if (connection->session == NULL || size > HELD_BYTES_MAX) return;
    gnutls_record_cork(connection->session);
    connection->held = true;
}

void tls_io_send(struct connection *connection)
{
    if (!connection->held) return;
    connection->held = false;
    /* libmicrohttpd corks the socket with a small answer's head, at times that can't be foretold, and a corked socket holds back what is
       less than a segment for 200 ms: each time, then. */
    const int off = 0;
    setsockopt(connection->fd, IPPROTO_TCP, TCP_CORK, &off, sizeof off);
    /* A client that reads none of its answers has filled the socket: it is not waited for. */
    if (gnutls_record_uncork(connection->session, 0) < 0) shutdown(connection->fd, SHUT_RDWR);
}
