/* The key server's answer, and the file that keeps it. */
#include <sodium.h>
#include <unistd.h>

#include "server/gate/keys/answer.h"
#include "tests/unit/unit.h"

#define ONE                                                                                         \
    "{\"id\":\"20261122T000000Z\",\"number\":17,\"suite\":\"hmac-sha256\","                         \
    "\"key_id\":\"AAECAwQFBgcICQoLDA0ODw\","                                                        \
    "\"opens\":\"2026-11-22T00:00:00.000Z\","                                                       \
    "\"closes\":\"2026-11-23T01:00:00.000Z\","                                                      \
    "\"destroyed\":\"2026-11-23T02:00:00.000Z\","                                                   \
    "\"state\":\"open\"}"
#define TWO                                                                                         \
    "{\"id\":\"20261123T000000Z\",\"number\":18,\"suite\":\"hmac-sha256\","                         \
    "\"key_id\":\"_wECAwQFBgcICQoLDA0ODw\","                                                        \
    "\"opens\":\"2026-11-23T00:00:00.000Z\","                                                       \
    "\"closes\":\"2026-11-24T01:00:00.000Z\","                                                      \
    "\"destroyed\":\"2026-11-24T02:00:00.000Z\","                                                   \
    "\"state\":\"destroyed\",\"more\":[1]}"

/* The public key and key id of docs/protocol.md's example of the second suite. */
#define PUBLIC_KEY "buc4RphrnCXBp1gbbTm0rkk7DfjtdAmHBNMZKyLVUDE"
#define PAIR                                                                                        \
    "{\"id\":\"20261124T000000Z\",\"number\":19,\"suite\":\"voprf-ristretto255-sha512\","           \
    "\"key_id\":\"QdC878nPJMebBO3vJAVULw\",\"public_key\":\"" PUBLIC_KEY "\","                      \
    "\"opens\":\"2026-11-24T00:00:00.000Z\","                                                       \
    "\"closes\":\"2026-11-25T01:00:00.000Z\","                                                      \
    "\"destroyed\":\"2026-11-25T02:00:00.000Z\","                                                   \
    "\"state\":\"coming\"}"

static struct result parse(const char *epochs, struct keys_answer *answer)
{
    char text[16384];
    int size = snprintf(text, sizeof(text), "{\"now\":\"2026-11-22T12:00:00.000Z\",\"epochs\":%s,\"new\":{\"a\":1}}",
                        epochs);

    assert_true(size > 0 && (size_t)size < sizeof(text));
    return keys_answer_parse(text, (size_t)size, answer);
}

static void good(void **state)
{
    struct keys_answer answer;

    (void)state;
    assert_ok(parse("[]", &answer));
    assert_int_equal(answer.count, 0);
    assert_ok(parse("[" ONE "," TWO "]", &answer));
    assert_int_equal(answer.count, 2);
    const struct keys_epoch *one = &answer.epochs[0], *two = &answer.epochs[1];
    assert_string_equal(one->id, "20261122T000000Z");
    assert_int_equal(one->number, 17);
    assert_int_equal(one->suite, PLATESIEVE_HMAC_SHA256);
    for (uint8_t i = 0; i < PLATESIEVE_KEY_ID_BYTES; i++) assert_int_equal(one->key_id[i], i);
    assert_int_equal(one->opens_ms, INT64_C(1795305600000));
    assert_int_equal(one->closes_ms - one->opens_ms, 25 * 3600000);
    assert_int_equal(one->destroyed_ms - one->closes_ms, 3600000);
    assert_false(one->destroyed);
    assert_true(two->destroyed);
    assert_int_equal(two->key_id[0], 0xff);
}

/* Epoch ONE with the first FROM replaced by TO. */
static enum reason altered(const char *one, const char *from, const char *to)
{
    char epochs[4096];
    struct keys_answer answer;
    const char *at = strstr(one, from);

    assert_non_null(at);
    snprintf(epochs, sizeof(epochs), "[%.*s%s%s]", (int)(at - one), one, to, at + strlen(from));
    enum reason reason = parse(epochs, &answer).reason;
    if (reason != REASON_NONE) assert_int_equal(answer.count, 0);
    return reason;
}

static enum reason with(const char *from, const char *to)
{
    return altered(ONE, from, to);
}

