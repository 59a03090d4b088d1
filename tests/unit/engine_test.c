/* client/engines: what is understood of a message, whatever the engine. */
#include <sodium.h>

#include "tests/unit/engine_scene.h"

static void expect(const char *body, const char *candidates, const char *faults)
{
    assert_int_equal(scene_take("plain", body), ENGINE_TAKEN);
    assert_int_equal(scene_reads.count, 1);
    assert_string_equal(scene_candidates(0), candidates);
    assert_string_equal(scene_faults(), faults);
}

static void plates(void **unused)
{
    (void)unused;
    expect("{\"plate\": \"QQ0 123\"}", "QQ0123 1.00", "");
    expect("{\"plate\": \" qqo-123 \"}", "QQ0123 1.00", "");
    expect("{\"plate\": \"Plate: qqz 9\"}", "QQZ9 1.00", "");
    expect("{\"plate\": \"LICENSE PLATE = QQZ 9\"}", "QQZ9 1.00", "");
    expect("{\"plate\": \"\\u0410\\u0412\\u0415 9\"}", "ABE9 1.00", ""); /* Cyrillic */
    expect("{\"plate\": \"QQ\n9\\n9\"}", "QQ99 1.00", ""); /* in two lines */
    expect("{\"plate\": 990099}", "990099 1.00", "");
    expect("{\"plate\": \"\"}", "", "plate-empty 1");
    expect("{\"plate\": \"  \"}", "", "plate-empty 1");
    expect("{\"plate\": \"---\"}", "", "plate-empty 1");
    expect("{\"plate\": null}", "", "plate-empty 1");
    expect("{\"plate\": {\"a\": 1}}", "", "plate-form 1");
    expect("{\"plate\": [\"QQZ9\"]}", "", "plate-form 1");
    expect("{\"plate\": true}", "", "plate-form 1");
    expect("{\"plate\": 9.5}", "", "plate-form 1");
    expect("{\"plate\": \"no plate\"}", "", "plate-form 1");
    expect("{\"plate\": \"unknown\"}", "", "plate-form 1");
    expect("{\"plate\": \"N/A\"}", "", "plate-form 1");
    expect("{\"plate\": \"QQ?9\"}", "", "plate-form 1");
    expect("{\"plate\": \"QQ\xff" "9\"}", "", "plate-form 1");
    expect("{\"plate\": \"QQ\\u00009\"}", "", "plate-form 1");
    expect("{\"plate\": \"QQ\\ud8009\"}", "", "plate-form 1");
    expect("{\"plate\": \"QQQQQQQ999999\"}", "", "plate-long 1");
}

static void confidences(void **unused)
{
    (void)unused;
    expect("{\"plate\": \"QQZ9\", \"confidence\": 0.97}", "QQZ9 0.97", "");
    expect("{\"plate\": \"QQZ9\", \"confidence\": \"0.97\"}", "QQZ9 0.97", "");
    expect("{\"plate\": \"QQZ9\", \"confidence\": 97}", "QQZ9 0.97", "");
    expect("{\"plate\": \"QQZ9\", \"confidence\": \"97\"}", "QQZ9 0.97", "");
    expect("{\"plate\": \"QQZ9\", \"confidence\": 1}", "QQZ9 1.00", "");
    expect("{\"plate\": \"QQZ9\", \"confidence\": -1}", "QQZ9 0.00", "confidence 1");
    expect("{\"plate\": \"QQZ9\", \"confidence\": 101}", "QQZ9 0.00", "confidence 1");
    expect("{\"plate\": \"QQZ9\", \"confidence\": NaN}", "QQZ9 0.00", "confidence 1");
    expect("{\"plate\": \"QQZ9\", \"confidence\": 1e999}", "QQZ9 0.00", "confidence 1");
    expect("{\"plate\": \"QQZ9\", \"confidence\": \"high\"}", "QQZ9 0.00", "confidence 1");
    expect("{\"plate\": \"QQZ9\", \"confidence\": {}}", "QQZ9 0.00", "confidence 1");
    expect("{\"plate\": \"QQZ9\", \"confidence\": 0}", "QQZ9 0.00", "");
}

