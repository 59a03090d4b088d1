/* Follows PostgreSQL and the key server, and publishes catalogues.  One thread: it alone writes index, entries and catalogue.  It polls the
   lists' head (200 ms) and the key server (epochs; poll_s), remakes the catalogue when anything changed and once a second for the ages,
   opens and destroys epochs on time, ratchets the pepper, and sweeps what is dead. */
#ifndef SERVER_GATE_FOLLOW_H
#define SERVER_GATE_FOLLOW_H

#include "server/gate/db/db.h"
#include "server/gate/policy.h"
#include "server/gate/state.h"
#include "server/http/clock.h"
#include "server/http/metrics.h"

struct follow;

struct follow_settings {
    struct db *db;                /* role platesieve_gate */
    struct gate_state *state;
    const struct clock *clock;
    const struct site_rule *rules;
    size_t rule_count;
    const char *keys_url;         /* comma separated; asked in order */
    const char *certificate, *key, *ca; /* this node's own, for asking */
    const char *trust_domain;
    unsigned keys_poll_ms;
    const char *epochs_file;      /* last known epochs, to start when the key server is away; in the state folder */
};

struct result follow_start(const struct follow_settings *settings, struct follow **follow);
void follow_stop(struct follow *follow);

/* Inside rcu_read_lock(): the catalogue, or NULL before the first was made. */
const struct catalogue *follow_catalogue(const struct follow *follow);

struct follow_status {
    bool loaded, database_up, keys_up;
    uint64_t version;             /* of the lists' head */
    int64_t loaded_ms;            /* when the last change was published */
    double last_load_s;
    int64_t lists_seen_ms;        /* last time that the head was read: what `age` of staleness means */
};
void follow_status(const struct follow *follow, struct follow_status *status);


#endif
