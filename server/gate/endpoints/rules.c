/* PUT /v1/lists/{list}; POST and DELETE /v1/lists/{list}/approval: a list's rules change while it stands, some of them by the word of two people.
   Agencies, their own lists only. */
#include "server/gate/endpoints/list_json.h"
#include "server/gate/endpoints/rule_fields.h"
#include "server/gate/fields.h"
#include "server/gate/gate.h"
#include "server/gate/routes.h"
#include "server/http/log.h"

static struct reply list_reply(struct gate *gate, unsigned status, const struct db_list *list, json_t *changed)
{
    json_t *json = list_json(gate, list);

    if (changed != NULL) (void)json_object_set_new(json, "changed", changed);
    struct result result = list_json_add_waiting(json, gate, list);
    if (failed(result)) {
        json_decref(json);
        return reply_problem(result.reason);
    }
    return reply_json(status, json);
}

static struct result parse_change(const json_t *object, struct db_rules_change *change, struct list_patch *patch)
{
    static const char *const others[] = { "rules_version", NULL };
    uint64_t version;

    TRY(rules_parse(object, others, patch));
    TRY(field_number_given(object, "rules_version", 1, INT32_MAX, &version));
    change->version = (uint32_t)version;
    return OK;
}

static void tell_change(const struct db_rules_change *change)
{
    unsigned changed = list_rules_changed(&change->before, &change->after);

    if (changed == 0 && !change->waits) return;
    log_line(LOG_NOTICE, "%s %s of list %s/%s%s", change->who, change->waits ? "asks for a change of the rules" : "changed the rules",
             change->agency, change->id, change->waits ? ": it waits for a second person" : "");
}

static struct reply change_rules(struct gate *gate, struct db_rules_change *change)
{
    TRY_REPLY(db_rules_change(gate->agency_db, change));
    tell_change(change);
    return list_reply(gate, change->waits ? 202 : 200, &change->list, rules_changed_json(&change->before, &change->after));
}

struct reply put_list(void *app, struct request *request)
{
    struct gate *gate = app;
    struct list_limits limits = gate_list_limits(gate);
    struct list_patch patch;
    json_t *json = NULL;

    if (!name_is_valid(request->arguments[0])) return reply_problem(REASON_NOT_FOUND);
    TRY_REPLY(request_json(request, &json));
    struct db_rules_change *change = calloc(1, sizeof *change);
    struct result result = change == NULL ? FAIL(REASON_BUSY) : parse_change(json, change, &patch);
    json_decref(json);
    if (failed(result)) {
        free(change);
        return reply_problem(result.reason);
    }
    change->agency = request->peer->first;
    change->id = request->arguments[0];
    change->who = request->peer->name;
    change->patch = &patch;
    change->limits = &limits;
    struct reply reply = change_rules(gate, change);
    free(change);
    return reply;
}

/* -- the second person ----------------------------------------------------------------------------------------------------- */

struct reply post_approval(void *app, struct request *request)
{
    static const char *const members[] = { "request", NULL };
    struct gate *gate = app;
    struct db_list list;
    uint64_t number = 0;
    json_t *json = NULL;

    if (!name_is_valid(request->arguments[0])) return reply_problem(REASON_NOT_FOUND);
    TRY_REPLY(request_json(request, &json));
    struct result result = fields_only(json, members);
    if (!failed(result)) result = field_number_given(json, "request", 1, INT32_MAX, &number);
    json_decref(json);
    TRY_REPLY(result);
    TRY_REPLY(db_rules_approve(gate->agency_db, request->peer->first, request->arguments[0], (uint32_t)number, request->peer->name, &list));
    log_line(LOG_NOTICE, "%s approved what %s asked for of list %s/%s", request->peer->name, list.asked_by, list.agency, list.id);
    return list_reply(gate, 200, &list, NULL);
}

struct reply delete_approval(void *app, struct request *request)
{
    struct gate *gate = app;

    if (!name_is_valid(request->arguments[0])) return reply_problem(REASON_NOT_FOUND);
    TRY_REPLY(db_rules_refuse(gate->agency_db, request->peer->first, request->arguments[0]));
    log_line(LOG_NOTICE, "%s refused or withdrew what waited of list %s/%s", request->peer->name, request->peer->first, request->arguments[0]);
    return reply_empty(204);
}
