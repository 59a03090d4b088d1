/* client/engines: forms, XML, and the adapters for Rekor and Plate Recognizer. */
#include <sodium.h>

#include "tests/unit/engine_scene.h"

#define MULTIPART "multipart/form-data; boundary=xyzzy"
#define RESULT "{\"results\": [{\"plate\": \"qqz9\", \"score\": 0.9}], \"camera_id\": \"north\"}"
#define JSON_PART "Content-Disposition: form-data; name=\"json\"\r\n\r\n" RESULT "\r\n"

static enum engine_outcome take_form(const char *type, const char *body)
{
    return scene_take_bytes("platerecognizer", type, body, strlen(body));
}

static void expect_form(const char *type, const char *body)
{
    assert_int_equal(take_form(type, body), ENGINE_TAKEN);
    assert_int_equal(scene_reads.count, 1);
    assert_string_equal(scene_candidates(0), "QQZ9 0.90");
    assert_string_equal(scene_reads.list[0].camera, "north");
}

static void multipart(void **unused)
{
    (void)unused;
    expect_form(MULTIPART, "--xyzzy\r\n" JSON_PART "--xyzzy--\r\n");
    expect_form(MULTIPART, "--xyzzy\r\n" JSON_PART "--xyzzy--");
    expect_form(MULTIPART, "preamble\r\n--xyzzy  \r\n" JSON_PART "--xyzzy--epilogue");
    expect_form("Multipart/Form-Data; charset=utf-8; Boundary=\"xyzzy\"", "--xyzzy\r\n" JSON_PART "--xyzzy--");
    expect_form(MULTIPART, "--xyzzy\nContent-Disposition: form-data; name=json\n\n" RESULT "\n--xyzzy--\n");
    expect_form(MULTIPART, "--xyzzy\r\nContent-Type: application/json; charset=utf-8\r\nContent-Disposition: form-data; filename=\"a;name=b.json\"; name=\"event\"\r\n"
                           "Content-Length: 70\r\n\r\n" RESULT "\r\n--xyzzy--\r\n");
    expect_form(MULTIPART, "--xyzzy\r\nContent-Disposition: form-data; name=\"empty\"\r\n\r\n--xyzzy\r\n" JSON_PART "--xyzzy--");
    /* The boundary inside of a part is none unless it has a line of its own. */
    expect_form(MULTIPART, "--xyzzy\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n --xyzzy--\r\n--xyzzyx\r\n\r\n--xyzzy\r\n" JSON_PART "--xyzzy--");
}

static void multipart_with_picture(void **unused)
{
    static const char front[] = "--xyzzy\r\n" JSON_PART "--xyzzy\r\nContent-Disposition: form-data; name=\"upload\"; filename=\"a.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n";
    static const char image[] = SCENE_JPEG_HEAD "\0 --xyzzy \r\n\0--xyzz\r\n" SCENE_JPEG_END, back[] = "\r\n--xyzzy--\r\n";
    static char body[1000];
    const size_t size = sizeof(front) + sizeof(image) + sizeof(back) - 3;

    (void)unused;
    memcpy(body, front, sizeof(front) - 1);
    memcpy(body + sizeof(front) - 1, image, sizeof(image) - 1);
    memcpy(body + sizeof(front) + sizeof(image) - 2, back, sizeof(back) - 1);
    assert_int_equal(scene_take_bytes("platerecognizer", MULTIPART, body, size), ENGINE_TAKEN);
    assert_string_equal(scene_candidates(0), "QQZ9 0.90");
    assert_int_equal(scene_reads.list[0].picture_size, sizeof(image) - 1);
    assert_memory_equal(scene_reads.list[0].picture, image, sizeof(image) - 1);
    for (size_t cut = 0; cut < size - 4; cut++)
        assert_int_equal(scene_take_bytes("platerecognizer", MULTIPART, body, cut), ENGINE_MALFORMED);
}

