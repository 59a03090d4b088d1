/* The index against a plain array that is searched from end to end. */
#include "tests/unit/unit.h"

#include <pthread.h>
#include <sodium.h>
#include <urcu-bp.h>

#include "server/gate/index/index.h"

/* A small random source with a seed, so that a failure can be had again. */
static uint64_t next(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static void fill(uint64_t *state, uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) bytes[i] = (uint8_t)next(state);
}

static struct index_record random_record(uint64_t *state, uint32_t entry)
{
    struct index_record record = { .entry = entry, .segment = 1 + (uint32_t)(next(state) % 5), .grade = (uint8_t)(next(state) % 4) };

    fill(state, record.slot, sizeof(record.slot));
    fill(state, record.tag, sizeof(record.tag));
    return record;
}

#define FOUND_MAX 4096
struct found {
    size_t count;
    struct index_match matches[FOUND_MAX];
};

static bool collect(void *context, const struct index_match *match)
{
    struct found *found = context;

    assert_true(found->count < FOUND_MAX);
    found->matches[found->count++] = *match;
    return true;
}

static int by_entry(const void *a, const void *b)
{
    const struct index_match *x = a, *y = b;

    return (x->entry > y->entry) - (x->entry < y->entry);
}

struct model {
    struct index *index;
    struct index_record *records;
    size_t count, room;
    uint32_t entries; /* made so far: no number comes twice */
    uint64_t random;
};

static void model_begin(struct model *model, uint64_t seed, size_t room)
{
    *model = (struct model){ .index = index_create(), .random = seed, .room = room, .records = calloc(room, sizeof(struct index_record)) };
    assert_non_null(model->index);
    assert_non_null(model->records);
}

static void model_end(struct model *model)
{
    index_destroy(model->index);
    free(model->records);
}

/* COUNT new records; one in ten takes a slot that is there already. */
static void model_add(struct model *model, size_t count)
{
    struct index_record *batch = malloc(count * sizeof(*batch));

    assert_true(model->count + count <= model->room);
    for (size_t i = 0; i < count; i++) {
        struct index_record record = random_record(&model->random, model->entries++);

        if (model->count > 0 && next(&model->random) % 10 == 0)
            memcpy(record.slot, model->records[next(&model->random) % model->count].slot, sizeof(record.slot));
        batch[i] = model->records[model->count++] = record;
    }
    assert_ok(index_add(model->index, batch, count));
    free(batch);
}

static void check_slot(const struct model *model, const uint8_t *slot)
{
    static struct found found, wanted;

    found.count = wanted.count = 0;
    rcu_read_lock();
    index_prefetch(model->index, slot);
    index_prefetch_bucket(model->index, slot);
    index_lookup(model->index, slot, collect, &found);
    rcu_read_unlock();
    for (size_t i = 0; i < model->count; i++) {
        const struct index_record *record = &model->records[i];
        struct index_match match = { .entry = record->entry, .segment = record->segment, .grade = record->grade };

        memcpy(match.tag, record->tag, sizeof(match.tag));
        if (memcmp(record->slot, slot, sizeof(record->slot)) == 0) collect(&wanted, &match);
    }
    assert_int_equal(found.count, wanted.count);
    qsort(found.matches, found.count, sizeof(found.matches[0]), by_entry);
    for (size_t i = 0; i < found.count; i++) {
        assert_memory_equal(found.matches[i].tag, wanted.matches[i].tag, PLATESIEVE_TAG_BYTES);
        assert_int_equal(found.matches[i].entry, wanted.matches[i].entry);
        assert_int_equal(found.matches[i].segment, wanted.matches[i].segment);
        assert_int_equal(found.matches[i].grade, wanted.matches[i].grade);
    }
}

static void check_some(struct model *model, size_t count)
{
    assert_int_equal(index_slots(model->index), model->count);
    for (size_t i = 0; i < count; i++) {
        struct index_record absent = random_record(&model->random, 0);

        check_slot(model, absent.slot);
        if (model->count > 0) check_slot(model, model->records[next(&model->random) % model->count].slot);
    }
}

