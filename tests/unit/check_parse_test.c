/* The edge of a check: what is taken, what is refused, and that nothing stays. */
#include "server/gate/check/batch.h"
#include "tests/unit/scene.h"

#define A "AAAAAAAAAAAAAAAAAAAAAA"
#define SET "{\"full\":\"AAAAAAAAAAAAAAAAAAAAAQ\",\"plate\":\"AAAAAAAAAAAAAAAAAAAAAg\",\"similar\":\"_____________________w\",\"near\":[]}"
#define CANDIDATE "{\"confidence\":0.97,\"tokens\":[" SET "]}"
#define READ "{\"read_id\":\"BAgMEBQYHCAkKCwwNDg8EA\",\"seen_at\":\"2026-11-22T01:30:43.123Z\",\"candidates\":[" CANDIDATE "]}"
#define EPOCH "{\"id\":\"20261122T000000Z\",\"key_id\":\"" A "\"}"
#define POLICY "\"policy\":\"0123456789abcdef\""
#define BODY "{" POLICY ",\"epochs\":[" EPOCH "],\"reads\":[" READ "]}"

static enum reason parse_sized(const char *body, size_t size, struct check_batch **batch)
{
    struct result result = check_batch_parse(body, size, SCENE_NOW, batch);

    assert_true(failed(result) == (*batch == NULL));
    return result.reason;
}

static enum reason parse(const char *body)
{
    struct check_batch *batch;
    enum reason reason = parse_sized(body, strlen(body), &batch);

    check_batch_wipe(&batch);
    return reason;
}

