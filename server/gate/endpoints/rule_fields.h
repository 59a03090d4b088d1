/* A list's rules in JSON, one way and the other. */
#ifndef SERVER_GATE_ENDPOINTS_RULE_FIELDS_H
#define SERVER_GATE_ENDPOINTS_RULE_FIELDS_H

#include <jansson.h>

#include "server/gate/lists/rules.h"

/* The members of OBJECT that are rules, each optional, and none but these and OTHERS (NULL-ended).  `"ends_at": null` is no end.  REASON_BAD_FIELD. */
struct result rules_parse(const json_t *object, const char *const *others, struct list_patch *patch);
/* All rules, each a member. */
json_t *rules_json(const struct list_rules *rules);
/* Those that differ: {"cooldown_s": {"from": 300, "to": 60}}. */
json_t *rules_changed_json(const struct list_rules *before, const struct list_rules *after);

#endif
