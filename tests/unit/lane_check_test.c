/* What a lane sends to a gate, and what it believes of the answer: bodies of POST /v1/checks and hostile answers to them. */
#include "client/base64.h"
#include "client/check/internal.h"
#include "client/moment.h"
#include "tests/unit/cmocka_all.h"

#define READS 4
#define CANDIDATES 3
#define BODY 65536

struct scene {
    struct check_policy policy;
    struct check_place place;
    struct check_read reads[READS];
    struct check_question question;
    struct check_answer answers[READS];
    char body[BODY];
};

static void set_epoch(struct epoch *epoch, const char *id, uint8_t byte)
{
    uint8_t key[PLATESIEVE_KEY_BYTES];

    memset(key, byte, sizeof(key));
    snprintf(epoch->id, sizeof(epoch->id), "%s", id);
    epoch->suite = PLATESIEVE_HMAC_SHA256;
    assert_false(platesieve_failed(platesieve_prf_create(epoch->suite, key, &epoch->prf)));
    platesieve_prf_key_id(epoch->prf, epoch->key_id);
}

static void add_candidate(struct check_read *read, const char *plate, const char *jurisdiction, double confidence)
{
    struct check_candidate *candidate = &read->candidates[read->count++];

    assert_false(platesieve_failed(platesieve_plate_canonicalise(plate, strlen(plate), &candidate->plate)));
    snprintf(candidate->jurisdiction.code, sizeof(candidate->jurisdiction.code), "%s", jurisdiction);
    candidate->confidence = confidence;
}

/* Four reads: one candidate, three that look alike, one of unknown jurisdiction, a short one. */
static int set_up(void **state)
{
    struct scene *scene = calloc(1, sizeof(*scene));

    assert_false(platesieve_failed(platesieve_init()));
    scene->policy = (struct check_policy) { .version = "0123456789abcdef", .grades = 0xf, .reads_max = 64, .candidates_max = 8, .epoch_count = 2 };
    set_epoch(&scene->policy.epochs[0], "20260101T000000Z", 1);
    set_epoch(&scene->policy.epochs[1], "20260102T000000Z", 2);
    assert_true(check_place_create(&scene->place, READS, CANDIDATES));
    for (uint8_t i = 0; i < READS; i++) memset(scene->reads[i].id, 0x10 + i, sizeof(scene->reads[i].id));
    add_candidate(&scene->reads[0], "QYQYQYQ", "US-NY", 0.9);
    add_candidate(&scene->reads[1], "ZZB8XX2", "US-NY", 0.9);
    add_candidate(&scene->reads[1], "ZZ88XX2", "US-NY", 0.5);
    add_candidate(&scene->reads[1], "ZZ88XX2", "US-NJ", 0.25);
    add_candidate(&scene->reads[2], "QQ44QQ4", "", 7);
    scene->reads[2].again = true;
    add_candidate(&scene->reads[3], "QQ1", "NL", 0);
    scene->question = (struct check_question) { &scene->policy, scene->reads, READS, &scene->place };
    assert_int_equal(check_tokens_make(&scene->policy, scene->reads, READS, NULL, &scene->place), KEY_DONE);
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;

    for (size_t i = 0; i < scene->policy.epoch_count; i++) platesieve_prf_destroy(scene->policy.epochs[i].prf);
    check_place_destroy(&scene->place);
    free(scene);
    return 0;
}

/* -- the body ---------------------------------------------------------------------------------------------------------- */

static json_t *body_of(struct scene *scene)
{
    const size_t size = check_body_write(&scene->policy, scene->reads, READS, &scene->place, 0, scene->body, sizeof(scene->body));
    json_t *json = json_loadb(scene->body, size, JSON_REJECT_DUPLICATES, NULL);

    assert_true(size > 0);
    assert_non_null(json);
    return json;
}

static const json_t *set_at(const json_t *body, size_t read, size_t candidate, size_t epoch)
{
    const json_t *candidates = json_object_get(json_array_get(json_object_get(body, "reads"), read), "candidates");

    return json_array_get(json_object_get(json_array_get(candidates, candidate), "tokens"), epoch);
}

