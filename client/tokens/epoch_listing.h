/* What one key server tells of its epochs (GET /v1/epochs), parsed; for epochs.c. */
#ifndef CLIENT_TOKENS_EPOCH_LISTING_H
#define CLIENT_TOKENS_EPOCH_LISTING_H

#include "client/tokens/epochs.h"

#define EPOCH_WHOLE_KEY "has a whole key, and only shared ones are to be used"

/* What one server tells: epochs, and the shares that it has. */
struct epoch_listing {
    struct http *keys; /* who is asked */
    struct share_book *book;
    const struct epoch_pins *pins; /* NULL: none */
    bool must_share;
    struct epochs epochs;
    size_t told_count;
    struct share_told told[LIMIT_EPOCHS_KNOWN];
};

/* NULL: no memory (said).  All is borrowed; free() it. */
struct epoch_listing *epoch_listing_create(struct key_servers *servers, struct http *keys,
                                           const struct epoch_pins *pins) MUST_USE;
/* A key_take_fn; CONTEXT is the listing.  Shares go into the book, under the server in use. */
const char *epoch_listing_take(json_t *json, void *context);
/* NULL: nobody says what its key is. */
const struct epoch_pin *epoch_pin_find(const struct epoch_pins *pins, const char *id);

static inline bool epoch_is_usable(const struct epoch *epoch)
{
    return epoch->state == EPOCH_COMING || epoch->state == EPOCH_OPEN;
}

#endif
