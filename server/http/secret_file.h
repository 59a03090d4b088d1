/* Small secrets that somebody else put into a file: a key, a token's PIN.  From the file itself, or as a credential that systemd
   hands to the service (systemd.exec(5), LoadCredential=). */
#ifndef SERVER_HTTP_SECRET_FILE_H
#define SERVER_HTTP_SECRET_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "server/http/reason.h"

/* Where a secret lies: "file:PATH" or "credential:NAME".  REASON_SETTINGS, with a line on ERRORS that begins with WHAT, when it is
   neither, not there, not a plain file, open to others, or longer than SIZE_MAX; SECRET is wiped then. */
struct result secret_read(const char *what, const char *where, uint8_t *secret, size_t size_max, size_t *size, FILE *errors);
/* Makes the file of "file:PATH" with SIZE random bytes, mode 0600; OK and untouched if there is one.  A credential is not made:
   OK, and reading it tells. */
struct result secret_create(const char *what, const char *where, size_t size, FILE *errors);

#endif
