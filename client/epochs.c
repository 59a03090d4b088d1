#include "client/epochs.h"

#include <sodium.h>

#include "client/base64.h"
#include "client/moment.h"

/* For one server; a key server answers these from memory. */
#define DEADLINE_MS 1000u
#define DEADLINE_LAST_MS 10000u

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

static bool parse_epoch(json_t *json, struct epoch *epoch)
{
    const char *id, *suite, *key_id, *opens, *closes, *state, *public_key = NULL;

    *epoch = (struct epoch) { 0 };
    if (json_unpack(json, "{s:s, s:s, s:s, s:s, s:s, s:s, s?s}", "id", &id, "suite", &suite, "key_id", &key_id,
                    "opens", &opens, "closes", &closes, "state", &state, "public_key", &public_key) != 0)
        return false;
    if (!epoch_id_valid(id)) return false;
    memcpy(epoch->id, id, strlen(id) + 1);
    return platesieve_suite_parse(suite, &epoch->suite) && base64_parse(key_id, epoch->key_id, sizeof(epoch->key_id)) &&
           moment_parse(opens, &epoch->opens_ms) && moment_parse(closes, &epoch->closes_ms) &&
           parse_state(state, &epoch->state) && parse_public_key(public_key, epoch);
}

static const char *take_epochs(json_t *json, void *context)
{
    struct epochs *epochs = context;
    json_t *list = json_object_get(json, "epochs");

    memset(epochs, 0, sizeof(*epochs));
    if (!json_is_array(list)) return "sent a list of epochs that can't be read (is this program too old?)";
    for (size_t i = 0; i < json_array_size(list) && epochs->count < LIMIT_EPOCHS_KNOWN; i++)
        if (!parse_epoch(json_array_get(list, i), &epochs->list[epochs->count++]))
            return "sent a list of epochs that can't be read (is this program too old?)";
    return NULL;
}

static enum key_outcome ask(struct key_servers *servers, struct http *keys, const char *path, key_take_fn take,
                            void *context)
{
    struct key_question question = { .method = "GET",
                                     .path = path,
                                     .deadline_ms = DEADLINE_MS,
                                     .deadline_last_ms = DEADLINE_LAST_MS,
                                     .take = take,
                                     .context = context };

    return key_servers_ask(servers, keys, &question);
}

int epochs_fetch(struct key_servers *servers, struct http *keys, struct epochs *epochs)
{
    memset(epochs, 0, sizeof(*epochs));
    return key_outcome_exit(ask(servers, keys, "/v1/epochs", take_epochs, epochs));
}

void epochs_keep_usable(struct epochs *epochs, size_t max)
{
    size_t kept = 0;

    for (size_t i = 0; i < epochs->count; i++) {
        const struct epoch *epoch = &epochs->list[i];

        if ((epoch->state == EPOCH_COMING || epoch->state == EPOCH_OPEN) && kept < max) epochs->list[kept++] = *epoch;
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

/* The public key of one epoch, from the list of all. */
static const char *take_public_key(json_t *json, void *context)
{
    struct epoch *epoch = context;
    struct epochs *epochs = malloc(sizeof(*epochs));
    const char *wrong = epochs == NULL ? "could not be listened to: out of memory" : take_epochs(json, epochs);
    const struct epoch *found = NULL;

    for (size_t i = 0; wrong == NULL && found == NULL && i < epochs->count; i++)
        if (strcmp(epochs->list[i].id, epoch->id) == 0) found = &epochs->list[i];
    if (wrong == NULL && found == NULL) wrong = "does not know this epoch";
    else if (wrong == NULL && (!found->public_key_known || found->suite != epoch->suite ||
                               memcmp(found->key_id, epoch->key_id, sizeof(epoch->key_id)) != 0))
        wrong = "has another key for this epoch than the one announced";
    if (wrong == NULL) {
        epoch->public_key = found->public_key;
        epoch->public_key_known = true;
    }
    free(epochs);
    return wrong;
}

int epoch_make_ready(struct key_servers *servers, struct http *keys, struct epoch *epoch)
{
    const bool remote = epoch->suite == PLATESIEVE_VOPRF_RISTRETTO255_SHA512;
    char path[LIMIT_EPOCH_ID_MAX + 32] = "/v1/epochs";
    enum key_outcome outcome;

    if (epoch_is_ready(epoch)) return CLIENT_OK;
    if (!remote) snprintf(path, sizeof(path), "/v1/epochs/%s/key", epoch->id);
    outcome = ask(servers, keys, path, remote ? take_public_key : take_key, epoch);
    if (outcome != KEY_GONE) return key_outcome_exit(outcome);
    say("the key server gives no key for epoch %s: it knows none, or not any more", epoch->id);
    return CLIENT_UNREACHABLE;
}

void epochs_wipe(struct epochs *epochs)
{
    for (size_t i = 0; i < epochs->count; i++) platesieve_prf_destroy(epochs->list[i].prf);
    memset(epochs, 0, sizeof(*epochs));
}
