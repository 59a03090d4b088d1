#include "client/lane/config.h"

#include <stddef.h>

#include "client/alerts/alerts.h"
#include "client/alerts/display.h"
#include "client/http/http.h"
#include "client/identity/name.h"
#include "client/moment.h"
#include "server/http/settings.h"

#define MESSAGE_BYTES_MIN 4096
#define MESSAGE_BYTES_WITHOUT_IMAGES (1024u * 1024)

#define FIELD(member) offsetof(struct lane_config, member)
#define TEXT(section, key, member, fallback, max) { section, key, SETTING_TEXT, FIELD(member), fallback, 0, max }
#define NUMBER(section, key, member, fallback, min, max) { section, key, SETTING_NUMBER, FIELD(member), fallback, min, max }
#define YESNO(section, key, member, fallback) { section, key, SETTING_BOOL, FIELD(member), fallback, 0, 0 }
#define EACH(section) { section, "", SETTING_TEXT, 0, "", 0, 0 }

static const struct setting table[] = {
    TEXT("lane", "as", as, "", LIMIT_IDENTITY_MAX),
    TEXT("lane", "pki", pki, "", 4000),
    TEXT("lane", "ca", ca, "", 4000),
    TEXT("lane", "crl", crl, "", 4000),
    TEXT("lane", "gate", gate, "", 4000),
    TEXT("lane", "keys", keys, "", 4000),
    TEXT("lane", "shared_keys", shared_keys, "", 8),
    TEXT("listen", "address", listen, "127.0.0.1:8555", 64),
    TEXT("engines", "names", engines, "all", 256),
    TEXT("engines", "codes", codes_text, "", 16),
    TEXT("engines", "country", country, "", 2),
    YESNO("engines", "month_first", month_first, "no"),
    EACH("engine *"),
    EACH("camera *"),
    NUMBER("reads", "candidates", candidates, "5", 1, LIMIT_CHECK_CANDIDATES),
    TEXT("reads", "confidence", confidence_text, "0", 16),
    TEXT("reads", "region_confidence", region_confidence_text, "0", 16),
    NUMBER("reads", "vehicle_window_ms", vehicle_window_ms, "3000", 0, 600000),
    NUMBER("reads", "caption_vehicles", caption_vehicles, "20", 0, 1000),
    NUMBER("reads", "caption_again_s", caption_again_s, "600", 1, 86400),
    NUMBER("waiting", "reads", waiting_reads, "2000", 16, 100000),
    NUMBER("waiting", "age_s", waiting_age_s, "30", 1, 3600),
    NUMBER("waiting", "catch_up_rate", catch_up_rate, "20", 1, 10000),
    NUMBER("memory", "images_mib", images_mib, "16", 0, 1024),
    NUMBER("memory", "message_bytes", message_bytes, "", MESSAGE_BYTES_MIN, LIMIT_ENGINE_MESSAGE_BYTES),
    YESNO("alerts", "print", print, "yes"),
    YESNO("alerts", "json", alerts_json, "no"),
    YESNO("alerts", "show_plates", show_plates, "no"),
    TEXT("alerts", "command", command, "", 4000),
    TEXT("alerts", "display", display, "", 1000),
    NUMBER("alerts", "keep_s", keep_s, "900", 1, 86400),
    NUMBER("alerts", "keep_max", keep_max, "64", 1, ALERTS_KEEP_MAX),
    NUMBER("alerts", "late_s", late_s, "120", 1, 3600),
    TEXT("calibration", "plate", calibration_plate, "", PLATESIEVE_PLATE_RAW_MAX),
    TEXT("calibration", "jurisdiction", calibration_jurisdiction, "", PLATESIEVE_JURISDICTION_MAX),
    TEXT("calibration", "agency", calibration_agency, "", LIMIT_NAME_MAX),
    TEXT("calibration", "list", calibration_list, "", LIMIT_NAME_MAX),
    NUMBER("calibration", "interval_s", calibration_interval_s, "60", 1, LIMIT_LANE_INTERVAL_S),
    NUMBER("report", "interval_s", report_interval_s, "10", 0, LIMIT_LANE_INTERVAL_S),
    TEXT("log", "file", log_file, "", 4000),
    NUMBER("log", "interval_s", log_interval_s, "60", 0, 86400),
};

/* -- [engine NAME], [camera NAME] ------------------------------------------------------------------------------------ */

static struct lane_override *override_of(struct lane_config *config, bool camera, const char *name)
{
    struct lane_override *override;

    for (size_t i = 0; i < config->override_count; i++) {
        override = &config->overrides[i];
        if (override->camera == camera && strcmp(override->name, name) == 0) return override;
    }
    if (config->override_count == LANE_OVERRIDES_MAX || strlen(name) > LANE_OVERRIDE_NAME_MAX) return NULL;
    override = &config->overrides[config->override_count++];
    override->camera = camera;
    memcpy(override->name, name, strlen(name) + 1);
    return override;
}

