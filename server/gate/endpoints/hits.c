/* GET /v1/hits: an agency's own hits after a cursor, oldest first.  The cursor is a row-locked counter, so none that commits late is
   skipped.  GET /v1/hits/{id}: one of them. */
#include "server/gate/endpoints/hit_json.h"
#include "server/gate/endpoints/hit_query.h"
#include "server/gate/gate.h"
#include "server/gate/routes.h"

static void append(void *context, const struct db_hit *hit)
{
    (void)json_array_append_new(context, hit_json(hit));
}

static struct result parse_query(const struct request *request, struct db_hit_filter *filter, struct db_page *page)
{
    static const char *const arguments[] = { "after", "limit", HIT_FILTERS, NULL };
    uint64_t limit;

    TRY(request_query_only(request, arguments));
    TRY(request_query_number(request, "after", 0, INT64_MAX, 0, &page->after));
    TRY(request_query_number(request, "limit", 1, LIMIT_PAGE, LIMIT_PAGE_DEFAULT, &limit));
    page->limit = (unsigned)limit;
    TRY(hit_filter_parse(request, filter));
    return hit_purpose_check(request);
}

struct reply get_hits(void *app, struct request *request)
{
    struct gate *gate = app;
    struct db_hit_filter filter;
    struct db_page page = { 0 };
    char cursor[24];

    TRY_REPLY(parse_query(request, &filter, &page));
    json_t *hits = json_array();
    struct result result = db_hits_after(gate->agency_db, request->peer->first, &filter, &page, append, hits);
    if (failed(result)) json_decref(hits);
    TRY_REPLY(result);
    (void)snprintf(cursor, sizeof cursor, "%llu", (unsigned long long)page.cursor);
    return reply_json(200, json_pack("{so ss sb}", "hits", hits, "cursor", cursor, "more", page.more));
}

struct reply get_hit(void *app, struct request *request)
{
    static const char *const none[] = { NULL };
    struct gate *gate = app;
    uint8_t id[PLATESIEVE_HIT_ID_BYTES];
    struct db_hit hit = { 0 };

    TRY_REPLY(request_query_only(request, none));
    TRY_REPLY(hit_purpose_check(request));
    TRY_REPLY(hit_id_parse(request->arguments[0], id));
    TRY_REPLY(db_hit_get(gate->agency_db, request->peer->first, id, &hit));
    return reply_json(200, hit_json(&hit));
}
