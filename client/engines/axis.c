/* AXIS License Plate Verifier and other cameras with FF Group's engine: push events over HTTP, JSON alone or as the part `event` of a multipart form
 * with the part `image`; and its heartbeat.  "License plate verifier API", https://developer.axis.com/vapix/applications/license-plate-verifier-api
 *
 * One vehicle is several events under one carID: new, update (the direction is known, or another spelling), and lost some seconds after it left. */
#include <string.h>

#include "client/engines/adapters.h"
#include "client/engines/document.h"

static struct value member(const json_t *object, const char *name)
{
    return value_of_json(json_object_get(object, name));
}

static bool is_said(struct value value)
{
    return value.kind != VALUE_NONE && !(value.kind == VALUE_TEXT && value.size == 0);
}

/* The same plate as it was read and transliterated, where that differs.  A list has one or the other. */
static void take_plates(struct engine_reads *reads, struct engine_read *read, const json_t *event)
{
    static const char *const names[] = { "plateUTF8", "plateUnicode", "plateText", "plateASCII" };
    struct value confidence = member(event, "plateConfidence");
    struct value said[ARRAY_LENGTH(names)];
    size_t count = 0;

    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        struct value plate = member(event, names[i]);
        bool known = !is_said(plate);

        for (size_t j = 0; j < count && !known; j++)
            known = plate.kind == VALUE_TEXT && said[j].kind == VALUE_TEXT && plate.size == said[j].size && memcmp(plate.text, said[j].text, plate.size) == 0;
        if (known) continue;
        engine_candidate(reads, read, plate, confidence, ENGINE_OF_1);
        said[count++] = plate;
    }
    if (count == 0) engine_candidate(reads, read, member(event, "plateText"), confidence, ENGINE_OF_1); /* counts that there is none */
}

/* A country whose states issue plates says the state in ISO's code, or by its name. */
static void take_region(const struct engine_options *options, struct engine_reads *reads, struct engine_read *read, const json_t *event)
{
    static const char *const federal[][2] = { { "USA", "US" }, { "CAN", "CA" }, { "MEX", "MX" } };
    const struct value country = member(event, "plateCountry"), state = member(event, "plateISO3166-2");
    struct engine_options own = *options;

    engine_region(options, reads, read, PLATESIEVE_CODES_ISO, country, VALUE_ABSENT, ENGINE_OF_1); /* "POL" */
    if (is_said(state)) engine_region(options, reads, read, PLATESIEVE_CODES_ISO, state, VALUE_ABSENT, ENGINE_OF_1); /* "US-TX" */
    for (size_t i = 0; i < ARRAY_LENGTH(federal) && !is_said(state); i++) {
        if (!value_is(country, federal[i][0])) continue;
        memcpy(own.country, federal[i][1], sizeof(own.country));
        engine_region(&own, reads, read, PLATESIEVE_CODES_USPS, member(event, "plateRegion"), VALUE_ABSENT, ENGINE_OF_1); /* "Texas" */
    }
}

/* A file of the form; without one, in the event itself. */
static void take_picture(const struct document *document, struct engine_reads *reads, struct engine_read *read, const json_t *event)
{
    const json_t *images = json_object_get(event, "ImageArray"), *image;
    size_t size = 0, i;
    const uint8_t *bytes = document_file(document, "image", &size);

    if (bytes == NULL || size == 0) bytes = document_file(document, NULL, &size);
    if (bytes != NULL && size > 0) engine_picture(reads, read, bytes, size);
    if (images == NULL) images = json_object_get(event, "imageArray");
    json_array_foreach(images, i, image) engine_picture_base64(document, reads, read, member(image, "BinaryImage"));
}

static enum engine_outcome take(const struct document *document, const struct engine_options *options, struct engine_reads *reads)
{
    const json_t *event = document_json(document);
    struct value time = member(event, "capture_timestamp"), camera = member(event, "sensorProviderID"); /* the owner's name for it */
    struct engine_read *read;

    if (json_object_get(event, "plateText") == NULL && json_object_get(event, "plateUTF8") == NULL && json_object_get(event, "plateUnicode") == NULL) {
        if (!json_is_object(json_object_get(event, "ALPV"))) return ENGINE_UNKNOWN;
        reads->kind = "heartbeat";
        return ENGINE_TAKEN;
    }
    reads->kind = "event";
    read = engine_add(options, reads);
    if (read == NULL) return ENGINE_TAKEN;
    take_plates(reads, read, event);
    take_region(options, reads, read, event);
    if (!is_said(camera)) camera = member(json_object_get(event, "camera_info"), "SerialNumber");
    engine_camera(options, read, camera);
    engine_id(read, member(event, "carID"));
    engine_time(options, reads, read, is_said(time) ? time : member(event, "datetime")); /* which is in the camera's own time, unsaid */
    read->preview = !value_is(member(event, "carState"), "lost");
    take_picture(document, reads, read, event);
    return ENGINE_TAKEN;
}

const struct engine engine_axis = {
    .name = "axis", .title = "AXIS License Plate Verifier (FF Group)", .forms = DOCUMENT_JSON | DOCUMENT_FORM, .take = take
};
