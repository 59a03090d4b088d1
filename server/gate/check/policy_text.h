/* The JSON of a view: see struct site_view.  For policy.c. */
#ifndef SERVER_GATE_CHECK_POLICY_TEXT_H
#define SERVER_GATE_CHECK_POLICY_TEXT_H

#include "server/gate/check/policy.h"

/* The best coverage that LIST has of an epoch open in VIEW. */
enum coverage policy_coverage(const struct site_view *view, const struct catalogue_list *list);

/* Of the lists that apply at the site (view->in_force), those that could not be asked, or not wholly. */
struct result policy_text_unchecked(const struct catalogue *catalogue, int64_t now_ms, struct site_view *view);
struct result policy_text_lists(const struct catalogue *catalogue, int64_t now_ms, struct site_view *view);
struct result policy_text_lane(const struct catalogue *catalogue, struct site_view *view);

#endif
