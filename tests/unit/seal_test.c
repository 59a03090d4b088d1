/* What the gates' key says of rows: sums that each changed, added, missing or moved row shows in; sealed sums that open in their own place only; MACs
   that cover every field. */
#include <sodium.h>

#include "server/gate/db/seal.h"
#include "tests/unit/unit.h"

static struct seal_keys keys;
static const uint8_t packed[2 * PACKED_SLOT_BYTES] = { 9, 8, 7 };

static bool same(struct row_sum a, struct row_sum b)
{
    return row_sum_equal(&a, &b);
}

static struct row_sum plus(struct row_sum a, struct row_sum b)
{
    row_sum_add(&a, &b);
    return a;
}

static void each_field_of_a_row_counts(void **state)
{
    (void)state;
    struct row_sum entry = entry_sum(&keys, 1, 2, 3, 4), slots = slots_sum(&keys, 1, 2, 3, packed, sizeof(packed));
    uint8_t other[sizeof(packed)];

    assert_true(same(entry, entry_sum(&keys, 1, 2, 3, 4)));
    assert_false(same(entry, entry_sum(&keys, 2, 2, 3, 4)));
    assert_false(same(entry, entry_sum(&keys, 1, 3, 3, 4)));
    assert_false(same(entry, entry_sum(&keys, 1, 2, 4, 4)));
    assert_false(same(entry, entry_sum(&keys, 1, 2, 3, 5)));
    assert_false(same(edit_sum(&keys, 1, 2, true), edit_sum(&keys, 1, 2, false)));
    assert_false(same(edit_sum(&keys, 1, 2, true), edit_sum(&keys, 2, 2, true)));
    assert_false(same(slots, slots_sum(&keys, 2, 2, 3, packed, sizeof(packed))));
    assert_false(same(slots, slots_sum(&keys, 1, 3, 3, packed, sizeof(packed))));
    assert_false(same(slots, slots_sum(&keys, 1, 2, 4, packed, sizeof(packed))));
    assert_false(same(slots, slots_sum(&keys, 1, 2, 3, packed, PACKED_SLOT_BYTES)));
    for (size_t i = 0; i < sizeof(other); i++) { /* slot, tag and grade, each byte */
        memcpy(other, packed, sizeof(other));
        other[i] ^= 1;
        assert_false(same(slots, slots_sum(&keys, 1, 2, 3, other, sizeof(other))));
    }
}

static void sums_know_no_order(void **state)
{
    (void)state;
    struct row_sum a = entry_sum(&keys, 1, 1, 0, 9), b = entry_sum(&keys, 2, 1, 0, 9), c = entry_sum(&keys, 3, 1, 0, 9);

    assert_true(same(plus(plus(a, b), c), plus(c, plus(b, a))));
    assert_false(same(plus(a, b), plus(a, c)));
    assert_false(same(plus(a, a), plus(b, b)));
    assert_false(same(plus(a, a), (struct row_sum){ 0, 0 })); /* twice is not never */
    struct row_sum full = { UINT64_MAX, 0 }, one = { 1, 0 };
    assert_true(same(plus(full, one), (struct row_sum){ 0, 1 }));
}

static void sums_depend_on_the_key(void **state)
{
    (void)state;
    static const uint8_t other_key[32] = { 6 };
    struct seal_keys other;

    seal_keys_make(other_key, &other);
    assert_false(same(entry_sum(&keys, 1, 2, 3, 4), entry_sum(&other, 1, 2, 3, 4)));
}

static struct sums some_sums(void)
{
    struct sums sums = { .digest = { 1, 2, 3 }, .lines = 5, .adds = 4, .entries = { 6, 7 }, .edits = { 8, 9 } };
    for (uint32_t i = 0; i < LIMIT_EPOCHS_KNOWN; i++) {
        struct sums_epoch *epoch = sums_of_epoch(&sums, 1000 + i);
        *epoch = (struct sums_epoch){ .number = 1000 + i, .lines = i, .near = i + 1, .slots = i + 2, .sum = { i, i + 3 } };
    }
    assert_null(sums_of_epoch(&sums, 1));
    return sums;
}

