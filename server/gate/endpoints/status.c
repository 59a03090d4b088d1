/* GET /v1/status: how the gate does.  Operators and auditors; only auditors see what concerns covert lists. */
#include <urcu-bp.h>

#include "config.h"
#include "server/gate/endpoints/lanes_json.h"
#include "server/gate/endpoints/list_json.h"
#include "server/gate/gate.h"
#include "server/gate/index/coverage.h"
#include "server/gate/lists/alarms.h"
#include "server/gate/readiness.h"
#include "server/gate/routes.h"

static const char *epoch_state(const struct catalogue_epoch *epoch, int64_t now_ms)
{
    if (now_ms < epoch->opens_ms) return "coming";
    if (now_ms < epoch->closes_ms) return "open";
    return now_ms < epoch->destroyed_ms ? "closed" : "destroyed";
}

static json_t *epochs_json(const struct catalogue *catalogue, int64_t now_ms)
{
    json_t *epochs = json_array();

    for (size_t i = 0; i < catalogue->epoch_count; i++) {
        const struct catalogue_epoch *epoch = &catalogue->epochs[i];
        (void)json_array_append_new(
            epochs, json_pack("{ss sI ss so ss so so sI}", "id", epoch->id, "number", (json_int_t)epoch->number, "suite",
                              platesieve_suite_name(epoch->suite), "key_id", base64_json(epoch->key_id, sizeof epoch->key_id), "state",
                              epoch_state(epoch, now_ms), "opens", time_json(epoch->opens_ms), "closes", time_json(epoch->closes_ms), "slots",
                              (json_int_t)(epoch->index == NULL ? 0 : index_slots(epoch->index))));
    }
    return epochs;
}

static json_t *list_coverage(const struct catalogue *catalogue, const struct catalogue_list *list)
{
    json_t *coverage = json_object();

    for (size_t i = 0; i < catalogue->epoch_count; i++)
        (void)json_object_set_new(coverage, catalogue->epochs[i].id, json_string(coverage_name(list->coverage[i])));
    return coverage;
}

static json_t *lists_json(const struct catalogue *catalogue, int64_t now_ms)
{
    json_t *lists = json_array();

    for (size_t i = 0; i < catalogue->list_count; i++) {
        const struct catalogue_list *list = &catalogue->lists[i];
        int64_t age_s = list->revision == 0 ? 0 : (now_ms - list->committed_ms) / 1000;
        (void)json_array_append_new(
            lists, json_pack("{ss ss sI sI sI sb sb so so}", "agency", list->agency, "list", list->id, "revision", (json_int_t)list->revision,
                             "entries", (json_int_t)list->entries, "age_s", (json_int_t)age_s, "old", age_s > (int64_t)list->age_limit_s,
                             "suspended", list->suspended, "trouble",
                             list->trouble == LIST_FINE ? json_null() : json_string(list_trouble_name(list->trouble)),
                             "coverage", list_coverage(catalogue, list)));
    }
    return lists;
}

struct alarms {
    struct gate *gate;
    int64_t now_ms;
    json_t *array;
};

static void add_gap(void *context, const struct coverage_gap *gap)
{
    struct alarms *alarms = context;
    bool open = gap->when == COVERAGE_OPEN;

    if (json_array_size(alarms->array) == LIMIT_ALARMS_SHOWN) return;
    if (!coverage_is_alarm(gap, alarms->now_ms, (int64_t)alarms->gate->config->alarm_before_s * 1000)) return;
    (void)json_array_append_new(
        alarms->array, json_pack("{ss ss ss ss ss so ss}", "what", "coverage", "agency", gap->list->agency, "list", gap->list->id, "epoch",
                                 gap->epoch->id, "state", open ? "open" : "coming", "opens", time_json(gap->epoch->opens_ms), "coverage",
                                 coverage_name(gap->coverage)));
}

/* The database is not what gates made of it. */
static void add_troubles(const struct alarms *alarms, const struct catalogue *catalogue)
{
    for (size_t i = 0; i < catalogue->list_count && json_array_size(alarms->array) < LIMIT_ALARMS_SHOWN; i++) {
        const struct catalogue_list *list = &catalogue->lists[i];

        if (list->trouble == LIST_FINE) continue;
        (void)json_array_append_new(alarms->array, json_pack("{ss ss ss ss sb}", "what", "list", "agency", list->agency, "list", list->id, "why",
                                                             list_trouble_name(list->trouble), "served", !list->refused));
    }
}

static void add_alarm(void *context, enum list_alarm alarm, const struct catalogue_list *list)
{
    struct alarms *alarms = context;
    const int64_t times_ms[LIST_ALARMS] = { [LIST_ALARM_REFUSED] = list->push_refused_ms, [LIST_ALARM_SUSPENDED] = list->suspended_ms,
                                            [LIST_ALARM_ENDS] = list->ends_ms, [LIST_ALARM_OLD] = list_old_ms(list) };

    if (json_array_size(alarms->array) == LIMIT_ALARMS_SHOWN) return;
    json_t *json = json_pack("{ss ss ss so}", "what", list_alarm_name(alarm), "agency", list->agency, "list", list->id, "at", time_json(times_ms[alarm]));
    if (alarm == LIST_ALARM_REFUSED) (void)json_object_set_new(json, "why", json_string(list_refused_name(list)));
    (void)json_array_append_new(alarms->array, json);
}

/* Its agency's hits don't reach it. */
static void add_webhook(void *context, const struct db_webhook *hook)
{
    const struct alarms *alarms = context;

    if (json_array_size(alarms->array) == LIMIT_ALARMS_SHOWN) return;
    (void)json_array_append_new(alarms->array, json_pack("{ss ss ss so sI sI ss}", "what", "webhook", "agency", hook->agency, "webhook", hook->name,
                                                         "failing_since", time_json(hook->failing_since_ms), "failures", (json_int_t)hook->failures,
                                                         "lag", (json_int_t)(hook->head > hook->cursor ? hook->head - hook->cursor : 0), "error",
                                                         hook->error));
}