static void takes_every_member(void **unused)
{
    struct check_batch *batch;

    (void)unused;
    assert_int_equal(parse_sized(BODY, strlen(BODY), &batch), REASON_NONE);
    assert_int_equal(batch->epoch_count, 1);
    assert_string_equal(batch->epochs[0].id, "20261122T000000Z");
    assert_int_equal(batch->read_count, 1);
    assert_memory_equal(batch->reads[0].id_text, "BAgMEBQYHCAkKCwwNDg8EA", 22);
    assert_memory_equal(batch->reads[0].id, "\x04\x08\x0c\x10\x14\x18\x1c\x20\x24\x28\x2c\x30\x34\x38\x3c\x10", 16);
    assert_true(batch->reads[0].seen_ms == SCENE_NOW);
    assert_int_equal(batch->reads[0].candidate_count, 1);
    assert_true(batch->candidates[0].confidence > 0.9699f && batch->candidates[0].confidence < 0.9701f);
    assert_int_equal(batch->sets[0].present, 15);
    assert_int_equal(batch->sets[0].near_count, 0);
    assert_memory_equal(batch->tokens[batch->sets[0].token[PLATESIEVE_PLATE]].bytes, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x02", 16);
    assert_int_equal(batch->tokens[batch->sets[0].token[PLATESIEVE_SIMILAR]].bytes[0], 0xff);
    check_batch_wipe(&batch);
}

/* Not for the parser to refuse: a lane sends that while no epoch is open, and is told so by the gate. */
static void takes_no_epoch_at_all(void **unused)
{
    (void)unused;
    assert_int_equal(parse("{" POLICY ",\"epochs\":[],\"reads\":[{\"read_id\":\"" A "\",\"seen_at\":\"2026-11-22T01:30:43.123Z\","
                           "\"candidates\":[{\"confidence\":1,\"tokens\":[]}]}]}"), REASON_NONE);
}

/* As long as everything is there once. */
static void order_is_free(void **unused)
{
    static const char body[] =
        "\n{ \"reads\" : [{\"candidates\":[{\"tokens\":[{\"near\":[\"" A "\",\"" A "\"]},{}],\"confidence\":1}],\"seen_at\":\"2026-11-22T02:30:43+01:00\","
        "\"read_id\":\"" A "\"}],\t\"epochs\":[{\"key_id\":\"" A "\",\"id\":\"a\"},{\"key_id\":\"" A "\",\"id\":\"b\"}],"
        "\"pol\\u0069cy\":\"0123456789abcdef\"}\n ";
    struct check_batch *batch;

    (void)unused;
    assert_int_equal(parse_sized(body, strlen(body), &batch), REASON_NONE);
    assert_int_equal(batch->sets[0].near_count, 2);
    assert_int_equal(batch->sets[0].present, 8);
    assert_int_equal(batch->sets[1].present, 0);
    assert_true(batch->reads[0].seen_ms == SCENE_NOW / 1000 * 1000);
    check_batch_wipe(&batch);
}

/* Replaces FIND by PUT, once, in the valid body. */
struct change {
    const char *find, *put;
    enum reason reason;
};

#define BAD_FIELD REASON_BAD_FIELD
#define BAD_JSON REASON_BAD_JSON

static const struct change changes[] = {
    { "0.97", "0", REASON_NONE },
    { "0.97", "1", REASON_NONE },
    { "0.97", "1.0", REASON_NONE },
    { "0.97", "9.7e-1", REASON_NONE },
    { "0.97", "0.97000000000000000000000000000000", REASON_NONE },
    { "0.97", "-0.0", REASON_NONE },
    { "0.97", "1e-999", REASON_NONE },
    { "2026-11-22T01:30:43.123Z", "2026-11-21T01:30:43.123Z", REASON_NONE },
    { "2026-11-22T01:30:43.123Z", "2026-11-22T01:35:43.123Z", REASON_NONE },
    { "01:30:43.123Z", "02:30:43.123\\u002b01:00", REASON_NONE },
    { "\"full\":\"AAAAAAAAAAAAAAAAAAAAAQ\",", "", REASON_NONE },
    { "\"plate\":\"AAAAAAAAAAAAAAAAAAAAAg\",", "", REASON_NONE }, /* whether it is wanted is not known here */
    /* a later look: it comes anywhere in its read */
    { "\"seen_at\"", "\"again\":true,\"seen_at\"", REASON_NONE },
    { "\"seen_at\"", "\"again\":false,\"seen_at\"", REASON_NONE },
    { "\"seen_at\"", "\"again\":1,\"seen_at\"", BAD_FIELD },
    { "\"seen_at\"", "\"again\":null,\"seen_at\"", BAD_FIELD },
    { "\"seen_at\"", "\"again\":\"true\",\"seen_at\"", BAD_FIELD },
    { "\"seen_at\"", "\"again\":[true],\"seen_at\"", BAD_FIELD },
    { "\"seen_at\"", "\"again\":true,\"again\":true,\"seen_at\"", BAD_JSON },
    { "\"confidence\":0.97,", "\"confidence\":0.97,\"again\":true,", BAD_FIELD },
    { "\"confidence\":0.97,", "\"confidence\":true,", BAD_FIELD },
    { POLICY, POLICY ",\"again\":true", BAD_FIELD },
    /* time */
    { "2026-11-22T01:30:43.123Z", "2026-11-21T01:30:43.122Z", REASON_TIME },
    { "2026-11-22T01:30:43.123Z", "2026-11-22T01:35:43.124Z", REASON_TIME },
    { "2026-11-22T01:30:43.123Z", "2026-11-22", BAD_FIELD },
    { "2026-11-22T01:30:43.123Z", "", BAD_FIELD },
    { "\"2026-11-22T01:30:43.123Z\"", "1795311043123", BAD_FIELD },
    /* members: unknown, twice, missing, empty names */
    { POLICY, POLICY ",\"more\":1", BAD_FIELD },
    { POLICY, POLICY "," POLICY, BAD_JSON },
    { POLICY ",", "", BAD_FIELD },
    { POLICY, "\"\":1", BAD_FIELD },
    { POLICY, "\"policyy\":\"0123456789abcdef\"", BAD_FIELD },
    { "\"epochs\":[" EPOCH "],", "", BAD_FIELD },
    { "\"epochs\":[" EPOCH "]", "\"epochs\":[" EPOCH "],\"epochs\":[]", BAD_JSON },
    { ",\"reads\":[" READ "]", "", BAD_FIELD },
    { "\"seen_at\":\"2026-11-22T01:30:43.123Z\",", "", BAD_FIELD },
    { "\"read_id\":\"BAgMEBQYHCAkKCwwNDg8EA\",", "", BAD_FIELD },
    { ",\"candidates\":[" CANDIDATE "]", "", BAD_FIELD },
    { "\"confidence\":0.97,", "", BAD_FIELD },
    { "\"confidence\":0.97,", "\"confidence\":0.97,\"confidence\":0.97,", BAD_JSON },
    { ",\"tokens\":[" SET "]", "", BAD_FIELD },
    { "\"full\":", "\"fall\":", BAD_FIELD },
    { "\"full\":", "\"plate\":", BAD_JSON },
    { "\"near\":[]", "\"near\":[],\"near\":[]", BAD_JSON },
    { ",\"key_id\":\"" A "\"", "", BAD_FIELD },
    { "\"id\":\"20261122T000000Z\",", "", BAD_FIELD },
    { "\"read_id\"", "\"plate_text\"", BAD_FIELD },
    /* types */
    { "\"0123456789abcdef\"", "1", BAD_FIELD },
    { "\"0123456789abcdef\"", "null", BAD_FIELD },
    { "\"0123456789abcdef\"", "[\"0123456789abcdef\"]", BAD_FIELD },
    { "\"0123456789abcdef\"", "{\"policy\":\"0123456789abcdef\"}", BAD_FIELD },
    { "0123456789abcdef", "0123456789abcde", BAD_FIELD },
    { "0123456789abcdef", "0123456789ABCDEF", BAD_FIELD },
    { "[" READ "]", READ, BAD_FIELD },
    { "[" READ "]", "[[" READ "]]", BAD_FIELD },
    { READ, "1", BAD_FIELD },
    { READ, "\"" A "\"", BAD_FIELD },
    { "[" EPOCH "]", "true", BAD_FIELD },
    { EPOCH, EPOCH ",null", BAD_FIELD },
    { "[" SET "]", SET, BAD_FIELD },
    { SET, "\"" A "\"", BAD_FIELD },
    { "\"near\":[]", "\"near\":\"" A "\"", BAD_FIELD },
    { "\"near\":[]", "\"near\":[[\"" A "\"]]", BAD_FIELD },
    { "\"near\":[]", "\"near\":[1]", BAD_FIELD },
    { "\"full\":\"AAAAAAAAAAAAAAAAAAAAAQ\"", "\"full\":null", BAD_FIELD },
    { "\"full\":\"AAAAAAAAAAAAAAAAAAAAAQ\"", "\"full\":[]", BAD_FIELD },
    { "0.97", "\"0.97\"", BAD_FIELD },
    { "0.97", "true", BAD_FIELD },
    { "0.97", "{}", BAD_FIELD },
    /* values */
    { "0.97", "1.0001", BAD_FIELD },
    { "0.97", "-0.1", BAD_FIELD },
    { "0.97", "97", BAD_FIELD },
    { "0.97", "1e999", BAD_FIELD },
    { "0.97", "0.9700000000000000000000000000000000000000000000000000000", BAD_FIELD },
    { "0.97", "NaN", BAD_JSON },
    { "0.97", "Infinity", BAD_JSON },
    { "0.97", "01", BAD_JSON },
    { "0.97", ".97", BAD_JSON },
    { "AAAAAAAAAAAAAAAAAAAAAQ", "AAAAAAAAAAAAAAAAAAAAAR", BAD_FIELD },   /* bits behind the last byte */
    { "AAAAAAAAAAAAAAAAAAAAAQ", "AAAAAAAAAAAAAAAAAAAAAQ==", BAD_FIELD }, /* padding */
    { "AAAAAAAAAAAAAAAAAAAAAQ", "AAAAAAAAAAAAAAAAAAAAA", BAD_FIELD },
    { "AAAAAAAAAAAAAAAAAAAAAQ", "AAAAAAAAAAAAAAAAAAAAAQA", BAD_FIELD },
    { "AAAAAAAAAAAAAAAAAAAAAQ", "AAAAAAAAAA+AAAAAAAAAAQ", BAD_FIELD },
    { "AAAAAAAAAAAAAAAAAAAAAQ", "AAAAAAAAAA AAAAAAAAAAQ", BAD_FIELD },
    { "AAAAAAAAAAAAAAAAAAAAAQ", "AAAAAAAAAA\\u0000AAAAAAAAAAQ", BAD_FIELD },
    { "AAAAAAAAAAAAAAAAAAAAAQ", "", BAD_FIELD },
    { "BAgMEBQYHCAkKCwwNDg8EA", "BAgMEBQYHCAkKCwwNDg8EB", BAD_FIELD },
    { "\"key_id\":\"" A "\"", "\"key_id\":\"AAAA\"", BAD_FIELD },
    { "\"id\":\"20261122T000000Z\"", "\"id\":\"\"", BAD_FIELD },
    { "\"id\":\"20261122T000000Z\"", "\"id\":\"20261122T000000Z\\u0000\"", BAD_FIELD },
    { "\"id\":\"20261122T000000Z\"", "\"id\":\"123456789012345678901234567890123\"", BAD_FIELD },
    /* counts */
    { "[" EPOCH "]", "[]", BAD_FIELD },
    { "[" READ "]", "[]", BAD_FIELD },
    { "[" CANDIDATE "]", "[]", BAD_FIELD },
    { "[" SET "]", "[]", BAD_FIELD },
    { EPOCH, EPOCH "," EPOCH, BAD_FIELD },                     /* twice the same */
    { SET, SET "," SET, BAD_FIELD },                           /* more than epochs */
    { SET, SET "," SET "," SET "," SET "," SET, BAD_FIELD },
    { EPOCH, EPOCH ",{\"id\":\"b\",\"key_id\":\"" A "\"}", BAD_FIELD }, /* more than tokens */
    { EPOCH, "{\"id\":\"a\",\"key_id\":\"" A "\"},{\"id\":\"b\",\"key_id\":\"" A "\"},{\"id\":\"c\",\"key_id\":\"" A "\"},{\"id\":\"d\",\"key_id\":\"" A
             "\"},{\"id\":\"e\",\"key_id\":\"" A "\"}", BAD_FIELD },
    { CANDIDATE, CANDIDATE "," CANDIDATE "," CANDIDATE "," CANDIDATE "," CANDIDATE "," CANDIDATE "," CANDIDATE "," CANDIDATE, REASON_NONE },
    { CANDIDATE, CANDIDATE "," CANDIDATE "," CANDIDATE "," CANDIDATE "," CANDIDATE "," CANDIDATE "," CANDIDATE "," CANDIDATE "," CANDIDATE, BAD_FIELD },
    /* not JSON */
    { BODY, "", BAD_JSON },
    { BODY, " \n", BAD_JSON },
    { BODY, "null", BAD_FIELD },
    { BODY, "[]", BAD_FIELD },
    { BODY, "\"\"", BAD_FIELD },
    { BODY, "1", BAD_FIELD },
    { BODY, "{}", BAD_FIELD },
    { BODY, "{,}", BAD_JSON },
    { BODY, "\xff\xfe", BAD_JSON },
    { "\"reads\":", "\"reads\"", BAD_JSON },
    { POLICY ",", POLICY ",,", BAD_JSON },
    { "[" READ "]", "[" READ ",]", BAD_JSON },
    { POLICY, "/* */" POLICY, BAD_JSON },
    { POLICY, "\v" POLICY, BAD_JSON },
    { POLICY, POLICY "\f", BAD_JSON },
    { "20261122T000000Z", "2026\n", BAD_JSON },
    { POLICY, "'policy':\"0123456789abcdef\"", BAD_JSON },
    { "20261122T000000Z", "2026\xc3\x28", BAD_JSON },
    { "20261122T000000Z", "2026\\ud800", REASON_NONE }, /* half a surrogate: yajl makes "?" of it, and no epoch is called so */
    { "AAAAAAAAAAAAAAAAAAAAAQ", "\\ud83d\\ude00", BAD_FIELD },
    { "AAAAAAAAAAAAAAAAAAAAAQ", "\\x41", BAD_JSON },
};

static char *changed(const struct change *change)
{
    const char *at = strstr(BODY, change->find);
    char *body = NULL;

    assert_non_null(at);
    assert_true(asprintf(&body, "%.*s%s%s", (int)(at - BODY), BODY, change->put, at + strlen(change->find)) >= 0);
    return body;
}

static void refuses_what_is_wrong(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < ARRAY_LENGTH(changes); i++) {
        char *body = changed(&changes[i]);
        enum reason reason = parse(body);

        if (reason != changes[i].reason)
            fail_msg("change %zu: reason %d instead of %d, for: %s", i, (int)reason, (int)changes[i].reason, body);
        free(body);
    }
}

