/* Where webhooks may go.  An agency says an address, and the gate connects to it: so the operator says which hosts it may be, or a gate would be
   a way into its own network. */
#ifndef SERVER_GATE_WEBHOOKS_URL_H
#define SERVER_GATE_WEBHOOKS_URL_H

#include "server/http/reason.h"

/* True when RULES ("hooks.example.org, *.customs.example, 192.0.2.7:8443") is what it must be. */
bool webhook_rules_valid(const char *rules);
/* URL is https, at most LIMIT_WEBHOOK_URL_BYTES, without user, password and fragment, and RULES have its host (lower case) with its port (443
   unless the rule says another).  "*.x" stands for every name below x.  REASON_WEBHOOK. */
struct result webhook_url_check(const char *rules, const char *url);

#endif