/* "US"; "" takes the country away. */
static bool parse_country(const char *text, char country[3])
{
    const size_t size = strlen(text);

    if (size != 0 && (size != 2 || strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 2)) return false;
    memcpy(country, text, size + 1);
    return true;
}

static bool parse_yes_no(const char *text, bool *yes)
{
    *yes = strcmp(text, "yes") == 0;
    return *yes || strcmp(text, "no") == 0;
}

static bool take_override(void *settings, const struct setting *setting, const char *name, const char *key, const char *value)
{
    const bool camera = strcmp(setting->section, "camera *") == 0;
    struct lane_override *override;

    if (!camera && engine_named(name) == NULL) return false;
    override = override_of(settings, camera, name);
    if (override == NULL) return false;
    if (strcmp(key, "codes") == 0) return override->codes_known = platesieve_codes_parse(value, &override->codes);
    if (strcmp(key, "country") == 0) return override->country_known = parse_country(value, override->country);
    if (strcmp(key, "month_first") == 0) return override->month_first_known = parse_yes_no(value, &override->month_first);
    if (strcmp(key, "camera") != 0 || strlen(value) > ENGINE_CAMERA_MAX) return false;
    memcpy(override->as_camera, value, strlen(value) + 1);
    return true;
}

/* -- the whole ------------------------------------------------------------------------------------------------------- */

static bool parse_share(const char *text, double *share)
{
    char *end;

    if (text[0] == '\0' || strspn(text, "0123456789.") != strlen(text)) return false;
    *share = strtod(text, &end);
    return *end == '\0' && *share >= 0 && *share <= 1;
}

static bool parse_engines(const char *text)
{
    char copy[257], *rest = copy, *word;
    bool some = false;

    if (strcmp(text, "all") == 0) return true;
    memcpy(copy, text, strlen(text) + 1);
    while ((word = strtok_r(rest, ", ", &rest)) != NULL) {
        if (engine_named(word) == NULL) return false;
        some = true;
    }
    return some;
}

/* "https://a:8443, https://b:8443" */
static bool are_servers(const char *text)
{
    size_t count = 0;

    while (*(text += strspn(text, ", ")) != '\0') {
        if (strncmp(text, "https://", 8) != 0 || strchr("/, ", text[8]) != NULL || ++count > HTTP_SERVERS_MAX) return false;
        text += strcspn(text, ", ");
    }
    return count > 0;
}

/* More is looked at where the identity is. */
static bool is_reader(const char *text)
{
    return strncmp(text, "reader/", 7) == 0 && strchr("./", text[7]) == NULL;
}

struct problem {
    const char *section, *key, *why;
};

/* What is wrong with where CONFIG says the lane belongs, and to whom it talks; `why` is NULL when nothing is. */
static struct problem problem_of_addresses(const struct lane_config *config)
{
    static const char servers[] = "is not a list of https:// addresses, at most 16";

    _Static_assert(HTTP_SERVERS_MAX == 16, "the message says how many");

    if (config->as != NULL && !is_reader(config->as)) return (struct problem) { "lane", "as", "is not a name such as reader/north/1" };
    if (config->gate != NULL && !are_servers(config->gate)) return (struct problem) { "lane", "gate", servers };
    if (config->keys != NULL && !are_servers(config->keys)) return (struct problem) { "lane", "keys", servers };
    if (config->shared_keys != NULL && strcmp(config->shared_keys, "yes") != 0 && strcmp(config->shared_keys, "no") != 0)
        return (struct problem) { "lane", "shared_keys", "is not yes or no" };
    if (config->display != NULL && !alert_display_url_fits(config->display))
        return (struct problem) { "alerts", "display", "is not an http:// address on this machine: 127.0.0.1, [::1] or localhost" };
    return (struct problem) { 0 };
}

static struct problem problem_of_calibration(const struct lane_config *config)
{
    const bool wanted = config->calibration_plate != NULL;

    if (wanted != (config->calibration_agency != NULL) || wanted != (config->calibration_list != NULL) ||
        (!wanted && config->calibration_jurisdiction != NULL))
        return (struct problem) { "calibration", NULL, "plate, agency and list go together" };
    if (wanted && !name_part_valid(config->calibration_agency)) return (struct problem) { "calibration", "agency", "is not a name" };
    if (wanted && !name_part_valid(config->calibration_list)) return (struct problem) { "calibration", "list", "is not a name" };
    return (struct problem) { 0 };
}

