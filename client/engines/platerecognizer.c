/* Plate Recognizer: Stream's webhook (a form with the field `json`, and the frame as a file), Snapshot's answer and webhook (JSON), and both in vehicle mode, where
 * `plate` is an object.  Scores are of 1, regions "us-ca" and "gb", times RFC 3339, in vehicle mode without a zone (UTC). */
#include "client/engines/adapters.h"
#include "client/engines/document.h"

static struct value member(const json_t *object, const char *name)
{
    return value_of_json(json_object_get(object, name));
}

/* {"plate": "...", "score": ..., "candidates": [...], "region": {"code", "score"}} */
static void take_plain(const struct engine_options *options, struct engine_reads *reads, struct engine_read *read, const json_t *result)
{
    const json_t *region = json_object_get(result, "region");

    engine_candidate(reads, read, member(result, "plate"), member(result, "score"), ENGINE_OF_1);
    if (json_is_object(region)) engine_region(options, reads, read, PLATESIEVE_CODES_ISO, member(region, "code"), member(region, "score"), ENGINE_OF_1);
    else engine_region(options, reads, read, PLATESIEVE_CODES_ISO, value_of_json(region), VALUE_ABSENT, ENGINE_OF_1);
}

/* {"plate": {"props": {"plate": [{"value", "score"}], "region": [{"value", "score"}]}}} */
static void take_vehicle(const struct engine_options *options, struct engine_reads *reads, struct engine_read *read, const json_t *plate)
{
    const json_t *properties = json_object_get(plate, "props"), *plates = json_object_get(properties, "plate"), *candidate;
    const json_t *region = json_array_get(json_object_get(properties, "region"), 0);
    size_t i;

    reads->kind = "vehicle";
    if (json_array_size(plates) == 0) engine_candidate(reads, read, VALUE_ABSENT, VALUE_ABSENT, ENGINE_OF_1);
    json_array_foreach(plates, i, candidate) engine_candidate(reads, read, member(candidate, "value"), member(candidate, "score"), ENGINE_OF_1);
    engine_region(options, reads, read, PLATESIEVE_CODES_ISO, member(region, "value"), member(region, "score"), ENGINE_OF_1);
}

/* A crop that shows the vehicle; the whole frame; the plate alone. */
static void take_picture(const struct document *document, struct engine_reads *reads, struct engine_read *read, const json_t *result)
{
    size_t size;
    const uint8_t *frame = document_file(document, NULL, &size);

    engine_picture_base64(document, reads, read, member(result, "vehicleCropDataUrl"));
    if (frame != NULL) engine_picture(reads, read, frame, size);
    engine_picture_base64(document, reads, read, member(result, "plateCropDataUrl"));
}

static void take_result(const struct document *document, const struct engine_options *options, const json_t *message, const json_t *result, struct engine_reads *reads)
{
    const json_t *plate = json_object_get(result, "plate"), *candidate;
    struct engine_read *read;
    size_t i;

    if (json_is_object(result) && json_is_null(plate) && json_array_size(json_object_get(result, "candidates")) == 0) return; /* a vehicle without one */
    read = engine_add(options, reads);
    if (read == NULL) return;
    if (json_is_object(plate)) take_vehicle(options, reads, read, plate);
    else take_plain(options, reads, read, result);
    json_array_foreach(json_object_get(result, "candidates"), i, candidate)
        engine_candidate(reads, read, member(candidate, "plate"), member(candidate, "score"), ENGINE_OF_1);
    engine_camera(options, read, member(message, "camera_id"));
    engine_time(options, reads, read, member(message, "timestamp"));
    take_picture(document, reads, read, result);
}

static enum engine_outcome take(const struct document *document, const struct engine_options *options, struct engine_reads *reads)
{
    const json_t *message = document_json(document), *data = json_object_get(message, "data"), *hook = json_object_get(message, "hook");
    const json_t *results, *result;
    size_t i;

    if (message == NULL) return ENGINE_MALFORMED;
    if (json_is_object(data)) message = data;
    results = json_object_get(message, "results");
    if (!json_is_array(results)) {
        if (!json_is_object(hook)) return ENGINE_UNKNOWN;
        reads->kind = "other"; /* a heartbeat, a clip */
        return ENGINE_TAKEN;
    }
    reads->kind = data != NULL ? "recognition" : "snapshot";
    json_array_foreach(results, i, result) take_result(document, options, message, result, reads);
    return ENGINE_TAKEN;
}

const struct engine engine_platerecognizer = {
    .name = "platerecognizer", .title = "Plate Recognizer Stream and Snapshot", .forms = DOCUMENT_JSON | DOCUMENT_FORM, .take = take,
};
