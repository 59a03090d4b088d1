/* A message, and what an adapter makes of it. */
#ifndef TESTS_ENGINE_SCENE_H
#define TESTS_ENGINE_SCENE_H

#include "client/engines/engine.h"
#include "client/http/wiping.h"
#include "client/moment.h"
#include "tests/unit/cmocka_all.h"

static struct platesieve_arena *scene_arena;
static struct engine_reads scene_reads;
static struct engine_options scene_options;
static char scene_body[4 * 1024 * 1024 + 1];

/* What a lane sees of a JPEG without decoding it: headers of one grey pixel (tables left out, as JPEG allows), a scan, its end. */
#define SCENE_JPEG_HEAD "\xFF\xD8" "\xFF\xC0\0\x0B\x08\0\x01\0\x01\x01\x01\x11\0" "\xFF\xDA\0\x08\x01\x01\0\0\x3F\0"
#define SCENE_JPEG_END "\xFF\xD9"
#define SCENE_JPEG_LEAST (sizeof(SCENE_JPEG_HEAD SCENE_JPEG_END) - 1)

/* SIZE bytes of one whose scan has all values but FF. */
static inline void scene_jpeg(uint8_t *picture, size_t size)
{
    assert_true(size >= SCENE_JPEG_LEAST);
    for (size_t i = 0; i < size; i++) picture[i] = (uint8_t)((i * 7 + (i >> 8)) % 0xFF);
    memcpy(picture, SCENE_JPEG_HEAD, sizeof(SCENE_JPEG_HEAD) - 1);
    memcpy(picture + size - 2, SCENE_JPEG_END, 2);
}

/* It is 2026-11-22T12:00:00Z, and the lane was told nothing. */
static inline int scene_begin(void **unused)
{
    (void)unused;
    memset(&scene_options, 0, sizeof(scene_options));
    if (!moment_parse("2026-11-22T12:00:00Z", &scene_options.now_ms)) return 1;
    return platesieve_failed(platesieve_arena_create(ENGINE_ARENA_BYTES, &scene_arena)) ? 1 : 0;
}

static inline int scene_end(void **unused)
{
    (void)unused;
    platesieve_arena_destroy(scene_arena);
    return 0;
}

static inline bool scene_start(void)
{
    return wiping_install() && !platesieve_failed(platesieve_init());
}

/* The scene's reads are of this message then; what belongs to them stays until the next one. */
static inline enum engine_outcome scene_take_bytes(const char *engine, const char *type, const void *body, size_t size)
{
    const struct engine_message message = { .content_type = type, .body = scene_body, .size = size, .arena = scene_arena };

    assert_non_null(engine_named(engine));
    assert_true(size < sizeof(scene_body));
    memcpy(scene_body, body, size);
    scene_body[size] = '\0';
    platesieve_arena_reset(scene_arena);
    return engine_take(engine_named(engine), &message, &scene_options, &scene_reads);
}

static inline enum engine_outcome scene_take(const char *engine, const char *body)
{
    return scene_take_bytes(engine, NULL, body, strlen(body));
}

/* "ABC123 0.90, ABC128 0.50" of the read NUMBER */
static inline const char *scene_candidates(size_t number)
{
    static char text[ENGINE_CANDIDATES_MAX * 24];
    const struct engine_read *read = &scene_reads.list[number];
    size_t used = 0;

    assert_true(number < scene_reads.count);
    text[0] = '\0';
    for (size_t i = 0; i < read->count; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%.*s %.2f", i > 0 ? ", " : "", read->candidates[i].plate.length,
                                 read->candidates[i].plate.text, read->candidates[i].confidence);
    return text;
}

/* "plate-empty 1, region 2"; "" */
static inline const char *scene_faults(void)
{
    static char text[512];
    size_t used = 0;

    text[0] = '\0';
    for (unsigned i = 0; i < ENGINE_FAULTS; i++)
        if (scene_reads.faults[i] > 0)
            used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s %u", used > 0 ? ", " : "", engine_fault_name((enum engine_fault)i),
                                     (unsigned)scene_reads.faults[i]);
    return text;
}

#endif
