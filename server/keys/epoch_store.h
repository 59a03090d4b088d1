/* The epochs and their keys: on disk one sealed file for each, in memory the keys on locked pages.

   Folder: "store" says that this folder was made for keys, and under which master key; "lock" is held by the daemon
   that uses it; "0000000017-20261122T000000Z.key" is a live epoch; "….gone" one whose key was erased (the last eight,
   and those that have not come to their opening); "share" is what this server has of a ceremony, if it shares its keys
   with two others.  Anything else is refused, but for names that begin with a dot.

   Threads: one at a time adds, changes and erases; any thread may list and ask for keys. */
#ifndef SERVER_KEYS_EPOCH_STORE_H
#define SERVER_KEYS_EPOCH_STORE_H

#include <platesieve/platesieve.h>
#include <stdio.h>

#include "server/http/reason.h"
#include "server/keys/schedule.h"
#include "server/keys/share.h"

struct epoch_key; /* epoch_key.h */

#define EPOCH_SECRET_BYTES SHARE_SECRET_BYTES /* the longest that an epoch's key is made of */

struct epoch {
    uint64_t number;
    char id[SCHEDULE_ID_SIZE];
    enum platesieve_suite suite;
    struct span span;
    uint8_t key_id[PLATESIEVE_KEY_ID_BYTES];
    unsigned server;                      /* 0: the key is whole; else which of the servers that share it this is */
    struct platesieve_element public_key; /* zeroes where the suite has none; of a share the public share, and the key
                                             id is that of this: no server alone knows the whole key's */
    bool erased;
};

struct epoch_store;

/* OK when FOLDER holds no store yet; says on ERRORS when it does. */
struct result epoch_store_free(const char *folder, FILE *errors);
/* Makes the store in FOLDER, which it makes if need be; refuses one that holds a store.  MASTER has
   PLATESIEVE_KEY_BYTES. */
struct result epoch_store_create(const char *folder, const uint8_t *master, FILE *errors);
/* Opens it and takes its lock.  A file that is broken, foreign, or sealed under another key is an error, said on ERRORS
   with its name. */
struct result epoch_store_open(const char *folder, const uint8_t *master, FILE *errors, struct epoch_store **store);
void epoch_store_close(struct epoch_store *store); /* NULL is fine */

/* From now on this store makes shares of keys, from SHARE, which the caller wipes; epochs that have a key keep it.  For
   a store that nobody has open. */
struct result epoch_store_give_share(const char *folder, const uint8_t *master, const struct share *share,
                                     FILE *errors);
/* Does it make shares? */
bool epoch_store_shares(const struct epoch_store *store);
/* As which server, and of which ceremony; only if it makes shares. */
unsigned epoch_store_server(const struct epoch_store *store);
const uint8_t *epoch_store_ceremony(const struct epoch_store *store);

/* A new epoch with a new key, or share of one, durable when it returns.  REASON_TOO_MANY at LIMIT_EPOCHS_KNOWN;
   REASON_ROTATION when one that is known has its number; REASON_GONE when the seeds are given up for its time. */
struct result epoch_store_add(struct epoch_store *store, const struct span *span, enum platesieve_suite suite,
                              struct epoch *added);
/* Other times for the close and the erasure of epoch NUMBER, which has a key; durable when it returns. */
struct result epoch_store_reschedule(struct epoch_store *store, uint64_t number, int64_t closes_s, int64_t destroyed_s);
/* Erases the key of epoch NUMBER: from memory as soon as nobody has borrowed it, while nobody can borrow it any more,
   and from the disk.  On failure the epoch is still to be erased.  May be called before its time. */
struct result epoch_store_erase(struct epoch_store *store, uint64_t number, int64_t now_s);
/* Gives up, for good, what shares of erased epochs could be made of again, once these have opened: before, others may
   still be put in front of them.  To be called until it returns OK. */
struct result epoch_store_forget(struct epoch_store *store, int64_t now_s);

/* Copies all epochs, oldest first; ROOM for LIMIT_EPOCHS_KNOWN. */
size_t epoch_store_list(struct epoch_store *store, struct epoch epochs[LIMIT_EPOCHS_KNOWN]);
/* The key of the epoch called ID while it is coming or open, and of SUITE: REASON_SUITE for another, REASON_GONE later,
   REASON_NOT_FOUND for an epoch that is not known.  Give it back soon (epoch_key_give_back): erasure waits for it. */
struct result epoch_store_borrow(struct epoch_store *store, const char *id, enum platesieve_suite suite,
                                 int64_t now_ms, struct epoch *epoch, struct epoch_key **key);

#endif
