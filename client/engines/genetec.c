/* Genetec AutoVu: a SharpV's HTTP export, which sends what its owner wrote as a template, JSON or XML, here with the names that are common.
 * docs/reader-integration.md has the template to copy.  https://techdocs.genetec.com, "Metadata reference for license plate reads"
 *
 * All values are texts.  Date and time are apart and in UTC. */
#include <stdio.h>
#include <string.h>

#include "client/engines/adapters.h"
#include "client/engines/document.h"

/* A field of the message; in JSON also from `Attributes`, where the template puts what AutoVu calls custom fields. */
static struct value field(const struct document *document, const char *name)
{
    const json_t *message = document_json(document);
    struct value value = message != NULL ? value_of_json(json_object_get(message, name)) : xml_value(document_xml(document), name);

    return value.kind == VALUE_NONE ? value_of_json(json_object_get(json_object_get(message, "Attributes"), name)) : value;
}

static struct value either(const struct document *document, const char *name, const char *other)
{
    struct value value = field(document, name);

    return value.kind == VALUE_NONE ? field(document, other) : value;
}

/* "25/12/2026" or "2026:12:25", and "13:05:38", to one text; false: they can't be that. */
static bool join_time(struct value date, struct value time, char text[64])
{
    if (date.kind != VALUE_TEXT || time.kind != VALUE_TEXT || date.size > 24 || time.size > 24) return false;
    snprintf(text, 64, "%.*s %.*s", (int)date.size, date.text, (int)time.size, time.text);
    for (size_t i = 0; i < date.size; i++)
        if (text[i] == ':') text[i] = '-';
    return true;
}

static void take_time(const struct document *document, const struct engine_options *options, struct engine_reads *reads, struct engine_read *read)
{
    char text[64];
    bool whole = join_time(either(document, "DateUtc", "UTCDate"), either(document, "TimeUtc", "UTCTime"), text);

    engine_time(options, reads, read, whole ? value_of_text(text) : VALUE_ABSENT);
}

static enum engine_outcome take(const struct document *document, const struct engine_options *options, struct engine_reads *reads)
{
    struct engine_read *read;

    if (field(document, "Plate").kind == VALUE_NONE) return ENGINE_UNKNOWN;
    reads->kind = "read";
    read = engine_add(options, reads);
    if (read == NULL) return ENGINE_TAKEN;
    engine_candidate(reads, read, field(document, "Plate"), either(document, "ConfidenceScore", "Confidence Score"), ENGINE_OF_100);
    engine_region(options, reads, read, PLATESIEVE_CODES_USPS, field(document, "State"), field(document, "State Name Confidence Score"), ENGINE_OF_100);
    engine_camera(options, read, either(document, "CameraName", "SourceName"));
    engine_id(read, field(document, "Guid"));
    take_time(document, options, reads, read);
    engine_picture_base64(document, reads, read, field(document, "ContextImage"));
    engine_picture_base64(document, reads, read, field(document, "PlateImage"));
    return ENGINE_TAKEN;
}

const struct engine engine_genetec = { .name = "genetec", .title = "Genetec AutoVu", .forms = DOCUMENT_JSON | DOCUMENT_XML, .take = take };