/* Words for "not said" are as if it had not been said; 0 is said. */
static void confidences_unsaid(void **unused)
{
    static const char *const words[] = { "null", "\"\"", "\"  \"", "\"-\"", "\"--\"", "\"N/A\"", "\" n/a\"", "\"NA\"", "\"null\"", "\"None\"", "\"undefined\"" };
    char body[256];

    (void)unused;
    for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
        snprintf(body, sizeof(body), "{\"candidates\": [{\"plate\": \"QQ1\", \"confidence\": %s}, {\"plate\": \"QQ2\", \"confidence\": 0.8}, {\"plate\": \"QQ3\", \"confidence\": 0}]}",
                 words[i]);
        expect(body, "QQ2 0.80, QQ1 0.80, QQ3 0.00", "");
        snprintf(body, sizeof(body), "{\"plate\": \"QQZ9\", \"jurisdiction\": \"US-TX\", \"region_confidence\": %s}", words[i]);
        expect(body, "QQZ9 1.00", "");
        assert_true(scene_reads.list[0].region_confidence == 1);
    }
}

static void candidates(void **unused)
{
    (void)unused;
    expect("{\"plate\": \"QQ1\", \"confidence\": 0.5, \"candidates\": [{\"plate\": \"QQ2\", \"confidence\": 0.4}, {\"plate\": \"QQ3\", \"confidence\": 0.9},"
           "{\"plate\": \"q q 2\", \"confidence\": 0.6}, {\"plate\": null}, 7, {\"plate\": \"QQ1\", \"confidence\": 0.1}]}",
           "QQ3 0.90, QQ2 0.60, QQ1 0.50", "plate-empty 2");
    expect("{\"candidates\": []}", "", "plate-empty 1");
    assert_int_equal(scene_take("plain", "{}"), ENGINE_UNKNOWN);
    assert_int_equal(scene_take("plain", "[]"), ENGINE_TAKEN);
    assert_int_equal(scene_reads.count, 0);
    assert_int_equal(scene_take("plain", "[{\"plate\": \"QQ1\"}, {\"plate\": \"\"}, 3, {\"plate\": \"QQ2\"}]"), ENGINE_TAKEN);
    assert_int_equal(scene_reads.count, 4);
    assert_string_equal(scene_candidates(3), "QQ2 1.00");
}

static void malformed(void **unused)
{
    static const char *const bodies[] = { "{\"plate\": \"QQZ9\"", "{\"plate\": \"QQZ", "{\"plate\" \"QQZ9\"}", "{plate: 1}", "[", "{\"plate\": None}", "[1,]" };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LENGTH(bodies); i++) assert_int_equal(scene_take("plain", bodies[i]), ENGINE_MALFORMED);
    assert_int_equal(scene_take("plain", "hello"), ENGINE_TYPE);
    assert_int_equal(scene_take("plain", ""), ENGINE_MALFORMED);
    assert_int_equal(scene_take("rekor", "<xml/>"), ENGINE_TYPE);
    assert_int_equal(scene_take_bytes("rekor", "image/jpeg", "{}", 2), ENGINE_TYPE);
    assert_int_equal(scene_take("rekor", "{}"), ENGINE_UNKNOWN);
}

/* -- times --------------------------------------------------------------------------------------------------------- */

static void expect_time(const char *time, const char *moment)
{
    char body[256], seen[MOMENT_TEXT] = "";

    snprintf(body, sizeof(body), "{\"plate\": \"QQZ9\", \"seen_at\": %s}", time);
    assert_int_equal(scene_take("plain", body), ENGINE_TAKEN);
    if (scene_reads.list[0].seen_ms != 0) moment_print(scene_reads.list[0].seen_ms, seen);
    assert_string_equal(seen, moment);
    assert_string_equal(scene_faults(), moment[0] == '\0' ? "time 1" : "");
    assert_string_equal(scene_candidates(0), "QQZ9 1.00");
}

