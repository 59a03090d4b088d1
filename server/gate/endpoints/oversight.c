/* /v1/agencies/{agency}/lists/{list}/cap and …/suspension: what operators say of an agency's list. */
#include "server/gate/fields.h"
#include "server/gate/gate.h"
#include "server/gate/routes.h"
#include "server/http/log.h"

static bool names_valid(const struct request *request)
{
    return name_is_valid(request->arguments[0]) && name_is_valid(request->arguments[1]);
}

struct reply put_cap(void *app, struct request *request)
{
    static const char *const members[] = { "tokens", NULL };
    struct gate *gate = app;
    const char *agency = request->arguments[0], *id = request->arguments[1];
    uint64_t tokens = 0;
    json_t *json = NULL;

    if (!names_valid(request)) return reply_problem(REASON_NOT_FOUND);
    TRY_REPLY(request_json(request, &json));
    struct result result = fields_only(json, members);
    if (!failed(result)) result = field_number_given(json, "tokens", 0, LIMIT_INDEX_SLOTS, &tokens);
    json_decref(json);
    TRY_REPLY(result);
    TRY_REPLY(db_list_cap(gate->gate_db, agency, id, tokens));
    log_line(LOG_NOTICE, "%s set the cap of list %s/%s to %llu tokens", request->peer->name, agency, id, (unsigned long long)tokens);
    return reply_json(200, json_pack("{ss ss sI}", "agency", agency, "list", id, "cap_tokens", (json_int_t)tokens));
}

struct reply put_suspension(void *app, struct request *request)
{
    static const char *const members[] = { "why", NULL };
    struct gate *gate = app;
    const char *agency = request->arguments[0], *id = request->arguments[1];
    char why[LIMIT_REASON_MAX + 1];
    json_t *json = NULL;
    bool changed = false;

    if (!names_valid(request)) return reply_problem(REASON_NOT_FOUND);
    TRY_REPLY(request_json(request, &json));
    struct result result = fields_only(json, members);
    if (!failed(result)) result = field_text(json, "why", NULL, why, sizeof why);
    json_decref(json);
    TRY_REPLY(result);
    if (*why == '\0') return reply_problem(REASON_BAD_FIELD);
    TRY_REPLY(db_list_suspend(gate->gate_db, agency, id, request->peer->name, why, &changed));
    if (changed) log_line(LOG_WARNING, "%s suspended list %s/%s", request->peer->name, agency, id);
    return reply_json(200, json_pack("{ss ss sb}", "agency", agency, "list", id, "changed", changed));
}

struct reply delete_suspension(void *app, struct request *request)
{
    struct gate *gate = app;
    const char *agency = request->arguments[0], *id = request->arguments[1];
    bool changed = false;

    if (!names_valid(request)) return reply_problem(REASON_NOT_FOUND);
    TRY_REPLY(db_list_resume(gate->gate_db, agency, id, &changed));
    if (changed) log_line(LOG_NOTICE, "%s resumed list %s/%s", request->peer->name, agency, id);
    return reply_empty(204);
}
