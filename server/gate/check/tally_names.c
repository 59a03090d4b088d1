#include "server/gate/check/tally.h"

static void add_name(struct tally_names *names, const struct catalogue *catalogue, uint32_t number)
{
    for (size_t i = 0; i < names->count; i++)
        if (names->each[i].number == number) return;
    for (size_t i = 0; i < catalogue->list_count; i++) {
        const struct catalogue_list *list = &catalogue->lists[i];
        if (list->number != number) continue;
        struct tally_name *name = &names->each[names->count++];
        *name = (struct tally_name){ .number = number };
        (void)snprintf(name->agency, sizeof name->agency, "%s", list->agency);
        (void)snprintf(name->list, sizeof name->list, "%s", list->id);
        return;
    }
}

struct tally_names *tally_names(const struct catalogue *catalogue, const struct sighting *sightings, size_t count)
{
    const size_t room = count < catalogue->list_count ? count : catalogue->list_count;
    struct tally_names *names = malloc(sizeof *names + room * sizeof names->each[0]);

    if (names == NULL) return NULL;
    names->count = 0;
    for (size_t i = 0; i < count; i++)
        if (i == 0 || sightings[i].list != sightings[i - 1].list) add_name(names, catalogue, sightings[i].list);
    return names;
}
