#include "server/keys/share.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <platesieve/platesieve.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/http/json.h"
#include "server/http/sealed_file.h"

#define PURPOSE "platesieve/1/key-share"
#define SERVERS PLATESIEVE_KEY_SERVERS
#define CONTENT_VERSION 1

/* -- the ceremony's file --------------------------------------------------------------------------------------- */

static struct result complain(FILE *errors, const char *file, const char *why)
{
    fprintf(errors, "%s: %s\n", file, why);
    return FAIL(REASON_INTERNAL);
}

static struct result read_file(const char *file, char text[LIMIT_SHARE_FILE_BYTES], size_t *size, FILE *errors)
{
    struct stat info;
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    *size = 0;
    if (fd < 0) return complain(errors, file, strerror(errno));
    ssize_t got = fstat(fd, &info) == 0 && S_ISREG(info.st_mode) ? read(fd, text, LIMIT_SHARE_FILE_BYTES) : -1;
    close(fd);
    if (got < 0) return complain(errors, file, "is not a plain file that can be read");
    if ((info.st_mode & 077) != 0) return complain(errors, file, "may be read by others: chmod 600");
    if (info.st_size > LIMIT_SHARE_FILE_BYTES) got = 0; /* nothing of it is read as a share */
    *size = (size_t)got;
    return OK;
}

