/* Between epoch_store.c, which has the store in memory, and epoch_store_open.c, which makes and opens it; for nobody
   else. */
#ifndef SERVER_KEYS_EPOCH_STORE_INTERNAL_H
#define SERVER_KEYS_EPOCH_STORE_INTERNAL_H

#include <pthread.h>

#include "server/keys/epoch_store.h"

struct held {
    struct epoch epoch;
    struct epoch_key *key; /* NULL: gone from memory */
};

struct epoch_store {
    char *folder;
    uint8_t *master;     /* locked memory */
    struct share *share; /* locked memory; NULL: keys are whole */
    bool share_written;  /* as it is */
    int lock;
    pthread_rwlock_t guard;                 /* over what is below */
    struct held epochs[LIMIT_EPOCHS_KNOWN]; /* by opening time, then number */
    size_t count;
};

/* Into its place; the caller has looked that there is room. */
void epoch_store_insert(struct epoch_store *store, const struct epoch *epoch, struct epoch_key *key);
/* Forgets the one at position AT, and retires its key. */
void epoch_store_drop(struct epoch_store *store, size_t at);
/* NULL: there is none. */
struct held *epoch_store_find_number(struct epoch_store *store, uint64_t number);
struct held *epoch_store_find_id(struct epoch_store *store, const char *id);

#endif