static void times(void **unused)
{
    static const char *const wrong[] = {
        "\"2021-11-22T11:59:58Z\"", "\"2026-11-22T12:59:58Z\"", "1700000000", "0", "-1", "1e30", "NaN", "{}", "[]", "true", "\"\"", "\"now\"", "\"2026-11-22\"",
        "\"2026-02-30T00:00:00Z\"", "\"2026-11-22T25:00:00Z\"", "\"2026-11-22T11:59:58Q\"", "\"2026-11-22T11:59:58Z and more\"", "\"22/22/2026 11:59:58\"",
        "\"\\u0000\"", "\"13:00:00 PM\"", "\"11:59:58\"", "99999999999999999999999999999999999999999999999999999",
    };

    (void)unused;
    expect_time("\"2026-11-22T11:59:58.123Z\"", "2026-11-22T11:59:58.123Z");
    expect_time("\"2026-11-22T11:59:58.123456+00:00\"", "2026-11-22T11:59:58.123Z");
    expect_time("\"2026-11-22T19:59:58+08:00\"", "2026-11-22T11:59:58.000Z");
    expect_time("\"2026-11-22T06:59:58-0500\"", "2026-11-22T11:59:58.000Z");
    expect_time("\"2026-11-22 11:59:58\"", "2026-11-22T11:59:58.000Z");
    expect_time("\"2026-11-22 11:59\"", "2026-11-22T11:59:00.000Z");
    expect_time("\"20261122 115958252\"", "2026-11-22T11:59:58.252Z");
    expect_time("\"20261122115958252\"", "2026-11-22T11:59:58.252Z");
    expect_time("\"20261122115958\"", "2026-11-22T11:59:58.000Z");
    expect_time("20261122115958", "");  /* a number is one */
    expect_time("\"22/11/2026 11:59:58\"", "2026-11-22T11:59:58.000Z");
    expect_time("\"11/22/2026 11:59:58 AM\"", "2026-11-22T11:59:58.000Z");
    expect_time("\"22.11.2026 11:59:58\"", "2026-11-22T11:59:58.000Z");
    expect_time("\"11/22/2026 12:01:58 PM\"", "2026-11-22T12:01:58.000Z");
    expect_time("\"11/22/2026 12:01:58 AM\"", "2026-11-22T00:01:58.000Z");
    expect_time("1795348798", "2026-11-22T11:59:58.000Z");
    expect_time("1795348798.25", "2026-11-22T11:59:58.250Z");
    expect_time("1795348798123", "2026-11-22T11:59:58.123Z");
    expect_time("\"1795348798123\"", "2026-11-22T11:59:58.123Z");
    expect_time("1795348798123456", "2026-11-22T11:59:58.123Z");
    expect_time("\"1795348798123000000\"", "2026-11-22T11:59:58.123Z");
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) expect_time(wrong[i], "");
}

static void expect_late(const char *engine, const char *body, bool late, bool long_past)
{
    assert_int_equal(scene_take(engine, body), ENGINE_TAKEN);
    assert_int_equal(scene_reads.list[0].late, late);
    assert_int_equal(scene_reads.list[0].long_past, long_past);
    assert_int_equal(scene_reads.list[0].seen_ms == 0, long_past);
}

/* An engine's stored queue, and what was there for long. */
static void late(void **unused)
{
    (void)unused;
    assert_true(moment_parse("2026-11-22T12:00:00Z", &scene_options.now_ms));
    expect_late("plain", "{\"plate\": \"QQZ9\", \"seen_at\": \"2026-11-22T11:59:45Z\"}", false, false);
    expect_late("plain", "{\"plate\": \"QQZ9\", \"seen_at\": \"2026-11-22T11:59:30Z\"}", true, false);
    expect_late("plain", "{\"plate\": \"QQZ9\", \"seen_at\": \"2026-11-22T03:00:00Z\"}", true, false);
    expect_late("plain", "{\"plate\": \"QQZ9\", \"seen_at\": \"2026-11-21T11:59:00Z\"}", true, true);
    expect_late("plain", "{\"plate\": \"QQZ9\", \"seen_at\": \"2026-11-22T12:00:20Z\"}", false, false);
    expect_late("rekor", "{\"data_type\": \"alpr_group\", \"epoch_start\": 1795345200000, \"best_plate_number\": \"QQZ9\"}", true, false);
    expect_late("rekor", "{\"data_type\": \"alpr_group\", \"epoch_start\": 1795345200000, \"epoch_end\": 1795348799000, \"best_plate_number\": \"QQZ9\"}", false, false);
    scene_end(NULL);
    assert_int_equal(scene_begin(NULL), 0);
}

