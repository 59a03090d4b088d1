#include "client/vehicles/vehicles.h"

#include <sodium.h>

#include "client/client.h"
#include "client/vehicles/captions.h"
#include "client/vehicles/vehicle_table.h"

/* A candidate of the look that is being taken. */
struct candidate {
    const struct engine_candidate *from;
    uint64_t text;
    struct similar_form form;
    bool beside;  /* of a reading that is quite unlike it */
    bool skipped; /* a caption */
    bool asked;   /* just now */
};

/* Work on one look; wiped at its end. */
struct glance {
    size_t count, chosen_count;
    struct candidate candidates[ENGINE_CANDIDATES_MAX]; /* that have the confidence, best first */
    struct candidate *chosen[LIMIT_CHECK_CANDIDATES];
    struct platesieve_jurisdiction jurisdiction; /* empty: unknown */
    unsigned most;                               /* candidates of a read */
    struct vehicle_clue clue;
    struct vehicle_matches matches;
};

struct vehicles {
    struct vehicle_rules rules;
    uint8_t key[crypto_shorthash_KEYBYTES];
    struct vehicle_table table;
    struct captions captions;
    uint64_t skipped; /* texts, as captions */
    struct glance glance;
};

struct vehicles *vehicles_create(const struct vehicle_rules *rules)
{
    struct vehicles *vehicles = platesieve_secret_allocate(sizeof(*vehicles));

    if (vehicles == NULL) {
        say("there is no memory that can be locked for vehicles (%zu kB)", sizeof(*vehicles) / 1024);
        return NULL;
    }
    vehicles->rules = *rules;
    vehicles->table.window_ms = rules->window_ms;
    captions_begin(&vehicles->captions, rules->caption_vehicles, rules->caption_again_ms);
    randombytes_buf(vehicles->key, sizeof(vehicles->key));
    return vehicles;
}

void vehicles_destroy(struct vehicles *vehicles)
{
    platesieve_secret_free(vehicles);
}

/* -- keyed hashes; never 0 ------------------------------------------------------------------------------------------- */

static uint64_t keyed(const struct vehicles *vehicles, const void *bytes, size_t size)
{
    uint64_t hash;

    static_assert(sizeof(hash) == crypto_shorthash_BYTES, "SipHash-2-4");
    crypto_shorthash((unsigned char *)&hash, bytes, size, vehicles->key);
    return hash == 0 ? 1 : hash;
}

static uint64_t camera_hash(const struct vehicles *vehicles, const char *camera)
{
    return keyed(vehicles, camera, strlen(camera));
}

static uint64_t text_hash(const struct vehicles *vehicles, uint64_t camera, const struct platesieve_plate *plate)
{
    uint8_t bytes[sizeof(camera) + PLATESIEVE_PLATE_MAX];
    uint64_t hash;

    memcpy(bytes, &camera, sizeof(camera));
    memcpy(bytes + sizeof(camera), plate->text, plate->length);
    hash = keyed(vehicles, bytes, sizeof(camera) + plate->length);
    platesieve_wipe(bytes, sizeof(bytes));
    return hash;
}

/* -- what of the look is to be asked about --------------------------------------------------------------------------- */

static void glance_candidates(const struct vehicles *vehicles, const struct engine_read *look, struct glance *glance)
{
    for (size_t i = 0; i < look->count && i < ENGINE_CANDIDATES_MAX; i++) {
        const struct engine_candidate *from = &look->candidates[i];

        if (from->confidence < vehicles->rules.confidence_min || from->plate.length == 0) continue;
        glance->candidates[glance->count++] = (struct candidate){
            .from = from, .text = text_hash(vehicles, glance->clue.camera, &from->plate), .form = similar_form(&from->plate) };
    }
    for (size_t i = 0; i < glance->count; i++) {
        struct candidate *one = &glance->candidates[i];

        for (size_t j = 0; j < glance->count && !one->beside; j++) one->beside = similar_unlike(&one->form, &glance->candidates[j].form);
    }
}

/* The best that are no captions; says whether there were captions. */
static bool glance_choose(struct vehicles *vehicles, const struct caption_camera *camera, int64_t now_ms, struct glance *glance)
{
    bool captions = false;

    for (size_t i = 0; i < glance->count; i++) {
        struct candidate *one = &glance->candidates[i];

        one->skipped = captions_skip(&vehicles->captions, camera, one->text, one->beside, now_ms);
        captions |= one->skipped;
        vehicles->skipped += one->skipped;
        if (one->skipped || glance->chosen_count == glance->most) continue;
        glance->clue.texts[glance->chosen_count] = one->text;
        glance->clue.forms[glance->chosen_count] = one->form;
        glance->chosen[glance->chosen_count++] = one;
    }
    glance->clue.count = glance->chosen_count;
    return captions;
}

