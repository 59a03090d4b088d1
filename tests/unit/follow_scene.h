/* A follower of a real PostgreSQL, and a model of what it must have in memory: random revisions of all modes on two
   lists.  A variable of the environment names the database as for db_scene.h. */
#ifndef TESTS_FOLLOW_SCENE_H
#define TESTS_FOLLOW_SCENE_H

#include <sodium.h>
#include <unistd.h>
#include <urcu-bp.h>

#include "server/gate/db/db.h"
#include "server/gate/db/migrate.h"
#include "server/gate/follow/internal.h"
#include "tests/unit/unit.h"

#define LISTS 2
#define REFERENCES 40
#define EPOCHS 2
#define SLOTS_MAX 3      /* of an entry and epoch */
#define EVER_MAX 65536
#define WAIT_MS 20000

struct model_entry {
    bool stands;
    size_t first[EPOCHS], count[EPOCHS]; /* of its slots; tokens given twice add up elsewhere */
};

struct ever { /* every slot that was ever pushed */
    uint8_t slot[PLATESIEVE_SLOT_BYTES];
    uint8_t epoch, list, reference;
    bool live;
};

struct scene {
    char folder[32], epochs_file[64], agency[32];
    struct db *agency_db, *gate_db;
    struct gate_state *state;
    struct follow *follow;
    uint64_t numbers[EPOCHS];
    char ids[EPOCHS][LIMIT_EPOCH_ID_MAX + 1];
    uint32_t revisions[LISTS];
    struct model_entry model[LISTS][REFERENCES];
    size_t ever_count;
    struct ever ever[EVER_MAX];
};

static const char *database;
static const char *const list_names[LISTS] = { "one", "two" };

/* -- the model ----------------------------------------------------------------------------------------------------- */

static inline void kill_slots(struct scene *scene, unsigned list, unsigned reference)
{
    for (size_t i = 0; i < scene->ever_count; i++)
        if (scene->ever[i].list == list && scene->ever[i].reference == reference) scene->ever[i].live = false;
    scene->model[list][reference] = (struct model_entry){ .stands = false };
}

static inline void give_slots(struct scene *scene, struct part *part, unsigned list, unsigned reference, unsigned epoch)
{
    size_t count = 1 + randombytes_uniform(SLOTS_MAX);

    for (size_t i = 0; i < count; i++) {
        assert_true(scene->ever_count < EVER_MAX);
        struct ever *ever = &scene->ever[scene->ever_count++];
        struct part_slot *slot = &part->slots[part->slot_count++];

        *ever = (struct ever){ .epoch = (uint8_t)epoch, .list = (uint8_t)list, .reference = (uint8_t)reference,
                               .live = true };
        randombytes_buf(ever->slot, sizeof(ever->slot));
        *slot = (struct part_slot){ .entry = (uint32_t)part->entry_count - 1, .epoch = (uint8_t)epoch,
                                    .grade = PLATESIEVE_PLATE };
        memcpy(slot->slot, ever->slot, sizeof(slot->slot));
    }
    part->entries[part->entry_count - 1].epochs |= 1u << epoch;
    scene->model[list][reference].count[epoch] += count;
}

static inline void add_line(struct scene *scene, struct part *part, unsigned list, unsigned reference, enum part_op op)
{
    struct part_entry *entry = &part->entries[part->entry_count++];

    *entry = (struct part_entry){ .op = op, .expires = ENTRY_FOREVER };
    snprintf(entry->reference, sizeof(entry->reference), "r%u", reference);
    entry->key = entry_key(scene->agency, list_names[list], entry->reference);
    if (op != PART_TOKENS) kill_slots(scene, list, reference);
    if (op == PART_ADD) scene->model[list][reference].stands = true;
    for (unsigned epoch = 0; epoch < EPOCHS && op != PART_REMOVE; epoch++)
        if (op == PART_TOKENS ? randombytes_uniform(2) == 0 : randombytes_uniform(4) != 0)
            give_slots(scene, part, list, reference, epoch);
}

static inline enum part_op op_of(enum revision_mode mode, bool stands)
{
    if (mode == REVISION_TOKENS) return PART_TOKENS;
    return mode == REVISION_CHANGE && stands && randombytes_uniform(2) == 0 ? PART_REMOVE : PART_ADD;
}

