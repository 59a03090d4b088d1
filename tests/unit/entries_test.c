/* The entries, and what makes one count under a catalogue. */
#include "tests/unit/unit.h"

#include <sodium.h>

#include "server/gate/index/catalogue.h"

static void numbers_are_stable_and_used_again(void **unused)
{
    struct entries *entries = entries_create();
    const struct entry *first = NULL;
    uint32_t number;

    (void)unused;
    for (uint32_t i = 0; i < 70000; i++) { /* more than one chunk */
        assert_ok(entries_add(entries, &(struct entry){ .key = i * 7u, .segment = 1 + i % 3 }, &number));
        assert_int_equal(number, i);
        if (i == 0) first = entries_get(entries, 0);
    }
    assert_ptr_equal(first, entries_get(entries, 0));
    for (uint32_t i = 0; i < 70000; i += 999) assert_int_equal(entries_get(entries, i)->key, i * 7u);
    assert_int_equal(entries_count(entries), 70000);
    assert_true(entries_bytes(entries) <= 2 * 65536 * 24 + 4096);

    entries_free(entries, 66000);
    entries_free(entries, 5);
    assert_int_equal(entries_count(entries), 69998);
    assert_ok(entries_add(entries, &(struct entry){ .key = 1, .segment = 1 }, &number));
    assert_int_equal(number, 5);
    assert_ok(entries_add(entries, &(struct entry){ .key = 2, .segment = 1 }, &number));
    assert_int_equal(number, 66000);
    assert_ok(entries_add(entries, &(struct entry){ .key = 3, .segment = 1 }, &number));
    assert_int_equal(number, 70000);
    entries_destroy(entries);
}

struct tally {
    struct entries *entries;
    uint64_t count, keys;
};

static void free_odd(void *context, uint32_t number, const struct entry *entry)
{
    struct tally *tally = context;

    tally->count++;
    tally->keys += entry->key;
    if (number % 2 == 1) entries_free(tally->entries, number);
}

static void each_in_use(void **unused)
{
    struct tally tally = { .entries = entries_create() };
    uint32_t number;

    (void)unused;
    for (uint32_t i = 0; i < 100; i++) assert_ok(entries_add(tally.entries, &(struct entry){ .key = i, .segment = 1 }, &number));
    entries_each(tally.entries, free_odd, &tally);
    assert_int_equal(tally.count, 100);
    assert_int_equal(tally.keys, 4950);
    tally.count = tally.keys = 0;
    entries_each(tally.entries, free_odd, &tally);
    assert_int_equal(tally.count, 50);
    assert_int_equal(tally.keys, 2450);
    entries_destroy(tally.entries);
}

/* printf 'platesieve/1/entry\0customs\0stolen\0ref-1' | sha256sum | cut -c1-16 */
static void key_is_as_written(void **unused)
{
    (void)unused;
    assert_true(entry_key("customs", "stolen", "ref-1") == UINT64_C(0x2739439cc34c66e1));
    assert_true(entry_key("customs", "stolen", "ref-2") != entry_key("customs", "stolen", "ref-1"));
    assert_true(entry_key("custom", "sstolen", "ref-1") != entry_key("customs", "stolen", "ref-1"));
}

static void counts_while_it_stands(void **unused)
{
    struct catalogue *catalogue = catalogue_create(1, 0, 3);
    struct entry entry = { .segment = 1, .effective = 1000, .expires = 2000 };

    (void)unused;
    assert_non_null(catalogue);
    assert_false(catalogue_entry_live(catalogue, &entry, 1500)); /* not committed yet */
    catalogue->segments[0].visible = true;
    assert_true(catalogue_entry_live(catalogue, &entry, 1500));
    assert_false(catalogue_entry_live(catalogue, &entry, 999));
    assert_true(catalogue_entry_live(catalogue, &entry, 1000));
    assert_true(catalogue_entry_live(catalogue, &entry, 1999));
    assert_false(catalogue_entry_live(catalogue, &entry, 2000));
    entry.expires = ENTRY_FOREVER;
    assert_true(catalogue_entry_live(catalogue, &entry, UINT32_MAX));
    entry.removed_by = 2; /* that revision is not committed */
    assert_true(catalogue_entry_live(catalogue, &entry, 1500));
    catalogue->segments[1].visible = true;
    assert_false(catalogue_entry_live(catalogue, &entry, 1500));
    entry.removed_by = 4; /* newer than this catalogue */
    assert_true(catalogue_entry_live(catalogue, &entry, 1500));
    entry.segment = 4;
    assert_false(catalogue_entry_live(catalogue, &entry, 1500));
    catalogue_free(catalogue);
}

static void a_copy_is_deep(void **unused)
{
    struct catalogue *catalogue = catalogue_create(2, 1, 4), *copy;
    static const char sites[2][LIMIT_NAME_MAX + 1] = { "north", "south" };

    (void)unused;
    assert_ok(catalogue_list_sites(&catalogue->lists[1], sites, 2));
    catalogue->lists[1].revision = 7;
    catalogue->segments[3].visible = true;
    catalogue->epochs[0].number = 17;
    catalogue->version = 12;
    copy = catalogue_copy(catalogue, 3, 2, 5);
    assert_non_null(copy);
    catalogue_free(catalogue);
    assert_int_equal(copy->list_count, 3);
    assert_int_equal(copy->lists[1].revision, 7);
    assert_string_equal(copy->lists[1].sites[1], "south");
    assert_int_equal(copy->lists[2].revision, 0);
    assert_int_equal(copy->epochs[0].number, 17);
    assert_int_equal(copy->epochs[1].number, 0);
    assert_true(catalogue_segment_visible(copy, 4));
    assert_false(catalogue_segment_visible(copy, 5));
    assert_int_equal(copy->version, 12);
    catalogue = catalogue_copy(copy, 1, 0, 3);
    assert_non_null(catalogue);
    assert_int_equal(catalogue->segment_count, 3);
    catalogue_free(catalogue);
    catalogue_free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_stable_and_used_again), cmocka_unit_test(each_in_use),    cmocka_unit_test(key_is_as_written),
        cmocka_unit_test(counts_while_it_stands),            cmocka_unit_test(a_copy_is_deep),
    };

    if (sodium_init() < 0) return 1;
    return cmocka_run_group_tests_name("entries", tests, NULL, NULL);
}
