/* Where a parsed check lies: one arena of locked memory for each thread, made when first needed. */
#include "server/gate/check/batch.h"

#include <pthread.h>

/* All arrays at their greatest, and twice the body: yajl keeps a string that is cut off in a buffer that doubles. */
#define ARENA_BYTES                                                                                                             \
    (sizeof(struct check_batch) + LIMIT_CHECK_READS * sizeof(struct check_read) +                                               \
     LIMIT_CHECK_READS * LIMIT_CHECK_CANDIDATES * sizeof(struct check_candidate) + CHECK_SETS_MAX * sizeof(struct check_set) + \
     (LIMIT_CHECK_BODY_BYTES / CHECK_TOKEN_BYTES + 1) * (sizeof(struct check_token) + sizeof(struct check_job)) +               \
     2 * LIMIT_CHECK_BODY_BYTES + 16384)

static pthread_once_t arena_once = PTHREAD_ONCE_INIT;
static pthread_key_t arena_key; /* destroys a thread's arena at its end; set once */

static void destroy_arena(void *arena)
{
    platesieve_arena_destroy(arena);
}

static void make_arena_key(void)
{
    if (pthread_key_create(&arena_key, destroy_arena) != 0) abort(); /* a process has 1024; nobody else takes one per request */
}

/* The calling thread's arena, made when first needed; NULL without memory to lock. */
static struct platesieve_arena *thread_arena(void)
{
    static _Thread_local struct platesieve_arena *arena;

    if (arena != NULL) return arena;
    (void)pthread_once(&arena_once, make_arena_key);
    if (platesieve_failed(platesieve_arena_create(ARENA_BYTES, &arena))) return NULL;
    (void)pthread_setspecific(arena_key, arena);
    return arena;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t aligned(size_t size)
{
    return (size + 15) & ~(size_t)15;
}

/* One piece for all. */
static struct check_batch *lay_out(struct platesieve_arena *arena, size_t size)
{
    size_t reads = least(LIMIT_CHECK_READS, size / CHECK_READ_BYTES + 1);
    size_t candidates = least(LIMIT_CHECK_READS * LIMIT_CHECK_CANDIDATES, size / CHECK_CANDIDATE_BYTES + 1);
    size_t sets = least(CHECK_SETS_MAX, size / CHECK_SET_BYTES + 1), tokens = size / CHECK_TOKEN_BYTES + 1;
    size_t reads_at = aligned(sizeof(struct check_batch)), candidates_at = reads_at + aligned(reads * sizeof(struct check_read));
    size_t sets_at = candidates_at + aligned(candidates * sizeof(struct check_candidate));
    size_t tokens_at = sets_at + aligned(sets * sizeof(struct check_set)), jobs_at = tokens_at + tokens * sizeof(struct check_token);
    uint8_t *memory = platesieve_arena_allocate(arena, jobs_at + tokens * sizeof(struct check_job));
    struct check_batch *batch = (void *)memory;

    if (memory == NULL) return NULL;
    batch->arena = arena;
    batch->read_room = reads;
    batch->candidate_room = candidates;
    batch->set_room = sets;
    batch->token_room = tokens;
    batch->reads = (void *)(memory + reads_at);
    batch->candidates = (void *)(memory + candidates_at);
    batch->sets = (void *)(memory + sets_at);
    batch->tokens = (void *)(memory + tokens_at);
    batch->jobs = (void *)(memory + jobs_at);
    return batch;
}

struct result check_batch_allocate(size_t size, struct check_batch **batch)
{
    struct platesieve_arena *arena = thread_arena();

    if (arena == NULL) return FAIL(REASON_BUSY);
    *batch = lay_out(arena, size);
    return *batch == NULL ? FAIL(REASON_INTERNAL) : OK; /* NULL: the last batch of this thread was not wiped */
}

void check_batch_size(const struct check_batch *batch, uint64_t *reads, uint64_t *tokens)
{
    *reads = batch->read_count;
    *tokens = batch->token_count;
}

void check_batch_wipe(struct check_batch **batch)
{
    if (*batch == NULL) return;
    platesieve_arena_reset((*batch)->arena);
    *batch = NULL;
}
