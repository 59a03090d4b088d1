/* The authority's machine at the gates: collects the requests that wait, judges and signs them, and carries the answers
 * back.  The authority's key is read for each round in which something waits, and forgotten before a gate is spoken to
 * again. */
#ifndef CLIENT_CA_COLLECT_H
#define CLIENT_CA_COLLECT_H

#include "client/ca/judge.h"
#include "client/http/http.h"

struct ca_collecting {
    const struct settings *settings;
    struct http *http; /* all gates */
    struct ca_scope scope;
    int64_t reader_seconds, other_seconds; /* how long certificates last */
    bool tell_all;                         /* also of those that are left waiting */
    int64_t tidied_ms; /* monotonic; 0: not yet */
    /* counted over all rounds */
    unsigned signed_count, refused_count, left_count, alarms;
    unsigned told_left; /* requests left waiting that were told of; so that `serve` does it once */
    char told[LIMIT_ENROLMENTS][CA_REQUEST_ID_MAX + 1];
};

/* Opens the gates of SETTINGS as the identity that collects: --as, or else node/ca, or else the only operator/gate.  An
 * exit code; what is wrong has been said.  IDENTITY is filled and borrowed. */
int ca_collecting_open(struct settings *settings, struct identity *identity, struct ca_collecting *collecting) MUST_USE;
void ca_collecting_close(struct ca_collecting *collecting);
/* One round at gate NUMBER.  CLIENT_OK, CLIENT_UNREACHABLE and CLIENT_REFUSED (said with TELL), CLIENT_FAILED (said). */
int ca_collect(struct ca_collecting *collecting, size_t number, bool tell) MUST_USE;

/* "30d", "12h", "10m", "90s": seconds, or a usage error. */
int64_t option_lifetime(const struct argp_state *state, const char *text);
#define CA_READER_SECONDS (30 * INT64_C(86400))
#define CA_OTHER_SECONDS ((int64_t)CA_DAYS_LEAF * 86400)

#endif
