/* What is wanted at a site, worked out once per catalogue: open epochs, grades, the lists in force, and the parts of answers that are
   the same for every read. */
#ifndef SERVER_GATE_POLICY_H
#define SERVER_GATE_POLICY_H

#include "server/gate/catalogue.h"

struct site_rule { /* from the operator's settings */
    char site[LIMIT_NAME_MAX + 1];
    unsigned grades; /* bit per enum platesieve_grade, fixed for this site; 0: follow the lists */
};

struct site_view {
    char site[LIMIT_NAME_MAX + 1]; /* empty: every other site */
    char policy[LIMIT_POLICY_TEXT + 1];
    unsigned grades;               /* wanted, bit per grade */
    size_t open_count;
    uint8_t open[LIMIT_EPOCHS_OPEN]; /* positions in catalogue.epochs, oldest first */
    bool any_list;                 /* at least one loaded list, covert or not, covers an open epoch */
    uint8_t *in_force;             /* by position in catalogue.lists: this list counts here */
    char *lists_json;              /* `[{"agency":...}]`, ages as of the catalogue's making */
    char *unchecked_json;
    char *lane_json;               /* members of GET /v1/lane that do not depend on lane and time */
};

/* Fills catalogue->views at NOW_MS.  The catalogue is remade when an epoch opens or closes, and once a second for the ages. */
struct result policy_make_views(struct catalogue *catalogue, const struct site_rule *rules, size_t rule_count, int64_t now_ms);
void policy_free_views(struct catalogue *catalogue);
const struct site_view *policy_view(const struct catalogue *catalogue, const char *site);

#endif
