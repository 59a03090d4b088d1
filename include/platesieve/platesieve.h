/* libplatesieve: from a plate to the token that a checkpoint can look up, and nothing back.
 *
 * What a reader vendor or a list owner needs: canonical and folded forms, the texts of a plate at each grade, messages, tokens,
 * proof keys and tags, jurisdictions, and memory that is locked and wiped.  docs/protocol.md, chapter "From plate to slot", has
 * every byte.  No function does I/O, starts a thread or keeps state between calls; call platesieve_init() once, before any other.
 * All functions may then be called from any thread, on different objects at the same time.
 */
#ifndef PLATESIEVE_H
#define PLATESIEVE_H

#include <platesieve/limits.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PLATESIEVE_API __attribute__((visibility("default")))

/* A struct that may not be dropped: the two compilers spell it differently and agree on the place, before the tag.  Strict ISO C17 has
   no spelling that gcc takes. */
#if defined(__cplusplus)
#define PLATESIEVE_MUST_USE
#elif defined(__clang__)
#define PLATESIEVE_MUST_USE __attribute__((warn_unused_result))
#elif defined(__GNUC__) && __GNUC__ >= 11 && (!defined(__STRICT_ANSI__) || __STDC_VERSION__ > 201710L)
#define PLATESIEVE_MUST_USE [[__nodiscard__]]
#else
#define PLATESIEVE_MUST_USE
#endif

/* Why a call failed.  A struct, so that it can't be dropped or taken for a number: `if (platesieve_failed(r)) ...` */
enum platesieve_reason {
    PLATESIEVE_OK = 0,
    PLATESIEVE_NO_MEMORY,
    PLATESIEVE_NOT_A_PLATE,            /* nothing, or more than 12 characters, remains; or not UTF-8 */
    PLATESIEVE_TOO_SHORT_FOR_NEAR,     /* folded text below 4 characters */
    PLATESIEVE_UNKNOWN_JURISDICTION,   /* not in the code set named */
    PLATESIEVE_BAD_ARGUMENT,
    PLATESIEVE_UNAVAILABLE,            /* the machine lacks something: randomness, a digest */
    PLATESIEVE_BAD_ELEMENT,            /* not the canonical form of a group element, or the identity */
    PLATESIEVE_BAD_PROOF,              /* it does not show that the elements were evaluated, in this order, with that key */
    PLATESIEVE_BAD_SHARE,              /* no two public shares lie on one line with the public key */
};
struct PLATESIEVE_MUST_USE platesieve_result {
    enum platesieve_reason reason;
};

static inline bool platesieve_failed(struct platesieve_result result)
{
    return result.reason != PLATESIEVE_OK;
}

/* One short English sentence on the reason; static, never holds input. */
PLATESIEVE_API const char *platesieve_reason_text(enum platesieve_reason reason);

/* Prepares the cryptographic libraries; calling it again is harmless. */
PLATESIEVE_API struct platesieve_result platesieve_init(void);

/* -- memory ---------------------------------------------------------------------------------------------------------- */

/* An arena of locked memory: never swapped, never in a core file, wiped on reset and on destroy.  Not thread-safe: one thread at a
   time.  Allocation moves a mark (16-byte aligned); freeing is done by reset, all at once. */
struct platesieve_arena;

PLATESIEVE_API struct platesieve_result platesieve_arena_create(size_t size, struct platesieve_arena **arena);
/* Zeroed memory, or NULL when the arena is full. */
PLATESIEVE_API void *platesieve_arena_allocate(struct platesieve_arena *arena, size_t size);
/* Wipes all that was handed out since the last reset. */
PLATESIEVE_API void platesieve_arena_reset(struct platesieve_arena *arena);
PLATESIEVE_API void platesieve_arena_destroy(struct platesieve_arena *arena); /* NULL is fine */

/* One secret on pages of its own, guarded and locked; for keys that live long.  NULL when there is no memory to lock. */
PLATESIEVE_API void *platesieve_secret_allocate(size_t size);
PLATESIEVE_API void platesieve_secret_free(void *secret); /* wipes; NULL is fine */
PLATESIEVE_API void platesieve_wipe(void *memory, size_t size);

/* -- plates ---------------------------------------------------------------------------------------------------------- */

/* A plate in clear: canonical (A-Z but O, 0-9) or folded.  Keep it in locked memory and wipe it; nothing prints it. */
struct platesieve_plate {
    uint8_t length;                       /* 1 to 12 */
    char text[PLATESIEVE_PLATE_MAX];      /* no ending zero */
};

/* Canonical form, version 1, of RAW (UTF-8, SIZE bytes, at most PLATESIEVE_PLATE_RAW_MAX). */
PLATESIEVE_API struct platesieve_result
platesieve_plate_canonicalise(const char *raw, size_t size, struct platesieve_plate *plate);

/* Folded form of a canonical plate. */
PLATESIEVE_API struct platesieve_plate platesieve_plate_fold(const struct platesieve_plate *canonical);

/* -- jurisdictions --------------------------------------------------------------------------------------------------- */

/* Code sets clash (NB is Nebraska in NCIC's, New Brunswick in the post's): the caller says which one it reads. */
enum platesieve_codes {
    PLATESIEVE_CODES_ISO,   /* ISO 3166-2 for US, CA, MX; ISO 3166-1 alpha-2 for countries with one plate system */
    PLATESIEVE_CODES_NCIC,  /* FBI NCIC, table LIS */
    PLATESIEVE_CODES_AAMVA, /* AAMVA D20 */
    PLATESIEVE_CODES_USPS,  /* USPS states and Canada Post provinces */
};

