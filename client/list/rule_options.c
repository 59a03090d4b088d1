#include "client/list/rule_options.h"

#include <platesieve/platesieve.h>

#include "client/identity/name.h"
#include "client/moment.h"

#define AGE_LIMIT_S_MAX (366u * 86400u)
#define ENDS_DAYS_MAX 3650u
#define DAY_MS INT64_C(86400000)

static void set_text(const struct argp_state *state, json_t *body, const char *member, const char *text, size_t max)
{
    if (strlen(text) > max) argp_error(state, "--%s takes at most %zu bytes", member, max);
    if (json_object_set_new(body, member, json_string(text)) != 0) argp_error(state, "--%s takes UTF-8", member);
}

static void set_number(const struct argp_state *state, json_t *body, const char *member, const char *option, const char *text, unsigned min,
                       unsigned max)
{
    json_object_set_new(body, member, json_integer((json_int_t)option_number(state, option, text, min, max)));
}

static void set_grade(const struct argp_state *state, json_t *body, const char *text)
{
    enum platesieve_grade grade;

    if (!platesieve_grade_parse(text, &grade)) argp_error(state, "a grade is full, plate, similar or near");
    json_object_set_new(body, "grade", json_string(text));
}

static void add_site(const struct argp_state *state, json_t *body, const char *site)
{
    json_t *sites = json_object_get(body, "sites");

    (void)option_name(state, "a site's name", site);
    if (sites == NULL) {
        sites = json_array();
        json_object_set_new(body, "sites", sites);
    }
    json_array_append_new(sites, json_string(site));
}

/* "30d", 1 to ENDS_DAYS_MAX. */
static bool parse_days(const char *text, int64_t *ms)
{
    const size_t digits = strspn(text, "0123456789");
    unsigned long days;

    if (digits == 0 || digits > 4 || strcmp(text + digits, "d") != 0) return false;
    days = strtoul(text, NULL, 10);
    *ms = moment_now_ms() + (int64_t)days * DAY_MS;
    return days >= 1 && days <= ENDS_DAYS_MAX;
}

static void set_end(const struct argp_state *state, json_t *body, const char *text)
{
    char moment[MOMENT_TEXT];
    int64_t ms = moment_now_ms();

    if (strcmp(text, "never") == 0) {
        json_object_set_new(body, "ends_at", json_null());
        return;
    }
    if (strcmp(text, "now") != 0 && !parse_days(text, &ms) && !moment_parse(text, &ms))
        argp_error(state, "--ends takes a time (2026-12-31T12:00:00Z), a date, days from now (30d), now or never");
    moment_print(ms, moment);
    json_object_set_new(body, "ends_at", json_string(moment));
}

error_t rule_option(int key, const char *argument, const struct argp_state *state, json_t *body)
{
    switch (key) {
    case RULE_OPTION_CATEGORY: set_text(state, body, "category", argument, LIMIT_CATEGORY_MAX); return 0;
    case RULE_OPTION_INSTRUCTION: set_text(state, body, "instruction", argument, LIMIT_INSTRUCTION_MAX); return 0;
    case RULE_OPTION_PRIORITY: set_number(state, body, "priority", "--priority", argument, 0, LIMIT_PRIORITY); return 0;
    case RULE_OPTION_COOLDOWN: set_number(state, body, "cooldown_s", "--cooldown", argument, 0, LIMIT_COOLDOWN_S); return 0;
    case RULE_OPTION_RETENTION: set_number(state, body, "retention_days", "--retention", argument, 1, LIMIT_RETENTION_DAYS); return 0;
    case RULE_OPTION_AGE_LIMIT: set_number(state, body, "age_limit_s", "--age-limit", argument, 1, AGE_LIMIT_S_MAX); return 0;
    case RULE_OPTION_COVERT: json_object_set_new(body, "covert", json_true()); return 0;
    case RULE_OPTION_OPEN: json_object_set_new(body, "covert", json_false()); return 0;
    case RULE_OPTION_CALIBRATION: json_object_set_new(body, "calibration", json_true()); return 0;
    case RULE_OPTION_NO_CALIBRATION: json_object_set_new(body, "calibration", json_false()); return 0;
    case RULE_OPTION_SITE: add_site(state, body, argument); return 0;
    case RULE_OPTION_ALL_SITES: json_object_set_new(body, "sites", json_array()); return 0;
    case RULE_OPTION_GRADE: set_grade(state, body, argument); return 0;
    case RULE_OPTION_ENDS: set_end(state, body, argument); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}
