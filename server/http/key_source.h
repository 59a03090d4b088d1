/* Where a daemon's own key comes from, the one that opens what lies sealed in its state folder: the key server's master key, the
   gate's state key.  One setting for both:

     file:PATH         32 raw bytes that only the daemon's user may read, on another disk than the state
     credential:NAME   32 raw bytes that systemd hands over (LoadCredential=, LoadCredentialEncrypted=)
     pkcs11:…          a secret key that stays on a token: RFC 7512, see server/http/pkcs11_uri.h */
#ifndef SERVER_HTTP_KEY_SOURCE_H
#define SERVER_HTTP_KEY_SOURCE_H

#include "server/http/reason.h"
#include "server/http/sealed_file.h"

struct key_source {
    const char *setting; /* "[keyd] master_key": what complaints begin with */
    const char *value;   /* never repeated where it is a URI */
    const char *label;   /* what a token's key is applied to, so that one token's key may serve several ends */
};

/* Into KEY, which should be locked memory.  Call it before there are threads: a module of PKCS#11 is loaded for as long as it takes,
   and may take as long as it likes; SIGTERM and SIGINT end the process meanwhile.  With a line on ERRORS: REASON_SETTINGS when
   somebody has to put something right first (so nothing should start the daemon again and try a wrong PIN once more), REASON_INTERNAL
   when it may be well the next time (the token is away). */
struct result key_source_read(const struct key_source *source, uint8_t key[SEALING_KEY_BYTES], FILE *errors);
/* For `init`: makes a file's key, and a token's if ON_TOKEN says so, unless there is one; then reads it. */
struct result key_source_create(const struct key_source *source, bool on_token, uint8_t key[SEALING_KEY_BYTES], FILE *errors);

#endif
