/* See catalogue.h. */
#include "server/gate/check/policy.h"

struct catalogue *catalogue_create(size_t lists, size_t epochs, size_t segments)
{
    struct catalogue *catalogue = calloc(1, sizeof(*catalogue));

    if (catalogue == NULL) return NULL;
    assert(lists <= LIMIT_LISTS && epochs <= LIMIT_EPOCHS_KNOWN);
    /* One more than asked for: no array is NULL, whatever calloc makes of 0. */
    catalogue->lists = calloc(lists + 1, sizeof(*catalogue->lists));
    catalogue->epochs = calloc(epochs + 1, sizeof(*catalogue->epochs));
    catalogue->segments = calloc(segments + 1, sizeof(*catalogue->segments));
    catalogue->list_count = lists;
    catalogue->epoch_count = epochs;
    catalogue->segment_count = segments;
    if (catalogue->lists == NULL || catalogue->epochs == NULL || catalogue->segments == NULL) {
        catalogue->list_count = 0;
        catalogue_free(catalogue);
        return NULL;
    }
    return catalogue;
}

struct result catalogue_list_sites(struct catalogue_list *list, const char (*sites)[LIMIT_NAME_MAX + 1], size_t count)
{
    char (*copy)[LIMIT_NAME_MAX + 1] = NULL;

    assert(count <= LIMIT_SITES_PER_LIST);
    if (count > 0) {
        copy = malloc(count * sizeof(*copy));
        if (copy == NULL) return FAIL(REASON_BUSY);
        memcpy(copy, sites, count * sizeof(*copy));
    }
    free(list->sites);
    list->sites = copy;
    list->site_count = count;
    return OK;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

struct catalogue *catalogue_copy(const struct catalogue *from, size_t lists, size_t epochs, size_t segments)
{
    struct catalogue *to = catalogue_create(lists, epochs, segments);

    if (to == NULL) return NULL;
    to->version = from->version;
    to->entries = from->entries;
    to->suppressions = from->suppressions;
    to->degraded = from->degraded;
    memcpy(to->epochs, from->epochs, least(epochs, from->epoch_count) * sizeof(*to->epochs));
    memcpy(to->segments, from->segments, least(segments, from->segment_count) * sizeof(*to->segments));
    for (size_t i = 0; i < least(lists, from->list_count); i++) {
        const struct catalogue_list *list = &from->lists[i];

        to->lists[i] = *list;
        to->lists[i].sites = NULL;
        if (failed(catalogue_list_sites(&to->lists[i], (const char (*)[LIMIT_NAME_MAX + 1])list->sites, list->site_count))) {
            catalogue_free(to);
            return NULL;
        }
    }
    return to;
}

void catalogue_free(struct catalogue *catalogue)
{
    if (catalogue == NULL) return;
    policy_free_views(catalogue);
    for (size_t i = 0; i < catalogue->list_count; i++) free(catalogue->lists[i].sites);
    free(catalogue->lists);
    free(catalogue->epochs);
    free(catalogue->segments);
    free(catalogue);
}

bool catalogue_entry_live(const struct catalogue *catalogue, const struct entry *entry, uint32_t now_s)
{
    uint32_t removed_by = __atomic_load_n(&entry->removed_by, __ATOMIC_RELAXED);

    if (!catalogue_segment_visible(catalogue, entry->segment)) return false;
    if (removed_by != 0 && catalogue_segment_visible(catalogue, removed_by)) return false;
    if (now_s < entry->effective) return false;
    return entry->expires == ENTRY_FOREVER || now_s < entry->expires;
}

const char *list_trouble_name(enum list_trouble trouble)
{
    static const char *const names[LIST_TROUBLES] = { "fine", "forged", "older", "missing" };

    return trouble < LIST_TROUBLES ? names[trouble] : "forged";
}
