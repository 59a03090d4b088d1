/* Inside db/: what the gates' own key says of rows, so that nobody who can write to PostgreSQL can make a gate believe anything.

   Each row of `entries`, `edits` and `slots` has a 128-bit keyed hash over all that a gate reads of it (SipHash-2-4, 128 bits; a key for each kind).
   The hashes of a segment's rows are added up modulo 2^128: an order-free sum (a multiset hash: Clarke et al., ASIACRYPT 2003) that is made while
   rows are stored or streamed.  Sums never leave a gate in clear: sums that are known could be combined.  They lie sealed (XChaCha20-Poly1305,
   random nonce, bound to their place) with the numbers of lines of a part, and of a segment when it is committed.

   A committed segment has a MAC (HMAC-SHA-256) over what it is, its sums, and the MAC of the segment before it; so the MAC of a list's last segment
   stands for all of its contents: it is the list's `link`.  A list's own MAC covers its row, the link, and the row's edition, which each change moves
   on.  See docs/threat-model.md for what follows. */
#ifndef SERVER_GATE_DB_SEAL_H
#define SERVER_GATE_DB_SEAL_H

#include "server/gate/db/load.h"

#define DIGEST_BYTES 32
#define PACKED_SLOT_BYTES (PLATESIEVE_SLOT_BYTES + PLATESIEVE_TAG_BYTES + 1) /* and the grade */

struct seal_keys {
    uint8_t tag[16], entry[16], edit[16], slots[16];
    uint8_t sums[32], segment[32], list[32], request[32];
    uint8_t fence[32]; /* see conn.h */
    uint8_t suppression[32];
};

void seal_keys_make(const uint8_t key[32], struct seal_keys *keys);

/* Masks a tag, or takes the mask off again: XOR with SipHash-2-4 of slot and entry, so that no two tags share a mask. */
void tag_mask(const struct seal_keys *keys, const uint8_t slot[PLATESIEVE_SLOT_BYTES], uint64_t entry, uint8_t tag[PLATESIEVE_TAG_BYTES]);

/* -- sums of rows -------------------------------------------------------------------------------------------------------------------------- */

/* What one row adds.  Times as in struct entry; PACKED is what the row holds, its tags masked. */
struct row_sum entry_sum(const struct seal_keys *keys, uint64_t key, uint32_t segment, uint32_t effective, uint32_t expires);
struct row_sum edit_sum(const struct seal_keys *keys, uint64_t key, uint32_t segment, bool removes);
struct row_sum slots_sum(const struct seal_keys *keys, uint64_t key, uint32_t segment, uint32_t epoch, const uint8_t *packed, size_t size);

/* -- sealed sums --------------------------------------------------------------------------------------------------------------------------- */

/* Of EPOCH; made with zeros if it is not there.  NULL: there is no room. */
struct sums_epoch *sums_of_epoch(struct sums *sums, uint32_t epoch);

/* What the sums are of; authenticated with them, so that they can't stand elsewhere. */
enum seal_kind { SEAL_PART = 1, SEAL_SEGMENT, SEAL_ERASED };
struct seal_place {
    enum seal_kind kind;
    int64_t segment;
    int64_t at;   /* part; SEAL_ERASED: the segment that removed the rows; else 0 */
};

#define SUMS_SEALED_MAX 4096
/* Bytes written to SEALED. */
size_t sums_seal(const struct seal_keys *keys, const struct seal_place *place, const struct sums *sums, uint8_t sealed[SUMS_SEALED_MAX]);
/* REASON_FORGED when it does not open: another key, another place, a changed byte. */
struct result sums_open(const struct seal_keys *keys, const struct seal_place *place, const uint8_t *sealed, size_t size, struct sums *sums);

/* -- MACs ----------------------------------------------------------------------------------------------------------------------------------- */

struct segment_facts {
    int64_t list, segment, revision, base;
    int mode;
};
/* PREVIOUS: the MAC of the segment before it among the list's live ones, all zero for the first. */
void segment_mac(const struct seal_keys *keys, const struct segment_facts *facts, const struct sums *sums, const uint8_t previous[LIST_MAC_BYTES],
                 uint8_t mac[LIST_MAC_BYTES]);

/* Over all of SEALED but its `mac`. */
void list_mac(const struct seal_keys *keys, const struct sealed_list *sealed, uint8_t mac[LIST_MAC_BYTES]);

#endif
