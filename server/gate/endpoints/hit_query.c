#include "server/gate/endpoints/hit_query.h"

#include "server/gate/endpoints/lane_word_json.h"
#include "server/gate/endpoints/verdict_json.h"
#include "server/gate/fields.h"
#include "server/gate/index/entries.h"
#include "server/http/clock.h"

#define PURPOSE_MAX 256

static struct result take_name(const struct request *request, const char *name, char text[LIMIT_NAME_MAX + 1])
{
    const char *value = request_query(request, name);

    if (value == NULL) return OK;
    if (!name_is_valid(value)) return FAIL(REASON_BAD_QUERY);
    memcpy(text, value, strlen(value) + 1);
    return OK;
}

static struct result take_time(const struct request *request, const char *name, int64_t *ms)
{
    const char *value = request_query(request, name);

    return value == NULL || time_parse(value, strlen(value), ms) ? OK : FAIL(REASON_BAD_QUERY);
}

static struct result take_grade(const struct request *request, uint8_t *grade)
{
    const char *value = request_query(request, "grade");
    enum platesieve_grade weakest;

    if (value == NULL) return OK;
    if (!platesieve_grade_parse(value, &weakest)) return FAIL(REASON_BAD_QUERY);
    *grade = (uint8_t)weakest;
    return OK;
}

static struct result take_covert(const struct request *request, int8_t *covert)
{
    const char *value = request_query(request, "covert");

    if (value == NULL) return OK;
    *covert = strcmp(value, "true") == 0;
    return *covert == 1 || strcmp(value, "false") == 0 ? OK : FAIL(REASON_BAD_QUERY);
}

static struct result take_verdict(const struct request *request, int8_t *verdict)
{
    const char *value = request_query(request, "verdict");

    if (value == NULL) return OK;
    *verdict = VERDICT_NONE;
    if (strcmp(value, "none") == 0) return OK;
    for (*verdict = VERDICT_CONFIRMED; *verdict < VERDICTS; (*verdict)++)
        if (strcmp(value, verdict_name((enum verdict)*verdict)) == 0) return OK;
    return FAIL(REASON_BAD_QUERY);
}

static struct result take_lane_judgement(const struct request *request, int8_t *judgement)
{
    const char *value = request_query(request, "lane_judgement");

    return value == NULL || lane_word_filter(value, judgement) ? OK : FAIL(REASON_BAD_QUERY);
}

static struct result take_entry(const struct request *request, struct db_hit_filter *filter)
{
    const char *value = request_query(request, "reference");

    if (value == NULL) return OK;
    if (*value == 0 || strlen(value) > LIMIT_REFERENCE_MAX || filter->list[0] == 0) return FAIL(REASON_BAD_QUERY);
    for (const char *at = value; *at != 0; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f) return FAIL(REASON_BAD_QUERY);
    filter->has_entry = true;
    filter->entry = entry_key(request->peer->first, filter->list, value);
    return OK;
}

struct result hit_filter_parse(const struct request *request, struct db_hit_filter *filter)
{
    *filter = db_hit_filter_all;
    TRY(take_name(request, "list", filter->list));
    TRY(take_name(request, "site", filter->site));
    TRY(take_name(request, "lane", filter->lane));
    TRY(take_grade(request, &filter->grade));
    TRY(take_covert(request, &filter->covert));
    TRY(take_verdict(request, &filter->verdict));
    TRY(take_lane_judgement(request, &filter->lane_judgement));
    TRY(take_time(request, "since", &filter->since_ms));
    TRY(take_time(request, "until", &filter->until_ms));
    return take_entry(request, filter);
}

struct result hit_purpose_check(const struct request *request)
{
    const char *purpose = request_header(request, "Platesieve-Purpose");

    return purpose == NULL || strlen(purpose) <= PURPOSE_MAX ? OK : FAIL(REASON_BAD_QUERY);
}