static void days_and_months(void **unused)
{
    (void)unused;
    assert_true(moment_parse("2026-04-03T12:00:00Z", &scene_options.now_ms));
    expect_time("\"03/04/2026 11:59:58\"", "2026-04-03T11:59:58.000Z");
    expect_time("\"04/03/2026 11:59:58\"", "");
    scene_options.month_first = true;
    expect_time("\"04/03/2026 11:59:58\"", "2026-04-03T11:59:58.000Z");
    expect_time("\"4/3/2026 11:59:58 AM\"", "2026-04-03T11:59:58.000Z");
    scene_end(NULL);
    assert_int_equal(scene_begin(NULL), 0);
}

static void time_without_zone(void **unused)
{
    (void)unused;
    setenv("TZ", "EST5", 1);
    tzset();
    expect_time("\"2026-11-22 06:59:58\"", "2026-11-22T11:59:58.000Z");
    expect_time("\"2026-11-22 11:59:58\"", "2026-11-22T11:59:58.000Z");
    unsetenv("TZ");
    tzset();
}

/* -- regions ------------------------------------------------------------------------------------------------------- */

static void expect_region(const char *engine, const char *region, const char *jurisdiction, const char *faults)
{
    char body[512];

    if (strcmp(engine, "plain") == 0) snprintf(body, sizeof(body), "{\"plate\": \"QQZ9\", \"jurisdiction\": %s, \"region_confidence\": 0.5}", region);
    else
        snprintf(body, sizeof(body), "{\"data_type\": \"alpr_results\", \"results\": [{\"plate\": \"QQZ9\", \"region\": %s, \"region_confidence\": 50}]}",
                 region);
    assert_int_equal(scene_take(engine, body), ENGINE_TAKEN);
    assert_string_equal(scene_reads.list[0].jurisdiction.code, jurisdiction);
    assert_true(scene_reads.list[0].region_confidence == (jurisdiction[0] == '\0' ? 1 : 0.5));
    assert_string_equal(scene_faults(), faults);
    assert_int_equal(scene_reads.list[0].count, 1);
}

static void regions(void **unused)
{
    (void)unused;
    expect_region("plain", "\"US-MO\"", "US-MO", "");
    expect_region("plain", "\" us-mo \"", "US-MO", "");
    expect_region("plain", "\"us_mo\"", "US-MO", "");
    expect_region("plain", "\"MX-BCN\"", "MX-BCN", "");
    expect_region("plain", "\"nl\"", "NL", "");
    expect_region("plain", "\"ga\"", "GA", "");
    expect_region("plain", "\"POL\"", "PL", "");
    expect_region("plain", "\"deu\"", "DE", "");
    expect_region("plain", "\"GBR\"", "GB", "");
    expect_region("plain", "\"us\"", "", "");
    expect_region("plain", "\"USA\"", "", "");
    expect_region("plain", "\"\"", "", "");
    expect_region("plain", "null", "", "");
    expect_region("plain", "\"eu-nl\"", "NL", "");
    expect_region("plain", "\"au-qld\"", "AU", "");
    expect_region("plain", "\"us-xx\"", "", "region 1");
    expect_region("plain", "\"tx\"", "", "region 1");
    expect_region("plain", "\"xyz\"", "", "region 1");
    expect_region("plain", "\"-\"", "", "region 1");
    expect_region("plain", "\"US-\"", "", "region 1");
    expect_region("plain", "\"a region that is longer than any\"", "", "region 1");
    expect_region("plain", "7", "", "region 1");
    expect_region("plain", "{}", "", "region 1");
    expect_region("rekor", "\"oh\"", "US-OH", "");
    expect_region("rekor", "\"pr\"", "US-PR", "");
    expect_region("rekor", "\"gb\"", "GB", "");
    expect_region("rekor", "\"ga\"", "", "region 1");
    expect_region("rekor", "\"us\"", "", "");
}

