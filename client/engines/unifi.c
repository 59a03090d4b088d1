/* UniFi Protect: the webhook of an alarm (Alarm Manager) for license plates, by POST.  Ubiquiti describes how to set it up ("UniFi Alarm Manager"), not what it
 * sends; that is taken from what its receivers publish ("Unifi Protect LPR - Passing the License Plate to a Webhook" of the Ubiquiti forum on Reddit, and others).
 *
 * `value` is the plate, or the name that somebody gave to it: one that is not `unknown` counts only with a digit in it.  It says no confidence and no jurisdiction.
 * One event may be of several vehicles, and one vehicle may be several triggers: known, and of interest. */
#include <ctype.h>
#include <string.h>

#include "client/engines/adapters.h"
#include "client/engines/document.h"

static struct value member(const json_t *object, const char *name)
{
    return value_of_json(json_object_get(object, name));
}

static bool has_digit(struct value value)
{
    for (size_t i = 0; value.kind == VALUE_TEXT && i < value.size; i++)
        if (isdigit((unsigned char)value.text[i])) return true;
    return false;
}

/* Of persons, movement and vehicles without a plate there are triggers, too. */
static bool is_plate(const json_t *trigger)
{
    static const char beginning[] = "license_plate";
    const struct value key = member(trigger, "key");

    if (key.kind != VALUE_TEXT || key.size < strlen(beginning) || memcmp(key.text, beginning, strlen(beginning)) != 0) return false;
    return value_is(key, "license_plate_unknown") || has_digit(member(trigger, "value"));
}

static bool is_there(const struct engine_reads *reads, const struct engine_read *read)
{
    for (const struct engine_read *other = reads->list; other < read; other++)
        if (read->id_count > 0 && other->id_count > 0 && other->ids[0] == read->ids[0]) return true;
    return false;
}

static void take_trigger(const struct engine_options *options, struct engine_reads *reads, const json_t *message, const json_t *trigger)
{
    struct engine_read *read = engine_add(options, reads);
    const struct value time = member(trigger, "timestamp");

    if (read == NULL) return;
    engine_id_part(read, member(trigger, "eventId"), member(trigger, "value"));
    if (is_there(reads, read)) {
        reads->count--;
        return;
    }
    engine_candidate(reads, read, member(trigger, "value"), VALUE_ABSENT, ENGINE_OF_1);
    engine_camera(options, read, member(trigger, "device")); /* its MAC address */
    engine_time(options, reads, read, time.kind != VALUE_NONE ? time : member(message, "timestamp"));
}

static enum engine_outcome take(const struct document *document, const struct engine_options *options, struct engine_reads *reads)
{
    const json_t *message = document_json(document), *alarm = json_object_get(message, "alarm"), *trigger;
    const json_t *triggers = json_object_get(alarm, "triggers");
    size_t i;

    if (!json_is_array(triggers)) return ENGINE_UNKNOWN;
    reads->kind = "other";
    json_array_foreach(triggers, i, trigger) {
        if (!is_plate(trigger)) continue;
        reads->kind = "alarm";
        take_trigger(options, reads, message, trigger);
    }
    if (reads->count == 1) engine_picture_base64(document, reads, &reads->list[0], member(alarm, "thumbnail")); /* of several, it is not said of which */
    return ENGINE_TAKEN;
}

const struct engine engine_unifi = { .name = "unifi", .title = "UniFi Protect", .forms = DOCUMENT_JSON, .take = take };
