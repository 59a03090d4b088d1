/* Genetec AutoVu, in the three forms that its documents have:
 * - a Sharp's HTTP extension, JSON or XML: PlateRead, Timestamp, Id, and PlateAnalytics with Key, Score (of 1; -1: none) and Value ("-": none).
 *   "Examples of JSON and XML ALPR events for the SharpV HTTP extension", AutoVu SharpV Administrator Guide 14.2;
 * - Security Center's AutoVu third-party data exporter, and a Sharp's template for FTP, which a script may post: Plate, State, DateUtc, TimeUtc, ConfidenceScore,
 *   Guid.  "Metadata reference for license plate reads", Exporting License Plate Reads in AutoVu and Security Center;
 * - what other cameras send to Security Center's Third-Party ALPR plugin: Plate, Confidence (of 1), PlateStateProvince, ReadTimeUtc, ReferenceReadId.
 *   "Genetec integration", AXIS License plate verifier API.
 *
 * Numbers are texts, or not.  Date and time apart are UTC; Timestamp may be without its zone. */
#include <stdio.h>
#include <string.h>

#include "client/engines/adapters.h"
#include "client/engines/document.h"

static bool is_said(struct value value)
{
    return value.kind != VALUE_NONE && !value_is(value, "") && !value_is(value, "-");
}

/* A field of the message, in JSON also from `Attributes`, by the first of NAMES (ended by NULL) that has one. */
static struct value field(const struct document *document, const char *const names[])
{
    const json_t *message = document_json(document), *attributes = json_object_get(message, "Attributes");
    struct value value = VALUE_ABSENT;

    for (; *names != NULL && !is_said(value); names++) {
        value = message != NULL ? value_of_json(json_object_get(message, *names)) : xml_value(document_xml(document), *names);
        if (value.kind == VALUE_NONE) value = value_of_json(json_object_get(attributes, *names));
    }
    return value;
}
#define FIELD(document, ...) field(document, (const char *const[]){ __VA_ARGS__, NULL })

/* What the camera says of KEY beside the plate. */
static struct value analytic(const struct document *document, const char *key, struct value *score)
{
    const json_t *one;
    const struct xml_element *element = xml_find(document_xml(document), "PlateAnalytics/PlateAnalytics");
    struct value value = VALUE_ABSENT;
    double number;
    size_t i;

    *score = VALUE_ABSENT;
    json_array_foreach(json_object_get(document_json(document), "PlateAnalytics"), i, one) {
        if (!value_is(value_of_json(json_object_get(one, "Key")), key)) continue;
        value = value_of_json(json_object_get(one, "Value"));
        *score = value_of_json(json_object_get(one, "Score"));
    }
    for (; element != NULL; element = element->next) {
        if (!value_is(xml_value(element, "Key"), key)) continue;
        value = xml_value(element, "Value");
        *score = xml_value(element, "Score");
    }
    if (value_number(*score, &number) && number < 0) *score = VALUE_ABSENT;
    return is_said(value) ? value : VALUE_ABSENT;
}

static void take_plate(const struct document *document, struct engine_reads *reads, struct engine_read *read, struct value plate)
{
    struct value score, of_100 = FIELD(document, "ConfidenceScore", "Confidence Score");

    if (!is_said(of_100)) of_100 = analytic(document, "Confidence Score", &score);
    if (of_100.kind != VALUE_NONE) engine_candidate(reads, read, plate, of_100, ENGINE_OF_100);
    else engine_candidate(reads, read, plate, FIELD(document, "Confidence"), ENGINE_OF_1);
}

static void take_region(const struct document *document, const struct engine_options *options, struct engine_reads *reads, struct engine_read *read)
{
    struct engine_options own = *options;
    struct value score, state = FIELD(document, "State", "PlateStateProvince");

    if (own.country[0] == '\0' && value_is(analytic(document, "Context", &score), "US")) memcpy(own.country, "US", sizeof(own.country));
    if (is_said(state)) engine_region(&own, reads, read, PLATESIEVE_CODES_USPS, state, FIELD(document, "State Name Confidence Score"), ENGINE_OF_100);
    state = analytic(document, "State Name", &score);
    engine_region(&own, reads, read, PLATESIEVE_CODES_USPS, state, score, ENGINE_OF_1);
}

/* "2026-12-25T13:05:38.797"; or "25/12/2026" or "2026:12:25", and apart from it "13:05:38". */
static void take_time(const struct document *document, const struct engine_options *options, struct engine_reads *reads, struct engine_read *read)
{
    const struct value whole = FIELD(document, "Timestamp", "ReadTimeUtc"), date = FIELD(document, "DateUtc", "UTCDate"), time = FIELD(document, "TimeUtc", "UTCTime");
    char text[64];

    if (date.kind != VALUE_TEXT || time.kind != VALUE_TEXT || date.size > 24 || time.size > 24) {
        engine_time(options, reads, read, whole);
        return;
    }
    snprintf(text, sizeof(text), "%.*s %.*s", (int)date.size, date.text, (int)time.size, time.text);
    for (size_t i = 0; i < date.size; i++)
        if (text[i] == ':') text[i] = '-';
    engine_time(options, reads, read, value_of_text(text));
}

static enum engine_outcome take(const struct document *document, const struct engine_options *options, struct engine_reads *reads)
{
    const struct value plate = FIELD(document, "PlateRead", "Plate", "PlateReadMatched");
    struct engine_read *read;

    if (plate.kind == VALUE_NONE) return ENGINE_UNKNOWN;
    reads->kind = "read";
    read = engine_add(options, reads);
    if (read == NULL) return ENGINE_TAKEN;
    take_plate(document, reads, read, plate);
    take_region(document, options, reads, read);
    engine_camera(options, read, FIELD(document, "CameraName", "SourceName", "SourceUrl", "LprCameraName"));
    engine_id(read, FIELD(document, "Guid", "Id", "ReferenceReadId"));
    take_time(document, options, reads, read);
    engine_picture_base64(document, reads, read, FIELD(document, "ContextImage"));
    engine_picture_base64(document, reads, read, FIELD(document, "PlateImage"));
    return ENGINE_TAKEN;
}

const struct engine engine_genetec = { .name = "genetec", .title = "Genetec AutoVu", .forms = DOCUMENT_JSON | DOCUMENT_XML, .take = take };
