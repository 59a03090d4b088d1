/* Alerts that are kept: bounded in number and age, one for each hit; in words, as a line, as JSON, and as JSON with its picture. */
#include "client/alerts/book.h"

#include <jansson.h>
#include <sodium.h>
#include <string.h>

#include "client/alerts/stream.h"
#include "tests/unit/alerts_scene.h"
#include "tests/unit/cmocka_all.h"

#define KEEP_S 60
#define ALL ((1u << ALERT_PATHS) - 1)

struct lost {
    unsigned count;
    char hit[PLATESIEVE_TOKEN_TEXT + 1];
};

static void on_lost(void *context, const struct kept_alert *kept, enum alert_path path)
{
    struct lost *lost = context;

    (void)path;
    lost->count++;
    memcpy(lost->hit, kept->alert.hit, sizeof(lost->hit));
}

static struct kept_alert *raise_at(struct alert_book *book, const char *hit, uint8_t read_id, enum platesieve_grade grade, struct image *image,
                                   int64_t seconds)
{
    const struct lane_read read = scene_read("FIRST", read_id, image);
    const struct check_alert alert = scene_alert(hit, grade, 1);

    return alert_book_raise(book, &read, &alert, ALL, (struct alert_moment) { seconds * 1000, 1770000000000 + seconds * 1000 });
}

static void settle(struct kept_alert *kept)
{
    memset(kept->due, 0, sizeof(kept->due));
}

static void test_number_and_age_are_bounded(void **state)
{
    struct lost lost = { 0 };
    struct alert_book *book = alert_book_create(3, KEEP_S, 1000, on_lost, &lost);

    (void)state;
    assert_non_null(book);
    settle(raise_at(book, "a", 1, PLATESIEVE_FULL, NULL, 0));
    settle(raise_at(book, "b", 2, PLATESIEVE_FULL, NULL, 1));
    assert_non_null(raise_at(book, "c", 3, PLATESIEVE_FULL, NULL, 2));
    assert_int_equal(alert_book_count(book), 3);
    assert_int_equal(alert_book_last(book), 1003);
    assert_non_null(raise_at(book, "d", 4, PLATESIEVE_FULL, NULL, 3)); /* in place of a, which has arrived */
    assert_null(alert_book_find(book, "a"));
    assert_int_equal(lost.count, 0);
    assert_string_equal(alert_book_due(book, ALERT_DISPLAY, 3000)->alert.hit, "c");
    assert_int_equal(alert_book_waiting(book, ALERT_DISPLAY), 2);
    alert_book_forget(book, 1000 + KEEP_S * 1000 - 1);
    assert_int_equal(alert_book_count(book), 3);
    alert_book_forget(book, 1000 + KEEP_S * 1000);
    assert_null(alert_book_find(book, "b"));
    alert_book_forget(book, 2000 + KEEP_S * 1000);
    assert_int_equal(lost.count, ALERT_PATHS); /* c went nowhere */
    assert_string_equal(lost.hit, "c");
    assert_int_equal(alert_book_count(book), 1);
    alert_book_destroy(book);
    assert_int_equal(lost.count, 2 * ALERT_PATHS);
}

static struct kept_alert *raise_of(struct alert_book *book, const char *hit, uint8_t read_id, unsigned priority, int64_t seconds)
{
    const struct lane_read read = scene_read("FIRST", read_id, NULL);
    struct check_alert alert = scene_alert(hit, PLATESIEVE_FULL, 1);

    alert.priority = priority;
    return alert_book_raise(book, &read, &alert, ALL, (struct alert_moment) { seconds * 1000, 1770000000000 + seconds * 1000 });
}

static const char *due_at(struct alert_book *book, enum alert_path path, int64_t seconds)
{
    return alert_book_due(book, path, seconds * 1000)->alert.hit;
}

