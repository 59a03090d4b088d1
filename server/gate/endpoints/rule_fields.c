#include "server/gate/endpoints/rule_fields.h"

#include "server/gate/endpoints/list_json.h"
#include "server/gate/fields.h"
#include "server/http/clock.h"

#define AGE_LIMIT_MAX_S (366 * 86400)
#define GRADE_BYTES 16

/* -- from JSON ------------------------------------------------------------------------------------------------------------ */

static struct result parse_sites(const json_t *sites, struct list_rules *rules)
{
    size_t count = json_array_size(sites);

    if (!json_is_array(sites) || count > LIMIT_SITES_PER_LIST) return FAIL(REASON_BAD_FIELD);
    for (size_t i = 0; i < count; i++) {
        const char *site = json_string_value(json_array_get(sites, i));
        if (site == NULL || !name_is_valid(site)) return FAIL(REASON_BAD_FIELD);
        (void)snprintf(rules->sites[i], sizeof rules->sites[i], "%s", site);
    }
    rules->site_count = count;
    return OK;
}

static struct result parse_grade(const json_t *object, struct list_rules *rules)
{
    char name[GRADE_BYTES];
    enum platesieve_grade grade;

    TRY(field_text(object, "grade", NULL, name, sizeof name));
    if (!platesieve_grade_parse(name, &grade)) return FAIL(REASON_BAD_FIELD);
    rules->grade = grade;
    return OK;
}

static struct result parse_end(const json_t *end, struct list_rules *rules)
{
    const char *text = json_string_value(end);

    rules->ends_ms = 0;
    if (json_is_null(end)) return OK;
    if (text == NULL || !time_parse(text, json_string_length(end), &rules->ends_ms) || rules->ends_ms == 0) return FAIL(REASON_BAD_FIELD);
    return OK;
}

static struct result parse_category(const json_t *object, struct list_rules *rules)
{
    TRY(field_text(object, "category", NULL, rules->category, sizeof rules->category));
    return rules->category[0] != '\0' ? OK : FAIL(REASON_BAD_FIELD);
}

static struct result parse_number(const json_t *object, const char *name, uint64_t min, uint64_t max, uint32_t *value)
{
    uint64_t number;

    TRY(field_number_given(object, name, min, max, &number));
    *value = (uint32_t)number;
    return OK;
}

static struct result parse_one(const json_t *object, const char *name, enum list_rule rule, struct list_rules *rules)
{
    switch (rule) {
    case RULE_CATEGORY: return parse_category(object, rules);
    case RULE_INSTRUCTION: return field_text(object, name, NULL, rules->instruction, sizeof rules->instruction);
    case RULE_SITES: return parse_sites(json_object_get(object, name), rules);
    case RULE_PRIORITY: return parse_number(object, name, 0, LIMIT_PRIORITY, &rules->priority);
    case RULE_GRADE: return parse_grade(object, rules);
    case RULE_COVERT: return field_bool(object, name, false, &rules->covert);
    case RULE_COOLDOWN: return parse_number(object, name, 0, LIMIT_COOLDOWN_S, &rules->cooldown_s);
    case RULE_RETENTION: return parse_number(object, name, 1, LIMIT_RETENTION_DAYS, &rules->retention_days);
    case RULE_AGE_LIMIT: return parse_number(object, name, 1, AGE_LIMIT_MAX_S, &rules->age_limit_s);
    case RULE_CALIBRATION: return field_bool(object, name, false, &rules->calibration);
    case RULE_ENDS: return parse_end(json_object_get(object, name), rules);
    }
    return FAIL(REASON_BAD_FIELD);
}

struct result rules_parse(const json_t *object, const char *const *others, struct list_patch *patch)
{
    static const struct {
        const char *name;
        enum list_rule rule;
    } members[] = {
        { "category", RULE_CATEGORY },     { "instruction", RULE_INSTRUCTION },  { "sites", RULE_SITES },
        { "priority", RULE_PRIORITY },     { "grade", RULE_GRADE },              { "covert", RULE_COVERT },
        { "cooldown_s", RULE_COOLDOWN },   { "retention_days", RULE_RETENTION }, { "age_limit_s", RULE_AGE_LIMIT },
        { "ends_at", RULE_ENDS },          { "calibration", RULE_CALIBRATION },
    };
    const char *names[ARRAY_LENGTH(members) + 4] = { NULL };
    size_t count = 0;

    *patch = (struct list_patch){ 0 };
    for (; others[count] != NULL && count < 3; count++) names[count] = others[count];
    for (size_t i = 0; i < ARRAY_LENGTH(members); i++) names[count++] = members[i].name;
    TRY(fields_only(object, names));
    for (size_t i = 0; i < ARRAY_LENGTH(members); i++) {
        if (json_object_get(object, members[i].name) == NULL) continue;
        TRY(parse_one(object, members[i].name, members[i].rule, &patch->rules));
        patch->given |= members[i].rule;
    }
    return OK;
}

/* -- to JSON -------------------------------------------------------------------------------------------------------------- */

json_t *rules_json(const struct list_rules *rules)
{
    json_t *sites = json_array();

    for (size_t i = 0; i < rules->site_count; i++) (void)json_array_append_new(sites, json_string(rules->sites[i]));
    return json_pack("{ss si ss sb sb so si si ss si so}", "category", rules->category, "priority", (int)rules->priority, "grade",
                     platesieve_grade_name((enum platesieve_grade)rules->grade), "covert", rules->covert, "calibration", rules->calibration, "sites", sites, "cooldown_s",
                     (int)rules->cooldown_s, "retention_days", (int)rules->retention_days, "instruction", rules->instruction, "age_limit_s",
                     (int)rules->age_limit_s, "ends_at", time_json(rules->ends_ms));
}

json_t *rules_changed_json(const struct list_rules *before, const struct list_rules *after)
{
    json_t *from = rules_json(before), *to = rules_json(after), *changed = json_object(), *value;
    const char *name;

    json_object_foreach(from, name, value) {
        json_t *other = json_object_get(to, name);
        if (!json_equal(value, other)) (void)json_object_set_new(changed, name, json_pack("{sO sO}", "from", value, "to", other));
    }
    json_decref(from);
    json_decref(to);
    return changed;
}