static bool was_asked(const struct glance *glance, const struct candidate *candidate)
{
    for (size_t i = 0; i < glance->matches.count; i++)
        if (vehicle_asked(glance->matches.list[i], candidate->text, &glance->jurisdiction)) return true;
    return false;
}

/* -- the read to ask --------------------------------------------------------------------------------------------------- */

/* At its place among those that are there, best first. */
static void read_add(struct lane_read *read, const struct platesieve_plate *plate, const char *raw, double confidence,
                     const struct platesieve_jurisdiction *jurisdiction)
{
    size_t place = read->check.count++;

    for (; place > 0 && read->check.candidates[place - 1].confidence < confidence; place--) {
        read->check.candidates[place] = read->check.candidates[place - 1];
        memcpy(read->raw[place], read->raw[place - 1], sizeof(read->raw[place]));
    }
    read->check.candidates[place] = (struct check_candidate){ .plate = *plate, .jurisdiction = *jurisdiction, .confidence = confidence };
    snprintf(read->raw[place], sizeof(read->raw[place]), "%s", raw);
}

static void read_begin(struct lane_read *read, const struct vehicle *vehicle, const struct engine_read *look, bool same)
{
    read->same = same;
    memcpy(read->check.id, vehicle->id, sizeof(read->check.id));
    read->check.seen_ms = look->seen_ms;
    read->late = look->late;
    read->long_past = look->long_past;
    snprintf(read->camera, sizeof(read->camera), "%s", look->camera);
}

/* Room for what is to be asked under VEHICLE. */
static bool has_room(struct vehicle *vehicle, const struct glance *glance)
{
    size_t due = 0, more = 0;

    for (size_t i = 0; i < glance->chosen_count; i++) {
        const struct vehicle_spelling *spelling = vehicle_spelling(vehicle, glance->chosen[i]->text);

        if (was_asked(glance, glance->chosen[i])) continue;
        due++;
        more += spelling == NULL || !spelling->asked;
    }
    if (due == 0) return true;
    if (more > vehicle_room(vehicle)) return false;
    return glance->jurisdiction.code[0] == '\0' || vehicle->region_count < LIMIT_VEHICLE_REGIONS
           || vehicle_region_bit(vehicle, &glance->jurisdiction) != 0;
}

static void note_region(struct vehicle *vehicle, const struct platesieve_jurisdiction *jurisdiction, double confidence)
{
    if (jurisdiction->code[0] == '\0') return;
    for (size_t i = 0; i < vehicle->region_count; i++) {
        struct vehicle_region *region = &vehicle->regions[i];

        if (strcmp(region->jurisdiction.code, jurisdiction->code) != 0) continue;
        if (region->confidence < (float)confidence) region->confidence = (float)confidence;
        return;
    }
    if (vehicle->region_count < LIMIT_VEHICLE_REGIONS)
        vehicle->regions[vehicle->region_count++] = (struct vehicle_region){ *jurisdiction, (float)confidence };
}

static void ask_of_look(struct glance *glance, struct vehicle *vehicle, struct lane_read *read)
{
    const uint8_t region = vehicle_region_bit(vehicle, &glance->jurisdiction);

    for (size_t i = 0; i < glance->chosen_count; i++) {
        struct candidate *one = glance->chosen[i];
        struct vehicle_spelling *spelling = vehicle_spelling(vehicle, one->text);

        if (spelling != NULL && spelling->confidence < (float)one->from->confidence) spelling->confidence = (float)one->from->confidence;
        if (was_asked(glance, one)) continue;
        if (spelling == NULL) {
            spelling = vehicle_spelling_add(vehicle, one->text);
            spelling->confidence = (float)one->from->confidence;
        }
        spelling->plate = one->from->plate; /* also where it had faded */
        spelling->form = one->form;
        if (!spelling->asked) spelling->asked_ms = glance->clue.now_ms;
        spelling->asked = true;
        spelling->regions |= region;
        one->asked = true;
        read_add(read, &one->from->plate, one->from->raw, (double)spelling->confidence, &glance->jurisdiction);
    }
}

/* The vehicle's best candidate that was asked about without a jurisdiction only, and is not asked about now; NULL: none. */
static struct vehicle_spelling *without_region(struct vehicle *vehicle)
{
    struct vehicle_spelling *best = NULL;

    for (size_t i = 0; i < vehicle->count; i++) {
        struct vehicle_spelling *spelling = &vehicle->spellings[i];

        if (spelling->asked && spelling->regions == 0 && spelling->plate.length > 0 && (best == NULL || spelling->confidence > best->confidence)) best = spelling;
    }
    return best;
}

