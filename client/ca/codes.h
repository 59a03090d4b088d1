/* What the authority remembers of enrolment: one-time codes, <pki>/ca/codes (0600), and what it signed for whom,
 * <pki>/ca/issued/<authorisation>.pem, so that an answer that was lost on its way can be given again.  All under the
 * lock of struct ca. */
#ifndef CLIENT_CA_CODES_H
#define CLIENT_CA_CODES_H

#include <sodium.h>

#include "client/ca/ca.h"

_Static_assert(CA_DIGEST_TEXT == 2 * crypto_hash_sha256_BYTES, "two digits a byte");
#define CA_CODES_KEPT_MS (7 * INT64_C(86400000)) /* after their end: whoever comes late, or second, can be told so */

struct ca_code {
    char name[LIMIT_IDENTITY_MAX + 1];
    uint8_t code[PLATESIEVE_CODE_BYTES];
    int64_t expires_ms;
    int64_t used_ms;               /* 0: not yet */
    char csr[CA_DIGEST_TEXT + 1]; /* SHA-256 of the request that it was used for, hexadecimal; or "" */
};

struct ca_codes {
    struct ca_code *rows; /* in locked memory, LIMIT_CODES of them */
    size_t count;
};

/* An exit code would not help: false is said.  Call ca_codes_wipe() whatever it returns. */
bool ca_codes_read(const struct ca *ca, struct ca_codes *codes) MUST_USE;
/* Leaves out what ended longer ago than CA_CODES_KEPT_MS; synced to disk when it returns true. */
bool ca_codes_save(const struct ca *ca, struct ca_codes *codes) MUST_USE;
void ca_codes_wipe(struct ca_codes *codes);
/* A fresh code for NAME, good for MINUTES; NULL is said.  *REPLACED: another one for the name was open and is not any more. */
struct ca_code *ca_codes_add(struct ca_codes *codes, const char *name, unsigned minutes, bool *replaced);

/* -- what was signed: AUTHORISATION is the SHA-256 of a first request, or of the certificate that was renewed -------- */

void ca_digest(const uint8_t *bytes, size_t size, char text[CA_DIGEST_TEXT + 1]);
X509 *ca_issued_read(const struct ca *ca, const char *authorisation); /* NULL: none, nothing is said */
bool ca_issued_write(const struct ca *ca, const char *authorisation, X509 *certificate) MUST_USE;
/* Forgets certificates that have ended. */
void ca_issued_tidy(const struct ca *ca);

#endif
