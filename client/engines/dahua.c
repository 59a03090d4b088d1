/* Dahua's traffic cameras, and what others sell of them (Intelbras, CP Plus): ITSAPI, by which a camera posts JSON to /NotificationInfo/TollgateInfo of a
 * server, and that it is there to KeepAlive and DeviceInfo beside that.  Dahua's manuals have the settings only; the members are those of "Integration: Push
 * function" (Intelbras), and of programs that receive them.
 *
 * A camera sends a message again and again until the answer to it has `"Result": true`.  Confidence is said to be of 255 there, and is seen to be of 100: above
 * that, it says nothing.  Times are the camera's own, without a zone.  A plate that is there is asked about, whatever `IsExist` says of it. */
#include "client/engines/adapters.h"
#include "client/engines/document.h"

static struct value member(const json_t *object, const char *name)
{
    return value_of_json(json_object_get(object, name));
}

/* What is posted to the other two paths. */
static enum engine_outcome take_other(const json_t *message, struct engine_reads *reads)
{
    if (json_object_get(message, "DeviceID") == NULL) return ENGINE_UNKNOWN;
    reads->kind = json_object_get(message, "Active") != NULL ? "heartbeat" : "other";
    return ENGINE_TAKEN;
}

static void take_plate(struct engine_reads *reads, struct engine_read *read, const json_t *plate)
{
    const struct value confidence = member(plate, "Confidence");
    double number;

    engine_candidate(reads, read, member(plate, "PlateNumber"), value_number(confidence, &number) && number > 100 ? VALUE_ABSENT : confidence, ENGINE_OF_100);
}

/* The vehicle (of some cameras two pictures, one behind the other), else the scene, else the plate. */
static void take_picture(const struct document *document, struct engine_reads *reads, struct engine_read *read, const json_t *picture)
{
    static const char *const names[] = { "VehiclePic", "NormalPic", "CutoutPic" };

    for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
        engine_picture_base64(document, reads, read, member(json_object_get(picture, names[i]), "Content"));
}

static enum engine_outcome take(const struct document *document, const struct engine_options *options, struct engine_reads *reads)
{
    const json_t *message = document_json(document), *picture = json_object_get(message, "Picture");
    const json_t *plate, *snap;
    struct engine_read *read;
    struct value time;

    if (picture == NULL) picture = message;
    plate = json_object_get(picture, "Plate");
    if (!json_is_object(plate)) return take_other(message, reads);
    reads->kind = "read";
    read = engine_add(options, reads);
    if (read == NULL) return ENGINE_TAKEN;
    take_plate(reads, read, plate);
    engine_region(options, reads, read, PLATESIEVE_CODES_ISO, member(plate, "Region"), VALUE_ABSENT, ENGINE_OF_1);
    snap = json_object_get(picture, "SnapInfo");
    time = member(snap, "AccurateTime");
    if (time.kind == VALUE_NONE) time = member(snap, "SnapTime");
    engine_camera(options, read, member(snap, "DeviceID"));
    engine_time(options, reads, read, time);
    engine_id_part(read, time, member(plate, "PlateNumber")); /* the same when it is sent again */
    take_picture(document, reads, read, picture);
    return ENGINE_TAKEN;
}

const struct engine engine_dahua = { .name = "dahua", .title = "Dahua ITSAPI", .forms = DOCUMENT_JSON, .wants_result = true, .take = take };
