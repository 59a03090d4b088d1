/* Pictures sealed to the recipients of a list's header (docs/protocol.md, "Evidence"): CMS AuthEnvelopedData (RFC 5083, 5084) with
   AES-256-GCM, keys agreed on P-256 with the KDF of X9.63 over SHA-256 (RFC 5753).  A lane seals, a gate checks without opening, an agency
   opens.  For the client and the gate; not part of libplatesieve.  OpenSSL. */
#ifndef CRYPTO_EVIDENCE_H
#define CRYPTO_EVIDENCE_H

#include "crypto/list_header.h"

/* Seals PICTURE (SIZE bytes, at least EVIDENCE_PICTURE_MIN) to all recipients of HEADER.  *CMS from malloc, DER.  False without memory, or
   when it would exceed LIMIT_EVIDENCE_BYTES.  No copy of the picture is left anywhere. */
bool evidence_seal(const struct list_header *header, const uint8_t *picture, size_t size, uint8_t **cms, size_t *cms_size);

#define EVIDENCE_PICTURE_MIN 64
#define EVIDENCE_PICTURE_MAX (LIMIT_EVIDENCE_BYTES - LIMIT_EVIDENCE_OVERHEAD_BYTES)

enum evidence_fault {
    EVIDENCE_FINE,
    EVIDENCE_NO_MEMORY,
    EVIDENCE_READABLE,   /* a picture that anybody can open: an image, CMS that is not sealed, or content that does not look encrypted */
    EVIDENCE_FORM,       /* not DER of exactly what evidence_seal() makes */
    EVIDENCE_RECIPIENTS, /* sealed to others than the header names, to more or to fewer */
};

/* Is CMS what it must be, sealed to exactly the recipients of HEADER?  HEADER NULL: whoever they are.  Nothing is opened: a sender who seals
   with a key that he made up is not found out, a readable picture is.  Any thread. */
enum evidence_fault evidence_check(const uint8_t *cms, size_t size, const struct list_header *header);

/* Who CMS is sealed to: each recipient as "<serial number> (<issuer's common name>)" or a key identifier, into TEXTS; how many. */
#define EVIDENCE_RECIPIENT_TEXT 160
size_t evidence_recipients(const uint8_t *cms, size_t size, char texts[LIMIT_HEADER_RECIPIENTS][EVIDENCE_RECIPIENT_TEXT]);

enum evidence_open { EVIDENCE_OPENED, EVIDENCE_NOT_FOR_THIS_KEY, EVIDENCE_DAMAGED };
/* Opens CMS with KEY, whose certificate is CERTIFICATE.  *PICTURE from OPENSSL_malloc; OPENSSL_clear_free() it. */
enum evidence_open evidence_open(const uint8_t *cms, size_t size, X509 *certificate, EVP_PKEY *key, uint8_t **picture, size_t *picture_size);

/* -- noise (evidence_noise.c) -------------------------------------------------------------------------------------------------------------- */

/* Do SIZE bytes begin as an image file does, or are their values spread too unevenly (or too evenly) for ciphertext?  Of true ciphertext
   fewer than one in 10^9 are taken for readable. */
bool evidence_looks_readable(const uint8_t *bytes, size_t size);
/* An image file by its first bytes. */
bool evidence_is_image(const uint8_t *bytes, size_t size);

/* -- form (evidence_form.c): exactly the profile, as ASN.1 ----------------------------------------------------------------------------------- */

struct evidence_form;
/* All of DER, in DER; NULL for anything else. */
struct evidence_form *evidence_form_parse(const uint8_t *der, size_t size);
void evidence_form_free(struct evidence_form *form); /* NULL is fine */
/* The algorithms, versions and sizes are those of the profile. */
bool evidence_form_fits(const struct evidence_form *form);
const uint8_t *evidence_form_ciphertext(const struct evidence_form *form, size_t *size);
size_t evidence_form_recipients(const struct evidence_form *form);
/* Is recipient NUMBER the owner of CERTIFICATE? */
bool evidence_form_is_for(const struct evidence_form *form, size_t number, const X509 *certificate);
void evidence_form_describe(const struct evidence_form *form, size_t number, char text[EVIDENCE_RECIPIENT_TEXT]);

#endif
