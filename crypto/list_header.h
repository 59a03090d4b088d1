/* A list's header: who may open the pictures of its hits, signed by an agency user's own certificate (docs/protocol.md, "Evidence").
   Made by the agency's client, kept by the gate, believed by a lane only after it verified it itself: a gate can name no recipient.
   For the client and the gate; not part of libplatesieve.  CMS SignedData (RFC 5652) by OpenSSL. */
#ifndef CRYPTO_LIST_HEADER_H
#define CRYPTO_LIST_HEADER_H

#include "crypto/anchors.h"

#define LIST_HEADER_ID_BYTES 32   /* SHA-256 of the DER encoding */
#define LIST_HEADER_ID_TEXT 43    /* in base64url */

struct list_header_recipient {
    char agency[LIMIT_NAME_MAX + 1], number[LIMIT_NAME_MAX + 1]; /* evidence/<agency>/<number> */
    X509 *certificate;
};

struct list_header {
    uint8_t id[LIST_HEADER_ID_BYTES];
    char agency[LIMIT_NAME_MAX + 1], list[LIMIT_NAME_MAX + 1];
    char signer[LIMIT_NAME_MAX + 1]; /* the user who signed; "" while it is not signed */
    uint64_t serial;                 /* rises with each header of the list */
    int64_t signed_ms, expires_ms;   /* since 1970 */
    size_t recipient_count, shared_count;
    struct list_header_recipient recipients[LIMIT_HEADER_RECIPIENTS];
    char shared_with[LIMIT_HEADER_AGENCIES][LIMIT_NAME_MAX + 1]; /* agencies whose certificates are among the recipients */
};

enum list_header_fault {
    LIST_HEADER_FINE,
    LIST_HEADER_NO_MEMORY,
    LIST_HEADER_FORM,      /* not DER of a SignedData over such JSON, or over a limit */
    LIST_HEADER_SIGNATURE, /* it does not hold */
    LIST_HEADER_SIGNER,    /* by no valid certificate of a user of that agency */
    LIST_HEADER_OTHER,     /* of another list or agency */
    LIST_HEADER_EXPIRED,   /* or signed in the future, or for longer than LIMIT_HEADER_DAYS */
    LIST_HEADER_RECIPIENT, /* one is no valid evidence certificate of the agency, or of one that it shares with */
};
/* One line, for people; static. */
const char *list_header_fault_text(enum list_header_fault fault);

/* Verifies DER (SIZE bytes, all of it) as the header of AGENCY's LIST at NOW_MS.  *HEADER is to be freed; NULL unless LIST_HEADER_FINE.  Any
   thread. */
enum list_header_fault list_header_verify(const struct anchors *anchors, const uint8_t *der, size_t size, const char *agency,
                                          const char *list, int64_t now_ms, struct list_header **header);
void list_header_free(struct list_header *header); /* NULL is fine */

/* Signs HEADER (all but id and signer filled) with KEY, whose certificate is CERTIFICATE.  *DER from malloc. */
enum list_header_fault list_header_sign(const struct list_header *header, X509 *certificate, EVP_PKEY *key, uint8_t **der, size_t *size);

/* -- inside: what is signed (list_header_json.c) ------------------------------------------------------------------------------------------ */

/* Fills HEADER from TEXT; recipients have certificates, not yet judged, and no names. */
enum list_header_fault list_header_parse(const char *text, size_t size, struct list_header *header);
/* malloc'ed; NULL without memory. */
char *list_header_write(const struct list_header *header);

#endif
