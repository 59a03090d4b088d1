#include "client/tokens/epoch_listing.h"

#include <sodium.h>

#include "client/base64.h"
#include "client/moment.h"

/* A key server answers these from memory. */
static struct key_question ask_for(const struct key_servers *servers, const char *path, key_take_fn take, void *context)
{
    struct key_question question = { .method = "GET", .path = path, .take = take, .context = context };

    key_servers_deadlines(servers, &question);
    return question;
}

/* -- shared keys --------------------------------------------------------------------------------------------------- */

/* One server's word for it that an epoch is over, or is not, counts as little as its word for a key. */
static void merge_one(struct epoch *epoch, const struct epoch *other)
{
    const unsigned votes = epoch->shared ? epoch->usable_votes : 0;

    if (!epoch->shared || (!epoch_is_usable(epoch) && epoch_is_usable(other))) *epoch = *other;
    epoch->usable_votes = votes + other->usable_votes;
}

/* A whole key, and the one that is pinned: then others that have shares of this epoch are yet to come into their own. */
static bool is_pinned(const struct epoch_pins *pins, const struct epoch *epoch)
{
    const struct epoch_pin *pin = epoch_pin_find(pins, epoch->id);

    return !epoch->shared && pin != NULL && memcmp(pin->key_id, epoch->key_id, sizeof(pin->key_id)) == 0;
}

/* Adds what another server knows and the first did not; if that called a key whole that others share, it is shared. */
static void merge(struct epochs *epochs, const struct epoch_pins *pins, const struct epochs *others)
{
    for (size_t i = 0; i < others->count; i++) {
        const struct epoch *other = &others->list[i];
        size_t at = 0;

        if (!other->shared) continue;
        while (at < epochs->count && strcmp(epochs->list[at].id, other->id) != 0) at++;
        if (at < epochs->count) {
            if (!is_pinned(pins, &epochs->list[at])) merge_one(&epochs->list[at], other);
            continue;
        }
        if (epochs->count == LIMIT_EPOCHS_KNOWN) return;
        for (at = epochs->count++; at > 0 && epochs->list[at - 1].opens_ms > other->opens_ms; at--)
            epochs->list[at] = epochs->list[at - 1];
        epochs->list[at] = *other;
    }
}

struct merging {
    struct epoch_listing *listing;
    struct epochs *epochs;
};

#define WHOLE_KEY "has a key of its own for an epoch whose key is shared"

/* The epoch, if it is told of with a whole key. */
static const struct epoch *find_whole(const struct epochs *epochs, const char *id)
{
    for (size_t i = 0; i < epochs->count; i++)
        if (strcmp(epochs->list[i].id, id) == 0 && !epochs->list[i].shared) return &epochs->list[i];
    return NULL;
}

static const char *take_and_merge(json_t *json, void *context)
{
    struct merging *merging = context;
    const char *wrong = epoch_listing_take(json, merging->listing);

    for (size_t i = 0; wrong == NULL && i < merging->epochs->count; i++) {
        struct epoch *epoch = &merging->epochs->list[i];
        const struct epoch *whole = epoch->shared ? find_whole(&merging->listing->epochs, epoch->id) : NULL;

        if (whole == NULL) continue;
        if (is_pinned(merging->listing->pins, whole)) *epoch = *whole;
        else wrong = WHOLE_KEY;
    }
    if (wrong == NULL) merge(merging->epochs, merging->listing->pins, &merging->listing->epochs);
    return wrong;
}

/* Names those whose share does not fit, where two do that others were told of. */
static void blame(struct key_servers *servers, struct http *keys, const struct epoch *epoch)
{
    const size_t used = http_server_current(keys);
    struct share_parties parties;

    share_book_parties(key_servers_book(servers), epoch->id, &epoch->public_key, &parties);
    for (size_t i = 0; i < parties.count && parties.good >= 2; i++) {
        if (parties.list[i].good) continue;
        http_use_server(keys, parties.list[i].at);
        key_servers_blame(servers, keys, "has a share that does not belong to the epoch's key");
    }
    http_use_server(keys, used);
}

/* Finds the public key of a shared epoch: the one that is pinned, or the one that all agree on. */
static bool settle(struct key_servers *servers, const struct epoch_pins *pins, struct epoch *epoch)
{
    const struct epoch_pin *pin = epoch_pin_find(pins, epoch->id);
    struct share_book *book = key_servers_book(servers);
    enum share_agreement agreement = SHARES_AGREE;

    if (pin == NULL) {
        agreement = share_book_agreed(book, epoch->id, &epoch->public_key);
        if (agreement == SHARES_AGREE &&
            platesieve_failed(platesieve_voprf_key_id(&epoch->public_key, epoch->key_id)))
            agreement = SHARES_DISAGREE;
    } else {
        memcpy(epoch->key_id, pin->key_id, sizeof(epoch->key_id));
        if (!share_book_pinned(book, epoch->id, pin->key_id, &epoch->public_key)) agreement = SHARES_DISAGREE;
    }
    epoch->public_key_known = agreement == SHARES_AGREE;
    if (agreement == SHARES_DISAGREE && epoch_is_usable(epoch))
        say("the key servers contradict each other about the key of epoch %s: it is left out", epoch->id);
    return epoch->public_key_known;
}

