#include "server/gate/endpoints/list_json.h"

#include <sodium.h>
#include <urcu-bp.h>

#include "server/gate/config.h"
#include "server/gate/endpoints/rule_fields.h"
#include "server/http/clock.h"

json_t *time_json(int64_t ms)
{
    char text[TIME_TEXT_SIZE];

    if (ms == 0) return json_null();
    time_format(ms, text);
    return json_string(text);
}

json_t *base64_json(const uint8_t *bytes, size_t size)
{
    char text[sodium_base64_ENCODED_LEN(64, sodium_base64_VARIANT_URLSAFE_NO_PADDING)];

    if (size > 64) return NULL;
    return json_string(sodium_bin2base64(text, sizeof text, bytes, size, sodium_base64_VARIANT_URLSAFE_NO_PADDING));
}

struct list_limits gate_list_limits(const struct gate *gate)
{
    return (struct list_limits){ .now_ms = clock_now_ms(gate->clock),
                                 .special_days_max = (unsigned)gate->config->special_days_max,
                                 .request_days = (unsigned)gate->config->request_days };
}

/* Why it is asked, or not. */
static const char *state_of(const struct db_list *list, int64_t now_ms)
{
    if (list->ends_ms != 0 && list->ends_ms <= now_ms) return "ended";
    if (!list->approved) return "waiting";
    if (list->suspended) return "suspended";
    return list->revision == 0 ? "empty" : "in-force";
}

static bool ends_soon(const struct gate *gate, const struct db_list *list, int64_t now_ms)
{
    int64_t before_ms = (int64_t)gate->config->ends_alarm_days * 86400000;

    return list->ends_ms > now_ms && list->ends_ms - before_ms <= now_ms;
}

static json_t *approval_json(const struct db_list *list)
{
    if (list->approved_ms == 0) return json_null();
    return json_pack("{ss ss so}", "asked_by", list->asked_by, "approved_by", list->approved_by, "at", time_json(list->approved_ms));
}

static json_t *suspension_json(const struct db_list *list)
{
    if (!list->suspended) return json_null();
    return json_pack("{ss ss so}", "by", list->suspended_by, "why", list->suspended_why, "at", time_json(list->suspended_ms));
}

static json_t *refusal_json(const struct db_list *list)
{
    static const char *const why[] = { [DB_REFUSED_SHRINKS] = "shrinks", [DB_REFUSED_GROWS] = "grows", [DB_REFUSED_CAP] = "cap" };

    if (list->refused == DB_REFUSED_NONE || list->refused > DB_REFUSED_CAP) return json_null();
    json_t *json = json_pack("{ss ss so}", "why", why[list->refused], "by", list->refused_by, "at", time_json(list->refused_ms));
    if (list->refused != DB_REFUSED_CAP) {
        (void)json_object_set_new(json, "from", json_integer((json_int_t)list->refused_from));
        (void)json_object_set_new(json, "to", json_integer((json_int_t)list->refused_to));
    }
    return json;
}

static json_t *epochs_json(const struct db_list *list)
{
    json_t *epochs = json_array();

    for (size_t i = 0; i < list->epoch_count; i++)
        (void)json_array_append_new(epochs, json_pack("{ss so sb}", "id", list->epochs[i].id, "opens", time_json(list->epochs[i].opens_ms),
                                                        "covered", list->epochs[i].covered));
    return epochs;
}

json_t *list_json(const struct gate *gate, const struct db_list *list)
{
    int64_t now_ms = clock_now_ms(gate->clock);
    json_t *json = rules_json(&list->rules);
    json_t *rest = json_pack("{ss ss sI ss sb sI sb so so so sI so sI so so}", "list", list->id, "agency", list->agency, "rules_version",
                             (json_int_t)list->rules_version, "state", state_of(list, now_ms), "ends_soon", ends_soon(gate, list, now_ms),
                             "cap_tokens", (json_int_t)list->cap_tokens, "suspended", list->suspended, "suspension", suspension_json(list),
                             "approval", approval_json(list), "refusal", refusal_json(list), "revision", (json_int_t)list->revision,
                             "committed_at", time_json(list->committed_ms), "entries", (json_int_t)list->entries, "header",
                             list->has_header ? base64_json(list->header_id, sizeof list->header_id) : json_null(), "epochs", epochs_json(list));

    if (json_object_update(json, rest) != 0) {
        json_decref(json);
        json = NULL;
    }
    json_decref(rest);
    return json;
}

static json_t *waiting_json(const struct db_list *list, const struct db_request *request)
{
    if (request->number == 0) return json_null();
    return json_pack("{sI ss so so sb so}", "request", (json_int_t)request->number, "asked_by", request->asked_by, "asked_at",
                     time_json(request->asked_ms), "expires_at", time_json(request->expires_ms), "new", !list->approved, "changes",
                     rules_changed_json(&list->rules, &request->rules));
}

struct result list_json_add_waiting(json_t *json, const struct gate *gate, const struct db_list *list)
{
    struct db_request *request = malloc(sizeof *request);

    if (request == NULL) return FAIL(REASON_BUSY);
    struct result result = db_request_get(gate->agency_db, list->agency, list->id, request);
    if (!failed(result)) (void)json_object_set_new(json, "waiting", waiting_json(list, request));
    free(request);
    return result;
}

void list_json_add_keys(json_t *list, struct follow *follow)
{
    json_t *epochs = json_object_get(list, "epochs");

    rcu_read_lock();
    const struct catalogue *catalogue = follow_catalogue(follow);
    for (size_t i = 0; catalogue != NULL && i < json_array_size(epochs); i++) {
        json_t *epoch = json_array_get(epochs, i);
        const char *id = json_string_value(json_object_get(epoch, "id"));

        for (size_t k = 0; id != NULL && k < catalogue->epoch_count; k++)
            if (strcmp(catalogue->epochs[k].id, id) == 0)
                (void)json_object_set_new(epoch, "key_id", base64_json(catalogue->epochs[k].key_id, PLATESIEVE_KEY_ID_BYTES));
    }
    rcu_read_unlock();
}