static void multipart_refused(void **unused)
{
    static char body[40000];
    size_t used = 0;

    (void)unused;
    assert_int_equal(take_form("multipart/form-data", "--xyzzy\r\n" JSON_PART "--xyzzy--"), ENGINE_MALFORMED);
    assert_int_equal(take_form("multipart/form-data; boundary=", "--xyzzy\r\n" JSON_PART "--xyzzy--"), ENGINE_MALFORMED);
    assert_int_equal(take_form("multipart/form-data; boundary=other", "--xyzzy\r\n" JSON_PART "--xyzzy--"), ENGINE_MALFORMED);
    assert_int_equal(take_form(MULTIPART, "--xyzzy\r\nno header\r\n\r\n" RESULT "\r\n--xyzzy--"), ENGINE_MALFORMED);
    assert_int_equal(take_form(MULTIPART, "--xyzzy\r\nContent-Disposition: form-data; name=\"json\"\r\n--xyzzy--"), ENGINE_MALFORMED);
    assert_int_equal(take_form(MULTIPART, "--xyzzy\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\nx\r\n--xyzzy--"), ENGINE_MALFORMED);
    assert_int_equal(take_form(MULTIPART, "--xyzzy\r\nContent-Disposition: form-data; name=\"json\"\r\n\r\n{\r\n--xyzzy--"), ENGINE_MALFORMED);
    assert_int_equal(take_form(MULTIPART, "--xyzzy--"), ENGINE_MALFORMED);
    assert_int_equal(take_form(MULTIPART, ""), ENGINE_MALFORMED);
    for (unsigned i = 0; i < LIMIT_ENGINE_PARTS + 1; i++)
        used += (size_t)snprintf(body + used, sizeof(body) - used, "--xyzzy\r\nContent-Disposition: form-data; name=\"%u\"\r\n\r\nx\r\n", i);
    snprintf(body + used, sizeof(body) - used, "--xyzzy--");
    assert_int_equal(take_form(MULTIPART, body), ENGINE_TOO_LARGE);
    used = (size_t)snprintf(body, sizeof(body), "--xyzzy\r\n");
    for (unsigned i = 0; i < LIMIT_ENGINE_PART_HEADERS + 1; i++) used += (size_t)snprintf(body + used, sizeof(body) - used, "X-%u: x\r\n", i);
    snprintf(body + used, sizeof(body) - used, JSON_PART "--xyzzy--");
    assert_int_equal(take_form(MULTIPART, body), ENGINE_TOO_LARGE);
    snprintf(body, sizeof(body), "--xyzzy\r\nX: %0*d\r\n" JSON_PART "--xyzzy--", LIMIT_ENGINE_PART_LINE_BYTES, 0);
    assert_int_equal(take_form(MULTIPART, body), ENGINE_TOO_LARGE);
    snprintf(body, sizeof(body), "multipart/form-data; boundary=%0*d", LIMIT_ENGINE_BOUNDARY_BYTES + 1, 0);
    assert_int_equal(take_form(body, "--xyzzy\r\n" JSON_PART "--xyzzy--"), ENGINE_MALFORMED);
    assert_int_equal(scene_take_bytes("rekor", MULTIPART, "--xyzzy\r\n" JSON_PART "--xyzzy--", 10), ENGINE_TYPE);
}

static void urlencoded(void **unused)
{
    static const char type[] = "application/x-www-form-urlencoded; charset=UTF-8";
    static char body[1000];
    size_t used = 0;

    (void)unused;
    expect_form(type, "a=b&json=%7B%22results%22%3A+%5B%7B%22plate%22%3a%22qq+z%209%22,\"score\":0.9}],\"camera_id\":\"nor%74h\"}&");
    expect_form(type, "json={\"results\":[{\"plate\":\"qqz9\",\"score\":0.9}],\"camera_id\":\"north\"}&json=[]");
    assert_int_equal(take_form(type, "json=%7"), ENGINE_MALFORMED);
    assert_int_equal(take_form(type, "json=%7g"), ENGINE_MALFORMED);
    assert_int_equal(take_form(type, "json="), ENGINE_MALFORMED);
    assert_int_equal(take_form(type, "json"), ENGINE_MALFORMED);
    assert_int_equal(take_form(type, "a=b"), ENGINE_MALFORMED);
    assert_int_equal(take_form(type, "=&=&&"), ENGINE_MALFORMED);
    assert_int_equal(take_form(type, ""), ENGINE_MALFORMED);
    for (unsigned i = 0; i < LIMIT_ENGINE_PARTS + 1; i++) used += (size_t)snprintf(body + used, sizeof(body) - used, "a%u=b&", i);
    assert_int_equal(take_form(type, body), ENGINE_TOO_LARGE);
}

/* -- XML ----------------------------------------------------------------------------------------------------------- */

