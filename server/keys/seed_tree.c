#include "server/keys/seed_tree.h"

#include <sodium.h>
#include <string.h>

#define BITS LIMIT_OPENING_BITS

static_assert(PLATESIEVE_SEED_BYTES == crypto_auth_hmacsha256_BYTES, "a node is a MAC");
static_assert(PLATESIEVE_SEED_BYTES == crypto_auth_hmacsha256_KEYBYTES, "and a key");

/* Bit of SECOND by which a path turns at DEPTH, the highest first. */
static unsigned turn(uint64_t second, unsigned depth)
{
    return (unsigned)(second >> (BITS - 1 - depth)) & 1;
}

/* CHILD may be NODE. */
static void descend(const uint8_t *node, unsigned bit, uint8_t *child)
{
    static const char label[] = "platesieve/1/share-tree";
    const uint8_t last = (uint8_t)bit;
    crypto_auth_hmacsha256_state state;

    crypto_auth_hmacsha256_init(&state, node, PLATESIEVE_SEED_BYTES);
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)label, sizeof label); /* with its ending zero */
    crypto_auth_hmacsha256_update(&state, &last, 1);
    crypto_auth_hmacsha256_final(&state, child);
    sodium_memzero(&state, sizeof state);
}

/* From NODE, which lies DEPTH turns down, on to SECOND; what lies to the right of the path is kept. */
static void walk(struct seed_tree *tree, const uint8_t *node, unsigned depth, uint64_t second)
{
    uint8_t at[PLATESIEVE_SEED_BYTES];

    memcpy(at, node, sizeof at);
    for (; depth < BITS; depth++) {
        if (turn(second, depth) == 0) descend(at, 1, tree->nodes[depth]);
        else sodium_memzero(tree->nodes[depth], PLATESIEVE_SEED_BYTES);
        descend(at, turn(second, depth), at);
    }
    sodium_memzero(at, sizeof at);
    tree->given_up = second;
}

void seed_tree_plant(struct seed_tree *tree, const uint8_t seed[PLATESIEVE_SEED_BYTES])
{
    walk(tree, seed, 0, 0);
}

/* The depth at which the path to SECOND, which is later, leaves that to what was given up. */
static unsigned fork_of(const struct seed_tree *tree, uint64_t second)
{
    unsigned depth = 0;

    while (turn(second, depth) == turn(tree->given_up, depth)) depth++;
    return depth;
}

bool seed_tree_leaf(const struct seed_tree *tree, uint64_t second, uint8_t leaf[PLATESIEVE_SEED_BYTES])
{
    if (second <= tree->given_up || second >> BITS != 0) return false;
    unsigned depth = fork_of(tree, second);
    memcpy(leaf, tree->nodes[depth], PLATESIEVE_SEED_BYTES);
    for (depth++; depth < BITS; depth++) descend(leaf, turn(second, depth), leaf);
    return true;
}

void seed_tree_give_up(struct seed_tree *tree, uint64_t second)
{
    uint8_t node[PLATESIEVE_SEED_BYTES];

    if (second <= tree->given_up || second >> BITS != 0) return;
    unsigned depth = fork_of(tree, second);
    memcpy(node, tree->nodes[depth], sizeof node);
    sodium_memzero(tree->nodes[depth], PLATESIEVE_SEED_BYTES);
    walk(tree, node, depth + 1, second);
    sodium_memzero(node, sizeof node);
}
