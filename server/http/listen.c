#include "server/http/internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/http/log.h"

#define BACKLOG 1024

/* "127.0.0.1:8443" or "[::1]:8443". */
static bool split(const char *address, char host[64], char port[8])
{
    const char *colon = strrchr(address, ':');
    if (colon == NULL || strlen(colon + 1) > 5 || strlen(colon + 1) == 0) return false;
    size_t size = (size_t)(colon - address);
    if (size >= 2 && address[0] == '[' && address[size - 1] == ']')
        address++, size -= 2;
    else if (memchr(address, ':', size) != NULL)
        return false;
    if (size == 0 || size >= 64) return false;
    memcpy(host, address, size);
    host[size] = 0;
    memcpy(port, colon + 1, strlen(colon + 1) + 1);
    return true;
}

static bool is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr) >> 24 == 127;
    if (address->sa_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
    return false;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &size) != 0) return 0;
    if (address.ss_family == AF_INET6) return ntohs(((struct sockaddr_in6 *)(void *)&address)->sin6_port);
    return ntohs(((struct sockaddr_in *)(void *)&address)->sin_port);
}

static int bind_to(const struct addrinfo *where)
{
    int on = 1;
    int fd = socket(where->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (where->ai_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(fd, where->ai_addr, where->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0) return fd;
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

int listen_open(const char *address, bool loopback_only, uint16_t *port, struct result *result)
{
    char host[64], service[8];
    struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE, .ai_socktype = SOCK_STREAM },
                    *where = NULL;
    *result = FAIL(REASON_SETTINGS);
    if (!split(address, host, service) || getaddrinfo(host, service, &hints, &where) != 0) {
        log_line(LOG_ERR, "not an address of the form 127.0.0.1:8443 or [::1]:8443: %s", address);
        return -1;
    }
    int fd = -1;
    if (loopback_only && !is_loopback(where->ai_addr)) {
        log_line(LOG_ERR, "what is served without TLS is for loopback addresses only, not for %s", address);
    } else if ((fd = bind_to(where)) < 0) {
        if (errno == EADDRINUSE) *result = FAIL(REASON_ADDRESS_IN_USE);
        log_line(LOG_ERR, "can't listen on %s: %s", address, strerror(errno));
    } else {
        *port = port_of(fd);
        *result = OK;
    }
    freeaddrinfo(where);
    return fd;
}
