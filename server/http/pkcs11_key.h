/* A daemon's own key out of a secret key that stays on a token: HMAC-SHA-256 by the token (CKM_SHA256_HMAC), under a CKK_GENERIC_SECRET
   of 32 bytes that can't be taken out, over a label. */
#ifndef SERVER_HTTP_PKCS11_KEY_H
#define SERVER_HTTP_PKCS11_KEY_H

#include <stdint.h>
#include <stdio.h>

#include "server/http/reason.h"
#include "server/http/sealed_file.h"

/* The token's HMAC of LABEL (zero-ended, without the zero) into KEY.  Refuses a key that the token would give out, or of another kind.
   Errors as in key_source.h. */
struct result pkcs11_key_derive(const char *setting, const char *uri, const char *label, uint8_t key[SEALING_KEY_BYTES], FILE *errors);
/* Makes the key that URI names on the token; OK and untouched if it is there. */
struct result pkcs11_key_make(const char *setting, const char *uri, FILE *errors);

#endif