/* One revision of LIST, at random; SHARE of its references in percent. */
static inline void push(struct scene *scene, unsigned list, enum revision_mode mode, unsigned share)
{
    struct part *part = calloc(1, sizeof(*part));
    struct db_revision revision;
    struct db_list *out = calloc(1, sizeof(*out));
    struct db_commit commit = { .parts = 1, .near_entries_max = 1000 };

    assert_ok(db_revision_open(scene->agency_db, scene->agency, list_names[list], scene->revisions[list], mode,
                               "tester", &revision));
    part->number = 1;
    part->epoch_count = EPOCHS;
    part->entries = calloc(REFERENCES, sizeof(*part->entries));
    part->slots = calloc(REFERENCES * EPOCHS * SLOTS_MAX, sizeof(*part->slots));
    randombytes_buf(part->sha256, sizeof(part->sha256));
    for (unsigned epoch = 0; epoch < EPOCHS; epoch++) {
        memcpy(part->epochs[epoch].id, scene->ids[epoch], sizeof(scene->ids[epoch]));
        part->epochs[epoch].number = scene->numbers[epoch];
    }
    for (unsigned reference = 0; reference < REFERENCES; reference++) {
        bool stands = scene->model[list][reference].stands;

        if (mode == REVISION_REPLACE) kill_slots(scene, list, reference);
        if (randombytes_uniform(100) >= share || (mode == REVISION_TOKENS && !stands)) continue;
        add_line(scene, part, list, reference, op_of(mode, stands));
    }
    commit.entries = part->entry_count;
    crypto_hash_sha256(commit.sha256, part->sha256, sizeof(part->sha256));
    assert_ok(db_part_put(scene->agency_db, scene->agency, list_names[list], revision.revision, part));
    assert_ok(db_revision_commit(scene->agency_db, scene->agency, list_names[list], revision.revision, &commit,
                                 "tester", out));
    scene->revisions[list] = revision.revision;
    db_revision_free(&revision);
    free(part->entries);
    free(part->slots);
    free(part);
    free(out);
}

/* -- the follower -------------------------------------------------------------------------------------------------- */

static inline void start(struct scene *scene)
{
    struct follow_settings settings = {
        .db = scene->gate_db,
        .state = scene->state,
        .clock = &system_clock,
        .keys_url = "https://127.0.0.1:1",
        .certificate = "none",
        .key = "none",
        .ca = "none",
        .trust_domain = "test",
        .keys_poll_ms = 60000,
        .epochs_file = scene->epochs_file,
    };

    assert_ok(follow_start(&settings, &scene->follow));
    /* Room for the epochs' slots is made before the first load. */
    for (int64_t end = follow_ticks_ms() + WAIT_MS; follow_catalogue(scene->follow) == NULL; usleep(5000))
        assert_true(follow_ticks_ms() < end);
}

static inline const struct catalogue_list *find_list(const struct scene *scene, const struct catalogue *catalogue,
                                                     unsigned list)
{
    for (size_t i = 0; catalogue != NULL && i < catalogue->list_count; i++)
        if (strcmp(catalogue->lists[i].id, list_names[list]) == 0 &&
            strcmp(catalogue->lists[i].agency, scene->agency) == 0)
            return &catalogue->lists[i];
    return NULL;
}

static inline size_t find_epoch(const struct scene *scene, const struct catalogue *catalogue, unsigned epoch)
{
    for (size_t i = 0; i < catalogue->epoch_count; i++)
        if (catalogue->epochs[i].number == scene->numbers[epoch]) return i;
    return SIZE_MAX;
}

static inline bool up_to_date(const struct scene *scene)
{
    bool is = true;

    rcu_read_lock();
    const struct catalogue *catalogue = follow_catalogue(scene->follow);
    for (unsigned i = 0; i < LISTS; i++) {
        const struct catalogue_list *list = find_list(scene, catalogue, i);

        is = is && list != NULL && list->revision == scene->revisions[i];
    }
    for (unsigned i = 0; i < EPOCHS; i++) is = is && find_epoch(scene, catalogue, i) != SIZE_MAX;
    rcu_read_unlock();
    return is;
}

