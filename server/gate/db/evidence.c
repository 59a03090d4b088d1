/* Sealed pictures of hits: what a lane brings, what an agency fetches. */
#include "server/gate/db/evidence.h"

#include "server/gate/db/conn.h"

#define EPOCH_DAY "date '1970-01-01'"

/* -- a lane's: role platesieve_gate --------------------------------------------------------------------------------------------------------- */

static const struct statement find = {
    "evidence_find",
    "SELECT hit, drop_on - " EPOCH_DAY ", list, agency, list_id, age_s::real, pieces, known FROM evidence_find($1::uuid, $2::text, $3::text, $4::bytea)"
};
/* in force, or replaced while a picture may have been under way; the one in force first */
static const struct statement headers_of = {
    "evidence_headers",
    "SELECT h.der FROM headers h JOIN lists l ON l.number = h.list WHERE h.list = $1::int4 AND (h.replaced_at IS NULL OR"
    " h.replaced_at > clock_timestamp() - make_interval(secs => $2::int4)) ORDER BY h.replaced_at DESC NULLS FIRST LIMIT $3::int4"
};
static const struct statement store = {
    "evidence_store", "SELECT evidence_store($1::uuid, " EPOCH_DAY " + $2::int4, $3::bytea, $4::bytea, $5::text[], $6::bytea, $7::int4)"
};

struct find {
    const struct db_evidence_asked *asked;
    struct db_evidence_place *place;
};

static struct result take_headers(struct db_conn *conn, const struct find *wanted)
{
    struct db_evidence_place *place = wanted->place;
    PGresult *result RESULT_CLEANUP = NULL;
    struct params params = { 0 };
    params_int4(&params, place->list);
    params_int4(&params, wanted->asked->window_s);
    params_int4(&params, DB_EVIDENCE_HEADERS);
    TRY(conn_run(conn, &headers_of, &params, &result));
    for (int i = 0, rows = PQntuples(result); i < rows && i < DB_EVIDENCE_HEADERS; i++) {
        TRY(row_copy(result, i, 0, LIMIT_HEADER_BYTES, &place->headers[i].der, &place->headers[i].size));
        place->header_count = (size_t)i + 1;
    }
    return OK;
}

static struct result find_body(struct db_conn *conn, void *context)
{
    const struct find *asked = context;
    struct db_evidence_place *place = asked->place;
    PGresult *result RESULT_CLEANUP = NULL;
    struct params params = { 0 };
    db_evidence_place_free(place);
    params_bytes(&params, asked->asked->hit, PLATESIEVE_HIT_ID_BYTES);
    params_text(&params, asked->asked->site);
    params_text(&params, asked->asked->lane);
    params_bytes(&params, asked->asked->sha256, 32);
    TRY(conn_run(conn, &find, &params, &result));
    if (PQntuples(result) == 0) return FAIL(REASON_NOT_FOUND);
    struct row row = { .result = result };
    row_bytes(&row, 0, place->hit, sizeof(place->hit));
    place->drop_day = row_int(&row, 1);
    place->list = (uint32_t)row_int(&row, 2);
    row_text(&row, 3, place->agency, sizeof(place->agency));
    row_text(&row, 4, place->list_id, sizeof(place->list_id));
    place->age_s = (double)row_real(&row, 5);
    place->pieces = (uint32_t)row_int(&row, 6);
    place->known = (uint32_t)row_int(&row, 7);
    if (row.bad) return FAIL(REASON_DATABASE);
    return take_headers(conn, asked);
}

void db_evidence_place_free(struct db_evidence_place *place)
{
    for (size_t i = 0; i < DB_EVIDENCE_HEADERS; i++) free(place->headers[i].der);
    *place = (struct db_evidence_place){ 0 };
}

struct result db_evidence_find(struct db *db, const struct db_evidence_asked *asked, struct db_evidence_place *place)
{
    struct find context = { .asked = asked, .place = place };
    struct scope scope = { 0 };
    return db_transaction(db, &scope, find_body, &context);
}

struct put {
    const struct db_evidence_place *place;
    const struct db_evidence_piece *piece;
    uint32_t *number;
};

static struct result store_body(struct db_conn *conn, void *context)
{
    const struct put *put = context;
    const struct db_evidence_piece *piece = put->piece;
    PGresult *result RESULT_CLEANUP = NULL;
    struct array names CLEANUP(array_free);
    struct params params = { 0 };
    array_begin(&names, TYPE_TEXT, piece->recipient_count, DB_EVIDENCE_NAME);
    for (size_t i = 0; i < piece->recipient_count; i++) array_text(&names, piece->recipients[i]);
    params_bytes(&params, put->place->hit, sizeof(put->place->hit));
    params_int4(&params, put->place->drop_day);
    params_bytes(&params, piece->header, 32);
    params_bytes(&params, piece->sha256, 32);
    if (!params_array(&params, &names)) return FAIL(REASON_BUSY);
    params_bytes(&params, piece->cms, piece->size);
    params_int4(&params, LIMIT_EVIDENCE_PIECES);
    TRY(conn_run(conn, &store, &params, &result));
    struct row row = { .result = result };
    int64_t number = row_int(&row, 0);
    if (row.bad) return FAIL(REASON_DATABASE);
    if (number < 0) return FAIL(REASON_NOT_FOUND);
    if (number == 0) return FAIL(REASON_TOO_MANY);
    *put->number = (uint32_t)number;
    return OK;
}

