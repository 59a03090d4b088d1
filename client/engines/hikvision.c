/* Hikvision's ANPR cameras: EventNotificationAlert (ISAPI) as XML, alone or as the first part of a multipart message with the pictures behind it.
 *
 * `country` is a number of Hikvision's own; `countryAbbreviation` has three letters, NON for none.  A camera without a network repeats its events later, under
 * the same UUID (`isDataRetransmission`). */
#include <string.h>

#include "client/engines/adapters.h"
#include "client/engines/document.h"

static bool is_said(struct value value)
{
    return value.kind == VALUE_TEXT && value.size > 0;
}

static void take_plates(struct engine_reads *reads, struct engine_read *read, const struct xml_element *anpr)
{
    struct value plate = xml_value(anpr, "licensePlate"), original = xml_value(anpr, "originalLicensePlate"); /* before the camera's own corrections */
    struct value confidence = xml_value(anpr, "confidenceLevel");

    engine_candidate(reads, read, plate, confidence, ENGINE_OF_100);
    if (is_said(original) && !(original.size == plate.size && memcmp(original.text, plate.text, plate.size) == 0))
        engine_candidate(reads, read, original, confidence, ENGINE_OF_100);
}

/* The name that the owner gave; often it is the same on all cameras, and then the address tells them apart: [camera NAME], or ?camera=NAME in the URL. */
static void take_camera(const struct engine_options *options, struct engine_read *read, const struct xml_element *alert)
{
    static const char *const names[] = { "channelName", "macAddress", "ipAddress", "channelID" };
    struct value camera = VALUE_ABSENT;

    for (size_t i = 0; i < ARRAY_LENGTH(names) && !is_said(camera); i++)
        camera = xml_value(alert, names[i]);
    engine_camera(options, read, camera);
}

/* The whole scene if there is one, else the plate.  Parts may be there and empty. */
static void take_picture(const struct document *document, struct engine_reads *reads, struct engine_read *read)
{
    static const char *const names[] = { "detectionPicture.jpg", "detectionPicture", "vehiclePicture.jpg", "licensePlatePicture.jpg", NULL };

    for (size_t i = 0; i < ARRAY_LENGTH(names) && read->picture == NULL; i++) {
        size_t size = 0;
        const uint8_t *bytes = document_file(document, names[i], &size);

        if (bytes != NULL && size > 0) engine_picture(reads, read, bytes, size);
    }
}

static enum engine_outcome take(const struct document *document, const struct engine_options *options, struct engine_reads *reads)
{
    const struct xml_element *alert = document_xml(document), *anpr = xml_find(alert, "ANPR");
    struct value type = xml_value(alert, "eventType"), country = xml_value(alert, "countryAbbreviation");
    struct engine_read *read;

    if (alert == NULL || strcmp(alert->name, "EventNotificationAlert") != 0 || !is_said(type)) return ENGINE_UNKNOWN;
    if (!value_is(type, "ANPR")) {
        reads->kind = "other"; /* movement, tampering, a lost picture: what else the camera was told to report */
        return ENGINE_TAKEN;
    }
    reads->kind = "ANPR";
    read = engine_add(options, reads);
    if (read == NULL) return ENGINE_TAKEN;
    take_plates(reads, read, anpr);
    if (!value_is(country, "NON")) engine_region(options, reads, read, PLATESIEVE_CODES_ISO, country, VALUE_ABSENT, ENGINE_OF_1);
    take_camera(options, read, alert);
    engine_id(read, xml_value(alert, "UUID"));
    engine_time(options, reads, read, xml_value(alert, "dateTime"));
    take_picture(document, reads, read);
    return ENGINE_TAKEN;
}

const struct engine engine_hikvision = {
    .name = "hikvision", .title = "Hikvision ANPR (ISAPI)", .forms = DOCUMENT_XML | DOCUMENT_FORM, .take = take
};
