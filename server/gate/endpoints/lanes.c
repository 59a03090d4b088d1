/* GET /v1/lanes: how each lane fares.  Operators and auditors.  Numbers and times, nothing of any read. */
#include "server/gate/endpoints/lanes_json.h"
#include "server/gate/endpoints/list_json.h"
#include "server/gate/fields.h"
#include "server/gate/routes.h"

#define NAME_BYTES (2 * LIMIT_NAME_MAX + 2)

struct page {
    const char *site;  /* NULL: all */
    int state;         /* enum lane_state; -1: all but those that are not registered any more */
    char after[NAME_BYTES]; /* "": from the first */
    uint64_t limit;
    json_t *lanes;
    char last[NAME_BYTES];
    bool more;
    int64_t now_ms, wall_ms;
};

static struct result parse_state(const char *text, int *state)
{
    *state = -1;
    if (text == NULL) return OK;
    for (enum lane_state each = 0; each < LANE_STATES; each++)
        if (strcmp(text, lane_state_name(each)) == 0) *state = (int)each;
    return *state >= 0 ? OK : FAIL(REASON_BAD_QUERY);
}

static struct result parse(const struct request *request, struct page *page)
{
    static const char *const arguments[] = { "site", "state", "after", "limit", NULL };
    const char *after = request_query(request, "after");

    TRY(request_query_only(request, arguments));
    page->site = request_query(request, "site");
    if (page->site != NULL && !name_is_valid(page->site)) return FAIL(REASON_BAD_QUERY);
    if (after != NULL && (strlen(after) >= sizeof page->after || *after == '\0')) return FAIL(REASON_BAD_QUERY);
    (void)snprintf(page->after, sizeof page->after, "%s", after == NULL ? "" : after);
    TRY(request_query_number(request, "limit", 1, LIMIT_PAGE, LIMIT_PAGE_DEFAULT, &page->limit));
    return parse_state(request_query(request, "state"), &page->state);
}

/* Lanes come by site and then by lane: so must cursors be compared. */
static bool comes_after(const struct lane_facts *facts, const char *after)
{
    const size_t size = strcspn(after, "/");
    char site[NAME_BYTES];

    (void)snprintf(site, sizeof site, "%.*s", (int)size, after);
    const int order = strcmp(facts->site, site);
    return order > 0 || (order == 0 && (after[size] == '\0' || strcmp(facts->lane, after + size + 1) > 0));
}

static void append(void *context, const struct lane_view *view)
{
    struct page *page = context;
    const struct lane_facts *facts = view->facts;
    const enum lane_state state = view->judgement.state;

    if (page->site != NULL && strcmp(page->site, facts->site) != 0) return;
    if (page->state < 0 ? state == LANE_REMOVED : state != (enum lane_state)page->state) return;
    if (page->after[0] != '\0' && !comes_after(facts, page->after)) return;
    page->more = json_array_size(page->lanes) == page->limit;
    if (page->more) return;
    (void)json_array_append_new(page->lanes, lane_json(view, page->now_ms, page->wall_ms));
    (void)snprintf(page->last, sizeof page->last, "%s/%s", facts->site, facts->lane);
}

struct reply get_lanes(void *app, struct request *request)
{
    struct gate *gate = app;
    struct page page = { .now_ms = clock_now_ms(&steady_clock), .wall_ms = clock_now_ms(gate->clock) };

    TRY_REPLY(parse(request, &page));
    page.lanes = json_array();
    lanes_each(gate->lanes, gate->config, gate->registry, page.now_ms, append, &page);
    return reply_json(200, json_pack("{so so so sb so}", "now", time_json(page.wall_ms), "lanes", page.lanes, "counts", lanes_counts_json(gate), "degraded",
                                     !lanes_keeper_database(gate->lanes_keeper), "next", page.more ? json_string(page.last) : json_null()));
}