static void regions_of_a_country(void **unused)
{
    (void)unused;
    memcpy(scene_options.country, "US", 3);
    expect_region("rekor", "\"ga\"", "US-GA", "");
    expect_region("rekor", "\"ca\"", "US-CA", "");
    expect_region("rekor", "\"mo\"", "US-MO", "");
    expect_region("rekor", "\"gb\"", "GB", "");
    expect_region("rekor", "\"us\"", "", "");
    expect_region("plain", "\"tx\"", "US-TX", "");
    expect_region("plain", "\"nl\"", "NL", "");
    memcpy(scene_options.country, "MX", 3);
    expect_region("rekor", "\"bcn\"", "MX-BCN", "");
    memset(scene_options.country, 0, sizeof(scene_options.country));
}

static void regions_of_a_set(void **unused)
{
    (void)unused;
    scene_options.codes_known = true;
    scene_options.codes = PLATESIEVE_CODES_NCIC;
    expect_region("rekor", "\"nb\"", "US-NE", "");
    expect_region("plain", "\"PQ\"", "CA-QC", "");
    expect_region("plain", "\"us-mo\"", "US-MO", "");
    scene_options.codes = PLATESIEVE_CODES_USPS;
    expect_region("rekor", "\"nb\"", "CA-NB", "");
    expect_region("rekor", "\"ga\"", "US-GA", "");
    scene_options.codes_known = false;
}

/* -- pictures ------------------------------------------------------------------------------------------------------ */

static uint8_t picture[300000];

/* A message with the picture's first SIZE bytes, as each engine writes base64. */
static enum engine_outcome take_picture(size_t size, const char *before, int variant, const char *escape_plus, const char *escape_slash, unsigned line)
{
    static char text[500000], body[1500000];
    size_t used;

    sodium_bin2base64(text, sizeof(text), picture, size, variant);
    used = (size_t)snprintf(body, sizeof(body), "{\"plate\": \"QQZ9\", \"image\": \"%s", before);
    for (size_t i = 0; text[i] != '\0'; i++) {
        if (line > 0 && i > 0 && i % line == 0) used += (size_t)snprintf(body + used, sizeof(body) - used, "\\r\\n");
        if (text[i] == '+') used += (size_t)snprintf(body + used, sizeof(body) - used, "%s", escape_plus);
        else if (text[i] == '/') used += (size_t)snprintf(body + used, sizeof(body) - used, "%s", escape_slash);
        else body[used++] = text[i];
    }
    used += (size_t)snprintf(body + used, sizeof(body) - used, "\", \"id\": \"after it\"}");
    return scene_take_bytes("plain", "application/json", body, used);
}

static void expect_picture(size_t size, const char *before, int variant, const char *escape_plus, const char *escape_slash, unsigned line)
{
    scene_jpeg(picture, size);
    assert_int_equal(take_picture(size, before, variant, escape_plus, escape_slash, line), ENGINE_TAKEN);
    assert_string_equal(scene_faults(), "");
    assert_non_null(scene_reads.list[0].picture);
    assert_int_equal(scene_reads.list[0].picture_size, size);
    assert_memory_equal(scene_reads.list[0].picture, picture, size);
    assert_string_equal(scene_candidates(0), "QQZ9 1.00");
    assert_int_equal(scene_reads.list[0].id_count, 1);
}

static void pictures(void **unused)
{
    static const size_t sizes[] = { SCENE_JPEG_LEAST, 100, 381, 382, 383, 384, 385, 1000, 1001, 1002, 299998, 299999, 300000 };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LENGTH(sizes); i++) {
        expect_picture(sizes[i], "", sodium_base64_VARIANT_ORIGINAL, "+", "/", 0);
        expect_picture(sizes[i], "", sodium_base64_VARIANT_ORIGINAL_NO_PADDING, "+", "/", 0);
        expect_picture(sizes[i], "data:image/jpeg;base64,", sodium_base64_VARIANT_ORIGINAL, "+", "/", 0);
        expect_picture(sizes[i], "", sodium_base64_VARIANT_URLSAFE, "-", "_", 0);
        if (sizes[i] < 385) continue; /* shorter ones come out of jansson without their escapes */
        expect_picture(sizes[i], "", sodium_base64_VARIANT_ORIGINAL, "\\u002b", "\\/", 0);
        expect_picture(sizes[i], "", sodium_base64_VARIANT_ORIGINAL, "+", "/", 76);
        expect_picture(sizes[i], "", sodium_base64_VARIANT_ORIGINAL, "\\u002B", "\\u002F", 61);
    }
}

