/* See seal.h. */
#include "server/gate/db/seal.h"

#include <assert.h>
#include <endian.h>
#include <sodium.h>

#define NONCE_BYTES crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define AUTHENTICATOR_BYTES crypto_aead_xchacha20poly1305_ietf_ABYTES
#define EPOCH_BYTES (4 + 3 * 8 + 16)
#define PLAIN_MAX (DIGEST_BYTES + 2 * 8 + 2 * 16 + 4 + LIMIT_EPOCHS_KNOWN * EPOCH_BYTES)
static_assert(NONCE_BYTES + PLAIN_MAX + AUTHENTICATOR_BYTES <= SUMS_SEALED_MAX, "sums of all epochs fit");
static_assert(crypto_shorthash_siphash24_KEYBYTES == 16 && crypto_shorthash_siphash24_BYTES == PLATESIEVE_TAG_BYTES, "one hash masks one tag");
static_assert(crypto_shorthash_siphashx24_KEYBYTES == 16 && crypto_shorthash_siphashx24_BYTES == sizeof(struct row_sum), "one hash is one row's sum");
static_assert(crypto_auth_hmacsha256_BYTES == LIST_MAC_BYTES, "a MAC");

static void derive(const uint8_t key[32], const char *purpose, uint8_t *out, size_t size)
{
    uint8_t made[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, key, 32);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)purpose, strlen(purpose));
    crypto_auth_hmacsha256_final(&state, made);
    memcpy(out, made, size);
    sodium_memzero(made, sizeof(made));
    sodium_memzero(&state, sizeof(state));
}

void seal_keys_make(const uint8_t key[32], struct seal_keys *keys)
{
    derive(key, "platesieve/1/stored-tag", keys->tag, sizeof(keys->tag));
    derive(key, "platesieve/1/fence", keys->fence, sizeof(keys->fence));
    derive(key, "platesieve/1/suppression", keys->suppression, sizeof(keys->suppression));
    derive(key, "platesieve/1/sum-entry", keys->entry, sizeof(keys->entry));
    derive(key, "platesieve/1/sum-edit", keys->edit, sizeof(keys->edit));
    derive(key, "platesieve/1/sum-slots", keys->slots, sizeof(keys->slots));
    derive(key, "platesieve/1/sealed-sums", keys->sums, sizeof(keys->sums));
    derive(key, "platesieve/1/mac-segment", keys->segment, sizeof(keys->segment));
    derive(key, "platesieve/1/mac-list", keys->list, sizeof(keys->list));
    derive(key, "platesieve/1/mac-request", keys->request, sizeof(keys->request));
}

void tag_mask(const struct seal_keys *keys, const uint8_t slot[PLATESIEVE_SLOT_BYTES], uint64_t entry, uint8_t tag[PLATESIEVE_TAG_BYTES])
{
    uint8_t about[PLATESIEVE_SLOT_BYTES + 8], mask[PLATESIEVE_TAG_BYTES];
    uint64_t wire = htobe64(entry);
    memcpy(about, slot, PLATESIEVE_SLOT_BYTES);
    memcpy(about + PLATESIEVE_SLOT_BYTES, &wire, sizeof(wire));
    crypto_shorthash_siphash24(mask, about, sizeof(about), keys->tag);
    for (size_t i = 0; i < PLATESIEVE_TAG_BYTES; i++) tag[i] ^= mask[i];
}

/* -- writing numbers ----------------------------------------------------------------------------------------------------------------------- */

static uint8_t *put_32(uint8_t *at, uint32_t number)
{
    uint32_t wire = htobe32(number);
    memcpy(at, &wire, sizeof(wire));
    return at + sizeof(wire);
}

static uint8_t *put_64(uint8_t *at, uint64_t number)
{
    uint64_t wire = htobe64(number);
    memcpy(at, &wire, sizeof(wire));
    return at + sizeof(wire);
}

static const uint8_t *get_32(const uint8_t *at, uint32_t *number)
{
    uint32_t wire;
    memcpy(&wire, at, sizeof(wire));
    *number = be32toh(wire);
    return at + sizeof(wire);
}

static const uint8_t *get_64(const uint8_t *at, uint64_t *number)
{
    uint64_t wire;
    memcpy(&wire, at, sizeof(wire));
    *number = be64toh(wire);
    return at + sizeof(wire);
}

/* -- rows ----------------------------------------------------------------------------------------------------------------------------------- */

static struct row_sum hash_row(const uint8_t *row, size_t size, const uint8_t key[16])
{
    struct row_sum sum;
    uint8_t hash[sizeof(sum)];
    crypto_shorthash_siphashx24(hash, row, size, key);
    memcpy(&sum, hash, sizeof(sum));
    return (struct row_sum){ le64toh(sum.low), le64toh(sum.high) };
}

struct row_sum entry_sum(const struct seal_keys *keys, uint64_t key, uint32_t segment, uint32_t effective, uint32_t expires)
{
    uint8_t row[20];
    put_32(put_32(put_32(put_64(row, key), segment), effective), expires);
    return hash_row(row, sizeof(row), keys->entry);
}

struct row_sum edit_sum(const struct seal_keys *keys, uint64_t key, uint32_t segment, bool removes)
{
    uint8_t row[13];
    *put_32(put_64(row, key), segment) = removes;
    return hash_row(row, sizeof(row), keys->edit);
}

struct row_sum slots_sum(const struct seal_keys *keys, uint64_t key, uint32_t segment, uint32_t epoch, const uint8_t *packed, size_t size)
{
    uint8_t row[16 + LIMIT_ENTRY_TOKENS * PLATESIEVE_GRADES * PACKED_SLOT_BYTES];
    assert(size <= sizeof(row) - 16);
    memcpy(put_32(put_32(put_64(row, key), segment), epoch), packed, size);
    return hash_row(row, 16 + size, keys->slots);
}

