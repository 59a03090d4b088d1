/* A temporary map from a list's entry key to a number, for loading: open addressing, 16 bytes an item, memory from
   the kernel that goes back whole.  Keys are hashes already; a random factor spreads those that somebody chose. */
#ifndef SERVER_GATE_KEYS_KEY_MAP_H
#define SERVER_GATE_KEYS_KEY_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEY_MAP_NONE UINT32_MAX

struct key_item {
    uint64_t key;
    uint32_t segment; /* in the catalogue; 0: empty.  Items are told apart by key and the list of their segment */
    uint32_t number;  /* the user's, or KEY_MAP_NONE */
};

typedef uint32_t (*key_list_fn)(const void *context, uint32_t segment); /* the list of a segment */

struct key_map {
    struct key_item *items; /* NULL: empty */
    size_t room, count;
    unsigned shift;
    uint64_t factor;
    key_list_fn list_of;
    const void *context;
};

/* Room for COUNT items; it grows beyond.  False without memory. */
bool key_map_begin(struct key_map *map, size_t count, key_list_fn list_of, const void *context);
void key_map_end(struct key_map *map); /* of one that is all zero as well */

/* The item of KEY in LIST, or NULL. */
struct key_item *key_map_find(const struct key_map *map, uint64_t key, uint32_t list);
/* The same, made with KEY_MAP_NONE and SEGMENT if it is not there.  NULL without memory. */
struct key_item *key_map_put(struct key_map *map, uint64_t key, uint32_t segment);

/* -- memory for loading -------------------------------------------------------------------------------------------- */

/* An array that grows by moving pages: left out of core files, and wiped by giving it back to the kernel. */
struct pile {
    void *at;
    size_t bytes; /* room */
};

/* Room for BYTES; false without memory, and PILE is as it was. */
bool pile_reserve(struct pile *pile, size_t bytes);
void pile_free(struct pile *pile);

#endif