static void expect_no_picture(size_t size)
{
    assert_int_equal(take_picture(size, "", sodium_base64_VARIANT_ORIGINAL, "+", "/", 0), ENGINE_TAKEN);
    assert_string_equal(scene_candidates(0), "QQZ9 1.00");
    assert_string_equal(scene_faults(), "image 1");
    assert_null(scene_reads.list[0].picture);
    assert_int_equal(scene_reads.list[0].picture_size, 0);
}

/* They begin like one. */
static void broken_pictures(void **unused)
{
    (void)unused;
    scene_jpeg(picture, 1000);
    expect_no_picture(998); /* cut */
    expect_no_picture(500);
    expect_no_picture(20);
    memset(picture + 3, 'x', 900);
    expect_no_picture(1000);
    memcpy(picture, "\x89PNG\r\n\x1a\n", 8);
    expect_no_picture(1000);
    expect_no_picture(8);
}

static void no_pictures(void **unused)
{
    (void)unused;
    scene_jpeg(picture, 1000);
    picture[1] = 0;
    assert_int_equal(take_picture(1000, "", sodium_base64_VARIANT_ORIGINAL, "+", "/", 0), ENGINE_TAKEN);
    assert_string_equal(scene_faults(), "image 1");
    assert_null(scene_reads.list[0].picture);
    picture[1] = 0xD8;
    assert_int_equal(take_picture(1000, "=", sodium_base64_VARIANT_ORIGINAL, "+", "/", 0), ENGINE_TAKEN);
    assert_string_equal(scene_faults(), "image 1");
    assert_int_equal(take_picture(1000, "", sodium_base64_VARIANT_ORIGINAL, "!", "/", 0), ENGINE_TAKEN);
    assert_string_equal(scene_faults(), "image 1");
    assert_int_equal(take_picture(1000, "", sodium_base64_VARIANT_ORIGINAL, "\\u0041", "\\x", 0), ENGINE_TAKEN);
    assert_string_equal(scene_faults(), "image 1");
    expect("{\"plate\": \"QQZ9\", \"image\": \"(base64 removed)\"}", "QQZ9 1.00", "image 1");
    expect("{\"plate\": \"QQZ9\", \"image\": \"\"}", "QQZ9 1.00", "");
    expect("{\"plate\": \"QQZ9\", \"image\": 7}", "QQZ9 1.00", "image 1");
    expect("{\"plate\": \"QQZ9\", \"image\": {}}", "QQZ9 1.00", "image 1");
    expect("{\"plate\": \"QQZ9\", \"image\": \"R0lGODlh\"}", "QQZ9 1.00", "image 1"); /* GIF */
}

/* -- forms of messages --------------------------------------------------------------------------------------------- */

static void tolerated(void **unused)
{
    (void)unused;
    expect("\xEF\xBB\xBF{\"plate\": \"QQZ9\"}\r\n", "QQZ9 1.00", "");
    assert_int_equal(scene_take_bytes("plain", "application/json; charset=utf-8", "{\"plate\": \"QQZ9\"}\0\0", 19), ENGINE_TAKEN);
    expect("{\"plate\": \"QQ1\", \"plate\": \"QQ2\"}", "QQ2 1.00", "");
    expect("{\"plate\": \"QQZ9\", \"camera\": \"M\xfcller\tstra\xdf" "e\\q\"}", "QQZ9 1.00", "");
    expect("{\"plate\": \"QQZ9\", \"x\": 123456789012345678901234567890, \"y\": -Infinity}", "QQZ9 1.00", "");
    assert_int_equal(scene_take_bytes("plain", "application/x-www-form-urlencoded", "{\"plate\": \"QQZ9\"}", 17), ENGINE_TAKEN);
    assert_int_equal(scene_take_bytes("plain", "text/plain", "{\"plate\": \"QQZ9\"}", 17), ENGINE_TAKEN);
    assert_int_equal(scene_reads.count, 1);
}