#define ALERT_OF(plate) \
    "<EventNotificationAlert xmlns=\"x\"><eventType>ANPR</eventType><channelName>north</channelName><ANPR><licensePlate>" plate \
    "</licensePlate><confidenceLevel>97</confidenceLevel></ANPR></EventNotificationAlert>"
#define ALERT ALERT_OF("QQZ9")

static enum engine_outcome take_xml(const char *body)
{
    return scene_take("hikvision", body);
}

static void expect_xml(const char *body, const char *candidates, const char *faults)
{
    assert_int_equal(take_xml(body), ENGINE_TAKEN);
    assert_int_equal(scene_reads.count, 1);
    assert_string_equal(scene_candidates(0), candidates);
    assert_string_equal(scene_faults(), faults);
    assert_string_equal(scene_reads.list[0].camera, "north");
}

static void xml(void **unused)
{
    (void)unused;
    expect_xml(ALERT, "QQZ9 0.97", "");
    expect_xml("\xEF\xBB\xBF<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" ALERT "\n", "QQZ9 0.97", "");
    expect_xml("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>" ALERT_OF("\xC4QQZ9"), "QQZ9 0.97", "");
    expect_xml("<?xml version=\"1.0\" encoding=\"GB2312\"?>" ALERT_OF("QQZ9"), "QQZ9 0.97", "");
    expect_xml("<?xml version=\"1.0\" encoding=\"GB2312\"?>" ALERT_OF("\xBE\xA9QQZ9"), "", "plate-form 1");
    expect_xml(ALERT_OF("&#81;Q&#x5A;9"), "QQZ9 0.97", "");
    expect_xml(ALERT_OF("<![CDATA[QQ]]>Z<!-- a comment -->9"), "QQZ9 0.97", "");
    expect_xml(ALERT_OF("\n  qqz 9\n  "), "QQZ9 0.97", "");
    expect_xml(ALERT_OF(""), "", "plate-empty 1");
    expect_xml(ALERT_OF("unknown"), "", "plate-form 1");
    expect_xml("<ns:EventNotificationAlert xmlns:ns=\"x\"><ns:eventType>ANPR</ns:eventType><ns:channelName>north</ns:channelName><ns:ANPR>"
               "<ns:licensePlate>QQZ9</ns:licensePlate></ns:ANPR></ns:EventNotificationAlert>", "QQZ9 1.00", "");
}

static void xml_refused(void **unused)
{
    static char body[400000];
    static const char doctype[] = "<!DOCTYPE a [<!ENTITY b \"QQZ9\">]>";
    size_t used = 0;

    (void)unused;
    for (size_t cut = 1; cut < strlen(ALERT); cut++) assert_int_equal(scene_take_bytes("hikvision", "application/xml", ALERT, cut), ENGINE_MALFORMED);
    snprintf(body, sizeof(body), "%s%s", doctype, ALERT);
    assert_int_equal(take_xml(body), ENGINE_MALFORMED);
    snprintf(body, sizeof(body), "%s%s", doctype, ALERT_OF("&b;"));
    assert_int_equal(take_xml(body), ENGINE_MALFORMED);
    snprintf(body, sizeof(body), "<!DOCTYPE a SYSTEM \"file:///etc/passwd\">%s", ALERT);
    assert_int_equal(take_xml(body), ENGINE_MALFORMED);
    assert_int_equal(take_xml(ALERT_OF("&b;")), ENGINE_MALFORMED);
    assert_int_equal(take_xml(ALERT_OF("\xFF")), ENGINE_MALFORMED);
    assert_int_equal(take_xml(ALERT ALERT), ENGINE_MALFORMED);
    assert_int_equal(take_xml("<a/>"), ENGINE_UNKNOWN);
    for (unsigned i = 0; i < LIMIT_ENGINE_DEPTH + 1; i++) used += (size_t)snprintf(body + used, sizeof(body) - used, "<a>");
    assert_int_equal(take_xml(body), ENGINE_TOO_LARGE);
    used = (size_t)snprintf(body, sizeof(body), "<a>");
    for (unsigned i = 0; i < LIMIT_ENGINE_ELEMENTS; i++) used += (size_t)snprintf(body + used, sizeof(body) - used, "<b/>");
    snprintf(body + used, sizeof(body) - used, "</a>");
    assert_int_equal(take_xml(body), ENGINE_TOO_LARGE);
}

