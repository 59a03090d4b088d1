/* GET /v1/hits: an agency's own hits after a cursor, oldest first.  The cursor is a row-locked counter, so none that commits late is
   skipped.  GET /v1/hits/{id}: one of them. */
#include <sodium.h>

#include "server/gate/endpoints/fields.h"
#include "server/gate/endpoints/hit_json.h"
#include "server/gate/gate.h"
#include "server/gate/routes.h"

#define PURPOSE_MAX 256

struct page {
    json_t *hits;
    unsigned limit, count;
    uint64_t cursor;
    bool more;
};

static void append(void *context, const struct db_hit *hit)
{
    struct page *page = context;

    page->more = page->count == page->limit; /* one more than the page was asked for */
    if (page->more) return;
    page->count++;
    page->cursor = hit->cursor;
    (void)json_array_append_new(page->hits, hit_json(hit));
}

/* Both say it, for the record. */
static struct result check_purpose(const struct request *request)
{
    const char *purpose = request_header(request, "Platesieve-Purpose");

    return purpose == NULL || strlen(purpose) <= PURPOSE_MAX ? OK : FAIL(REASON_BAD_QUERY);
}

static struct result parse_query(const struct request *request, struct page *page, const char **list)
{
    static const char *const arguments[] = { "after", "limit", "list", NULL };
    uint64_t limit;

    TRY(request_query_only(request, arguments));
    TRY(request_query_number(request, "after", 0, INT64_MAX, 0, &page->cursor));
    TRY(request_query_number(request, "limit", 1, LIMIT_PAGE, LIMIT_PAGE_DEFAULT, &limit));
    page->limit = (unsigned)limit;
    *list = request_query(request, "list");
    if (*list != NULL && !name_is_valid(*list)) return FAIL(REASON_BAD_QUERY);
    return check_purpose(request);
}

struct reply get_hits(void *app, struct request *request)
{
    struct gate *gate = app;
    struct page page = { 0 };
    const char *list = NULL;
    char cursor[24];

    TRY_REPLY(parse_query(request, &page, &list));
    page.hits = json_array();
    struct result result = db_hits_after(gate->agency_db, request->peer->first, list, page.cursor, page.limit + 1, append, &page);
    if (failed(result)) json_decref(page.hits);
    TRY_REPLY(result);
    (void)snprintf(cursor, sizeof cursor, "%llu", (unsigned long long)page.cursor);
    return reply_json(200, json_pack("{so ss sb}", "hits", page.hits, "cursor", cursor, "more", page.more));
}

/* An id that is none belongs to no hit. */
static struct result parse_id(const char *text, uint8_t id[PLATESIEVE_HIT_ID_BYTES])
{
    size_t size = 0;

    if (strlen(text) != PLATESIEVE_TOKEN_TEXT ||
        sodium_base642bin(id, PLATESIEVE_HIT_ID_BYTES, text, PLATESIEVE_TOKEN_TEXT, NULL, &size, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
        size != PLATESIEVE_HIT_ID_BYTES)
        return FAIL(REASON_NOT_FOUND);
    return OK;
}

struct reply get_hit(void *app, struct request *request)
{
    static const char *const none[] = { NULL };
    struct gate *gate = app;
    uint8_t id[PLATESIEVE_HIT_ID_BYTES];
    struct db_hit hit = { 0 };

    TRY_REPLY(request_query_only(request, none));
    TRY_REPLY(check_purpose(request));
    TRY_REPLY(parse_id(request->arguments[0], id));
    TRY_REPLY(db_hit_get(gate->agency_db, request->peer->first, id, &hit));
    return reply_json(200, hit_json(&hit));
}
