/* GET /v1/retention: what was dropped because its retention was over, by day and list.  Counts; of covert lists for their agency and
   auditors only. */
#include "server/gate/endpoints/list_json.h"
#include "server/gate/fields.h"
#include "server/gate/gate.h"
#include "server/gate/routes.h"

#define DAY_MS INT64_C(86400000)
#define DAYS_DEFAULT 30
#define DAY_TEXT 10

static json_t *day_json(int64_t ms)
{
    const time_t seconds = (time_t)(ms / 1000);
    struct tm parts;
    char text[16];

    (void)strftime(text, sizeof text, "%Y-%m-%d", gmtime_r(&seconds, &parts));
    return json_string(text);
}

/* "2026-11-22": the time at which that day (UTC) begins. */
static struct result parse_day(const struct request *request, const char *name, int64_t fallback_ms, int64_t *ms)
{
    const char *text = request_query(request, name);
    char moment[DAY_TEXT + sizeof "T00:00:00Z"];

    *ms = fallback_ms - fallback_ms % DAY_MS;
    if (text == NULL) return OK;
    if (strlen(text) != DAY_TEXT) return FAIL(REASON_BAD_QUERY);
    (void)snprintf(moment, sizeof moment, "%sT00:00:00Z", text);
    if (!time_parse(moment, strlen(moment), ms) || *ms < 0) return FAIL(REASON_BAD_QUERY);
    return OK;
}

static struct result parse_query(const struct gate *gate, const struct request *request, struct db_retention *asked)
{
    static const char *const arguments[] = { "from", "to", "agency", NULL };

    TRY(request_query_only(request, arguments));
    asked->agency = request_query(request, "agency");
    if (asked->agency != NULL && !name_is_valid(asked->agency)) return FAIL(REASON_BAD_QUERY);
    if (request->peer->role == ROLE_AGENCY) {
        if (asked->agency != NULL && strcmp(asked->agency, request->peer->first) != 0) return FAIL(REASON_FORBIDDEN);
        asked->agency = request->peer->first;
        asked->own = true;
    }
    asked->covert = request->peer->role == ROLE_AGENCY || request->peer->role == ROLE_AUDITOR;
    TRY(parse_day(request, "to", clock_now_ms(gate->clock), &asked->to_ms));
    TRY(parse_day(request, "from", asked->to_ms > DAYS_DEFAULT * DAY_MS ? asked->to_ms - DAYS_DEFAULT * DAY_MS : 0, &asked->from_ms));
    return asked->from_ms <= asked->to_ms ? OK : FAIL(REASON_BAD_QUERY);
}

static void append(void *context, const struct db_dropped *one)
{
    json_t *json = json_pack("{so ss ss sI sI sI sI so}", "day", day_json(one->day_ms), "agency", one->agency, "list", one->list, "hits",
                             (json_int_t)one->hits, "reads", (json_int_t)one->reads, "evidence", (json_int_t)one->evidence, "other",
                             (json_int_t)one->other, "dropped_at", time_json(one->dropped_ms));
    (void)json_array_append_new(context, json);
}

struct reply get_retention(void *app, struct request *request)
{
    struct gate *gate = app;
    struct db_retention asked = { 0 };

    TRY_REPLY(parse_query(gate, request, &asked));
    json_t *rows = json_array(), *overdue = json_array();
    struct result result = db_dropped_each(gate->agency_db, &asked, append, rows);
    if (failed(result)) {
        json_decref(rows);
        json_decref(overdue);
    }
    TRY_REPLY(result);
    for (size_t i = 0; i < asked.overdue_count; i++) (void)json_array_append_new(overdue, day_json(asked.overdue_ms[i]));
    return reply_json(200, json_pack("{so so so so so}", "from", day_json(asked.from_ms), "to", day_json(asked.to_ms), "dropped", rows, "overdue",
                                     overdue, "next", asked.next_ms == 0 ? json_null() : day_json(asked.next_ms)));
}
