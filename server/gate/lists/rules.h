/* A list's own rules, and what may be said of them whoever asks: which are special, which changes take two people, which commits would change a
   list out of recognition.  No HTTP, no SQL. */
#ifndef SERVER_GATE_LISTS_RULES_H
#define SERVER_GATE_LISTS_RULES_H

#include <platesieve/platesieve.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/http/reason.h"

/* The members, so that a struct can hold them as its own. */
#define LIST_RULES \
    char category[LIMIT_CATEGORY_MAX + 1], instruction[LIMIT_INSTRUCTION_MAX + 1]; \
    uint32_t priority, grade /* the weakest wanted */, cooldown_s, retention_days, age_limit_s; \
    bool covert, calibration /* for lanes to try themselves with */; \
    int64_t ends_ms; /* from then on it is not asked; 0: never */ \
    size_t site_count; /* 0: all sites */ \
    char sites[LIMIT_SITES_PER_LIST][LIMIT_NAME_MAX + 1]

struct list_rules { LIST_RULES; };

enum list_rule { /* a bit each */
    RULE_CATEGORY = 1 << 0,
    RULE_INSTRUCTION = 1 << 1,
    RULE_SITES = 1 << 2,
    RULE_PRIORITY = 1 << 3,
    RULE_GRADE = 1 << 4,
    RULE_COVERT = 1 << 5,
    RULE_COOLDOWN = 1 << 6,
    RULE_RETENTION = 1 << 7,
    RULE_AGE_LIMIT = 1 << 8,
    RULE_ENDS = 1 << 9,
    RULE_CALIBRATION = 1 << 10,
};

struct list_patch {
    unsigned given; /* ORed enum list_rule: those that RULES says */
    struct list_rules rules;
};

struct list_limits {
    int64_t now_ms;
    unsigned special_days_max; /* how far ahead a covert or near list may end */
    unsigned request_days;     /* how long a change waits for the second person */
};

void list_rules_apply(struct list_rules *rules, const struct list_patch *patch);
/* ORed enum list_rule: where A and B differ. */
unsigned list_rules_changed(const struct list_rules *a, const struct list_rules *b);

/* Covert and near lists: they must end, and two people stand behind them. */
bool list_rules_special(const struct list_rules *rules);
/* Does it take a second person to come from BEFORE (NULL: the list is new) to AFTER?  To become covert, or near, or as one of these to end later. */
bool list_rules_take_two(const struct list_rules *before, const struct list_rules *after);
/* REASON_ENDS: a special list without an end, or one that is new and further ahead than the limit (or over, for a new list).
   REASON_CALIBRATION: a calibration list that is special, or keeps its hits for too long. */
struct result list_rules_check(const struct list_rules *before, const struct list_rules *after, const struct list_limits *limits);
/* The same person, whatever certificates: "agency/customs/ana". */
bool list_same_person(const char *name, const char *other);

struct list_guard { /* from the operator's settings */
    uint64_t entries_min;    /* a list with fewer is not guarded; 0: none is */
    unsigned shrink_percent; /* of its entries may go at once */
    unsigned grow_percent;   /* of them may come besides */
};
enum list_change { LIST_KEEPS, LIST_SHRINKS, LIST_GROWS };
/* Does a list with BEFORE entries change too much when it has AFTER? */
enum list_change list_guard_check(const struct list_guard *guard, uint64_t before, uint64_t after);

#endif
