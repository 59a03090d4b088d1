#include "server/keys/epoch_store_internal.h"

#include <sodium.h>

#include "server/keys/epoch_file.h"
#include "server/keys/epoch_key.h"

/* -- in memory --------------------------------------------------------------------------------- */

void epoch_store_insert(struct epoch_store *store, const struct epoch *epoch, struct epoch_key *key)
{
    size_t at = store->count++;
    for (; at > 0; at--) {
        const struct epoch *before = &store->epochs[at - 1].epoch;
        if (before->span.opens_s < epoch->span.opens_s ||
            (before->span.opens_s == epoch->span.opens_s && before->number < epoch->number))
            break;
        store->epochs[at] = store->epochs[at - 1];
    }
    store->epochs[at] = (struct held){ *epoch, key };
}

void epoch_store_drop(struct epoch_store *store, size_t at)
{
    epoch_key_retire(store->epochs[at].key);
    memmove(&store->epochs[at], &store->epochs[at + 1], (store->count - at - 1) * sizeof store->epochs[0]);
    store->count--;
}

struct held *epoch_store_find_number(struct epoch_store *store, uint64_t number)
{
    for (size_t i = 0; i < store->count; i++)
        if (store->epochs[i].epoch.number == number) return &store->epochs[i];
    return NULL;
}

struct held *epoch_store_find_id(struct epoch_store *store, const char *id)
{
    for (size_t i = 0; i < store->count; i++)
        if (strcmp(store->epochs[i].epoch.id, id) == 0) return &store->epochs[i];
    return NULL;
}

/* -- adding and erasing ------------------------------------------------------------------------ */

static struct result make_secret(const struct epoch_store *store, const struct epoch *epoch, uint8_t *secret)
{
    if (epoch->server != 0) return share_secret(store->share, epoch->span.opens_s, secret);
    randombytes_buf(secret, PLATESIEVE_KEY_BYTES);
    return OK;
}

/* Durable when it returns OK. */
static struct result make(struct epoch_store *store, struct epoch *epoch, struct epoch_key **key)
{
    uint8_t *secret = platesieve_secret_allocate(EPOCH_SECRET_BYTES);
    if (secret == NULL) return FAIL(REASON_BUSY);
    struct result result = make_secret(store, epoch, secret);
    if (!failed(result)) result = epoch_key_create(epoch, secret, key);
    if (!failed(result)) {
        result = epoch_file_write(store->folder, store->master, epoch, secret);
        if (failed(result)) epoch_key_retire(*key);
    }
    platesieve_secret_free(secret);
    return result;
}

struct result epoch_store_add(struct epoch_store *store, const struct span *span, enum platesieve_suite suite,
                              struct epoch *added)
{
    if (store->count == LIMIT_EPOCHS_KNOWN) return FAIL(REASON_TOO_MANY);
    struct epoch epoch = { .number = schedule_number(span->opens_s), .suite = suite, .span = *span };
    struct epoch_key *key = NULL;
    if (store->share != NULL) epoch.server = store->share->server;
    schedule_id(span->opens_s, epoch.id);
    if (epoch_store_find_number(store, epoch.number) != NULL) return FAIL(REASON_ROTATION);
    TRY(make(store, &epoch, &key));
    pthread_rwlock_wrlock(&store->guard); /* known to others only now that it is durable */
    epoch_store_insert(store, &epoch, key);
    pthread_rwlock_unlock(&store->guard);
    *added = epoch;
    return OK;
}

static struct result rewrite(struct epoch_store *store, struct epoch *epoch, const struct span *span, uint8_t *secret)
{
    TRY(epoch_file_read(store->folder, store->master, epoch, secret));
    epoch->span = *span;
    return epoch_file_write(store->folder, store->master, epoch, secret);
}

struct result epoch_store_reschedule(struct epoch_store *store, uint64_t number, int64_t closes_s, int64_t destroyed_s)
{
    struct held *held = epoch_store_find_number(store, number);
    if (held == NULL || held->epoch.erased) return FAIL(REASON_NOT_FOUND);
    struct epoch epoch = held->epoch;
    struct span span = { epoch.span.opens_s, closes_s, destroyed_s };
    uint8_t *secret = platesieve_secret_allocate(EPOCH_SECRET_BYTES);
    if (secret == NULL) return FAIL(REASON_BUSY);
    struct result result = rewrite(store, &epoch, &span, secret);
    platesieve_secret_free(secret);
    TRY(result);
    pthread_rwlock_wrlock(&store->guard);
    held->epoch.span = span;
    pthread_rwlock_unlock(&store->guard);
    return OK;
}

