#include "client/tokens/epoch_listing.h"

#include <sodium.h>

#include "client/base64.h"
#include "client/moment.h"

#define UNREADABLE "sent a list of epochs that can't be read (is this program too old?)"

static bool parse_state(const char *text, enum epoch_state *state)
{
    static const char *const names[] = { "coming", "open", "closed", "destroyed" };

    for (size_t i = 0; text != NULL && i < ARRAY_LENGTH(names); i++) {
        if (strcmp(text, names[i]) != 0) continue;
        *state = (enum epoch_state)i;
        return true;
    }
    return false;
}

/* An id becomes part of URLs and headers. */
static bool epoch_id_valid(const char *id)
{
    const size_t length = strlen(id);

    return length >= 1 && length <= LIMIT_EPOCH_ID_MAX &&
           strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == length;
}

/* A public key must be the one that the key id speaks of; a destroyed epoch may have none. */
static bool parse_public_key(const char *text, struct epoch *epoch)
{
    uint8_t key_id[PLATESIEVE_KEY_ID_BYTES];

    if (epoch->suite != PLATESIEVE_VOPRF_RISTRETTO255_SHA512) return true;
    if (text == NULL) return epoch->state == EPOCH_CLOSED || epoch->state == EPOCH_DESTROYED;
    if (!base64_parse(text, epoch->public_key.bytes, sizeof(epoch->public_key.bytes))) return false;
    if (platesieve_failed(platesieve_voprf_key_id(&epoch->public_key, key_id))) return false;
    epoch->public_key_known = memcmp(key_id, epoch->key_id, sizeof(key_id)) == 0;
    return epoch->public_key_known;
}

static bool parse_share(json_t *share, const char *public_share, struct epoch *epoch, struct share_told *told)
{
    int server, of;

    if (json_unpack(share, "{s:i, s:i}", "server", &server, "of", &of) != 0 || of != PLATESIEVE_KEY_SERVERS ||
        server < 1 || server > PLATESIEVE_KEY_SERVERS || epoch->suite != PLATESIEVE_VOPRF_RISTRETTO255_SHA512)
        return false;
    memcpy(told->epoch_id, epoch->id, sizeof(told->epoch_id));
    told->server = (unsigned)server;
    epoch->shared = true;
    epoch->usable_votes = epoch_is_usable(epoch);
    return base64_parse(public_share, told->share.bytes, sizeof(told->share.bytes));
}

/* TOLD is filled in when it is a share of a key that is told of: its server is not 0 then. */
static bool parse_epoch(json_t *json, struct epoch *epoch, struct share_told *told)
{
    const char *id, *suite, *key_id = NULL, *opens, *closes, *state, *public_key = NULL, *public_share = NULL;
    json_t *share = NULL;

    *epoch = (struct epoch) { 0 };
    *told = (struct share_told) { 0 };
    if (json_unpack(json, "{s:s, s:s, s?s, s:s, s:s, s:s, s?s, s?s, s?o}", "id", &id, "suite", &suite, "key_id",
                    &key_id, "opens", &opens, "closes", &closes, "state", &state, "public_key", &public_key,
                    "public_share", &public_share, "share", &share) != 0)
        return false;
    if (!epoch_id_valid(id)) return false;
    memcpy(epoch->id, id, strlen(id) + 1);
    if (!platesieve_suite_parse(suite, &epoch->suite) || !moment_parse(opens, &epoch->opens_ms) ||
        !moment_parse(closes, &epoch->closes_ms) || !parse_state(state, &epoch->state))
        return false;
    if (share != NULL) return parse_share(share, public_share, epoch, told);
    return base64_parse(key_id, epoch->key_id, sizeof(epoch->key_id)) && parse_public_key(public_key, epoch);
}

const struct epoch_pin *epoch_pin_find(const struct epoch_pins *pins, const char *id)
{
    for (size_t i = 0; pins != NULL && i < pins->count; i++)
        if (strcmp(pins->list[i].id, id) == 0) return &pins->list[i];
    return NULL;
}

static bool contradicts(const struct epoch_listing *listing, const struct epoch *epoch)
{
    const struct epoch_pin *pin = epoch_pin_find(listing->pins, epoch->id);

    return pin != NULL && !epoch->shared && epoch_is_usable(epoch) &&
           memcmp(pin->key_id, epoch->key_id, sizeof(pin->key_id)) != 0;
}

static bool any_usable(const struct epochs *epochs)
{
    bool usable = false;

    for (size_t i = 0; i < epochs->count; i++) usable = usable || epoch_is_usable(&epochs->list[i]);
    return usable;
}

/* Before; one server has one word for each epoch. */
static bool is_told(const struct epochs *epochs, const struct epoch *epoch)
{
    for (size_t i = 0; i + 1 < epochs->count; i++)
        if (strcmp(epochs->list[i].id, epoch->id) == 0) return true;
    return false;
}

const char *epoch_listing_take(json_t *json, void *context)
{
    struct epoch_listing *listing = context;
    json_t *list = json_object_get(json, "epochs");

    memset(&listing->epochs, 0, sizeof(listing->epochs));
    listing->told_count = 0;
    if (!json_is_array(list)) return UNREADABLE;
    for (size_t i = 0; i < json_array_size(list) && i < LIMIT_EPOCHS_KNOWN; i++) {
        struct epoch *epoch = &listing->epochs.list[listing->epochs.count++];
        struct share_told *told = &listing->told[listing->told_count];

        if (!parse_epoch(json_array_get(list, i), epoch, told) || is_told(&listing->epochs, epoch)) return UNREADABLE;
        if (listing->must_share && !epoch->shared && epoch_is_usable(epoch)) return EPOCH_WHOLE_KEY;
        if (contradicts(listing, epoch)) return "has another key for an epoch than the gate";
        if (told->server != 0) listing->told_count++;
    }
    if (!any_usable(&listing->epochs) && http_server_count(listing->keys) > 1)
        return "knows no epoch that is open or coming";
    share_book_take(listing->book, http_server_current(listing->keys), listing->told, listing->told_count);
    return NULL;
}

struct epoch_listing *epoch_listing_create(struct key_servers *servers, struct http *keys, const struct epoch_pins *pins)
{
    struct epoch_listing *listing = calloc(1, sizeof(*listing));

    if (listing == NULL) {
        say("out of memory");
        return NULL;
    }
    listing->keys = keys;
    listing->book = key_servers_book(servers);
    listing->pins = pins;
    listing->must_share = key_servers_must_share(servers);
    return listing;
}
