/* The lines of a revision's part: what is taken, and that everything else is refused with the line's number. */
#include "tests/unit/unit.h"

#include "server/gate/index/entries.h"
#include "server/gate/lists/part_parse.h"

#define TAGGED "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX" /* bytes 0 to 23 */
#define EPOCH "20990101T000000Z"
#define ADD "{\"op\":\"add\",\"reference\":\"case-1\",\"tokens\":{\"" EPOCH "\":{\"plate\":[\"" TAGGED "\"]}}}"

struct fixture {
    struct platesieve_pepper *pepper;
    struct part_epoch epochs[1];
    struct part part;
    uint32_t line;
};

static int setup(void **state)
{
    static const uint8_t pepper[PLATESIEVE_KEY_BYTES] = { 7 };
    struct fixture *fixture = calloc(1, sizeof *fixture);

    assert_int_equal(platesieve_init().reason, PLATESIEVE_OK);
    assert_int_equal(platesieve_pepper_create(pepper, EPOCH, &fixture->pepper).reason, PLATESIEVE_OK);
    fixture->epochs[0] = (struct part_epoch){ EPOCH, 3, fixture->pepper };
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    part_free(&fixture->part);
    platesieve_pepper_destroy(fixture->pepper);
    free(fixture);
    return 0;
}

static enum reason parse(struct fixture *fixture, const char *body)
{
    part_free(&fixture->part);
    return part_parse(body, strlen(body), "customs", "watch", fixture->epochs, 1, &fixture->part, &fixture->line).reason;
}

static void a_line_becomes_an_entry_and_slots(void **state)
{
    struct fixture *fixture = *state;
    uint8_t token[PLATESIEVE_TOKEN_BYTES], slot[PLATESIEVE_SLOT_BYTES];

    assert_int_equal(parse(fixture, ADD "\n"), REASON_NONE);
    assert_int_equal(fixture->part.entry_count, 1);
    assert_int_equal(fixture->part.slot_count, 1);
    assert_string_equal(fixture->part.entries[0].reference, "case-1");
    assert_true(fixture->part.entries[0].key == entry_key("customs", "watch", "case-1"));
    assert_int_equal(fixture->part.entries[0].epochs, 1);
    assert_int_equal(fixture->part.entries[0].expires, ENTRY_FOREVER);
    assert_int_equal(fixture->part.slots[0].grade, PLATESIEVE_PLATE);
    for (uint8_t i = 0; i < sizeof token; i++) token[i] = i;
    platesieve_slot(fixture->pepper, token, slot);
    assert_memory_equal(fixture->part.slots[0].slot, slot, sizeof slot);
    for (uint8_t i = 0; i < PLATESIEVE_TAG_BYTES; i++) assert_int_equal(fixture->part.slots[0].tag[i], 16 + i);
}

static void times_round_outwards(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(parse(fixture, "{\"op\":\"add\",\"reference\":\"r\",\"effective\":\"2030-01-01T00:00:00.900Z\","
                                    "\"expires\":\"2030-01-01T00:00:01.100Z\",\"tokens\":{}}"),
                     REASON_NONE);
    assert_int_equal(fixture->part.entries[0].effective, 1893456000);
    assert_int_equal(fixture->part.entries[0].expires, 1893456002);
}

static void many_lines_with_and_without_a_last_newline(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(parse(fixture, "{\"op\":\"remove\",\"reference\":\"a\"}\r\n{\"op\":\"remove\",\"reference\":\"b\"}"), REASON_NONE);
    assert_int_equal(fixture->part.entry_count, 2);
    assert_int_equal(fixture->part.entries[1].op, PART_REMOVE);
    assert_int_equal(parse(fixture, ""), REASON_NONE);
    assert_int_equal(fixture->part.entry_count, 0);
}

/* COUNT tokens at each of three grades. */
static char *partial_plate(size_t count)
{
    static const char *const grades[] = { "full", "plate", "similar" };
    char *body = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&body, &size);

    assert_non_null(stream);
    fputs("{\"op\":\"add\",\"reference\":\"p\",\"tokens\":{\"" EPOCH "\":{", stream);
    for (size_t grade = 0; grade < 3; grade++) {
        fprintf(stream, "%s\"%s\":[", grade == 0 ? "" : ",", grades[grade]);
        for (size_t i = 0; i < count; i++) fprintf(stream, "%s\"" TAGGED "\"", i == 0 ? "" : ",");
        fputs("]", stream);
    }
    fputs("}}}\n", stream);
    assert_int_equal(fclose(stream), 0);
    return body;
}

static void a_partial_plate_is_one_entry_with_many_slots(void **state)
{
    struct fixture *fixture = *state;
    char *body = partial_plate(LIMIT_ENTRY_TOKENS);

    assert_int_equal(parse(fixture, body), REASON_NONE);
    assert_int_equal(fixture->part.entry_count, 1);
    assert_int_equal(fixture->part.slot_count, 3 * LIMIT_ENTRY_TOKENS);
    free(body);
    body = partial_plate(LIMIT_ENTRY_TOKENS + 1);
    assert_int_equal(parse(fixture, body), REASON_LINE);
    free(body);
    body = malloc(LIMIT_PART_LINE_BYTES + 2);
    memset(body, ' ', LIMIT_PART_LINE_BYTES + 1);
    body[LIMIT_PART_LINE_BYTES + 1] = '\0';
    memcpy(body, ADD, strlen(ADD));
    assert_int_equal(parse(fixture, body), REASON_LINE); /* a byte too long */
    body[LIMIT_PART_LINE_BYTES] = '\0';
    assert_int_equal(parse(fixture, body), REASON_NONE);
    free(body);
}