static bool take_bytes(const json_t *json, uint8_t *bytes, size_t size)
{
    size_t got = 0;

    return json_is_string(json) &&
           sodium_base642bin(bytes, size, json_string_value(json), json_string_length(json), NULL, &got, NULL,
                             sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0 &&
           got == size;
}

struct parts {
    uint8_t commitments[SERVERS][PLATESIEVE_COMMITMENT_BYTES];
    uint8_t seed[PLATESIEVE_SEED_BYTES]; /* one after the other */
};

/* Seed NUMBER, which must be the one that was committed to, becomes TREE. */
static bool take_seed(const json_t *seeds, unsigned number, struct parts *parts, struct seed_tree *tree)
{
    uint8_t commitment[PLATESIEVE_COMMITMENT_BYTES];
    const char name[] = { (char)('0' + number), 0 };

    if (!take_bytes(json_object_get(seeds, name), parts->seed, sizeof parts->seed)) return false;
    platesieve_seed_commitment(number, parts->seed, commitment);
    seed_tree_plant(tree, parts->seed);
    return memcmp(commitment, parts->commitments[number - 1], sizeof commitment) == 0;
}

static bool take_share(const json_t *json, struct parts *parts, struct share *share)
{
    const json_t *commitments = json_object_get(json, "commitments"), *seeds = json_object_get(json, "seeds");
    json_int_t server = json_integer_value(json_object_get(json, "server")); /* 0 for anything else */
    uint8_t ceremony[PLATESIEVE_CEREMONY_ID_BYTES];
    struct seed_tree *tree = &share->lower;

    if (server < 1 || server > SERVERS || json_integer_value(json_object_get(json, "of")) != SERVERS) return false;
    share->server = (unsigned)server;
    if (json_array_size(commitments) != SERVERS || json_object_size(seeds) != SERVERS - 1) return false;
    for (size_t i = 0; i < SERVERS; i++)
        if (!take_bytes(json_array_get(commitments, i), parts->commitments[i], sizeof parts->commitments[i]))
            return false;
    platesieve_ceremony_id((const uint8_t(*)[PLATESIEVE_COMMITMENT_BYTES])parts->commitments, share->ceremony);
    if (!take_bytes(json_object_get(json, "ceremony"), ceremony, sizeof ceremony) ||
        memcmp(ceremony, share->ceremony, sizeof ceremony) != 0)
        return false;
    for (unsigned number = 1; number <= SERVERS; number++) {
        if (number == share->server) continue;
        if (!take_seed(seeds, number, parts, tree)) return false;
        tree = &share->higher;
    }
    return true;
}

struct scratch {
    char text[LIMIT_SHARE_FILE_BYTES];
    struct parts parts;
};

struct result share_import(const char *file, struct share *share, FILE *errors)
{
    struct scratch *scratch = platesieve_secret_allocate(sizeof *scratch);
    json_t *json = NULL;
    size_t size;

    if (scratch == NULL) return complain(errors, file, "no memory can be locked for it");
    struct result result = read_file(file, scratch->text, &size, errors);
    if (!failed(result)) {
        result = json_parse_object(scratch->text, size, &json);
        if (!failed(result) && !take_share(json, &scratch->parts, share)) result = FAIL(REASON_BAD_FIELD);
        if (failed(result)) (void)complain(errors, file, "is no share of a ceremony, or was damaged on its way");
    }
    json_decref(json);
    platesieve_secret_free(scratch);
    return result;
}

/* -- the sealed file ------------------------------------------------------------------------------------------- */

/* Big endian. */
struct content {
    uint8_t version, server;
    uint8_t ceremony[PLATESIEVE_CEREMONY_ID_BYTES];
    uint64_t given_up;
    uint8_t lower[LIMIT_OPENING_BITS][PLATESIEVE_SEED_BYTES], higher[LIMIT_OPENING_BITS][PLATESIEVE_SEED_BYTES];
} __attribute__((packed));

static_assert(sizeof(struct content) <= SEALED_PLAIN_MAX, "it is one sealed file");

struct result share_save(const char *folder, const uint8_t *master, const struct share *share)
{
    struct content *content = platesieve_secret_allocate(sizeof *content);
    if (content == NULL) return FAIL(REASON_BUSY);
    content->version = CONTENT_VERSION;
    content->server = (uint8_t)share->server;
    content->given_up = htobe64(share->lower.given_up);
    memcpy(content->ceremony, share->ceremony, sizeof content->ceremony);
    memcpy(content->lower, share->lower.nodes, sizeof content->lower);
    memcpy(content->higher, share->higher.nodes, sizeof content->higher);
    struct result result = sealed_file_write(folder, SHARE_FILE_NAME, master, PURPOSE, content, sizeof *content);
    platesieve_secret_free(content);
    return result;
}

struct result share_load(const char *folder, const uint8_t *master, struct share *share)
{
    struct content *content = platesieve_secret_allocate(sizeof *content);
    size_t size = 0;
    if (content == NULL) return FAIL(REASON_BUSY);
    struct result result =
        sealed_file_read(folder, SHARE_FILE_NAME, master, PURPOSE, content, sizeof *content, &size);
    if (!failed(result) && (size != sizeof *content || content->version != CONTENT_VERSION || content->server < 1 ||
                            content->server > SERVERS || be64toh(content->given_up) >> LIMIT_OPENING_BITS != 0))
        result = FAIL(REASON_INTERNAL);
    if (!failed(result)) {
        share->server = content->server;
        share->lower.given_up = share->higher.given_up = be64toh(content->given_up);
        memcpy(share->ceremony, content->ceremony, sizeof share->ceremony);
        memcpy(share->lower.nodes, content->lower, sizeof share->lower.nodes);
        memcpy(share->higher.nodes, content->higher, sizeof share->higher.nodes);
    }
    platesieve_secret_free(content);
    return result;
}

/* -- epochs ---------------------------------------------------------------------------------------------------- */

struct result share_secret(const struct share *share, int64_t opens_s, uint8_t secret[SHARE_SECRET_BYTES])
{
    if (opens_s >= 0 && seed_tree_leaf(&share->lower, (uint64_t)opens_s, secret) &&
        seed_tree_leaf(&share->higher, (uint64_t)opens_s, secret + PLATESIEVE_SEED_BYTES))
        return OK;
    return FAIL(REASON_GONE);
}

bool share_give_up(struct share *share, int64_t opens_s)
{
    if (opens_s < 0 || (uint64_t)opens_s <= share->lower.given_up) return false;
    seed_tree_give_up(&share->lower, (uint64_t)opens_s);
    seed_tree_give_up(&share->higher, (uint64_t)opens_s);
    return true;
}