/* The token that the library makes for one grade, as it is on the wire. */
static void expected(const struct scene *scene, size_t read, size_t candidate, size_t epoch, enum platesieve_grade grade, char text[PLATESIEVE_TOKEN_TEXT + 1])
{
    const struct check_candidate *one = &scene->reads[read].candidates[candidate];
    struct platesieve_message messages[PLATESIEVE_NEAR_MAX];
    struct platesieve_token token;
    size_t count;

    assert_false(platesieve_failed(platesieve_messages(&one->plate, &one->jurisdiction, grade, PLATESIEVE_SIDE_LANE, messages, &count)));
    assert_false(platesieve_failed(platesieve_prf_evaluate(scene->policy.epochs[epoch].prf, messages, 1, &token)));
    base64_print(token.token, sizeof(token.token), text, PLATESIEVE_TOKEN_TEXT + 1);
}

static void each_candidate_has_tokens_of_its_own(void **state)
{
    struct scene *scene = *state;
    json_t *body = body_of(scene);

    for (size_t read = 0; read < READS; read++)
        for (size_t c = 0; c < scene->reads[read].count; c++)
            for (size_t epoch = 0; epoch < 2; epoch++)
                for (unsigned grade = PLATESIEVE_PLATE; grade < PLATESIEVE_NEAR; grade++) {
                    char text[PLATESIEVE_TOKEN_TEXT + 1];

                    expected(scene, read, c, epoch, grade, text);
                    assert_string_equal(json_string_value(json_object_get(set_at(body, read, c, epoch), platesieve_grade_name(grade))), text);
                }
    assert_string_equal(json_string_value(json_object_get(body, "policy")), "0123456789abcdef");
    assert_int_equal(json_array_size(json_object_get(body, "epochs")), 2);
    json_decref(body);
}

static void what_is_not_there_is_left_out(void **state)
{
    struct scene *scene = *state;
    json_t *body = body_of(scene), *reads = json_object_get(body, "reads");

    assert_null(json_object_get(set_at(body, 2, 0, 0), "full"));                                     /* unknown jurisdiction */
    assert_non_null(json_object_get(set_at(body, 0, 0, 0), "full"));
    assert_int_equal(json_array_size(json_object_get(set_at(body, 0, 0, 0), "near")), 2 * 7 + 1);
    assert_true(json_is_array(json_object_get(set_at(body, 3, 0, 0), "near")));                      /* made, and empty */
    assert_int_equal(json_array_size(json_object_get(set_at(body, 3, 0, 0), "near")), 0);
    assert_null(json_object_get(json_array_get(reads, 0), "again"));                                 /* an older gate does not know it */
    assert_true(json_is_true(json_object_get(json_array_get(reads, 2), "again")));
    json_decref(body);
}

static void a_confidence_that_is_none_is_sent_as_nothing(void **state)
{
    struct scene *scene = *state;
    json_t *body = body_of(scene);
    const json_t *read = json_array_get(json_object_get(body, "reads"), 2);

    assert_true(json_real_value(json_object_get(json_array_get(json_object_get(read, "candidates"), 0), "confidence")) == 0);
    json_decref(body);
}

/* "ZZB8XX2" and "ZZ88XX2" are one folded text: similar and near are made once for the three. */
static void what_candidates_have_in_common_is_evaluated_once(void **state)
{
    struct scene *scene = *state;
    const struct check_set *first = check_set_of(&scene->place, 1, 0), *second = check_set_of(&scene->place, 1, 1), *third = check_set_of(&scene->place, 1, 2);

    assert_int_equal(first->first[PLATESIEVE_SIMILAR], second->first[PLATESIEVE_SIMILAR]);
    assert_int_equal(first->first[PLATESIEVE_NEAR], third->first[PLATESIEVE_NEAR]);
    assert_int_not_equal(first->first[PLATESIEVE_PLATE], second->first[PLATESIEVE_PLATE]);
    assert_int_equal(second->first[PLATESIEVE_PLATE], third->first[PLATESIEVE_PLATE]);
    assert_int_not_equal(second->first[PLATESIEVE_FULL], third->first[PLATESIEVE_FULL]);
    assert_int_equal(scene->place.used, (3 + 15) + (3 + 2 + 1 + 12) + (2 + 12) + 3);
}

