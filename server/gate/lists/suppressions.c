/* See suppressions.h: a table of open addressing, at most half full, under a random key. */
#include "server/gate/lists/suppressions.h"

#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct suppressed {
    struct suppression what;
    bool used;
    atomic_uint_fast64_t matches;
};

struct suppressions {
    uint8_t hash_key[crypto_shorthash_siphashx24_KEYBYTES]; /* random: nobody can choose entries for one place */
    size_t places, count, room;                             /* places: a power of two */
    struct suppressed table[];
};

struct suppressions *suppressions_create(size_t count)
{
    size_t places = 2;

    while (places < 2 * count) places *= 2;
    struct suppressions *suppressions = calloc(1, sizeof(*suppressions) + places * sizeof(suppressions->table[0]));
    if (suppressions == NULL) return NULL;
    randombytes_buf(suppressions->hash_key, sizeof(suppressions->hash_key));
    suppressions->places = places;
    suppressions->room = count;
    return suppressions;
}

void suppressions_free(struct suppressions *suppressions)
{
    free(suppressions);
}

/* Where the entry of the list at that lane lies, or would lie. */
static size_t place_of(const struct suppressions *suppressions, uint32_t list, uint64_t entry, const char *site, const char *lane)
{
    struct {
        uint64_t entry;
        uint32_t list, reserved;
        char names[2 * (LIMIT_NAME_MAX + 1)];
    } message;
    uint64_t hash[2];

    static_assert(sizeof(hash) == crypto_shorthash_siphashx24_BYTES, "one hash");
    memset(&message, 0, sizeof(message));
    message.entry = entry;
    message.list = list;
    memcpy(message.names, site, strlen(site));
    memcpy(message.names + LIMIT_NAME_MAX + 1, lane, strlen(lane));
    crypto_shorthash_siphashx24((uint8_t *)hash, (const uint8_t *)&message, sizeof(message), suppressions->hash_key);
    for (size_t at = hash[0] & (suppressions->places - 1);; at = (at + 1) & (suppressions->places - 1)) {
        const struct suppression *what = &suppressions->table[at].what;

        if (!suppressions->table[at].used) return at;
        if (what->entry == entry && what->list == list && strcmp(what->site, site) == 0 && strcmp(what->lane, lane) == 0) return at;
    }
}

bool suppressions_add(struct suppressions *suppressions, const struct suppression *what)
{
    if (suppressions->count == suppressions->room) return false;
    struct suppressed *suppressed = &suppressions->table[place_of(suppressions, what->list, what->entry, what->site, what->lane)];
    suppressions->count += !suppressed->used;
    suppressed->what = *what;
    suppressed->used = true;
    return true;
}

struct suppressed *suppressions_find(const struct suppressions *suppressions, uint32_t list, uint64_t entry, const char *site, const char *lane,
                                     int64_t now_ms)
{
    if (suppressions == NULL || suppressions->count == 0) return NULL;
    const struct suppressed *found = &suppressions->table[place_of(suppressions, list, entry, site, lane)];
    return found->used && now_ms < found->what.until_ms ? (struct suppressed *)(uintptr_t)found : NULL;
}

void suppressed_count(struct suppressed *suppressed)
{
    atomic_fetch_add_explicit(&suppressed->matches, 1, memory_order_relaxed);
}

static void add_count(struct suppressed_counts *counts, uint32_t number, uint64_t matches)
{
    size_t at = 0;

    while (at < counts->count && counts->numbers[at] != number) at++;
    if (at == LIMIT_SUPPRESSIONS) return;
    if (at == counts->count) {
        counts->count++;
        counts->numbers[at] = number;
        counts->matches[at] = 0;
    }
    counts->matches[at] += matches;
}

void suppressions_take_counts(const struct suppressions *suppressions, struct suppressed_counts *counts)
{
    for (size_t i = 0; suppressions != NULL && i < suppressions->places; i++) {
        struct suppressed *suppressed = (struct suppressed *)(uintptr_t)&suppressions->table[i];

        if (!suppressed->used || atomic_load_explicit(&suppressed->matches, memory_order_relaxed) == 0) continue;
        add_count(counts, suppressed->what.number, atomic_exchange_explicit(&suppressed->matches, 0, memory_order_relaxed));
    }
}