static inline void wait_for_it(struct scene *scene)
{
    int64_t end = follow_ticks_ms() + WAIT_MS;

    while (!up_to_date(scene)) {
        assert_true(follow_ticks_ms() < end);
        usleep(5000);
    }
}

/* -- the two compared ---------------------------------------------------------------------------------------------- */

struct look {
    const struct catalogue *catalogue;
    const struct catalogue_list *list;
    uint64_t key;
    unsigned seen;
};

static inline bool look(void *context, const struct index_match *match)
{
    struct look *look = context;
    const struct entry *entry = entries_get(look->catalogue->entries, match->entry);

    if (!catalogue_segment_visible(look->catalogue, match->segment)) return true;
    if (!catalogue_entry_live(look->catalogue, entry, (uint32_t)time(NULL))) return true;
    assert_ptr_equal(&look->catalogue->lists[look->catalogue->segments[match->segment - 1].list], look->list);
    assert_int_equal(entry->key, look->key);
    look->seen++;
    return true;
}

static inline void compare_slots(const struct scene *scene, const struct catalogue *catalogue)
{
    for (size_t i = 0; i < scene->ever_count; i++) {
        const struct ever *ever = &scene->ever[i];
        char reference[16];
        struct look found = { .catalogue = catalogue, .list = find_list(scene, catalogue, ever->list) };

        snprintf(reference, sizeof(reference), "r%u", ever->reference);
        found.key = entry_key(scene->agency, list_names[ever->list], reference);
        index_lookup(catalogue->epochs[find_epoch(scene, catalogue, ever->epoch)].index, ever->slot, look, &found);
        assert_int_equal(found.seen, ever->live);
    }
}

/* Coverage may be said to be partial where it is whole, never the other way round. */
static inline void compare_coverage(const struct scene *scene, const struct catalogue *catalogue)
{
    for (unsigned list = 0; list < LISTS; list++) {
        const struct catalogue_list *have = find_list(scene, catalogue, list);
        uint64_t standing = 0;

        for (unsigned r = 0; r < REFERENCES; r++) standing += scene->model[list][r].stands;
        assert_int_equal(have->entries, standing);
        for (unsigned epoch = 0; epoch < EPOCHS; epoch++) {
            bool whole = true, any = false;

            for (unsigned r = 0; r < REFERENCES; r++) {
                const struct model_entry *entry = &scene->model[list][r];

                whole = whole && (!entry->stands || entry->count[epoch] > 0);
                any = any || entry->count[epoch] > 0;
            }
            enum coverage coverage = catalogue_list_coverage(have, find_epoch(scene, catalogue, epoch));
            if (!whole) assert_int_not_equal(coverage, COVERAGE_WHOLE);
            if (any) assert_int_not_equal(coverage, COVERAGE_NONE);
        }
    }
}

static inline void compare(struct scene *scene)
{
    wait_for_it(scene);
    rcu_read_lock();
    const struct catalogue *catalogue = follow_catalogue(scene->follow);
    compare_slots(scene, catalogue);
    compare_coverage(scene, catalogue);
    rcu_read_unlock();
}

static inline void random_push(struct scene *scene)
{
    unsigned list = randombytes_uniform(LISTS), kind = randombytes_uniform(10);

    if (kind == 0) push(scene, list, REVISION_REPLACE, randombytes_uniform(101));
    else if (kind < 7) push(scene, list, REVISION_CHANGE, 1 + randombytes_uniform(20));
    else push(scene, list, REVISION_TOKENS, 1 + randombytes_uniform(60));
}

static inline struct keys_answer known_epochs(const struct scene *scene, size_t count)
{
    struct keys_answer answer = { .count = count };
    int64_t now_ms = clock_now_ms(&system_clock);

    for (size_t i = 0; i < count; i++) {
        struct keys_epoch *epoch = &answer.epochs[i];

        epoch->number = scene->numbers[i];
        memcpy(epoch->id, scene->ids[i], sizeof(epoch->id));
        memset(epoch->key_id, (int)i + 1, sizeof(epoch->key_id));
        epoch->opens_ms = (int64_t)scene->numbers[i] * 1000;
        epoch->closes_ms = epoch->opens_ms + 7200000;
        epoch->destroyed_ms = now_ms / 1000 * 1000 + 3600000 * 24;
    }
    return answer;
}

