#include "server/gate/config.h"

#include <stddef.h>

#include "server/gate/webhooks/url.h"
#include "server/http/grades.h"
#include "server/http/http.h"
#include "server/http/settings.h"

#define QUOTA_SECTIONS "quota *"
#define LANES_S_MAX (31 * 86400)

#define TEXT(section, key, member, fallback) \
    { section, key, SETTING_TEXT, offsetof(struct config, member), fallback, 0, 0 }
#define NUMBER(section, key, member, fallback, min, max) \
    { section, key, SETTING_NUMBER, offsetof(struct config, member), fallback, min, max }
#define BOOL(section, key, member, fallback) \
    { section, key, SETTING_BOOL, offsetof(struct config, member), fallback, 0, 0 }

static const struct setting table[] = {
    TEXT("gate", "name", name, "gate"),
    TEXT("gate", "trust_domain", trust_domain, NULL),
    TEXT("gate", "listen", listen, NULL),
    TEXT("gate", "metrics_listen", metrics_listen, ""),
    TEXT("gate", "certificate", certificate, NULL),
    TEXT("gate", "key", key, NULL),
    TEXT("gate", "ca", ca, NULL),
    TEXT("gate", "crl", crl, ""),
    TEXT("gate", "registry", registry, NULL),
    NUMBER("gate", "threads", threads, "2", 1, 64),
    NUMBER("gate", "workers", workers, "4", 1, LIMIT_DATABASE_WORKERS),
    NUMBER("gate", "connections_max", connections_max, "1024", 4, 65536),
    NUMBER("gate", "stream_life_s", stream_life_s, "14400", 2, 86400),
    BOOL("gate", "enrolment", enrolment, "no"),
    TEXT("gate", "state_dir", state_dir, NULL),
    TEXT("gate", "state_key", state_key, NULL),
    TEXT("gate", "spool_dir", spool_dir, NULL),
    NUMBER("gate", "spool_max_bytes", spool_max_bytes, "1073741824", 65536, 1ull << 40),
    TEXT("keys", "url", keys_url, NULL),
    NUMBER("keys", "poll_ms", keys_poll_ms, "1000", 100, 60000),
    BOOL("keys", "shared", keys_shared, "no"),
    TEXT("database", "gate", database_gate, NULL),
    TEXT("database", "agency", database_agency, NULL),
    TEXT("database", "owner", database_owner, ""),
    NUMBER("lists", "cap_tokens", cap_tokens, "50000000", 1, LIMIT_INDEX_SLOTS),
    NUMBER("lists", "near_entries_max", near_entries_max, "200", 0, LIMIT_ENTRIES),
    NUMBER("lists", "alarm_before_s", alarm_before_s, "14400", 0, LIMIT_EPOCH_LENGTH_S_MAX),
    NUMBER("lists", "flag_from", flag_from, "3", 1, 1000000),
    NUMBER("lists", "flag_share_percent", flag_share_percent, "50", 1, 100),
    NUMBER("lists", "suppress_days_max", suppress_days_max, "30", 1, LIMIT_SUPPRESS_DAYS),
    NUMBER("lists", "share_days_max", share_days_max, "90", 1, LIMIT_SHARE_DAYS),
    NUMBER("evidence", "window_s", evidence_window_s, "600", 1, LIMIT_EVIDENCE_WINDOW_S),
    NUMBER("lists", "special_days_max", special_days_max, "90", 1, 3650),
    NUMBER("lists", "request_days", request_days, "7", 1, 90),
    NUMBER("lists", "ends_alarm_days", ends_alarm_days, "7", 0, 3650),
    NUMBER("lists", "suspend_share", suspend_share, "200", 0, 1000000),
    NUMBER("lists", "suspend_reads_min", suspend_reads_min, "1000", 1, LIMIT_EXCESS_READS),
    NUMBER("lists", "suspend_hits_min", suspend_hits_min, "12", 1, 100),
    NUMBER("lists", "suspend_window_s", suspend_window_s, "86400", 1, 31 * 86400),
    NUMBER("lists", "guard_entries_min", guard_entries_min, "200", 1, LIMIT_ENTRIES),
    NUMBER("lists", "shrink_max_percent", shrink_max_percent, "20", 0, 100),
    NUMBER("lists", "grow_max_percent", grow_max_percent, "100", 0, 1000000),
    TEXT("webhooks", "allow", webhooks_allow, ","),
    TEXT("webhooks", "ca", webhooks_ca, ""),
    NUMBER("lanes", "silence_s", lanes_silence_s, "0", 0, LANES_S_MAX),
    NUMBER("lanes", "idle_s", lanes_idle_s, "0", 0, LANES_S_MAX),
    NUMBER("lanes", "skew_s", lanes_skew_s, "10", 1, LANES_S_MAX),
    { "site *", "grades", SETTING_TEXT, 0, "", 0, 0 },
    { "site *", "silence_s", SETTING_TEXT, 0, "", 0, 0 },
    { "site *", "idle_s", SETTING_TEXT, 0, "", 0, 0 },
    { "site *", "skew_s", SETTING_TEXT, 0, "", 0, 0 },
    NUMBER("quota", "total_a_day", quotas.total_a_day, "0", 0, UINT64_MAX / 2),
    { QUOTA_SECTIONS, "a figure", SETTING_TEXT, 0, "", 0, 0 },
};