/* Forgets the oldest erased ones, but for those whose opening is still to come: the calendar would make them again.  A
   file that stays for an error is tried again next time. */
static void prune(struct epoch_store *store, int64_t now_s)
{
    size_t erased = 0;
    for (size_t i = store->count; i > 0; i--) {
        struct epoch epoch = store->epochs[i - 1].epoch;
        if (!epoch.erased || epoch.span.opens_s > now_s || ++erased <= SCHEDULE_ERASED_KEPT || failed(epoch_file_erase(store->folder, &epoch)))
            continue;
        pthread_rwlock_wrlock(&store->guard);
        epoch_store_drop(store, i - 1);
        pthread_rwlock_unlock(&store->guard);
    }
}

struct result epoch_store_erase(struct epoch_store *store, uint64_t number, int64_t now_s)
{
    struct held *held = epoch_store_find_number(store, number);
    if (held == NULL) return FAIL(REASON_NOT_FOUND);
    if (held->epoch.erased) return OK;
    pthread_rwlock_wrlock(&store->guard);
    struct epoch_key *key = held->key;
    held->key = NULL; /* nobody borrows it any more */
    pthread_rwlock_unlock(&store->guard);
    epoch_key_retire(key);

    struct epoch live = held->epoch, erased = live;
    erased.erased = true;
    if (now_s > erased.span.destroyed_s || now_s < erased.span.opens_s)
        erased.span.destroyed_s = now_s; /* not on time, or before its time: say when it really was */
    TRY(epoch_file_write(store->folder, store->master, &erased, NULL));
    TRY(epoch_file_erase(store->folder, &live));
    pthread_rwlock_wrlock(&store->guard);
    held->epoch = erased;
    pthread_rwlock_unlock(&store->guard);
    prune(store, now_s);
    return OK;
}

struct result epoch_store_forget(struct epoch_store *store, int64_t now_s)
{
    int64_t opens_s = -1;
    if (store->share == NULL) return OK;
    for (size_t i = 0; i < store->count; i++) {
        const struct epoch *epoch = &store->epochs[i].epoch;
        if (epoch->erased && epoch->span.opens_s <= now_s && epoch->span.opens_s > opens_s) opens_s = epoch->span.opens_s;
    }
    if (share_give_up(store->share, opens_s)) store->share_written = false;
    if (store->share_written) return OK;
    TRY(share_save(store->folder, store->master, store->share));
    store->share_written = true;
    return OK;
}

/* -- asking ------------------------------------------------------------------------------------ */

bool epoch_store_shares(const struct epoch_store *store)
{
    return store->share != NULL;
}

unsigned epoch_store_server(const struct epoch_store *store)
{
    return store->share->server;
}

const uint8_t *epoch_store_ceremony(const struct epoch_store *store)
{
    return store->share->ceremony;
}

size_t epoch_store_list(struct epoch_store *store, struct epoch epochs[LIMIT_EPOCHS_KNOWN])
{
    pthread_rwlock_rdlock(&store->guard);
    size_t count = store->count;
    for (size_t i = 0; i < count; i++) epochs[i] = store->epochs[i].epoch;
    pthread_rwlock_unlock(&store->guard);
    return count;
}

struct result epoch_store_borrow(struct epoch_store *store, const char *id, enum platesieve_suite suite,
                                 int64_t now_ms, struct epoch *epoch, struct epoch_key **key)
{
    struct result result = FAIL(REASON_NOT_FOUND);
    pthread_rwlock_rdlock(&store->guard);
    struct held *held = epoch_store_find_id(store, id);
    if (held != NULL) {
        enum epoch_state state = schedule_state(&held->epoch.span, held->epoch.erased, now_ms);
        result = FAIL(REASON_GONE);
        if (held->epoch.suite != suite) {
            result = FAIL(REASON_SUITE);
        } else if (held->key != NULL && (state == EPOCH_COMING || state == EPOCH_OPEN)) {
            epoch_key_borrow(held->key);
            *epoch = held->epoch;
            *key = held->key;
            result = OK;
        }
    }
    pthread_rwlock_unlock(&store->guard);
    return result;
}
