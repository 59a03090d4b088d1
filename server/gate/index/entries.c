/* See entries.h.  A freed record keeps the number of the next free one in its key. */
#include "server/gate/index/entries.h"

#include <sodium.h>
#include <sys/mman.h>

#define CHUNK_ENTRIES 65536u
#define CHUNK_BYTES (CHUNK_ENTRIES * sizeof(struct entry))
#define CHUNKS (LIMIT_ENTRIES / CHUNK_ENTRIES)
#define FREE_END UINT64_MAX

static_assert(LIMIT_ENTRIES % CHUNK_ENTRIES == 0, "chunks hold all entries");

struct entries {
    uint32_t next;      /* first number that was never used */
    uint64_t free_list; /* first freed number, or FREE_END */
    uint64_t count;     /* in use */
    uint64_t bytes;
    struct entry *chunks[CHUNKS];
};

uint64_t entry_key(const char *agency, const char *list, const char *reference)
{
    crypto_hash_sha256_state state;
    uint8_t digest[crypto_hash_sha256_BYTES];
    uint64_t key = 0;

    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, (const uint8_t *)"platesieve/1/entry", sizeof("platesieve/1/entry"));
    crypto_hash_sha256_update(&state, (const uint8_t *)agency, strlen(agency) + 1);
    crypto_hash_sha256_update(&state, (const uint8_t *)list, strlen(list) + 1);
    crypto_hash_sha256_update(&state, (const uint8_t *)reference, strlen(reference));
    crypto_hash_sha256_final(&state, digest);
    for (size_t i = 0; i < 8; i++) key = key << 8 | digest[i];
    return key;
}

/* Pages of a mapping come when they are first touched, so neither the table of chunks nor a chunk costs what it does not hold. */
static void *map(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return memory == MAP_FAILED ? NULL : memory;
}

struct entries *entries_create(void)
{
    struct entries *entries = map(sizeof(*entries));

    if (entries != NULL) entries->free_list = FREE_END;
    return entries;
}

void entries_destroy(struct entries *entries)
{
    if (entries == NULL) return;
    for (size_t i = 0; i < CHUNKS && entries->chunks[i] != NULL; i++) munmap(entries->chunks[i], CHUNK_BYTES);
    munmap(entries, sizeof(*entries));
}

static struct entry *entry_at(const struct entries *entries, uint32_t number)
{
    return &entries->chunks[number / CHUNK_ENTRIES][number % CHUNK_ENTRIES];
}

static struct result reserve(struct entries *entries, uint32_t *number)
{
    if (entries->free_list != FREE_END) {
        *number = (uint32_t)entries->free_list;
        entries->free_list = entry_at(entries, *number)->key;
        return OK;
    }
    if (entries->next == LIMIT_ENTRIES) return FAIL(REASON_BUSY);
    if (entries->next % CHUNK_ENTRIES == 0) {
        struct entry *chunk = map(CHUNK_BYTES);

        if (chunk == NULL) return FAIL(REASON_BUSY);
        __atomic_store_n(&entries->chunks[entries->next / CHUNK_ENTRIES], chunk, __ATOMIC_RELEASE);
        __atomic_store_n(&entries->bytes, entries->bytes + CHUNK_BYTES, __ATOMIC_RELAXED);
    }
    *number = entries->next++;
    return OK;
}

struct result entries_add(struct entries *entries, const struct entry *entry, uint32_t *number)
{
    assert(entry->segment != 0);
    TRY(reserve(entries, number));
    *entry_at(entries, *number) = *entry;
    __atomic_store_n(&entries->count, entries->count + 1, __ATOMIC_RELAXED);
    return OK;
}

const struct entry *entries_get(const struct entries *entries, uint32_t number)
{
    return entry_at(entries, number);
}

void entries_remove(struct entries *entries, uint32_t number, uint32_t by_segment)
{
    __atomic_store_n(&entry_at(entries, number)->removed_by, by_segment, __ATOMIC_RELAXED);
}

void entries_free(struct entries *entries, uint32_t number)
{
    struct entry *entry = entry_at(entries, number);

    assert(entry->segment != 0);
    *entry = (struct entry){ .key = entries->free_list };
    entries->free_list = number;
    __atomic_store_n(&entries->count, entries->count - 1, __ATOMIC_RELAXED);
}

void entries_each(struct entries *entries, void (*each)(void *context, uint32_t number, const struct entry *entry), void *context)
{
    for (uint32_t number = 0; number < entries->next; number++) {
        const struct entry *entry = entry_at(entries, number);

        if (entry->segment != 0) each(context, number, entry);
    }
}

uint64_t entries_count(const struct entries *entries)
{
    return __atomic_load_n(&entries->count, __ATOMIC_RELAXED);
}

uint64_t entries_bytes(const struct entries *entries)
{
    return sizeof(*entries) - sizeof(entries->chunks) + __atomic_load_n(&entries->bytes, __ATOMIC_RELAXED);
}
