/* The certificates that were revoked, as a sorted table: one look-up whatever the length of the list. */
#ifndef SERVER_HTTP_REVOKED_H
#define SERVER_HTTP_REVOKED_H

#include <gnutls/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REVOKED_DIGEST_BYTES 32

struct revoked {
    uint8_t (*digests)[REVOKED_DIGEST_BYTES]; /* SHA-256 of issuer and serial, sorted */
    size_t count;
    int64_t issued_s; /* latest thisUpdate in the file */
    bool expired;     /* a nextUpdate has passed */
};

/* Reads all lists of a PEM file, each signed by one of CAS.  NULL, or why not, without the file's words.  REVOKED must
   be zeroed. */
const char *revoked_load(const char *file, const gnutls_x509_crt_t *cas, unsigned ca_count, struct revoked *revoked);
void revoked_clear(struct revoked *revoked);
/* True also when the certificate can't be made out. */
bool revoked_contains(const struct revoked *revoked, gnutls_x509_crt_t certificate);

#endif
