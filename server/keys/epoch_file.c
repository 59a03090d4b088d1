#include "server/keys/epoch_file.h"

#include <endian.h>

#include "server/http/sealed_file.h"
#include "server/keys/epoch_key.h"

/* What is sealed, big endian.  Number, id and kind are in the purpose, which is authenticated with it. */
struct content {
    uint64_t opens_s, closes_s, destroyed_s;
    uint8_t kind; /* the suite; for a share, the server's number times KIND_SERVER more */
    uint8_t key_id[PLATESIEVE_KEY_ID_BYTES];
    uint8_t last[EPOCH_SECRET_BYTES]; /* the secret; when it is erased the public key; or shorter, or left out */
} __attribute__((packed));

static_assert(PLATESIEVE_HMAC_SHA256 == 0 && PLATESIEVE_VOPRF_RISTRETTO255_SHA512 == 1, "these numbers are on disks");
static_assert(sizeof(struct platesieve_element) == PLATESIEVE_KEY_BYTES, "a public key takes the place of a secret");

#define NUMBER_DIGITS 10
#define KIND_SERVER 16

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

static size_t last_size(const struct epoch *epoch)
{
    if (!epoch->erased) return epoch->server != 0 ? EPOCH_SECRET_BYTES : PLATESIEVE_KEY_BYTES;
    return epoch->suite == PLATESIEVE_VOPRF_RISTRETTO255_SHA512 ? sizeof epoch->public_key : 0;
}

static size_t content_size(const struct epoch *epoch)
{
    return offsetof(struct content, last) + last_size(epoch);
}

struct result epoch_file_write(const char *folder, const uint8_t *master, const struct epoch *epoch,
                               const uint8_t *secret)
{
    char name[EPOCH_FILE_NAME_SIZE], purpose[EPOCH_FILE_NAME_SIZE + 24];
    struct content content = {
        .opens_s = htobe64((uint64_t)epoch->span.opens_s),
        .closes_s = htobe64((uint64_t)epoch->span.closes_s),
        .destroyed_s = htobe64((uint64_t)epoch->span.destroyed_s),
        .kind = (uint8_t)(epoch->suite + KIND_SERVER * epoch->server),
    };
    memcpy(content.key_id, epoch->key_id, sizeof content.key_id);
    if (last_size(epoch) > 0) memcpy(content.last, epoch->erased ? epoch->public_key.bytes : secret, last_size(epoch));
    epoch_file_name(epoch, name);
    purpose_of(name, purpose);
    struct result result = sealed_file_write(folder, name, master, purpose, &content, content_size(epoch));
    platesieve_wipe(&content, sizeof content);
    return result;
}

/* Does the content belong to the name, and is it possible? */
static bool fits(const struct epoch *epoch, size_t size)
{
    char id[SCHEDULE_ID_SIZE];
    schedule_id(epoch->span.opens_s, id);
    return strcmp(id, epoch->id) == 0 && epoch->span.opens_s < epoch->span.closes_s &&
           (epoch->erased || epoch->span.closes_s <= epoch->span.destroyed_s) &&
           (unsigned)epoch->suite <= PLATESIEVE_VOPRF_RISTRETTO255_SHA512 && epoch->server <= PLATESIEVE_KEY_SERVERS &&
           (epoch->server == 0 || epoch->suite == PLATESIEVE_VOPRF_RISTRETTO255_SHA512) && size == content_size(epoch);
}

/* Fills in the public key too. */
static bool secret_fits(struct epoch *epoch, const uint8_t *secret)
{
    struct epoch named = *epoch;
    struct epoch_key *key = NULL;
    if (failed(epoch_key_create(&named, secret, &key))) return false;
    epoch_key_retire(key);
    epoch->public_key = named.public_key;
    return memcmp(named.key_id, epoch->key_id, sizeof named.key_id) == 0;
}

static bool public_key_fits(const struct epoch *epoch)
{
    uint8_t key_id[PLATESIEVE_KEY_ID_BYTES];
    if (platesieve_failed(platesieve_voprf_key_id(&epoch->public_key, key_id))) return false;
    return memcmp(key_id, epoch->key_id, sizeof key_id) == 0;
}

static struct result take_content(const struct content *content, size_t size, struct epoch *epoch, uint8_t *secret)
{
    epoch->span = (struct span){ (int64_t)be64toh(content->opens_s), (int64_t)be64toh(content->closes_s),
                                 (int64_t)be64toh(content->destroyed_s) };
    epoch->suite = (enum platesieve_suite)(content->kind % KIND_SERVER);
    epoch->server = content->kind / KIND_SERVER;
    memcpy(epoch->key_id, content->key_id, sizeof epoch->key_id);
    if (!fits(epoch, size)) return FAIL(REASON_INTERNAL);
    if (last_size(epoch) == 0) return OK;
    memcpy(epoch->erased ? epoch->public_key.bytes : secret, content->last, last_size(epoch));
    return (epoch->erased ? public_key_fits(epoch) : secret_fits(epoch, secret)) ? OK : FAIL(REASON_INTERNAL);
}

struct result epoch_file_read(const char *folder, const uint8_t *master, struct epoch *epoch,
                              uint8_t secret[EPOCH_SECRET_BYTES])
{
    char name[EPOCH_FILE_NAME_SIZE], purpose[EPOCH_FILE_NAME_SIZE + 24];
    struct content content;
    size_t size = 0;
    epoch_file_name(epoch, name);
    purpose_of(name, purpose);
    struct result result = sealed_file_read(folder, name, master, purpose, &content, sizeof content, &size);
    if (!failed(result) && size < offsetof(struct content, last)) result = FAIL(REASON_INTERNAL);
    if (!failed(result)) result = take_content(&content, size, epoch, secret);
    platesieve_wipe(&content, sizeof content);
    return result;
}

struct result epoch_file_erase(const char *folder, const struct epoch *epoch)
{
    char name[EPOCH_FILE_NAME_SIZE];
    epoch_file_name(epoch, name);
    return sealed_file_erase(folder, name);
}
