/* /v1/identities: the names that this key server admits. */
#include "server/http/identities.h"

#include "server/keys/keyd.h"

static struct identities of(const struct keyd *keyd)
{
    return (struct identities){
        .registry = keyd->registry,
        .operator = ROLE_OPERATOR_KEYS,
        .quota_known = quota_fits,
        .add = quota_add_use,
        .context = keyd->quota,
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
