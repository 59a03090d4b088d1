/* The key server's parts, as its endpoints see them. */
#ifndef SERVER_KEYS_KEYD_H
#define SERVER_KEYS_KEYD_H

#include "server/http/clock.h"
#include "server/http/http.h"
#include "server/http/metrics.h"
#include "server/http/quota.h"
#include "server/http/registry.h"
#include "server/keys/config.h"
#include "server/keys/epoch_store.h"
#include "server/keys/keeper.h"

struct keyd {
    const struct config *config;
    const struct clock *clock;
    int64_t started_ms;
    struct epoch_store *store;
    struct keeper *keeper;
    struct quota_book *quota;
    struct registry *registry;
    struct metrics *metrics;
    struct metric *keys_given, *evaluations, *rotations, *ready, *live;
};

extern const struct route keyd_routes[];

/* Why the daemon can't do its work, as an array of texts; empty when it can.  The caller json_decref()s. */
json_t *keyd_reasons(struct keyd *keyd);
/* What is in trouble though it can: "registry" (its file can't be read).  The caller json_decref()s. */
json_t *keyd_degraded(struct keyd *keyd);

/* endpoints/, one file each */
struct reply get_epochs(void *app, struct request *request);
struct reply get_epoch_key(void *app, struct request *request);
struct reply post_evaluate(void *app, struct request *request);
struct reply post_rotation(void *app, struct request *request);
struct reply get_livez(void *app, struct request *request);
struct reply get_readyz(void *app, struct request *request);
struct reply get_metrics(void *app, struct request *request);
struct reply get_status(void *app, struct request *request);

/* What the wire shows of an epoch (docs/protocol.md), shared by epochs and status. */
json_t *epoch_json(const struct epoch *epoch, int64_t now_ms);

#endif
