/* platesieve lane status: what a lane that runs says of itself. */
#include "client/lane/service.h"

#include <curl/curl.h>

#include "client/http/wiping.h"
#include "client/lane/command.h"
#include "client/printable.h"

#define ANSWER_BYTES_MAX (1024u * 1024)

struct status_options {
    const char *config, *url;
};

/* -- asking ---------------------------------------------------------------------------------------------------------- */

struct answer {
    char *text;
    size_t size;
};

static size_t take(char *data, size_t unit, size_t count, void *context)
{
    struct answer *answer = context;
    const size_t size = unit * count;
    char *text;

    if (size > ANSWER_BYTES_MAX - answer->size) return 0;
    text = wiping_realloc(answer->text, answer->size + size + 1);
    if (text == NULL) return 0;
    memcpy(text + answer->size, data, size);
    answer->text = text;
    answer->size += size;
    return size;
}

static json_t *ask(const char *url)
{
    struct answer answer = { NULL, 0 };
    CURL *curl = curl_easy_init();
    json_t *json = NULL;
    CURLcode failure;

    if (curl == NULL) return NULL;
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 10L);
    curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
    failure = curl_easy_perform(curl);
    curl_easy_cleanup(curl);
    if (failure != CURLE_OK) say("no lane answers at %s: %s", url, curl_easy_strerror(failure));
    else if ((json = json_loadb(answer.text, answer.size, JSON_REJECT_DUPLICATES, NULL)) == NULL) say("what answers at %s is no lane", url);
    wiping_free(answer.text);
    return json;
}

/* -- for people ------------------------------------------------------------------------------------------------------ */

static long long at(json_t *json, const char *name)
{
    return (long long)json_integer_value(json_object_get(json, name));
}

static const char *text_at(json_t *json, const char *name)
{
    const char *text = json_string_value(json_object_get(json, name));

    return text == NULL ? "-" : text;
}

static void print_servers(const char *what, json_t *servers)
{
    size_t i;
    json_t *server;

    json_array_foreach(servers, i, server)
        printf("%-10s %-44s %s, answered %s\n", i == 0 ? what : "", text_at(server, "url"), json_is_true(json_object_get(server, "well")) ? "well" : "AWAY",
               text_at(server, "answered_at"));
}

/* "aged 3, full 2" */
static void print_some(json_t *counts)
{
    const char *name, *comma = "";
    json_t *count;

    json_object_foreach(counts, name, count) {
        if (json_integer_value(count) == 0) continue;
        printf("%s%s %lld", comma, name, (long long)json_integer_value(count));
        comma = ", ";
    }
    if (*comma == '\0') printf("none");
}

static void print_answers(const char *what, json_t *answers)
{
    printf("%-10s %lld asked, %lld clear, %lld hits, unchecked: ", what, at(answers, "asked"), at(answers, "clear"), at(answers, "hits"));
    print_some(json_object_get(answers, "unchecked"));
    putchar('\n');
}

static void print_engines(json_t *list)
{
    const char *name;
    json_t *engine;

    json_object_foreach(list, name, engine) {
        if (json_is_null(json_object_get(engine, "last_message_at"))) continue;
        printf("  %-16s last message %s; ", name, text_at(engine, "last_message_at"));
        print_some(json_object_get(engine, "messages"));
        printf("; faults: ");
        print_some(json_object_get(engine, "faults"));
        putchar('\n');
    }
}

/* Of those that are in use. */
static void print_ways(json_t *alerts)
{
    static const char *const names[] = { "output", "display", "command" };

    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        json_t *way = json_object_get(alerts, names[i]);

        if (!json_is_object(way)) continue;
        printf("  %-16s %lld alerts delivered, %lld lost, %lld wait", names[i], at(way, "delivered"), at(way, "lost"), at(way, "waiting"));
        if (json_is_string(json_object_get(way, "why"))) printf("; NOT WELL since %s: %s", text_at(way, "since"), text_at(way, "why"));
        putchar('\n');
    }
}

static void print_latency(json_t *latency)
{
    json_t *alert = json_object_get(latency, "alert"), *answer = json_object_get(latency, "answer");

    printf("%-10s answer %.1f ms (median), %.1f ms (99 %%); alert %.1f ms, %.1f ms\n", "latency", json_number_value(json_object_get(answer, "p50")),
           json_number_value(json_object_get(answer, "p99")), json_number_value(json_object_get(alert, "p50")),
           json_number_value(json_object_get(alert, "p99")));
}

