/* GET /v1/hits: an agency's own hits after a cursor, oldest first.  The cursor is a row-locked counter, so none that commits late is
   skipped. */
#include "server/gate/endpoints/fields.h"
#include "server/gate/endpoints/list_json.h"
#include "server/gate/gate.h"
#include "server/gate/routes.h"

#define PURPOSE_MAX 256

struct page {
    json_t *hits;
    unsigned limit, count;
    uint64_t cursor;
    bool more;
};

static json_t *hit_json(const struct db_hit *hit)
{
    return json_pack("{so ss ss ss ss so so ss si sf sI sI sb sb sI so}", "hit", base64_json(hit->id, sizeof hit->id), "list", hit->list, "reference",
                     hit->reference, "site", hit->site, "lane", hit->lane, "seen_at", time_json(hit->seen_ms), "recorded_at",
                     time_json(hit->recorded_ms), "grade", platesieve_grade_name((enum platesieve_grade)hit->grade), "candidate",
                     (int)hit->candidate, "confidence", (double)hit->confidence, "revision", (json_int_t)hit->revision, "age_s",
                     (json_int_t)hit->age_s, "verify", hit->verify, "covert", hit->covert, "count", (json_int_t)hit->count, "last_seen_at",
                     time_json(hit->last_seen_ms));
}

static void append(void *context, const struct db_hit *hit)
{
    struct page *page = context;

    page->more = page->count == page->limit; /* one more than the page was asked for */
    if (page->more) return;
    page->count++;
    page->cursor = hit->cursor;
    (void)json_array_append_new(page->hits, hit_json(hit));
}

static struct result parse_query(const struct request *request, struct page *page, const char **list)
{
    static const char *const arguments[] = { "after", "limit", "list", NULL };
    const char *purpose = request_header(request, "Platesieve-Purpose");
    uint64_t limit;

    TRY(request_query_only(request, arguments));
    TRY(request_query_number(request, "after", 0, INT64_MAX, 0, &page->cursor));
    TRY(request_query_number(request, "limit", 1, LIMIT_PAGE, LIMIT_PAGE_DEFAULT, &limit));
    page->limit = (unsigned)limit;
    *list = request_query(request, "list");
    if (*list != NULL && !name_is_valid(*list)) return FAIL(REASON_BAD_QUERY);
    if (purpose != NULL && strlen(purpose) > PURPOSE_MAX) return FAIL(REASON_BAD_QUERY);
    return OK;
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
