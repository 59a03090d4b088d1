/* POST and GET /v1/lists, GET /v1/lists/{list}.  An agency makes and sees its own; operators and auditors see all. */
#include "server/gate/endpoints/fields.h"
#include "server/gate/endpoints/flags.h"
#include "server/gate/endpoints/list_json.h"
#include "server/gate/gate.h"
#include "server/gate/routes.h"

#define COOLDOWN_DEFAULT_S 300
#define RETENTION_DEFAULT_DAYS 30
#define AGE_LIMIT_DEFAULT_S 86400
#define AGE_LIMIT_MAX_S (366 * 86400)
#define PRIORITY_DEFAULT 50

static struct result parse_sites(const json_t *object, struct db_list *list)
{
    const json_t *sites = json_object_get(object, "sites");
    size_t count = json_array_size(sites);

    if (sites == NULL) return OK;
    if (!json_is_array(sites) || count > LIMIT_SITES_PER_LIST) return FAIL(REASON_BAD_FIELD);
    for (size_t i = 0; i < count; i++) {
        const char *site = json_string_value(json_array_get(sites, i));
        if (site == NULL || !name_is_valid(site)) return FAIL(REASON_BAD_FIELD);
        (void)snprintf(list->sites[i], sizeof list->sites[i], "%s", site);
    }
    list->site_count = count;
    return OK;
}

static struct result parse_numbers(const json_t *object, struct db_list *list)
{
    uint64_t priority, cooldown, retention, age_limit;

    TRY(field_number(object, "priority", 0, LIMIT_PRIORITY, PRIORITY_DEFAULT, &priority));
    TRY(field_number(object, "cooldown_s", 0, LIMIT_COOLDOWN_S, COOLDOWN_DEFAULT_S, &cooldown));
    TRY(field_number(object, "retention_days", 1, LIMIT_RETENTION_DAYS, RETENTION_DEFAULT_DAYS, &retention));
    TRY(field_number(object, "age_limit_s", 1, AGE_LIMIT_MAX_S, AGE_LIMIT_DEFAULT_S, &age_limit));
    list->priority = (uint32_t)priority;
    list->cooldown_s = (uint32_t)cooldown;
    list->retention_days = (uint32_t)retention;
    list->age_limit_s = (uint32_t)age_limit;
    return OK;
}

static struct result parse_list(const json_t *object, struct db_list *list)
{
    static const char *const members[] = { "list", "category", "priority", "grade", "covert", "sites", "cooldown_s", "retention_days",
                                           "instruction", "age_limit_s", NULL };
    char grade_name[16];
    enum platesieve_grade grade;

    TRY(fields_only(object, members));
    TRY(field_name(object, "list", list->id, sizeof list->id));
    TRY(field_text(object, "category", NULL, list->category, sizeof list->category));
    TRY(field_text(object, "instruction", "", list->instruction, sizeof list->instruction));
    TRY(field_text(object, "grade", "plate", grade_name, sizeof grade_name));
    if (list->category[0] == '\0' || !platesieve_grade_parse(grade_name, &grade)) return FAIL(REASON_BAD_FIELD);
    list->grade = grade;
    TRY(field_bool(object, "covert", false, &list->covert));
    TRY(parse_numbers(object, list));
    return parse_sites(object, list);
}

struct reply post_list(void *app, struct request *request)
{
    struct gate *gate = app;
    struct db_list list = { .cap_tokens = gate->config->cap_tokens };
    json_t *json = NULL;

    TRY_REPLY(request_json(request, &json));
    struct result result = parse_list(json, &list);
    json_decref(json);
    TRY_REPLY(result);
    TRY_REPLY(db_list_create(gate->agency_db, request->peer->first, &list, request->peer->name));
    return reply_json(201, list_json(&list));
}

static void append(void *context, const struct db_list *list)
{
    (void)json_array_append_new(context, list_json(list));
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
    json_t *lists = json_array();
    struct result result = db_list_each(gate->agency_db, agency, append, lists);
    if (!failed(result) && request->peer->role == ROLE_AGENCY) result = flags_add_counts(gate, agency, lists);
    if (failed(result)) json_decref(lists);
    TRY_REPLY(result);
    return reply_json(200, json_pack("{so}", "lists", lists));
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
    json_t *json = list_json(&list), *one = json_pack("[O]", json);
    list_json_add_keys(json, gate->follow);
    struct result result = request->peer->role == ROLE_AGENCY ? flags_add_counts(gate, agency, one) : OK;
    json_decref(one);
    if (failed(result)) json_decref(json);
    TRY_REPLY(result);
    return reply_json(200, json);
}