/* A jurisdiction has become known: other candidates may now be found at `full`. */
static void ask_with_region(const struct glance *glance, struct vehicle *vehicle, struct lane_read *read)
{
    const uint8_t region = vehicle_region_bit(vehicle, &glance->jurisdiction);

    while (region != 0 && read->check.count < glance->most) {
        struct vehicle_spelling *spelling = without_region(vehicle);
        char raw[PLATESIEVE_PLATE_MAX + 1];

        if (spelling == NULL) break;
        spelling->regions |= region;
        snprintf(raw, sizeof(raw), "%.*s", (int)spelling->plate.length, spelling->plate.text);
        read_add(read, &spelling->plate, raw, (double)spelling->confidence, &glance->jurisdiction);
        platesieve_wipe(raw, sizeof(raw));
    }
}

/* The vehicle that the look is of: the one that fits best and has room for it; otherwise a new one. */
static struct vehicle *vehicle_for(struct vehicles *vehicles, struct glance *glance, bool *begun)
{
    *begun = false;
    for (size_t i = 0; i < glance->matches.count; i++)
        if (has_room(glance->matches.list[i], glance)) return glance->matches.list[i];
    *begun = true;
    return vehicle_table_begin(&vehicles->table, &glance->clue);
}

/* The vehicle under which the look's best candidate was asked about. */
static struct vehicle *asked_under(const struct glance *glance)
{
    for (size_t i = 0; glance->chosen_count > 0 && i < glance->matches.count; i++)
        if (vehicle_asked(glance->matches.list[i], glance->chosen[0]->text, &glance->jurisdiction)) return glance->matches.list[i];
    return glance->matches.list[0];
}

static void read_known(const struct glance *glance, const struct engine_read *look, struct lane_read *read)
{
    read_begin(read, asked_under(glance), look, glance->matches.sure);
    for (size_t i = 0; i < glance->chosen_count; i++) {
        const struct engine_candidate *from = glance->chosen[i]->from;

        read_add(read, &from->plate, from->raw, from->confidence, &glance->jurisdiction);
    }
}

/* -- taking a look ----------------------------------------------------------------------------------------------------- */

static void glance_begin(const struct vehicles *vehicles, const struct engine_read *look, int64_t now_ms, unsigned candidates_max,
                         struct glance *glance)
{
    unsigned most = vehicles->rules.candidates_max < candidates_max ? vehicles->rules.candidates_max : candidates_max;

    if (most > LIMIT_CHECK_CANDIDATES) most = LIMIT_CHECK_CANDIDATES;
    glance->most = most > 0 ? most : 1;
    glance->clue = (struct vehicle_clue){ .camera = camera_hash(vehicles, look->camera), .now_ms = now_ms, .seen_ms = look->seen_ms, .late = look->late,
                                          .ids = look->ids, .id_count = look->id_count < ENGINE_IDS_MAX ? look->id_count : ENGINE_IDS_MAX };
    if (look->region_confidence >= vehicles->rules.region_confidence_min) glance->jurisdiction = look->jurisdiction;
    glance_candidates(vehicles, look, glance);
}

/* Asks what is new of the look; begins its vehicle if it has none.  NULL with VEHICLE_KNOWN of another. */
static enum vehicle_outcome glance_ask(struct vehicles *vehicles, const struct engine_read *look, struct caption_camera *camera,
                                       struct glance *glance, struct vehicle **its, struct lane_read *read)
{
    struct vehicle *vehicle;
    bool begun;

    if (glance->jurisdiction.code[0] == '\0' && glance->matches.count > 0 && vehicle_jurisdiction(glance->matches.list[0]) != NULL)
        glance->jurisdiction = *vehicle_jurisdiction(glance->matches.list[0]);
    vehicle = vehicle_for(vehicles, glance, &begun);
    if (begun) vehicle->place = ++camera->vehicles;
    vehicle_table_touch(&vehicles->table, vehicle, &glance->clue);
    note_region(vehicle, &glance->jurisdiction, look->region_confidence);
    ask_of_look(glance, vehicle, read);
    ask_with_region(glance, vehicle, read);
    *its = vehicle;
    if (read->check.count == 0) {
        read_known(glance, look, read);
        return VEHICLE_KNOWN;
    }
    read_begin(read, vehicle, look, begun || glance->matches.sure);
    read->check.again = !begun;
    return begun ? VEHICLE_NEW : VEHICLE_AGAIN;
}

