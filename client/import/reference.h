/* References: the agency's own names for its entries, as they travel.
 *
 * A gate is shown no reference in clear: each is sealed with AES-256-SIV (RFC 5297) under a key that stays with the
 * agency, so that the same reference always becomes the same text, and only the agency's machines can open it.  What
 * travels (at most 64 bytes): sealed    base64url(tag (16 bytes) and text (1 to 32 bytes)) "h." + 22 characters: digest
 * of a text longer than that "d." + 22 characters: digest of plate and jurisdiction, for rows without a reference;
 * stable from push to push The list's id goes into each, so that lists can't be compared.
 */
#ifndef CLIENT_IMPORT_REFERENCE_H
#define CLIENT_IMPORT_REFERENCE_H

#include <platesieve/platesieve.h>

#include "client/client.h"

#define REFERENCE_TEXT_MAX 32 /* bytes of a reference that can be opened again */
#define REFERENCE_RAW_MAX 256

enum reference_kind { REFERENCE_CLEAR, REFERENCE_SEALED, REFERENCE_DIGEST, REFERENCE_DERIVED, REFERENCE_FOREIGN };

struct reference {
    char text[LIMIT_REFERENCE_MAX + 1]; /* what travels */
    enum reference_kind kind;
};

/* One thread at a time. */
struct reference_key;

/* The agency's key from its state folder, made when it is missing and MAKE says so.  NULL: said; or, without MAKE,
 * there is none. */
struct reference_key *reference_key_open(const char *agency, const struct settings *settings, bool make) MUST_USE;
void reference_key_close(struct reference_key *key); /* wipes; NULL is fine */
/* For tests: from 64 bytes. */
struct reference_key *reference_key_from(const uint8_t bytes[64]) MUST_USE;

/* May TEXT be a reference at all?  1 to REFERENCE_RAW_MAX bytes, no control characters. */
bool reference_valid(const char *text, size_t size);

/* Seals TEXT for LIST.  With PLATE, the reference stands on several plates: a suffix "~xxxxxx" made of plate and
 * jurisdiction tells them apart. */
bool reference_seal(const struct reference_key *key, const char *list, const char *text, size_t size,
                    const struct platesieve_plate *plate, const struct platesieve_jurisdiction *jurisdiction,
                    struct reference *reference) MUST_USE;
/* The same, but readable for everybody; false when it does not fit. */
bool reference_clear(const struct reference_key *key, const char *list, const char *text, size_t size,
                     const struct platesieve_plate *plate, const struct platesieve_jurisdiction *jurisdiction,
                     struct reference *reference) MUST_USE;
/* For a row without a reference. */
bool reference_derive(const struct reference_key *key, const char *list, const struct platesieve_plate *plate,
                      const struct platesieve_jurisdiction *jurisdiction, struct reference *reference) MUST_USE;

/* A key for digests of what stands on LIST, for PURPOSE: made of this one, and of no use for finding it. */
void reference_digest_key(const struct reference_key *key, const char *purpose, const char *list, uint8_t out[32]);

/* REFERENCE as it may be kept on this machine: as it travels, but sealed if it travels in clear.  Returns the size in
 * OUT; 0: it can't be. */
#define REFERENCE_KEPT_MAX 96
size_t reference_keep(const struct reference_key *key, const char *list, const struct reference *reference,
                      uint8_t out[REFERENCE_KEPT_MAX]) MUST_USE;
/* And back: the text that travels.  False: it was not kept under this key and for this list. */
bool reference_kept(const struct reference_key *key, const char *list, const uint8_t *kept, size_t size,
                    struct reference *reference) MUST_USE;

/* The text that was sealed into TRAVELLED, or what else it is: kind REFERENCE_FOREIGN when this key can't open it (KEY
   may be NULL), with TRAVELLED itself as text. */
void reference_open(const struct reference_key *key, const char *list, const char *travelled, struct reference *opened);

#endif
