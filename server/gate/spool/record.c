#include "server/gate/spool/record.h"

#include <sodium.h>

#define RECORD_VERSION 1
static const char purpose[] = "platesieve/1/spool";

_Static_assert(SPOOL_RECORD_BYTES ==
                   crypto_aead_xchacha20poly1305_ietf_NPUBBYTES + SPOOL_RECORD_PLAIN_BYTES + crypto_aead_xchacha20poly1305_ietf_ABYTES,
               "nonce, sealed record, tag");

static void put(uint8_t **at, const void *bytes, size_t size)
{
    memcpy(*at, bytes, size);
    *at += size;
}

static void put_number(uint8_t **at, uint64_t number, size_t size)
{
    for (size_t i = 0; i < size; i++) *(*at)++ = (uint8_t)(number >> 8 * i);
}

static void get(const uint8_t **at, void *bytes, size_t size)
{
    memcpy(bytes, *at, size);
    *at += size;
}

static uint64_t get_number(const uint8_t **at, size_t size)
{
    uint64_t number = 0;
    for (size_t i = 0; i < size; i++) number |= (uint64_t)*(*at)++ << 8 * i;
    return number;
}

static void encode(const struct sighting *sighting, uint8_t plain[SPOOL_RECORD_PLAIN_BYTES])
{
    uint8_t *at = plain;
    uint32_t confidence;

    memcpy(&confidence, &sighting->confidence, sizeof confidence);
    put_number(&at, RECORD_VERSION, 1);
    put(&at, sighting->id, sizeof sighting->id);
    put(&at, sighting->hit, sizeof sighting->hit);
    put_number(&at, sighting->entry, 8);
    put_number(&at, sighting->list, 4);
    put_number(&at, sighting->revision, 4);
    put_number(&at, sighting->age_s, 4);
    put_number(&at, sighting->cooldown_s, 4);
    put_number(&at, (uint64_t)sighting->seen_ms, 8);
    put_number(&at, sighting->grade, 1);
    put_number(&at, sighting->candidate, 1);
    put_number(&at, sighting->covert, 1);
    put_number(&at, sighting->verify, 1);
    put_number(&at, confidence, 4);
    put(&at, sighting->site, sizeof sighting->site);
    put(&at, sighting->lane, sizeof sighting->lane);
}

static bool decode(const uint8_t plain[SPOOL_RECORD_PLAIN_BYTES], struct sighting *sighting)
{
    const uint8_t *at = plain;

    *sighting = (struct sighting){ 0 };
    if (get_number(&at, 1) != RECORD_VERSION) return false;
    get(&at, sighting->id, sizeof sighting->id);
    get(&at, sighting->hit, sizeof sighting->hit);
    sighting->entry = get_number(&at, 8);
    sighting->list = (uint32_t)get_number(&at, 4);
    sighting->revision = (uint32_t)get_number(&at, 4);
    sighting->age_s = (uint32_t)get_number(&at, 4);
    sighting->cooldown_s = (uint32_t)get_number(&at, 4);
    sighting->seen_ms = (int64_t)get_number(&at, 8);
    sighting->grade = (uint8_t)get_number(&at, 1);
    sighting->candidate = (uint8_t)get_number(&at, 1);
    sighting->covert = get_number(&at, 1) != 0;
    sighting->verify = get_number(&at, 1) != 0;
    uint32_t confidence = (uint32_t)get_number(&at, 4);
    memcpy(&sighting->confidence, &confidence, sizeof confidence);
    get(&at, sighting->site, sizeof sighting->site);
    get(&at, sighting->lane, sizeof sighting->lane);
    return sighting->site[LIMIT_NAME_MAX] == '\0' && sighting->lane[LIMIT_NAME_MAX] == '\0' && sighting->grade < PLATESIEVE_GRADES;
}

void spool_record_seal(const uint8_t key[32], const struct sighting *sighting, uint8_t record[SPOOL_RECORD_BYTES])
{
    uint8_t plain[SPOOL_RECORD_PLAIN_BYTES];
    const size_t nonce_bytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;

    encode(sighting, plain);
    randombytes_buf(record, nonce_bytes);
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(record + nonce_bytes, NULL, plain, sizeof plain, (const uint8_t *)purpose, sizeof purpose, NULL,
                                                     record, key);
    sodium_memzero(plain, sizeof plain);
}

bool spool_record_open(const uint8_t key[32], const uint8_t *record, size_t size, struct sighting *sighting)
{
    uint8_t plain[SPOOL_RECORD_PLAIN_BYTES];
    const size_t nonce_bytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;

    if (size != SPOOL_RECORD_BYTES) return false;
    bool good = crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, record + nonce_bytes, size - nonce_bytes, (const uint8_t *)purpose,
                                                           sizeof purpose, record, key) == 0 &&
                decode(plain, sighting);
    sodium_memzero(plain, sizeof plain);
    return good;
}
