/* Rekor Scout and OpenALPR: alpr_results (pictures one by one), alpr_group (a vehicle; preview and final), alpr_alert (a group that hit a list of the engine's own),
 * vehicle (one without a plate) and heartbeat.  OpenAlprWebhookProcessor passes a group on in an object of its own.  Confidences are of 100, times epoch
 * milliseconds, regions "us-mo", of old versions "mo". */
#include "client/engines/adapters.h"
#include "client/engines/document.h"

/* A state without its country is one of `country`, if the message has that and the lane was told nothing. */
static struct engine_options in_country(const struct engine_options *options, const json_t *message)
{
    const struct value country = value_of_json(json_object_get(message, "country"));
    struct engine_options own = *options;

    if (own.country[0] == '\0' && value_is(country, "us")) memcpy(own.country, "US", sizeof(own.country));
    if (own.country[0] == '\0' && value_is(country, "ca")) memcpy(own.country, "CA", sizeof(own.country));
    if (own.country[0] == '\0' && value_is(country, "mx")) memcpy(own.country, "MX", sizeof(own.country));
    return own;
}

static void take_candidates(struct engine_reads *reads, struct engine_read *read, const json_t *candidates)
{
    const json_t *candidate;
    size_t i;

    json_array_foreach(candidates, i, candidate) engine_candidate(
        reads, read, value_of_json(json_object_get(candidate, "plate")), value_of_json(json_object_get(candidate, "confidence")), ENGINE_OF_100);
}

/* What the engine chose, and what else it may be; the choice need not be among these. */
static void take_plate(struct engine_reads *reads, struct engine_read *read, const json_t *plate)
{
    engine_candidate(reads, read, value_of_json(json_object_get(plate, "plate")), value_of_json(json_object_get(plate, "confidence")), ENGINE_OF_100);
    take_candidates(reads, read, json_object_get(plate, "candidates"));
}

static void take_region(const struct engine_options *options, struct engine_reads *reads, struct engine_read *read, const json_t *json, const char *region,
                        const char *confidence)
{
    engine_region(options, reads, read, PLATESIEVE_CODES_USPS, value_of_json(json_object_get(json, region)),
                  value_of_json(json_object_get(json, confidence)), ENGINE_OF_100);
}

static enum engine_outcome take_results(const struct document *document, const struct engine_options *options, const json_t *message, struct engine_reads *reads)
{
    const json_t *result;
    size_t i;

    reads->kind = "alpr_results";
    json_array_foreach(json_object_get(message, "results"), i, result) {
        struct engine_read *read = engine_add(options, reads);

        if (read == NULL) continue;
        take_plate(reads, read, result);
        take_region(options, reads, read, result, "region", "region_confidence");
        engine_camera(options, read, value_of_json(json_object_get(message, "camera_id")));
        engine_time(options, reads, read, value_of_json(json_object_get(message, "epoch_time")));
        engine_id_part(read, value_of_json(json_object_get(message, "uuid")), value_of_json(json_object_get(result, "plate_index")));
        engine_picture_base64(document, reads, read, value_of_json(json_object_get(result, "vehicle_crop_jpeg")));
        engine_picture_base64(document, reads, read, value_of_json(json_object_get(result, "plate_crop_jpeg")));
    }
    return ENGINE_TAKEN;
}

/* Every picture of the vehicle, and which plate in it was its. */
static void take_ids(struct engine_read *read, const json_t *group)
{
    const json_t *indexes = json_object_get(group, "plate_indexes"), *uuid;
    size_t i;

    engine_id_part(read, value_of_json(json_object_get(group, "best_uuid")), value_of_json(json_object_get(json_object_get(group, "best_plate"), "plate_index")));
    json_array_foreach(json_object_get(group, "uuids"), i, uuid) engine_id_part(read, value_of_json(uuid), value_of_json(json_array_get(indexes, i)));
}

static enum engine_outcome take_group(const struct document *document, const struct engine_options *options, const json_t *group, struct engine_reads *reads)
{
    struct engine_read *read = engine_add(options, reads);
    const json_t *best = json_object_get(group, "best_plate");
    const struct value number = value_of_json(json_object_get(group, "best_plate_number"));

    reads->kind = "alpr_group";
    read->preview = json_is_true(json_object_get(group, "is_preview"));
    take_candidates(reads, read, json_object_get(group, "candidates"));
    if (best != NULL) take_plate(reads, read, best);
    if (number.kind != VALUE_NONE) engine_candidate(reads, read, number, value_of_json(json_object_get(group, "best_confidence")), ENGINE_OF_100);
    take_region(options, reads, read, best, "region", "region_confidence");
    take_region(options, reads, read, group, "best_region", "best_region_confidence");
    engine_camera(options, read, value_of_json(json_object_get(group, "camera_id")));
    engine_time(options, reads, read, value_of_json(json_object_get(group, "epoch_start")));
    engine_until(options, read, value_of_json(json_object_get(group, "epoch_end")));
    take_ids(read, group);
    engine_picture_base64(document, reads, read, value_of_json(json_object_get(group, "vehicle_crop_jpeg")));
    engine_picture_base64(document, reads, read, value_of_json(json_object_get(best, "plate_crop_jpeg")));
    return ENGINE_TAKEN;
}

/* A message with a group in it: an alert, or what a receiver passes on. */
static enum engine_outcome take_around(const struct document *document, const struct engine_options *options, const json_t *message, struct engine_reads *reads)
{
    const struct value plate = value_of_json(json_object_get(message, "plate_number"));
    const json_t *group = json_object_get(message, "group");
    const struct engine_options own = in_country(options, group);
    const enum engine_outcome outcome = take_group(document, &own, group, reads);

    if (plate.kind != VALUE_NONE)
        engine_candidate(reads, &reads->list[0], plate, value_of_json(json_object_get(group, "best_confidence")), ENGINE_OF_100);
    return outcome;
}

static enum engine_outcome take(const struct document *document, const struct engine_options *options, struct engine_reads *reads)
{
    const json_t *message = document_json(document);
    const struct value type = value_of_json(json_object_get(message, "data_type"));
    const struct engine_options own = in_country(options, message);

    if (value_is(type, "alpr_results")) return take_results(document, &own, message, reads);
    if (value_is(type, "alpr_group")) return take_group(document, &own, message, reads);
    if (type.kind == VALUE_NONE && json_is_object(json_object_get(message, "group"))) return take_around(document, options, message, reads);
    if (value_is(type, "alpr_alert")) {
        const enum engine_outcome outcome = take_around(document, options, message, reads);

        reads->kind = "alpr_alert";
        return outcome;
    }
    if (value_is(type, "vehicle")) reads->kind = "vehicle";
    if (value_is(type, "heartbeat")) reads->kind = "heartbeat";
    if (json_object_get(message, "openalpr_webhook") != NULL) reads->kind = "test"; /* the dashboard's */
    return reads->kind != NULL ? ENGINE_TAKEN : ENGINE_UNKNOWN;
}

const struct engine engine_rekor = { .name = "rekor", .title = "Rekor Scout, OpenALPR", .forms = DOCUMENT_JSON, .take = take };