struct result db_evidence_store(struct db *db, const struct db_evidence_place *place, const struct db_evidence_piece *piece, uint32_t *number)
{
    struct put put = { place, piece, number };
    struct scope scope = { 0 };
    return db_transaction(db, &scope, store_body, &put);
}

/* -- an agency's: role platesieve_agency, under row-level security ------------------------------------------------------------------------------ */

#define OF_HIT " FROM evidence e WHERE e.hit = $1::uuid"
static const struct statement pieces_of = {
    "evidence_pieces", "SELECT e.piece, octet_length(e.cms), e.sha256, e.uploaded_at, e.recipients" OF_HIT " ORDER BY e.piece"
};
static const struct statement piece_of = { "evidence_piece", "SELECT e.cms" OF_HIT " AND e.piece = $2::int2" };
static const struct statement hit_stands = {
    "evidence_hit", "SELECT h.verdict FROM hits h WHERE h.id = $1::uuid UNION ALL SELECT s.verdict FROM shared_hit_of($1::uuid) s LIMIT 1"
};

struct fetch {
    const uint8_t *hit;
    uint32_t number;
    uint8_t **cms;
    size_t *size;
    struct db_evidence_shown *shown;
    size_t count;
};

/* A hit without pictures is another thing than no hit. */
static struct result check_hit(struct db_conn *conn, const struct fetch *fetch)
{
    PGresult *result RESULT_CLEANUP = NULL;
    struct params params = { 0 };
    params_bytes(&params, fetch->hit, PLATESIEVE_HIT_ID_BYTES);
    TRY(conn_run(conn, &hit_stands, &params, &result));
    if (PQntuples(result) == 0) return FAIL(REASON_NOT_FOUND);
    struct row row = { .result = result };
    bool erased = row_int(&row, 0) == VERDICT_MISREAD;
    if (row.bad) return FAIL(REASON_DATABASE);
    return erased ? FAIL(REASON_ERASED) : OK;
}

static struct result show_body(struct db_conn *conn, void *context)
{
    struct fetch *fetch = context;
    PGresult *result RESULT_CLEANUP = NULL;
    struct params params = { 0 };
    fetch->count = 0;
    TRY(check_hit(conn, fetch));
    params_bytes(&params, fetch->hit, PLATESIEVE_HIT_ID_BYTES);
    TRY(conn_run(conn, &pieces_of, &params, &result));
    for (int i = 0, rows = PQntuples(result); i < rows && i < LIMIT_EVIDENCE_PIECES; i++) {
        struct row row = { .result = result, .number = i };
        struct db_evidence_shown *shown = &fetch->shown[i];
        shown->number = (uint32_t)row_int(&row, 0);
        shown->size = (uint64_t)row_int(&row, 1);
        row_bytes(&row, 2, shown->sha256, sizeof(shown->sha256));
        shown->uploaded_ms = row_time(&row, 3);
        shown->recipient_count = row_texts(&row, 4, shown->recipients[0], sizeof(shown->recipients[0]), LIMIT_HEADER_RECIPIENTS);
        if (row.bad) return FAIL(REASON_DATABASE);
        fetch->count = (size_t)i + 1;
    }
    return OK;
}

struct result db_evidence_show(struct db *db, const char *agency, const uint8_t hit[PLATESIEVE_HIT_ID_BYTES],
                               struct db_evidence_shown shown[LIMIT_EVIDENCE_PIECES], size_t *count)
{
    struct fetch fetch = { .hit = hit, .shown = shown };
    struct scope scope = { .agency = agency, .generic = true };
    struct result result = db_transaction(db, &scope, show_body, &fetch);
    *count = fetch.count;
    return result;
}

static struct result get_body(struct db_conn *conn, void *context)
{
    const struct fetch *fetch = context;
    PGresult *result RESULT_CLEANUP = NULL;
    struct params params = { 0 };
    TRY(check_hit(conn, fetch));
    params_bytes(&params, fetch->hit, PLATESIEVE_HIT_ID_BYTES);
    params_int2(&params, (int)fetch->number);
    TRY(conn_run(conn, &piece_of, &params, &result));
    if (PQntuples(result) == 0) return FAIL(REASON_NOT_FOUND);
    return row_copy(result, 0, 0, LIMIT_EVIDENCE_BYTES, fetch->cms, fetch->size);
}

struct result db_evidence_get(struct db *db, const char *agency, const uint8_t hit[PLATESIEVE_HIT_ID_BYTES], uint32_t number, uint8_t **cms,
                              size_t *size)
{
    struct fetch fetch = { .hit = hit, .number = number, .cms = cms, .size = size };
    struct scope scope = { .agency = agency, .generic = true };
    return db_transaction(db, &scope, get_body, &fetch);
}
