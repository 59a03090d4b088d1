/* The endpoints of registration, which both daemons serve for their own operators: /v1/identities and below it a name,
   whose parts are parts of the path: /v1/identities/reader/north/1, /v1/identities/auditor/ines. */
#ifndef SERVER_HTTP_IDENTITIES_H
#define SERVER_HTTP_IDENTITIES_H

#include "server/http/registry.h"

/* For the table of routes: OPERATOR is the daemon's own; auditors may look. */
#define IDENTITY_ROUTES(operator, get_all, get_one, put_one, delete_one) \
    { "/v1/identities", METHOD_GET, (operator) | ROLE_AUDITOR, 0, get_all, RUN_ON_WORKER, false }, \
        IDENTITY_ROUTE("/v1/identities/{}/{}", operator, get_one, put_one, delete_one), \
        IDENTITY_ROUTE("/v1/identities/{}/{}/{}", operator, get_one, put_one, delete_one)
#define IDENTITY_ROUTE(path, operator, get_one, put_one, delete_one) \
    { path, METHOD_GET, (operator) | ROLE_AUDITOR, 0, get_one, RUN_ON_WORKER, false }, \
        { path, METHOD_PUT, (operator), LIMIT_IDENTITY_BODY_BYTES, put_one, RUN_ON_WORKER, false }, \
        { path, METHOD_DELETE, (operator), 0, delete_one, RUN_ON_WORKER, false }

struct identities {
    struct registry *registry;
    enum role operator; /* the last one of whom is not removed */
    /* Is there such a quota profile, for this role?  NULL: any name will do. */
    bool (*quota_known)(void *context, enum role role, const char *quota);
    /* Adds members to the answer's object of a name, such as what it used lately; NULL: nothing. */
    void (*add)(void *context, const struct roll_entry *entry, json_t *identity);
    void *context;
};

/* GET /v1/identities: all of them, by name. */
struct reply identities_get(const struct identities *identities, struct request *request);
/* GET, PUT {"quota"?} and DELETE of one.  A name is in force, and on the disk, when the answer goes out; who changed what
   is on the log before. */
struct reply identity_get(const struct identities *identities, struct request *request);
struct reply identity_put(const struct identities *identities, struct request *request);
struct reply identity_delete(const struct identities *identities, struct request *request);

#endif