static void test_the_gravest_and_latest_go_first_after_trouble(void **state)
{
    struct lost lost = { 0 };
    struct alert_book *book = alert_book_create(4, KEEP_S, 0, on_lost, &lost);
    uint64_t raise;

    (void)state;
    (void)raise_of(book, "old", 1, 20, 0);
    raise = raise_of(book, "grave", 2, 90, 1)->raise;
    (void)raise_of(book, "light", 3, 10, 2);
    (void)raise_of(book, "new", 4, 20, 3);
    assert_string_equal(due_at(book, ALERT_DISPLAY, 1), "old"); /* nothing waited for long */
    assert_string_equal(due_at(book, ALERT_DISPLAY, 4), "grave");
    assert_string_equal(due_at(book, ALERT_OUTPUT, 4), "old"); /* a log of what was, in its order */
    assert_string_equal(alert_book_failed(book, ALERT_DISPLAY, raise)->alert.hit, "grave");
    assert_string_equal(due_at(book, ALERT_DISPLAY, 4), "new"); /* what can't be delivered holds up nothing */
    assert_string_equal(due_at(book, ALERT_COMMAND, 4), "grave");
    assert_string_equal(alert_book_late(book, ALERT_DISPLAY, 1000)->alert.hit, "old");
    (void)raise_of(book, "next", 5, 20, 4); /* in place of the least grave, though it was raised later */
    assert_null(alert_book_find(book, "light"));
    assert_int_equal(lost.count, ALERT_PATHS);
    settle(alert_book_find(book, "new"));
    (void)raise_of(book, "last", 6, 5, 5); /* in place of what went everywhere */
    assert_null(alert_book_find(book, "new"));
    assert_int_equal(lost.count, ALERT_PATHS);
    assert_true(alert_book_wants(book, ALERT_DISPLAY, raise));
    assert_string_equal(alert_book_settle(book, ALERT_DISPLAY, raise)->alert.hit, "grave");
    assert_false(alert_book_wants(book, ALERT_DISPLAY, raise));
    assert_true(alert_book_wants(book, ALERT_COMMAND, raise));
    assert_null(alert_book_settle(book, ALERT_DISPLAY, 999));
    assert_int_equal(alert_book_waiting(book, ALERT_DISPLAY), 3);
    alert_book_destroy(book);
}

static void test_one_hit_is_one_alert(void **state)
{
    struct lost lost = { 0 };
    struct alert_book *book = alert_book_create(3, KEEP_S, 0, on_lost, &lost);
    struct kept_alert *kept;

    (void)state;
    kept = raise_at(book, "a", 1, PLATESIEVE_SIMILAR, NULL, 0);
    settle(kept);
    assert_non_null(raise_at(book, "b", 2, PLATESIEVE_FULL, NULL, 1));
    assert_null(raise_at(book, "a", 1, PLATESIEVE_NEAR, NULL, 2)); /* the same vehicle, and nothing better */
    assert_false(kept->due[ALERT_OUTPUT]);
    assert_ptr_equal(raise_at(book, "a", 1, PLATESIEVE_FULL, NULL, 3), kept); /* something better */
    assert_int_equal(kept->alert.grade, PLATESIEVE_FULL);
    settle(kept);
    kept->judgement = "misread";
    assert_ptr_equal(raise_at(book, "a", 9, PLATESIEVE_NEAR, NULL, 4), kept); /* the vehicle came again */
    assert_int_equal(kept->times, 3);
    assert_int_equal(kept->raised_at_ms, 1770000000000);
    assert_true(kept->due[ALERT_COMMAND]);
    assert_string_equal(kept->judgement, "misread");
    assert_int_equal(alert_book_count(book), 2);
    assert_string_equal(alert_book_after(book, 0)->alert.hit, "b");
    assert_ptr_equal(alert_book_after(book, alert_book_after(book, 0)->number), kept);
    assert_null(alert_book_after(book, kept->number));
    alert_book_destroy(book);
}

static void test_pictures_are_held(void **state)
{
    struct lost lost = { 0 };
    struct alert_book *book = alert_book_create(2, KEEP_S, 0, on_lost, &lost);
    struct images *images = images_create(1u << 20);
    struct image *image = images_put(images, (const uint8_t *)"picture", 7);
    struct kept_alert *kept;

    (void)state;
    kept = raise_at(book, "a", 1, PLATESIEVE_FULL, NULL, 0);
    assert_null(raise_at(book, "a", 1, PLATESIEVE_FULL, image, 1)); /* nothing new but the picture */
    assert_ptr_equal(kept->image, image);
    image_release(image);
    assert_true(images_used(images) > 0);
    assert_non_null(raise_at(book, "a", 2, PLATESIEVE_FULL, NULL, 2)); /* of another passage */
    assert_null(kept->image);
    assert_int_equal(images_used(images), 0);
    image = images_put(images, (const uint8_t *)"picture", 7);
    assert_non_null(raise_at(book, "b", 3, PLATESIEVE_FULL, image, 3));
    image_release(image);
    assert_string_equal(alert_book_pictured(book)->alert.hit, "b");
    alert_book_forget(book, 1000 * 1000);
    assert_null(alert_book_pictured(book));
    assert_int_equal(images_used(images), 0);
    alert_book_destroy(book);
    images_destroy(images);
}

