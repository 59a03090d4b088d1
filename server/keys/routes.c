#include "server/http/identities.h"
#include "server/keys/keyd.h"

#define OVERSEER (ROLE_OPERATOR_KEYS | ROLE_AUDITOR)

const struct route keyd_routes[] = {
    { "/v1/epochs", METHOD_GET, ROLE_READER | ROLE_AGENCY | ROLE_NODE | OVERSEER, 0, get_epochs, RUN_ON_LOOP, false, 0 },
    { "/v1/epochs/{}/key", METHOD_GET, ROLE_READER | ROLE_AGENCY, 0, get_epoch_key, RUN_ON_LOOP, false, RIGHT_PUSH },
    { "/v1/epochs/{}/evaluate", METHOD_POST, ROLE_READER | ROLE_AGENCY, LIMIT_EVALUATE_BODY_BYTES, post_evaluate,
      RUN_SMALL_ON_LOOP, false, RIGHT_PUSH },
    IDENTITY_ROUTES(ROLE_OPERATOR_KEYS),
    { "/v1/epochs/rotate", METHOD_POST, ROLE_OPERATOR_KEYS, LIMIT_ROTATION_BODY_BYTES, post_rotation, RUN_ON_WORKER,
      false, 0 },
    { "/v1/status", METHOD_GET, OVERSEER, 0, get_status, RUN_ON_LOOP, false, 0 },
    { "/livez", METHOD_GET, ROLE_ANY, 0, get_livez, RUN_ON_LOOP, true, 0 },
    { "/readyz", METHOD_GET, ROLE_ANY, 0, get_readyz, RUN_ON_LOOP, true, 0 },
    { "/metrics", METHOD_GET, OVERSEER, 0, get_metrics, RUN_ON_LOOP, true, 0 },
    { NULL, METHOD_GET, 0, 0, NULL, RUN_ON_LOOP, false, 0 },
};