/* Base64 of any size stays where it is; in XML of another encoding there is no such place. */
static void xml_with_picture(void **unused)
{
    static uint8_t picture[30000];
    static char text[sizeof(picture) * 2], body[sizeof(text) * 2];
    static const struct {
        const char *before, *behind;
    } around[] = {
        { "<A><Plate>QQZ9</Plate><ContextImage>", "</ContextImage><PlateImage>here is none</PlateImage></A>" },
        { "<A><ContextImage>\r\n data:image/jpeg;base64,", "\r\n</ContextImage><Plate>QQZ9</Plate></A>" },
        { "<?xml version=\"1.0\" encoding=\"utf-8\"?><A><ContextImage><![CDATA[", "]]></ContextImage><Plate>QQZ9</Plate></A>" },
    };
    size_t used = 0;

    (void)unused;
    scene_jpeg(picture, sizeof(picture));
    for (size_t at = 0; at < sizeof(picture); at += 57) {
        const size_t size = sizeof(picture) - at < 57 ? sizeof(picture) - at : 57;

        sodium_bin2base64(text + used, sizeof(text) - used, picture + at, size, sodium_base64_VARIANT_ORIGINAL);
        used = strlen(text);
        used += (size_t)snprintf(text + used, sizeof(text) - used, "\r\n");
    }
    for (size_t i = 0; i < ARRAY_LENGTH(around); i++) {
        snprintf(body, sizeof(body), "%s%s%s", around[i].before, text, around[i].behind);
        assert_int_equal(scene_take("genetec", body), ENGINE_TAKEN);
        assert_string_equal(scene_candidates(0), "QQZ9 1.00");
        assert_string_equal(scene_faults(), "");
        assert_int_equal(scene_reads.list[0].picture_size, sizeof(picture));
        assert_memory_equal(scene_reads.list[0].picture, picture, sizeof(picture));
    }
    snprintf(body, sizeof(body), "<A><Plate>QQZ9</Plate><ContextImage>%s&amp;</ContextImage></A>", text);
    assert_int_equal(scene_take("genetec", body), ENGINE_TAKEN);
    assert_string_equal(scene_candidates(0), "QQZ9 1.00");
    assert_string_equal(scene_faults(), "image 1");
    snprintf(body, sizeof(body), "<A><Plate>%s</Plate></A>", text);
    assert_int_equal(scene_take("genetec", body), ENGINE_TAKEN);
    assert_string_equal(scene_faults(), "plate-long 1");
}

static void xml_in_multipart(void **unused)
{
    static const char body[] = "--xyzzy\r\nContent-Disposition: form-data; name=\"detectionPicture.jpg\"; filename=\"detectionPicture.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n"
                               SCENE_JPEG_HEAD "made up" SCENE_JPEG_END "\r\n--xyzzy\r\nContent-Disposition: form-data; name=\"anpr.xml\"; filename=\"anpr.xml\"\r\nContent-Type: text/xml\r\n\r\n" ALERT
                               "\r\n--xyzzy--\r\n";

    (void)unused;
    assert_int_equal(scene_take_bytes("hikvision", MULTIPART, body, sizeof(body) - 1), ENGINE_TAKEN);
    assert_string_equal(scene_candidates(0), "QQZ9 0.97");
    assert_int_equal(scene_reads.list[0].picture_size, SCENE_JPEG_LEAST + 7);
}

/* -- Rekor --------------------------------------------------------------------------------------------------------- */

#define CROP "/9j/wAALCAABAAEBAREA/9oACAEBAAA/AP/Z" /* SCENE_JPEG_HEAD SCENE_JPEG_END */

static const char rekor_group[] =
    "{\"data_type\": \"alpr_group\", \"version\": 3, \"epoch_start\": 1795348790123, \"camera_id\": 77, \"country\": \"us\", \"is_preview\": true,"
    "\"uuids\": [\"AAA-77-1\", \"AAA-77-2\", \"AAA-77-3\"], \"plate_indexes\": [0, 1, 0], \"best_uuid\": \"AAA-77-2\","
    "\"candidates\": [{\"plate\": \"QQ99QQ9\", \"confidence\": 91.5}, {\"plate\": \"QQ99Q09\", \"confidence\": 93.5}],"
    "\"best_plate\": {\"plate\": \"QQ99009\", \"confidence\": 88, \"plate_index\": 1, \"region\": \"mo\", \"region_confidence\": 40, \"plate_crop_jpeg\": \"\","
    "\"candidates\": [{\"plate\": \"QQ99QQ9\", \"confidence\": 95}]},"
    "\"best_plate_number\": \"QQ99QQ8\", \"best_confidence\": 70, \"best_region\": \"us-mo\", \"best_region_confidence\": 57.25, \"vehicle_crop_jpeg\": \"" CROP "\"}";

