#include "client/push/seen.h"

#include <sodium.h>

#define SHARES 256u     /* the table is cut by the hash's first byte, so that growing takes room for a share at a time */
#define FIRST_PLACES 16u

/* Open addressing with linear probing; a reference's hash is never 0, which marks a free place.  Hashes are keyed at
   random: nobody can choose references that collide, and by chance two of 10 million do with a probability of 3e-6. */
struct share {
    uint32_t places, count;
    uint64_t *references;
    uint32_t *plates;
};

struct seen {
    uint8_t key[crypto_shorthash_KEYBYTES];
    struct share shares[SHARES];
};

struct seen *seen_create(void)
{
    struct seen *seen = calloc(1, sizeof(*seen));

    if (seen != NULL) randombytes_buf(seen->key, sizeof(seen->key));
    return seen;
}

void seen_destroy(struct seen *seen)
{
    if (seen == NULL) return;
    platesieve_wipe(seen->key, sizeof(seen->key)); /* without it the hashes of plates say nothing */
    for (size_t i = 0; i < SHARES; i++) {
        free(seen->shares[i].references);
        free(seen->shares[i].plates);
    }
    free(seen);
}

/* The bits below those that chose the share, spread over the places. */
static size_t place_of(const struct share *share, uint64_t hash)
{
    size_t at = (size_t)((hash >> 24 & 0xffffffff) * share->places >> 32);

    while (share->references[at] != 0 && share->references[at] != hash) at = at + 1 == share->places ? 0 : at + 1;
    return at;
}

/* By a quarter: what stands empty would be paid for, too. */
static bool grow(struct share *share)
{
    struct share larger = { .places = share->places == 0 ? FIRST_PLACES : share->places + share->places / 4 };

    larger.references = calloc(larger.places, sizeof(*larger.references));
    larger.plates = calloc(larger.places, sizeof(*larger.plates));
    if (larger.references == NULL || larger.plates == NULL) {
        free(larger.references);
        free(larger.plates);
        return false;
    }
    for (size_t i = 0; i < share->places; i++) {
        size_t at;

        if (share->references[i] == 0) continue;
        at = place_of(&larger, share->references[i]);
        larger.references[at] = share->references[i];
        larger.plates[at] = share->plates[i];
    }
    larger.count = share->count;
    free(share->references);
    free(share->plates);
    *share = larger;
    return true;
}

static uint64_t hash_of(const struct seen *seen, const void *bytes, size_t size)
{
    uint8_t out[crypto_shorthash_BYTES];
    uint64_t hash;

    crypto_shorthash(out, bytes, size, seen->key);
    memcpy(&hash, out, sizeof(hash));
    return hash == 0 ? 1 : hash;
}

static uint32_t hash_of_plate(const struct seen *seen, const struct platesieve_plate *plate,
                              const struct platesieve_jurisdiction *jurisdiction)
{
    uint8_t text[sizeof(plate->text) + 1 + sizeof(jurisdiction->code)] = { 0 };
    uint32_t hash;

    if (plate == NULL) return 0;
    memcpy(text, plate->text, plate->length);
    memcpy(text + sizeof(plate->text) + 1, jurisdiction->code, strlen(jurisdiction->code));
    hash = (uint32_t)hash_of(seen, text, sizeof(text));
    platesieve_wipe(text, sizeof(text));
    return hash;
}

enum seen_answer seen_ask(struct seen *seen, const char *reference, const struct platesieve_plate *plate,
                          const struct platesieve_jurisdiction *jurisdiction)
{
    const uint64_t hash = hash_of(seen, reference, strlen(reference));
    const uint32_t plate_hash = hash_of_plate(seen, plate, jurisdiction);
    struct share *share = &seen->shares[hash >> 56];
    size_t at;

    if (share->count >= share->places / 8 * 7 && !grow(share)) return SEEN_NO_MEMORY;
    at = place_of(share, hash);
    if (share->references[at] == hash)
        return share->plates[at] == plate_hash ? SEEN_WITH_THIS_PLATE : SEEN_WITH_ANOTHER_PLATE;
    share->references[at] = hash;
    share->plates[at] = plate_hash;
    share->count++;
    return SEEN_NEVER;
}

bool seen_has(const struct seen *seen, const char *reference)
{
    const uint64_t hash = hash_of(seen, reference, strlen(reference));
    const struct share *share = &seen->shares[hash >> 56];

    return share->count > 0 && share->references[place_of(share, hash)] == hash;
}
