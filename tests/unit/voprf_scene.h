/* What the tests of the second suite share. */
#ifndef TESTS_VOPRF_SCENE_H
#define TESTS_VOPRF_SCENE_H

#include <platesieve/platesieve.h>

#include "crypto/voprf.h"
#include "include/cleanup.h"
#include "tests/unit/cmocka_all.h"

#define EPOCH "20261122T000000Z"
#define assert_good(expression) assert_int_equal((expression).reason, PLATESIEVE_OK)
#define assert_refused(expression, why) assert_int_equal((expression).reason, (why))

static inline void hex_into(const char *hex, void *out, size_t size)
{
    size_t length;

    assert_int_equal(sodium_hex2bin(out, size, hex, strlen(hex), NULL, &length, NULL), 0);
    assert_int_equal(length, size);
}

static inline void assert_hex(const void *actual, size_t size, const char *hex)
{
    uint8_t expected[256];

    assert_true(size <= sizeof expected);
    hex_into(hex, expected, size);
    assert_memory_equal(actual, expected, size);
}

/* 32 bytes that count up from FIRST. */
static inline void counting(uint8_t first, uint8_t bytes[32])
{
    for (size_t i = 0; i < 32; i++)
        bytes[i] = (uint8_t)(first + i);
}

/* A scalar whose bytes are VALUE, but for the highest. */
static inline void repeated(uint8_t value, uint8_t scalar[VOPRF_SCALAR_BYTES])
{
    memset(scalar, value, VOPRF_SCALAR_BYTES - 1);
    scalar[VOPRF_SCALAR_BYTES - 1] = 0;
}

/* The key pair of the documents: seed 00 01 02 ... 1f. */
static inline struct platesieve_voprf_key *example_key(void)
{
    struct platesieve_voprf_key *key;
    uint8_t seed[PLATESIEVE_SEED_BYTES];

    counting(0, seed);
    assert_good(platesieve_voprf_key_derive(seed, EPOCH, &key));
    return key;
}

/* The plate of the documents, of grade `full` and `plate`. */
static inline void example_messages(struct platesieve_message messages[2])
{
    static const struct platesieve_jurisdiction texas = { "US-TX" };
    struct platesieve_plate plate;
    size_t count;

    assert_good(platesieve_plate_canonicalise("zz-oo 99q", 9, &plate));
    assert_good(platesieve_messages(&plate, &texas, PLATESIEVE_FULL, PLATESIEVE_SIDE_LANE, &messages[0], &count));
    assert_good(platesieve_messages(&plate, &texas, PLATESIEVE_PLATE, PLATESIEVE_SIDE_LANE, &messages[1], &count));
}

/* COUNT different messages, none longer than a plate's. */
static inline void many_messages(struct platesieve_message *messages, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        messages[i] = (struct platesieve_message){ .length = 2 };
        messages[i].bytes[0] = (uint8_t)(i >> 8);
        messages[i].bytes[1] = (uint8_t)i;
    }
}

#endif