/* -- sums ----------------------------------------------------------------------------------------------------------------------------------- */

struct sums_epoch *sums_of_epoch(struct sums *sums, uint32_t epoch)
{
    for (size_t i = 0; i < sums->epoch_count; i++)
        if (sums->epochs[i].number == epoch) return &sums->epochs[i];
    if (sums->epoch_count == ARRAY_LENGTH(sums->epochs)) return NULL;
    struct sums_epoch *made = &sums->epochs[sums->epoch_count++];
    *made = (struct sums_epoch){ .number = epoch };
    return made;
}

static uint8_t *put_sum(uint8_t *at, const struct row_sum *sum)
{
    return put_64(put_64(at, sum->low), sum->high);
}

static const uint8_t *get_sum(const uint8_t *at, struct row_sum *sum)
{
    return get_64(get_64(at, &sum->low), &sum->high);
}

static size_t write_sums(const struct sums *sums, uint8_t plain[PLAIN_MAX])
{
    memcpy(plain, sums->digest, DIGEST_BYTES);
    uint8_t *at = put_64(put_64(plain + DIGEST_BYTES, sums->lines), sums->adds);
    at = put_sum(put_sum(at, &sums->entries), &sums->edits);
    assert(sums->epoch_count <= LIMIT_EPOCHS_KNOWN);
    at = put_32(at, (uint32_t)sums->epoch_count);
    for (size_t i = 0; i < sums->epoch_count; i++) {
        const struct sums_epoch *epoch = &sums->epochs[i];
        at = put_64(put_64(put_64(put_32(at, epoch->number), epoch->lines), epoch->near), epoch->slots);
        at = put_sum(at, &epoch->sum);
    }
    return (size_t)(at - plain);
}

static bool read_sums(const uint8_t *plain, size_t size, struct sums *sums)
{
    uint32_t count;
    if (size < PLAIN_MAX - LIMIT_EPOCHS_KNOWN * EPOCH_BYTES) return false;
    memcpy(sums->digest, plain, DIGEST_BYTES);
    const uint8_t *at = get_64(get_64(plain + DIGEST_BYTES, &sums->lines), &sums->adds);
    at = get_32(get_sum(get_sum(at, &sums->entries), &sums->edits), &count);
    if (count > LIMIT_EPOCHS_KNOWN || size - (size_t)(at - plain) != count * EPOCH_BYTES) return false;
    sums->epoch_count = count;
    for (size_t i = 0; i < count; i++) {
        struct sums_epoch *epoch = &sums->epochs[i];
        at = get_64(get_64(get_64(get_32(at, &epoch->number), &epoch->lines), &epoch->near), &epoch->slots);
        at = get_sum(at, &epoch->sum);
    }
    return true;
}

static void write_place(const struct seal_place *place, uint8_t about[20])
{
    put_64(put_64(put_32(about, (uint32_t)place->kind), (uint64_t)place->segment), (uint64_t)place->at);
}

size_t sums_seal(const struct seal_keys *keys, const struct seal_place *place, const struct sums *sums, uint8_t sealed[SUMS_SEALED_MAX])
{
    uint8_t plain[PLAIN_MAX], about[20];
    size_t size = write_sums(sums, plain);
    write_place(place, about);
    randombytes_buf(sealed, NONCE_BYTES);
    crypto_aead_xchacha20poly1305_ietf_encrypt(sealed + NONCE_BYTES, NULL, plain, size, about, sizeof(about), NULL, sealed, keys->sums);
    sodium_memzero(plain, sizeof(plain));
    return NONCE_BYTES + size + AUTHENTICATOR_BYTES;
}

struct result sums_open(const struct seal_keys *keys, const struct seal_place *place, const uint8_t *sealed, size_t size, struct sums *sums)
{
    uint8_t plain[PLAIN_MAX], about[20];
    *sums = (struct sums){ 0 };
    if (size < NONCE_BYTES + AUTHENTICATOR_BYTES || size - NONCE_BYTES - AUTHENTICATOR_BYTES > PLAIN_MAX) return FAIL(REASON_FORGED);
    size_t plain_size = size - NONCE_BYTES - AUTHENTICATOR_BYTES;
    write_place(place, about);
    int opened = crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, sealed + NONCE_BYTES, size - NONCE_BYTES, about, sizeof(about),
                                                            sealed, keys->sums);
    bool good = opened == 0 && read_sums(plain, plain_size, sums);
    sodium_memzero(plain, sizeof(plain));
    return good ? OK : FAIL(REASON_FORGED);
}

/* -- segments ------------------------------------------------------------------------------------------------------------------------------- */

void segment_mac(const struct seal_keys *keys, const struct segment_facts *facts, const struct sums *sums, const uint8_t previous[LIST_MAC_BYTES],
                 uint8_t mac[LIST_MAC_BYTES])
{
    uint8_t head[5 * 8], plain[PLAIN_MAX];
    crypto_auth_hmacsha256_state state;
    size_t size = write_sums(sums, plain);
    put_64(put_64(put_64(put_64(put_64(head, (uint64_t)facts->list), (uint64_t)facts->segment), (uint64_t)facts->revision), (uint64_t)facts->base),
           (uint64_t)facts->mode);
    crypto_auth_hmacsha256_init(&state, keys->segment, sizeof(keys->segment));
    crypto_auth_hmacsha256_update(&state, head, sizeof(head));
    crypto_auth_hmacsha256_update(&state, previous, LIST_MAC_BYTES);
    crypto_auth_hmacsha256_update(&state, plain, size);
    crypto_auth_hmacsha256_final(&state, mac);
    sodium_memzero(plain, sizeof(plain));
    sodium_memzero(&state, sizeof(state));
}
