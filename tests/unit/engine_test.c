/* client/engines: what is understood of a message, whatever the engine. */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plates),
        cmocka_unit_test(confidences),
        cmocka_unit_test(candidates),
        cmocka_unit_test(malformed),
    };

    if (!scene_start()) return 1;
    return cmocka_run_group_tests(tests, scene_begin, scene_end);
}
