/* A ring of chunks: the main thread fills them in turn, the threads make their lines in any order, the main thread
   passes them on in turn. */
#include "client/push/push.h"

#include "client/http/over_quota.h"
#include "client/moment.h"

#define BACKOFF_MS_MIN 200u
#define BACKOFF_MS_MAX 5000u

struct push_pool {
    const struct push_maker *maker;
    const struct push_options *options;
    struct push_sender *sender;
    size_t thread_count, chunk_count;
    pthread_t threads[PUSH_PARALLEL_MAX];
    struct evaluator *evaluators[PUSH_PARALLEL_MAX]; /* NULL: nothing is asked of a key server */
    struct push_chunk *chunks;
    bool sender_failed;
    /* guarded by the mutex */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    uint64_t filled, taken; /* chunks given to the threads, and taken by one; the main thread fills number `filled` */
    uint64_t passed;        /* the main thread's own: passed on */
    size_t started;         /* threads that know which evaluator is theirs */
    bool stop, told;
    int code;
};

/* -- the threads --------------------------------------------------------------------------------------------------- */

static void nap(unsigned ms)
{
    const struct timespec time = { ms / 1000, (long)(ms % 1000) * 1000000 };

    nanosleep(&time, NULL);
}

static int code_of(struct push_pool *pool)
{
    int code;

    pthread_mutex_lock(&pool->mutex);
    code = pool->code;
    pthread_mutex_unlock(&pool->mutex);
    return code;
}

/* Says once, for all threads, that we wait (OVER_UNTIL_MS: because a quota is used up until then); and, when it went on,
   is ready to say so again. */
static void tell_waiting(struct push_pool *pool, bool waiting, int64_t over_until_ms)
{
    char until[32];
    bool tell;

    pthread_mutex_lock(&pool->mutex);
    tell = waiting && !pool->told;
    pool->told = waiting;
    pthread_mutex_unlock(&pool->mutex);
    over_quota_time(over_until_ms, until);
    if (tell && over_until_ms > 0) say("this agency is over its quota; going on at %s", until);
    else if (tell) say("no key server can evaluate now; trying on for %u s", pool->options->patience_s);
}

/* Says why, for all threads: the first that gives up does. */
static int give_up(struct push_pool *pool, enum key_outcome outcome, int64_t over_until_ms)
{
    char until[32];
    bool first;

    pthread_mutex_lock(&pool->mutex);
    first = pool->code == CLIENT_OK;
    if (first) pool->code = key_outcome_exit(outcome);
    pthread_mutex_unlock(&pool->mutex);
    if (!first) return key_outcome_exit(outcome);
    over_quota_time(over_until_ms, until);
    if (outcome == KEY_LATER && over_until_ms > 0) {
        say("this agency is over its quota at the key server until %s, and --patience is shorter", until);
        return CLIENT_UNREACHABLE;
    }
    if (outcome == KEY_GONE) say("an epoch closed while its tokens were being made: the same command starts anew");
    if (outcome == KEY_WRONG) say("no key server gives tokens that hold");
    if (outcome == KEY_LATER) say("no key server answered in all that time");
    return key_outcome_exit(outcome);
}

/* Sleeps in short pieces; false when another thread gave up meanwhile, and said why. */
static bool wait_on(struct push_pool *pool, int64_t ms)
{
    for (; ms > 0 && code_of(pool) == CLIENT_OK; ms -= BACKOFF_MS_MAX)
        nap((unsigned)(ms < BACKOFF_MS_MAX ? ms : BACKOFF_MS_MAX));
    return code_of(pool) == CLIENT_OK;
}

/* Has more of a partial plate been evaluated than *DONE?  Then patience begins anew. */
static bool went_on(const struct push_chunk *chunk, size_t *done)
{
    const size_t before = *done;

    *done = push_partial_done(chunk);
    return *done > before;
}

/* Tokens, sooner or later. */
static int evaluate(struct push_pool *pool, struct push_chunk *chunk, struct evaluator *evaluator)
{
    int64_t begin_ms = moment_monotonic_ms();
    unsigned backoff_ms = BACKOFF_MS_MIN, retry_after_s = 0;
    size_t done = 0;
    bool waited = false;

    for (;;) {
        const enum key_outcome outcome = push_chunk_evaluate(chunk, pool->maker, evaluator, &retry_after_s);
        const int64_t now_ms = moment_monotonic_ms(), since_ms = went_on(chunk, &done) ? now_ms : begin_ms;
        const int64_t left_ms = (int64_t)pool->options->patience_s * 1000 - (now_ms - since_ms);
        const int64_t over_until_ms = outcome == KEY_LATER ? evaluator_over_quota(evaluator) : 0;
        const int64_t over_ms = over_quota_left_ms(over_until_ms);

        if (outcome == KEY_DONE) {
            if (waited) tell_waiting(pool, false, 0);
            return CLIENT_OK;
        }
        if (outcome != KEY_LATER || left_ms <= 0 || over_ms > left_ms) return give_up(pool, outcome, over_until_ms);
        waited = true;
        begin_ms = since_ms;
        tell_waiting(pool, true, over_until_ms);
        if (retry_after_s * 1000 > backoff_ms) backoff_ms = retry_after_s * 1000;
        if (backoff_ms > BACKOFF_MS_MAX) backoff_ms = BACKOFF_MS_MAX;
        if (!wait_on(pool, over_ms > 0 ? over_ms : backoff_ms)) return CLIENT_OK;
        backoff_ms *= 2;
    }
}