/* Some entries die; the model drops them as the index should. */
struct deaths {
    uint32_t every, rest, segment;
};

static bool is_dead(void *context, uint32_t entry, uint32_t segment)
{
    const struct deaths *deaths = context;

    return entry % deaths->every == deaths->rest || segment == deaths->segment;
}

static void model_sweep(struct model *model, struct deaths deaths)
{
    size_t kept = 0, before = model->count;

    for (size_t i = 0; i < before; i++)
        if (!is_dead(&deaths, model->records[i].entry, model->records[i].segment)) model->records[kept++] = model->records[i];
    model->count = kept;
    assert_int_equal(index_sweep(model->index, is_dead, &deaths), before - kept);
}

static void finds_what_was_added(void **unused)
{
    struct model model;

    (void)unused;
    model_begin(&model, 1, 60000);
    check_some(&model, 4);
    for (size_t i = 0; i < 300; i++) model_add(&model, 1);
    check_some(&model, 200);
    for (size_t i = 0; i < 40; i++) model_add(&model, next(&model.random) % 1000);
    check_some(&model, 300);
    model_add(&model, 20000);
    check_some(&model, 300);
    for (size_t i = 0; i < 3000; i++) model_add(&model, 1);
    check_some(&model, 300);
    model_end(&model);
}

static void forgets_what_was_swept(void **unused)
{
    struct model model;

    (void)unused;
    model_begin(&model, 2, 40000);
    for (unsigned round = 0; round < 12; round++) {
        model_add(&model, 1 + next(&model.random) % 2500);
        check_some(&model, 20);
        model_sweep(&model, (struct deaths){ .every = 2 + round, .rest = round % 2, .segment = round % 4 == 3 ? 2 : 0 });
        check_some(&model, 40);
        for (unsigned i = 0; i < 30; i++) model_add(&model, 1);
        check_some(&model, 20);
    }
    model_sweep(&model, (struct deaths){ .every = 1 });
    check_some(&model, 10);
    assert_int_equal(index_slots(model.index), 0);
    assert_true(index_bytes(model.index) < 65536);
    model_end(&model);
}

/* One plate on a list a thousand times over, and others in the same bucket. */
static void bears_many_of_one_slot(void **unused)
{
    struct model model;
    struct index_record batch[1500];
    uint8_t slot[PLATESIEVE_SLOT_BYTES];

    (void)unused;
    model_begin(&model, 3, 4000);
    fill(&model.random, slot, sizeof(slot));
    for (size_t i = 0; i < ARRAY_LENGTH(batch); i++) {
        batch[i] = random_record(&model.random, model.entries++);
        memcpy(batch[i].slot, slot, i % 3 == 0 ? 2 : sizeof(slot));
        if (i % 3 == 2) batch[i].slot[12] = slot[12] ^ 1; /* the last byte that is looked at */
        model.records[model.count++] = batch[i];
    }
    assert_ok(index_add(model.index, batch, ARRAY_LENGTH(batch)));
    check_slot(&model, slot);
    for (size_t i = 0; i < model.count; i++) check_slot(&model, model.records[i].slot);
    model_sweep(&model, (struct deaths){ .every = 3, .rest = 1 });
    check_slot(&model, slot);
    model_add(&model, 100);
    check_some(&model, 100);
    model_end(&model);
}

static bool stop_at_first(void *context, const struct index_match *match)
{
    (void)match;
    return ++*(size_t *)context < 1;
}

static void stops_when_told(void **unused)
{
    struct index *index = index_create();
    struct index_record twice[2] = { { .entry = 1, .segment = 1 }, { .entry = 2, .segment = 1 } };
    size_t calls = 0;

    (void)unused;
    assert_ok(index_add(index, twice, 2));
    rcu_read_lock();
    index_lookup(index, twice[0].slot, stop_at_first, &calls);
    rcu_read_unlock();
    assert_int_equal(calls, 1);
    index_destroy(index);
}