static void rekor(void **unused)
{
    static const char results[] = "{\"data_type\": \"alpr_results\", \"epoch_time\": 1795348790123, \"camera_id\": 77, \"uuid\": \"AAA-77-2\", \"results\": ["
                                  "{\"plate\": \"QQ1\", \"confidence\": 80, \"plate_index\": 0, \"candidates\": []},"
                                  "{\"plate\": \"QQ2\", \"confidence\": 90, \"plate_index\": 1, \"region\": \"us-tx\", \"region_confidence\": 99,"
                                  "\"candidates\": [{\"plate\": \"QQ3\", \"confidence\": 85}]}]}";
    uint64_t ids[4];

    (void)unused;
    assert_int_equal(scene_take("rekor", rekor_group), ENGINE_TAKEN);
    assert_string_equal(scene_reads.kind, "alpr_group");
    assert_int_equal(scene_reads.count, 1);
    assert_string_equal(scene_candidates(0), "QQ99QQ9 0.95, QQ99Q09 0.94, QQ99009 0.88, QQ99QQ8 0.70");
    assert_string_equal(scene_faults(), "");
    assert_string_equal(scene_reads.list[0].jurisdiction.code, "US-MO");
    assert_true(scene_reads.list[0].region_confidence == 0.5725);
    assert_string_equal(scene_reads.list[0].camera, "77");
    assert_true(scene_reads.list[0].preview);
    assert_true(scene_reads.list[0].seen_ms == 1795348790123);
    assert_int_equal(scene_reads.list[0].picture_size, SCENE_JPEG_LEAST);
    assert_int_equal(scene_reads.list[0].id_count, 3);
    memcpy(ids, scene_reads.list[0].ids, sizeof(ids));

    /* One picture with two vehicles: the second is the group's. */
    assert_int_equal(scene_take("rekor", results), ENGINE_TAKEN);
    assert_string_equal(scene_reads.kind, "alpr_results");
    assert_int_equal(scene_reads.count, 2);
    assert_string_equal(scene_candidates(0), "QQ1 0.80");
    assert_string_equal(scene_candidates(1), "QQ2 0.90, QQ3 0.85");
    assert_string_equal(scene_reads.list[1].jurisdiction.code, "US-TX");
    assert_int_equal(scene_reads.list[1].id_count, 1);
    assert_true(scene_reads.list[0].ids[0] != ids[0] && scene_reads.list[1].ids[0] == ids[0]);
}

static void rekor_alert(void **unused)
{
    static char body[2000];

    (void)unused;
    snprintf(body, sizeof(body), "{\"data_type\": \"alpr_alert\", \"plate_number\": \"QQ99QQ7\", \"group\": %s}", rekor_group);
    assert_int_equal(scene_take("rekor", body), ENGINE_TAKEN);
    assert_string_equal(scene_reads.kind, "alpr_alert");
    assert_string_equal(scene_candidates(0), "QQ99QQ9 0.95, QQ99Q09 0.94, QQ99009 0.88, QQ99QQ8 0.70, QQ99QQ7 0.70");
    assert_int_equal(scene_take("rekor", "{\"data_type\": \"alpr_alert\", \"group\": 7}"), ENGINE_TAKEN);
    assert_int_equal(scene_reads.list[0].count, 0);
}

