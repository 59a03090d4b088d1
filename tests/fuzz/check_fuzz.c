/* Bodies of checks: whatever comes, memory stays whole, what is taken is within its limits, is JSON to another parser too, and all of it is
   gone afterwards. */
#include <jansson.h>

#include "server/gate/check/batch.h"
#include "tests/fuzz/fuzz.h"

#define NOW_MS INT64_C(1795311043123) /* 2026-11-22T01:30:43.123Z, as the corpus has it */

static void whole(const struct check_batch *batch)
{
    size_t tokens = 0, candidates = 0;

    FUZZ_ASSERT(batch->epoch_count >= 1 && batch->epoch_count <= LIMIT_EPOCHS_OPEN);
    FUZZ_ASSERT(batch->read_count >= 1 && batch->read_count <= LIMIT_CHECK_READS && batch->read_count <= batch->read_room);
    FUZZ_ASSERT(batch->candidate_count <= batch->candidate_room && batch->set_count <= batch->set_room && batch->token_count <= batch->token_room);
    for (size_t i = 0; i < batch->read_count; i++) {
        const struct check_read *read = &batch->reads[i];

        FUZZ_ASSERT(read->candidate_count >= 1 && read->candidate_count <= LIMIT_CHECK_CANDIDATES);
        FUZZ_ASSERT(read->candidates == candidates);
        FUZZ_ASSERT(read->seen_ms >= NOW_MS - LIMIT_SEEN_AGE_S * INT64_C(1000) && read->seen_ms <= NOW_MS + LIMIT_SEEN_AHEAD_S * INT64_C(1000));
        candidates += read->candidate_count;
    }
    FUZZ_ASSERT(candidates == batch->candidate_count);
    for (size_t i = 0; i < batch->candidate_count; i++) {
        FUZZ_ASSERT(batch->candidates[i].set_count == batch->epoch_count && batch->candidates[i].sets == i * batch->epoch_count);
        FUZZ_ASSERT(batch->candidates[i].confidence >= 0 && batch->candidates[i].confidence <= 1);
    }
    for (size_t i = 0; i < batch->set_count; i++) {
        const struct check_set *set = &batch->sets[i];

        for (unsigned grade = PLATESIEVE_FULL; grade < PLATESIEVE_NEAR; grade++) tokens += set->present >> grade & 1;
        FUZZ_ASSERT(set->near_count <= PLATESIEVE_NEAR_MAX && (set->near_count == 0 || set->present >> PLATESIEVE_NEAR));
        FUZZ_ASSERT(set->near_count == 0 || (size_t)set->token[PLATESIEVE_NEAR] + set->near_count <= batch->token_count);
        tokens += set->near_count;
    }
    FUZZ_ASSERT(tokens == batch->token_count);
}

/* Jansson is stricter about escapes (half surrogates, zero bytes): bodies that have any are left out. */
static void agreed(const uint8_t *data, size_t size)
{
    json_t *json;

    if (memchr(data, '\\', size) != NULL) return;
    json = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
    FUZZ_ASSERT(json_is_object(json) && json_object_size(json) == 3);
    json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct check_batch *batch = NULL;
    const uint8_t *memory;
    size_t used;

    if (platesieve_failed(platesieve_init())) return 0;
    if (failed(check_batch_parse((const char *)data, size, NOW_MS, &batch))) {
        FUZZ_ASSERT(batch == NULL);
        return 0;
    }
    whole(batch);
    agreed(data, size);
    memory = (const uint8_t *)batch;
    used = (size_t)((const uint8_t *)(batch->jobs + batch->token_room) - memory);
    check_batch_wipe(&batch);
    for (size_t i = 0; i < used; i++) FUZZ_ASSERT(memory[i] == 0);
    return 0;
}
