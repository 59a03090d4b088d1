#include "client/epochs.h"

#include <sodium.h>

#include "client/base64.h"
#include "client/moment.h"

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

static bool parse_epoch(json_t *json, struct epoch *epoch)
{
    const char *id, *suite, *key_id, *opens, *closes, *state;

    *epoch = (struct epoch) { 0 };
    if (json_unpack(json, "{s:s, s:s, s:s, s:s, s:s, s:s}", "id", &id, "suite", &suite, "key_id", &key_id, "opens",
                    &opens, "closes", &closes, "state", &state) != 0)
        return false;
    if (!epoch_id_valid(id)) return false;
    memcpy(epoch->id, id, strlen(id) + 1);
    return platesieve_suite_parse(suite, &epoch->suite) && base64_parse(key_id, epoch->key_id, sizeof(epoch->key_id)) &&
           moment_parse(opens, &epoch->opens_ms) && moment_parse(closes, &epoch->closes_ms) &&
           parse_state(state, &epoch->state);
}

int epochs_fetch(struct http *keys, struct epochs *epochs)
{
    const struct http_request request = { .method = "GET", .path = "/v1/epochs" };
    json_t *json = NULL, *list;
    int code = http_ask_json(keys, &request, 200, &json);

    memset(epochs, 0, sizeof(*epochs));
    if (code != CLIENT_OK) return code;
    list = json_object_get(json, "epochs");
    for (size_t i = 0; code == CLIENT_OK && i < json_array_size(list) && epochs->count < LIMIT_EPOCHS_KNOWN; i++)
        if (!parse_epoch(json_array_get(list, i), &epochs->list[epochs->count++])) code = CLIENT_FAILED;
    if (!json_is_array(list)) code = CLIENT_FAILED;
    if (code != CLIENT_OK) say("the key server sent a list of epochs that can't be read; is this program too old?");
    json_decref(json);
    return code;
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

/* The key that JSON holds, as a function ready for use. */
static bool take_key(json_t *json, struct epoch *epoch)
{
    uint8_t *key = platesieve_secret_allocate(PLATESIEVE_KEY_BYTES);
    uint8_t key_id[PLATESIEVE_KEY_ID_BYTES];
    bool taken = key != NULL &&
                 base64_parse(json_string_value(json_object_get(json, "key")), key, PLATESIEVE_KEY_BYTES) &&
                 !platesieve_failed(platesieve_prf_create(epoch->suite, key, &epoch->prf));

    platesieve_secret_free(key);
    if (!taken) {
        say("the key server sent a key that can't be used");
        return false;
    }
    platesieve_prf_key_id(epoch->prf, key_id);
    if (memcmp(key_id, epoch->key_id, sizeof(key_id)) == 0) return true;
    platesieve_prf_destroy(epoch->prf);
    epoch->prf = NULL;
    say("the key server sent another key than the one announced for epoch %s", epoch->id);
    return false;
}

int epoch_fetch_key(struct http *keys, struct epoch *epoch)
{
    char path[LIMIT_EPOCH_ID_MAX + 32];
    const struct http_request request = { .method = "GET", .path = path };
    json_t *json = NULL;
    int code;

    snprintf(path, sizeof(path), "/v1/epochs/%s/key", epoch->id);
    code = http_ask_json(keys, &request, 200, &json);
    if (code == CLIENT_OK && !take_key(json, epoch)) code = CLIENT_FAILED;
    json_decref(json);
    return code;
}

void epochs_wipe(struct epochs *epochs)
{
    for (size_t i = 0; i < epochs->count; i++) platesieve_prf_destroy(epochs->list[i].prf);
    memset(epochs, 0, sizeof(*epochs));
}