static void candidates_that_the_policy_does_not_want_are_left_out(void **state)
{
    struct scene *scene = *state;
    json_t *body;

    scene->policy.candidates_max = 2;
    body = body_of(scene);
    assert_non_null(set_at(body, 1, 1, 0));
    assert_null(set_at(body, 1, 2, 0));
    json_decref(body);
}

static void times_are_said_by_the_gates_clock(void **state)
{
    struct scene *scene = *state;
    char expected_text[MOMENT_TEXT];
    json_t *body;

    scene->reads[0].seen_ms = INT64_C(1800000000000);
    const size_t size = check_body_write(&scene->policy, scene->reads, READS, &scene->place, -3600000, scene->body, BODY);
    body = json_loadb(scene->body, size, JSON_REJECT_DUPLICATES, NULL);
    moment_print(INT64_C(1800003600000), expected_text);
    assert_string_equal(json_string_value(json_object_get(json_array_get(json_object_get(body, "reads"), 0), "seen_at")), expected_text);
    json_decref(body);
}

static void a_body_that_does_not_fit_is_none(void **state)
{
    struct scene *scene = *state;
    const size_t size = check_body_write(&scene->policy, scene->reads, READS, &scene->place, 0, scene->body, BODY);

    for (size_t room = 1; room <= size; room += 7)
        assert_int_equal(check_body_write(&scene->policy, scene->reads, READS, &scene->place, 0, scene->body, room), 0);
}

static void tokens_are_gone_when_it_is_over(void **state)
{
    struct scene *scene = *state;
    const struct platesieve_token *tokens = scene->place.tokens;

    check_place_wipe(&scene->place);
    for (size_t i = 0; i < 2 * scene->place.capacity; i++) assert_true(sodium_is_zero((const uint8_t *)&tokens[i], sizeof(tokens[i])));
    assert_true(sodium_is_zero((const uint8_t *)scene->place.messages, scene->place.capacity * sizeof(*scene->place.messages)));
}

/* -- answers ----------------------------------------------------------------------------------------------------------- */

static json_t *alert_of(const struct scene *scene, size_t read, size_t candidate, size_t epoch, enum platesieve_grade grade)
{
    const struct check_set *set = check_set_of(&scene->place, read, candidate);
    uint8_t tag[PLATESIEVE_TAG_BYTES];
    char text[16];

    platesieve_tag(check_tokens_of(&scene->place, epoch, set, grade)[set->counts[grade] - 1].proof_key, "wanted", "customs", tag);
    base64_print(tag, sizeof(tag), text, sizeof(text));
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:s, s:i, s:s, s:s, s:s, s:n, s:i, s:i, s:b}", "hit", "AAAAAAAAAAAAAAAAAAAAAA", "list", "wanted",
                     "agency", "customs", "category", "stolen", "priority", 50, "grade", platesieve_grade_name(grade), "candidate", (int)candidate,
                     "epoch", scene->policy.epochs[epoch].id, "tag", text, "instruction", "Stop it", "header", "revision", 3, "age_s", 512, "verify", 0);
}

/* {"answers": [...]}: all clear but for ALERTS (stolen) of read AT. */
static json_t *answer_with(const struct scene *scene, size_t at, json_t *alerts)
{
    json_t *answers = json_array();

    for (size_t i = 0; i < READS; i++) {
        char id[PLATESIEVE_TOKEN_TEXT + 1];

        base64_print(scene->reads[i].id, sizeof(scene->reads[i].id), id, sizeof(id));
        if (alerts != NULL && i == at) json_array_append_new(answers, json_pack("{s:s, s:s, s:o}", "read_id", id, "answer", "hit", "alerts", alerts));
        else json_array_append_new(answers, json_pack("{s:s, s:s}", "read_id", id, "answer", "clear"));
    }
    return json_pack("{s:o}", "answers", answers);
}

