/* Follows PostgreSQL and the key server, and publishes catalogues.  It polls the lists' head (200 ms) and the key
   server (epochs; keys_poll_ms), remakes the catalogue when anything changed and once a second for the ages, opens
   and destroys epochs on time, ratchets the pepper, sweeps what is dead, and does the database's housekeeping.
   Threads of its own; it alone writes index, entries and catalogue. */
#ifndef SERVER_GATE_FOLLOW_FOLLOW_H
#define SERVER_GATE_FOLLOW_FOLLOW_H

#include "server/gate/check/policy.h"
#include "server/gate/db/db.h"
#include "server/gate/keys/shares.h"
#include "server/gate/lists/excess.h"
#include "server/gate/served.h"
#include "server/gate/state.h"
#include "server/http/clock.h"
#include "server/http/metrics.h"

struct follow;

struct follow_settings {
    struct db *db;                /* role platesieve_gate; two of its connections may be in use here at one time */
    struct gate_state *state;
    struct served *served;        /* what of lists was served; NULL: nobody keeps that */
    const struct clock *clock;
    struct excess *excess;        /* lists that are to be suspended; NULL: none are */
    const char *own_name;         /* who suspends them; borrowed; may be NULL without `excess` */
    const struct site_rule *rules;
    size_t rule_count;
    const char *keys_url;         /* comma separated; asked in order */
    const char *certificate, *key, *ca; /* this node's own, for asking */
    const char *trust_domain;
    unsigned keys_poll_ms;
    bool keys_shared;             /* epochs whose key one server has are not taken in */
    int64_t alarm_before_ms;      /* before an epoch opens: from then on a list without tokens for it is an alarm */
    const char *epochs_file;      /* last known epochs, to start when the key server is away; in the state folder */
};

/* Copies the strings, borrows the rest until follow_stop().  Epochs known from the file are there when it returns,
   lists come later. REASON_SETTINGS: an address of the key server is wrong; REASON_INTERNAL. */
struct result follow_start(const struct follow_settings *settings, struct follow **follow);
/* Nobody may be inside rcu_read_lock() with a catalogue of it any more.  Waits for a statement that runs; NULL is
   fine. */
void follow_stop(struct follow *follow);

/* Inside rcu_read_lock(): the catalogue, or NULL until lists were loaded once. */
const struct catalogue *follow_catalogue(const struct follow *follow);

struct follow_key_server {
    bool asked;                   /* keys that are not shared: only until one answers */
    bool up;                      /* it answered when it was asked last */
    unsigned share;               /* which of those that share their keys it says it is; 0: none */
    enum keys_fault fault;        /* what it tells and the others contradict */
};

struct follow_status {
    size_t key_server_count;      /* in the order of the settings */
    struct follow_key_server key_servers[KEYS_SERVERS_MAX];
    bool loaded, database_up, keys_up;
    uint64_t version;             /* of the lists' head */
    int64_t loaded_ms;            /* when the last change was published */
    double last_load_s;
    int64_t lists_seen_ms;        /* last time that the head was read: what `age` of staleness means */
    bool stuck;                   /* lists are there and can't be loaded: no memory, rows that can't be */
    unsigned lists_refused;       /* forged, older than was served, or missing in the database: see catalogue_list.trouble */
    bool served_broken;           /* what was served can't be written down */
    bool epochs_alarm;            /* the key server names, or one of several that share keys, another key for a known epoch, the database another epoch by
                                     its number, a pepper is lost, or the disk refuses the ratchet */
};
void follow_status(struct follow *follow, struct follow_status *status);
/* Address of a key server of the status. */
const char *follow_key_server_url(const struct follow *follow, size_t server);

#endif
