#include "server/gate/routes.h"

#include "server/http/identities.h"

#define LISTS "/v1/lists"
#define LIST LISTS "/{}"
#define THEIR_LIST "/v1/agencies/{}/lists/{}"
#define REVISION LIST "/revisions/{}"
#define HITS "/v1/hits"
#define WEBHOOKS "/v1/webhooks"
#define COLLECTOR (ROLE_OPERATOR_GATE | ROLE_NODE) /* for the authority; of nodes node/ca alone */
#define OVERSEER (ROLE_OPERATOR_GATE | ROLE_AUDITOR)

const struct route gate_routes[] = {
    { "/v1/checks", METHOD_POST, ROLE_READER, LIMIT_CHECK_BODY_BYTES, post_checks, RUN_ON_LOOP, false, 0 },
    { "/v1/lane", METHOD_GET, ROLE_READER, 0, get_lane, RUN_ON_LOOP, false, 0 },
    { "/v1/lane/report", METHOD_PUT, ROLE_READER, LIMIT_LANE_REPORT_BYTES, put_lane_report, RUN_ON_LOOP, false, 0 },
    { LISTS, METHOD_POST, ROLE_AGENCY, LIMIT_JSON_BODY_BYTES, post_list, RUN_ON_WORKER, false, RIGHT_PUSH },
    { LISTS, METHOD_GET, ROLE_AGENCY | OVERSEER, 0, get_lists, RUN_ON_WORKER, false, RIGHT_PUSH | RIGHT_VIEW },
    { LIST, METHOD_GET, ROLE_AGENCY | OVERSEER, 0, get_list, RUN_ON_WORKER, false, RIGHT_PUSH | RIGHT_VIEW },
    { LIST, METHOD_PUT, ROLE_AGENCY, LIMIT_JSON_BODY_BYTES, put_list, RUN_ON_WORKER, false, RIGHT_PUSH },
    { LIST "/approval", METHOD_POST, ROLE_AGENCY, LIMIT_JSON_BODY_BYTES, post_approval, RUN_ON_WORKER, false, RIGHT_PUSH },
    { LIST "/approval", METHOD_DELETE, ROLE_AGENCY, 0, delete_approval, RUN_ON_WORKER, false, RIGHT_PUSH },
    { THEIR_LIST "/cap", METHOD_PUT, ROLE_OPERATOR_GATE, LIMIT_JSON_BODY_BYTES, put_cap, RUN_ON_WORKER, false, 0 },
    { THEIR_LIST "/suspension", METHOD_PUT, ROLE_OPERATOR_GATE, LIMIT_JSON_BODY_BYTES, put_suspension, RUN_ON_WORKER, false, 0 },
    { THEIR_LIST "/suspension", METHOD_DELETE, ROLE_OPERATOR_GATE, 0, delete_suspension, RUN_ON_WORKER, false, 0 },
    { LIST "/revisions", METHOD_POST, ROLE_AGENCY, LIMIT_JSON_BODY_BYTES, post_revision, RUN_ON_WORKER, false, RIGHT_PUSH },
    { REVISION, METHOD_GET, ROLE_AGENCY, 0, get_revision, RUN_ON_WORKER, false, RIGHT_PUSH },
    { REVISION, METHOD_DELETE, ROLE_AGENCY, 0, delete_revision, RUN_ON_WORKER, false, RIGHT_PUSH },
    { REVISION "/parts/{}", METHOD_PUT, ROLE_AGENCY, LIMIT_PART_BYTES, put_part, RUN_ON_WORKER, false, RIGHT_PUSH },
    { REVISION "/commit", METHOD_POST, ROLE_AGENCY, LIMIT_JSON_BODY_BYTES, post_commit, RUN_ON_WORKER, false, RIGHT_PUSH },
    { LIST "/shares/{}", METHOD_PUT, ROLE_AGENCY, LIMIT_JSON_BODY_BYTES, put_share, RUN_ON_WORKER, false, RIGHT_PUSH },
    { LIST "/shares/{}", METHOD_DELETE, ROLE_AGENCY, 0, delete_share, RUN_ON_WORKER, false, RIGHT_PUSH },
    { "/v1/shares", METHOD_GET, ROLE_AGENCY, 0, get_shares, RUN_ON_WORKER, false, RIGHT_PUSH | RIGHT_VIEW },
    { LIST "/suppressions", METHOD_GET, ROLE_AGENCY, 0, get_suppressions, RUN_ON_WORKER, false, RIGHT_PUSH | RIGHT_VIEW },
    { LIST "/suppressions", METHOD_PUT, ROLE_AGENCY, LIMIT_JSON_BODY_BYTES, put_suppression, RUN_ON_WORKER, false, RIGHT_PUSH },
    { LIST "/suppressions/{}", METHOD_DELETE, ROLE_AGENCY, 0, delete_suppression, RUN_ON_WORKER, false, RIGHT_PUSH },
    { LIST "/flags", METHOD_GET, ROLE_AGENCY, 0, get_flags, RUN_ON_WORKER, false, RIGHT_VIEW },
    { LIST "/header", METHOD_PUT, ROLE_AGENCY, LIMIT_HEADER_BYTES + BODY_CMS, put_header, RUN_ON_WORKER, false, RIGHT_PUSH },
    { LIST "/header", METHOD_GET, ROLE_AGENCY, 0, get_header, RUN_ON_WORKER, false, RIGHT_PUSH | RIGHT_VIEW },
    { LIST "/header", METHOD_DELETE, ROLE_AGENCY, 0, delete_header, RUN_ON_WORKER, false, RIGHT_PUSH },
    { "/v1/headers/{}", METHOD_GET, ROLE_READER, 0, get_header_by_id, RUN_ON_WORKER, false, 0 },
    { HITS, METHOD_GET, ROLE_AGENCY, 0, get_hits, RUN_ON_WORKER, false, RIGHT_VIEW },
    { HITS "/stream", METHOD_GET, ROLE_AGENCY, 0, get_hit_stream, RUN_ON_WORKER, false, RIGHT_VIEW },
    { HITS "/{}", METHOD_GET, ROLE_AGENCY, 0, get_hit, RUN_ON_WORKER, false, RIGHT_VIEW },
    { HITS "/{}/verdict", METHOD_PUT, ROLE_AGENCY, LIMIT_JSON_BODY_BYTES, put_verdict, RUN_ON_WORKER, false, RIGHT_VIEW },
    { HITS "/{}/evidence", METHOD_POST, ROLE_READER, LIMIT_EVIDENCE_BYTES + BODY_CMS, post_evidence, RUN_ON_WORKER, false, 0 },
    { HITS "/{}/judgement", METHOD_POST, ROLE_READER, LIMIT_JSON_BODY_BYTES, post_judgement, RUN_ON_WORKER, false, 0 },
    { HITS "/{}/evidence", METHOD_GET, ROLE_AGENCY, 0, get_evidence, RUN_ON_WORKER, false, RIGHT_DECRYPT },
    { HITS "/{}/evidence/{}", METHOD_GET, ROLE_AGENCY, 0, get_evidence_piece, RUN_ON_WORKER, false, RIGHT_DECRYPT },
    { "/v1/retention", METHOD_GET, ROLE_AGENCY | OVERSEER, 0, get_retention, RUN_ON_WORKER, false, RIGHT_PUSH | RIGHT_VIEW },
    { WEBHOOKS, METHOD_GET, ROLE_AGENCY, 0, get_webhooks, RUN_ON_WORKER, false, RIGHT_VIEW },
    { WEBHOOKS "/{}", METHOD_PUT, ROLE_AGENCY, LIMIT_JSON_BODY_BYTES, put_webhook, RUN_ON_WORKER, false, RIGHT_VIEW },
    { WEBHOOKS "/{}", METHOD_GET, ROLE_AGENCY, 0, get_webhook, RUN_ON_WORKER, false, RIGHT_VIEW },
    { WEBHOOKS "/{}", METHOD_DELETE, ROLE_AGENCY, 0, delete_webhook, RUN_ON_WORKER, false, RIGHT_VIEW },
    { WEBHOOKS "/{}/test", METHOD_POST, ROLE_AGENCY, 0, post_webhook_test, RUN_ON_WORKER, false, RIGHT_VIEW },
    IDENTITY_ROUTES(ROLE_OPERATOR_GATE),
    { "/v1/enrolments", METHOD_POST, ROLE_STRANGER | ROLE_ANY, LIMIT_ENROLMENT_BODY_BYTES, post_enrolment, RUN_ON_LOOP, false, 0 },
    { "/v1/enrolments", METHOD_GET, COLLECTOR, 0, get_enrolments, RUN_ON_LOOP, false, 0 },
    { "/v1/enrolments/{}", METHOD_GET, ROLE_STRANGER | ROLE_ANY, 0, get_enrolment, RUN_ON_LOOP, false, 0 },
    { "/v1/enrolments/{}", METHOD_PUT, COLLECTOR, LIMIT_ENROLMENT_BODY_BYTES, put_enrolment, RUN_ON_LOOP, false, 0 },
    { "/v1/lanes", METHOD_GET, OVERSEER, 0, get_lanes, RUN_ON_WORKER, false, 0 },
    { "/v1/status", METHOD_GET, OVERSEER, 0, get_status, RUN_ON_LOOP, false, 0 },
    { "/livez", METHOD_GET, ROLE_ANY, 0, get_livez, RUN_ON_LOOP, true, 0 },
    { "/readyz", METHOD_GET, ROLE_ANY, 0, get_readyz, RUN_ON_LOOP, true, 0 },
    { "/metrics", METHOD_GET, OVERSEER, 0, get_metrics, RUN_ON_LOOP, true, 0 },
    { NULL, METHOD_GET, 0, 0, NULL, RUN_ON_LOOP, false, 0 },
};
