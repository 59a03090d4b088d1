/* platesieve report: what a gate can account for.  retention: what was dropped because its retention was over. */
#include "client/http/http.h"
#include "client/http/problem.h"
#include "client/moment.h"

#define DAY_TEXT 10 /* 2026-11-22 */

struct retention_options {
    const char *agency;
    char from[DAY_TEXT + 1], to[DAY_TEXT + 1];
};

enum { OPTION_FROM = 0x300, OPTION_TO, OPTION_AGENCY };

static const struct argp_option retention_options[] = {
    { "from", OPTION_FROM, "DAY", 0, "From this day (UTC) on, such as 2026-11-22 (30 days before the last)", 0 },
    { "to", OPTION_TO, "DAY", 0, "Up to this day, which is the last (today)", 0 },
    { "agency", OPTION_AGENCY, "AGENCY", 0, "Only this agency's lists, for operators and auditors", 0 },
    { 0 },
};

static void set_day(const struct argp_state *state, const char *argument, char day[DAY_TEXT + 1])
{
    int64_t ms;

    if (strlen(argument) != DAY_TEXT || !moment_parse(argument, &ms)) argp_error(state, "a day is written as 2026-11-22");
    memcpy(day, argument, DAY_TEXT + 1);
}

static error_t retention_parse(int key, char *argument, struct argp_state *state)
{
    struct retention_options *options = state->input;

    switch (key) {
    case OPTION_FROM: set_day(state, argument, options->from); return 0;
    case OPTION_TO: set_day(state, argument, options->to); return 0;
    case OPTION_AGENCY:
        options->agency = option_name(state, "an agency's name", argument);
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* -- printing ------------------------------------------------------------------------------------------------------ */

struct sums {
    long long hits, reads, evidence, rows;
};

/* How long after the beginning of its day it went. */
static void print_late(const char *day, const char *dropped_at)
{
    int64_t due_ms, dropped_ms;

    if (!moment_parse(day, &due_ms) || !moment_parse(dropped_at, &dropped_ms)) putchar('\n');
    else printf("  %lld s\n", (long long)(dropped_ms - due_ms) / 1000);
}

static bool print_dropped(json_t *one, struct sums *sums)
{
    const char *day = "", *agency = "", *list = "", *dropped_at = "";
    char name[2 * LIMIT_NAME_MAX + 2], gone[16];
    json_int_t hits = 0, reads = 0, evidence = 0;

    if (json_unpack(one, "{s:s, s:s, s:s, s:I, s:I, s:I, s:s}", "day", &day, "agency", &agency, "list", &list, "hits", &hits,
                    "reads", &reads, "evidence", &evidence, "dropped_at", &dropped_at) != 0)
        return false;
    snprintf(name, sizeof(name), "%s/%s", agency, list);
    make_printable(name);
    snprintf(gone, sizeof(gone), "%.10s", day);
    make_printable(gone);
    printf("%-10s  %-32s %10lld %10lld %10lld", gone, name, (long long)hits, (long long)reads, (long long)evidence);
    print_late(day, dropped_at);
    sums->hits += hits;
    sums->reads += reads;
    sums->evidence += evidence;
    sums->rows++;
    return true;
}

static void print_end(json_t *json, const struct sums *sums)
{
    json_t *overdue = json_printable(json_object_get(json, "overdue"));

    if (sums->rows == 0) puts("nothing was dropped in this time");
    else printf("%-10s  %-32s %10lld %10lld %10lld\n", "all", "", sums->hits, sums->reads, sums->evidence);
    for (size_t i = 0; i < json_array_size(overdue); i++) {
        const char *day = json_string_value(json_array_get(overdue, i));

        printf("OVERDUE: what had to be gone on %.10s is not dropped yet; nobody can read it\n", day == NULL ? "?" : day);
    }
    json_decref(overdue);
}

/* -- asking -------------------------------------------------------------------------------------------------------- */

/* VALUE NULL or "": none. */
static void add_argument(char *path, size_t size, const char *name, const char *value)
{
    const size_t used = strlen(path);

    if (value == NULL || value[0] == '\0') return;
    snprintf(path + used, size - used, "%c%s=%s", strchr(path, '?') == NULL ? '?' : '&', name, value);
}

/* One answer; *next is the day to go on from, "" at the end. */
static int page(const struct settings *settings, struct http *gate, const struct retention_options *options, struct sums *sums,
                char next[DAY_TEXT + 1])
{
    char path[LIMIT_NAME_MAX + 128];
    const struct http_request request = { .method = "GET", .path = path };
    json_t *json = NULL, *dropped;
    const char *day;
    bool good = true;

    snprintf(path, sizeof(path), "/v1/retention");
    add_argument(path, sizeof(path), "from", next);
    add_argument(path, sizeof(path), "to", options->to);
    add_argument(path, sizeof(path), "agency", options->agency);
    int code = http_ask_json(gate, &request, 200, &json);
    if (code != CLIENT_OK) return code;
    dropped = json_object_get(json, "dropped");
    day = json_string_value(json_object_get(json, "next"));
    if (settings->json) good = print_json(json_incref(json));
    for (size_t i = 0; !settings->json && good && i < json_array_size(dropped); i++) good = print_dropped(json_array_get(dropped, i), sums);
    if (day != NULL && strlen(day) == DAY_TEXT && strcmp(day, next) > 0) memcpy(next, day, DAY_TEXT + 1);
    else next[0] = '\0';
    if (!settings->json && good && next[0] == '\0') print_end(json, sums);
    json_decref(json);
    if (!good) say("the gate sent a report that can't be read; is this program too old?");
    return good ? CLIENT_OK : CLIENT_FAILED;
}

static const char *kind_of(const struct settings *settings)
{
    static const char *const kinds[] = { "auditor", "operator/gate" };

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (settings->as != NULL && identity_fits(settings, kinds[i])) return kinds[i];
    if (settings->as == NULL && !identity_fits(settings, "agency"))
        for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
            if (identity_fits(settings, kinds[i])) return kinds[i];
    return "agency";
}

static int report_retention(struct settings *settings, int argc, char **argv)
{
    struct retention_options options = { 0 };
    struct command_input input = { settings, &options };
    struct identity identity;
    struct http *gate = NULL;
    struct sums sums = { 0 };
    char next[DAY_TEXT + 1];
    int code;

    command_parse(retention_options, retention_parse, NULL,
                  "Shows how many hits were dropped because their list's retention was over, by day and list, with the reads counted "
                  "on them, their sealed pictures, and how long after the beginning of their day they were gone.",
                  &input, argc, argv);
    code = http_open_as(settings, kind_of(settings), &identity, &gate);
    if (code == CLIENT_OK && !settings->json)
        printf("%-10s  %-32s %10s %10s %10s  %s\n", "gone by", "list", "hits", "reads", "pictures", "after");
    memcpy(next, options.from, sizeof(next));
    while (code == CLIENT_OK) {
        code = page(settings, gate, &options, &sums, next);
        if (next[0] == '\0') break;
    }
    http_close(gate);
    return code;
}

static const struct command report_commands[] = {
    { "retention", "what was dropped because its retention was over", report_retention },
    { NULL, NULL, NULL },
};

int command_report(struct settings *settings, int argc, char **argv)
{
    return command_dispatch(report_commands, "What a gate can account for.", settings, argc, argv);
}
