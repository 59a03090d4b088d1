/* Descriptors 0, 1 and 2, which a careless caller may have closed. */
#ifndef SERVER_HTTP_STANDARD_STREAMS_H
#define SERVER_HTTP_STANDARD_STREAMS_H

#include <stdbool.h>

/* Opens those that are closed, so that no file or connection gets their numbers, and what is meant for the terminal does not end up there: alerts on a gate's
   connection, a log on the spool.  Reading standard input, and writing to the others, then fails as it would have.  First thing in main(); false: it can't be
   done, and the program must not go on. */
bool standard_streams_hold(void);

#endif