static void bad_members(void **state)
{
    static const char *const cases[][2] = {
        { "\"20261122T000000Z\"", "\"\"" },
        { "\"20261122T000000Z\"", "\"2026 1122\"" },
        { "\"20261122T000000Z\"", "\"012345678901234567890123456789012\"" },
        { "\"20261122T000000Z\"", "7" },
        { "\"id\"", "\"ID\"" },
        { ":17", ":-1" },
        { ":17", ":2147483648" },
        { ":17", ":17.0" },
        { ":17", ":\"17\"" },
        { "hmac-sha256", "" },
        { "AAECAwQFBgcICQoLDA0ODw", "AAECAwQFBgcICQoLDA0OD" },
        { "AAECAwQFBgcICQoLDA0ODw", "AAECAwQFBgcICQoLDA0ODx" }, /* bits beyond the last byte */
        { "AAECAwQFBgcICQoLDA0ODw", "AAECAwQFBgcICQoLDA0OD=" },
        { "AAECAwQFBgcICQoLDA0ODw", "AAECAwQFBgcICQoLDA0+Dw" },
        { "2026-11-22T00:00:00.000Z", "2026-11-22" },
        { "2026-11-22T00:00:00.000Z", "2026-11-23T01:00:00.000Z" }, /* opens as it closes */
        { "2026-11-23T02:00:00.000Z", "2026-11-23T00:59:59.999Z" }, /* destroyed before it closes */
        { "\"open\"}", "\"ajar\"}" },
        { "\"open\"}", "null}" },
    };
    struct keys_answer answer;

    (void)state;
    assert_int_equal(with("open\"}", "closed\"}"), REASON_NONE);
    assert_int_equal(with("0Z\",\"number", "0Z\\u0000\",\"number"), REASON_BAD_JSON);
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) assert_int_equal(with(cases[i][0], cases[i][1]), REASON_BAD_FIELD);
    assert_fails(parse("null", &answer), REASON_BAD_FIELD);
    assert_fails(parse("[7]", &answer), REASON_BAD_FIELD);
    assert_fails(parse("[" ONE ",[]]", &answer), REASON_BAD_FIELD);
    assert_fails(keys_answer_parse("{}", 2, &answer), REASON_BAD_FIELD);
}

static void bad_order(void **state)
{
    struct keys_answer answer;

    (void)state;
    assert_fails(parse("[" TWO "," ONE "]", &answer), REASON_BAD_FIELD);
    assert_fails(parse("[" ONE "," ONE "]", &answer), REASON_BAD_FIELD);
}

static void bad_json(void **state)
{
    static const char cut[] = "{\"epochs\":[" ONE, twice[] = "{\"epochs\":[],\"epochs\":[]}",
        deep[] = "{\"a\":[[[[[[[[[[[[[]]]]]]]]]]]]]}";
    struct keys_answer answer;
    char *large = calloc(1, KEYS_ANSWER_BYTES + 1);

    (void)state;
    assert_non_null(large);
    assert_fails(keys_answer_parse("", 0, &answer), REASON_BAD_JSON);
    assert_fails(keys_answer_parse("[]", 2, &answer), REASON_BAD_JSON);
    assert_fails(keys_answer_parse(cut, sizeof(cut) - 1, &answer), REASON_BAD_JSON);
    assert_fails(keys_answer_parse(twice, sizeof(twice) - 1, &answer), REASON_BAD_JSON);
    assert_fails(keys_answer_parse(deep, sizeof(deep) - 1, &answer), REASON_BAD_JSON);
    assert_fails(keys_answer_parse(large, KEYS_ANSWER_BYTES + 1, &answer), REASON_BAD_FIELD);
    free(large);
}

/* Every other of the second suite; any scalar times the generator is a public key. */
static void make_key(struct keys_epoch *epoch, bool pair)
{
    uint8_t scalar[crypto_core_ristretto255_SCALARBYTES];

    randombytes_buf(epoch->key_id, sizeof(epoch->key_id));
    if (!pair) return;
    epoch->suite = PLATESIEVE_VOPRF_RISTRETTO255_SHA512;
    crypto_core_ristretto255_scalar_random(scalar);
    assert_int_equal(crypto_scalarmult_ristretto255_base(epoch->public_key.bytes, scalar), 0);
    assert_false(platesieve_failed(platesieve_voprf_key_id(&epoch->public_key, epoch->key_id)));
}

static void make_many(struct keys_answer *answer, size_t count)
{
    *answer = (struct keys_answer){ .count = count };
    for (size_t i = 0; i < count; i++) {
        struct keys_epoch *epoch = &answer->epochs[i];

        snprintf(epoch->id, sizeof(epoch->id), "epoch-%zu", i);
        make_key(epoch, i % 2 == 1);
        epoch->number = 100 + i;
        epoch->opens_ms = (int64_t)i * 1000;
        epoch->closes_ms = epoch->opens_ms + 1500;
        epoch->destroyed_ms = epoch->closes_ms + (int64_t)i;
        epoch->destroyed = i % 3 == 0;
    }
}