/* The best reading that is quite unlike ONE and no caption; 0: none. */
static uint64_t companion_of(const struct glance *glance, const struct candidate *one)
{
    for (size_t i = 0; i < glance->count; i++)
        if (!glance->candidates[i].skipped && similar_unlike(&one->form, &glance->candidates[i].form)) return glance->candidates[i].text;
    return 0;
}

/* PLACE: of the look's vehicle; 0: none was left. */
static void glance_captions(struct vehicles *vehicles, const struct caption_camera *camera, const struct glance *glance, uint64_t before,
                            uint64_t place)
{
    for (size_t i = 0; i < glance->count; i++) {
        const struct candidate *one = &glance->candidates[i];
        const struct caption_look look = { .text = one->text, .beside = one->beside, .companion = companion_of(glance, one),
                                           .vehicle = place, .before = before, .asked = one->asked };

        captions_saw(&vehicles->captions, camera, &look, glance->clue.now_ms);
    }
}

enum vehicle_outcome vehicles_take(struct vehicles *vehicles, const struct engine_read *look, int64_t now_ms, unsigned candidates_max,
                                   struct lane_read *read)
{
    struct glance *glance = &vehicles->glance;
    struct caption_camera *camera;
    struct vehicle *vehicle = NULL;
    enum vehicle_outcome outcome;
    uint64_t before;
    bool captions;

    platesieve_wipe(read, sizeof(*read));
    vehicle_table_forget(&vehicles->table, now_ms);
    glance_begin(vehicles, look, now_ms, candidates_max, glance);
    camera = captions_camera(&vehicles->captions, glance->clue.camera, now_ms);
    before = camera->vehicles;
    captions = glance_choose(vehicles, camera, now_ms, glance);
    vehicle_table_find(&vehicles->table, &glance->clue, &glance->matches);
    if (glance->chosen_count > 0) {
        outcome = glance_ask(vehicles, look, camera, glance, &vehicle, read);
    } else if (glance->matches.count > 0) {
        outcome = VEHICLE_KNOWN;
        read_known(glance, look, read);
    } else {
        outcome = captions ? VEHICLE_CAPTION : VEHICLE_NOTHING;
    }
    glance_captions(vehicles, camera, glance, before, vehicle != NULL ? vehicle->place : 0);
    platesieve_wipe(glance, sizeof(*glance));
    return outcome;
}

bool vehicles_asking(struct vehicles *vehicles, const struct lane_read *read)
{
    struct vehicle *vehicle = vehicle_table_of(&vehicles->table, read->check.id);

    if (vehicle == NULL) return read->check.again; /* nobody knows better any more */
    if (vehicle->counted || vehicle->counting > 0) return true;
    vehicle->counting++;
    return false;
}

void vehicles_asked(struct vehicles *vehicles, const struct lane_read *read, bool again, bool answered)
{
    struct vehicle *vehicle = vehicle_table_of(&vehicles->table, read->check.id);

    if (vehicle == NULL || again) return;
    if (vehicle->counting > 0) vehicle->counting--;
    vehicle->counted = vehicle->counted || answered;
}

void vehicles_unchecked(struct vehicles *vehicles, const struct lane_read *read)
{
    struct vehicle *vehicle = vehicle_table_of(&vehicles->table, read->check.id);
    const uint64_t camera = camera_hash(vehicles, read->camera);

    for (size_t i = 0; vehicle != NULL && i < read->check.count; i++) {
        const struct check_candidate *candidate = &read->check.candidates[i];
        struct vehicle_spelling *spelling = vehicle_spelling(vehicle, text_hash(vehicles, camera, &candidate->plate));

        if (spelling == NULL) continue;
        *spelling = vehicle->spellings[--vehicle->count];
        platesieve_wipe(&vehicle->spellings[vehicle->count], sizeof(vehicle->spellings[vehicle->count]));
    }
    if (vehicle != NULL && vehicle->count == 0) platesieve_wipe(vehicle, sizeof(*vehicle));
}

void vehicles_listed(struct vehicles *vehicles, const struct lane_read *read, unsigned candidate, int64_t now_ms)
{
    const uint64_t camera = camera_hash(vehicles, read->camera);
    uint64_t text;

    if (candidate >= read->check.count) return;
    text = text_hash(vehicles, camera, &read->check.candidates[candidate].plate);
    captions_listed(&vehicles->captions, captions_camera(&vehicles->captions, camera, now_ms), text, now_ms);
}

uint64_t vehicles_captions(const struct vehicles *vehicles)
{
    return vehicles->skipped;
}

void vehicles_forget(struct vehicles *vehicles, int64_t now_ms)
{
    vehicle_table_forget(&vehicles->table, now_ms);
    captions_forget(&vehicles->captions, now_ms);
}
