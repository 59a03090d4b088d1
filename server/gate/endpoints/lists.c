/* POST and GET /v1/lists, GET /v1/lists/{list}.  An agency makes and sees its own; operators and auditors see all. */
#include "server/gate/endpoints/flags.h"
#include "server/gate/endpoints/list_json.h"
#include "server/gate/endpoints/rule_fields.h"
#include "server/gate/fields.h"
#include "server/gate/routes.h"
#include "server/http/log.h"

/* A new list's rules, but its category, which must be said. */
static const struct list_rules defaults = { .priority = 50,
                                            .grade = PLATESIEVE_PLATE,
                                            .cooldown_s = 300,
                                            .retention_days = 30,
                                            .age_limit_s = 86400 };

/* A calibration list's: a lane that tries itself every minute makes one hit a day. */
static const struct list_rules calibration_defaults = { .priority = 50,
                                                        .grade = PLATESIEVE_PLATE,
                                                        .cooldown_s = LIMIT_COOLDOWN_S,
                                                        .retention_days = 1,
                                                        .age_limit_s = 86400 };

static struct result parse_list(const json_t *object, struct db_list *list)
{
    static const char *const others[] = { "list", NULL };
    struct list_patch patch;

    TRY(rules_parse(object, others, &patch));
    TRY(field_name(object, "list", list->id, sizeof list->id));
    if ((patch.given & RULE_CATEGORY) == 0) return FAIL(REASON_BAD_FIELD);
    list->rules = (patch.given & RULE_CALIBRATION) != 0 && patch.rules.calibration ? calibration_defaults : defaults;
    list_rules_apply(&list->rules, &patch);
    return OK;
}

/* FLAGGED: with how many entries are, for its agency. */
static struct reply list_reply(struct gate *gate, unsigned status, const struct db_list *list, bool flagged)
{
    json_t *json = list_json(gate, list), *one = json_pack("[O]", json);

    list_json_add_keys(json, gate->follow);
    struct result result = list_json_add_waiting(json, gate, list);
    if (!failed(result) && flagged) result = flags_add_counts(gate, list->agency, one);
    json_decref(one);
    if (!failed(result)) return reply_json(status, json);
    json_decref(json);
    return reply_problem(result.reason);
}

struct reply post_list(void *app, struct request *request)
{
    struct gate *gate = app;
    struct list_limits limits = gate_list_limits(gate);
    struct db_list list = { .cap_tokens = gate->config->cap_tokens };
    json_t *json = NULL;

    TRY_REPLY(request_json(request, &json));
    struct result result = parse_list(json, &list);
    json_decref(json);
    TRY_REPLY(result);
    TRY_REPLY(list_rules_check(NULL, &list.rules, &limits));
    TRY_REPLY(db_list_create(gate->agency_db, request->peer->first, &list, request->peer->name, &limits));
    if (!list.approved)
        log_line(LOG_NOTICE, "%s asks for list %s/%s: it waits for a second person", request->peer->name, list.agency, list.id);
    return list_reply(gate, 201, &list, false);
}

struct listing {
    const struct gate *gate;
    json_t *lists;
};

static void append(void *context, const struct db_list *list)
{
    struct listing *listing = context;

    (void)json_array_append_new(listing->lists, list_json(listing->gate, list));
}

/* Whose lists: an agency's own, whatever it asks; an overseer's choice, NULL for all. */
static struct result whose(const struct request *request, const char **agency)
{
    static const char *const arguments[] = { "agency", NULL };
    const char *asked = request_query(request, "agency");

    TRY(request_query_only(request, arguments));
    if (asked != NULL && !name_is_valid(asked)) return FAIL(REASON_BAD_QUERY);
    *agency = asked;
    if (request->peer->role != ROLE_AGENCY) return OK;
    if (asked != NULL && strcmp(asked, request->peer->first) != 0) return FAIL(REASON_FORBIDDEN);
    *agency = request->peer->first;
    return OK;
}

struct reply get_lists(void *app, struct request *request)
{
    struct gate *gate = app;
    const char *agency = NULL;

    TRY_REPLY(whose(request, &agency));
    struct listing listing = { gate, json_array() };
    struct result result = db_list_each(gate->agency_db, agency, append, &listing);
    if (!failed(result) && request->peer->role == ROLE_AGENCY) result = flags_add_counts(gate, agency, listing.lists);
    if (failed(result)) json_decref(listing.lists);
    TRY_REPLY(result);
    return reply_json(200, json_pack("{so}", "lists", listing.lists));
}

struct reply get_list(void *app, struct request *request)
{
    struct gate *gate = app;
    struct db_list list;
    const char *agency = NULL;

    TRY_REPLY(whose(request, &agency));
    if (agency == NULL) return reply_problem(REASON_BAD_QUERY); /* list names are an agency's own: an overseer says whose */
    if (!name_is_valid(request->arguments[0])) return reply_problem(REASON_NOT_FOUND);
    TRY_REPLY(db_list_get(gate->agency_db, agency, request->arguments[0], &list));
    return list_reply(gate, 200, &list, request->peer->role == ROLE_AGENCY);
}
