#include "server/keys/keyd.h"

json_t *keyd_reasons(struct keyd *keyd)
{
    struct epoch epochs[LIMIT_EPOCHS_KNOWN];
    int64_t now_ms = clock_now_ms(keyd->clock);
    size_t count = epoch_store_list(keyd->store, epochs);
    bool open = false, coming = false;
    for (size_t i = 0; i < count; i++) {
        enum epoch_state state = schedule_state(&epochs[i].span, epochs[i].erased, now_ms);
        open |= state == EPOCH_OPEN;
        coming |= state == EPOCH_COMING;
    }
    json_t *reasons = json_array();
    if (!open) json_array_append_new(reasons, json_string("no epoch is open"));
    if (!coming) json_array_append_new(reasons, json_string("no coming epoch has a key"));
    if (!keeper_healthy(keyd->keeper)) json_array_append_new(reasons, json_string("keys can't be written or erased"));
    return reasons;
}

json_t *keyd_degraded(struct keyd *keyd)
{
    struct registry_state state;
    json_t *degraded = json_array();
    registry_state(keyd->registry, &state);
    if (state.broken) json_array_append_new(degraded, json_string("registry"));
    return degraded;
}