static void too_many(void **state)
{
    char epochs[LIMIT_EPOCHS_KNOWN * 256 + 512] = "[";
    struct keys_answer answer;
    size_t size = 1;

    (void)state;
    for (unsigned i = 0; i <= LIMIT_EPOCHS_KNOWN; i++)
        size += (size_t)snprintf(epochs + size, sizeof(epochs) - size,
                                 "%s{\"id\":\"e%u\",\"number\":%u,\"suite\":\"hmac-sha256\","
                                 "\"key_id\":\"AAECAwQFBgcICQoLDA0ODw\",\"opens\":\"2026-11-22T00:00:00Z\","
                                 "\"closes\":\"2026-11-23T01:00:00Z\","
                                 "\"destroyed\":\"2026-11-23T02:00:00Z\",\"state\":\"open\"}", i == 0 ? "" : ",", i, i);
    epochs[size++] = ']';
    assert_fails(parse(epochs, &answer), REASON_BAD_FIELD);
}

static void second_suite(void **state)
{
    static const char identity[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    static const char another[] = "4vKuCmq8TnGohKlhxQBRX1jjC2qlgt2NtqZZReCNLXY";
    struct keys_answer answer;

    (void)state;
    assert_ok(parse("[" ONE "," TWO "," PAIR "]", &answer));
    assert_int_equal(answer.count, 3);
    assert_int_equal(answer.strange, 0);
    assert_int_equal(answer.epochs[2].suite, PLATESIEVE_VOPRF_RISTRETTO255_SHA512);
    assert_int_equal(answer.epochs[2].public_key.bytes[0], 0x6e);
    assert_int_equal(answer.epochs[2].public_key.bytes[31], 0x31);
    assert_int_equal(altered(PAIR, PUBLIC_KEY, identity), REASON_BAD_FIELD);
    assert_int_equal(altered(PAIR, PUBLIC_KEY, another), REASON_BAD_FIELD);
    assert_int_equal(altered(PAIR, PUBLIC_KEY, ""), REASON_BAD_FIELD);
    assert_int_equal(altered(PAIR, "\"" PUBLIC_KEY "\"", "7"), REASON_BAD_FIELD);
    assert_int_equal(altered(PAIR, "public_key", "publickey"), REASON_BAD_FIELD);
    assert_int_equal(altered(PAIR, "QdC878nPJMebBO3vJAVULw", "AAECAwQFBgcICQoLDA0ODw"), REASON_BAD_FIELD);
}

/* A suite of the future is passed over, the rest is not. */
static void strange_suite(void **state)
{
    char epochs[4096];
    struct keys_answer answer;

    (void)state;
    snprintf(epochs, sizeof(epochs), "[%s,%s]", ONE, TWO);
    char *suite = strstr(epochs, "hmac-sha256");
    memcpy(suite, "hmac-sha999", 11);
    assert_ok(parse(epochs, &answer));
    assert_int_equal(answer.count, 1);
    assert_int_equal(answer.strange, 1);
    assert_string_equal(answer.epochs[0].id, "20261123T000000Z");
}

static void file(void **state)
{
    char folder[] = "/tmp/keys-answer-XXXXXX", path[64];
    struct keys_answer wrote, got;

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/epochs.json", folder);
    assert_fails(keys_answer_read(path, &got), REASON_NOT_FOUND);
    for (size_t count = 0; count <= LIMIT_EPOCHS_KNOWN; count += LIMIT_EPOCHS_KNOWN) {
        make_many(&wrote, count);
        assert_ok(keys_answer_write(path, &wrote));
        assert_ok(keys_answer_read(path, &got));
        assert_memory_equal(&got, &wrote, sizeof(got));
    }
    assert_int_equal(truncate(path, 100), 0);
    assert_fails(keys_answer_read(path, &got), REASON_BAD_JSON);
    assert_int_equal(got.count, 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0); /* nothing else was left there */
    assert_fails(keys_answer_write(path, &wrote), REASON_INTERNAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good),
        cmocka_unit_test(bad_members),
        cmocka_unit_test(bad_order),
        cmocka_unit_test(bad_json),
        cmocka_unit_test(too_many),
        cmocka_unit_test(strange_suite),
        cmocka_unit_test(second_suite),
        cmocka_unit_test(file),
    };

    if (sodium_init() < 0) return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