static void *run(void *context)
{
    struct push_pool *pool = context;
    struct evaluator *evaluator;

    pthread_mutex_lock(&pool->mutex);
    evaluator = pool->evaluators[pool->started++];
    for (;;) {
        struct push_chunk *chunk;
        int code;

        while (pool->taken == pool->filled && !pool->stop) pthread_cond_wait(&pool->changed, &pool->mutex);
        if (pool->taken == pool->filled) break;
        chunk = &pool->chunks[pool->taken++ % pool->chunk_count];
        code = pool->code;
        pthread_mutex_unlock(&pool->mutex);
        if (code == CLIENT_OK) code = evaluate(pool, chunk, evaluator);
        if (code == CLIENT_OK) push_chunk_write(chunk, pool->maker);
        pthread_mutex_lock(&pool->mutex);
        if (pool->code == CLIENT_OK) pool->code = code;
        chunk->done = true;
        pthread_cond_broadcast(&pool->changed);
    }
    pthread_mutex_unlock(&pool->mutex);
    return NULL;
}

/* -- the thread that fills ----------------------------------------------------------------------------------------- */

/* Waits for the oldest chunk and adds its lines to the sender's part. */
static bool pass_on(struct push_pool *pool)
{
    struct push_chunk *chunk = &pool->chunks[pool->passed++ % pool->chunk_count];
    const char *at;
    int code;

    pthread_mutex_lock(&pool->mutex);
    while (!chunk->done) pthread_cond_wait(&pool->changed, &pool->mutex);
    chunk->done = false;
    code = pool->code;
    pthread_mutex_unlock(&pool->mutex);
    at = chunk->text;
    for (size_t i = 0; code == CLIENT_OK && !pool->sender_failed && i < chunk->entry_count; i++) {
        const struct push_entry *entry = &chunk->entries[i];

        pool->sender_failed = !push_sender_add(pool->sender, at, entry->size, entry->lines);
        at += entry->size;
    }
    push_chunk_clear(chunk);
    return code == CLIENT_OK && !pool->sender_failed;
}

static void hand_over(struct push_pool *pool)
{
    pthread_mutex_lock(&pool->mutex);
    pool->filled++;
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->mutex);
}

struct push_chunk *push_pool_chunk(struct push_pool *pool)
{
    struct push_chunk *chunk = &pool->chunks[pool->filled % pool->chunk_count];

    if (!push_chunk_is_full(chunk, pool->maker->grade)) return chunk;
    hand_over(pool);
    if (pool->filled - pool->passed == pool->chunk_count && !pass_on(pool)) return NULL;
    return &pool->chunks[pool->filled % pool->chunk_count];
}

/* -- beginning and end --------------------------------------------------------------------------------------------- */

static void pool_free(struct push_pool *pool)
{
    pthread_mutex_lock(&pool->mutex);
    pool->stop = true;
    pool->taken = pool->filled;
    if (pool->code == CLIENT_OK) pool->code = CLIENT_FAILED; /* nobody tries on */
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->mutex);
    for (size_t i = 0; i < pool->thread_count; i++) pthread_join(pool->threads[i], NULL);
    for (size_t i = 0; i < PUSH_PARALLEL_MAX; i++) evaluator_close(pool->evaluators[i]);
    for (size_t i = 0; pool->chunks != NULL && i < pool->chunk_count; i++) push_chunk_destroy(&pool->chunks[i]);
    free(pool->chunks);
    pthread_mutex_destroy(&pool->mutex);
    pthread_cond_destroy(&pool->changed);
    free(pool);
}

int push_pool_finish(struct push_pool *pool, bool rest)
{
    int code;

    if (rest && pool->chunks[pool->filled % pool->chunk_count].entry_count > 0) hand_over(pool);
    while (rest && pool->passed < pool->filled && pass_on(pool)) continue;
    code = code_of(pool);
    pool_free(pool);
    return code;
}

static bool make_chunks(struct push_pool *pool, bool remote)
{
    pool->chunks = calloc(pool->chunk_count, sizeof(*pool->chunks));
    for (size_t i = 0; pool->chunks != NULL && i < pool->chunk_count; i++)
        if (!push_chunk_create(&pool->chunks[i], pool->maker->epochs->count,
                               remote ? PUSH_CHUNK_MESSAGES_REMOTE : PUSH_CHUNK_MESSAGES))
            return false;
    if (pool->chunks == NULL) say("out of memory");
    return pool->chunks != NULL;
}

static bool start_threads(struct push_pool *pool, const struct evaluator_settings *settings)
{
    for (size_t i = 0; settings != NULL && i < pool->options->parallel; i++)
        if (evaluator_open(settings, &pool->evaluators[i]) != CLIENT_OK) return false;
    while (pool->thread_count < pool->options->parallel &&
           pthread_create(&pool->threads[pool->thread_count], NULL, run, pool) == 0)
        pool->thread_count++;
    if (pool->thread_count < pool->options->parallel) say("no more threads");
    return pool->thread_count == pool->options->parallel;
}

struct push_pool *push_pool_start(const struct push_maker *maker, const struct evaluator_settings *settings,
                                  const struct push_options *options, struct push_sender *sender)
{
    struct push_pool *pool = calloc(1, sizeof(*pool));

    if (pool == NULL) {
        say("out of memory");
        return NULL;
    }
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->changed, NULL);
    pool->maker = maker;
    pool->options = options;
    pool->sender = sender;
    pool->chunk_count = 2 * options->parallel + 2;
    if (make_chunks(pool, settings != NULL) && start_threads(pool, settings)) return pool;
    pool_free(pool);
    return NULL;
}
