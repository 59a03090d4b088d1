#include "server/keys/epoch_file.h"

#include <endian.h>

#include "server/http/sealed_file.h"

/* What is sealed, big endian.  Number, id and kind are in the purpose, which is authenticated with it. */
struct content {
    uint64_t opens_s, closes_s, destroyed_s;
    uint8_t suite;
    uint8_t key_id[PLATESIEVE_KEY_ID_BYTES];
    uint8_t key[PLATESIEVE_KEY_BYTES]; /* left out when erased */
} __attribute__((packed));

#define SIZE_WITH_KEY sizeof(struct content)
#define SIZE_WITHOUT_KEY offsetof(struct content, key)

#define NUMBER_DIGITS 10

void epoch_file_name(const struct epoch *epoch, char name[EPOCH_FILE_NAME_SIZE])
{
    snprintf(name, EPOCH_FILE_NAME_SIZE, "%0*llu-%s.%s", NUMBER_DIGITS, (unsigned long long)epoch->number, epoch->id,
             epoch->erased ? "gone" : "key");
}

bool epoch_file_parse_name(const char *name, struct epoch *epoch)
{
    char again[EPOCH_FILE_NAME_SIZE];
    const char *dash = strchr(name, '-'), *dot = strchr(name, '.');
    memset(epoch, 0, sizeof *epoch);
    if (dash == NULL || dot == NULL || dash - name != NUMBER_DIGITS || dot - dash != SCHEDULE_ID_SIZE) return false;
    for (const char *at = name; at < dash; at++) {
        if (*at < '0' || *at > '9') return false;
        epoch->number = epoch->number * 10 + (uint64_t)(*at - '0');
    }
    memcpy(epoch->id, dash + 1, SCHEDULE_ID_SIZE - 1);
    epoch->erased = strcmp(dot, ".gone") == 0;
    epoch_file_name(epoch, again);
    return strcmp(name, again) == 0;
}

static void purpose_of(const char *name, char purpose[EPOCH_FILE_NAME_SIZE + 24])
{
    snprintf(purpose, EPOCH_FILE_NAME_SIZE + 24, "platesieve/1/epoch %s", name);
}

struct result epoch_file_write(const char *folder, const uint8_t *master, const struct epoch *epoch, const uint8_t *key)
{
    char name[EPOCH_FILE_NAME_SIZE], purpose[EPOCH_FILE_NAME_SIZE + 24];
    struct content content = {
        .opens_s = htobe64((uint64_t)epoch->span.opens_s),
        .closes_s = htobe64((uint64_t)epoch->span.closes_s),
        .destroyed_s = htobe64((uint64_t)epoch->span.destroyed_s),
        .suite = (uint8_t)epoch->suite,
    };
    memcpy(content.key_id, epoch->key_id, sizeof content.key_id);
    if (!epoch->erased) memcpy(content.key, key, sizeof content.key);
    epoch_file_name(epoch, name);
    purpose_of(name, purpose);
    struct result result =
        sealed_file_write(folder, name, master, purpose, &content, epoch->erased ? SIZE_WITHOUT_KEY : SIZE_WITH_KEY);
    platesieve_wipe(&content, sizeof content);
    return result;
}

/* Does the content belong to the name, and is it possible? */
static bool fits(const struct epoch *epoch)
{
    char id[SCHEDULE_ID_SIZE];
    schedule_id(epoch->span.opens_s, id);
    return strcmp(id, epoch->id) == 0 && epoch->span.opens_s < epoch->span.closes_s &&
           epoch->span.closes_s <= epoch->span.destroyed_s && epoch->suite == PLATESIEVE_HMAC_SHA256;
}

static bool key_fits(const struct epoch *epoch, const uint8_t *key)
{
    uint8_t key_id[PLATESIEVE_KEY_ID_BYTES];
    struct platesieve_prf *prf = NULL;
    if (platesieve_failed(platesieve_prf_create(epoch->suite, key, &prf))) return false;
    platesieve_prf_key_id(prf, key_id);
    platesieve_prf_destroy(prf);
    return memcmp(key_id, epoch->key_id, sizeof key_id) == 0;
}

struct result epoch_file_read(const char *folder, const uint8_t *master, struct epoch *epoch, uint8_t *key)
{
    char name[EPOCH_FILE_NAME_SIZE], purpose[EPOCH_FILE_NAME_SIZE + 24];
    struct content content;
    size_t size = 0, wanted = epoch->erased ? SIZE_WITHOUT_KEY : SIZE_WITH_KEY;
    epoch_file_name(epoch, name);
    purpose_of(name, purpose);
    struct result result = sealed_file_read(folder, name, master, purpose, &content, sizeof content, &size);
    if (!failed(result) && size != wanted) result = FAIL(REASON_INTERNAL);
    if (!failed(result)) {
        epoch->span = (struct span){ (int64_t)be64toh(content.opens_s), (int64_t)be64toh(content.closes_s),
                                     (int64_t)be64toh(content.destroyed_s) };
        epoch->suite = (enum platesieve_suite)content.suite;
        memcpy(epoch->key_id, content.key_id, sizeof epoch->key_id);
        if (!fits(epoch)) result = FAIL(REASON_INTERNAL);
    }
    if (!failed(result) && !epoch->erased) {
        memcpy(key, content.key, sizeof content.key);
        if (!key_fits(epoch, key)) result = FAIL(REASON_INTERNAL);
    }
    platesieve_wipe(&content, sizeof content);
    return result;
}

struct result epoch_file_erase(const char *folder, const struct epoch *epoch)
{
    char name[EPOCH_FILE_NAME_SIZE];
    epoch_file_name(epoch, name);
    return sealed_file_erase(folder, name);
}
