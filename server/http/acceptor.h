/* Accepts connections and deals them out to the event loops.  libmicrohttpd's loops can accept by themselves, but then
   a loop that happens to be awake takes most of a burst, and the others idle as long as those connections live. */
#ifndef SERVER_HTTP_ACCEPTOR_H
#define SERVER_HTTP_ACCEPTOR_H

#include <microhttpd.h>

struct acceptor;

/* Takes FD, a listening socket that does not block; hands its connections to DAEMON.  NULL without memory or thread: FD
   is then closed. */
struct acceptor *acceptor_start(int fd, struct MHD_Daemon *daemon);
/* Accepts no more and closes the socket; connections that were dealt out live on.  NULL is fine. */
void acceptor_stop(struct acceptor *acceptor);

#endif
