/* A seed that forgets: the same secrets whatever was given up before them, and none of what was given up. */
#include "server/keys/seed_tree.h"

#include <sodium.h>

#include "tests/unit/unit.h"

#define LAST ((UINT64_C(1) << LIMIT_OPENING_BITS) - 1)

/* From the root, turn by turn, as docs/protocol.md has it. */
static void leaf_of(const uint8_t *seed, uint64_t second, uint8_t leaf[PLATESIEVE_SEED_BYTES])
{
    uint8_t text[] = "platesieve/1/share-tree\0?";

    memcpy(leaf, seed, PLATESIEVE_SEED_BYTES);
    for (int bit = LIMIT_OPENING_BITS - 1; bit >= 0; bit--) {
        text[sizeof text - 2] = (uint8_t)(second >> bit & 1);
        crypto_auth_hmacsha256(leaf, text, sizeof text - 1, leaf);
    }
}

static void test_leaves(void **state)
{
    static const uint64_t seconds[] = { 1, 2, 3, 1795305600, 1795305602, LAST - 1, LAST };
    uint8_t seed[PLATESIEVE_SEED_BYTES] = { 1, 2, 3 }, leaf[PLATESIEVE_SEED_BYTES], expected[PLATESIEVE_SEED_BYTES];
    struct seed_tree tree;

    (void)state;
    seed_tree_plant(&tree, seed);
    for (size_t i = 0; i < sizeof seconds / sizeof seconds[0]; i++) {
        assert_true(seed_tree_leaf(&tree, seconds[i], leaf));
        leaf_of(seed, seconds[i], expected);
        assert_memory_equal(leaf, expected, sizeof leaf);
    }
    for (uint8_t i = 0; i < sizeof seed; i++) seed[i] = i; /* docs/protocol.md */
    seed_tree_plant(&tree, seed);
    assert_true(seed_tree_leaf(&tree, 1795305600, leaf));
    assert_int_equal(sodium_hex2bin(expected, sizeof expected,
                                    "f58720b7589d9b9de632ab3a508c267d5c07481d2e889cdcbde5723daa64bb89", 64, NULL, NULL,
                                    NULL), 0);
    assert_memory_equal(leaf, expected, sizeof leaf);
    assert_false(seed_tree_leaf(&tree, 0, leaf));
    assert_false(seed_tree_leaf(&tree, LAST + 1, leaf));
    assert_false(seed_tree_leaf(&tree, UINT64_MAX, leaf));
}

/* Is any node on the way from the root to SECOND left? */
static bool remembers(const struct seed_tree *tree, const uint8_t *seed, uint64_t second)
{
    uint8_t node[PLATESIEVE_SEED_BYTES], text[] = "platesieve/1/share-tree\0?";

    memcpy(node, seed, sizeof node);
    for (int bit = LIMIT_OPENING_BITS; bit >= 0; bit--) {
        for (unsigned i = 0; i < LIMIT_OPENING_BITS; i++)
            if (memcmp(tree->nodes[i], node, sizeof node) == 0) return true;
        if (bit == 0) break;
        text[sizeof text - 2] = (uint8_t)(second >> (bit - 1) & 1);
        crypto_auth_hmacsha256(node, text, sizeof text - 1, node);
    }
    return false;
}

static void test_giving_up(void **state)
{
    uint8_t seed[PLATESIEVE_SEED_BYTES], leaf[PLATESIEVE_SEED_BYTES], expected[PLATESIEVE_SEED_BYTES];
    struct seed_tree tree, before;

    (void)state;
    for (unsigned round = 0; round < 200; round++) {
        uint64_t given_up = 0;

        randombytes_buf(seed, sizeof seed);
        seed_tree_plant(&tree, seed);
        for (unsigned step = 0; step < 8; step++) {
            uint64_t far = step % 2 == 0 ? 3 : LAST / 16, next = given_up + 1 + (uint64_t)randombytes_uniform((uint32_t)far);

            seed_tree_give_up(&tree, next);
            given_up = next;
            assert_int_equal(tree.given_up, given_up);
            assert_false(seed_tree_leaf(&tree, given_up, leaf));
            assert_false(seed_tree_leaf(&tree, given_up / 2, leaf));
            assert_false(remembers(&tree, seed, given_up));
            assert_false(remembers(&tree, seed, given_up - 1));
            assert_false(remembers(&tree, seed, given_up / 2));
            for (unsigned i = 0; i < 4; i++) {
                uint64_t second = given_up + 1 + (i < 2 ? i : randombytes_uniform(UINT32_MAX));

                assert_true(seed_tree_leaf(&tree, second, leaf));
                leaf_of(seed, second, expected);
                assert_memory_equal(leaf, expected, sizeof leaf);
            }
        }
        before = tree;
        seed_tree_give_up(&tree, given_up);
        seed_tree_give_up(&tree, 1);
        seed_tree_give_up(&tree, LAST + 1);
        assert_memory_equal(&tree, &before, sizeof tree);
    }
    seed_tree_give_up(&tree, LAST);
    for (unsigned i = 0; i < LIMIT_OPENING_BITS; i++) assert_true(sodium_is_zero(tree.nodes[i], sizeof tree.nodes[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_leaves), cmocka_unit_test(test_giving_up) };

    return sodium_init() < 0 || cmocka_run_group_tests(tests, NULL, NULL);
}
