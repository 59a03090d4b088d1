#include "server/gate/config.h"

#include <stddef.h>

#include "server/http/settings.h"

#define TEXT(section, key, member, fallback) \
    { section, key, SETTING_TEXT, offsetof(struct config, member), fallback, 0, 0 }
#define NUMBER(section, key, member, fallback, min, max) \
    { section, key, SETTING_NUMBER, offsetof(struct config, member), fallback, min, max }

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
    TEXT("gate", "state_dir", state_dir, NULL),
    TEXT("gate", "state_key", state_key, NULL),
    TEXT("gate", "spool_dir", spool_dir, NULL),
    NUMBER("gate", "spool_max_bytes", spool_max_bytes, "1073741824", 65536, 1ull << 40),
    TEXT("keys", "url", keys_url, NULL),
    NUMBER("keys", "poll_ms", keys_poll_ms, "1000", 100, 60000),
    TEXT("database", "gate", database_gate, NULL),
    TEXT("database", "agency", database_agency, NULL),
    TEXT("database", "owner", database_owner, ""),
    NUMBER("lists", "cap_tokens", cap_tokens, "50000000", 1, LIMIT_INDEX_SLOTS),
    NUMBER("lists", "near_entries_max", near_entries_max, "200", 0, LIMIT_ENTRIES),
    { "site *", "grades", SETTING_TEXT, 0, "", 0, 0 },
};

/* "full plate similar near", in any order, at least one. */
static bool grades_parse(const char *text, unsigned *grades)
{
    char copy[64];
    char *rest = copy;
    *grades = 0;
    if (snprintf(copy, sizeof copy, "%s", text) >= (int)sizeof copy) return false;
    for (const char *word = strtok_r(copy, " ,", &rest); word != NULL; word = strtok_r(NULL, " ,", &rest)) {
        enum platesieve_grade grade;
        if (!platesieve_grade_parse(word, &grade)) return false;
        *grades |= 1u << grade;
    }
    return *grades != 0;
}

static bool site_setting(void *settings, const char *name, const char *key, const char *value)
{
    struct config *config = settings;
    struct site_rule *rule = &config->rules[config->rule_count];

    if (strcmp(key, "grades") != 0) return false;
    if (config->rule_count == CONFIG_SITES_MAX || strlen(name) > LIMIT_NAME_MAX || *name == '\0') return false;
    if (!grades_parse(value, &rule->grades)) return false;
    (void)snprintf(rule->site, sizeof rule->site, "%s", name);
    config->rule_count++;
    return true;
}

int config_read(const char *file, struct config *config, FILE *errors)
{
    *config = (struct config){ 0 };
    return settings_read(file, table, ARRAY_LENGTH(table), site_setting, config, errors);
}

void config_free(struct config *config)
{
    settings_free(table, ARRAY_LENGTH(table), config);
}
