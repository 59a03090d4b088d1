#include "server/gate/endpoints/lane_word_json.h"

#include "server/gate/endpoints/list_json.h"
#include "server/gate/endpoints/verdict_json.h"
#include "server/gate/fields.h"

static const char acknowledged[] = "acknowledged";

/* The verdict called NAME, or VERDICTS. */
static enum verdict judgement_named(const char *name)
{
    enum verdict verdict = VERDICT_CONFIRMED;

    while (verdict < VERDICTS && strcmp(name, verdict_name(verdict)) != 0) verdict++;
    return verdict;
}

struct result lane_word_parse(const json_t *body, struct db_lane_said *said)
{
    static const char *const members[] = { "judgement", "at", NULL };
    const json_t *name = json_object_get(body, "judgement");

    TRY(fields_only(body, members));
    TRY(field_time(body, "at", &said->at_ms));
    if (!json_is_string(name) || json_string_length(name) != strlen(json_string_value(name))) return FAIL(REASON_BAD_FIELD);
    said->judgement = VERDICT_NONE;
    if (strcmp(json_string_value(name), acknowledged) != 0) said->judgement = judgement_named(json_string_value(name));
    return said->judgement < VERDICTS ? OK : FAIL(REASON_BAD_FIELD);
}

json_t *lane_word_json(const struct lane_word *word)
{
    if (word->judgement == VERDICT_NONE && word->acknowledged_ms == 0) return json_null();
    return json_pack("{so so so}", "judgement", word->judgement == VERDICT_NONE ? json_null() : json_string(verdict_name(word->judgement)), "at",
                     time_json(word->judged_ms), "acknowledged_at", time_json(word->acknowledged_ms));
}

bool lane_word_filter(const char *text, int8_t *filter)
{
    enum verdict verdict = judgement_named(text);

    if (strcmp(text, "none") == 0) verdict = VERDICT_NONE;
    else if (verdict == VERDICTS && strcmp(text, acknowledged) != 0) return false;
    *filter = (int8_t)verdict; /* VERDICTS: acknowledged */
    return true;
}
