/* Any bytes as a message of any engine: the first line is its name and its content type ("rekor application/json"), the rest is the body. */
#include <utf8proc.h>

#include "client/engines/engine.h"
#include "client/http/wiping.h"
#include "client/moment.h"
#include "tests/fuzz/fuzz.h"

static struct platesieve_arena *arena, *small_arena; /* in which most messages run out of memory somewhere */
static struct engine_reads reads;

static void prepare(void)
{
    if (arena != NULL) return;
    FUZZ_ASSERT(wiping_install());
    FUZZ_ASSERT(!platesieve_failed(platesieve_init()));
    FUZZ_ASSERT(!platesieve_failed(platesieve_arena_create(ENGINE_ARENA_BYTES, &arena)));
    FUZZ_ASSERT(!platesieve_failed(platesieve_arena_create(14 * 1024, &small_arena)));
}

static void look_at_text(const char *text, size_t room)
{
    const utf8proc_uint8_t *at = (const utf8proc_uint8_t *)text, *end = at + strnlen(text, room);
    utf8proc_int32_t character;

    FUZZ_ASSERT((size_t)(end - at) < room);
    for (utf8proc_ssize_t size; at < end; at += size) {
        size = utf8proc_iterate(at, end - at, &character);
        FUZZ_ASSERT(size > 0 && utf8proc_category(character) != UTF8PROC_CATEGORY_CC);
    }
}

static void look_at_candidate(const struct engine_read *read, size_t number)
{
    const struct engine_candidate *candidate = &read->candidates[number];
    struct platesieve_plate again;

    FUZZ_ASSERT(!platesieve_failed(platesieve_plate_canonicalise(candidate->plate.text, candidate->plate.length, &again)));
    FUZZ_ASSERT(memcmp(&again, &candidate->plate, sizeof(again)) == 0);
    FUZZ_ASSERT(candidate->confidence >= 0 && candidate->confidence <= 1);
    look_at_text(candidate->raw, sizeof(candidate->raw));
    FUZZ_ASSERT(number == 0 || candidate->confidence <= read->candidates[number - 1].confidence);
    for (size_t i = 0; i < number; i++) FUZZ_ASSERT(memcmp(&read->candidates[i].plate, &candidate->plate, sizeof(again)) != 0);
}

static void look_at_read(const struct engine_read *read, const struct engine_options *options)
{
    struct platesieve_jurisdiction again;
    volatile uint8_t sum = 0;

    FUZZ_ASSERT(read->count <= ENGINE_CANDIDATES_MAX && read->id_count <= ENGINE_IDS_MAX);
    for (size_t i = 0; i < read->count; i++) look_at_candidate(read, i);
    look_at_text(read->camera, sizeof(read->camera));
    FUZZ_ASSERT(read->region_confidence >= 0 && read->region_confidence <= 1);
    FUZZ_ASSERT(!platesieve_failed(platesieve_jurisdiction_map(PLATESIEVE_CODES_ISO, read->jurisdiction.code, strlen(read->jurisdiction.code), &again)));
    FUZZ_ASSERT(strcmp(again.code, read->jurisdiction.code) == 0);
    FUZZ_ASSERT(read->seen_ms == 0 || (read->seen_ms <= options->now_ms + LIMIT_SEEN_AHEAD_S * 1000LL && read->seen_ms >= options->now_ms - LIMIT_SEEN_AGE_S * 1000LL));
    FUZZ_ASSERT((read->picture == NULL) == (read->picture_size == 0) && read->picture_size <= LIMIT_IMAGE_FILE_BYTES);
    FUZZ_ASSERT(read->picture == NULL || read->picture[0] == 0xFF || read->picture[0] == 0x89);
    for (size_t i = 0; i < read->picture_size; i++) sum = (uint8_t)(sum + read->picture[i]);
}

/* The engine that LINE names, or one that it stands for; what is behind the name is the content type. */
static const struct engine *engine_of(char *line, const char **type)
{
    const struct engine *engine;
    size_t count = 0;
    char *space = strchr(line, ' ');

    if (space != NULL) *space = '\0';
    *type = space != NULL && space[1] != '\0' ? space + 1 : NULL;
    engine = engine_named(line);
    while (engines[count] != NULL) count++;
    return engine != NULL ? engine : engines[(uint8_t)line[0] % count];
}

static enum engine_outcome take(const struct engine *engine, const char *type, const uint8_t *body, size_t size, struct platesieve_arena *in)
{
    const struct engine_message message = { .content_type = type, .body = malloc(size + 1), .size = size, .arena = in }; /* its own piece, so that a byte too much is noticed */
    struct engine_options options = { .country = "US" };
    enum engine_outcome outcome;

    FUZZ_ASSERT(message.body != NULL && moment_parse("2026-11-22T12:00:00Z", &options.now_ms));
    memcpy(message.body, body, size);
    message.body[size] = '\0';
    outcome = engine_take(engine, &message, &options, &reads);
    FUZZ_ASSERT(outcome < ENGINE_OUTCOMES && engine_outcome_name(outcome) != NULL);
    FUZZ_ASSERT(outcome == ENGINE_TAKEN ? reads.kind != NULL : reads.count == 0);
    FUZZ_ASSERT(reads.count <= ENGINE_READS_MAX);
    for (size_t i = 0; i < reads.count; i++) look_at_read(&reads.list[i], &options);
    platesieve_arena_reset(in);
    free(message.body);
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size > 0 ? memchr(data, '\n', size) : NULL;
    const struct engine *engine;
    enum engine_outcome outcome, small;
    char line[256] = "";
    const char *type;

    prepare();
    if (end == NULL || (size_t)(end - data) >= sizeof(line)) return 0;
    memcpy(line, data, (size_t)(end - data));
    engine = engine_of(line, &type);
    outcome = take(engine, type, end + 1, size - (size_t)(end + 1 - data), arena);
    small = take(engine, type, end + 1, size - (size_t)(end + 1 - data), small_arena);
    FUZZ_ASSERT(small == outcome || small == ENGINE_TOO_LARGE);
    return 0;
}
