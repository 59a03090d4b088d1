#include "server/gate/readiness.h"

#include <urcu-bp.h>

static void add(json_t *array, const char *text)
{
    (void)json_array_append_new(array, json_string(text));
}

/* Of the view that serves sites nobody named; a site's own view may hold more lists. */
static bool any_epoch_open(const struct catalogue *catalogue)
{
    return catalogue->view_count > 0 && policy_view(catalogue, "")->open_count > 0;
}

json_t *readiness_reasons(struct gate *gate)
{
    json_t *reasons = json_array();
    struct spool_state spool;
    struct follow_status follow;

    spool_state(gate->spool, &spool);
    follow_status(gate->follow, &follow);
    if (spool.broken) add(reasons, "a sync of the spool failed: the disk must be looked at, then the daemon restarted");
    else if (spool.full) add(reasons, "the spool is full");
    rcu_read_lock();
    const struct catalogue *catalogue = follow_catalogue(gate->follow);
    if (!follow.loaded) add(reasons, "the lists have not been loaded from the database yet");
    if (catalogue == NULL || !any_epoch_open(catalogue)) add(reasons, "no open epoch is known");
    rcu_read_unlock();
    return reasons;
}

/* Of servers that share their keys each counts: while one is away, or wrong, another must not be. */
static bool is_one_missing(const struct follow_status *follow)
{
    bool shared = false, missing = false;

    for (size_t i = 0; i < follow->key_server_count; i++) {
        const struct follow_key_server *server = &follow->key_servers[i];

        shared = shared || server->share != 0;
        missing = missing || (server->asked && (!server->up || server->fault != KEYS_FINE));
    }
    return shared && missing;
}

json_t *readiness_degraded(struct gate *gate)
{
    json_t *degraded = json_array();
    struct follow_status follow;
    struct registry_state registry;

    follow_status(gate->follow, &follow);
    registry_state(gate->registry, &registry);
    if (!follow.database_up) add(degraded, "database");
    if (!follow.keys_up || is_one_missing(&follow)) add(degraded, "keys");
    if (follow.stuck || follow.lists_refused > 0 || follow.served_broken) add(degraded, "lists");
    if (follow.epochs_alarm) add(degraded, "epochs");
    if (registry.broken) add(degraded, "registry");
    return degraded;
}

void readiness_index(struct gate *gate, struct readiness_index *index)
{
    *index = (struct readiness_index){ 0 };
    rcu_read_lock();
    const struct catalogue *catalogue = follow_catalogue(gate->follow);
    for (size_t i = 0; catalogue != NULL && i < catalogue->epoch_count; i++) {
        if (catalogue->epochs[i].index == NULL) continue;
        index->slots += index_slots(catalogue->epochs[i].index);
        index->bytes += index_bytes(catalogue->epochs[i].index);
    }
    if (catalogue != NULL && catalogue->entries != NULL) {
        index->entries = entries_count(catalogue->entries);
        index->entries_bytes = entries_bytes(catalogue->entries);
    }
    rcu_read_unlock();
}