static void refuses_what_is_cut_off_or_trailed(void **unused)
{
    static const char *const trails[] = { "x", "{}", "1", "}", "]", ",", BODY, "\\", "\"", "\"}", "\"\\n}", "nul" };
    struct check_batch *batch;

    (void)unused;
    for (size_t size = 0; size < strlen(BODY); size++) {
        /* The cut-off body stands alone, so that a sanitizer sees a read past its end. */
        char *cut = malloc(size + 1);

        memcpy(cut, BODY, size);
        assert_int_equal(parse_sized(cut, size, &batch), REASON_BAD_JSON);
        free(cut);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(trails); i++) {
        char *body = NULL;

        assert_true(asprintf(&body, "%s%s", BODY, trails[i]) >= 0);
        assert_int_equal(parse(body), BAD_JSON);
        free(body);
    }
    assert_int_equal(parse_sized(BODY, sizeof(BODY), &batch), BAD_JSON); /* a zero byte behind it */
}

/* Whatever single byte is damaged: an answer, and no harm. */
static void survives_damage(void **unused)
{
    char body[] = BODY;

    (void)unused;
    for (size_t at = 0; at < strlen(BODY); at++)
        for (unsigned byte = 0; byte < 256; byte += 3) {
            struct check_batch *batch;

            body[at] = (char)byte;
            (void)parse_sized(body, strlen(BODY), &batch);
            check_batch_wipe(&batch);
            body[at] = BODY[at];
        }
}

