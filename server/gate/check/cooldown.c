/* See cooldown.h.  A shard is a hash table with chains over one array of records that grows; records also hang in a queue by the time at
   which their latest window was begun, so that the oldest is at hand. */
#include "server/gate/check/cooldown.h"

#include <pthread.h>
#include <sodium.h>

#include "include/cleanup.h"

#define SHARDS 64u
#define SHARD_RECORDS_MAX (LIMIT_COOLDOWN_RECORDS / SHARDS)
#define SHARD_RECORDS_MIN 16u
#define NONE UINT32_MAX
#define REMEMBER_MS ((LIMIT_COOLDOWN_S + LIMIT_SEEN_AGE_S + LIMIT_SEEN_AHEAD_S) * INT64_C(1000))

static_assert((SHARD_RECORDS_MAX & (SHARD_RECORDS_MAX - 1)) == 0, "doubling ends at the limit");

struct key {
    uint64_t halves[2]; /* keyed hash of entry, list, site and lane */
};

struct window {
    int64_t start_ms;
    uint8_t hit[PLATESIEVE_HIT_ID_BYTES];
    bool open; /* false: never begun */
};

struct record {
    struct key key;
    struct window windows[2];      /* the latest, and the one before */
    uint32_t chain;                /* next with the same hash, or next free one */
    uint32_t older, newer;         /* in the queue */
};

struct shard {
    pthread_mutex_t lock;
    uint32_t room, count, unused;  /* room: a power of two; unused: first free record */
    uint32_t oldest, newest;
    struct record *records;
    uint32_t *heads;               /* chains, as many as room */
};

struct cooldown {
    uint8_t hash_key[crypto_shorthash_siphashx24_KEYBYTES]; /* random: nobody can choose lanes and entries for one shard */
    struct shard shards[SHARDS];
};

struct cooldown *cooldown_create(void)
{
    struct cooldown *cooldown = calloc(1, sizeof(*cooldown));

    if (cooldown == NULL) return NULL;
    randombytes_buf(cooldown->hash_key, sizeof(cooldown->hash_key));
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *shard = &cooldown->shards[i];

        (void)pthread_mutex_init(&shard->lock, NULL);
        shard->unused = shard->oldest = shard->newest = NONE;
    }
    return cooldown;
}

void cooldown_destroy(struct cooldown *cooldown)
{
    if (cooldown == NULL) return;
    for (size_t i = 0; i < SHARDS; i++) {
        (void)pthread_mutex_destroy(&cooldown->shards[i].lock);
        free(cooldown->shards[i].records);
        free(cooldown->shards[i].heads);
    }
    free(cooldown);
}

/* -- records of a shard ------------------------------------------------------------------------------------------------------ */

static uint32_t *chain_of(struct shard *shard, const struct key *key)
{
    return &shard->heads[key->halves[1] & (shard->room - 1)];
}

static uint32_t find(struct shard *shard, const struct key *key)
{
    if (shard->room == 0) return NONE;
    for (uint32_t at = *chain_of(shard, key); at != NONE; at = shard->records[at].chain)
        if (memcmp(&shard->records[at].key, key, sizeof(*key)) == 0) return at;
    return NONE;
}

static void queue_remove(struct shard *shard, uint32_t at)
{
    struct record *record = &shard->records[at];

    if (record->older != NONE) shard->records[record->older].newer = record->newer;
    else shard->oldest = record->newer;
    if (record->newer != NONE) shard->records[record->newer].older = record->older;
    else shard->newest = record->older;
}

static void queue_append(struct shard *shard, uint32_t at)
{
    struct record *record = &shard->records[at];

    record->older = shard->newest;
    record->newer = NONE;
    if (shard->newest != NONE) shard->records[shard->newest].newer = at;
    else shard->oldest = at;
    shard->newest = at;
}

static void forget(struct shard *shard, uint32_t at)
{
    struct record *record = &shard->records[at];
    uint32_t *link = chain_of(shard, &record->key);

    while (*link != at) link = &shard->records[*link].chain;
    *link = record->chain;
    queue_remove(shard, at);
    record->chain = shard->unused;
    shard->unused = at;
    shard->count--;
}

/* Doubles the room; false at the limit or without memory, and then all is as it was. */
static bool grow(struct shard *shard)
{
    uint32_t room = shard->room == 0 ? SHARD_RECORDS_MIN : shard->room * 2;
    struct record *records;
    uint32_t *heads;

    if (room > SHARD_RECORDS_MAX) return false;
    heads = malloc(room * sizeof(*heads));
    records = heads == NULL ? NULL : realloc(shard->records, room * sizeof(*records));
    if (records == NULL) {
        free(heads);
        return false;
    }
    free(shard->heads);
    shard->heads = heads;
    shard->records = records;
    for (uint32_t i = 0; i < room; i++) heads[i] = NONE;
    for (uint32_t i = shard->room; i < room; i++) {
        records[i].chain = shard->unused;
        shard->unused = i;
    }
    shard->room = room;
    for (uint32_t at = shard->oldest; at != NONE; at = records[at].newer) {
        uint32_t *head = chain_of(shard, &records[at].key);

        records[at].chain = *head;
        *head = at;
    }
    return true;
}