static bool take(struct scene *scene, json_t *json)
{
    const bool taken = check_answer_take(&scene->question, json, scene->answers);

    json_decref(json);
    return taken;
}

static void the_candidate_that_is_listed_is_named(void **state)
{
    struct scene *scene = *state;
    const struct check_answer *answer = &scene->answers[1];

    assert_true(take(scene, answer_with(scene, 1, json_pack("[o]", alert_of(scene, 1, 2, 1, PLATESIEVE_FULL)))));
    assert_int_equal(scene->answers[0].result, CHECK_CLEAR);
    assert_int_equal(answer->result, CHECK_HIT);
    assert_int_equal(answer->count, 1);
    assert_int_equal(answer->false_tags, 0);
    assert_int_equal(answer->alerts[0].candidate, 2);
    assert_string_equal(answer->alerts[0].agency, "customs");
    assert_string_equal(answer->alerts[0].instruction, "Stop it");
    assert_string_equal(answer->alerts[0].epoch, "20260102T000000Z");
    assert_int_equal(answer->alerts[0].revision, 3);
    assert_int_equal(answer->alerts[0].age_s, 512);
    assert_false(answer->alerts[0].has_header);
}

static void a_near_alert_is_any_of_its_tokens(void **state)
{
    struct scene *scene = *state;

    assert_true(take(scene, answer_with(scene, 0, json_pack("[o]", alert_of(scene, 0, 0, 0, PLATESIEVE_NEAR)))));
    assert_int_equal(scene->answers[0].result, CHECK_HIT);
}

/* A true tag of one candidate is false of another, and so on. */
static void a_true_tag_under_another_name_is_false(void **state)
{
    struct scene *scene = *state;
    static const struct {
        const char *member;
        const char *value; /* JSON; NULL: taken away */
    } changes[] = {
        { "candidate", "0" }, { "candidate", "3" }, { "candidate", "-1" }, { "candidate", "1e9" }, { "candidate", "\"1\"" }, { "candidate", NULL },
        { "epoch", "\"20260101T000000Z\"" }, { "epoch", "\"\"" }, { "epoch", "7" }, { "epoch", NULL },
        { "grade", "\"plate\"" }, { "grade", "\"near\"" }, { "grade", "\"exact\"" }, { "grade", NULL },
        { "list", "\"other\"" }, { "list", "\"../x\"" }, { "list", "\"wanted\\u0000\"" }, { "list", NULL },
        { "agency", "\"marshals\"" }, { "agency", "\"\"" }, { "agency", "[]" },
        { "tag", "\"AAAA\"" }, { "tag", "\"!!!!!!!!!!!\"" }, { "tag", "null" }, { "tag", NULL },
        { "hit", "\"AAAA\"" }, { "hit", NULL }, { "priority", "101" }, { "priority", "-1" }, { "revision", "-1" }, { "age_s", "9223372036854775807" },
        { "instruction", "{}" }, { "category", "\"0123456789012345678901234567890123456789012345678\"" },
    };

    for (size_t i = 0; i < ARRAY_LENGTH(changes); i++) {
        json_t *alert = alert_of(scene, 1, 1, 1, PLATESIEVE_FULL);

        if (changes[i].value == NULL) json_object_del(alert, changes[i].member);
        else json_object_set_new(alert, changes[i].member, json_loads(changes[i].value, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL));
        assert_true(take(scene, answer_with(scene, 1, json_pack("[o]", alert))));
        assert_int_equal(scene->answers[1].result, CHECK_UNCHECKED); /* such a gate's word clears nobody */
        assert_int_equal(scene->answers[1].false_tags, 1);
        assert_int_equal(scene->answers[1].count, 0);
    }
}

static void a_false_alert_beside_a_true_one(void **state)
{
    struct scene *scene = *state;
    json_t *invented = alert_of(scene, 1, 1, 1, PLATESIEVE_FULL);

    json_object_set_new(invented, "list", json_string("other"));
    assert_true(take(scene, answer_with(scene, 1, json_pack("[o, o]", invented, alert_of(scene, 1, 0, 0, PLATESIEVE_PLATE)))));
    assert_int_equal(scene->answers[1].result, CHECK_HIT);
    assert_int_equal(scene->answers[1].false_tags, 1);
    assert_int_equal(scene->answers[1].count, 1);
    assert_int_equal(scene->answers[1].alerts[0].grade, PLATESIEVE_PLATE);
}