/* What somebody must do something about, and by when. */
static json_t *alarms_json(struct gate *gate, const struct catalogue *catalogue, int64_t now_ms)
{
    struct alarms alarms = { gate, now_ms, json_array() };

    add_troubles(&alarms, catalogue);
    list_alarms_each(catalogue, now_ms, (int64_t)gate->config->ends_alarm_days * 86400000, add_alarm, &alarms);
    webhooks_each_alarm(gate->webhooks, add_webhook, &alarms);
    lanes_add_alarms(gate, alarms.array);
    coverage_each_gap(catalogue, now_ms, add_gap, &alarms);
    return alarms.array;
}

static json_t *spool_json(struct gate *gate, int64_t now_ms)
{
    struct spool_state state;

    spool_state(gate->spool, &state);
    return json_pack("{sI sI sI sb sb}", "depth", (json_int_t)state.depth, "bytes", (json_int_t)state.bytes, "oldest_age_s",
                     (json_int_t)(state.oldest_ms == 0 ? 0 : (now_ms - state.oldest_ms) / 1000), "full", state.full, "broken", state.broken);
}

static json_t *index_json(struct gate *gate)
{
    struct readiness_index index;

    readiness_index(gate, &index);
    return json_pack("{sI sI sI sI}", "slots", (json_int_t)index.slots, "bytes", (json_int_t)index.bytes, "entries", (json_int_t)index.entries,
                     "entries_bytes", (json_int_t)index.entries_bytes);
}

static json_t *follow_json(struct gate *gate)
{
    struct follow_status status;

    follow_status(gate->follow, &status);
    return json_pack("{sb sb sb sI so sf}", "loaded", status.loaded, "database_up", status.database_up, "keys_up", status.keys_up, "version",
                     (json_int_t)status.version, "loaded_at", time_json(status.loaded_ms), "last_load_s", status.last_load_s);
}

static json_t *key_server_json(struct gate *gate, const struct follow_key_server *server, size_t number)
{
    static const char *const faults[] = { [KEYS_WRONG_SHARE] = "share", [KEYS_OTHER_CALENDAR] = "calendar", [KEYS_WHOLE_KEY] = "whole-key" };

    return json_pack("{ss so sb so}", "url", follow_key_server_url(gate->follow, number), "share",
                     server->share == 0 ? json_null() : json_integer(server->share), "up", server->up, "fault",
                     server->fault == KEYS_FINE ? json_null() : json_string(faults[server->fault]));
}

/* Those that are asked: of several that have the same keys, only as many as it takes. */
static json_t *key_servers_json(struct gate *gate)
{
    struct follow_status status;
    json_t *servers = json_array();

    follow_status(gate->follow, &status);
    for (size_t i = 0; i < status.key_server_count; i++)
        if (status.key_servers[i].asked) (void)json_array_append_new(servers, key_server_json(gate, &status.key_servers[i], i));
    return servers;
}

/* All that has a name of its own; NULL without memory. */
static json_t *parts_json(struct gate *gate, const struct peer *peer, int64_t now_ms, json_t *epochs, json_t *lists, json_t *alarms)
{
    struct part {
        const char *name;
        json_t *json;
    } parts[] = {
        { "degraded", readiness_degraded(gate) },
        { "alarms", alarms == NULL ? json_array() : alarms },
        { "follow", follow_json(gate) },
        { "key_servers", key_servers_json(gate) },
        { "epochs", epochs == NULL ? json_array() : epochs },
        { "lists", lists == NULL ? json_array() : lists },
        { "index", index_json(gate) },
        { "spool", spool_json(gate, now_ms) },
        { "registry", registry_state_json(gate->registry) },
        { "checks", tally_json(gate->tally, peer->role == ROLE_AUDITOR) },
        { "lanes", lanes_counts_json(gate) },
        { "quotas", quota_status_json(gate->quota) },
    };
    json_t *json = json_object();

    for (size_t i = 0; i < ARRAY_LENGTH(parts); i++) {
        if (json_object_set_new(json, parts[i].name, parts[i].json) == 0) continue;
        json_decref(json);
        json = NULL;
    }
    return json;
}

struct reply get_status(void *app, struct request *request)
{
    struct gate *gate = app;
    int64_t now_ms = clock_now_ms(gate->clock);
    json_t *epochs = NULL, *lists = NULL, *alarms = NULL;

    TRY_REPLY(request_query_only(request, (const char *const[]){ NULL }));
    rcu_read_lock();
    const struct catalogue *catalogue = follow_catalogue(gate->follow);
    if (catalogue != NULL) {
        epochs = epochs_json(catalogue, now_ms);
        lists = lists_json(catalogue, now_ms);
        alarms = alarms_json(gate, catalogue, now_ms);
    }
    rcu_read_unlock();
    json_t *reasons = readiness_reasons(gate);
    json_t *head = json_pack("{ss ss so sI sb so}", "gate", gate->config->name, "version", PACKAGE_VERSION, "now", time_json(now_ms), "uptime_s",
                             (json_int_t)((now_ms - gate->started_ms) / 1000), "ready", json_array_size(reasons) == 0, "reasons", reasons);
    json_t *parts = parts_json(gate, request->peer, now_ms, epochs, lists, alarms);
    if (json_object_update(head, parts) != 0) {
        json_decref(head);
        head = NULL;
    }
    json_decref(parts);
    return reply_json(200, head);
}
