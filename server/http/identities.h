/* The endpoints of registration, which both daemons serve for their own operators: /v1/identities and below it a name,
   whose parts are parts of the path: /v1/identities/reader/north/1, /v1/identities/auditor/ines.  They work on the
   registry and the quotas of the server's settings (http.h), not on the daemon's APP. */
#ifndef SERVER_HTTP_IDENTITIES_H
#define SERVER_HTTP_IDENTITIES_H

#include "server/http/http.h"

/* For the table of routes: OPERATOR is the daemon's own; auditors may look. */
#define IDENTITY_ROUTES(operator) \
    { "/v1/identities", METHOD_GET, (operator) | ROLE_AUDITOR, 0, get_identities, RUN_ON_WORKER, false, 0 }, \
        IDENTITY_ROUTE("/v1/identities/{}/{}", operator), IDENTITY_ROUTE("/v1/identities/{}/{}/{}", operator)
#define IDENTITY_ROUTE(path, operator) \
    { path, METHOD_GET, (operator) | ROLE_AUDITOR, 0, get_identity, RUN_ON_WORKER, false, 0 }, \
        { path, METHOD_PUT, (operator), LIMIT_IDENTITY_BODY_BYTES, put_identity, RUN_ON_WORKER, false, 0 }, \
        { path, METHOD_DELETE, (operator), 0, delete_identity, RUN_ON_WORKER, false, 0 }

/* GET /v1/identities: all of them, by name, with the use that each makes of its quota. */
struct reply get_identities(void *app, struct request *request);
/* GET, PUT {"quota"?, "rights"?} and DELETE of one.  A name is in force, and on the disk, when the answer goes out; who changed what
   is on the log before.  The last name of the role of whoever asks is not removed. */
struct reply get_identity(void *app, struct request *request);
struct reply put_identity(void *app, struct request *request);
struct reply delete_identity(void *app, struct request *request);

#endif