static char *repeated(const char *before, const char *unit, size_t count, const char *between, const char *after)
{
    char *body = NULL;
    size_t size;
    FILE *out = open_memstream(&body, &size);

    fputs(before, out);
    for (size_t i = 0; i < count; i++) {
        if (i > 0) fputs(between, out);
        fputs(unit, out);
    }
    fputs(after, out);
    fclose(out);
    return body;
}

static enum reason parse_and_free(char *body)
{
    enum reason reason = parse(body);

    free(body);
    return reason;
}

#define BEFORE_READS "{" POLICY ",\"epochs\":[" EPOCH "],\"reads\":["
#define BEFORE_NEAR                                                                                                                  \
    BEFORE_READS "{\"read_id\":\"" A "\",\"seen_at\":\"2026-11-22T01:30:43Z\",\"candidates\":[{\"confidence\":0,\"tokens\":[{\"near\":["
#define AFTER_NEAR "]}]}]}]}"

static void keeps_its_limits(void **unused)
{
    (void)unused;
    assert_int_equal(parse_and_free(repeated(BEFORE_READS, READ, LIMIT_CHECK_READS, ",", "]}")), REASON_NONE);
    assert_int_equal(parse_and_free(repeated(BEFORE_READS, READ, LIMIT_CHECK_READS + 1, ",", "]}")), BAD_FIELD);
    assert_int_equal(parse_and_free(repeated(BEFORE_NEAR, "\"" A "\"", PLATESIEVE_NEAR_MAX, ",", AFTER_NEAR)), REASON_NONE);
    assert_int_equal(parse_and_free(repeated(BEFORE_NEAR, "\"" A "\"", PLATESIEVE_NEAR_MAX + 1, ",", AFTER_NEAR)), BAD_FIELD);
    assert_int_equal(parse_and_free(repeated(BODY, " ", LIMIT_CHECK_BODY_BYTES - strlen(BODY), "", "")), REASON_NONE);
    assert_int_equal(parse_and_free(repeated(BODY, " ", LIMIT_CHECK_BODY_BYTES - strlen(BODY) + 1, "", "")), REASON_BODY_TOO_LARGE);
    /* as deep as it can be */
    assert_true(parse_and_free(repeated("", "[", 200000, "", "")) != REASON_NONE);
    assert_true(parse_and_free(repeated("{" POLICY ",\"epochs\":[", "{\"id\":", 20000, "", "")) != REASON_NONE);
    /* long strings: cut off, full of escapes, as a name */
    assert_int_equal(parse_and_free(repeated("{\"policy\":\"", "a", LIMIT_CHECK_BODY_BYTES - 11, "", "")), BAD_JSON);
    assert_int_equal(parse_and_free(repeated("{\"policy\":\"", "\\n", LIMIT_CHECK_BODY_BYTES / 2 - 6, "", "")), BAD_JSON);
    assert_int_equal(parse_and_free(repeated("{\"policy\":\"\\n", "a", LIMIT_CHECK_BODY_BYTES - 20, "", "\"}")), BAD_JSON);
    assert_int_equal(parse_and_free(repeated("{\"", "a", LIMIT_CHECK_BODY_BYTES - 20, "", "\":1}")), BAD_FIELD);
    assert_int_equal(parse_and_free(repeated("", "1", LIMIT_CHECK_BODY_BYTES, "", "")), BAD_FIELD);
}