static void a_header_is_taken_and_a_broken_one_does_not_undo_the_alert(void **state)
{
    struct scene *scene = *state;
    uint8_t header[32];
    char text[64];

    memset(header, 7, sizeof(header));
    base64_print(header, sizeof(header), text, sizeof(text));
    for (unsigned broken = 0; broken < 2; broken++) {
        json_t *alert = alert_of(scene, 0, 0, 0, PLATESIEVE_PLATE);

        json_object_set_new(alert, "header", json_string(text + broken));
        assert_true(take(scene, answer_with(scene, 0, json_pack("[o]", alert))));
        assert_int_equal(scene->answers[0].result, CHECK_HIT);
        assert_true(scene->answers[0].alerts[0].has_header);
        assert_int_equal(memcmp(scene->answers[0].alerts[0].header, header, sizeof(header)) == 0, broken == 0);
    }
}

/* None of these is an answer, and what was there before stays. */
static void answers_that_are_none(void **state)
{
    struct scene *scene = *state;
    static const char *const bodies[] = {
        "null", "[]", "{}", "{\"answers\": []}", "{\"answers\": {}}", "{\"answers\": [1, 2, 3, 4]}", "{\"answers\": [{}, {}, {}, {}]}", "\"answers\"",
    };
    json_t *json;

    scene->answers[0].false_tags = 77;
    for (size_t i = 0; i < ARRAY_LENGTH(bodies); i++) assert_false(take(scene, json_loads(bodies[i], JSON_DECODE_ANY, NULL)));
    assert_false(take(scene, answer_with(scene, 1, json_array())));  /* a hit without alerts */
    assert_false(take(scene, answer_with(scene, 1, json_object())));
    json = answer_with(scene, 0, NULL);
    json_object_set_new(json_array_get(json_object_get(json, "answers"), 2), "answer", json_string("maybe"));
    assert_false(take(scene, json));
    json = answer_with(scene, 0, NULL);
    json_object_set_new(json_array_get(json_object_get(json, "answers"), 2), "alerts", json_pack("[{}]")); /* clear, with alerts */
    assert_false(take(scene, json));
    json = answer_with(scene, 0, NULL);
    json_object_set_new(json_array_get(json_object_get(json, "answers"), 0), "read_id", json_string("AAAAAAAAAAAAAAAAAAAAAA"));
    assert_false(take(scene, json));
    json = answer_with(scene, 0, NULL);
    json_array_append_new(json_object_get(json, "answers"), json_pack("{s:s}", "answer", "clear"));
    assert_false(take(scene, json));
    assert_int_equal(scene->answers[0].false_tags, 77);
}

static void more_alerts_than_there_may_be(void **state)
{
    struct scene *scene = *state;
    json_t *alerts = json_array();

    for (unsigned i = 0; i < LIMIT_ALERTS; i++) json_array_append_new(alerts, alert_of(scene, 0, 0, 0, PLATESIEVE_PLATE));
    assert_true(take(scene, answer_with(scene, 0, json_incref(alerts))));
    assert_int_equal(scene->answers[0].count, LIMIT_ALERTS);
    json_array_append_new(alerts, alert_of(scene, 0, 0, 0, PLATESIEVE_PLATE));
    assert_false(take(scene, answer_with(scene, 0, alerts)));
}

static unsigned named;

static void on_not_asked(void *context, const char *agency, const char *list, const char *why)
{
    (void)context;
    assert_string_equal(agency, "marshals");
    assert_string_equal(list, "grave");
    assert_string_equal(why, "no-tokens");
    named++;
}