static void bad_lines_are_refused(void **state)
{
    static const struct { const char *body; enum reason reason; } cases[] = {
        { "\n", REASON_LINE },
        { "{}", REASON_LINE },
        { "[]", REASON_LINE },
        { "7", REASON_LINE },
        { "{\"op\":\"add\"", REASON_LINE },
        { ADD " x", REASON_LINE },
        { ADD ADD, REASON_LINE },
        { ADD " \"never ends", REASON_LINE },
        { ADD "\f", REASON_LINE },
        { "\v" ADD, REASON_LINE },
        { "{\"op\":\"add\",\"reference\":\"a\"}", REASON_LINE },
        { "{\"op\":\"add\",\"op\":\"add\",\"reference\":\"a\",\"tokens\":{}}", REASON_LINE },
        { "{\"op\":\"drop\",\"reference\":\"a\",\"tokens\":{}}", REASON_LINE },
        { "{\"op\":\"remove\",\"reference\":\"a\",\"tokens\":{}}", REASON_LINE },
        { "{\"op\":\"remove\",\"reference\":\"\"}", REASON_LINE },
        { "{\"op\":\"remove\",\"reference\":\"a\\u0000b\"}", REASON_LINE },
        { "{\"op\":\"remove\",\"reference\":7}", REASON_LINE },
        { "{\"op\":\"remove\",\"reference\":null}", REASON_LINE },
        { "{\"op\":\"remove\",\"reference\":\"a\",\"plate\":\"b\"}", REASON_LINE },
        { "{\"op\":\"remove\",\"reference\":\"0123456789012345678901234567890123456789012345678901234567890123x\"}", REASON_LINE },
        { "{\"op\":\"add\",\"reference\":\"a\",\"tokens\":[]}", REASON_LINE },
        { "{\"op\":\"add\",\"reference\":\"a\",\"tokens\":{\"" EPOCH "\":{\"plate\":[\"AAAA\"]}}}", REASON_LINE },
        { "{\"op\":\"add\",\"reference\":\"a\",\"tokens\":{\"" EPOCH "\":{\"plate\":[\"AAECAwQFBgcICQoLDA0ODxAREhMUFRY!\"]}}}", REASON_LINE },
        { "{\"op\":\"add\",\"reference\":\"a\",\"tokens\":{\"" EPOCH "\":{\"plate\":\"" TAGGED "\"}}}", REASON_LINE },
        { "{\"op\":\"add\",\"reference\":\"a\",\"tokens\":{\"" EPOCH "\":{\"other\":[]}}}", REASON_LINE },
        { "{\"op\":\"add\",\"reference\":\"a\",\"tokens\":{\"" EPOCH "\":{\"plate\":[],\"plate\":[]}}}", REASON_LINE },
        { "{\"op\":\"add\",\"reference\":\"a\",\"tokens\":{\"" EPOCH "\":{},\"" EPOCH "\":{}}}", REASON_LINE },
        { "{\"op\":\"add\",\"reference\":\"a\",\"tokens\":{\"" EPOCH "\":{\"plate\":[[]]}}}", REASON_LINE },
        { "{\"op\":\"add\",\"reference\":\"a\",\"tokens\":{\"20980101T000000Z\":{}}}", REASON_KEY_ID },
        { "{\"op\":\"add\",\"reference\":\"a\",\"effective\":\"2030-01-02T00:00:00Z\",\"expires\":\"2030-01-01T00:00:00Z\",\"tokens\":{}}",
          REASON_LINE },
        { "{\"op\":\"add\",\"reference\":\"a\",\"effective\":\"tomorrow\",\"tokens\":{}}", REASON_LINE },
        { "\xff\xfe", REASON_LINE },
    };
    struct fixture *fixture = *state;
    char body[1024];

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        (void)snprintf(body, sizeof body, "{\"op\":\"remove\",\"reference\":\"first\"}\n%s", cases[i].body);
        assert_int_equal(parse(fixture, body), cases[i].reason);
        assert_int_equal(fixture->line, 2);
    }
}

static void a_reference_stands_once(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(parse(fixture, "{\"op\":\"remove\",\"reference\":\"b\"}\n{\"op\":\"remove\",\"reference\":\"a\"}\n"
                                    "{\"op\":\"remove\",\"reference\":\"b\"}\n"),
                     REASON_DUPLICATE_REFERENCE);
    assert_int_equal(fixture->line, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_line_becomes_an_entry_and_slots, setup, teardown),
        cmocka_unit_test_setup_teardown(times_round_outwards, setup, teardown),
        cmocka_unit_test_setup_teardown(many_lines_with_and_without_a_last_newline, setup, teardown),
        cmocka_unit_test_setup_teardown(a_partial_plate_is_one_entry_with_many_slots, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_lines_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reference_stands_once, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