/* Drops what is not known well enough; false when that leaves nothing to work with. */
static bool settle_all(struct key_servers *servers, struct http *keys, const struct epoch_pins *pins,
                       struct epochs *epochs)
{
    size_t kept = 0;
    bool usable = false, dropped = false;

    for (size_t i = 0; i < epochs->count; i++) {
        struct epoch *epoch = &epochs->list[i];
        const bool wanted = epoch_is_usable(epoch);

        if (epoch->shared && wanted && epoch->usable_votes < 2)
            epoch->state = EPOCH_CLOSED;
        if (epoch->shared && !settle(servers, pins, epoch)) {
            dropped = dropped || wanted;
            continue;
        }
        if (epoch->shared && wanted) blame(servers, keys, epoch);
        usable = usable || wanted;
        epochs->list[kept++] = *epoch;
    }
    epochs->count = kept;
    return usable || !dropped;
}

static bool any_shared(const struct epochs *epochs)
{
    bool shared = false;

    for (size_t i = 0; i < epochs->count; i++) shared = shared || epochs->list[i].shared;
    return shared;
}

static int fetch(struct key_servers *servers, struct epoch_listing *listing, struct epochs *epochs)
{
    struct key_question question = ask_for(servers, "/v1/epochs", epoch_listing_take, listing);
    int code = key_outcome_exit(key_servers_ask(servers, listing->keys, &question));

    if (code != CLIENT_OK) return code;
    *epochs = listing->epochs;
    if (any_shared(epochs)) {
        struct merging merging = { listing, epochs };

        question = ask_for(servers, "/v1/epochs", take_and_merge, &merging);
        key_servers_ask_others(servers, listing->keys, &question, false);
        key_servers_ask_others(servers, listing->keys, &question, true);
        if (settle_all(servers, listing->keys, listing->pins, epochs)) return CLIENT_OK;
        key_servers_say_too_few(servers, NULL);
        return CLIENT_UNREACHABLE;
    }
    return CLIENT_OK;
}

int epochs_fetch(struct key_servers *servers, struct http *keys, const struct epoch_pins *pins, struct epochs *epochs)
{
    struct epoch_listing *listing = epoch_listing_create(servers, keys, pins);
    int code = CLIENT_FAILED;

    memset(epochs, 0, sizeof(*epochs));
    if (listing != NULL) code = fetch(servers, listing, epochs);
    free(listing);
    return code;
}

void epochs_keep_usable(struct epochs *epochs, size_t max)
{
    size_t kept = 0;

    for (size_t i = 0; i < epochs->count; i++) {
        const struct epoch *epoch = &epochs->list[i];

        if (epoch_is_usable(epoch) && kept < max) epochs->list[kept++] = *epoch;
    }
    epochs->count = kept;
}

/* -- making ready -------------------------------------------------------------------------------------------------- */

bool epoch_is_ready(const struct epoch *epoch)
{
    return epoch->suite == PLATESIEVE_HMAC_SHA256 ? epoch->prf != NULL : epoch->public_key_known;
}

/* The key that JSON holds, as a function ready for use. */
static const char *take_key(json_t *json, void *context)
{
    struct epoch *epoch = context;
    uint8_t *key = platesieve_secret_allocate(PLATESIEVE_KEY_BYTES);
    uint8_t key_id[PLATESIEVE_KEY_ID_BYTES];
    bool taken = key != NULL &&
                 base64_parse(json_string_value(json_object_get(json, "key")), key, PLATESIEVE_KEY_BYTES) &&
                 !platesieve_failed(platesieve_prf_create(epoch->suite, key, &epoch->prf));

    platesieve_secret_free(key);
    if (!taken) return "sent a key that can't be used";
    platesieve_prf_key_id(epoch->prf, key_id);
    if (memcmp(key_id, epoch->key_id, sizeof(key_id)) == 0) return NULL;
    platesieve_prf_destroy(epoch->prf);
    epoch->prf = NULL;
    return "has another key for this epoch than the one announced";
}

/* The public key of one epoch, from the list of all; or that it is shared. */
struct search {
    struct epoch_listing *listing;
    struct epoch *epoch;
};

