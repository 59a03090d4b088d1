/* Memory that is locked, left out of core files, guarded on both sides, and wiped. */
#include <platesieve/platesieve.h>

#include <sodium.h>

#define ALIGNMENT 16

struct platesieve_arena {
    size_t size;
    size_t used;
    unsigned char *memory; /* secret; zero from `used` to `size` */
};

/* The next multiple of ALIGNMENT, or 0 when there is none. */
static size_t aligned(size_t size)
{
    return size > SIZE_MAX - ALIGNMENT ? 0 : (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

void *platesieve_secret_allocate(size_t size)
{
    size_t rounded = aligned(size > 0 ? size : 1);
    void *secret = rounded > 0 ? sodium_malloc(rounded) : NULL;

    if (secret == NULL)
        return NULL;
    /* sodium_malloc goes on when it can't lock; locking again is harmless and tells. */
    if (sodium_mlock(secret, rounded) != 0) {
        sodium_free(secret);
        return NULL;
    }
    sodium_memzero(secret, rounded);
    return secret;
}

void platesieve_secret_free(void *secret)
{
    sodium_free(secret); /* wipes and unlocks */
}

void platesieve_wipe(void *memory, size_t size)
{
    sodium_memzero(memory, size);
}

struct platesieve_result platesieve_arena_create(size_t size, struct platesieve_arena **arena)
{
    struct platesieve_arena *made;

    *arena = NULL;
    if (size == 0 || aligned(size) == 0)
        return (struct platesieve_result){ PLATESIEVE_BAD_ARGUMENT };
    made = calloc(1, sizeof *made);
    if (made == NULL)
        return (struct platesieve_result){ PLATESIEVE_NO_MEMORY };
    made->size = aligned(size);
    made->memory = platesieve_secret_allocate(made->size);
    if (made->memory == NULL) {
        free(made);
        return (struct platesieve_result){ PLATESIEVE_NO_MEMORY };
    }
    *arena = made;
    return (struct platesieve_result){ PLATESIEVE_OK };
}

void *platesieve_arena_allocate(struct platesieve_arena *arena, size_t size)
{
    size_t rounded = aligned(size > 0 ? size : 1);
    void *memory;

    if (rounded == 0 || rounded > arena->size - arena->used)
        return NULL;
    memory = arena->memory + arena->used;
    arena->used += rounded;
    return memory;
}

void platesieve_arena_reset(struct platesieve_arena *arena)
{
    sodium_memzero(arena->memory, arena->used);
    arena->used = 0;
}

void platesieve_arena_destroy(struct platesieve_arena *arena)
{
    if (arena == NULL)
        return;
    platesieve_secret_free(arena->memory);
    free(arena);
}
