/* The certificate authority of one installation: a folder, kept on a machine of its own.
 *
 * <pki>/ca/ca.pem (certificate), ca.key (0600), crl.pem (revocation list), index (one line a certificate:
 * serial, name, end, time of revocation or "-", and for what was signed on request the digest of what authorised it, tabs between).  A lock on <pki>/ca/lock keeps two commands apart.
 */
#ifndef CLIENT_CA_CA_H
#define CLIENT_CA_CA_H

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdint.h>

#include "client/client.h"
#include "client/identity/name.h"

#define CA_SERIAL_BYTES 16
#define CA_SERIAL_TEXT (2 * CA_SERIAL_BYTES)
#define CA_DIGEST_TEXT 64 /* SHA-256, hexadecimal */
#define CA_DAYS_MAX 36500u
/* Certificates and revocation lists begin that much in the past, certificates at most as long as they last: a clock an
   hour off does no harm. */
#define CA_BACKDATE_S 7200

struct ca_row {
    char serial[CA_SERIAL_TEXT + 1]; /* lower-case hexadecimal */
    char name[LIMIT_IDENTITY_MAX + 1];
    int64_t not_after_ms;
    int64_t revoked_ms; /* 0: stands */
    char authorisation[CA_DIGEST_TEXT + 1]; /* SHA-256 of the first request, or of the certificate that was renewed; or "" */
};

struct ca {
    const char *pki;
    char folder[PATH_MAX];
    char trust_domain[LIMIT_TRUST_DOMAIN_MAX + 1];
    EVP_PKEY *key;
    X509 *certificate;
    struct ca_row *rows; /* in the order of issue */
    size_t row_count;
    int lock; /* file descriptor */
};

/* -- store.c: the folder.  Functions that fail have said why. --------------------------------------------------- */

/* Locks the folder and reads it.  Call ca_close() whatever it returns. */
bool ca_open(const struct settings *settings, struct ca *ca) MUST_USE;
void ca_close(struct ca *ca);
/* Appends a row to the index in memory; ca_save_index() writes all rows, at once. */
bool ca_add_row(struct ca *ca, const struct ca_row *row) MUST_USE;
bool ca_save_index(const struct ca *ca) MUST_USE;
/* Signs the list of what the index says is revoked, good for DAYS, and puts it in the place of the old one. */
bool ca_save_crl(const struct ca *ca, unsigned days) MUST_USE;
/* Writes PEM files.  An existing key is replaced only with FORCE. */
bool ca_write_key(const char *path, EVP_PKEY *key, bool force) MUST_USE;
bool ca_write_certificate(const char *path, X509 *certificate) MUST_USE;
/* Says MESSAGE and what OpenSSL thinks; false. */
bool ca_complain(const char *message);

/* -- sign.c: certificates --------------------------------------------------------------------------------------- */

struct ca_request {
    const struct name *name;
    int64_t seconds; /* how long it lasts */
    const char *const *dns; /* more host names and addresses of a node; NULL-ended or NULL */
    const char *const *ip;
};
/* A fresh P-256 key, or NULL (said). */
EVP_PKEY *ca_new_key(void);
/* The authority's own certificate, self-signed, or NULL (said). */
X509 *ca_sign_self(EVP_PKEY *key, const char *trust_domain, unsigned days);
/* A certificate for KEY; fills ROW.  NULL is said. */
X509 *ca_sign(const struct ca *ca, EVP_PKEY *key, const struct ca_request *request, struct ca_row *row);

/* -- commands ------------------------------------------------------------------------------------------------------ */

int command_ca_init(struct settings *settings, int argc, char **argv);
int command_ca_issue(struct settings *settings, int argc, char **argv);
int command_ca_revoke(struct settings *settings, int argc, char **argv);
int command_ca_crl(struct settings *settings, int argc, char **argv);
int command_ca_code(struct settings *settings, int argc, char **argv);
int command_ca_approve(struct settings *settings, int argc, char **argv);
int command_ca_serve(struct settings *settings, int argc, char **argv);
int command_ca_list(struct settings *settings, int argc, char **argv);

#define CA_DAYS_ROOT 3650u
#define CA_DAYS_LEAF 365u
#define CA_DAYS_CRL 30u

#endif