static void print_status(json_t *json)
{
    json_t *counts = json_object_get(json, "counts"), *waiting = json_object_get(json, "waiting"), *memory = json_object_get(json, "memory"), *alarm, *list;
    size_t i;

    printf("%-10s %s, version %s, since %s\n", "lane", text_at(json, "lane"), text_at(json, "version"), text_at(json, "started_at"));
    printf("%-10s %s%s%s\n", "ready", json_is_true(json_object_get(json, "ready")) ? "yes" : "NO",
           json_is_string(json_object_get(json, "reason")) ? ": " : "", json_is_string(json_object_get(json, "reason")) ? text_at(json, "reason") : "");
    json_array_foreach(json_object_get(json, "alarms"), i, alarm) printf("%-10s %s\n", "ALARM", json_string_value(alarm));
    print_servers("gates", json_object_get(json, "gates"));
    print_servers("keys", json_object_get(json, "key_servers"));
    if (json_is_object(json_object_get(json, "certificate"))) {
        list = json_object_get(json, "certificate");
        printf("%-10s ends %s, %.1f days left, renewal %s\n", "certified", text_at(list, "ends_at"), json_number_value(json_object_get(list, "days_left")),
               text_at(list, "renewal"));
    }
    if (json_is_object(json_object_get(json, "calibration"))) {
        list = json_object_get(json, "calibration");
        printf("%-10s %s, last success %s\n", "calibrated", text_at(list, "outcome"), text_at(list, "at"));
    }
    if (json_is_integer(json_object_get(json, "clock_ahead_ms"))) printf("%-10s %lld ms ahead of the gate's\n", "clock", at(json, "clock_ahead_ms"));
    print_answers("reads", json_object_get(counts, "reads"));
    print_answers("again", json_object_get(counts, "again"));
    printf("%-10s %lld skipped\n", "captions", at(counts, "captions"));
    print_answers("calibrate", json_object_get(counts, "calibrations"));
    printf("%-10s %lld, false tags %lld, refused requests: ", "alerts", at(counts, "alerts"), at(counts, "false_tags"));
    print_some(json_object_get(counts, "refused"));
    putchar('\n');
    print_ways(json_object_get(json, "alerts"));
    if (at(counts, "late") > 0) printf("%-10s %lld were told long after they were seen: an engine's stored queue, or a clock that is behind\n", "late", at(counts, "late"));
    printf("%-10s %lld fresh, %lld old, %lld late, of %lld; the oldest for %.1f s\n", "waiting", at(waiting, "fresh"), at(waiting, "old"),
           at(waiting, "late"), at(waiting, "room"),
           json_number_value(json_object_get(waiting, "oldest_s")));
    printf("%-10s %lld messages, %lld that, or parts of which, were unusable\n", "engines", at(counts, "messages"), at(counts, "unusable"));
    print_engines(json_object_get(json, "engines"));
    json_array_foreach(json_object_get(json, "lists_not_asked"), i, list)
        printf("%-10s %s/%s: %s, %lld times\n", "NOT ASKED", text_at(list, "agency"), text_at(list, "list"), text_at(list, "why"), at(list, "times"));
    print_latency(json_object_get(json, "latency_ms"));
    printf("%-10s %.1f MiB resident, %.1f MiB locked, pictures %.1f MiB\n", "memory", (double)at(memory, "resident_bytes") / 1048576,
           (double)at(memory, "locked_bytes") / 1048576, (double)at(memory, "images_bytes") / 1048576);
}

/* -- the command ----------------------------------------------------------------------------------------------------- */

enum { OPTION_CONFIG = 'c', OPTION_URL = 0x300 };

static const struct argp_option status_options[] = {
    { "config", OPTION_CONFIG, "FILE", 0, "Of the lane to ask: where it listens", 0 },
    { "url", OPTION_URL, "URL", 0, "Of the lane to ask (http://127.0.0.1:8555); not with --config", 0 },
    { 0 },
};

static error_t status_parse(int key, char *argument, struct argp_state *state)
{
    struct status_options *options = state->input;

    switch (key) {
    case OPTION_CONFIG: options->config = argument; return 0;
    case OPTION_URL: options->url = argument; return 0;
    case ARGP_KEY_ARG: argp_usage(state); return 0;
    case ARGP_KEY_END:
        if (options->config != NULL && options->url != NULL) argp_error(state, "--config and --url each name a lane: give one of them");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static bool find_url(const struct status_options *options, char *url, size_t size)
{
    struct lane_config config;

    if (options->config == NULL) {
        snprintf(url, size, "%s/status", options->url == NULL ? "http://127.0.0.1:8555" : options->url);
        return true;
    }
    if (!lane_config_read(options->config, &config)) return false;
    snprintf(url, size, "http://%s/status", config.listen);
    lane_config_free(&config);
    return true;
}

int command_lane_status(struct settings *settings, int argc, char **argv)
{
    struct status_options options = { NULL, NULL };
    struct command_input input = { settings, &options };
    char url[512];
    json_t *json;

    command_parse(status_options, status_parse, NULL, "Shows how a lane service does that runs on this machine.", &input, argc, argv);
    if (!find_url(&options, url, sizeof(url))) return CLIENT_USAGE;
    json = ask(url);
    if (json == NULL) return CLIENT_UNREACHABLE;
    if (settings->json) return print_json(json) ? CLIENT_OK : CLIENT_FAILED;
    json_t *shown = json_printable(json);

    print_status(shown);
    json_decref(shown);
    json_decref(json);
    return CLIENT_OK;
}
