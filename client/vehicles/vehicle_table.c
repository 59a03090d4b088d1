#include "client/vehicles/vehicle_table.h"

#include <assert.h>
#include <sodium.h>

#define WAYS 8 /* places in which one id may stand */

static_assert(LIMIT_VEHICLE_IDS % WAYS == 0, "ids stand in sets of places");
static_assert(LIMIT_VEHICLE_REGIONS <= 8, "a spelling has a bit for each");

/* -- ids ----------------------------------------------------------------------------------------------------------- */

/* Two cameras may count in the same way. */
static uint64_t id_of_camera(uint64_t id, uint64_t camera)
{
    return id ^ (camera << 1 | camera >> 63);
}

static struct vehicle_id *id_set(struct vehicle_table *table, uint64_t id)
{
    return &table->ids[id % (LIMIT_VEHICLE_IDS / WAYS) * WAYS];
}

static struct vehicle *vehicle_of(struct vehicle_table *table, const struct vehicle_id *id)
{
    return id->number != 0 && table->places[id->index].number == id->number ? &table->places[id->index] : NULL;
}

static struct vehicle *id_find(struct vehicle_table *table, uint64_t id)
{
    const struct vehicle_id *set = id_set(table, id);

    for (size_t i = 0; i < WAYS; i++)
        if (set[i].id == id && vehicle_of(table, &set[i]) != NULL) return vehicle_of(table, &set[i]);
    return NULL;
}

/* In its own place, if it has one; else the oldest vehicle's makes room. */
static void id_put(struct vehicle_table *table, uint64_t id, const struct vehicle *vehicle)
{
    struct vehicle_id *set = id_set(table, id), *place = &set[0];

    for (size_t i = 0; i < WAYS; i++) {
        if (vehicle_of(table, &set[i]) == NULL || set[i].id == id) set[i] = (struct vehicle_id){ 0 };
        if (set[i].number < place->number) place = &set[i];
    }
    *place = (struct vehicle_id){ .id = id, .number = vehicle->number, .index = (size_t)(vehicle - table->places) };
}

/* -- spellings ----------------------------------------------------------------------------------------------------- */

struct vehicle_spelling *vehicle_spelling(struct vehicle *vehicle, uint64_t text)
{
    for (size_t i = 0; i < vehicle->count; i++)
        if (vehicle->spellings[i].text == text) return &vehicle->spellings[i];
    return NULL;
}

size_t vehicle_room(const struct vehicle *vehicle)
{
    size_t room = LIMIT_VEHICLE_SPELLINGS - vehicle->count;

    for (size_t i = 0; i < vehicle->count; i++) room += !vehicle->spellings[i].asked;
    return room;
}

struct vehicle_spelling *vehicle_spelling_add(struct vehicle *vehicle, uint64_t text)
{
    struct vehicle_spelling *spelling = vehicle->spellings;

    if (vehicle->count < LIMIT_VEHICLE_SPELLINGS) spelling = &vehicle->spellings[vehicle->count++];
    else while (spelling->asked) spelling++; /* there is one, since there is room */
    assert(spelling < vehicle->spellings + LIMIT_VEHICLE_SPELLINGS);
    *spelling = (struct vehicle_spelling){ .text = text };
    return spelling;
}

uint8_t vehicle_region_bit(const struct vehicle *vehicle, const struct platesieve_jurisdiction *jurisdiction)
{
    for (size_t i = 0; jurisdiction->code[0] != '\0' && i < vehicle->region_count; i++)
        if (strcmp(vehicle->regions[i].jurisdiction.code, jurisdiction->code) == 0) return (uint8_t)(1u << i);
    return 0;
}

bool vehicle_asked(struct vehicle *vehicle, uint64_t text, const struct platesieve_jurisdiction *jurisdiction)
{
    const struct vehicle_spelling *spelling = vehicle_spelling(vehicle, text);

    if (spelling == NULL || !spelling->asked) return false;
    return jurisdiction->code[0] == '\0' || (spelling->regions & vehicle_region_bit(vehicle, jurisdiction)) != 0;
}

