/* See answer.h. */
#include "server/gate/keys/answer.h"

#include <fcntl.h>
#include <sodium.h>
#include <unistd.h>

#include "server/http/clock.h"
#include "server/http/json.h"

/* -- parsing ------------------------------------------------------------------------------------------------------- */

static const char *text_of(const json_t *object, const char *member, size_t *size)
{
    const json_t *value = json_object_get(object, member);

    *size = json_is_string(value) ? json_string_length(value) : 0;
    return json_is_string(value) ? json_string_value(value) : "";
}

/* Letters, digits and a few marks: an id goes into requests, answers and file names of others. */
static bool take_id(const json_t *object, char id[LIMIT_EPOCH_ID_MAX + 1])
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
    size_t size;
    const char *text = text_of(object, "id", &size);

    if (size == 0 || size > LIMIT_EPOCH_ID_MAX || strspn(text, allowed) != size) return false;
    memcpy(id, text, size + 1);
    return true;
}

static bool take_key_id(const json_t *object, uint8_t key_id[PLATESIEVE_KEY_ID_BYTES])
{
    size_t size, bytes;
    const char *text = text_of(object, "key_id", &size);

    return size == PLATESIEVE_TOKEN_TEXT &&
           sodium_base642bin(key_id, PLATESIEVE_KEY_ID_BYTES, text, size, NULL, &bytes, NULL,
                             sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0 &&
           bytes == PLATESIEVE_KEY_ID_BYTES;
}

static bool take_element(const json_t *object, const char *member, struct platesieve_element *element)
{
    size_t size, bytes;
    const char *text = text_of(object, member, &size);

    return sodium_base642bin(element->bytes, PLATESIEVE_ELEMENT_BYTES, text, size, NULL, &bytes, NULL,
                             sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0 &&
           bytes == PLATESIEVE_ELEMENT_BYTES;
}

static bool take_share(const json_t *object, const json_t *share, struct keys_epoch *epoch)
{
    json_int_t server = json_integer_value(json_object_get(share, "server")); /* 0 for anything else */

    if (server < 1 || server > PLATESIEVE_KEY_SERVERS ||
        json_integer_value(json_object_get(share, "of")) != PLATESIEVE_KEY_SERVERS)
        return false;
    epoch->server = (unsigned)server;
    return epoch->suite == PLATESIEVE_VOPRF_RISTRETTO255_SHA512 &&
           take_element(object, "public_share", &epoch->public_key);
}

/* A key id that is not that of the public key would have lanes and lists name a key that nobody can check. */
static bool take_key(const json_t *object, struct keys_epoch *epoch)
{
    const json_t *share = json_object_get(object, "share");
    uint8_t key_id[PLATESIEVE_KEY_ID_BYTES];

    if (share != NULL) return take_share(object, share, epoch);
    if (!take_key_id(object, epoch->key_id)) return false;
    if (epoch->suite != PLATESIEVE_VOPRF_RISTRETTO255_SHA512) return true;
    return take_element(object, "public_key", &epoch->public_key) &&
           !platesieve_failed(platesieve_voprf_key_id(&epoch->public_key, key_id)) &&
           memcmp(key_id, epoch->key_id, sizeof(key_id)) == 0;
}

static bool take_time(const json_t *object, const char *member, int64_t *ms)
{
    size_t size;
    const char *text = text_of(object, member, &size);

    return time_parse(text, size, ms);
}

static bool take_number(const json_t *object, uint64_t *number)
{
    const json_t *value = json_object_get(object, "number");

    if (!json_is_integer(value) || json_integer_value(value) < 0 || json_integer_value(value) > INT32_MAX) return false;
    *number = (uint64_t)json_integer_value(value);
    return true;
}

static bool take_state(const json_t *object, bool *destroyed)
{
    size_t size;
    const char *text = text_of(object, "state", &size);

    *destroyed = strcmp(text, "destroyed") == 0;
    return *destroyed || strcmp(text, "coming") == 0 || strcmp(text, "open") == 0 || strcmp(text, "closed") == 0;
}

/* *STRANGE: all is right but the suite, which is unknown here. */
static bool take_epoch(const json_t *object, struct keys_epoch *epoch, bool *strange)
{
    size_t size;
    const char *suite = text_of(object, "suite", &size);

    if (!json_is_object(object) || size == 0 || !take_id(object, epoch->id) ||
        !take_number(object, &epoch->number) || !take_state(object, &epoch->destroyed))
        return false;
    if (!take_time(object, "opens", &epoch->opens_ms) || !take_time(object, "closes", &epoch->closes_ms) ||
        !take_time(object, "destroyed", &epoch->destroyed_ms))
        return false;
    *strange = !platesieve_suite_parse(suite, &epoch->suite);
    if (!*strange && !take_key(object, epoch)) return false;
    /* a key may be destroyed before its time */
    return epoch->opens_ms < epoch->closes_ms && (epoch->destroyed || epoch->closes_ms <= epoch->destroyed_ms);
}

/* Behind all that were taken before. */
static bool follows(const struct keys_answer *answer, const struct keys_epoch *epoch)
{
    const struct keys_epoch *last = answer->count == 0 ? NULL : &answer->epochs[answer->count - 1];

    for (size_t i = 0; i < answer->count; i++)
        if (strcmp(answer->epochs[i].id, epoch->id) == 0) return false;
    return last == NULL || (epoch->number > last->number && epoch->opens_ms >= last->opens_ms);
}

static struct result take_epochs(const json_t *epochs, struct keys_answer *answer)
{
    if (!json_is_array(epochs) || json_array_size(epochs) > LIMIT_EPOCHS_KNOWN) return FAIL(REASON_BAD_FIELD);
    for (size_t i = 0; i < json_array_size(epochs); i++) {
        struct keys_epoch epoch = { .number = 0 };
        bool strange = false;

        if (!take_epoch(json_array_get(epochs, i), &epoch, &strange) || !follows(answer, &epoch))
            return FAIL(REASON_BAD_FIELD);
        if (strange) answer->strange++;
        else answer->epochs[answer->count++] = epoch;
    }
    return OK;
}

struct result keys_answer_parse(const char *text, size_t size, struct keys_answer *answer)
{
    json_t *json;

    *answer = (struct keys_answer){ .count = 0 };
    if (size > KEYS_ANSWER_BYTES) return FAIL(REASON_BAD_FIELD);
    TRY(json_parse_object(text, size, &json));
    if (!take_time(json, "now", &answer->now_ms)) answer->now_ms = 0; /* a file has none */
    struct result result = take_epochs(json_object_get(json, "epochs"), answer);
    json_decref(json);
    if (failed(result)) *answer = (struct keys_answer){ .count = 0 };
    return result;
}

/* -- the file ------------------------------------------------------------------------------------------------------ */

struct result keys_answer_read(const char *path, struct keys_answer *answer)
{
    *answer = (struct keys_answer){ .count = 0 };
    FILE *file = fopen(path, "re");
    if (file == NULL) return FAIL(REASON_NOT_FOUND);
    char *text = malloc(KEYS_ANSWER_BYTES + 1);
    size_t size = text == NULL ? 0 : fread(text, 1, KEYS_ANSWER_BYTES + 1, file);
    struct result result = ferror(file) ? FAIL(REASON_INTERNAL) : keys_answer_parse(text, size, answer);
    fclose(file);
    free(text);
    return result;
}

static json_t *base64_json(const uint8_t *bytes, size_t size)
{
    char text[sodium_base64_ENCODED_LEN(PLATESIEVE_ELEMENT_BYTES, sodium_base64_VARIANT_URLSAFE_NO_PADDING)];

    return json_string(sodium_bin2base64(text, sizeof(text), bytes, size, sodium_base64_VARIANT_URLSAFE_NO_PADDING));
}

static json_t *epoch_json(const struct keys_epoch *epoch)
{
    char opens[TIME_TEXT_SIZE], closes[TIME_TEXT_SIZE], destroyed[TIME_TEXT_SIZE];
    bool public = epoch->suite == PLATESIEVE_VOPRF_RISTRETTO255_SHA512;

    time_format(epoch->opens_ms, opens);
    time_format(epoch->closes_ms, closes);
    time_format(epoch->destroyed_ms, destroyed);
    /* of the states only this one is not told by the times */
    return json_pack("{s:s, s:I, s:s, s:o, s:o*, s:s, s:s, s:s, s:s}",
                     "id", epoch->id, "number", (json_int_t)epoch->number,
                     "suite", platesieve_suite_name(epoch->suite),
                     "key_id", base64_json(epoch->key_id, sizeof(epoch->key_id)),
                     "public_key", public ? base64_json(epoch->public_key.bytes, PLATESIEVE_ELEMENT_BYTES) : NULL,
                     "opens", opens, "closes", closes, "destroyed", destroyed,
                     "state", epoch->destroyed ? "destroyed" : "coming");
}

static char *answer_text(const struct keys_answer *answer)
{
    json_t *epochs = json_array(), *json = json_pack("{s:O}", "epochs", epochs);
    bool made = json != NULL;
    char *text = NULL;

    for (size_t i = 0; made && i < answer->count; i++)
        made = json_array_append_new(epochs, epoch_json(&answer->epochs[i])) == 0;
    if (made) text = json_dumps(json, JSON_INDENT(2));
    json_decref(json);
    json_decref(epochs);
    return text;
}

static bool write_synced(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    size_t size = strlen(text);

    if (fd < 0) return false;
    bool written = write(fd, text, size) == (ssize_t)size && fsync(fd) == 0;
    return close(fd) == 0 && written;
}

static bool sync_folder(const char *path)
{
    char folder[4096];
    const char *slash = strrchr(path, '/');
    int size = slash == NULL ? 1 : (int)(slash - path);

    if (snprintf(folder, sizeof(folder), "%.*s/.", size, slash == NULL ? "." : path) >= (int)sizeof(folder))
        return false;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return false;
    bool synced = fsync(fd) == 0;
    close(fd);
    return synced;
}

struct result keys_answer_write(const char *path, const struct keys_answer *answer)
{
    char beside[4096];
    char *text = answer_text(answer);
    bool written = text != NULL && snprintf(beside, sizeof(beside), "%s.new", path) < (int)sizeof(beside);

    written = written && write_synced(beside, text) && rename(beside, path) == 0 && sync_folder(path);
    free(text);
    return written ? OK : FAIL(REASON_INTERNAL);
}
