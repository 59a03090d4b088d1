/* What is wanted at a site, worked out once per catalogue: open epochs, grades, the lists in force, and the parts of answers that are
   the same for every read. */
#ifndef SERVER_GATE_CHECK_POLICY_H
#define SERVER_GATE_CHECK_POLICY_H

#include "server/gate/index/catalogue.h"

struct site_rule { /* from the operator's settings */
    char site[LIMIT_NAME_MAX + 1];
    unsigned grades; /* bit per enum platesieve_grade, fixed for this site; 0: follow the lists */
};

/* A list counts at a site (is in force) when it is loaded, approved, not over, not suspended, and applies there.  It was asked when it has whole coverage of at
   least one open epoch: then a lane that sends the tokens of all of them misses none of its entries.  A list in force with partial
   coverage is looked up as far as it goes, and named under `unchecked`.
   A covert list that is suspended matches nothing, but shapes what is asked as before: lanes must not learn of it. */
struct site_view {
    char site[LIMIT_NAME_MAX + 1]; /* empty: every other site */
    char policy[LIMIT_POLICY_TEXT + 1]; /* changes when epochs, key ids, grades or limits do */
    unsigned grades;               /* wanted, bit per grade: the operator's rule, or full to the weakest that a list in force wants */
    size_t open_count;
    uint8_t open[LIMIT_EPOCHS_OPEN]; /* positions in catalogue.epochs, oldest first */
    bool any_list;                 /* at least one list in force, covert or not, covers an open epoch, if only in part */
    uint8_t *in_force;             /* by position in catalogue.lists: this list counts here */
    /* JSON, ending with a zero byte.  Covert lists are in none of them. */
    char *lists_json;              /* `[{"agency","list","revision","age_s"}]` of those asked; ages as of the catalogue's making */
    size_t lists_size;
    char *unchecked_json;          /* `[{"agency","list","why"}]` */
    size_t unchecked_size;
    char *lane_json;               /* `"epochs":...,...`: the members of GET /v1/lane but policy, site, lane, now and degraded */
    size_t lane_size;
};

/* Fills catalogue->views (replacing old ones) at NOW_MS.  The catalogue is remade when an epoch opens or closes, and once a second for the
   ages.  Sites beyond LIMIT_VIEWS get none and catalogue->views_full is set; those of RULES come first.  REASON_BUSY without memory. */
struct result policy_make_views(struct catalogue *catalogue, const struct site_rule *rules, size_t rule_count, int64_t now_ms);
void policy_free_views(struct catalogue *catalogue);
/* The view of SITE: its own, or that of every other site.  NULL when lists name the site but there was no room for its view: such a site must
   not be answered from the lists of others. */
const struct site_view *policy_view(const struct catalogue *catalogue, const char *site);

/* Whole seconds since the list was committed; 0 for the future. */
static inline uint32_t policy_list_age_s(const struct catalogue_list *list, int64_t now_ms)
{
    int64_t age = (now_ms - list->committed_ms) / 1000;

    return age < 0 ? 0 : age > UINT32_MAX ? UINT32_MAX : (uint32_t)age;
}

#endif
