/* GET /v1/lists/{list}/flags: the entries of a list that raise false alarms, by verdict and lane, and what all its hits came to. */
#include "server/gate/endpoints/flags.h"

#include "server/gate/endpoints/verdict_json.h"
#include "server/gate/fields.h"
#include "server/gate/routes.h"

static struct db_flag_rule rule_of(const struct gate *gate)
{
    return (struct db_flag_rule){ gate->config->flag_from, gate->config->flag_share_percent };
}

/* Adds to OBJECT's members, which are made when they are not there. */
static void add_verdicts(json_t *object, const uint64_t verdicts[VERDICTS])
{
    for (enum verdict verdict = VERDICT_CONFIRMED; verdict < VERDICTS; verdict++) {
        json_int_t before = json_integer_value(json_object_get(object, verdict_name(verdict)));
        (void)json_object_set_new(object, verdict_name(verdict), json_integer(before + (json_int_t)verdicts[verdict]));
    }
}

/* -- how many, in the answers of lists ---------------------------------------------------------------------------------------- */

static void take_count(void *context, const char *list, uint64_t count)
{
    (void)json_object_set_new(context, list, json_integer((json_int_t)count));
}

struct result flags_add_counts(const struct gate *gate, const char *agency, json_t *lists)
{
    struct db_flag_rule rule = rule_of(gate);
    json_t *counts = json_object(), *list; /* by the list's id */
    struct result result = db_flag_counts(gate->agency_db, agency, &rule, take_count, counts);
    size_t i;

    json_array_foreach(lists, i, list) {
        const char *id = json_string_value(json_object_get(list, "list"));
        (void)json_object_set_new(list, "flagged", json_integer(json_integer_value(json_object_get(counts, id))));
    }
    json_decref(counts);
    return result;
}

/* -- which, in an answer of their own ------------------------------------------------------------------------------------------- */

struct page {
    json_t *flags;
    char reference[LIMIT_REFERENCE_MAX + 1]; /* of the last one */
};

static void append(void *context, const struct db_flag *flag)
{
    struct page *page = context;
    size_t count = json_array_size(page->flags);

    if (count == 0 || strcmp(page->reference, flag->reference) != 0) {
        (void)snprintf(page->reference, sizeof page->reference, "%s", flag->reference);
        (void)json_array_append_new(page->flags, json_pack("{ss so}", "reference", flag->reference, "lanes", json_array()));
        count++;
    }
    json_t *entry = json_array_get(page->flags, count - 1);
    json_t *lane = json_pack("{ss ss}", "site", flag->site, "lane", flag->lane);
    add_verdicts(entry, flag->verdicts);
    add_verdicts(lane, flag->verdicts);
    (void)json_array_append_new(json_object_get(entry, "lanes"), lane);
}

static json_t *counts_json(const struct db_list_counts *counts)
{
    json_t *json = json_pack("{sI sI sI}", "hits", (json_int_t)counts->hits, "reads", (json_int_t)counts->reads, "corrected",
                             (json_int_t)counts->corrected);

    add_verdicts(json, counts->verdicts);
    return json;
}

static json_t *grades_json(const struct db_list_counts counts[PLATESIEVE_GRADES])
{
    json_t *grades = json_object();

    for (unsigned grade = 0; grade < PLATESIEVE_GRADES; grade++)
        (void)json_object_set_new(grades, platesieve_grade_name((enum platesieve_grade)grade), counts_json(&counts[grade]));
    return grades;
}

struct reply get_flags(void *app, struct request *request)
{
    static const char *const none[] = { NULL };
    struct gate *gate = app;
    const char *agency = request->peer->first;
    struct db_list_counts counts[PLATESIEVE_GRADES] = { 0 };
    struct db_flag_rule rule = rule_of(gate);
    struct page page = { 0 };
    struct db_list list;

    TRY_REPLY(request_query_only(request, none));
    if (!name_is_valid(request->arguments[0])) return reply_problem(REASON_NOT_FOUND);
    TRY_REPLY(db_list_get(gate->agency_db, agency, request->arguments[0], &list));
    TRY_REPLY(db_list_counts(gate->agency_db, agency, list.number, counts));
    page.flags = json_array();
    struct result result = db_flags_each(gate->agency_db, agency, list.number, &rule, append, &page);
    if (failed(result)) json_decref(page.flags);
    TRY_REPLY(result);
    return reply_json(200, json_pack("{ss so s{sI sI sI} so}", "list", list.id, "grades", grades_json(counts), "rule", "from",
                                     (json_int_t)rule.from, "share_percent", (json_int_t)rule.share_percent, "share_from",
                                     (json_int_t)DB_FLAG_SHARE_FROM, "flags", page.flags));
}