/* -- the scene ----------------------------------------------------------------------------------------------------- */

static inline void make_lists(struct scene *scene)
{
    struct db_list *list = calloc(1, sizeof(*list));

    for (unsigned i = 0; i < LISTS; i++) {
        *list = (struct db_list){ .priority = 50, .grade = PLATESIEVE_PLATE, .cooldown_s = 300, .retention_days = 30,
                                  .age_limit_s = 86400,
                                  .cap_tokens = 1000000 };
        snprintf(list->id, sizeof(list->id), "%s", list_names[i]);
        snprintf(list->category, sizeof(list->category), "stolen");
        assert_ok(db_list_create(scene->agency_db, scene->agency, list, "tester", &(struct list_limits){ .request_days = 7 }));
    }
    free(list);
}

static const uint8_t state_key[PLATESIEVE_KEY_BYTES] = { 5 };

static inline void make_folder(struct scene *scene)
{
    snprintf(scene->folder, sizeof(scene->folder), "/tmp/follow-test-XXXXXX");
    assert_non_null(mkdtemp(scene->folder));
    snprintf(scene->epochs_file, sizeof(scene->epochs_file), "%s/epochs.json", scene->folder);
    assert_ok(gate_state_create(scene->folder, state_key, stderr));
    assert_ok(gate_state_open(scene->folder, state_key, stderr, &scene->state));
}

static inline void open_databases(struct scene *scene)
{
    char conninfo[512];

    snprintf(conninfo, sizeof(conninfo), "%s user=platesieve_owner", database);
    assert_int_equal(migrate_run(conninfo, stderr, stderr), 0);
    snprintf(conninfo, sizeof(conninfo), "%s user=platesieve_agency", database);
    assert_ok(db_open(conninfo, "follow_test agency", 2, 1000, &scene->agency_db));
    snprintf(conninfo, sizeof(conninfo), "%s user=platesieve_gate", database);
    assert_ok(db_open(conninfo, "follow_test", 3, 1000, &scene->gate_db));
    assert_ok(db_seal_with(scene->agency_db, gate_state_mac_key(scene->state)));
    assert_ok(db_seal_with(scene->gate_db, gate_state_mac_key(scene->state)));
    bool changed;
    assert_ok(db_fence_give(scene->gate_db, &changed));
}

/* Whether PROGRAM, "follow_test", has a database: its own, in that variable. */
static inline bool database_given(const char *program, const char *variable)
{
    database = getenv(variable);
    if (database == NULL) fprintf(stderr, "%s: SKIPPED: %s names no database\n", program, variable);
    return database != NULL && sodium_init() >= 0;
}

static inline int set_up(void **state)
{
    struct scene *scene = calloc(1, sizeof(*scene));
    uint64_t now_s = (uint64_t)time(NULL);

    assert_non_null(scene);
    for (unsigned i = 0; i < EPOCHS; i++) { /* numbers of their own: other tests may have used the database */
        scene->numbers[i] = now_s + i;
        snprintf(scene->ids[i], sizeof(scene->ids[i]), "follow-%llu", (unsigned long long)scene->numbers[i]);
    }
    snprintf(scene->agency, sizeof(scene->agency), "follow-%08x", randombytes_random());
    make_folder(scene);
    open_databases(scene);
    make_lists(scene);
    struct keys_answer answer = known_epochs(scene, EPOCHS);
    assert_ok(keys_answer_write(scene->epochs_file, &answer));
    *state = scene;
    return 0;
}

static inline int tear_down(void **state)
{
    struct scene *scene = *state;
    static const char *const files[] = { "epochs.json", "key", "gate.sealed" };
    char path[128];

    gate_state_close(scene->state);
    db_close(scene->agency_db);
    db_close(scene->gate_db);
    for (size_t i = 0; i < ARRAY_LENGTH(files); i++) {
        snprintf(path, sizeof(path), "%s/%s", scene->folder, files[i]);
        (void)unlink(path);
    }
    (void)rmdir(scene->folder);
    free(scene);
    return 0;
}

#endif
