/* See key_map.h. */
#include "server/gate/keys/key_map.h"

#include <sodium.h>
#include <sys/mman.h>

#define ROOM_BITS_MIN 8u
#define ROOM_BITS_MAX 32u
#define PILE_BYTES_MIN 65536u

static void *map_memory(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED) return NULL;
    /* Hints, both. */
    (void)madvise(memory, bytes, MADV_DONTDUMP);
    if (bytes >= (4u << 20)) (void)madvise(memory, bytes, MADV_HUGEPAGE);
    return memory;
}

bool key_map_begin(struct key_map *map, size_t count, key_list_fn list_of, const void *context)
{
    unsigned bits = ROOM_BITS_MIN;

    while (bits < ROOM_BITS_MAX && ((size_t)1 << bits) < count + count / 2) bits++;
    *map = (struct key_map){ .room = (size_t)1 << bits, .shift = 64 - bits, .list_of = list_of, .context = context };
    randombytes_buf(&map->factor, sizeof(map->factor));
    map->factor |= 1;
    map->items = map_memory(map->room * sizeof(*map->items));
    return map->items != NULL;
}

void key_map_end(struct key_map *map)
{
    if (map->items != NULL) munmap(map->items, map->room * sizeof(*map->items));
    *map = (struct key_map){ .items = NULL };
}

/* The item, or the empty place where it belongs. */
static struct key_item *place(const struct key_map *map, uint64_t key, uint32_t list)
{
    size_t at = key * map->factor >> map->shift;

    for (;; at = (at + 1) & (map->room - 1)) {
        struct key_item *item = &map->items[at];

        if (item->segment == 0) return item;
        if (item->key == key && map->list_of(map->context, item->segment) == list) return item;
    }
}

struct key_item *key_map_find(const struct key_map *map, uint64_t key, uint32_t list)
{
    struct key_item *item;

    if (map->count == 0) return NULL;
    item = place(map, key, list);
    return item->segment == 0 ? NULL : item;
}

static bool grow(struct key_map *map)
{
    struct key_map larger;

    if (!key_map_begin(&larger, map->room, map->list_of, map->context)) return false;
    for (size_t i = 0; i < map->room; i++) {
        const struct key_item *item = &map->items[i];

        if (item->segment == 0) continue;
        *place(&larger, item->key, map->list_of(map->context, item->segment)) = *item;
        larger.count++;
    }
    key_map_end(map);
    *map = larger;
    return true;
}

struct key_item *key_map_put(struct key_map *map, uint64_t key, uint32_t segment)
{
    struct key_item *item;

    if (map->count + map->count / 8 >= map->room - map->room / 8 && !grow(map)) return NULL;
    item = place(map, key, map->list_of(map->context, segment));
    if (item->segment != 0) return item;
    *item = (struct key_item){ .key = key, .segment = segment, .number = KEY_MAP_NONE };
    map->count++;
    return item;
}

bool pile_reserve(struct pile *pile, size_t bytes)
{
    size_t room = pile->bytes == 0 ? PILE_BYTES_MIN : pile->bytes;
    void *moved;

    if (bytes <= pile->bytes) return true;
    while (room < bytes) room *= 2;
    moved = pile->at == NULL ? map_memory(room) : mremap(pile->at, pile->bytes, room, MREMAP_MAYMOVE);
    if (moved == NULL || moved == MAP_FAILED) return false;
    if (pile->at != NULL && room >= (4u << 20)) (void)madvise(moved, room, MADV_HUGEPAGE);
    pile->at = moved;
    pile->bytes = room;
    return true;
}

void pile_free(struct pile *pile)
{
    if (pile->at != NULL) munmap(pile->at, pile->bytes);
    *pile = (struct pile){ .at = NULL };
}
