/* A token of PKCS#11, from loading its module to taking it away again: one session, at start, before there are threads; the process
   never forks.  Closing gives everything back (C_Logout by closing the session, C_Finalize), so the token may be removed afterwards. */
#ifndef SERVER_HTTP_PKCS11_TOKEN_H
#define SERVER_HTTP_PKCS11_TOKEN_H

#include <p11-kit/p11-kit.h>
#include <p11-kit/uri.h>
#include <stdbool.h>
#include <stdio.h>

#include "server/http/reason.h"

struct pkcs11_token {
    const char *setting; /* what complaints begin with */
    FILE *errors;
    P11KitUri *uri;
    CK_FUNCTION_LIST **modules; /* ended by NULL: all that p11-kit has registered ... */
    CK_FUNCTION_LIST *single;   /* ... or the one of module-path */
    CK_FUNCTION_LIST *module;   /* the one that has the token */
    CK_SLOT_ID slot;
    CK_TOKEN_INFO info;
    CK_SESSION_HANDLE session;
    bool open;
};

/* The one token that the URI fits, with a session, logged in as its user if it asks for that: for reading, or with WRITE for making a
   key.  A PIN is tried once, and never when the token says that a wrong one would lock it.  Asks for the MECHANISM before that.
   REASON_SETTINGS or REASON_INTERNAL as in key_source.h; pkcs11_token_close() is due either way. */
struct result pkcs11_token_open(struct pkcs11_token *token, const char *setting, const char *uri, bool write, CK_MECHANISM_TYPE mechanism,
                                FILE *errors);
void pkcs11_token_close(struct pkcs11_token *token);

/* One line on the token's `errors`. */
struct result pkcs11_complain(const struct pkcs11_token *token, enum reason reason, const char *why);
/* The same for what a call of the token returned; OK for CKR_OK.  DOING names the call: "C_Sign". */
struct result pkcs11_check(const struct pkcs11_token *token, const char *doing, CK_RV code);
/* NULL when the user's PIN may be tried on a token with these flags; else why not. */
const char *pkcs11_pin_problem(CK_FLAGS flags);

#endif
