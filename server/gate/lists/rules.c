#include "server/gate/lists/rules.h"

#include <string.h>

#define DAY_MS INT64_C(86400000)

static void copy_sites(struct list_rules *to, const struct list_rules *from)
{
    memcpy(to->sites, from->sites, from->site_count * sizeof(from->sites[0]));
    to->site_count = from->site_count;
}

void list_rules_apply(struct list_rules *rules, const struct list_patch *patch)
{
    const struct list_rules *new = &patch->rules;

    if ((patch->given & RULE_CATEGORY) != 0) memcpy(rules->category, new->category, sizeof(rules->category));
    if ((patch->given & RULE_INSTRUCTION) != 0) memcpy(rules->instruction, new->instruction, sizeof(rules->instruction));
    if ((patch->given & RULE_SITES) != 0) copy_sites(rules, new);
    if ((patch->given & RULE_PRIORITY) != 0) rules->priority = new->priority;
    if ((patch->given & RULE_GRADE) != 0) rules->grade = new->grade;
    if ((patch->given & RULE_COVERT) != 0) rules->covert = new->covert;
    if ((patch->given & RULE_COOLDOWN) != 0) rules->cooldown_s = new->cooldown_s;
    if ((patch->given & RULE_RETENTION) != 0) rules->retention_days = new->retention_days;
    if ((patch->given & RULE_AGE_LIMIT) != 0) rules->age_limit_s = new->age_limit_s;
    if ((patch->given & RULE_ENDS) != 0) rules->ends_ms = new->ends_ms;
    if ((patch->given & RULE_CALIBRATION) != 0) rules->calibration = new->calibration;
}

static bool same_sites(const struct list_rules *a, const struct list_rules *b)
{
    if (a->site_count != b->site_count) return false;
    for (size_t i = 0; i < a->site_count; i++)
        if (strcmp(a->sites[i], b->sites[i]) != 0) return false;
    return true;
}

unsigned list_rules_changed(const struct list_rules *a, const struct list_rules *b)
{
    unsigned changed = 0;

    if (strcmp(a->category, b->category) != 0) changed |= RULE_CATEGORY;
    if (strcmp(a->instruction, b->instruction) != 0) changed |= RULE_INSTRUCTION;
    if (!same_sites(a, b)) changed |= RULE_SITES;
    if (a->priority != b->priority) changed |= RULE_PRIORITY;
    if (a->grade != b->grade) changed |= RULE_GRADE;
    if (a->covert != b->covert) changed |= RULE_COVERT;
    if (a->cooldown_s != b->cooldown_s) changed |= RULE_COOLDOWN;
    if (a->retention_days != b->retention_days) changed |= RULE_RETENTION;
    if (a->age_limit_s != b->age_limit_s) changed |= RULE_AGE_LIMIT;
    if (a->ends_ms != b->ends_ms) changed |= RULE_ENDS;
    if (a->calibration != b->calibration) changed |= RULE_CALIBRATION;
    return changed;
}

bool list_rules_special(const struct list_rules *rules)
{
    return rules->covert || rules->grade == PLATESIEVE_NEAR;
}

static bool ends_later(const struct list_rules *before, const struct list_rules *after)
{
    if (before->ends_ms == 0) return false;
    return after->ends_ms == 0 || after->ends_ms > before->ends_ms;
}

bool list_rules_take_two(const struct list_rules *before, const struct list_rules *after)
{
    if (!list_rules_special(after)) return false;
    if (before == NULL || (after->covert && !before->covert)) return true;
    if (after->grade == PLATESIEVE_NEAR && before->grade != PLATESIEVE_NEAR) return true;
    return ends_later(before, after);
}

struct result list_rules_check(const struct list_rules *before, const struct list_rules *after, const struct list_limits *limits)
{
    bool special = list_rules_special(after);
    bool settled = before != NULL && before->ends_ms == after->ends_ms && (list_rules_special(before) || !special);

    if (after->calibration && (special || after->retention_days > LIMIT_CALIBRATION_DAYS)) return FAIL(REASON_CALIBRATION);
    if (settled) return OK; /* what was allowed stays so */
    if (before == NULL && after->ends_ms != 0 && after->ends_ms <= limits->now_ms) return FAIL(REASON_ENDS);
    if (!special) return OK;
    if (after->ends_ms == 0) return FAIL(REASON_ENDS);
    return after->ends_ms <= limits->now_ms + limits->special_days_max * DAY_MS ? OK : FAIL(REASON_ENDS);
}

bool list_same_person(const char *name, const char *other)
{
    return strcmp(name, other) == 0;
}

enum list_change list_guard_check(const struct list_guard *guard, uint64_t before, uint64_t after)
{
    if (guard->entries_min == 0 || before < guard->entries_min) return LIST_KEEPS;
    if (after < before && (before - after) * 100 > before * guard->shrink_percent) return LIST_SHRINKS;
    if (after > before && (after - before) * 100 > before * guard->grow_percent) return LIST_GROWS;
    return LIST_KEEPS;
}
