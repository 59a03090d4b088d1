/* A list's header: PUT, GET and DELETE /v1/lists/{list}/header for its agency, GET /v1/headers/{id} for lanes.  The gate takes no header that
   it can't verify, so that an agency's mistake shows at once and not at a lane; a lane verifies again. */
#include <sodium.h>

#include "server/gate/fields.h"
#include "server/gate/gate.h"
#include "server/gate/routes.h"
#include "server/http/log.h"

#define CMS "application/cms"

static struct reply header_reply(uint8_t *der, size_t size)
{
    return reply_text(200, CMS, (char *)der, size);
}

static struct result verify(struct gate *gate, const struct request *request, struct list_header **header)
{
    enum list_header_fault fault = LIST_HEADER_FINE;
    struct result result = anchor_files_verify(gate->anchors, (const uint8_t *)request->body, request->body_size, request->peer->first,
                                               request->arguments[0], clock_now_ms(gate->clock), header, &fault);

    if (result.reason == REASON_HEADER) log_line(LOG_NOTICE, "refused a list's header by %s: %s", request->peer->name, list_header_fault_text(fault));
    return result;
}

struct reply put_header(void *app, struct request *request)
{
    struct gate *gate = app;
    struct list_header *header = NULL;

    if (!name_is_valid(request->arguments[0])) return reply_problem(REASON_NOT_FOUND);
    TRY_REPLY(verify(gate, request, &header));
    struct db_header row = { .serial = header->serial, .expires_ms = header->expires_ms, .der = (const uint8_t *)request->body, .size = request->body_size };
    static_assert(sizeof row.id == sizeof header->id, "an id is an id");
    memcpy(row.id, header->id, sizeof row.id);
    list_header_free(header);
    TRY_REPLY(db_header_put(gate->agency_db, request->peer->first, request->arguments[0], &row, request->peer->name));
    return reply_empty(204);
}

struct reply delete_header(void *app, struct request *request)
{
    struct gate *gate = app;

    if (!name_is_valid(request->arguments[0])) return reply_problem(REASON_NOT_FOUND);
    TRY_REPLY(db_header_put(gate->agency_db, request->peer->first, request->arguments[0], NULL, request->peer->name));
    return reply_empty(204);
}

struct reply get_header(void *app, struct request *request)
{
    struct gate *gate = app;
    uint8_t *der = NULL;
    size_t size = 0;

    if (!name_is_valid(request->arguments[0])) return reply_problem(REASON_NOT_FOUND);
    TRY_REPLY(db_header_get(gate->agency_db, request->peer->first, request->arguments[0], &der, &size));
    return header_reply(der, size);
}

/* Its id is a digest: whoever has it was told it in an alert. */
struct reply get_header_by_id(void *app, struct request *request)
{
    struct gate *gate = app;
    uint8_t id[DB_HEADER_ID_BYTES], *der = NULL;
    size_t length = 0, size = 0;

    if (sodium_base642bin(id, sizeof id, request->arguments[0], strlen(request->arguments[0]), NULL, &length, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 || length != sizeof id)
        return reply_problem(REASON_NOT_FOUND);
    TRY_REPLY(db_header_by_id(gate->gate_db, id, &der, &size));
    return header_reply(der, size);
}
