/* Evidence: POST /v1/hits/{hit}/evidence by the lane that made the hit, GET /v1/hits/{hit}/evidence and …/{n} by its agency.  A picture is
   taken when it is sealed, in one form, to exactly the recipients of the list's header; nothing here can open it.  What a lane learns of a
   hit that is not its own: nothing. */
#include <sodium.h>

#include "crypto/evidence.h"
#include "server/gate/db/evidence.h"
#include "server/gate/endpoints/hit_json.h"
#include "server/gate/endpoints/lane_hit.h"
#include "server/gate/endpoints/list_json.h"
#include "server/gate/fields.h"
#include "server/gate/gate.h"
#include "server/gate/routes.h"
#include "server/http/log.h"

/* -- what a lane brings ---------------------------------------------------------------------------------------------------------------- */

static enum reason reason_of(enum evidence_fault fault)
{
    static const enum reason reasons[] = {
        [EVIDENCE_FINE] = REASON_NONE,           [EVIDENCE_NO_MEMORY] = REASON_BUSY,      [EVIDENCE_READABLE] = REASON_READABLE,
        [EVIDENCE_FORM] = REASON_NOT_SEALED,     [EVIDENCE_RECIPIENTS] = REASON_RECIPIENTS,
    };

    return reasons[fault];
}

static void name_recipients(const struct list_header *header, struct db_evidence_piece *piece)
{
    piece->recipient_count = header->recipient_count;
    for (size_t i = 0; i < header->recipient_count; i++)
        (void)snprintf(piece->recipients[i], sizeof piece->recipients[i], "evidence/%s/%s", header->recipients[i].agency,
                       header->recipients[i].number);
}

/* Sealed to the recipients of one of the list's headers that holds now?  Then ID and PIECE say by which and to whom. */
static struct result fits_a_header(struct gate *gate, const struct db_evidence_place *place, const struct request *request,
                                   uint8_t id[LIST_HEADER_ID_BYTES], struct db_evidence_piece *piece)
{
    struct result result = FAIL(REASON_RECIPIENTS); /* to nobody, where there is no header */

    for (size_t i = 0; i < place->header_count && failed(result); i++) {
        struct list_header *header = NULL;
        struct result verified = anchor_files_verify(gate->anchors, place->headers[i].der, place->headers[i].size, place->agency, place->list_id,
                                                     clock_now_ms(gate->clock), &header, NULL);

        if (verified.reason == REASON_INTERNAL) return verified;
        if (failed(verified)) continue;
        result.reason = reason_of(evidence_check((const uint8_t *)request->body, request->body_size, header));
        if (!failed(result)) {
            memcpy(id, header->id, LIST_HEADER_ID_BYTES);
            name_recipients(header, piece);
        }
        list_header_free(header);
    }
    return result;
}

static struct reply piece_reply(unsigned status, uint32_t number, const uint8_t sha256[32])
{
    char hex[65];

    (void)sodium_bin2hex(hex, sizeof hex, sha256, 32);
    return reply_json(status, json_pack("{sI ss}", "piece", (json_int_t)number, "sha256", hex));
}

static struct reply take(struct gate *gate, const struct request *request, const struct db_evidence_place *place, const uint8_t sha256[32])
{
    uint8_t id[LIST_HEADER_ID_BYTES];
    struct db_evidence_piece piece = { .header = id, .sha256 = sha256, .cms = (const uint8_t *)request->body, .size = request->body_size };
    uint32_t number = 0;

    if (place->known > 0) return piece_reply(200, place->known, sha256);
    if (place->age_s > (double)gate->config->evidence_window_s) return reply_problem(REASON_LATE);
    if (place->pieces >= LIMIT_EVIDENCE_PIECES) return reply_problem(REASON_TOO_MANY);
    TRY_REPLY(fits_a_header(gate, place, request, id, &piece));
    TRY_REPLY(db_evidence_store(gate->gate_db, place, &piece, &number));
    return piece_reply(201, number, sha256);
}

/* What can be seen to be no sealed picture is refused before anything is asked about the hit. */
static struct result look(const struct request *request)
{
    return (struct result){ reason_of(evidence_check((const uint8_t *)request->body, request->body_size, NULL)) };
}

struct reply post_evidence(void *app, struct request *request)
{
    struct gate *gate = app;
    struct db_evidence_place place CLEANUP(db_evidence_place_free) = { 0 };
    uint8_t hit[PLATESIEVE_HIT_ID_BYTES], sha256[32];
    struct result result;

    TRY_REPLY(hit_id_parse(request->arguments[0], hit));
    result = look(request);
    if (failed(result)) {
        if (result.reason == REASON_READABLE)
            log_line(LOG_WARNING, "%s sent a picture that is not sealed: refused, and wiped", request->peer->name);
        return reply_problem(result.reason);
    }
    (void)crypto_hash_sha256(sha256, (const unsigned char *)request->body, request->body_size);
    const struct db_evidence_asked asked = { hit, request->peer->first, request->peer->second, sha256, (uint32_t)gate->config->evidence_window_s };
    result = db_evidence_find(gate->gate_db, &asked, &place);
    if (result.reason == REASON_NOT_FOUND) return reply_problem(lane_hit_unknown(gate));
    TRY_REPLY(result);
    return take(gate, request, &place, sha256);
}

/* -- what its agency fetches -------------------------------------------------------------------------------------------------------------- */

static json_t *shown_json(const struct db_evidence_shown *shown)
{
    json_t *recipients = json_array();
    char hex[65];

    (void)sodium_bin2hex(hex, sizeof hex, shown->sha256, sizeof shown->sha256);
    for (size_t i = 0; i < shown->recipient_count; i++) (void)json_array_append_new(recipients, json_string(shown->recipients[i]));
    return json_pack("{sI sI ss so so}", "piece", (json_int_t)shown->number, "size", (json_int_t)shown->size, "sha256", hex, "recipients",
                     recipients, "uploaded_at", time_json(shown->uploaded_ms));
}

struct reply get_evidence(void *app, struct request *request)
{
    struct gate *gate = app;
    struct db_evidence_shown shown[LIMIT_EVIDENCE_PIECES];
    uint8_t hit[PLATESIEVE_HIT_ID_BYTES];
    size_t count = 0;

    TRY_REPLY(hit_id_parse(request->arguments[0], hit));
    TRY_REPLY(db_evidence_show(gate->agency_db, request->peer->first, hit, shown, &count));
    json_t *pieces = json_array();
    for (size_t i = 0; i < count; i++) (void)json_array_append_new(pieces, shown_json(&shown[i]));
    return reply_json(200, json_pack("{so so}", "hit", base64_json(hit, sizeof hit), "evidence", pieces));
}

struct reply get_evidence_piece(void *app, struct request *request)
{
    struct gate *gate = app;
    uint8_t hit[PLATESIEVE_HIT_ID_BYTES], *cms = NULL;
    uint32_t number = 0;
    size_t size = 0;

    TRY_REPLY(hit_id_parse(request->arguments[0], hit));
    TRY_REPLY(path_number(request->arguments[1], 1, LIMIT_EVIDENCE_PIECES, &number));
    TRY_REPLY(db_evidence_get(gate->agency_db, request->peer->first, hit, number, &cms, &size));
    return reply_text(200, "application/cms", (char *)cms, size);
}