/* What operators want to hear of a site's lanes. */
static bool site_lanes_setting(struct config *config, const char *name, const char *key, const char *value)
{
    size_t at = 0;
    uint64_t seconds;

    while (at < config->lane_site_count && strcmp(config->lane_sites[at].site, name) != 0) at++;
    if (at == CONFIG_SITES_MAX || failed(number_parse(value, 0, LANES_S_MAX, &seconds))) return false;
    if (at == config->lane_site_count) {
        (void)snprintf(config->lane_sites[at].site, sizeof config->lane_sites[at].site, "%s", name);
        config->lane_site_count++;
    }
    struct lane_wishes *wishes = &config->lane_sites[at].wishes;
    const bool silence = strcmp(key, "silence_s") == 0, idle = strcmp(key, "idle_s") == 0;
    *(silence ? &wishes->silence_s : idle ? &wishes->idle_s : &wishes->skew_s) = (uint32_t)seconds;
    *(silence ? &config->lane_sites[at].silence : idle ? &config->lane_sites[at].idle : &config->lane_sites[at].skew) = true;
    return silence || idle || seconds > 0;
}

/* What a site does not say is as it is everywhere. */
static void fill_lane_wishes(struct config *config)
{
    const struct lane_wishes all = { (uint32_t)config->lanes_silence_s, (uint32_t)config->lanes_idle_s, (uint32_t)config->lanes_skew_s };

    config->lane_wishes = all;
    for (size_t i = 0; i < config->lane_site_count; i++) {
        struct lane_wishes *wishes = &config->lane_sites[i].wishes;

        if (!config->lane_sites[i].silence) wishes->silence_s = all.silence_s;
        if (!config->lane_sites[i].idle) wishes->idle_s = all.idle_s;
        if (!config->lane_sites[i].skew) wishes->skew_s = all.skew_s;
    }
}

static bool site_setting(struct config *config, const char *name, const char *key, const char *value)
{
    struct site_rule *rule = &config->rules[config->rule_count];

    if (strlen(name) > LIMIT_NAME_MAX || *name == '\0') return false;
    if (strcmp(key, "grades") != 0) return site_lanes_setting(config, name, key, value);
    if (config->rule_count == CONFIG_SITES_MAX) return false;
    if (!grades_parse(value, &rule->grades)) return false;
    (void)snprintf(rule->site, sizeof rule->site, "%s", name);
    config->rule_count++;
    return true;
}

static bool section_setting(void *settings, const struct setting *setting, const char *name, const char *key, const char *value)
{
    struct config *config = settings;

    return strcmp(setting->section, QUOTA_SECTIONS) == 0 ? quota_profile_set(&config->quotas, name, key, value)
                                                         : site_setting(config, name, key, value);
}

int config_read(const char *file, struct config *config, FILE *errors)
{
    *config = (struct config){ 0 };
    quota_profiles_begin(&config->quotas);
    if (settings_read(file, table, ARRAY_LENGTH(table), section_setting, config, errors) != 0) return -1;
    fill_lane_wishes(config);
    const char *problem = quota_profiles_problem(&config->quotas);
    if (problem == NULL && !webhook_rules_valid(config->webhooks_allow)) {
        fprintf(errors, "%s: [webhooks] allow takes hosts: hooks.example.org, *.customs.example, 192.0.2.7:8443\n", file);
        return -1;
    }
    if (problem == NULL) return 0;
    fprintf(errors, "%s: [" QUOTA_SECTIONS "] %s\n", file, problem);
    return -1;
}

void config_free(struct config *config)
{
    settings_free(table, ARRAY_LENGTH(table), config);
}
