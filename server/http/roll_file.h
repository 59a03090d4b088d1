/* The file of registered names on disk: read whole, replaced whole, changed by one at a time.  The daemon and its command
   `register` both change it. */
#ifndef SERVER_HTTP_ROLL_FILE_H
#define SERVER_HTTP_ROLL_FILE_H

#include <sys/stat.h>

#include "server/http/roll.h"

/* Reads FILE.  False with *why set, static or errno's text (FILE is no plain file, too large, may be written by others,
   or what roll_parse() says, with the line in *line, else 0).  *info is that of the file which was read, zeros if there
   is none.  The caller roll_clear()s in any case. */
bool roll_read(const char *file, unsigned roles, struct roll *roll, struct stat *info, unsigned *line,
               const char **why);

/* What roll_change() does in between; anything but OK leaves the file as it is. */
typedef struct result (*roll_change_fn)(void *context, struct roll *roll);

/* Under a lock on "FILE.lock" that all writers take: reads FILE (missing: an empty roll if MAY_BE_NEW), lets CHANGE work
   on it, and replaces FILE: a new file beside it, synced, renamed, the folder synced; owner and mode as before, or as the
   folder's owner, 0600.  REASON_BUSY when the lock is held for more than 5 s; REASON_REGISTRY, said on the log, when FILE
   can't be read or written; else what CHANGE returned. */
struct result roll_change(const char *file, unsigned roles, bool may_be_new, roll_change_fn change, void *context);

#endif