/* -- words ----------------------------------------------------------------------------------------------------------- */

static void check_words(enum platesieve_grade grade, int64_t age_s, bool old, const char *wanted)
{
    struct kept_alert kept = { .alert = scene_alert("a", grade, 0) };
    char words[ALERT_WORDS];

    kept.alert.age_s = age_s;
    kept.alert.verify = old;
    alert_words(&kept, words);
    assert_string_equal(words, wanted);
}

/* A read that came WAITED_S ago, and was seen SEEN_S before now as the engine says. */
static void check_seen(bool late, int64_t seen_s, int64_t waited_s, bool long_past, const char *wanted)
{
    struct lost lost = { 0 };
    struct alert_book *book = alert_book_create(1, KEEP_S, 0, on_lost, &lost);
    const struct check_alert alert = scene_alert("a", PLATESIEVE_FULL, 0);
    struct lane_read read = scene_read("FIRST", 1, NULL);
    const struct alert_moment moment = { 10000000, read.check.seen_ms + seen_s * 1000 };
    char words[ALERT_WORDS];
    struct kept_alert *kept;

    read.late = late;
    read.long_past = long_past;
    read.came_us = (moment.monotonic_ms - waited_s * 1000) * 1000;
    read.clock_ms = moment.now_ms - moment.monotonic_ms;
    kept = alert_book_raise(book, &read, &alert, ALL, moment);
    alert_words(kept, words);
    assert_string_equal(words, wanted);
    assert_int_equal(alert_is_late(kept), strncmp(wanted, "SEEN", 4) == 0);
    settle(kept);
    alert_book_destroy(book);
}

static void test_when_it_was_seen(void **state)
{
    (void)state;
    check_seen(true, 9 * 3600, 0, false, "SEEN 9 h AGO; plate and jurisdiction, list 26 h old");
    check_seen(true, 45, 3, false, "SEEN 45 s AGO; plate and jurisdiction, list 26 h old");
    check_seen(false, 9 * 3600, 2, false, "plate and jurisdiction, list 26 h old"); /* it stood there all the while */
    check_seen(false, 31, 31, false, "SEEN 31 s AGO; plate and jurisdiction, list 26 h old"); /* no gate answered */
    check_seen(false, -100, -100, false, "plate and jurisdiction, list 26 h old");
    check_seen(true, 0, 0, true, "SEEN OVER 24 h AGO, or the camera's clock is wrong; plate and jurisdiction, list 26 h old");
}

/* What was stored is answered after what drove past since. */
static void test_what_was_seen_before_replaces_nothing(void **state)
{
    struct lost lost = { 0 };
    struct alert_book *book = alert_book_create(2, KEEP_S, 0, on_lost, &lost);
    const struct check_alert alert = scene_alert("a", PLATESIEVE_FULL, 0);
    struct lane_read before = scene_read("BEFORE", 2, NULL);
    struct kept_alert *kept = raise_at(book, "a", 1, PLATESIEVE_SIMILAR, NULL, 0);
    const uint64_t number = kept->number;

    (void)state;
    settle(kept);
    before.clock_ms = before.check.seen_ms; /* FIRST came then */
    before.check.seen_ms -= 240000;
    before.came_us = 1000000;
    before.late = true;
    assert_null(alert_book_raise(book, &before, &alert, ALL, (struct alert_moment) { 1000, 1770000001000 }));
    assert_string_equal(kept->best, "FIRST");
    assert_false(kept->due[ALERT_OUTPUT]);
    assert_int_equal(kept->times, 2);
    assert_true(kept->number > number);
    assert_int_equal(kept->ago_s, 0);
    before.late = false; /* it has waited here */
    before.came_us = -1000000;
    assert_null(alert_book_raise(book, &before, &alert, ALL, (struct alert_moment) { 2000, 1770000002000 }));
    assert_int_equal(kept->times, 3);
    alert_book_destroy(book);
}

