/* What the key servers told of the shares of each epoch's key, and which of it belongs together.  Shared by all threads
   of a command.  Servers are known by the number of their address; which one a server says it is, is a claim like its
   share, and is held against the epoch's public key with it. */
#ifndef CLIENT_TOKENS_SHARE_BOOK_H
#define CLIENT_TOKENS_SHARE_BOOK_H

#include <platesieve/platesieve.h>

#include "client/http/http.h"

struct share_book;

struct share_book *share_book_create(void) MUST_USE; /* NULL: no memory */
void share_book_destroy(struct share_book *book);    /* NULL is fine */

struct share_told {
    char epoch_id[LIMIT_EPOCH_ID_MAX + 1];
    unsigned server; /* 1 to PLATESIEVE_KEY_SERVERS: which of them it says it is */
    struct platesieve_element share;
};
/* All that the server at address AT tells now, at most LIMIT_EPOCHS_KNOWN; what it told before is forgotten. */
void share_book_take(struct share_book *book, size_t at, const struct share_told *told, size_t count);
/* Changes whenever a server tells something else. */
unsigned share_book_generation(struct share_book *book);

struct share_party {
    size_t at; /* number of the address */
    unsigned server;
    struct platesieve_element share;
    bool good; /* on one line with the public key and another's */
};
struct share_parties {
    size_t count, good;
    struct share_party list[HTTP_SERVERS_MAX];
};
/* All that tell something of the epoch, held against PUBLIC_KEY. */
void share_book_parties(struct share_book *book, const char *epoch_id, const struct platesieve_element *public_key,
                        struct share_parties *parties);

/* The public key with this key id, if any two shares give it. */
bool share_book_pinned(struct share_book *book, const char *epoch_id, const uint8_t key_id[PLATESIEVE_KEY_ID_BYTES],
                       struct platesieve_element *public_key) MUST_USE;
/* The public key where nothing is pinned: all that tell must agree, and they must be two at least. */
enum share_agreement { SHARES_TOO_FEW, SHARES_DISAGREE, SHARES_AGREE };
enum share_agreement share_book_agreed(struct share_book *book, const char *epoch_id,
                                       struct platesieve_element *public_key) MUST_USE;

#endif
