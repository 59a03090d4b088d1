/* Writes an answer as docs/protocol.md has it.  What is the same for every read of a site was written with its view. */
#include "server/gate/check/match.h"
#include "server/gate/text.h"

#define READ_BYTES 64     /* of a clear read */
#define ALERT_BYTES_MAX 4096
#define TEXT_BYTES_MAX (2 * LIMIT_LISTS * 256 + LIMIT_CHECK_READS * (READ_BYTES + LIMIT_ALERTS * ALERT_BYTES_MAX) + 1024)

static_assert(6 * (LIMIT_INSTRUCTION_MAX + LIMIT_CATEGORY_MAX) + 2 * LIMIT_NAME_MAX + 512 <= ALERT_BYTES_MAX,
              "an alert fits, if every byte of it is escaped");

#define MEMBER_STRING(text, name, string)      \
    do {                                       \
        text_literal(text, ",\"" name "\":");  \
        text_json_string(text, string);        \
    } while (0)

#define MEMBER_NUMBER(text, name, number)      \
    do {                                       \
        text_literal(text, ",\"" name "\":");  \
        text_number(text, number);             \
    } while (0)

static void write_alert(struct text *text, const struct check_answer *answer, const struct match *match)
{
    const struct catalogue_list *list = match->list;
    uint32_t age_s = policy_list_age_s(list, answer->now_ms);

    text_literal(text, "{\"hit\":");
    text_json_base64(text, match->hit, sizeof(match->hit));
    MEMBER_STRING(text, "list", list->id);
    MEMBER_STRING(text, "agency", list->agency);
    MEMBER_STRING(text, "category", list->category);
    MEMBER_NUMBER(text, "priority", list->priority);
    MEMBER_STRING(text, "grade", platesieve_grade_name(match->grade));
    MEMBER_NUMBER(text, "candidate", match->candidate);
    MEMBER_STRING(text, "epoch", answer->catalogue->epochs[match->epoch].id);
    text_literal(text, ",\"tag\":");
    text_json_base64(text, match->tag, sizeof(match->tag));
    MEMBER_STRING(text, "instruction", list->instruction);
    if (list->has_header) {
        text_literal(text, ",\"header\":");
        text_json_base64(text, list->header_id, sizeof(list->header_id));
    }
    MEMBER_NUMBER(text, "revision", list->revision);
    MEMBER_NUMBER(text, "age_s", age_s);
    if (list->calibration) text_literal(text, ",\"calibration\":true");
    else text_literal(text, ",\"calibration\":false");
    if (age_s > list->age_limit_s) text_literal(text, ",\"verify\":true}");
    else text_literal(text, ",\"verify\":false}");
}

static void write_read(struct text *text, const struct check_answer *answer, const struct answer_read *read)
{
    text_literal(text, "{\"read_id\":\"");
    text_append(text, read->id_text, sizeof(read->id_text));
    if (read->alert_count == 0) {
        text_literal(text, "\",\"answer\":\"clear\"}");
        return;
    }
    text_literal(text, "\",\"answer\":\"hit\",\"alerts\":[");
    for (size_t i = 0; i < read->alert_count; i++) {
        if (i > 0) text_literal(text, ",");
        write_alert(text, answer, &read->alerts[i]);
    }
    text_literal(text, "]}");
}

char *check_text(const struct check_answer *answer, size_t *size)
{
    const struct site_view *view = answer->view;
    struct text text;

    text_begin(&text, 160 + view->lists_size + view->unchecked_size + answer->read_count * READ_BYTES, TEXT_BYTES_MAX);
    text_literal(&text, "{\"policy\":\"");
    text_append(&text, view->policy, LIMIT_POLICY_TEXT);
    if (answer->catalogue->degraded) text_literal(&text, "\",\"degraded\":true,\"lists\":");
    else text_literal(&text, "\",\"degraded\":false,\"lists\":");
    text_append(&text, view->lists_json, view->lists_size);
    text_literal(&text, ",\"unchecked\":");
    text_append(&text, view->unchecked_json, view->unchecked_size);
    text_literal(&text, ",\"answers\":[");
    for (size_t i = 0; i < answer->read_count; i++) {
        if (i > 0) text_literal(&text, ",");
        write_read(&text, answer, &answer->reads[i]);
    }
    text_literal(&text, "]}");
    return text_take(&text, size);
}
