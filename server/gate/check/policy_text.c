/* See policy_text.h. */
#include "server/gate/check/policy_text.h"

#include "server/gate/text.h"
#include "server/http/clock.h"

#define LISTS_BYTES_MAX (LIMIT_LISTS * 256) /* names, numbers and punctuation of one list stay below */
#define LANE_BYTES_MAX 4096

enum coverage policy_coverage(const struct site_view *view, const struct catalogue_list *list)
{
    enum coverage best = COVERAGE_NONE;

    for (size_t i = 0; i < view->open_count; i++) {
        enum coverage coverage = catalogue_list_coverage(list, view->open[i]);

        if (coverage > best) best = coverage;
    }
    return best;
}

static struct result take(struct text *text, char **bytes, size_t *size)
{
    *bytes = text_take(text, size);
    return *bytes == NULL ? FAIL(REASON_BUSY) : OK;
}

static void begin_list(struct text *text, const struct catalogue_list *list)
{
    if (text->size > 1) text_literal(text, ",");
    text_literal(text, "{\"agency\":");
    text_json_string(text, list->agency);
    text_literal(text, ",\"list\":");
    text_json_string(text, list->id);
}

/* NULL: it was asked, or there is nothing to ask yet, or not any more since long. */
static const char *why_unchecked(const struct site_view *view, const struct catalogue_list *list, int64_t now_ms)
{
    if (list->refused) return list_trouble_name(list->trouble);
    if (!catalogue_list_loaded(list) || list->unapproved) return NULL;
    if (catalogue_list_ended(list, now_ms))
        return now_ms - list->ends_ms < LIMIT_ENDED_NAMED_S * INT64_C(1000) ? "ended" : NULL;
    if (list->suspended) return "suspended";
    switch (policy_coverage(view, list)) {
    case COVERAGE_NONE: return "no-tokens";
    case COVERAGE_PARTIAL: return "partial";
    default: return NULL;
    }
}

struct result policy_text_unchecked(const struct catalogue *catalogue, int64_t now_ms, struct site_view *view)
{
    struct text text;

    text_begin(&text, 64, LISTS_BYTES_MAX);
    text_literal(&text, "[");
    for (size_t i = 0; i < catalogue->list_count; i++) {
        const struct catalogue_list *list = &catalogue->lists[i];
        const char *why = view->in_force[i] && !list->covert ? why_unchecked(view, list, now_ms) : NULL;

        if (why == NULL) continue;
        begin_list(&text, list);
        text_literal(&text, ",\"why\":");
        text_json_string(&text, why);
        text_literal(&text, "}");
    }
    text_literal(&text, "]");
    return take(&text, &view->unchecked_json, &view->unchecked_size);
}

struct result policy_text_lists(const struct catalogue *catalogue, int64_t now_ms, struct site_view *view)
{
    struct text text;

    text_begin(&text, 256, LISTS_BYTES_MAX);
    text_literal(&text, "[");
    for (size_t i = 0; i < catalogue->list_count; i++) {
        const struct catalogue_list *list = &catalogue->lists[i];

        if (!view->in_force[i] || list->covert || policy_coverage(view, list) != COVERAGE_WHOLE) continue;
        begin_list(&text, list);
        text_literal(&text, ",\"revision\":");
        text_number(&text, list->revision);
        text_literal(&text, ",\"age_s\":");
        text_number(&text, policy_list_age_s(list, now_ms));
        text_literal(&text, "}");
    }
    text_literal(&text, "]");
    return take(&text, &view->lists_json, &view->lists_size);
}

static void append_time(struct text *text, int64_t ms)
{
    char time[TIME_TEXT_SIZE];

    time_format(ms, time);
    text_json_string(text, time);
}

static void append_epoch(struct text *text, const struct catalogue_epoch *epoch)
{
    text_literal(text, "{\"id\":");
    text_json_string(text, epoch->id);
    text_literal(text, ",\"key_id\":");
    text_json_base64(text, epoch->key_id, sizeof(epoch->key_id));
    text_literal(text, ",\"suite\":");
    text_json_string(text, platesieve_suite_name(epoch->suite));
    text_literal(text, ",\"opens\":");
    append_time(text, epoch->opens_ms);
    text_literal(text, ",\"closes\":");
    append_time(text, epoch->closes_ms);
    text_literal(text, "}");
}

static void append_limit(struct text *text, const char *name, uint64_t limit)
{
    text_literal(text, ",");
    text_json_string(text, name);
    text_literal(text, ":");
    text_number(text, limit);
}

struct result policy_text_lane(const struct catalogue *catalogue, struct site_view *view)
{
    const char *comma = "";
    struct text text;

    text_begin(&text, 512, LANE_BYTES_MAX);
    text_literal(&text, "\"epochs\":[");
    for (size_t i = 0; i < view->open_count; i++) {
        if (i > 0) text_literal(&text, ",");
        append_epoch(&text, &catalogue->epochs[view->open[i]]);
    }
    text_literal(&text, "],\"grades\":[");
    for (enum platesieve_grade grade = PLATESIEVE_FULL; grade <= PLATESIEVE_NEAR; grade++) {
        if ((view->grades & 1u << grade) == 0) continue;
        text_string(&text, comma);
        text_json_string(&text, platesieve_grade_name(grade));
        comma = ",";
    }
    text_literal(&text, "]");
    append_limit(&text, "candidates_max", LIMIT_CHECK_CANDIDATES);
    append_limit(&text, "reads_max", LIMIT_CHECK_READS);
    append_limit(&text, "seen_age_max_s", LIMIT_SEEN_AGE_S);
    append_limit(&text, "seen_ahead_max_s", LIMIT_SEEN_AHEAD_S);
    return take(&text, &view->lane_json, &view->lane_size);
}