struct platesieve_jurisdiction {
    char code[PLATESIEVE_JURISDICTION_MAX + 1]; /* ISO, ending zero; empty: unknown */
};

/* "iso", "ncic", "aamva", "usps"; false for anything else. */
PLATESIEVE_API bool platesieve_codes_parse(const char *name, enum platesieve_codes *codes);

/* Maps a code (any case, surrounding white space ignored).  One jurisdiction has one code: ISO "PR" becomes "US-PR".  An empty code is
   the unknown jurisdiction and succeeds; a code that the set lacks fails with PLATESIEVE_UNKNOWN_JURISDICTION and leaves the unknown
   jurisdiction in *jurisdiction. */
PLATESIEVE_API struct platesieve_result platesieve_jurisdiction_map(enum platesieve_codes codes, const char *code, size_t size,
                                                                    struct platesieve_jurisdiction *jurisdiction);

/* -- messages -------------------------------------------------------------------------------------------------------- */

/* Strongest first.  The numbers are used in the index and the database. */
enum platesieve_grade {
    PLATESIEVE_FULL = 0,
    PLATESIEVE_PLATE = 1,
    PLATESIEVE_SIMILAR = 2,
    PLATESIEVE_NEAR = 3,
};
#define PLATESIEVE_GRADES 4

PLATESIEVE_API const char *platesieve_grade_name(enum platesieve_grade grade);
PLATESIEVE_API bool platesieve_grade_parse(const char *name, enum platesieve_grade *grade);

enum platesieve_side {
    PLATESIEVE_SIDE_LIST,
    PLATESIEVE_SIDE_LANE,
};

struct platesieve_message {
    uint8_t length;
    uint8_t bytes[PLATESIEVE_MESSAGE_MAX];
};

/* Messages of one grade of a canonical plate: one, or the set of `near` for that side (distinct, sorted by bytes).
   MESSAGES has room for PLATESIEVE_NEAR_MAX.  `full` of an unknown jurisdiction fails with PLATESIEVE_UNKNOWN_JURISDICTION, `near` of a
   folded text below four characters with PLATESIEVE_TOO_SHORT_FOR_NEAR; both leave *count at 0. */
PLATESIEVE_API struct platesieve_result platesieve_messages(const struct platesieve_plate *canonical,
                                                            const struct platesieve_jurisdiction *jurisdiction,
                                                            enum platesieve_grade grade, enum platesieve_side side,
                                                            struct platesieve_message *messages, size_t *count);

/* -- tokens ---------------------------------------------------------------------------------------------------------- */

enum platesieve_suite {
    PLATESIEVE_HMAC_SHA256,               /* "hmac-sha256" */
    PLATESIEVE_VOPRF_RISTRETTO255_SHA512, /* "voprf-ristretto255-sha512": <platesieve/voprf.h> */
};

PLATESIEVE_API const char *platesieve_suite_name(enum platesieve_suite suite);
PLATESIEVE_API bool platesieve_suite_parse(const char *name, enum platesieve_suite *suite);

/* A pseudo-random function under one epoch's key, ready for use, in locked memory. */
struct platesieve_prf;

/* KEY has PLATESIEVE_KEY_BYTES; it is copied, the caller wipes its own.  Fails with PLATESIEVE_BAD_ARGUMENT for
   voprf-ristretto255-sha512, whose key stays with the key server: see platesieve_voprf_begin. */
PLATESIEVE_API struct platesieve_result platesieve_prf_create(enum platesieve_suite suite, const uint8_t *key,
                                                              struct platesieve_prf **prf);
PLATESIEVE_API void platesieve_prf_destroy(struct platesieve_prf *prf); /* wipes; NULL is fine */
/* The key id by which lanes and lists name this key. */
PLATESIEVE_API void platesieve_prf_key_id(const struct platesieve_prf *prf, uint8_t key_id[PLATESIEVE_KEY_ID_BYTES]);

struct platesieve_token {
    uint8_t token[PLATESIEVE_TOKEN_BYTES];
    uint8_t proof_key[PLATESIEVE_PROOF_KEY_BYTES]; /* never leaves who computed it */
};

/* Evaluates COUNT messages.  PRF may be shared by threads. */
PLATESIEVE_API struct platesieve_result platesieve_prf_evaluate(const struct platesieve_prf *prf,
                                                                const struct platesieve_message *messages, size_t count,
                                                                struct platesieve_token *tokens);

/* The tag by which a lane knows that AGENCY put this plate on LIST (both zero-ended, at most LIMIT_NAME_MAX bytes). */
PLATESIEVE_API void platesieve_tag(const uint8_t proof_key[PLATESIEVE_PROOF_KEY_BYTES], const char *list, const char *agency,
                                   uint8_t tag[PLATESIEVE_TAG_BYTES]);

/* -- slots (for a gate) ---------------------------------------------------------------------------------------------- */

/* A gate's pepper for one epoch, with the epoch's id, ready for use, in locked memory. */
struct platesieve_pepper;

PLATESIEVE_API struct platesieve_result platesieve_pepper_create(const uint8_t pepper[PLATESIEVE_KEY_BYTES], const char *epoch_id,
                                                                 struct platesieve_pepper **out);
PLATESIEVE_API void platesieve_pepper_destroy(struct platesieve_pepper *pepper);
PLATESIEVE_API void platesieve_slot(const struct platesieve_pepper *pepper, const uint8_t token[PLATESIEVE_TOKEN_BYTES],
                                    uint8_t slot[PLATESIEVE_SLOT_BYTES]);

#ifdef __cplusplus
}
#endif

#include <platesieve/voprf.h>

#endif
