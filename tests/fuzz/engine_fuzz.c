/* A line "NAME CONTENT-TYPE" (the type may be missing) and any bytes as a message of that engine: there is always an outcome, nothing comes of a message that
   was not taken, and what comes of one keeps the promises of engine.h. */
#include "client/engines/engine.h"

#include <math.h>
#include <stdlib.h>
#include <utf8proc.h>

#include "tests/fuzz/fuzz.h"

#define ARENA_SIZE (1024 * 1024)
#define NOW_MS INT64_C(1795345200000) /* 2026-11-22T11:00:00Z */

static void try_text(const char *text, size_t max)
{
    size_t size = strnlen(text, max + 1);

    FUZZ_ASSERT(size <= max);
    for (size_t i = 0; i < size;) {
        utf8proc_int32_t character;
        utf8proc_ssize_t step = utf8proc_iterate((const uint8_t *)text + i, (utf8proc_ssize_t)(size - i), &character);

        FUZZ_ASSERT(step > 0 && character >= 0x20 && character != 0x7f);
        i += (size_t)step;
    }
}

static void try_candidates(const struct engine_read *read)
{
    FUZZ_ASSERT(read->count <= ENGINE_CANDIDATES_MAX);
    for (size_t i = 0; i < read->count; i++) {
        const struct engine_candidate *candidate = &read->candidates[i];

        FUZZ_ASSERT(candidate->plate.length >= 1 && candidate->plate.length <= PLATESIEVE_PLATE_MAX);
        FUZZ_ASSERT(!isnan(candidate->confidence) && candidate->confidence >= 0 && candidate->confidence <= 1);
        FUZZ_ASSERT(i == 0 || read->candidates[i - 1].confidence >= candidate->confidence);
        try_text(candidate->raw, ENGINE_RAW_MAX);
        for (size_t j = 0; j < i; j++)
            FUZZ_ASSERT(strcmp(read->candidates[j].plate.text, candidate->plate.text) != 0);
    }
}

static void try_picture(const struct engine_read *read)
{
    volatile uint8_t last;

    if (read->picture == NULL) return;
    FUZZ_ASSERT(read->picture_size > 4);
    FUZZ_ASSERT(memcmp(read->picture, "\xff\xd8", 2) == 0 || memcmp(read->picture, "\x89PNG", 4) == 0);
    last = read->picture[read->picture_size - 1]; /* it is there */
    (void)last;
}

static void try_read(const struct engine_read *read)
{
    struct platesieve_jurisdiction again;
    const char *code = read->jurisdiction.code;

    try_candidates(read);
    try_picture(read);
    try_text(read->camera, ENGINE_CAMERA_MAX);
    FUZZ_ASSERT(read->id_count <= ENGINE_IDS_MAX);
    FUZZ_ASSERT(read->seen_ms >= 0 && read->seen_ms <= NOW_MS + INT64_C(366) * 24 * 3600 * 1000);
    FUZZ_ASSERT(!isnan(read->region_confidence) && read->region_confidence >= 0 && read->region_confidence <= 1);
    FUZZ_ASSERT(!platesieve_failed(platesieve_jurisdiction_map(PLATESIEVE_CODES_ISO, code, strlen(code), &again)) && strcmp(again.code, code) == 0);
}

static void try_message(const struct engine *engine, struct engine_message *message)
{
    static struct engine_reads reads;
    const struct engine_options options = { .country = "US", .now_ms = NOW_MS };
    enum engine_outcome outcome;

    memset(&reads, 0, sizeof(reads));
    outcome = engine_take(engine, message, &options, &reads);
    FUZZ_ASSERT(outcome < ENGINE_OUTCOMES && engine_outcome_name(outcome) != NULL);
    FUZZ_ASSERT(reads.count <= ENGINE_READS_MAX && (outcome == ENGINE_TAKEN || reads.count == 0));
    FUZZ_ASSERT(outcome != ENGINE_TAKEN || reads.kind != NULL);
    for (size_t i = 0; i < reads.count; i++)
        try_read(&reads.list[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct platesieve_arena *arena;
    const uint8_t *end = memchr(data, '\n', size < 256 ? size : 256);
    struct engine_message message = { 0 };
    char first[257] = "", *type;

    if (arena == NULL) FUZZ_ASSERT(!platesieve_failed(platesieve_init()) && !platesieve_failed(platesieve_arena_create(ARENA_SIZE, &arena)));
    if (end == NULL) return 0;
    memcpy(first, data, (size_t)(end - data));
    type = strchr(first, ' ');
    if (type != NULL) *type++ = '\0';
    if (engine_named(first) == NULL) return 0;
    message.content_type = type;
    message.size = size - (size_t)(end + 1 - data);
    message.body = malloc(message.size + 1);
    message.arena = arena;
    FUZZ_ASSERT(message.body != NULL);
    memcpy(message.body, end + 1, message.size);
    message.body[message.size] = '\0';
    try_message(engine_named(first), &message);
    free(message.body);
    platesieve_arena_reset(arena);
    return 0;
}