/* The greatest body that is right: every array at its limit, as far as 256 KiB go. */
static void takes_the_greatest_body(void **unused)
{
    char *set = repeated("{\"near\":[", "\"" A "\"", 18, ",", "]}");
    char *candidate = repeated("{\"confidence\":0,\"tokens\":[", set, 1, ",", "]}");
    char *read = repeated("{\"read_id\":\"" A "\",\"seen_at\":\"2026-11-22T01:30:43Z\",\"candidates\":[", candidate, LIMIT_CHECK_CANDIDATES, ",", "]}");
    char *body = repeated(BEFORE_READS, read, LIMIT_CHECK_READS, ",", "]}");
    struct check_batch *batch;

    (void)unused;
    assert_true(strlen(body) > LIMIT_CHECK_BODY_BYTES * 9 / 10 && strlen(body) <= LIMIT_CHECK_BODY_BYTES);
    assert_int_equal(parse_sized(body, strlen(body), &batch), REASON_NONE);
    assert_int_equal(batch->token_count, 18 * LIMIT_CHECK_CANDIDATES * LIMIT_CHECK_READS);
    check_batch_wipe(&batch);
    free(set);
    free(candidate);
    free(read);
    free(body);
}

static void leaves_nothing(void **unused)
{
    struct check_batch *batch;
    const uint8_t *tokens;
    size_t count;

    (void)unused;
    assert_int_equal(parse_sized(BODY, strlen(BODY), &batch), REASON_NONE);
    tokens = batch->tokens[0].bytes;
    count = batch->token_room * (sizeof(struct check_token) + sizeof(struct check_job));
    memset(batch->jobs, 0xee, batch->token_room * sizeof(batch->jobs[0]));
    check_batch_wipe(&batch);
    for (size_t i = 0; i < count; i++) assert_int_equal(tokens[i], 0); /* the thread's arena is still there */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_every_member),    cmocka_unit_test(takes_no_epoch_at_all), cmocka_unit_test(order_is_free),
        cmocka_unit_test(refuses_what_is_wrong), cmocka_unit_test(refuses_what_is_cut_off_or_trailed),
        cmocka_unit_test(survives_damage),       cmocka_unit_test(keeps_its_limits),
        cmocka_unit_test(takes_the_greatest_body), cmocka_unit_test(leaves_nothing),
    };

    if (platesieve_failed(platesieve_init())) return 1;
    return cmocka_run_group_tests_name("check_parse", tests, NULL, NULL);
}
