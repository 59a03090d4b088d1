/* Lanes as they are judged: see keeper.h. */
#include <stdlib.h>
#include <string.h>

#include "server/gate/lanes/keeper.h"

const struct lane_wishes *lanes_wishes(const struct config *config, const char *site)
{
    for (size_t i = 0; i < config->lane_site_count; i++)
        if (strcmp(config->lane_sites[i].site, site) == 0) return &config->lane_sites[i].wishes;
    return &config->lane_wishes;
}

static bool is_registered(struct registry *registry, const struct lane_facts *facts)
{
    char name[LIMIT_IDENTITY_MAX + 1];
    struct registration registration;

    (void)snprintf(name, sizeof name, "reader/%s/%s", facts->site, facts->lane);
    return registry_find(registry, name, &registration);
}

void lanes_each(struct lanes *lanes, const struct config *config, struct registry *registry, int64_t now_ms,
                void (*each)(void *context, const struct lane_view *view), void *context)
{
    size_t count;
    struct lane_facts *facts = lanes_copy(lanes, &count);

    for (size_t i = 0; i < count; i++) {
        const struct lane_wishes *wishes = lanes_wishes(config, facts[i].site);
        const int64_t known_ms = lanes_known_ms(lanes, lane_silence_ms(&facts[i], wishes));
        const struct lane_view view = { &facts[i], lane_judge(&facts[i], wishes, is_registered(registry, &facts[i]), known_ms, now_ms) };

        each(context, &view);
    }
    free(facts);
}
