/* Hikvision's ANPR cameras: EventNotificationAlert (ISAPI, of any namespace) as XML, alone or as the first part of a multipart message with the pictures behind
 * it.  "Intelligent Security API (ANPR) Developer Guide".
 *
 * A camera may tell the plate first (`hasMoreData`), and once more with the pictures; without a network, it repeats its events later (`isDataRetransmission`):
 * under the same UUID. */
#include <string.h>

#include "client/engines/adapters.h"
#include "client/engines/document.h"

static bool is_said(struct value value)
{
    return value.kind == VALUE_TEXT && value.size > 0;
}

static void take_plates(struct engine_reads *reads, struct engine_read *read, const struct xml_element *anpr)
{
    struct value plate = xml_value(anpr, "licensePlate"), original = xml_value(anpr, "originalLicensePlate"); /* as it is written there, with its umlauts */
    struct value confidence = xml_value(anpr, "confidenceLevel");

    engine_candidate(reads, read, plate, confidence, ENGINE_OF_100);
    if (is_said(original) && !(original.size == plate.size && memcmp(original.text, plate.text, plate.size) == 0))
        engine_candidate(reads, read, original, confidence, ENGINE_OF_100);
}

/* Countries by their number, two letters each; "--": reserved, one whose states issue plates, or none of ISO 3166. */
static const char countries[] =
    "--CZFRDEESITNLPLSKBYMDRUUABEBGDKFIGBGRHRHUILLUMKNOPTRORSAZGEKZLTTMUZLVEEALATBAIE"
    "ISVAMTSECHCYTRSIME--ADAMMCLISM--------CNBHKRLBNPTHPKAEBTOMKPPHKHQAKGMVMYMNSABNLA"
    "JPTRPSTJKWSYINIDAFLKIQVNIRYEJOMM--BDSGTL--------EGLYSDTNDZMAETERSODJKETZUGRWBISC"
    "TDCFCMGQGACGCDSTMREHSNGMMLBFGNGWCVSLLRCIGHTGBJNEZMAOZWMWMZBWNAZASZLSMGKMMUNGSSSH"
    "YTREESPTPT----------GLPM--BM--GTBZSVHNNICRPABSTCCUJMKYHTDOPRVIVGAIAGMFSXBLKNMSGP"
    "DMMQLCVCGDBBTTCWAW--COVEGYSRGFECPEBOPYCLBRUYAR--------AUNZPGSBVUNCPWFMMHMPGUNRKI"
    "FJTOTVWFWSASTKNUCKPFPN----------TWHKMO";

/* By its three letters, in new messages; else by its number, which is `country` alone in old ones. */
static struct value country_of(const struct xml_element *alert, const struct xml_element *anpr)
{
    const struct value letters = xml_value(alert, "countryAbbreviation"), index = xml_value(anpr, "CRIndex");
    double number;

    if (is_said(letters) && !value_is(letters, "NON")) return letters;
    if (!value_number(is_said(index) ? index : xml_value(anpr, "country"), &number)) return VALUE_ABSENT;
    if (!(number >= 0 && number < (sizeof(countries) - 1) / 2) || countries[2 * (size_t)number] == '-') return VALUE_ABSENT;
    return (struct value){ .kind = VALUE_TEXT, .text = countries + 2 * (size_t)number, .size = 2 };
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

/* The whole scene if there is one, else the vehicle, the plate, or what else there is.  Parts may be there and empty; of several they are `detectionPicture_1.jpg`. */
static void take_picture(const struct document *document, struct engine_reads *reads, struct engine_read *read)
{
    static const char *const names[] = { "detectionPicture.jpg", "detectionPicture_1.jpg", "detectionPicture", "vehiclePicture.jpg", "licensePlatePicture.jpg", NULL };

    for (size_t i = 0; i < ARRAY_LENGTH(names) && read->picture == NULL; i++) {
        size_t size = 0;
        const uint8_t *bytes = document_file(document, names[i], &size);

        if (bytes != NULL && size > 0) engine_picture(reads, read, bytes, size);
    }
}

static enum engine_outcome take(const struct document *document, const struct engine_options *options, struct engine_reads *reads)
{
    const struct xml_element *alert = document_xml(document), *anpr = xml_find(alert, "ANPR");
    const struct value type = xml_value(alert, "eventType");
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
    read->preview = value_is(xml_value(anpr, "hasMoreData"), "true");
    engine_region(options, reads, read, PLATESIEVE_CODES_ISO, country_of(alert, anpr), VALUE_ABSENT, ENGINE_OF_1);
    take_camera(options, read, alert);
    engine_id(read, xml_value(alert, "UUID"));
    engine_time(options, reads, read, xml_value(alert, "dateTime"));
    take_picture(document, reads, read);
    return ENGINE_TAKEN;
}

const struct engine engine_hikvision = {
    .name = "hikvision", .title = "Hikvision ANPR (ISAPI)", .forms = DOCUMENT_XML | DOCUMENT_FORM, .take = take
};
