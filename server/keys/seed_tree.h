/* A seed that forgets: a secret for each second, all of them derived from one, of which those up to any second can be
   given up for good.  A binary tree over the bits of the second: whoever has a node has all that is below it, and
   nothing beside it.  docs/protocol.md, "Seeds that forget".

   No I/O; not for several threads at a time.  Keep it in locked memory. */
#ifndef SERVER_KEYS_SEED_TREE_H
#define SERVER_KEYS_SEED_TREE_H

#include <platesieve/limits.h>
#include <stdbool.h>
#include <stdint.h>

/* What is left: for each zero bit of `given_up`, the highest bit first, the node beside the path to it. */
struct seed_tree {
    uint64_t given_up; /* this second and all before it */
    uint8_t nodes[LIMIT_OPENING_BITS][PLATESIEVE_SEED_BYTES];
};

/* Of SEED all but the second 0 of 1970. */
void seed_tree_plant(struct seed_tree *tree, const uint8_t seed[PLATESIEVE_SEED_BYTES]);
/* The secret of SECOND; false if it was given up, or is too far in the future. */
bool seed_tree_leaf(const struct seed_tree *tree, uint64_t second, uint8_t leaf[PLATESIEVE_SEED_BYTES]);
/* Gives up SECOND and all before it; nothing happens if they are. */
void seed_tree_give_up(struct seed_tree *tree, uint64_t second);

#endif
