/* PUT and GET /v1/lists/{list}/suppressions, DELETE /v1/lists/{list}/suppressions/{number}: entries that raise no hits at one lane for a
   while.  In force on all gates within a second: they look at the lists' head five times in one. */
#include "server/gate/endpoints/list_json.h"
#include "server/gate/fields.h"
#include "server/gate/gate.h"
#include "server/gate/routes.h"

#define DAY_MS INT64_C(86400000)

/* Lanes may be registered later, so one that is not is no mistake of the request; but most likely one of whoever wrote it. */
static bool is_known(const struct gate *gate, const struct db_suppression *suppression)
{
    char name[LIMIT_IDENTITY_MAX + 1];
    struct registration registration;

    (void)snprintf(name, sizeof name, "reader/%s/%s", suppression->site, suppression->lane);
    return registry_find(gate->registry, name, &registration);
}

static json_t *suppression_json(const struct gate *gate, const struct db_suppression *suppression, int64_t now_ms)
{
    return json_pack("{si ss ss ss sb so sb sI so ss}", "suppression", (int)suppression->number, "reference", suppression->reference, "site",
                     suppression->site, "lane", suppression->lane, "lane_known", is_known(gate, suppression), "until", time_json(suppression->until_ms), "in_force",
                     now_ms < suppression->until_ms, "matches", (json_int_t)suppression->matches, "created_at",
                     time_json(suppression->created_ms), "created_by", suppression->created_by);
}

static struct result parse(const struct gate *gate, const json_t *body, struct db_suppression *suppression)
{
    static const char *const members[] = { "reference", "site", "lane", "until", NULL };
    int64_t now_ms = clock_now_ms(gate->clock), most_ms = (int64_t)gate->config->suppress_days_max * DAY_MS;

    TRY(fields_only(body, members));
    TRY(field_text(body, "reference", NULL, suppression->reference, sizeof suppression->reference));
    TRY(field_name(body, "site", suppression->site, sizeof suppression->site));
    TRY(field_name(body, "lane", suppression->lane, sizeof suppression->lane));
    TRY(field_time(body, "until", &suppression->until_ms));
    if (suppression->reference[0] == '\0' || suppression->until_ms <= now_ms || suppression->until_ms > now_ms + most_ms)
        return FAIL(REASON_BAD_FIELD);
    return OK;
}

struct reply put_suppression(void *app, struct request *request)
{
    struct gate *gate = app;
    struct db_suppression suppression = { 0 };
    json_t *body = NULL;

    if (!name_is_valid(request->arguments[0])) return reply_problem(REASON_NOT_FOUND);
    TRY_REPLY(request_json(request, &body));
    struct result result = parse(gate, body, &suppression);
    json_decref(body);
    TRY_REPLY(result);
    TRY_REPLY(db_suppression_put(gate->gate_db, request->peer->first, request->arguments[0], request->peer->name, &suppression));
    return reply_json(200, suppression_json(gate, &suppression, clock_now_ms(gate->clock)));
}

struct page {
    const struct gate *gate;
    json_t *suppressions;
    int64_t now_ms;
};

static void append(void *context, const struct db_suppression *suppression)
{
    const struct page *page = context;

    (void)json_array_append_new(page->suppressions, suppression_json(page->gate, suppression, page->now_ms));
}

struct reply get_suppressions(void *app, struct request *request)
{
    static const char *const none[] = { NULL };
    struct gate *gate = app;
    const char *agency = request->peer->first;
    struct page page = { .gate = gate, .now_ms = clock_now_ms(gate->clock) };
    struct db_list list;

    TRY_REPLY(request_query_only(request, none));
    if (!name_is_valid(request->arguments[0])) return reply_problem(REASON_NOT_FOUND);
    TRY_REPLY(db_list_get(gate->agency_db, agency, request->arguments[0], &list));
    page.suppressions = json_array();
    struct result result = db_suppressions_each(gate->agency_db, agency, list.number, append, &page);
    if (failed(result)) json_decref(page.suppressions);
    TRY_REPLY(result);
    return reply_json(200, json_pack("{ss si so}", "list", list.id, "days_most", (int)gate->config->suppress_days_max, "suppressions",
                                     page.suppressions));
}

struct reply delete_suppression(void *app, struct request *request)
{
    struct gate *gate = app;
    uint32_t number;

    if (!name_is_valid(request->arguments[0])) return reply_problem(REASON_NOT_FOUND);
    TRY_REPLY(path_number(request->arguments[1], 1, INT32_MAX, &number));
    TRY_REPLY(db_suppression_drop(gate->gate_db, request->peer->first, request->arguments[0], number));
    return reply_empty(204);
}
