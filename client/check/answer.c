#include "client/check/internal.h"

#include "client/base64.h"
#include "client/identity/name.h"

/* -- one alert ---------------------------------------------------------------------------------------------------------- */

/* A member that is a text of at most SIZE - 1 bytes; absent is empty. */
static bool copy_text(const json_t *json, const char *member, char *text, size_t size)
{
    const json_t *value = json_object_get(json, member);
    const size_t length = json_string_length(value);

    text[0] = '\0';
    if (value == NULL) return true;
    if (!json_is_string(value) || length >= size || strlen(json_string_value(value)) != length) return false;
    memcpy(text, json_string_value(value), length + 1);
    return true;
}

static bool copy_name(const json_t *json, const char *member, char text[LIMIT_NAME_MAX + 1])
{
    return copy_text(json, member, text, LIMIT_NAME_MAX + 1) && name_part_valid(text);
}

/* Absent is 0. */
static bool copy_number(const json_t *json, const char *member, json_int_t max, json_int_t *number)
{
    const json_t *value = json_object_get(json, member);

    *number = json_integer_value(value);
    return value == NULL || (json_is_integer(value) && *number >= 0 && *number <= max);
}

static bool copy_id(const json_t *json, char text[PLATESIEVE_TOKEN_TEXT + 1])
{
    uint8_t id[PLATESIEVE_HIT_ID_BYTES];

    if (!copy_text(json, "hit", text, PLATESIEVE_TOKEN_TEXT + 1) || !base64_parse(text, id, sizeof(id))) return false;
    base64_print(id, sizeof(id), text, PLATESIEVE_TOKEN_TEXT + 1); /* in one form */
    return true;
}

/* Whom a picture is sealed to: no header, null or one.  One that can't be read makes the alert no less true; it names a header that no gate has. */
static void copy_header(const json_t *json, struct check_alert *alert)
{
    const json_t *value = json_object_get(json, "header");

    alert->has_header = value != NULL && !json_is_null(value);
    if (alert->has_header && !base64_parse(json_string_value(value), alert->header, sizeof(alert->header)))
        memset(alert->header, 0, sizeof(alert->header));
}

static bool parse_alert(const json_t *json, struct check_alert *alert, uint8_t tag[PLATESIEVE_TAG_BYTES])
{
    const json_t *verify = json_object_get(json, "verify");
    json_int_t candidate, priority, revision, age_s;
    const char *grade = json_string_value(json_object_get(json, "grade"));

    *alert = (struct check_alert) { 0 };
    if (!copy_id(json, alert->hit) || !copy_name(json, "agency", alert->agency) || !copy_name(json, "list", alert->list)) return false;
    if (!copy_text(json, "category", alert->category, sizeof(alert->category)) ||
        !copy_text(json, "instruction", alert->instruction, sizeof(alert->instruction)) ||
        !copy_text(json, "epoch", alert->epoch, sizeof(alert->epoch)))
        return false;
    if (!copy_number(json, "candidate", LIMIT_CHECK_CANDIDATES - 1, &candidate) || json_object_get(json, "candidate") == NULL) return false;
    if (!copy_number(json, "priority", LIMIT_PRIORITY, &priority) || !copy_number(json, "revision", INT64_MAX, &revision) ||
        !copy_number(json, "age_s", INT64_MAX / 1000, &age_s))
        return false;
    alert->candidate = (unsigned)candidate;
    alert->priority = (unsigned)priority;
    alert->revision = (uint64_t)revision;
    alert->age_s = age_s;
    alert->verify = json_is_true(verify);
    alert->ordinary = json_is_false(json_object_get(json, "calibration")); /* absent: a gate of an older version, which does not say */
    copy_header(json, alert);
    return grade != NULL && platesieve_grade_parse(grade, &alert->grade) &&
           base64_parse(json_string_value(json_object_get(json, "tag")), tag, PLATESIEVE_TAG_BYTES);
}

