/* See follow.h: starting, stopping, and the follower's own loop. */
#include "server/gate/follow/follow.h"

#include <errno.h>
#include <malloc.h>
#include <urcu-bp.h>

#include "include/monotonic.h"
#include "server/gate/follow/internal.h"
#include "server/http/log.h"

#define FIRST_ANSWER_MS 3000    /* that lists wait for epochs at the start: then all is read in one go */
#define SWEEP_EVERY_MS (3600 * 1000)
#define STRINGS ARRAY_LENGTH(((struct follow *)NULL)->strings)

/* -- what the threads share ---------------------------------------------------------------------------------------- */

int64_t follow_now_ms(const struct follow *follow)
{
    return clock_now_ms(follow->settings.clock);
}

int64_t follow_ticks_ms(void)
{
    return monotonic_now_ms();
}

bool follow_pause(struct follow *follow, int64_t ms, bool *flag)
{
    const int64_t until_ms = monotonic_now_ms() + ms;

    pthread_mutex_lock(&follow->lock);
    while (!atomic_load(&follow->ending) && !(flag != NULL && *flag))
        if (!monotonic_wait(&follow->wake, &follow->lock, until_ms)) break;
    if (flag != NULL) *flag = false;
    pthread_mutex_unlock(&follow->lock);
    return !atomic_load(&follow->ending);
}

void follow_signal(struct follow *follow, bool *flag)
{
    pthread_mutex_lock(&follow->lock);
    *flag = true;
    pthread_cond_broadcast(&follow->wake);
    pthread_mutex_unlock(&follow->lock);
}

void follow_note(struct follow *follow, bool *member, bool value)
{
    pthread_mutex_lock(&follow->lock);
    if (*member != value) {
        *member = value;
        follow->refresh = true;
        pthread_cond_broadcast(&follow->wake);
    }
    pthread_mutex_unlock(&follow->lock);
}

void follow_count_troubles(struct follow *follow, unsigned troubles)
{
    pthread_mutex_lock(&follow->lock);
    if (follow->status.lists_refused != troubles) {
        follow->status.lists_refused = troubles;
        follow->refresh = true;
        pthread_cond_broadcast(&follow->wake);
    }
    pthread_mutex_unlock(&follow->lock);
}

const struct catalogue *follow_catalogue(const struct follow *follow)
{
    return rcu_dereference(follow->published);
}

void follow_status(struct follow *follow, struct follow_status *status)
{
    pthread_mutex_lock(&follow->lock);
    *status = follow->status;
    pthread_mutex_unlock(&follow->lock);
}

const char *follow_key_server_url(const struct follow *follow, size_t server)
{
    return keys_client_url(follow->keys, server);
}

/* -- the follower -------------------------------------------------------------------------------------------------- */

/* An epoch waits for its slots. */
static bool wants_slots(const struct follow *follow)
{
    for (size_t i = 0; i < follow->book.count; i++) {
        const struct booked_epoch *epoch = &follow->book.epochs[i];

        if (epoch->prepared && !epoch->loaded && epoch_usable(epoch)) return true;
    }
    return false;
}

static void told_loaded(struct follow *follow, int64_t took_ms)
{
    pthread_mutex_lock(&follow->lock);
    bool first = !follow->status.loaded;
    follow->status.loaded = true;
    follow->status.version = follow->version;
    follow->status.loaded_ms = follow_now_ms(follow);
    follow->status.last_load_s = (double)took_ms / 1000;
    pthread_mutex_unlock(&follow->lock);
    if (first) {
        log_line(LOG_NOTICE, "lists loaded in %.1f s: %llu entries", (double)took_ms / 1000,
                 (unsigned long long)entries_count(follow->entries));
        malloc_trim(0);
    }
}

static void load(struct follow *follow)
{
    int64_t begun = follow_ticks_ms();
    struct result result = follow_load(follow);

    if (!failed(result)) {
        told_loaded(follow, follow_ticks_ms() - begun);
    } else {
        bool away = result.reason == REASON_DATABASE;

        follow->load_retry_ms = follow_ticks_ms() + (away ? FOLLOW_RETRY_MS : 5 * FOLLOW_RETRY_MS);
        if (!away && !follow->status.stuck) /* only this thread writes it */
            log_line(LOG_ERR, "lists can't be loaded: %s", reason_row(result.reason)->title);
    }
    follow_note(follow, &follow->status.stuck, failed(result) && result.reason != REASON_DATABASE);
}

/* False when the database is away. */
static bool poll_head(struct follow *follow, uint64_t *version)
{
    bool up = !failed(db_head(follow->settings.db, version));

    if (up) {
        pthread_mutex_lock(&follow->lock);
        follow->status.lists_seen_ms = follow_now_ms(follow);
        pthread_mutex_unlock(&follow->lock);
    }
    follow_note(follow, &follow->status.database_up, up);
    return up;
}

static void follow_lists(struct follow *follow, uint64_t version)
{
    bool again = follow->lists_retry_ms != 0 && follow_ticks_ms() >= follow->lists_retry_ms;

    if ((version != follow->version || again || wants_slots(follow)) && follow_ticks_ms() >= follow->load_retry_ms) load(follow);
}

