/* Sealed pictures of hits (db/evidence.c).  As db.h: any thread, REASON_DATABASE when the database is away. */
#ifndef SERVER_GATE_DB_EVIDENCE_H
#define SERVER_GATE_DB_EVIDENCE_H

#include "server/gate/db/db.h"

#define DB_EVIDENCE_HEADERS 4                       /* in force, and replaced lately */
#define DB_EVIDENCE_NAME (2 * LIMIT_NAME_MAX + 12)  /* "evidence/<agency>/<n>" with its ending zero */

/* -- for lanes; role platesieve_gate -- */

struct db_evidence_asked {
    const uint8_t *hit;       /* as an alert named it: the hit's own id, or that of a read that was counted on it */
    const char *site, *lane;  /* who asks: it must be his */
    const uint8_t *sha256;    /* of what he brings */
    uint32_t window_s;        /* headers that were replaced within it may be used */
};
struct db_evidence_place {
    uint8_t hit[PLATESIEVE_HIT_ID_BYTES];
    int64_t drop_day;         /* since 1970 */
    uint32_t list;
    char agency[LIMIT_NAME_MAX + 1], list_id[LIMIT_NAME_MAX + 1];
    double age_s;             /* since the hit was recorded */
    uint32_t pieces;          /* that it has */
    uint32_t known;           /* the piece that has this digest; 0: none */
    size_t header_count;      /* the one in force first, if there is one */
    struct {
        uint8_t *der;
        size_t size;
    } headers[DB_EVIDENCE_HEADERS];
};
/* REASON_NOT_FOUND: there is no such hit, or it is another lane's, covert, or erased.  db_evidence_place_free() in any case; *PLACE is zero before. */
struct result db_evidence_find(struct db *db, const struct db_evidence_asked *asked, struct db_evidence_place *place);
void db_evidence_place_free(struct db_evidence_place *place);

struct db_evidence_piece {
    const uint8_t *header;    /* id of the header that it is sealed by */
    const uint8_t *sha256, *cms;
    size_t size;
    size_t recipient_count;
    char recipients[LIMIT_HEADER_RECIPIENTS][DB_EVIDENCE_NAME];
};
/* REASON_TOO_MANY, REASON_NOT_FOUND (gone or erased meanwhile).  What is stored already keeps its NUMBER. */
struct result db_evidence_store(struct db *db, const struct db_evidence_place *place, const struct db_evidence_piece *piece, uint32_t *number);

/* -- for agencies; role platesieve_agency, under row-level security -- */

struct db_evidence_shown {
    uint32_t number;
    uint64_t size;
    uint8_t sha256[32];
    int64_t uploaded_ms;
    size_t recipient_count;
    char recipients[LIMIT_HEADER_RECIPIENTS][DB_EVIDENCE_NAME];
};
/* REASON_NOT_FOUND: no such hit of this agency; REASON_ERASED. */
struct result db_evidence_show(struct db *db, const char *agency, const uint8_t hit[PLATESIEVE_HIT_ID_BYTES],
                               struct db_evidence_shown shown[LIMIT_EVIDENCE_PIECES], size_t *count);
/* *CMS (NULL before) is to be freed. */
struct result db_evidence_get(struct db *db, const char *agency, const uint8_t hit[PLATESIEVE_HIT_ID_BYTES], uint32_t number, uint8_t **cms,
                              size_t *size);

#endif
