/* What a key server has of a ceremony (docs/protocol.md, "Two of three"): two seeds of three, as trees from which the
   past is given up.  Each epoch's share of a key comes from the leaves at its opening time, so it needs no dealer, and
   once those are given up nobody can make it again.

   Keep it in locked memory; one thread at a time. */
#ifndef SERVER_KEYS_SHARE_H
#define SERVER_KEYS_SHARE_H

#include <stdio.h>

#include "server/http/reason.h"
#include "server/keys/seed_tree.h"

#define SHARE_FILE_NAME "share"                     /* in the store's folder */
#define SHARE_SECRET_BYTES (2 * PLATESIEVE_SEED_BYTES) /* of one epoch */

struct share {
    unsigned server; /* 1 to PLATESIEVE_KEY_SERVERS */
    uint8_t ceremony[PLATESIEVE_CEREMONY_ID_BYTES];
    struct seed_tree lower, higher;
};

/* What `platesieve keys ceremony` wrote for one server.  Refuses a file that others may read, and one whose seeds are
   not those that it speaks of; says why on ERRORS. */
struct result share_import(const char *file, struct share *share, FILE *errors);

/* The sealed file in FOLDER.  Durable when it returns OK; what was given up is then overwritten. */
struct result share_save(const char *folder, const uint8_t *master, const struct share *share);
/* REASON_NOT_FOUND when this folder has none; REASON_INTERNAL for a broken one, or another master key. */
struct result share_load(const char *folder, const uint8_t *master, struct share *share);

/* The leaves at OPENS_S, the lower seed's first; REASON_GONE when they were given up. */
struct result share_secret(const struct share *share, int64_t opens_s, uint8_t secret[SHARE_SECRET_BYTES]);
/* Gives up the leaves at OPENS_S and all before; false when there is nothing to do.  SHARE is in memory only: save it
   before calling anything erased. */
bool share_give_up(struct share *share, int64_t opens_s);

#endif
