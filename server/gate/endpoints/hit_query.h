/* The filters of GET /v1/hits and of its stream, out of a request's query. */
#ifndef SERVER_GATE_ENDPOINTS_HIT_QUERY_H
#define SERVER_GATE_ENDPOINTS_HIT_QUERY_H

#include "server/gate/db/db.h"
#include "server/http/http.h"

#define HIT_FILTERS "list", "site", "lane", "grade", "covert", "verdict", "lane_judgement", "since", "until", "reference" /* names for request_query_only() */

/* REASON_BAD_QUERY.  `reference` needs `list`: together they name the entry. */
struct result hit_filter_parse(const struct request *request, struct db_hit_filter *filter);
/* The header Platesieve-Purpose, for the record: REASON_BAD_QUERY when it is too long. */
struct result hit_purpose_check(const struct request *request);

#endif