static void sealed_sums_open_in_their_place(void **state)
{
    (void)state;
    const struct seal_place place = { SEAL_PART, 7, 3 }, others[] = { { SEAL_SEGMENT, 7, 3 }, { SEAL_PART, 8, 3 }, { SEAL_PART, 7, 4 } };
    struct sums sums = some_sums(), out;
    uint8_t sealed[SUMS_SEALED_MAX];
    size_t size = sums_seal(&keys, &place, &sums, sealed);

    assert_ok(sums_open(&keys, &place, sealed, size, &out));
    assert_memory_equal(&out, &sums, sizeof(sums));
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++) assert_fails(sums_open(&keys, &others[i], sealed, size, &out), REASON_FORGED);
    for (size_t i = 0; i < size; i += 7) {
        sealed[i] ^= 1;
        assert_fails(sums_open(&keys, &place, sealed, size, &out), REASON_FORGED);
        sealed[i] ^= 1;
    }
    for (size_t cut = 0; cut < size; cut += 11) assert_fails(sums_open(&keys, &place, sealed, cut, &out), REASON_FORGED);
    assert_fails(sums_open(&keys, &place, sealed, SUMS_SEALED_MAX * 2, &out), REASON_FORGED);
}

static void a_segment_continues_from_the_one_before(void **state)
{
    (void)state;
    const struct segment_facts facts = { 1, 2, 3, 4, 1 };
    uint8_t first[LIST_MAC_BYTES] = { 0 }, other[LIST_MAC_BYTES] = { 1 }, mac[LIST_MAC_BYTES], again[LIST_MAC_BYTES];
    struct sums sums = some_sums();

    segment_mac(&keys, &facts, &sums, first, mac);
    segment_mac(&keys, &facts, &sums, other, again);
    assert_memory_not_equal(mac, again, sizeof(mac));
    const struct segment_facts changed[] = { { 9, 2, 3, 4, 1 }, { 1, 9, 3, 4, 1 }, { 1, 2, 9, 4, 1 }, { 1, 2, 3, 9, 1 }, { 1, 2, 3, 4, 2 } };
    for (size_t i = 0; i < ARRAY_LENGTH(changed); i++) {
        segment_mac(&keys, &changed[i], &sums, first, again);
        assert_memory_not_equal(mac, again, sizeof(mac));
    }
    sums.epochs[5].sum.low ^= 1;
    segment_mac(&keys, &facts, &sums, first, again);
    assert_memory_not_equal(mac, again, sizeof(mac));
}

/* Every byte that the loader or a change reads of a list is under its MAC: each member is changed in turn. */
static void every_rule_is_under_the_mac(void **state)
{
    (void)state;
    struct sealed_list *list = calloc(1, sizeof(*list));
    uint8_t mac[LIST_MAC_BYTES], again[LIST_MAC_BYTES];

    list->list.site_count = 1;
    list->list.has_header = true;
    list_mac(&keys, list, mac);
#define CHANGES(member)                                     \
    do {                                                    \
        uint8_t *byte = (uint8_t *)&list->member;           \
        *byte ^= 1;                                         \
        list_mac(&keys, list, again);                       \
        assert_memory_not_equal(mac, again, sizeof(mac));   \
        *byte ^= 1;                                         \
        list_mac(&keys, list, again);                       \
        assert_memory_equal(mac, again, sizeof(mac));       \
    } while (0)
    CHANGES(list.number);
    CHANGES(list.agency);
    CHANGES(list.id);
    CHANGES(list.category);
    CHANGES(list.instruction);
    CHANGES(list.sites);
    CHANGES(list.site_count);
    CHANGES(list.priority);
    CHANGES(list.grade);
    CHANGES(list.covert);
    CHANGES(list.suspended);
    CHANGES(list.cooldown_s);
    CHANGES(list.retention_days);
    CHANGES(list.age_limit_s);
    CHANGES(list.cap_tokens);
    CHANGES(list.revision);
    CHANGES(list.entries);
    CHANGES(list.committed_ms);
    CHANGES(list.has_header);
    CHANGES(list.header_id);
    CHANGES(header_serial);
    CHANGES(base_segment);
    CHANGES(edition);
    CHANGES(link);
    memcpy(list->list.category, "ab", 3); /* lengths are under it: nothing slips from one text into the next */
    list_mac(&keys, list, mac);
    memcpy(list->list.category, "a", 2);
    memcpy(list->list.instruction, "b", 2);
    list_mac(&keys, list, again);
    assert_memory_not_equal(mac, again, sizeof(mac));
    free(list);
}

int main(void)
{
    static const uint8_t key[32] = { 5 };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_field_of_a_row_counts),      cmocka_unit_test(sums_know_no_order),
        cmocka_unit_test(sums_depend_on_the_key),          cmocka_unit_test(sealed_sums_open_in_their_place),
        cmocka_unit_test(a_segment_continues_from_the_one_before), cmocka_unit_test(every_rule_is_under_the_mac),
    };

    if (sodium_init() < 0) return 1;
    seal_keys_make(key, &keys);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