static void too_much(void **unused)
{
    static char body[200000];
    size_t used = 0;

    (void)unused;
    memset(body, '[', 40);
    assert_int_equal(scene_take_bytes("plain", NULL, body, 40), ENGINE_MALFORMED);
    for (size_t i = 0; i < sizeof(body) / 6 - 1; i++) used += (size_t)snprintf(body + used, sizeof(body) - used, "%s[[]]", i == 0 ? "[" : ",");
    body[used++] = ']';
    assert_int_equal(scene_take_bytes("plain", NULL, body, used), ENGINE_TOO_LARGE);
    used = 0;
    for (size_t i = 0; i < 40; i++) used += (size_t)snprintf(body + used, sizeof(body) - used, "%s{\"plate\": \"QQ%zu\"}", i == 0 ? "[" : ",", i);
    body[used++] = ']';
    assert_int_equal(scene_take_bytes("plain", NULL, body, used), ENGINE_TAKEN);
    assert_int_equal(scene_reads.count, ENGINE_READS_MAX);
    assert_int_equal(scene_reads.left_out, 24);
    assert_string_equal(scene_faults(), "too-much 24");
    used = (size_t)snprintf(body, sizeof(body), "{\"candidates\": [");
    for (size_t i = 0; i < 40; i++)
        used += (size_t)snprintf(body + used, sizeof(body) - used, "%s{\"plate\": \"QQ%zu\", \"confidence\": %f}", i == 0 ? "" : ",", i, (double)(i + 1) / 40);
    used += (size_t)snprintf(body + used, sizeof(body) - used, "]}");
    assert_int_equal(scene_take_bytes("plain", NULL, body, used), ENGINE_TAKEN);
    assert_int_equal(scene_reads.list[0].count, ENGINE_CANDIDATES_MAX);
    assert_int_equal(scene_reads.left_out, 0); /* spellings, no vehicles */
    assert_memory_equal(scene_reads.list[0].candidates[0].plate.text, "QQ39", 4);
    assert_memory_equal(scene_reads.list[0].candidates[31].plate.text, "QQ8", 3);
}

/* The camera's name is for people: nothing in it changes how the rest is shown. */
static void cameras(void **unused)
{
    (void)unused;
    expect("{\"plate\": \"QQZ9\", \"camera\": \"north \\u202e\\u001b[31m 2\"}", "QQZ9 1.00", "");
    assert_string_equal(scene_reads.list[0].camera, "north [31m 2");
    expect("{\"plate\": \"QQZ9\", \"camera\": 12345678901234567890123}", "QQZ9 1.00", "");
    assert_string_equal(scene_reads.list[0].camera, "12345678901234567890123");
    memcpy(scene_options.camera, "south", 6);
    expect("{\"plate\": \"QQZ9\", \"camera\": \"north\"}", "QQZ9 1.00", "");
    assert_string_equal(scene_reads.list[0].camera, "south");
    scene_options.camera[0] = '\0';
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plates),
        cmocka_unit_test(confidences),
        cmocka_unit_test(confidences_unsaid),
        cmocka_unit_test(candidates),
        cmocka_unit_test(malformed),
        cmocka_unit_test(times),
        cmocka_unit_test(late),
        cmocka_unit_test(days_and_months),
        cmocka_unit_test(time_without_zone),
        cmocka_unit_test(regions),
        cmocka_unit_test(regions_of_a_country),
        cmocka_unit_test(regions_of_a_set),
        cmocka_unit_test(pictures),
        cmocka_unit_test(broken_pictures),
        cmocka_unit_test(no_pictures),
        cmocka_unit_test(tolerated),
        cmocka_unit_test(too_much),
        cmocka_unit_test(cameras),
    };

    if (!scene_start()) return 1;
    return cmocka_run_group_tests(tests, scene_begin, scene_end);
}
