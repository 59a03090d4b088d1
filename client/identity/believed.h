/* What headers of lists are believed by here: the authority's certificate and, where there is one, its revocation list. */
#ifndef CLIENT_IDENTITY_BELIEVED_H
#define CLIENT_IDENTITY_BELIEVED_H

#include "client/identity/identity.h"
#include "crypto/list_header.h"

/* Reads the files that SETTINGS and IDENTITY name.  An exit code; says what is wrong.  anchors_free() in any case. */
int believed_read(const struct settings *settings, const struct identity *identity, struct anchors *anchors) MUST_USE;

#endif
