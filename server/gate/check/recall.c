/* See recall.h.  A hash table with chains over one array; the records also hang in a queue by the time at which they were asked for last.  Positions are one more than
   they are, so that memory that was never touched is an empty table. */
#include "server/gate/check/recall.h"

#include <sodium.h>

#define REMEMBER_MS ((LIMIT_SEEN_AGE_S + LIMIT_SEEN_AHEAD_S) * INT64_C(1000))

static_assert((LIMIT_RECALL_RECORDS & (LIMIT_RECALL_RECORDS - 1)) == 0, "a chain is chosen by bits");

struct key {
    uint64_t halves[2];
};

struct node {
    struct key key;
    int64_t seen_ms;       /* latest of its reads */
    uint32_t chain;        /* next with the same hash */
    uint32_t older, newer; /* in the queue */
    struct recall_record record;
};

struct recall {
    uint8_t hash_key[crypto_shorthash_siphashx24_KEYBYTES]; /* random: nobody can choose reads for one chain, and digests tell nothing */
    uint32_t count, oldest, newest;
    uint32_t *heads;
    struct node *nodes;
};

struct recall *recall_create(void)
{
    struct recall *recall = calloc(1, sizeof(*recall));

    if (recall == NULL) return NULL;
    recall->heads = calloc(LIMIT_RECALL_RECORDS, sizeof(*recall->heads));
    recall->nodes = calloc(LIMIT_RECALL_RECORDS, sizeof(*recall->nodes));
    if (recall->heads == NULL || recall->nodes == NULL) {
        recall_destroy(recall);
        return NULL;
    }
    randombytes_buf(recall->hash_key, sizeof(recall->hash_key));
    return recall;
}

void recall_destroy(struct recall *recall)
{
    if (recall == NULL) return;
    free(recall->heads);
    free(recall->nodes);
    free(recall);
}

static uint64_t read_of(const struct recall *recall, const struct sighting *sighting)
{
    struct {
        uint8_t id[sizeof(sighting->read_id)];
        char names[2][LIMIT_NAME_MAX + 1];
    } message;
    uint64_t read;
    static_assert(sizeof(read) == crypto_shorthash_siphash24_BYTES, "a read is one short hash");

    memset(&message, 0, sizeof(message));
    memcpy(message.id, sighting->read_id, sizeof(message.id));
    memcpy(message.names[0], sighting->site, strlen(sighting->site));
    memcpy(message.names[1], sighting->lane, strlen(sighting->lane));
    crypto_shorthash_siphash24((uint8_t *)&read, (const uint8_t *)&message, sizeof(message), recall->hash_key);
    return read;
}

static struct key key_hash(const struct recall *recall, const void *message, size_t size)
{
    struct key key;
    static_assert(sizeof(key) == crypto_shorthash_siphashx24_BYTES, "a key is one hash");
    static_assert((int)crypto_shorthash_siphash24_KEYBYTES == (int)crypto_shorthash_siphashx24_KEYBYTES, "one key for both");

    crypto_shorthash_siphashx24((uint8_t *)&key, message, size, recall->hash_key);
    return key;
}

static struct key key_of_match(const struct recall *recall, const struct sighting *sighting)
{
    return key_hash(recall, sighting->id, sizeof(sighting->id));
}

static struct key key_of_read(const struct recall *recall, enum recalled kind, uint64_t read, uint32_t list)
{
    const uint64_t message[3] = { read, kind, kind == RECALLED_LIST ? list : 0 };

    return key_hash(recall, message, sizeof(message));
}

static uint32_t *chain_of(struct recall *recall, const struct key *key)
{
    return &recall->heads[key->halves[1] & (LIMIT_RECALL_RECORDS - 1)];
}

static struct node *at(struct recall *recall, uint32_t position)
{
    return &recall->nodes[position - 1];
}

static void queue_remove(struct recall *recall, const struct node *node)
{
    if (node->older != 0) at(recall, node->older)->newer = node->newer;
    else recall->oldest = node->newer;
    if (node->newer != 0) at(recall, node->newer)->older = node->older;
    else recall->newest = node->older;
}

static void queue_append(struct recall *recall, uint32_t position)
{
    struct node *node = at(recall, position);

    node->older = recall->newest;
    node->newer = 0;
    if (recall->newest != 0) at(recall, recall->newest)->newer = position;
    else recall->oldest = position;
    recall->newest = position;
}

static uint32_t find(struct recall *recall, const struct key *key)
{
    uint32_t position = *chain_of(recall, key);

    while (position != 0 && memcmp(&at(recall, position)->key, key, sizeof(*key)) != 0) position = at(recall, position)->chain;
    return position;
}

/* Takes the oldest out; its place. */
static uint32_t forget_oldest(struct recall *recall)
{
    const uint32_t position = recall->oldest;
    struct node *node = at(recall, position);
    uint32_t *link = chain_of(recall, &node->key);

    while (*link != position) link = &at(recall, *link)->chain;
    *link = node->chain;
    queue_remove(recall, node);
    return position;
}

/* A place for one more: that of the oldest when all are taken, or when its time is over at NOW_MS. */
static uint32_t take_place(struct recall *recall, int64_t now_ms)
{
    if (recall->oldest != 0 && (recall->count == LIMIT_RECALL_RECORDS || at(recall, recall->oldest)->seen_ms + REMEMBER_MS < now_ms))
        return forget_oldest(recall);
    return ++recall->count;
}

struct recall_record *recall_find(struct recall *recall, enum recalled kind, const struct sighting *sighting)
{
    const uint64_t read = read_of(recall, sighting);
    const struct key key = kind == RECALLED_MATCH ? key_of_match(recall, sighting) : key_of_read(recall, kind, read, sighting->list);
    uint32_t position = find(recall, &key);

    if (position != 0) {
        queue_remove(recall, at(recall, position));
        if (at(recall, position)->seen_ms < sighting->seen_ms) at(recall, position)->seen_ms = sighting->seen_ms;
    } else {
        position = take_place(recall, sighting->seen_ms);
        uint32_t *head = chain_of(recall, &key);
        *at(recall, position) = (struct node){ .key = key, .seen_ms = sighting->seen_ms, .chain = *head, .record = { .read = read } };
        *head = position;
    }
    queue_append(recall, position);
    return &at(recall, position)->record;
}

static struct recall_record *record_of(struct recall *recall, struct key key)
{
    const uint32_t position = find(recall, &key);

    return position == 0 ? NULL : &at(recall, position)->record;
}

struct recall_record *recall_match(struct recall *recall, const struct sighting *sighting)
{
    return record_of(recall, key_of_match(recall, sighting));
}

struct recall_record *recall_of_read(struct recall *recall, enum recalled kind, uint64_t read, uint32_t list)
{
    return record_of(recall, key_of_read(recall, kind, read, list));
}

size_t recall_count(const struct recall *recall)
{
    return recall->count;
}
