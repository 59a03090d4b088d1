#include "server/gate/endpoints/list_json.h"

#include <sodium.h>
#include <urcu-bp.h>

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

json_t *list_json(const struct db_list *list)
{
    json_t *sites = json_array(), *epochs = json_array();

    for (size_t i = 0; i < list->site_count; i++) (void)json_array_append_new(sites, json_string(list->sites[i]));
    for (size_t i = 0; i < list->epoch_count; i++)
        (void)json_array_append_new(epochs, json_pack("{ss so sb}", "id", list->epochs[i].id, "opens", time_json(list->epochs[i].opens_ms),
                                                        "covered", list->epochs[i].covered));
    return json_pack("{ss ss ss si ss sb so si si ss si sI sb si so sI so so}", "list", list->id, "agency", list->agency, "category", list->category,
                     "priority", (int)list->priority, "grade", platesieve_grade_name((enum platesieve_grade)list->grade), "covert", list->covert,
                     "sites", sites, "cooldown_s", (int)list->cooldown_s, "retention_days", (int)list->retention_days, "instruction",
                     list->instruction, "age_limit_s", (int)list->age_limit_s, "cap_tokens", (json_int_t)list->cap_tokens, "suspended",
                     list->suspended, "revision", (int)list->revision, "committed_at", time_json(list->committed_ms), "entries",
                     (json_int_t)list->entries, "header", list->has_header ? base64_json(list->header_id, sizeof list->header_id) : json_null(),
                     "epochs", epochs);
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