const struct platesieve_jurisdiction *vehicle_jurisdiction(const struct vehicle *vehicle)
{
    const struct vehicle_region *best = NULL;

    for (size_t i = 0; i < vehicle->region_count; i++)
        if (best == NULL || vehicle->regions[i].confidence > best->confidence) best = &vehicle->regions[i];
    return best == NULL ? NULL : &best->jurisdiction;
}

/* -- finding ------------------------------------------------------------------------------------------------------- */

/* By the engine's times where there are some, since messages come late and out of order; else by when they came. */
static bool in_time(const struct vehicle *vehicle, const struct vehicle_clue *clue, int64_t window_ms)
{
    if (clue->seen_ms != 0 && vehicle->seen_last != 0)
        return clue->seen_ms >= vehicle->seen_first - window_ms && clue->seen_ms <= vehicle->seen_last + window_ms;
    return clue->now_ms - vehicle->last_ms <= window_ms;
}

static bool has_one_of(struct vehicle *vehicle, const struct vehicle_clue *clue)
{
    for (size_t i = 0; i < clue->count; i++)
        if (vehicle_spelling(vehicle, clue->texts[i]) != NULL) return true;
    return false;
}

static bool is_similar(const struct vehicle *vehicle, const struct vehicle_clue *clue)
{
    for (size_t i = 0; i < clue->count; i++)
        for (size_t j = 0; j < vehicle->count; j++)
            if (similar_one_edit(&clue->forms[i], &vehicle->spellings[j].form)) return true;
    return false;
}

static void match_add(struct vehicle_matches *matches, struct vehicle *vehicle)
{
    size_t oldest = 0;

    for (size_t i = 0; i < matches->count; i++) {
        if (matches->list[i] == vehicle) return;
        if (matches->list[i]->last_ms < matches->list[oldest]->last_ms) oldest = i;
    }
    if (matches->count < VEHICLE_MATCHES_MAX) matches->list[matches->count++] = vehicle;
    else if (matches->list[oldest]->last_ms < vehicle->last_ms) matches->list[oldest] = vehicle;
}

/* How well a vehicle fits; of two alike the one seen last. */
enum how { FIT_NONE, FIT_SIMILAR, FIT_SAME_TEXT, FIT_ID };
struct fit {
    struct vehicle *vehicle;
    enum how how;
};

static void fit_better(struct fit *best, struct vehicle *vehicle, enum how how)
{
    if (how < best->how || (how == best->how && vehicle->last_ms <= best->vehicle->last_ms)) return;
    *best = (struct fit){ vehicle, how };
}

void vehicle_table_find(struct vehicle_table *table, const struct vehicle_clue *clue, struct vehicle_matches *matches)
{
    struct fit best = { 0 };

    *matches = (struct vehicle_matches){ 0 };
    for (size_t i = 0; i < clue->id_count; i++) {
        struct vehicle *vehicle = id_find(table, id_of_camera(clue->ids[i], clue->camera));

        if (vehicle == NULL) continue;
        match_add(matches, vehicle);
        fit_better(&best, vehicle, FIT_ID);
    }
    for (size_t i = 0; i < LIMIT_VEHICLES; i++) {
        struct vehicle *vehicle = &table->places[i];
        enum how how;

        if (vehicle->number == 0 || vehicle->camera != clue->camera || !in_time(vehicle, clue, table->window_ms)) continue;
        how = has_one_of(vehicle, clue) ? FIT_SAME_TEXT : !vehicle->faded && is_similar(vehicle, clue) ? FIT_SIMILAR : FIT_NONE;
        if (how == FIT_NONE) continue;
        match_add(matches, vehicle);
        fit_better(&best, vehicle, how);
    }
    if (best.how == FIT_NONE) return;
    matches->sure = best.how != FIT_SIMILAR;
    for (size_t i = 0; i < matches->count; i++) {
        if (matches->list[i] != best.vehicle) continue;
        matches->list[i] = matches->list[0];
        matches->list[0] = best.vehicle;
        return;
    }
    matches->list[0] = best.vehicle; /* crowded out by later ones */
}

