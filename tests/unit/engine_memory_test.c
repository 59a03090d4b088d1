/* client/engines: what a message leaves behind.  Its texts are in the body and in the arena, both locked and wiped by the caller, and nowhere else. */
#include <pthread.h>

#include "tests/unit/engine_scene.h"

#define CANARY "QQ99QQ9"
#define STACK_BYTES (512 * 1024)

/* -- the heap ------------------------------------------------------------------------------------------------------ */

#ifndef PLATESIEVE_SANITIZER
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);

static bool counting;
static unsigned allocations;

__attribute__((visibility("default"))) void *malloc(size_t size)
{
    allocations += counting;
    return __libc_malloc(size);
}

__attribute__((visibility("default"))) void *calloc(size_t count, size_t size)
{
    allocations += counting;
    return __libc_calloc(count, size);
}

__attribute__((visibility("default"))) void *realloc(void *memory, size_t size)
{
    allocations += counting;
    return __libc_realloc(memory, size);
}
#else
static bool counting;
static const unsigned allocations;
#endif

/* -- messages ------------------------------------------------------------------------------------------------------ */

#define GROUP \
    "{\"data_type\": \"alpr_group\", \"epoch_start\": 1795348790123, \"camera_id\": \"" CANARY "\", \"uuids\": [\"" CANARY "\"], \"candidates\": " \
    "[{\"plate\": \"" CANARY "\", \"confidence\": 91.5}, {\"plate\": \"plate: " CANARY "\", \"confidence\": \"" CANARY "\"}], \"best_region\": \"" CANARY "\"," \
    "\"best_plate\": {\"plate\": \"" CANARY CANARY "\", \"deep\": [[[[[[[[[[[[[[[[[[[[\"" CANARY "\"]]]]]]]]]]]]]]]]]]]]}, \"vehicle_crop_jpeg\": \"" CANARY "\"}"
#define ALERT \
    "<EventNotificationAlert><eventType>ANPR</eventType><dateTime>" CANARY "</dateTime><channelName>" CANARY "</channelName><ANPR><licensePlate>" CANARY \
    "</licensePlate><confidenceLevel>" CANARY "</confidenceLevel></ANPR><" CANARY " a=\"" CANARY "\"/></EventNotificationAlert>"
#define FORM \
    "--xyzzy\r\nContent-Disposition: form-data; name=\"json\"; filename=\"" CANARY "\"\r\n\r\n{\"results\": [{\"plate\": \"" CANARY "\"}], \"timestamp\": \"" CANARY \
    "\"}\r\n--xyzzy--"

static const struct {
    const char *engine, *type, *body;
    enum engine_outcome outcome;
} messages[] = {
    { "rekor", "application/json", GROUP, ENGINE_TAKEN },
    { "rekor", "application/json", "{\"data_type\": \"" CANARY "\"}", ENGINE_UNKNOWN },
    { "rekor", "application/json", "{\"plate\": \"" CANARY "\" " CANARY "}", ENGINE_MALFORMED },
    { "rekor", "application/json", "{\"plate\": \"" CANARY, ENGINE_MALFORMED },
    { "hikvision", "application/xml", ALERT, ENGINE_TAKEN },
    { "hikvision", "application/xml", "<" CANARY ">" CANARY, ENGINE_MALFORMED },
    { "platerecognizer", "multipart/form-data; boundary=xyzzy", FORM, ENGINE_TAKEN },
    { "platerecognizer", "application/x-www-form-urlencoded", "json={\"results\": [{\"plate\": \"" CANARY "\"}]}", ENGINE_TAKEN },
};

static void nothing_on_the_heap(void **unused)
{
    (void)unused;
    for (int round = 0; round < 2; round++) { /* the first may load a time zone */
        for (size_t i = 0; i < ARRAY_LENGTH(messages); i++) {
            counting = round == 1;
            const enum engine_outcome outcome = scene_take_bytes(messages[i].engine, messages[i].type, messages[i].body, strlen(messages[i].body));

            counting = false;
            assert_int_equal(outcome, messages[i].outcome);
        }
    }
    assert_int_equal(allocations, 0);
}

/* -- the stack ----------------------------------------------------------------------------------------------------- */

static void *take_one(void *number)
{
    const size_t i = *(const size_t *)number;

    (void)!scene_take_bytes(messages[i].engine, messages[i].type, messages[i].body, strlen(messages[i].body));
    return NULL;
}

static void nothing_on_the_stack(void **unused)
{
    static _Alignas(4096) char stack[STACK_BYTES];
    pthread_attr_t attributes;
    pthread_t thread;

    (void)unused;
    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstack(&attributes, stack, sizeof(stack)), 0);
    for (size_t i = 0; i < ARRAY_LENGTH(messages); i++) {
        memset(stack, 0, sizeof(stack));
        assert_int_equal(pthread_create(&thread, &attributes, take_one, &i), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_null(memmem(stack, sizeof(stack), CANARY, strlen(CANARY)));
    }
    pthread_attr_destroy(&attributes);
}

/* -- too little of it ---------------------------------------------------------------------------------------------- */

static void any_arena_is_enough_or_said_not_to_be(void **unused)
{
    bool taken;

    (void)unused;
    for (size_t i = 0; i < ARRAY_LENGTH(messages); i++) {
        taken = false;
        for (size_t size = 1024; size < 48 * 1024; size += 16 * (1 + size / 4096)) {
            enum engine_outcome outcome;

            scene_end(NULL);
            assert_false(platesieve_failed(platesieve_arena_create(size, &scene_arena)));
            outcome = scene_take_bytes(messages[i].engine, messages[i].type, messages[i].body, strlen(messages[i].body));
            assert_true(outcome == messages[i].outcome || (!taken && outcome == ENGINE_TOO_LARGE));
            taken = outcome == messages[i].outcome;
        }
        assert_true(taken);
    }
    scene_end(NULL);
    assert_int_equal(scene_begin(NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(nothing_on_the_heap), cmocka_unit_test(nothing_on_the_stack),
                                        cmocka_unit_test(any_arena_is_enough_or_said_not_to_be) };

    if (!scene_start()) return 1;
    return cmocka_run_group_tests(tests, scene_begin, scene_end);
}