/* What READ_ID raises a moment after FIRST, both SEEN_S before they came by the engine's clock. */
static struct kept_alert *raise_seen(struct alert_book *book, uint8_t read_id, const char *camera, int64_t seen_s, int64_t seconds)
{
    const struct check_alert alert = scene_alert("a", PLATESIEVE_FULL, 0);
    const struct alert_moment moment = { 100000000 + seconds * 1000, 1770000000000 + seconds * 1000 };
    struct lane_read read = scene_read("NEXT", read_id, NULL);

    snprintf(read.camera, sizeof(read.camera), "%s", camera);
    read.late = seen_s >= LIMIT_SEEN_LATE_S;
    read.long_past = seen_s > LIMIT_SEEN_AGE_S;
    read.check.seen_ms = moment.now_ms - (read.long_past ? 0 : seen_s * 1000);
    read.clock_ms = moment.now_ms - moment.monotonic_ms;
    read.came_us = moment.monotonic_ms * 1000;
    return alert_book_raise(book, &read, &alert, ALL, moment);
}

/* The clock of the camera that sees the second passage is off by so much, that of the first by so much: it is told of nevertheless. */
static void check_second_passage(const char *first, int64_t first_s, const char *second, int64_t second_s)
{
    struct lost lost = { 0 };
    struct alert_book *book = alert_book_create(2, KEEP_S, 0, on_lost, &lost);
    struct kept_alert *kept = raise_seen(book, 1, first, first_s, 0), *again;

    assert_non_null(kept);
    settle(kept);
    again = raise_seen(book, 2, second, second_s, 20);
    assert_ptr_equal(again, kept);
    for (enum alert_path path = 0; path < ALERT_PATHS; path++) assert_true(again->due[path]);
    assert_int_equal(again->times, 2);
    assert_int_equal(again->ago_s, second_s > LIMIT_SEEN_AGE_S ? INT64_MAX : second_s >= LIMIT_SEEN_LATE_S ? second_s : 0);
    settle(again);
    alert_book_destroy(book);
}

static void test_a_camera_whose_clock_is_wrong_hides_no_passage(void **state)
{
    (void)state;
    check_second_passage("north", 400 * 86400, "north", 400 * 86400);
    check_second_passage("north", 0, "north", 400 * 86400); /* it has started anew, in 1970 */
    check_second_passage("north", 400 * 86400, "north", 0);
    check_second_passage("north", 0, "south", 400 * 86400);
    check_second_passage("north", 0, "south", 7200);
    check_second_passage("north", -240, "south", 0);
    check_second_passage("north", 0, "south", 25);
    check_second_passage("north", 7200, "north", 7200);
    check_second_passage("south", 7200, "north", 10800);
}

static void test_words(void **state)
{
    (void)state;
    check_words(PLATESIEVE_FULL, 90, false, "plate and jurisdiction, list 90 s old");
    check_words(PLATESIEVE_FULL, 26 * 3600, true, "plate and jurisdiction, list 26 h old (past its limit): VERIFY");
    check_words(PLATESIEVE_PLATE, 600, false, "plate alone, list 10 min old: VERIFY");
    check_words(PLATESIEVE_SIMILAR, 26 * 3600 + 1000, false, "similar, list 26 h old: VERIFY");
    check_words(PLATESIEVE_NEAR, 10 * 86400, true, "near, list 10 days old (past its limit): VERIFY");
    check_words(PLATESIEVE_FULL, -5, false, "plate and jurisdiction, list 0 s old");
    check_words(PLATESIEVE_SIMILAR, INT64_MAX, true, "similar, list 106751991167300 days old (past its limit): VERIFY");
}