struct vehicle *vehicle_table_of(struct vehicle_table *table, const uint8_t id[PLATESIEVE_READ_ID_BYTES])
{
    for (size_t i = 0; i < LIMIT_VEHICLES; i++)
        if (table->places[i].number != 0 && memcmp(table->places[i].id, id, PLATESIEVE_READ_ID_BYTES) == 0) return &table->places[i];
    return NULL;
}

/* -- coming and going ---------------------------------------------------------------------------------------------- */

/* Must ONE go before OTHER, which is there? */
static bool goes_first(const struct vehicle *one, const struct vehicle *other)
{
    if (one->number == 0 || one->late != other->late) return one->number == 0 || one->late;
    return one->last_ms < other->last_ms;
}

struct vehicle *vehicle_table_begin(struct vehicle_table *table, const struct vehicle_clue *clue)
{
    struct vehicle *vehicle = &table->places[0];

    for (size_t i = 1; i < LIMIT_VEHICLES && vehicle->number != 0; i++)
        if (goes_first(&table->places[i], vehicle)) vehicle = &table->places[i];
    platesieve_wipe(vehicle, sizeof(*vehicle));
    vehicle->number = ++table->made;
    vehicle->camera = clue->camera;
    vehicle->began_ms = vehicle->last_ms = clue->now_ms;
    vehicle->seen_first = vehicle->seen_last = clue->seen_ms;
    vehicle->late = clue->late;
    randombytes_buf(vehicle->id, sizeof(vehicle->id));
    for (size_t i = 0; i < clue->id_count; i++) id_put(table, id_of_camera(clue->ids[i], clue->camera), vehicle);
    return vehicle;
}

void vehicle_table_touch(struct vehicle_table *table, struct vehicle *vehicle, const struct vehicle_clue *clue)
{
    vehicle->last_ms = clue->now_ms;
    vehicle->faded = false;
    vehicle->late = vehicle->late && clue->late;
    if (clue->seen_ms != 0 && (vehicle->seen_first == 0 || clue->seen_ms < vehicle->seen_first)) vehicle->seen_first = clue->seen_ms;
    if (clue->seen_ms > vehicle->seen_last) vehicle->seen_last = clue->seen_ms;
    for (size_t i = 0; i < clue->id_count; i++) {
        const uint64_t id = id_of_camera(clue->ids[i], clue->camera);

        if (id_find(table, id) == NULL) id_put(table, id, vehicle);
    }
}

static void fade(struct vehicle *vehicle)
{
    for (size_t i = 0; i < vehicle->count; i++) {
        platesieve_wipe(&vehicle->spellings[i].plate, sizeof(vehicle->spellings[i].plate));
        platesieve_wipe(&vehicle->spellings[i].form, sizeof(vehicle->spellings[i].form));
    }
    vehicle->faded = true;
}

static bool is_over(const struct vehicle *vehicle, int64_t now_ms)
{
    return now_ms - vehicle->last_ms >= LIMIT_VEHICLE_AGAIN_S * INT64_C(1000) || now_ms - vehicle->began_ms >= LIMIT_VEHICLE_READ_S * INT64_C(1000);
}

/* Lists change while a vehicle stands there. */
static void ask_anew(struct vehicle *vehicle, int64_t now_ms)
{
    for (size_t i = 0; i < vehicle->count; i++) {
        struct vehicle_spelling *spelling = &vehicle->spellings[i];

        if (!spelling->asked || now_ms - spelling->asked_ms < LIMIT_VEHICLE_AGAIN_S * INT64_C(1000)) continue;
        spelling->asked = false;
        spelling->regions = 0;
    }
}

void vehicle_table_forget(struct vehicle_table *table, int64_t now_ms)
{
    for (size_t i = 0; i < LIMIT_VEHICLES; i++) {
        struct vehicle *vehicle = &table->places[i];

        if (vehicle->number == 0) continue;
        if (is_over(vehicle, now_ms)) {
            platesieve_wipe(vehicle, sizeof(*vehicle));
            continue;
        }
        ask_anew(vehicle, now_ms);
        if (!vehicle->faded && now_ms - vehicle->last_ms > table->window_ms) fade(vehicle);
    }
}