static void takes_32_bytes_a_slot(void **unused)
{
    const size_t count = 200000;
    struct index *index = index_create();
    struct index_record *records = malloc(count * sizeof(*records));
    uint64_t random = 4;
    struct deaths deaths = { .every = 10, .rest = 3 };

    (void)unused;
    for (size_t i = 0; i < count; i++) records[i] = random_record(&random, (uint32_t)i);
    assert_ok(index_add(index, records, count));
    assert_true(index_bytes(index) <= count * 29);
    for (size_t i = 0; i < 20000; i++) {
        struct index_record one = random_record(&random, (uint32_t)i);

        assert_ok(index_add(index, &one, 1));
        assert_true(index_bytes(index) <= index_slots(index) * 32);
    }
    (void)index_sweep(index, is_dead, &deaths);
    assert_true(index_bytes(index) <= index_slots(index) * 32);
    free(records);
    index_destroy(index);
}

/* Readers must find what stands, whatever is being added and swept meanwhile. */
struct race {
    struct index *index;
    const struct index_record *standing;
    size_t count;
    bool stop;
    uint64_t lookups, wrong;
};

static bool same_tag(void *context, const struct index_match *match)
{
    const struct index_record *record = *(const struct index_record **)context;

    if (match->entry != record->entry || memcmp(match->tag, record->tag, sizeof(match->tag)) != 0) return true;
    *(const struct index_record **)context = NULL; /* seen */
    return false;
}

static void *read_on(void *context)
{
    struct race *race = context;
    uint64_t random = 77;

    while (!__atomic_load_n(&race->stop, __ATOMIC_RELAXED)) {
        const struct index_record *record = &race->standing[next(&random) % race->count];

        rcu_read_lock();
        index_lookup(race->index, record->slot, same_tag, &record);
        rcu_read_unlock();
        race->wrong += record != NULL;
        race->lookups++;
    }
    return NULL;
}

static bool transient(void *context, uint32_t entry, uint32_t segment)
{
    (void)context;
    (void)entry;
    return segment == 9;
}

static void readers_never_miss(void **unused)
{
    enum { STANDING = 3000 };
    static struct index_record standing[STANDING], batch[2000];
    struct race race = { .index = index_create(), .standing = standing, .count = STANDING };
    uint64_t random = 5;
    pthread_t thread;

    (void)unused;
    for (size_t i = 0; i < STANDING; i++) standing[i] = random_record(&random, (uint32_t)i);
    memcpy(batch, standing, sizeof(batch));
    assert_ok(index_add(race.index, batch, 2000));
    memcpy(batch, standing + 2000, 1000 * sizeof(batch[0]));
    assert_ok(index_add(race.index, batch, 1000));
    assert_int_equal(pthread_create(&thread, NULL, read_on, &race), 0);
    for (unsigned round = 0; round < 40; round++) {
        for (size_t i = 0; i < ARRAY_LENGTH(batch); i++) {
            batch[i] = random_record(&random, (uint32_t)i);
            batch[i].segment = 9;
        }
        if (round % 2 == 0) assert_ok(index_add(race.index, batch, ARRAY_LENGTH(batch)));
        else for (size_t i = 0; i < ARRAY_LENGTH(batch); i++) assert_ok(index_add(race.index, &batch[i], 1));
        if (round % 3 == 2) (void)index_sweep(race.index, transient, NULL);
    }
    __atomic_store_n(&race.stop, true, __ATOMIC_RELAXED);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(race.lookups > 0);
    assert_int_equal(race.wrong, 0);
    index_destroy(race.index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_was_added), cmocka_unit_test(forgets_what_was_swept), cmocka_unit_test(bears_many_of_one_slot),
        cmocka_unit_test(stops_when_told),      cmocka_unit_test(takes_32_bytes_a_slot),  cmocka_unit_test(readers_never_miss),
    };

    if (sodium_init() < 0) return 1;
    return cmocka_run_group_tests_name("index", tests, NULL, NULL);
}
