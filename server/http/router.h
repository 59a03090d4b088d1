/* From method and path to a route, by a table made once. */
#ifndef SERVER_HTTP_ROUTER_H
#define SERVER_HTTP_ROUTER_H

#include <microhttpd.h>

#include "server/http/http.h"
#include "server/http/metrics.h"

#define ROUTER_METHODS 4
#define ROUTER_CLASSES 3 /* 2xx and others, 4xx, 5xx */

/* One path with its methods. */
struct router_row {
    const char *path;
    bool literal;                               /* no {} in it */
    const struct route *routes[ROUTER_METHODS]; /* by enum method; NULL: not served */
    struct MHD_Response *not_allowed;           /* 405 with Allow */
    char allow[40];
    struct metric *answers[ROUTER_METHODS][ROUTER_CLASSES]; /* NULL: not counted */
    struct metric *seconds[ROUTER_METHODS];
};

struct router;

/* METRICS may be NULL.  NULL without memory. */
struct router *router_create(const struct route *routes, struct metrics *metrics);
void router_destroy(struct router *router);

/* The row of URL (percent-decoded, without query), or NULL; its arguments are copied out. */
const struct router_row *router_find(const struct router *router, const char *url,
                                     char arguments[3][LIMIT_NAME_MAX + 1]);

/* "GET", "HEAD" (served as GET), "POST", "PUT", "DELETE"; false for all others. */
bool router_method(const char *text, enum method *method);

/* Where answers without a route are counted (404); NULL: not counted. */
struct metric *router_lost(const struct router *router);

#endif
