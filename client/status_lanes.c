#include "client/status_lanes.h"

#include "client/http/problem.h"
#include "client/identity/name.h"
#include "client/moment.h"

#define PAGES_MAX 64   /* of a gate that never comes to an end */
#define PAGE 1000
#define MANY 24        /* with more lanes, those that are well are counted only */
#define CURSOR_BYTES 100
#define NAME_WIDTH 18

/* -- asking ------------------------------------------------------------------------------------------------------------- */

/* `next` of PAGE into AFTER; false when that was the last. */
static bool take_next(json_t *page, char after[CURSOR_BYTES])
{
    const char *next = json_string_value(json_object_get(page, "next"));
    const char *slash = next == NULL ? NULL : strchr(next, '/');

    if (slash == NULL || strlen(next) >= CURSOR_BYTES || strspn(next, "abcdefghijklmnopqrstuvwxyz0123456789-_./") != strlen(next)) return false;
    snprintf(after, CURSOR_BYTES, "%s", next);
    return true;
}

int status_lanes_fetch(struct http *gate, const struct lanes_wanted *wanted, json_t **lanes)
{
    char after[CURSOR_BYTES] = "", path[256];
    json_t *all = json_array();

    *lanes = NULL;
    for (unsigned pages = 0; pages < PAGES_MAX; pages++) {
        struct http_request request = { .method = "GET", .path = path };
        json_t *page = NULL;

        snprintf(path, sizeof(path), "/v1/lanes?limit=%d%s%s%s%s", PAGE, after[0] == '\0' ? "" : "&after=", after, wanted->site == NULL ? "" : "&site=",
                 wanted->site == NULL ? "" : wanted->site);
        const int code = http_ask_json(gate, &request, 200, &page);
        if (code != CLIENT_OK) {
            json_decref(all);
            json_decref(*lanes);
            *lanes = NULL;
            return code;
        }
        json_array_extend(all, json_object_get(page, "lanes"));
        json_decref(*lanes);
        *lanes = page;
        if (!take_next(page, after)) break;
    }
    json_object_del(*lanes, "next");
    json_object_set_new(*lanes, "lanes", all);
    return CLIENT_OK;
}

/* -- showing ------------------------------------------------------------------------------------------------------------ */

static const char *text_of(json_t *json, const char *member)
{
    const char *text = json_string_value(json_object_get(json, member));

    return text == NULL ? "-" : text;
}

static long long number_of(json_t *json, const char *member)
{
    return (long long)json_integer_value(json_object_get(json, member));
}

/* "last read 3 s ago", or that it never was. */
static void print_ago(const char *separator, const char *what, json_t *when, int64_t now_ms)
{
    const char *text = json_string_value(when);
    int64_t ms;

    if (text == NULL || !moment_parse(text, &ms)) printf("%snever %s", separator, what);
    else printf("%s%s %lld s ago", separator, what, (long long)(now_ms > ms ? now_ms - ms : 0) / 1000);
}

static long long unchecked_of(json_t *report)
{
    const char *why;
    json_t *count;
    long long sum = 0;

    json_object_foreach(json_object_get(json_object_get(report, "totals"), "unchecked"), why, count) sum += json_integer_value(count);
    return sum;
}

/* Only one that ends soon. */
static void print_certificate(json_t *certificate, int64_t now_ms)
{
    int64_t ends_ms;

    if (!json_is_true(json_object_get(certificate, "alarm")) || !moment_parse(text_of(certificate, "ends_at"), &ends_ms)) return;
    printf(", certificate ends in %lld days", (long long)(ends_ms > now_ms ? ends_ms - now_ms : 0) / (24 * 3600 * 1000));
}

static void print_report(json_t *report, int64_t now_ms)
{
    json_t *calibration = json_object_get(report, "calibration");
    const long long skew_ms = number_of(report, "skew_ms"), waiting = number_of(report, "waiting");

    print_ago(", ", "reported", json_object_get(report, "at"), now_ms);
    print_ago(", ", "saw a read", json_object_get(report, "read_at"), now_ms);
    if (json_is_object(calibration)) print_ago(", ", "calibrated", json_object_get(calibration, "at"), now_ms);
    if (strcmp(text_of(calibration, "outcome"), "ordinary") == 0) printf(" on an ordinary list");
    printf(", %lld unchecked", unchecked_of(report));
    if (waiting > 0) printf(", %lld waiting", waiting);
    if (skew_ms >= 1000 || skew_ms <= -1000) printf(", clock %lld s %s", (skew_ms < 0 ? -skew_ms : skew_ms) / 1000, skew_ms < 0 ? "behind" : "ahead");
    print_certificate(json_object_get(report, "certificate"), now_ms);
    printf(", version %s", text_of(report, "version"));
}

static const char *state_of(json_t *lane)
{
    const char *state = text_of(lane, "state");

    if (strcmp(state, "alarm") == 0) return "ALARM";
    return strcmp(state, "silent") == 0 ? "SILENT" : state;
}

static void print_lane(json_t *lane, int64_t now_ms)
{
    json_t *report = json_object_get(lane, "report"), *alarms = json_object_get(lane, "alarms");
    char name[2 * LIMIT_NAME_MAX + 2];

    snprintf(name, sizeof(name), "%s/%s", text_of(lane, "site"), text_of(lane, "lane"));
    printf("    %-*s %-8s ", NAME_WIDTH, name, state_of(lane));
    print_ago("", "checked", json_object_get(lane, "checked_at"), now_ms);
    if (json_is_object(report)) print_report(report, now_ms);
    for (size_t i = 0; i < json_array_size(alarms); i++) {
        const char *word = json_string_value(json_array_get(alarms, i));

        if (word != NULL && strcmp(word, "silent") != 0) printf("%s%s", i == 0 ? ": " : ", ", word);
    }
    putchar('\n');
}

static void print_counts(json_t *lanes)
{
    const char *state;
    json_t *count;
    bool first = true;

    printf("  %-10s", "lanes");
    json_object_foreach(json_object_get(lanes, "counts"), state, count)
    {
        if (json_integer_value(count) == 0) continue;
        printf("%s %lld %s", first ? "" : ",", (long long)json_integer_value(count), state);
        first = false;
    }
    puts(first ? " none was heard of" : json_is_true(json_object_get(lanes, "degraded")) ? "; of what they say to other gates nothing is known" : "");
}

void status_lanes_print(json_t *lanes, const struct lanes_wanted *wanted)
{
    json_t *all = json_object_get(lanes, "lanes");
    const bool many = json_array_size(all) > MANY && !wanted->all;
    int64_t now_ms;

    if (!moment_parse(text_of(lanes, "now"), &now_ms)) now_ms = moment_now_ms();
    print_counts(lanes);
    for (size_t i = 0; i < json_array_size(all); i++) {
        json_t *lane = json_array_get(all, i);
        const char *state = text_of(lane, "state");

        if (many && (strcmp(state, "well") == 0 || strcmp(state, "ended") == 0)) continue;
        print_lane(lane, now_ms);
    }
    if (many) puts("    (those that are well, or ended, are left out: --all-lanes, --site)");
}