static void lists_that_were_not_asked_are_told(void **state)
{
    const struct checker_ears ears = { .not_asked = on_not_asked }, deaf = { 0 };
    json_t *json = json_pack("{s:[{s:s, s:s, s:s}, {s:s}, i, {s:s, s:s, s:s}]}", "unchecked", "agency", "marshals", "list", "grave", "why", "no-tokens",
                             "agency", "x", 1, "agency", "marshals", "list", "\033[2J", "why", "no-tokens");

    (void)state;
    check_answer_not_asked(json, &ears);
    check_answer_not_asked(json, &deaf);
    assert_int_equal(named, 1);
    json_decref(json);
}

/* -- the policy -------------------------------------------------------------------------------------------------------- */

#define EPOCH "{\"id\": \"20260101T000000Z\", \"key_id\": \"AAAAAAAAAAAAAAAAAAAAAA\", \"suite\": \"hmac-sha256\"}"
#define POLICY(policy, epochs, grades, limits)                                                                                       \
    "{\"policy\": \"" policy "\", \"site\": \"north\", \"lane\": \"1\", \"epochs\": [" epochs "], \"grades\": [" grades "], " limits "}"

static bool parse(const char *text, struct check_policy *policy)
{
    json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
    bool parsed;

    *policy = (struct check_policy) { 0 };
    assert_non_null(json);
    parsed = check_policy_parse(json, policy);
    json_decref(json);
    return parsed;
}

static void a_policy_is_held_to_our_limits(void **state)
{
    struct check_policy policy;

    (void)state;
    assert_true(parse(POLICY("0f", EPOCH, "\"full\", \"near\"", "\"reads_max\": 1000, \"candidates_max\": 99"), &policy));
    assert_int_equal(policy.reads_max, LIMIT_CHECK_READS);
    assert_int_equal(policy.candidates_max, LIMIT_CHECK_CANDIDATES);
    assert_int_equal(policy.grades, 1u << PLATESIEVE_FULL | 1u << PLATESIEVE_NEAR);
    assert_true(parse(POLICY("0f", "", "", "\"reads_max\": 1"), &policy)); /* an older gate does not say how many candidates */
    assert_int_equal(policy.candidates_max, 1);
    assert_false(parse(POLICY("0f", EPOCH, "\"full\"", "\"reads_max\": 0"), &policy));
    assert_false(parse(POLICY("0f", EPOCH, "\"full\"", "\"reads_max\": 1, \"candidates_max\": 0"), &policy));
    assert_false(parse(POLICY("0F", EPOCH, "\"full\"", "\"reads_max\": 1"), &policy));
    assert_false(parse(POLICY("0123456789abcdef0", EPOCH, "\"full\"", "\"reads_max\": 1"), &policy));
    assert_false(parse(POLICY("0f", EPOCH, "\"exact\"", "\"reads_max\": 1"), &policy));
    assert_false(parse(POLICY("0f", EPOCH "," EPOCH "," EPOCH "," EPOCH "," EPOCH, "\"full\"", "\"reads_max\": 1"), &policy));
    assert_false(parse(POLICY("0f", "{\"id\": \"../x\", \"key_id\": \"AAAAAAAAAAAAAAAAAAAAAA\", \"suite\": \"hmac-sha256\"}", "", "\"reads_max\": 1"), &policy));
    assert_false(parse("[]", &policy));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(each_candidate_has_tokens_of_its_own), TEST(what_is_not_there_is_left_out), TEST(a_confidence_that_is_none_is_sent_as_nothing),
        TEST(what_candidates_have_in_common_is_evaluated_once), TEST(candidates_that_the_policy_does_not_want_are_left_out),
        TEST(a_body_that_does_not_fit_is_none), TEST(tokens_are_gone_when_it_is_over), TEST(the_candidate_that_is_listed_is_named),
        TEST(a_near_alert_is_any_of_its_tokens), TEST(a_true_tag_under_another_name_is_false), TEST(a_false_alert_beside_a_true_one),
        TEST(a_header_is_taken_and_a_broken_one_does_not_undo_the_alert), TEST(answers_that_are_none), TEST(more_alerts_than_there_may_be),
        TEST(lists_that_were_not_asked_are_told), TEST(a_policy_is_held_to_our_limits),
        TEST(times_are_said_by_the_gates_clock),
    };

    return cmocka_run_group_tests_name("lane_check", tests, NULL, NULL);
}
