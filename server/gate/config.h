/* The gate's settings, from its INI file; docs/operations.md has the table. */
#ifndef SERVER_GATE_CONFIG_H
#define SERVER_GATE_CONFIG_H

#include <stdio.h>

#include "server/gate/check/policy.h"
#include "server/gate/lanes/state.h"
#include "server/http/quota_profile.h"

#define CONFIG_SITES_MAX 256

struct config {
    char *name, *trust_domain, *listen, *metrics_listen;
    char *certificate, *key, *ca, *crl, *registry;
    char *state_dir, *state_key, *spool_dir;
    unsigned long long threads, workers, connections_max, stream_life_s, spool_max_bytes;
    bool enrolment;
    char *keys_url;
    unsigned long long keys_poll_ms;
    bool keys_shared;
    char *database_gate, *database_agency, *database_owner;
    unsigned long long evidence_window_s;
    char *webhooks_allow, *webhooks_ca;
    unsigned long long cap_tokens, near_entries_max, alarm_before_s;
    unsigned long long flag_from, flag_share_percent, suppress_days_max, share_days_max;
    unsigned long long special_days_max, request_days, ends_alarm_days;
    unsigned long long suspend_share, suspend_reads_min, suspend_hits_min, suspend_window_s;
    unsigned long long guard_entries_min, shrink_max_percent, grow_max_percent;
    struct site_rule rules[CONFIG_SITES_MAX];
    size_t rule_count;
    unsigned long long lanes_silence_s, lanes_idle_s, lanes_skew_s; /* as the file has them */
    struct lane_wishes lane_wishes;                                 /* of all sites but these: */
    struct { char site[LIMIT_NAME_MAX + 1]; struct lane_wishes wishes; bool silence, idle, skew; /* are said */ } lane_sites[CONFIG_SITES_MAX];
    size_t lane_site_count;
    struct quota_profiles quotas;
};

/* 0, or -1 with a line on ERRORS.  config_free() in both cases. */
int config_read(const char *file, struct config *config, FILE *errors);
void config_free(struct config *config);

#endif
