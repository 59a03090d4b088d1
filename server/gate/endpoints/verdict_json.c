#include "server/gate/endpoints/verdict_json.h"

#include "server/gate/endpoints/list_json.h"
#include "server/gate/fields.h"

static const char *const names[VERDICTS] = { "", "confirmed", "misread", "wrong-jurisdiction", "stale-entry" };
/* A fixed set, not a text: nobody writes a plate into it. */
static const char *const actions[] = { "none", "stopped", "warned", "cited", "arrested", "recovered", "released", "referred", "other" };

const char *verdict_name(enum verdict verdict)
{
    return names[verdict];
}

static struct result parse_action(const json_t *body, char action[LIMIT_ACTION_MAX + 1])
{
    TRY(field_text(body, "action", actions[0], action, LIMIT_ACTION_MAX + 1));
    for (size_t i = 0; i < ARRAY_LENGTH(actions); i++)
        if (strcmp(action, actions[i]) == 0) return OK;
    return FAIL(REASON_BAD_FIELD);
}

struct result verdict_parse(const json_t *body, enum verdict *verdict, char action[LIMIT_ACTION_MAX + 1])
{
    static const char *const members[] = { "verdict", "action", NULL };
    const char *name = json_string_value(json_object_get(body, "verdict"));

    TRY(fields_only(body, members));
    TRY(parse_action(body, action));
    for (*verdict = VERDICT_CONFIRMED; name != NULL && *verdict < VERDICTS; (*verdict)++)
        if (strcmp(name, names[*verdict]) == 0) return OK;
    return FAIL(REASON_BAD_FIELD);
}

json_t *verdict_json(const struct db_hit *hit)
{
    if (hit->verdict == VERDICT_NONE) return json_null();
    return json_pack("{ss ss so ss}", "verdict", verdict_name(hit->verdict), "action", hit->action, "at", time_json(hit->verdict_ms), "by",
                     hit->verdict_by);
}
