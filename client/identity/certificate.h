/* Certificates, keys and requests for certificates, as far as both who asks and who signs handle them (OpenSSL). */
#ifndef CLIENT_IDENTITY_CERTIFICATE_H
#define CLIENT_IDENTITY_CERTIFICATE_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdint.h>

#include "client/client.h"
#include "client/identity/name.h"

/* -- reading: NULL or false for what is not one; nothing is said ---------------------------------------------------- */

X509 *certificate_read(const char *path); /* PEM; the first in the file */
X509 *certificate_parse(const uint8_t *der, size_t size);
EVP_PKEY *key_read(const char *path); /* PEM */
X509_REQ *csr_parse(const uint8_t *der, size_t size);

/* The only URI name, "spiffe://<trust domain>/<name>"; false if there is none, another, or a second. */
bool certificate_name(const X509 *certificate, char trust_domain[LIMIT_TRUST_DOMAIN_MAX + 1], struct name *name);
bool csr_name(X509_REQ *csr, char trust_domain[LIMIT_TRUST_DOMAIN_MAX + 1], struct name *name);
/* Of an authority's own certificate: "spiffe://<trust domain>". */
bool authority_trust_domain(const X509 *authority, char trust_domain[LIMIT_TRUST_DOMAIN_MAX + 1]);
/* Is KEY on P-256, the only curve that is signed here? */
bool key_fits(const EVP_PKEY *key);
bool key_equal(const EVP_PKEY *one, const EVP_PKEY *other);
/* Milliseconds since 1970. */
bool certificate_times(const X509 *certificate, int64_t *begins_ms, int64_t *ends_ms);
/* Has AUTHORITY signed it directly?  Times are not looked at. */
bool certificate_issued_by(X509 *certificate, X509 *authority);

/* -- writing -------------------------------------------------------------------------------------------------------- */

/* DER into ROOM; its size, 0 if it does not fit. */
size_t certificate_encode(const X509 *certificate, uint8_t der[LIMIT_CERTIFICATE_BYTES]);
/* A request for a certificate of NAME for KEY, signed with it; DER, its size, or 0 (said). */
size_t csr_make(EVP_PKEY *key, const char *trust_domain, const struct name *name, uint8_t der[LIMIT_CSR_BYTES]);

/* -- renewal: the old key vouches for the new one -------------------------------------------------------------------- */

/* ECDSA with SHA-256 over "platesieve/1/renew" 00 CSR; its size, or 0 (said). */
size_t renewal_sign(EVP_PKEY *old_key, const uint8_t *csr, size_t csr_size, uint8_t signature[LIMIT_SIGNATURE_BYTES]);
bool renewal_verify(EVP_PKEY *old_key, const uint8_t *csr, size_t csr_size, const uint8_t *signature, size_t size);

#endif
