/* Looks at vehicles, for the tests of what a lane makes of them. */
#ifndef TESTS_VEHICLE_SCENE_H
#define TESTS_VEHICLE_SCENE_H

#include "client/vehicles/vehicles.h"
#include "tests/unit/cmocka_all.h"

#define DAWN INT64_C(1800000000000) /* the engine's clock when the lane's is at 0 */

static const struct vehicle_rules usual_rules = {
    .window_ms = 3000, .candidates_max = 5, .caption_vehicles = 20, .caption_again_ms = 600000,
};

/* "QBQ1231:0.9 QBQ1232:0.5", best first. */
static inline struct engine_read look_at(const char *spellings)
{
    struct engine_read look = { .camera = "north", .region_confidence = 1 };

    while (*spellings != '\0') {
        struct engine_candidate *candidate = &look.candidates[look.count++];
        const size_t length = strcspn(spellings, ":");

        memcpy(candidate->raw, spellings, length);
        assert_false(platesieve_failed(platesieve_plate_canonicalise(spellings, length, &candidate->plate)));
        candidate->confidence = strtod(spellings + length + 1, (char **)(uintptr_t)&spellings);
        spellings += strspn(spellings, " ");
    }
    return look;
}

static inline struct engine_read look_of(const char *spellings, const char *jurisdiction, uint64_t id)
{
    struct engine_read look = look_at(spellings);

    if (jurisdiction != NULL) snprintf(look.jurisdiction.code, sizeof(look.jurisdiction.code), "%s", jurisdiction);
    if (id != 0) look.ids[look.id_count++] = id;
    return look;
}

/* "QBQ1231/US-TX QBQ1232/": what a read asks about. */
static inline const char *asked(const struct lane_read *read)
{
    static char text[LIMIT_CHECK_CANDIDATES * 32];
    size_t size = 0;

    text[0] = '\0';
    for (size_t i = 0; i < read->check.count; i++) {
        const struct check_candidate *candidate = &read->check.candidates[i];

        size += (size_t)snprintf(text + size, sizeof(text) - size, "%s%.*s/%s", i > 0 ? " " : "", (int)candidate->plate.length,
                                 candidate->plate.text, candidate->jurisdiction.code);
    }
    return text;
}

#endif