static const char *take_public_key(json_t *json, void *context)
{
    struct search *search = context;
    struct epoch *epoch = search->epoch;
    const char *wrong = epoch_listing_take(json, search->listing);
    const struct epoch *found = NULL;

    for (size_t i = 0; wrong == NULL && found == NULL && i < search->listing->epochs.count; i++)
        if (strcmp(search->listing->epochs.list[i].id, epoch->id) == 0) found = &search->listing->epochs.list[i];
    if (wrong != NULL) return wrong;
    if (found == NULL) return "does not know this epoch";
    if (found->suite == epoch->suite && found->shared) {
        epoch->shared = true;
        return NULL;
    }
    if (!found->public_key_known || found->suite != epoch->suite ||
        memcmp(found->key_id, epoch->key_id, sizeof(epoch->key_id)) != 0)
        return "has another key for this epoch than the one announced";
    epoch->public_key = found->public_key;
    epoch->public_key_known = true;
    return NULL;
}

static const char *take_shares(json_t *json, void *context)
{
    struct search *search = context;
    const char *wrong = epoch_listing_take(json, search->listing);
    const struct epoch *whole = wrong == NULL ? find_whole(&search->listing->epochs, search->epoch->id) : NULL;

    if (whole == NULL) return wrong;
    if (!whole->public_key_known || memcmp(whole->key_id, search->epoch->key_id, sizeof(whole->key_id)) != 0)
        return WHOLE_KEY;
    search->epoch->public_key = whole->public_key;
    search->epoch->public_key_known = true;
    search->epoch->shared = false;
    return NULL;
}

/* Asks the other servers too, those that failed lately only if the shares of the rest do not give the key. */
static enum key_outcome complete(struct key_servers *servers, struct epoch_listing *listing, struct epoch *epoch)
{
    struct search search = { listing, epoch };
    struct key_question question = ask_for(servers, "/v1/epochs", take_shares, &search);
    struct share_book *book = key_servers_book(servers);
    struct platesieve_element key;
    bool found = false;

    for (unsigned failed = 0; !found && failed < 2; failed++) {
        key_servers_ask_others(servers, listing->keys, &question, failed == 1);
        if (!epoch->shared) return KEY_DONE; /* one has it whole */
        found = share_book_pinned(book, epoch->id, epoch->key_id, &key);
    }
    if (found) {
        epoch->public_key = key;
        epoch->public_key_known = true;
        blame(servers, listing->keys, epoch);
        return KEY_DONE;
    }
    if (share_book_agreed(book, epoch->id, &key) == SHARES_TOO_FEW) {
        key_servers_say_too_few(servers, epoch->id);
        return KEY_LATER;
    }
    say("no two key servers have shares of the key that was announced for epoch %s", epoch->id);
    return KEY_WRONG;
}

static enum key_outcome fetch_public_key(struct key_servers *servers, struct http *keys, struct epoch *epoch)
{
    struct epoch_listing *listing = epoch_listing_create(servers, keys, NULL);
    struct search search = { listing, epoch };
    struct key_question question = ask_for(servers, "/v1/epochs", take_public_key, &search);
    enum key_outcome outcome = KEY_LATER;

    if (listing != NULL) outcome = key_servers_ask(servers, keys, &question);
    if (outcome == KEY_DONE && epoch->shared) outcome = complete(servers, listing, epoch);
    free(listing);
    return outcome;
}

static enum key_outcome fetch_key(struct key_servers *servers, struct http *keys, struct epoch *epoch)
{
    char path[LIMIT_EPOCH_ID_MAX + 32];
    struct key_question question;

    if (key_servers_must_share(servers)) {
        say("epoch %s is of suite hmac-sha256, and only shared keys are to be used", epoch->id);
        return KEY_WRONG;
    }
    snprintf(path, sizeof(path), "/v1/epochs/%s/key", epoch->id);
    question = ask_for(servers, path, take_key, epoch);
    return key_servers_ask(servers, keys, &question);
}

int epoch_make_ready(struct key_servers *servers, struct http *keys, struct epoch *epoch)
{
    enum key_outcome outcome;

    if (epoch_is_ready(epoch)) return CLIENT_OK;
    outcome = epoch->suite == PLATESIEVE_VOPRF_RISTRETTO255_SHA512 ? fetch_public_key(servers, keys, epoch)
                                                                   : fetch_key(servers, keys, epoch);
    if (outcome != KEY_GONE) return key_outcome_exit(outcome);
    say("the key server gives no key for epoch %s: it knows none, or not any more", epoch->id);
    return CLIENT_UNREACHABLE;
}

void epochs_wipe(struct epochs *epochs)
{
    for (size_t i = 0; i < epochs->count; i++) platesieve_prf_destroy(epochs->list[i].prf);
    memset(epochs, 0, sizeof(*epochs));
}
