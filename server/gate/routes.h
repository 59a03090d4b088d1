/* The gate's routes: method, path, who may ask, how large a body.  One endpoint, one file, in endpoints/. */
#ifndef SERVER_GATE_ROUTES_H
#define SERVER_GATE_ROUTES_H

#include "server/http/http.h"

extern const struct route gate_routes[];

/* endpoints/lane.c, checks.c */
struct reply get_lane(void *app, struct request *request);
struct reply post_checks(void *app, struct request *request);
/* endpoints/lane_report.c, lanes.c */
struct reply put_lane_report(void *app, struct request *request);
struct reply get_lanes(void *app, struct request *request);
/* endpoints/lists.c */
struct reply post_list(void *app, struct request *request);
struct reply get_lists(void *app, struct request *request);
struct reply get_list(void *app, struct request *request);
/* endpoints/rules.c */
struct reply put_list(void *app, struct request *request);
struct reply post_approval(void *app, struct request *request);
struct reply delete_approval(void *app, struct request *request);
/* endpoints/oversight.c */
struct reply put_cap(void *app, struct request *request);
struct reply put_suspension(void *app, struct request *request);
struct reply delete_suspension(void *app, struct request *request);
/* endpoints/revisions.c */
struct reply post_revision(void *app, struct request *request);
struct reply get_revision(void *app, struct request *request);
struct reply delete_revision(void *app, struct request *request);
/* endpoints/commit.c, parts.c */
struct reply post_commit(void *app, struct request *request);
struct reply put_part(void *app, struct request *request);
/* endpoints/evidence.c */
struct reply post_evidence(void *app, struct request *request);
struct reply get_evidence(void *app, struct request *request);
struct reply get_evidence_piece(void *app, struct request *request);
/* endpoints/judgements.c */
struct reply post_judgement(void *app, struct request *request);
/* endpoints/header.c */
struct reply put_header(void *app, struct request *request);
struct reply get_header(void *app, struct request *request);
struct reply delete_header(void *app, struct request *request);
struct reply get_header_by_id(void *app, struct request *request);
/* endpoints/hits.c */
struct reply get_hits(void *app, struct request *request);
struct reply get_hit(void *app, struct request *request);
/* endpoints/verdicts.c */
struct reply put_verdict(void *app, struct request *request);
/* endpoints/sharing.c */
struct reply put_share(void *app, struct request *request);
struct reply delete_share(void *app, struct request *request);
struct reply get_shares(void *app, struct request *request);
/* endpoints/suppressions.c */
struct reply get_suppressions(void *app, struct request *request);
struct reply put_suppression(void *app, struct request *request);
struct reply delete_suppression(void *app, struct request *request);
/* endpoints/flags.c */
struct reply get_flags(void *app, struct request *request);
/* endpoints/hit_stream.c */
struct reply get_hit_stream(void *app, struct request *request);
/* endpoints/webhooks.c */
struct reply put_webhook(void *app, struct request *request);
struct reply get_webhooks(void *app, struct request *request);
struct reply get_webhook(void *app, struct request *request);
struct reply delete_webhook(void *app, struct request *request);
struct reply post_webhook_test(void *app, struct request *request);
/* endpoints/enrolments.c */
struct reply post_enrolment(void *app, struct request *request);
struct reply get_enrolments(void *app, struct request *request);
struct reply get_enrolment(void *app, struct request *request);
struct reply put_enrolment(void *app, struct request *request);
/* endpoints/retention.c */
struct reply get_retention(void *app, struct request *request);
/* endpoints/status.c, probes.c */
struct reply get_status(void *app, struct request *request);
struct reply get_livez(void *app, struct request *request);
struct reply get_readyz(void *app, struct request *request);
struct reply get_metrics(void *app, struct request *request);

#endif