static void test_line(void **state)
{
    struct lost lost = { 0 };
    struct alert_book *book = alert_book_create(1, KEEP_S, 0, on_lost, &lost);
    char line[ALERT_TEXT];
    struct text text = { line, sizeof(line), 0 };
    struct kept_alert *kept = raise_at(book, "aaaaaaaaaaaaaaaaaaaaaa", 1, PLATESIEVE_SIMILAR, NULL, 0);

    (void)state;
    snprintf(kept->plate, sizeof(kept->plate), "%s", "ÄB\x1b[31m\xe2\x80\xae\xff" "1\n2");
    alert_line(&text, kept);
    assert_true(text_fits(&text));
    assert_string_equal(line, "02:40:00  ALERT  ÄB[31m12 (jurisdiction unknown)  stolen vehicle (customs/stolen), similar, list 26 h old: VERIFY, priority 20: "
                              "Stop \"and\" ask\\call  [north \"1\"]  [hit aaaaaaaaaaaaaaaaaaaaaa]\n");
    settle(kept);
    alert_book_destroy(book);
}

/* -- JSON ------------------------------------------------------------------------------------------------------------ */

static json_t *parse(const char *json, size_t size)
{
    json_t *parsed = json_loadb(json, size, JSON_REJECT_DUPLICATES, NULL);

    assert_non_null(parsed);
    return parsed;
}

static const char *string_at(json_t *json, const char *first, const char *second)
{
    json_t *value = json_object_get(json, first);

    return json_string_value(second == NULL ? value : json_object_get(value, second));
}

static void test_json(void **state)
{
    struct lost lost = { 0 };
    struct alert_book *book = alert_book_create(1, KEEP_S, 0, on_lost, &lost);
    char to[ALERT_TEXT];
    struct text text = { to, sizeof(to), 0 };
    struct kept_alert *kept = raise_at(book, "a", 1, PLATESIEVE_SIMILAR, NULL, 0);
    json_t *json;

    (void)state;
    alert_json(&text, kept, false, ALERT_PICTURE_TYPE);
    assert_null(strstr(to, "FIRST"));
    assert_null(strstr(to, "SECOND"));
    json_decref(parse(to, text.size));
    text.size = 0;
    alert_json(&text, kept, true, ALERT_PICTURE_TYPE);
    json = parse(to, text.size);
    assert_string_equal(string_at(json, "reading", "plate"), "SECOND");
    assert_string_equal(string_at(json, "reading", "best"), "FIRST");
    assert_string_equal(string_at(json, "reading", "camera"), "north \"1\"");
    assert_true(json_is_null(json_object_get(json_object_get(json, "reading"), "jurisdiction")));
    assert_string_equal(string_at(json, "instruction", NULL), "Stop \"and\" ask\\call");
    assert_string_equal(string_at(json, "grade", NULL), "similar");
    assert_string_equal(string_at(json, "words", NULL), "similar, list 26 h old: VERIFY");
    assert_true(json_is_true(json_object_get(json, "verify")));
    assert_true(json_is_null(json_object_get(json, "image")));
    json_decref(json);
    settle(kept);
    alert_book_destroy(book);
}

/* The longest of everything, each byte of which has to be escaped. */
static void test_the_longest_fits(void **state)
{
    struct lost lost = { 0 };
    struct alert_book *book = alert_book_create(1, KEEP_S, UINT64_MAX / 2, on_lost, &lost);
    struct images *images = images_create(1u << 20);
    struct image *image = images_put(images, (const uint8_t *)"picture", 7);
    struct kept_alert *kept = raise_at(book, "aaaaaaaaaaaaaaaaaaaaaa", 1, PLATESIEVE_SIMILAR, image, 0);
    struct check_alert *alert = &kept->alert;
    char to[ALERT_TEXT];
    struct text text = { to, sizeof(to), 0 };

    (void)state;
    memset(kept->plate, '"', LANE_RAW_MAX);
    memset(kept->best, '"', LANE_RAW_MAX);
    memset(kept->camera, '\\', LANE_CAMERA_MAX);
    memset(alert->agency, 'a', LIMIT_NAME_MAX);
    memset(alert->list, 'a', LIMIT_NAME_MAX);
    memset(alert->category, '"', LIMIT_CATEGORY_MAX);
    memset(alert->instruction, '"', LIMIT_INSTRUCTION_MAX);
    memset(alert->epoch, 'a', LIMIT_EPOCH_ID_MAX);
    alert->age_s = INT64_MAX;
    alert->revision = UINT64_MAX;
    alert->verify = true;
    alert->priority = UINT32_MAX;
    kept->times = UINT32_MAX;
    kept->ago_s = INT64_MAX - 1;
    kept->judged_at_ms = kept->acknowledged_at_ms = kept->raised_at_ms;
    kept->judgement = "wrong-jurisdiction";
    kept->told = "pending";
    alert_line(&text, kept);
    assert_true(text_fits(&text));
    text.size = 0;
    alert_json(&text, kept, true, ALERT_PICTURE_PATH);
    assert_true(text_fits(&text));
    text.size = 0;
    alert_json(&text, kept, true, ALERT_PICTURE_DATA);
    assert_true(text.size + sizeof(ALERT_DATA_END) < ALERT_TEXT / 2 + 512);
    image_release(image);
    settle(kept);
    alert_book_destroy(book);
    images_destroy(images);
}