static void rekor_without_plates(void **unused)
{
    (void)unused;
    assert_int_equal(scene_take("rekor", "{\"data_type\": \"heartbeat\", \"video_streams\": [{}]}"), ENGINE_TAKEN);
    assert_string_equal(scene_reads.kind, "heartbeat");
    assert_int_equal(scene_take("rekor", "{\"data_type\": \"vehicle\", \"vehicle\": {}}"), ENGINE_TAKEN);
    assert_int_equal(scene_reads.count, 0);
    assert_int_equal(scene_take("rekor", "{\"data_type\": \"alpr_results\", \"results\": []}"), ENGINE_TAKEN);
    assert_int_equal(scene_reads.count, 0);
    assert_int_equal(scene_take("rekor", "{\"data_type\": \"alpr_results\", \"results\": {}}"), ENGINE_TAKEN);
    assert_int_equal(scene_take("rekor", "{\"data_type\": \"alpr_results\", \"results\": [[], 7, null]}"), ENGINE_TAKEN);
    assert_string_equal(scene_faults(), "plate-empty 3");
    assert_int_equal(scene_take("rekor", "{\"data_type\": \"news\"}"), ENGINE_UNKNOWN);
    assert_int_equal(scene_take("rekor", "{\"data_type\": 7}"), ENGINE_UNKNOWN);
    assert_int_equal(scene_take("rekor", "[{\"data_type\": \"heartbeat\"}]"), ENGINE_UNKNOWN);
}

/* -- Plate Recognizer ---------------------------------------------------------------------------------------------- */

static void platerecognizer(void **unused)
{
    static const char stream[] = "{\"hook\": {\"event\": \"recognition\", \"id\": \"north\"}, \"data\": {\"camera_id\": \"north\", \"timestamp\": \"2026-11-22T11:59:58.654000+00:00\","
                                 "\"results\": [{\"plate\": \"qq8rec\", \"score\": 0.902, \"region\": {\"code\": \"us-ca\", \"score\": 0.179},"
                                 "\"candidates\": [{\"plate\": \"qqbrec\", \"score\": 0.758}, {\"plate\": \"qq8rec\", \"score\": 0.902}]}]}}";
    static const char vehicle[] = "{\"timestamp\": \"2026-11-22 11:59:58.896406\", \"camera_id\": null, \"results\": [{\"plate\": null, \"vehicle\": {}}, {\"plate\":"
                                  "{\"props\": {\"plate\": [{\"value\": \"qqk552\", \"score\": 0.838}, {\"value\": \"qqk55z\", \"score\": 0.9}],"
                                  "\"region\": [{\"value\": \"gb\", \"score\": 0.931}]}}}, {\"plate\": {\"props\": []}}]}";

    (void)unused;
    assert_int_equal(scene_take("platerecognizer", stream), ENGINE_TAKEN);
    assert_string_equal(scene_candidates(0), "QQ8REC 0.90, QQBREC 0.76");
    assert_string_equal(scene_reads.list[0].jurisdiction.code, "US-CA");
    assert_true(scene_reads.list[0].seen_ms == 1795348798654);
    assert_string_equal(scene_faults(), "");
    assert_int_equal(scene_take("platerecognizer", vehicle), ENGINE_TAKEN);
    assert_string_equal(scene_reads.kind, "vehicle");
    assert_int_equal(scene_reads.count, 2);
    assert_string_equal(scene_candidates(0), "QQK55Z 0.90, QQK552 0.84");
    assert_string_equal(scene_reads.list[0].jurisdiction.code, "GB");
    assert_true(scene_reads.list[0].seen_ms == 1795348798896);
    assert_string_equal(scene_faults(), "plate-empty 1");
    assert_int_equal(scene_take("platerecognizer", "{\"results\": [{\"plate\": \"QQ1\", \"region\": \"us-tx\"}]}"), ENGINE_TAKEN);
    assert_string_equal(scene_reads.list[0].jurisdiction.code, "US-TX");
    assert_int_equal(scene_take("platerecognizer", "{\"results\": []}"), ENGINE_TAKEN);
    assert_int_equal(scene_take("platerecognizer", "{\"results\": 7}"), ENGINE_UNKNOWN);
    assert_int_equal(scene_take("platerecognizer", "{\"data\": {\"status\": \"ok\"}}"), ENGINE_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(multipart),   cmocka_unit_test(multipart_with_picture), cmocka_unit_test(multipart_refused), cmocka_unit_test(urlencoded),
        cmocka_unit_test(xml),         cmocka_unit_test(xml_refused),            cmocka_unit_test(xml_in_multipart),  cmocka_unit_test(xml_with_picture), cmocka_unit_test(rekor),
        cmocka_unit_test(rekor_alert), cmocka_unit_test(rekor_without_plates),   cmocka_unit_test(platerecognizer),
    };

    if (!scene_start()) return 1;
    return cmocka_run_group_tests(tests, scene_begin, scene_end);
}
