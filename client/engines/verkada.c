/* Verkada's webhook for license plates.  https://apidocs.verkada.com/reference/lpr
 *
 * Its picture is a URL into the vendor's cloud, which a lane does not fetch.  It has no id of the vehicle: `webhook_id` is of the message. */
#include "client/engines/adapters.h"
#include "client/engines/document.h"

static enum engine_outcome take(const struct document *document, const struct engine_options *options, struct engine_reads *reads)
{
    const json_t *message = document_json(document);
    const json_t *data = json_object_get(message, "data");
    struct value type = value_of_json(json_object_get(message, "webhook_type"));
    const json_t *detected = json_object_get(data, "detected"); /* milliseconds; older messages lack it */
    struct engine_read *read;

    if (type.kind != VALUE_TEXT) return ENGINE_UNKNOWN;
    if (!value_is(type, "lpr") && !value_is(type, "LPR")) {
        reads->kind = "other"; /* a door, a person, a camera that is offline */
        return ENGINE_TAKEN;
    }
    reads->kind = "lpr";
    read = engine_add(options, reads);
    if (read == NULL) return ENGINE_TAKEN;
    engine_candidate(reads, read, value_of_json(json_object_get(data, "license_plate_number")), value_of_json(json_object_get(data, "confidence")),
                     ENGINE_OF_1);
    engine_region(options, reads, read, PLATESIEVE_CODES_ISO, value_of_json(json_object_get(data, "license_plate_state")), VALUE_ABSENT, ENGINE_OF_1);
    engine_camera(options, read, value_of_json(json_object_get(data, "camera_id")));
    engine_time(options, reads, read, value_of_json(detected != NULL ? detected : json_object_get(data, "created")));
    return ENGINE_TAKEN;
}

const struct engine engine_verkada = { .name = "verkada", .title = "Verkada", .forms = DOCUMENT_JSON, .take = take };