/* All of STREAM in pieces of SIZE; its length. */
static size_t read_all(const struct alert_stream *stream, size_t size, char *to, size_t room)
{
    size_t at = 0, got;
    char piece[128];

    assert_true(size <= sizeof(piece));
    while ((got = alert_stream_read(stream, at, piece, size)) > 0) {
        assert_true(got <= size && at + got <= room);
        memcpy(to + at, piece, got);
        at += got;
    }
    return at;
}

static void check_stream(struct images *images, size_t picture_size)
{
    struct lost lost = { 0 };
    struct alert_book *book = alert_book_create(1, KEEP_S, 0, on_lost, &lost);
    static uint8_t picture[1000], opened[1000];
    static char whole[4096], pieces[4096];
    struct alert_stream stream;
    struct image *image;
    struct kept_alert *kept;
    size_t size, opened_size = 0;
    const char *data;
    json_t *json;

    for (size_t i = 0; i < sizeof(picture); i++) picture[i] = (uint8_t)(i * 7 + 1);
    image = images_put(images, picture, picture_size);
    kept = raise_at(book, "a", 1, PLATESIEVE_SIMILAR, image, 0);
    assert_true(alert_stream_open(&stream));
    alert_stream_set(&stream, kept);
    size = read_all(&stream, 128, whole, sizeof(whole));
    assert_int_equal(size, stream.size);
    for (size_t step = 8; step < 24; step++) {
        memset(pieces, 0, sizeof(pieces));
        assert_int_equal(read_all(&stream, step, pieces, sizeof(pieces)), size);
        assert_memory_equal(pieces, whole, size);
    }
    for (size_t at = 0; at < size; at++) { /* from anywhere */
        char some[16];
        const size_t got = alert_stream_read(&stream, at, some, sizeof(some));

        assert_true(got > 0);
        assert_memory_equal(some, whole + at, got);
    }
    json = parse(whole, size);
    data = string_at(json, "image", "data");
    assert_non_null(data);
    assert_int_equal(sodium_base642bin(opened, sizeof(opened), data, strlen(data), NULL, &opened_size, NULL, sodium_base64_VARIANT_ORIGINAL), 0);
    assert_int_equal(opened_size, picture_size);
    assert_memory_equal(opened, picture, picture_size);
    json_decref(json);
    image_release(image);
    alert_stream_close(&stream);
    settle(kept);
    alert_book_destroy(book);
    assert_int_equal(images_used(images), 0);
}

static void test_stream(void **state)
{
    struct images *images = images_create(1u << 20);

    (void)state;
    for (size_t size = 1; size < 20; size++) check_stream(images, size);
    check_stream(images, 998);
    check_stream(images, 999);
    check_stream(images, 1000);
    images_destroy(images);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_number_and_age_are_bounded), cmocka_unit_test(test_the_gravest_and_latest_go_first_after_trouble),
        cmocka_unit_test(test_one_hit_is_one_alert),       cmocka_unit_test(test_pictures_are_held),
        cmocka_unit_test(test_words),                      cmocka_unit_test(test_line),                 cmocka_unit_test(test_json),
        cmocka_unit_test(test_the_longest_fits),           cmocka_unit_test(test_stream),               cmocka_unit_test(test_when_it_was_seen),
        cmocka_unit_test(test_what_was_seen_before_replaces_nothing), cmocka_unit_test(test_a_camera_whose_clock_is_wrong_hides_no_passage),
    };

    return platesieve_failed(platesieve_init()) ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
