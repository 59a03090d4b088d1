/* Platesieve's own: what to send when a camera has no adapter.  docs/reader-integration.md describes it.
 *
 * {"camera", "id", "seen_at", "preview", "jurisdiction", "region_confidence", "candidates": [{"plate", "confidence"}], "image"}, or short {"plate",
 * "jurisdiction"}; or an array of such.  Confidences are of 1, jurisdictions ISO, images base64. */
#include "client/engines/adapters.h"
#include "client/engines/document.h"

static struct value member(const json_t *object, const char *name)
{
    return value_of_json(json_object_get(object, name));
}

static void take_read(const struct document *document, const struct engine_options *options, const json_t *json, struct engine_reads *reads)
{
    const json_t *candidates = json_object_get(json, "candidates"), *candidate;
    struct engine_read *read = engine_add(options, reads);
    const uint8_t *file;
    size_t i, size;

    if (read == NULL) return;
    if (member(json, "plate").kind != VALUE_NONE || json_array_size(candidates) == 0)
        engine_candidate(reads, read, member(json, "plate"), member(json, "confidence"), ENGINE_OF_1);
    json_array_foreach(candidates, i, candidate) engine_candidate(reads, read, member(candidate, "plate"), member(candidate, "confidence"), ENGINE_OF_1);
    engine_region(options, reads, read, PLATESIEVE_CODES_ISO, member(json, "jurisdiction"), member(json, "region_confidence"), ENGINE_OF_1);
    engine_camera(options, read, member(json, "camera"));
    engine_id(read, member(json, "id"));
    engine_time(options, reads, read, member(json, "seen_at"));
    read->preview = json_is_true(json_object_get(json, "preview"));
    engine_picture_base64(document, reads, read, member(json, "image"));
    file = document_file(document, NULL, &size);
    if (file != NULL) engine_picture(reads, read, file, size);
}

static enum engine_outcome take(const struct document *document, const struct engine_options *options, struct engine_reads *reads)
{
    const json_t *message = document_json(document), *one;
    size_t i;

    if (message == NULL) return ENGINE_MALFORMED;
    if (json_is_object(message) && json_object_get(message, "plate") == NULL && json_object_get(message, "candidates") == NULL) return ENGINE_UNKNOWN;
    reads->kind = "read";
    if (json_is_object(message)) take_read(document, options, message, reads);
    json_array_foreach(message, i, one) take_read(document, options, one, reads);
    return ENGINE_TAKEN;
}

const struct engine engine_plain = { .name = "plain", .title = "Platesieve's own JSON", .forms = DOCUMENT_JSON | DOCUMENT_FORM, .take = take };
