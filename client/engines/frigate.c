/* Frigate, as a bridge forwards its MQTT messages: topics `events` (an object as it was and is: `before`, `after`) and `tracked_object_update` (of type lpr).
 * "MQTT", https://docs.frigate.video/integrations/mqtt/.  Before 0.16 it read no plates; frigate_plate_recognizer did, and tells them under its `return_topic`.
 *
 * Its names of known cars (`sub_label`, `name`) are people's and no plates; they are not looked at.  It never sends pictures there, and says no jurisdiction. */
#include "client/engines/adapters.h"
#include "client/engines/document.h"

static struct value member(const json_t *object, const char *name)
{
    return value_of_json(json_object_get(object, name));
}

static void add_read(const struct engine_options *options, struct engine_reads *reads, const json_t *object, struct value plate, struct value score,
                     struct value time, bool preview)
{
    struct engine_read *read = engine_add(options, reads);

    if (read == NULL) return;
    engine_candidate(reads, read, plate, score, ENGINE_OF_1);
    engine_camera(options, read, member(object, "camera"));
    engine_id(read, member(object, "id"));
    engine_time(options, reads, read, time);
    read->preview = preview;
}

/* The object as it is now; `before` is what was told already.  The plate is a text, or a text and its score. */
static void take_event(const struct engine_options *options, struct engine_reads *reads, const json_t *after, bool preview)
{
    const json_t *plate = json_object_get(after, "recognized_license_plate");
    struct value score = member(after, "recognized_license_plate_score");

    if (json_is_array(plate)) {
        if (json_array_size(plate) > 1) score = value_of_json(json_array_get(plate, 1));
        plate = json_array_get(plate, 0);
    }
    if (plate == NULL || json_is_null(plate)) return; /* a person, or a car whose plate was not read yet */
    add_read(options, reads, after, value_of_json(plate), score, member(after, "frame_time"), preview);
}

/* What was read is `original_plate` where `plate_number` is a plate of somebody's list.  With `fuzzy_score` that is only similar to what was read, and the score
 * is of the reading; else it was another reading of the same vehicle, and the score is its. */
static void take_recognizer(const struct engine_options *options, struct engine_reads *reads, const json_t *message)
{
    const struct value original = member(message, "original_plate"), score = member(message, "score");
    const bool fuzzy = member(message, "fuzzy_score").kind != VALUE_NONE;
    struct engine_read *read = engine_add(options, reads);

    if (read == NULL) return;
    if (original.kind == VALUE_NONE || !fuzzy) engine_candidate(reads, read, member(message, "plate_number"), score, ENGINE_OF_1);
    if (original.kind != VALUE_NONE) engine_candidate(reads, read, original, fuzzy ? score : VALUE_ABSENT, ENGINE_OF_1);
    engine_camera(options, read, member(message, "camera_name"));
    engine_id(read, member(message, "frigate_event_id"));
    engine_time(options, reads, read, member(message, "start_time")); /* this machine's, unsaid */
}

static enum engine_outcome take(const struct document *document, const struct engine_options *options, struct engine_reads *reads)
{
    const json_t *message = document_json(document);
    const json_t *after = json_object_get(message, "after");
    struct value type = member(message, "type");

    if (json_is_object(after)) {
        bool last = value_is(type, "end");

        if (!last && !value_is(type, "new") && !value_is(type, "update")) return ENGINE_UNKNOWN;
        reads->kind = "event";
        take_event(options, reads, after, !last);
        return ENGINE_TAKEN;
    }
    if (value_is(type, "lpr")) {
        reads->kind = "lpr";
        add_read(options, reads, message, member(message, "plate"), member(message, "score"), member(message, "timestamp"), true);
        return ENGINE_TAKEN;
    }
    if (member(message, "frigate_event_id").kind != VALUE_NONE || member(message, "plate_number").kind != VALUE_NONE) {
        reads->kind = "plate_recognizer";
        take_recognizer(options, reads, message);
        return ENGINE_TAKEN;
    }
    if (value_is(type, "description") || value_is(type, "face") || value_is(type, "classification")) {
        reads->kind = "tracked_object_update";
        return ENGINE_TAKEN;
    }
    return ENGINE_UNKNOWN;
}

const struct engine engine_frigate = { .name = "frigate", .title = "Frigate", .forms = DOCUMENT_JSON, .take = take };
