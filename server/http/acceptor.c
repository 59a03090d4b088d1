#include "server/http/acceptor.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FULL_PAUSE_MS 50 /* when there are no descriptors left, until somebody gives one back */

struct acceptor {
    int fd;
    struct MHD_Daemon *daemon;
    pthread_t thread;
    atomic_bool ending;
};

static void pause_full(void)
{
    const struct timespec pause = { 0, FULL_PAUSE_MS * 1000000L };
    nanosleep(&pause, NULL);
}

/* One connection, if there is one.  libmicrohttpd deals by the socket's number, which goes round, and closes what is
   over the limits. */
static void accept_one(struct acceptor *acceptor)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    int fd = accept4(acceptor->fd, (struct sockaddr *)&address, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0)
        (void)MHD_add_connection(acceptor->daemon, fd, (struct sockaddr *)&address, size);
    else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
        pause_full();
}

static void *accept_all(void *context)
{
    struct acceptor *acceptor = context;
    struct pollfd wait = { .fd = acceptor->fd, .events = POLLIN };
    while (!atomic_load(&acceptor->ending))
        if (poll(&wait, 1, -1) > 0 && !atomic_load(&acceptor->ending)) accept_one(acceptor);
    return NULL;
}

struct acceptor *acceptor_start(int fd, struct MHD_Daemon *daemon)
{
    struct acceptor *acceptor = calloc(1, sizeof *acceptor);
    if (acceptor != NULL) {
        acceptor->fd = fd;
        acceptor->daemon = daemon;
        if (pthread_create(&acceptor->thread, NULL, accept_all, acceptor) == 0) return acceptor;
        free(acceptor);
    }
    close(fd);
    return NULL;
}

void acceptor_stop(struct acceptor *acceptor)
{
    if (acceptor == NULL) return;
    atomic_store(&acceptor->ending, true);
    shutdown(acceptor->fd, SHUT_RDWR); /* wakes poll() */
    pthread_join(acceptor->thread, NULL);
    close(acceptor->fd);
    free(acceptor);
}
