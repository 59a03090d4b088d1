/* /v1/identities: the names that this gate admits. */
#include "server/http/identities.h"

#include "server/gate/gate.h"
#include "server/gate/routes.h"

static struct identities of(const struct gate *gate)
{
    return (struct identities){
        .registry = gate->registry,
        .operator = ROLE_OPERATOR_GATE,
        .quota_known = quota_fits,
        .add = quota_add_use,
        .context = gate->quota,
    };
}

struct reply get_identities(void *app, struct request *request)
{
    struct identities identities = of(app);
    return identities_get(&identities, request);
}

struct reply get_identity(void *app, struct request *request)
{
    struct identities identities = of(app);
    return identity_get(&identities, request);
}

struct reply put_identity(void *app, struct request *request)
{
    struct identities identities = of(app);
    return identity_put(&identities, request);
}

struct reply delete_identity(void *app, struct request *request)
{
    struct identities identities = of(app);
    return identity_delete(&identities, request);
}
