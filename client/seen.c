#include "client/seen.h"

#include <sodium.h>

#define FIRST_SIZE 1024u /* a power of two */

/* Open addressing with linear probing; a reference's hash is never 0, which marks a free place.  Hashes are keyed at
   random: nobody can choose references that collide, and by chance two of 10 million do with a probability of 3e-6. */
struct seen {
    uint8_t key[crypto_shorthash_KEYBYTES];
    size_t size, count;
    uint64_t *references;
    uint32_t *plates;
};

struct seen *seen_create(void)
{
    struct seen *seen = calloc(1, sizeof(*seen));

    if (seen == NULL) return NULL;
    randombytes_buf(seen->key, sizeof(seen->key));
    seen->size = FIRST_SIZE;
    seen->references = calloc(seen->size, sizeof(*seen->references));
    seen->plates = calloc(seen->size, sizeof(*seen->plates));
    if (seen->references != NULL && seen->plates != NULL) return seen;
    seen_destroy(seen);
    return NULL;
}

void seen_destroy(struct seen *seen)
{
    if (seen == NULL) return;
    platesieve_wipe(seen->key, sizeof(seen->key)); /* without it the hashes of plates say nothing */
    free(seen->references);
    free(seen->plates);
    free(seen);
}

static size_t place_of(const uint64_t *references, size_t size, uint64_t hash)
{
    size_t at = (size_t)hash & (size - 1);

    while (references[at] != 0 && references[at] != hash) at = (at + 1) & (size - 1);
    return at;
}

static bool grow(struct seen *seen)
{
    const size_t size = seen->size * 2;
    uint64_t *references = calloc(size, sizeof(*references));
    uint32_t *plates = calloc(size, sizeof(*plates));

    if (references == NULL || plates == NULL) {
        free(references);
        free(plates);
        return false;
    }
    for (size_t i = 0; i < seen->size; i++) {
        size_t at;

        if (seen->references[i] == 0) continue;
        at = place_of(references, size, seen->references[i]);
        references[at] = seen->references[i];
        plates[at] = seen->plates[i];
    }
    free(seen->references);
    free(seen->plates);
    seen->references = references;
    seen->plates = plates;
    seen->size = size;
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
    size_t at;

    if (seen->count >= seen->size / 4 * 3 && !grow(seen)) return SEEN_NO_MEMORY;
    at = place_of(seen->references, seen->size, hash);
    if (seen->references[at] == hash)
        return seen->plates[at] == plate_hash ? SEEN_WITH_THIS_PLATE : SEEN_WITH_ANOTHER_PLATE;
    seen->references[at] = hash;
    seen->plates[at] = plate_hash;
    seen->count++;
    return SEEN_NEVER;
}
