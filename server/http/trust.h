/* Whom the server believes: the CA's certificates, its revocation list, and the name that a certificate carries. */
#ifndef SERVER_HTTP_TRUST_H
#define SERVER_HTTP_TRUST_H

#include <gnutls/gnutls.h>
#include <stdint.h>

#include "server/http/http.h"

struct trust;

/* Loads both files (PEM; CRL "" or NULL: none).  Fails with REASON_SETTINGS, said on the log. */
struct result trust_create(const char *ca_file, const char *crl_file, const char *trust_domain, struct trust **trust);
void trust_destroy(struct trust *trust); /* NULL is fine */

/* Loads the files again if they changed; a broken or an expired one, or an older CRL, is logged and what was loaded
   stays.  One thread. */
void trust_poll(struct trust *trust);

/* Grows when what is trusted changes: whoever was verified under an earlier one must be verified again.  Any thread. */
uint64_t trust_generation(const struct trust *trust);

struct trusted {
    struct peer peer;
    int64_t expires_s; /* since 1970 */
    uint64_t generation;
};

/* Is LEAF (DER) issued directly by a CA of ours for clients, in its time, not revoked, with exactly one URI name of our
   trust domain, and of a role that may log in?  REASON_REVOKED or REASON_FORBIDDEN; *status then has GnuTLS's
   verification bits.  Any thread. */
struct result trust_verify(struct trust *trust, const gnutls_datum_t *leaf, struct trusted *trusted, unsigned *status);

#endif
