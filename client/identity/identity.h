/* Which certificate and key this command shows: <pki>/<role>/<name>.pem and .key. */
#ifndef CLIENT_IDENTITY_IDENTITY_H
#define CLIENT_IDENTITY_IDENTITY_H

#include <limits.h>
#include <stdatomic.h>

#include "client/client.h"
#include "client/identity/name.h"

struct identity {
    struct name name; /* as the certificate says */
    char trust_domain[LIMIT_TRUST_DOMAIN_MAX + 1];
    char certificate[PATH_MAX]; /* "": it has none yet, and connects without */
    char key[PATH_MAX];
    char ca[PATH_MAX];
    _Atomic unsigned generation; /* grows when other files have taken these places: connections are then made anew */
};

/* The identity that --as names, or else the only one of KIND: a role, or "operator/gate".  It must be of that kind.
   Returns an exit code; what is wrong has been said. */
int identity_find(const struct settings *settings, const char *kind, struct identity *identity) MUST_USE;
/* Takes name and trust domain from the file `certificate`; false is said. */
bool identity_read(struct identity *identity) MUST_USE;
/* Is there an identity that identity_find() would take, or --as one of KIND?  Says nothing. */
bool identity_fits(const struct settings *settings, const char *kind);
/* Would TLS take these files?  Else every connection would fail, and nobody would know before the first question.  What is wrong has been said. */
bool identity_try(const struct identity *identity) MUST_USE;

#endif
