#include "server/keys/config.h"

#include "include/cleanup.h"
#include "server/http/settings.h"

#define TEXT(key, member, fallback, longest) \
    { "keyd", key, SETTING_TEXT, offsetof(struct config, member), fallback, 0, longest }
#define NUMBER(key, member, fallback, min, max) \
    { "keyd", key, SETTING_NUMBER, offsetof(struct config, member), fallback, min, max }

static const struct setting table[] = {
    TEXT("name", name, "keys", LIMIT_NAME_MAX),
    TEXT("trust_domain", trust_domain, NULL, LIMIT_TRUST_DOMAIN_MAX),
    TEXT("listen", listen, NULL, 0),
    TEXT("metrics_listen", metrics_listen, "", 0),
    TEXT("certificate", certificate, NULL, 0),
    TEXT("key", key, NULL, 0),
    TEXT("ca", ca, NULL, 0),
    TEXT("crl", crl, "", 0),
    TEXT("registry", registry, NULL, 0),
    NUMBER("threads", threads, "0", 0, LIMIT_WORKERS),
    NUMBER("workers", workers, "0", 0, LIMIT_WORKERS),
    NUMBER("connections_max", connections_max, "1024", 4, 65536),
    TEXT("state_dir", state_dir, NULL, 0),
    TEXT("master_key", master_key, NULL, 0),
    TEXT("suite", suite_name, "voprf-ristretto255-sha512", 0),
    NUMBER("epoch_length_s", epoch_length_s, "86400", LIMIT_EPOCH_LENGTH_S_MIN, LIMIT_EPOCH_LENGTH_S_MAX),
    NUMBER("epoch_overlap_s", epoch_overlap_s, "3600", 0, LIMIT_EPOCH_LENGTH_S_MAX),
    NUMBER("epochs_ahead", epochs_ahead, "1", 1, LIMIT_EPOCHS_AHEAD),
    NUMBER("destroy_after_s", destroy_after_s, "3600", 0, LIMIT_EPOCH_LENGTH_S_MAX),
    { "quota", "total_a_day", SETTING_NUMBER, offsetof(struct config, quotas.total_a_day), "0", 0, UINT64_MAX / 2 },
    { "quota *", "a figure", SETTING_TEXT, 0, "", 0, 0 },
};

static bool quota_setting(void *settings, const struct setting *setting, const char *name, const char *key, const char *value)
{
    struct config *config = settings;
    (void)setting;
    return quota_profile_set(&config->quotas, name, key, value);
}

int config_read(const char *file, struct config *config, FILE *errors)
{
    *config = (struct config){ 0 };
    quota_profiles_begin(&config->quotas);
    if (settings_read(file, table, ARRAY_LENGTH(table), quota_setting, config, errors) != 0) return -1;
    config->schedule = (struct schedule){
        .length_s = (int64_t)config->epoch_length_s,
        .overlap_s = (int64_t)config->epoch_overlap_s,
        .destroy_after_s = (int64_t)config->destroy_after_s,
        .ahead = (unsigned)config->epochs_ahead,
    };
    const char *problem = schedule_problem(&config->schedule);
    if (problem == NULL && !platesieve_suite_parse(config->suite_name, &config->suite))
        problem = "suite is not one that is known";
    const char *section = "keyd";
    if (problem == NULL) {
        section = "quota *";
        problem = quota_profiles_problem(&config->quotas);
    }
    if (problem == NULL) return 0;
    fprintf(errors, "%s: [%s] %s\n", file, section, problem);
    return -1;
}

void config_free(struct config *config)
{
    settings_free(table, ARRAY_LENGTH(table), config);
}