static void *follow_run(void *context)
{
    struct follow *follow = context;
    bool on = follow_pause(follow, FIRST_ANSWER_MS, &follow->asked);

    while (on) {
        uint64_t version;

        follow_excess(follow); /* before the head is read: what is loaded then knows of it */
        bool up = poll_head(follow, &version);

        follow_epochs(follow); /* before lists: they are loaded for the epochs that are known */
        if (up) follow_lists(follow, version);
        if (follow->settings.served != NULL)
            follow_note(follow, &follow->status.served_broken, failed(served_save(follow->settings.served)));
        follow_watch(follow);
        if (follow->sweep_ms != 0 && follow_ticks_ms() >= follow->sweep_ms) {
            follow_sweep(follow);
            follow_sweep_in(follow, SWEEP_EVERY_MS);
        }
        on = follow_pause(follow, up ? FOLLOW_POLL_MS : FOLLOW_RETRY_MS / 2, &follow->asked);
    }
    return NULL;
}

/* -- starting and stopping ----------------------------------------------------------------------------------------- */

static struct result copy_settings(struct follow *follow, const struct follow_settings *settings)
{
    const char **strings[STRINGS] = {
        &follow->settings.keys_url, &follow->settings.certificate,  &follow->settings.key,
        &follow->settings.ca,       &follow->settings.trust_domain, &follow->settings.epochs_file,
    };

    follow->settings = *settings;
    for (size_t i = 0; i < STRINGS; i++) {
        follow->strings[i] = strdup(*strings[i]);
        if (follow->strings[i] == NULL) return FAIL(REASON_INTERNAL);
        *strings[i] = follow->strings[i];
    }
    return OK;
}

static void read_epochs(struct follow *follow)
{
    struct result result = keys_answer_read(follow->settings.epochs_file, &follow->told.servers[0].answer);

    follow->told.count = 1;
    follow->told.remembered = true;
    follow->told.servers[0].answered = follow->answered = !failed(result);
    if (failed(result) && result.reason != REASON_NOT_FOUND)
        log_line(LOG_WARNING, "the file of known epochs can't be read: it is made anew");
}

static void prepare_locks(struct follow *follow)
{

    monotonic_condition(&follow->wake);
    pthread_mutex_init(&follow->lock, NULL);
    pthread_mutex_init(&follow->publishing, NULL);
    pthread_mutex_init(&follow->counting, NULL);
}

static struct result prepare(struct follow *follow, const struct follow_settings *settings)
{
    TRY(copy_settings(follow, settings));
    follow->entries = entries_create();
    follow->current = catalogue_create(0, 0, 0);
    follow->over = calloc(LIMIT_EPOCHS_KNOWN, sizeof(*follow->over));
    if (follow->entries == NULL || follow->current == NULL || follow->over == NULL) return FAIL(REASON_INTERNAL);
    follow->current->entries = follow->entries;
    struct keys_client_settings keys = { .urls = follow->settings.keys_url, .certificate = follow->settings.certificate,
                                         .key = follow->settings.key, .ca = follow->settings.ca,
                                         .trust_domain = follow->settings.trust_domain };
    TRY(keys_client_open(&keys, &follow->keys));
    follow->status.key_server_count = keys_client_count(follow->keys);
    read_epochs(follow);
    follow_epochs(follow);
    return OK;
}

static struct result start_threads(struct follow *follow)
{
    static void *(*const run[])(void *) = { follow_ask_keys, follow_run, follow_keep_time, follow_tidy };
    pthread_t *threads[] = { &follow->asker, &follow->follower, &follow->keeper, &follow->tidier };

    for (; follow->threads < ARRAY_LENGTH(threads); follow->threads++)
        if (pthread_create(threads[follow->threads], NULL, run[follow->threads], follow) != 0)
            return FAIL(REASON_INTERNAL);
    return OK;
}

struct result follow_start(const struct follow_settings *settings, struct follow **out)
{
    struct follow *follow = calloc(1, sizeof(*follow));

    *out = NULL;
    if (follow == NULL) return FAIL(REASON_INTERNAL);
    prepare_locks(follow);
    struct result result = prepare(follow, settings);
    if (!failed(result)) result = start_threads(follow);
    if (failed(result)) follow_stop(follow);
    else *out = follow;
    return result;
}

static void stop_threads(struct follow *follow)
{
    pthread_t threads[] = { follow->asker, follow->follower, follow->keeper, follow->tidier };

    pthread_mutex_lock(&follow->lock);
    atomic_store(&follow->ending, true);
    pthread_cond_broadcast(&follow->wake);
    pthread_mutex_unlock(&follow->lock);
    for (unsigned i = 0; i < follow->threads; i++) pthread_join(threads[i], NULL);
}

void follow_stop(struct follow *follow)
{
    if (follow == NULL) return;
    stop_threads(follow);
    rcu_assign_pointer(follow->published, NULL);
    synchronize_rcu();
    for (size_t i = 0; i < follow->book.count; i++) follow_free_epoch(&follow->book.epochs[i]);
    for (size_t i = 0; i < follow->over_count; i++) follow_free_epoch(&follow->over[i]);
    free(follow->over);
    catalogue_free(follow->current);
    suppressions_free(follow->suppressions);
    entries_destroy(follow->entries);
    segments_free(&follow->segments);
    free(follow->lists);
    free(follow->coverage);
    keys_client_close(follow->keys);
    for (size_t i = 0; i < STRINGS; i++) free(follow->strings[i]);
    pthread_cond_destroy(&follow->wake);
    pthread_mutex_destroy(&follow->lock);
    pthread_mutex_destroy(&follow->publishing);
    pthread_mutex_destroy(&follow->counting);
    free(follow);
}