/* What is wrong with the values of CONFIG; makes what is made of them. */
static struct problem finish(struct lane_config *config)
{
    struct problem problem = problem_of_addresses(config);
    char country[3] = "";

    if (problem.why == NULL) problem = problem_of_calibration(config);
    if (problem.why != NULL) return problem;
    if (!parse_share(config->confidence_text, &config->confidence)) return (struct problem) { "reads", "confidence", "is not a number from 0 to 1" };
    if (!parse_share(config->region_confidence_text, &config->region_confidence))
        return (struct problem) { "reads", "region_confidence", "is not a number from 0 to 1" };
    if (!parse_engines(config->engines)) return (struct problem) { "engines", "names", "is neither \"all\" nor a list of engines" };
    config->codes_known = config->codes_text != NULL;
    if (config->codes_known && !platesieve_codes_parse(config->codes_text, &config->codes))
        return (struct problem) { "engines", "codes", "is not iso, ncic, aamva or usps" };
    if (config->country != NULL && !parse_country(config->country, country))
        return (struct problem) { "engines", "country", "is not a code such as US" };
    if (config->message_bytes == 0) config->message_bytes = config->images_mib > 0 ? LIMIT_ENGINE_MESSAGE_BYTES : MESSAGE_BYTES_WITHOUT_IMAGES;
    return problem;
}

/* "FILE:7: [section] key: why" */
static void complain(const char *file, const struct problem *problem)
{
    const int line = settings_line(file, problem->section, problem->key);
    char place[16] = "";

    if (line > 0) snprintf(place, sizeof(place), ":%d", line);
    say("%s%s: [%s] %s%s%s", file, place, problem->section, problem->key == NULL ? "" : problem->key, problem->key == NULL ? "" : ": ", problem->why);
}

bool lane_config_read(const char *file, struct lane_config *config)
{
    struct problem problem;

    *config = (struct lane_config) { 0 };
    if (settings_read(file, table, ARRAY_LENGTH(table), take_override, config, stderr) != 0) {
        lane_config_free(config);
        return false;
    }
    problem = finish(config);
    if (problem.why == NULL) return true;
    complain(file, &problem);
    lane_config_free(config);
    return false;
}

void lane_config_free(struct lane_config *config)
{
    settings_free(table, ARRAY_LENGTH(table), config);
}

static void replace(const char **setting, const char *environment, const char *told)
{
    if (told != NULL && *setting == environment) *setting = told;
}

void lane_config_settings(const struct lane_config *config, const struct settings *environment, struct settings *settings)
{
    replace(&settings->as, environment->as, config->as);
    replace(&settings->pki, environment->pki, config->pki);
    replace(&settings->ca, environment->ca, config->ca);
    replace(&settings->crl, environment->crl, config->crl);
    replace(&settings->gates, environment->gates, config->gate);
    replace(&settings->keys, environment->keys, config->keys);
    if (config->shared_keys != NULL && settings->shared_keys == environment->shared_keys)
        settings->shared_keys = strcmp(config->shared_keys, "yes") == 0;
}

bool lane_config_wants(const struct lane_config *config, const struct engine *engine)
{
    const size_t size = strlen(engine->name);
    const char *at = config->engines;

    if (strcmp(at, "all") == 0) return true;
    while ((at = strstr(at, engine->name)) != NULL) {
        const bool begins = at == config->engines || strchr(", ", at[-1]) != NULL;

        if (begins && strchr(", ", at[size]) != NULL) return true; /* strchr() finds the end, too */
        at += size;
    }
    return false;
}

static void apply(const struct lane_override *override, struct engine_options *options)
{
    if (override->codes_known) options->codes_known = true, options->codes = override->codes;
    if (override->country_known) memcpy(options->country, override->country, sizeof(options->country));
    if (override->month_first_known) options->month_first = override->month_first;
    if (override->as_camera[0] != '\0') memcpy(options->camera, override->as_camera, sizeof(override->as_camera));
}

void lane_config_options(const struct lane_config *config, const struct engine *engine, const char *camera, struct engine_options *options)
{
    *options = (struct engine_options) { .codes_known = config->codes_known,
                                         .codes = config->codes,
                                         .month_first = config->month_first,
                                         .now_ms = moment_now_ms() };
    if (config->country != NULL) memcpy(options->country, config->country, strlen(config->country) + 1);
    for (size_t i = 0; i < config->override_count; i++)
        if (!config->overrides[i].camera && strcmp(config->overrides[i].name, engine->name) == 0) apply(&config->overrides[i], options);
    if (camera == NULL) return;
    snprintf(options->camera, sizeof(options->camera), "%s", camera);
    for (size_t i = 0; i < config->override_count; i++)
        if (config->overrides[i].camera && strcmp(config->overrides[i].name, camera) == 0) apply(&config->overrides[i], options);
}