/* Did AGENCY put on LIST what one of the candidate's own tokens stands for?  The tag proves it. */
static bool is_authentic(const struct check_question *question, size_t read, const struct check_alert *alert, const uint8_t tag[PLATESIEVE_TAG_BYTES])
{
    const struct check_set *set;
    size_t epoch = 0;
    bool found = false;

    if (alert->candidate >= check_candidates(question->policy, question->place, &question->reads[read])) return false;
    set = check_set_of(question->place, read, alert->candidate);
    while (epoch < question->policy->epoch_count && strcmp(question->policy->epochs[epoch].id, alert->epoch) != 0) epoch++;
    if (epoch == question->policy->epoch_count) return false;
    for (size_t i = 0; i < set->counts[alert->grade]; i++) {
        uint8_t own[PLATESIEVE_TAG_BYTES];

        platesieve_tag(check_tokens_of(question->place, epoch, set, alert->grade)[i].proof_key, alert->list, alert->agency, own);
        found = found || sodium_memcmp(own, tag, sizeof(own)) == 0;
        platesieve_wipe(own, sizeof(own));
    }
    return found;
}

/* -- all reads ----------------------------------------------------------------------------------------------------------- */

/* Answers for all reads, in order, each `clear`, or `hit` with alerts. */
static bool is_whole(const struct check_question *question, const json_t *answers)
{
    if (json_array_size(answers) != question->count) return false;
    for (size_t i = 0; i < question->count; i++) {
        const json_t *one = json_array_get(answers, i), *alerts = json_object_get(one, "alerts");
        const char *answer = json_string_value(json_object_get(one, "answer"));
        uint8_t id[PLATESIEVE_READ_ID_BYTES];

        if (answer == NULL || !base64_parse(json_string_value(json_object_get(one, "read_id")), id, sizeof(id)) ||
            memcmp(id, question->reads[i].id, sizeof(id)) != 0)
            return false;
        if (strcmp(answer, "clear") == 0 ? json_array_size(alerts) != 0
                                         : strcmp(answer, "hit") != 0 || json_array_size(alerts) == 0 || json_array_size(alerts) > LIMIT_ALERTS)
            return false;
    }
    return true;
}

static void take_read(const struct check_question *question, size_t read, const json_t *alerts, struct check_answer *answer)
{
    answer->false_tags = 0;
    answer->server = 0;
    answer->count = 0;
    for (size_t i = 0; i < json_array_size(alerts); i++) {
        struct check_alert *alert = &answer->alerts[answer->count];
        uint8_t tag[PLATESIEVE_TAG_BYTES];

        if (parse_alert(json_array_get(alerts, i), alert, tag) && is_authentic(question, read, alert, tag)) answer->count++;
        else answer->false_tags++;
    }
    answer->result = answer->count > 0 ? CHECK_HIT : answer->false_tags > 0 ? CHECK_UNCHECKED : CHECK_CLEAR; /* the word of such a gate clears nobody */
}

bool check_answer_take(const struct check_question *question, const json_t *json, struct check_answer *answers)
{
    const json_t *list = json_object_get(json, "answers");

    if (!is_whole(question, list)) return false;
    for (size_t i = 0; i < question->count; i++) take_read(question, i, json_object_get(json_array_get(list, i), "alerts"), &answers[i]);
    return true;
}

void check_answer_not_asked(const json_t *json, const struct checker_ears *ears)
{
    const json_t *unchecked = json_object_get(json, "unchecked");

    if (ears->not_asked == NULL) return;
    for (size_t i = 0; i < json_array_size(unchecked); i++) {
        const json_t *one = json_array_get(unchecked, i);
        char agency[LIMIT_NAME_MAX + 1], list[LIMIT_NAME_MAX + 1], why[LIMIT_NAME_MAX + 1];

        if (copy_name(one, "agency", agency) && copy_name(one, "list", list) && copy_name(one, "why", why))
            ears->not_asked(ears->context, agency, list, why);
    }
}
