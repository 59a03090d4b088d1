/* Whom a list header is believed: the authorities' certificates, their revocation lists, and the trust domain.  For the client and the
   gate; not part of libplatesieve.  No I/O: who calls reads the files.  OpenSSL. */
#ifndef CRYPTO_ANCHORS_H
#define CRYPTO_ANCHORS_H

#include <openssl/x509.h>
#include <platesieve/limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ANCHORS_MAX 8

struct anchors {
    char trust_domain[LIMIT_TRUST_DOMAIN_MAX + 1];
    size_t authority_count, crl_count;
    X509 *authorities[ANCHORS_MAX];
    X509_CRL *crls[ANCHORS_MAX];
};

/* From PEM texts: CA has 1 to ANCHORS_MAX certificates, CRL (NULL or empty: none) as many lists, each signed by one of them.  False for
   anything else.  anchors_free() in both cases. */
bool anchors_read(struct anchors *anchors, const char *trust_domain, const char *ca, size_t ca_size, const char *crl, size_t crl_size);
void anchors_free(struct anchors *anchors);

/* A name of two parts below the trust domain: "agency/customs/ana", "evidence/customs/1". */
struct anchored_name {
    char role[LIMIT_NAME_MAX + 1], first[LIMIT_NAME_MAX + 1], second[LIMIT_NAME_MAX + 1];
};

enum anchor_fault {
    ANCHOR_FINE,
    ANCHOR_STRANGER, /* no authority of ours signed it */
    ANCHOR_TIME,     /* not yet, or no longer valid */
    ANCHOR_REVOKED,
    ANCHOR_NAME,     /* not exactly one name, or none of two parts in our trust domain */
    ANCHOR_KEY,      /* not on P-256, or not for this use */
};

/* Is CERTIFICATE signed by an authority of ours directly, in its time at NOW_MS (since 1970), not revoked, on P-256, and usable for USAGE
   (KU_DIGITAL_SIGNATURE, KU_KEY_AGREEMENT)?  NAME is filled when it is.  Any thread. */
enum anchor_fault anchors_judge(const struct anchors *anchors, X509 *certificate, uint32_t usage, int64_t now_ms, struct anchored_name *name);

/* One part of a name: 1 to 48 of a-z 0-9 - _ . beginning with a letter or digit. */
bool anchored_part_valid(const char *text, size_t size);

#endif