/* A record for KEY without a window, last in the queue; NONE when there is no memory at all. */
static uint32_t insert(struct shard *shard, const struct key *key)
{
    uint32_t at, *head;

    if (shard->unused == NONE && !grow(shard) && shard->oldest != NONE) forget(shard, shard->oldest);
    if (shard->unused == NONE) return NONE;
    at = shard->unused;
    shard->unused = shard->records[at].chain;
    head = chain_of(shard, key);
    shard->records[at] = (struct record){ .key = *key, .chain = *head };
    *head = at;
    queue_append(shard, at);
    shard->count++;
    return at;
}

static void forget_old(struct shard *shard, int64_t now_ms)
{
    while (shard->oldest != NONE && shard->records[shard->oldest].windows[0].start_ms + REMEMBER_MS < now_ms) forget(shard, shard->oldest);
}

/* -- windows ----------------------------------------------------------------------------------------------------------------- */

static struct window *window_of(struct record *record, const struct sighting *sighting)
{
    int64_t length_ms = sighting->cooldown_s * INT64_C(1000);

    for (size_t i = 0; i < ARRAY_LENGTH(record->windows); i++) {
        struct window *window = &record->windows[i];
        int64_t apart_ms = sighting->seen_ms - window->start_ms;

        if (!window->open) continue;
        if (memcmp(window->hit, sighting->id, sizeof(window->hit)) == 0) return window;
        if (apart_ms < length_ms && apart_ms > -length_ms) return window;
    }
    return NULL;
}

static void begin(struct shard *shard, uint32_t at, int64_t start_ms, const uint8_t *hit)
{
    struct record *record = &shard->records[at];
    struct window window = { .start_ms = start_ms, .open = true };

    memcpy(window.hit, hit, sizeof(window.hit));
    if (!record->windows[0].open || start_ms >= record->windows[0].start_ms) {
        record->windows[1] = record->windows[0];
        record->windows[0] = window;
        queue_remove(shard, at);
        queue_append(shard, at);
    } else if (!record->windows[1].open || start_ms >= record->windows[1].start_ms) {
        record->windows[1] = window;
    }
}

static struct shard *shard_of(struct cooldown *cooldown, const struct sighting *sighting, struct key *key)
{
    struct {
        uint64_t entry;
        uint32_t list;
        char names[2 * (LIMIT_NAME_MAX + 1)];
    } message;
    static_assert(sizeof(*key) == crypto_shorthash_siphashx24_BYTES, "a key is one hash");

    memset(&message, 0, sizeof(message));
    message.entry = sighting->entry;
    message.list = sighting->list;
    memcpy(message.names, sighting->site, strlen(sighting->site));
    memcpy(message.names + LIMIT_NAME_MAX + 1, sighting->lane, strlen(sighting->lane));
    crypto_shorthash_siphashx24((uint8_t *)key, (const uint8_t *)&message, sizeof(message), cooldown->hash_key);
    return &cooldown->shards[key->halves[0] % SHARDS];
}

void cooldown_touch(struct cooldown *cooldown, struct sighting *sighting)
{
    struct window *window = NULL;
    struct shard *shard;
    struct key key;
    uint32_t at;

    memcpy(sighting->hit, sighting->id, sizeof(sighting->hit));
    if (sighting->cooldown_s == 0) return;
    shard = shard_of(cooldown, sighting, &key);
    pthread_mutex_lock(&shard->lock);
    forget_old(shard, sighting->seen_ms);
    at = find(shard, &key);
    if (at != NONE) window = window_of(&shard->records[at], sighting);
    if (window != NULL) memcpy(sighting->hit, window->hit, sizeof(sighting->hit));
    else if (at != NONE || (at = insert(shard, &key)) != NONE) begin(shard, at, sighting->seen_ms, sighting->id);
    pthread_mutex_unlock(&shard->lock);
}

void cooldown_restore(struct cooldown *cooldown, const struct sighting *sighting)
{
    struct shard *shard;
    struct key key;
    uint32_t at;

    if (sighting->cooldown_s == 0) return;
    shard = shard_of(cooldown, sighting, &key);
    pthread_mutex_lock(&shard->lock);
    at = find(shard, &key);
    if (at == NONE) at = insert(shard, &key);
    for (size_t i = 0; at != NONE && i < ARRAY_LENGTH(shard->records[at].windows); i++) {
        struct window *window = &shard->records[at].windows[i];

        if (!window->open || memcmp(window->hit, sighting->hit, sizeof(window->hit)) != 0) continue;
        if (sighting->seen_ms < window->start_ms) window->start_ms = sighting->seen_ms;
        at = NONE; /* known */
    }
    if (at != NONE) begin(shard, at, sighting->seen_ms, sighting->hit);
    pthread_mutex_unlock(&shard->lock);
}

uint64_t cooldown_count(struct cooldown *cooldown)
{
    uint64_t count = 0;

    for (size_t i = 0; i < SHARDS; i++) {
        pthread_mutex_lock(&cooldown->shards[i].lock);
        count += cooldown->shards[i].count;
        pthread_mutex_unlock(&cooldown->shards[i].lock);
    }
    return count;
}
