/* What goes out to webhooks; docs/protocol.md, "Webhooks". */
#ifndef SERVER_GATE_ENDPOINTS_WEBHOOK_JSON_H
#define SERVER_GATE_ENDPOINTS_WEBHOOK_JSON_H

#include <jansson.h>

#include "server/gate/db/webhooks.h"

/* {"type", "timestamp", "data": {"agency", "webhook", "after", "cursor", "hits"}}, malloc'ed; steals HITS.  NULL without memory. */
char *webhook_body(const char *type, const struct db_webhook *hook, uint64_t cursor, json_t *hits, int64_t now_ms);

#endif
