/* Memory that is locked, left out of core files, guarded on both sides, and wiped. */
#include <platesieve/platesieve.h>

#include <sodium.h>
#include <sys/mman.h>
#include <unistd.h>

#define ALIGNMENT 16
#define KEPT_BYTES (256 * 1024) /* of an arena after a reset; what it had beyond goes back to the kernel */

#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24 /* Linux 5.18; an older one refuses it, and then the memory stays here */
#endif

struct platesieve_arena {
    size_t size;
    size_t used;
    unsigned char *memory; /* locked as it is touched; zero from `used` to `size` */
    unsigned char *mapped; /* pages around it, the first and the last of which nobody may touch */
    size_t mapped_size;
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

/* Pages that are locked, and so take room, only as they are touched.  MEMORY ends where the last page begins. */
static bool arena_map(struct platesieve_arena *arena)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t inside;

    if (arena->size > SIZE_MAX - 3 * page)
        return false;
    inside = (arena->size + page - 1) / page * page;
    arena->mapped_size = inside + 2 * page;
    arena->mapped = mmap(NULL, arena->mapped_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (arena->mapped == MAP_FAILED)
        return false;
    (void)madvise(arena->mapped, arena->mapped_size, MADV_DONTDUMP);
    arena->memory = arena->mapped + page + inside - arena->size;
    if (mprotect(arena->mapped + page, inside, PROT_READ | PROT_WRITE) == 0 &&
        mlock2(arena->mapped + page, inside, MLOCK_ONFAULT) == 0)
        return true;
    munmap(arena->mapped, arena->mapped_size);
    return false;
}

/* Only whole pages: the first of them may begin in what is kept. */
static void arena_shrink(const struct platesieve_arena *arena)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    unsigned char *end = arena->mapped + arena->mapped_size - page, *kept = arena->mapped + page + KEPT_BYTES;

    if (arena->used > KEPT_BYTES + page && kept < end)
        (void)madvise(kept, (size_t)(end - kept), MADV_DONTNEED_LOCKED);
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
    if (!arena_map(made)) {
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
    arena_shrink(arena);
    arena->used = 0;
}

void platesieve_arena_destroy(struct platesieve_arena *arena)
{
    if (arena == NULL)
        return;
    sodium_memzero(arena->memory, arena->used);
    munmap(arena->mapped, arena->mapped_size);
    free(arena);
}
