/* platesieve status: how gates and key servers are doing, for operators and auditors. */
#include "client/http/http.h"
#include "client/http/problem.h"
#include "client/identity/name.h"
#include "client/moment.h"
#include "client/status_lanes.h"

#define URLS_BYTES 2048
#define AGAIN_MANY 100  /* later looks of a lane, and */
#define AGAIN_A_READ 4   /* so many for each of its reads: nothing that merges frames of one vehicle comes near */

/* -- printing what a daemon says ----------------------------------------------------------------------------------- */

static const char *text_of(json_t *json, const char *member)
{
    const char *text = json_string_value(json_object_get(json, member));

    return text == NULL ? "-" : text;
}

static long long number_of(json_t *json, const char *member)
{
    return (long long)json_integer_value(json_object_get(json, member));
}

static void print_words(const char *label, json_t *array)
{
    if (json_array_size(array) == 0) return;
    printf("  %-10s", label);
    for (size_t i = 0; i < json_array_size(array); i++) {
        const char *word = json_string_value(json_array_get(array, i));

        printf(" %s", word == NULL ? "?" : word);
    }
    putchar('\n');
}

static void print_epochs(json_t *epochs)
{
    for (size_t i = 0; i < json_array_size(epochs); i++) {
        json_t *epoch = json_array_get(epochs, i);

        printf("  %-10s %-18s %-9s %s  %.19sZ to %.19sZ", i == 0 ? "epochs" : "", text_of(epoch, "id"),
               text_of(epoch, "state"), text_of(epoch, "suite"), text_of(epoch, "opens"), text_of(epoch, "closes"));
        if (json_object_get(epoch, "slots") != NULL) printf("  %lld slots", number_of(epoch, "slots"));
        putchar('\n');
    }
}

static void print_lists(json_t *lists)
{
    for (size_t i = 0; i < json_array_size(lists); i++) {
        json_t *list = json_array_get(lists, i), *coverage = json_object_get(list, "coverage"), *how;
        const char *epoch;

        printf("  %-10s %s/%s: revision %lld, %lld entries, %lld s old%s%s", i == 0 ? "lists" : "",
               text_of(list, "agency"), text_of(list, "list"), number_of(list, "revision"), number_of(list, "entries"),
               number_of(list, "age_s"), json_is_true(json_object_get(list, "old")) ? " (OLD)" : "",
               json_is_true(json_object_get(list, "suspended")) ? " (SUSPENDED)" : "");
        json_object_foreach(coverage, epoch, how)
        {
            const char *word = json_string_value(how);

            if (word != NULL && strcmp(word, "whole") != 0) printf("; %s: %s", epoch, word);
        }
        putchar('\n');
    }
}

/* Those that share their keys, or of which something is to be told. */
static void print_key_servers(json_t *servers)
{
    bool first = true;

    for (size_t i = 0; i < json_array_size(servers); i++) {
        json_t *server = json_array_get(servers, i);
        const bool up = json_is_true(json_object_get(server, "up"));
        const bool shares = json_is_integer(json_object_get(server, "share"));
        const char *fault = json_string_value(json_object_get(server, "fault")); /* null: none */

        if (!shares && up && fault == NULL) continue;
        printf("  %-10s %s: ", first ? "keys from" : "", text_of(server, "url"));
        if (shares) printf("share %lld, ", number_of(server, "share"));
        printf("%s%s%s\n", up ? "up" : "AWAY", fault == NULL ? "" : ", AT FAULT: ", fault == NULL ? "" : fault);
        first = false;
    }
}

static void print_registry(json_t *registry)
{
    printf("  %-10s %lld names%s\n", "registry", number_of(registry, "names"),
           json_is_true(json_object_get(registry, "broken")) ? ", ITS FILE IS BROKEN: see the log" : "");
}

static void print_counts(const char *label, json_t *used, json_t *limit)
{
    const char *name;
    json_t *count;

    printf("%s", label);
    json_object_foreach(used, name, count)
    {
        json_t *most = json_object_get(limit, name);

        if (most == NULL) printf(" %lld %s,", (long long)json_integer_value(count), name);
        else if (json_is_integer(most))
            printf(" %lld of %lld %s,", (long long)json_integer_value(count), (long long)json_integer_value(most), name);
    }
}

static void print_quotas(json_t *quotas)
{
    json_t *total = json_object_get(quotas, "total"), *hot = json_object_get(quotas, "hot");

    if (quotas == NULL) return;
    printf("  %-10s today", "quotas");
    print_counts("", json_object_get(total, "used"), NULL);
    printf(" by %lld names; %lld requests refused", number_of(quotas, "names"), number_of(quotas, "refused"));
    if (json_is_integer(json_object_get(total, "alarm_at"))) printf("; alarm at %lld", number_of(total, "alarm_at"));
    putchar('\n');
    print_words("ALARMS", json_object_get(quotas, "alarms"));
    for (size_t i = 0; i < json_array_size(hot); i++) {
        json_t *one = json_array_get(hot, i), *day = json_object_get(one, "day");

        printf("  %-10s %s, %s: %lld %%,", i == 0 ? "hot" : "", text_of(one, "name"), text_of(one, "profile"),
               number_of(one, "percent"));
        print_counts("", json_object_get(day, "used"), json_object_get(day, "limit"));
        printf(" %lld refused\n", number_of(one, "refused"));
    }
}

/* "2 h 10 min" from NOW to WHEN; "" if that can't be said or is over. */
static void print_until(const char *now, const char *when)
{
    int64_t now_ms, when_ms;

    if (!moment_parse(now, &now_ms) || !moment_parse(when, &when_ms) || when_ms <= now_ms) return;
    printf(", in %lld h %lld min", (long long)(when_ms - now_ms) / 3600000, (long long)(when_ms - now_ms) / 60000 % 60);
}

/* What the gate's database shows of a list. */
static void print_trouble(json_t *alarm)
{
    const char *why = text_of(alarm, "why");
    const char *what = strcmp(why, "older") == 0     ? "is older in the database than it was served"
                       : strcmp(why, "missing") == 0 ? "is not in the database any more"
                                                     : "in the database is not what gates made of it";

    printf("  %-10s %s/%s %s; %s\n", "ALARM", text_of(alarm, "agency"), text_of(alarm, "list"), what,
           json_is_true(json_object_get(alarm, "served")) ? "its last good state is served" : "it is not served");
}

/* Of a list's rules, a webhook or a lane; false: it is another kind. */
static bool print_notice(json_t *alarm)
{
    const char *what = text_of(alarm, "what"), *agency = text_of(alarm, "agency"), *list = text_of(alarm, "list");

    if (strcmp(what, "suspended") == 0)
        printf("  %-10s %s/%s is suspended since %.19sZ\n", "ALARM", agency, list, text_of(alarm, "at"));
    else if (strcmp(what, "ends") == 0)
        printf("  %-10s %s/%s ends at %.19sZ\n", "ALARM", agency, list, text_of(alarm, "at"));
    else if (strcmp(what, "old") == 0)
        printf("  %-10s %s/%s is past its age limit since %.19sZ: its hits must be verified\n", "ALARM", agency, list, text_of(alarm, "at"));
    else if (strcmp(what, "refused") == 0)
        printf("  %-10s %s/%s: a push was refused at %.19sZ (%s); the list is older than its agency believes\n", "ALARM", agency, list, text_of(alarm, "at"),
               text_of(alarm, "why"));
    else if (strcmp(what, "lane") == 0)
        printf("  %-10s lane %s/%s: %s; heard last at %.19sZ\n", "ALARM", text_of(alarm, "site"), text_of(alarm, "lane"), text_of(alarm, "why"),
               text_of(alarm, "heard_at"));
    else if (strcmp(what, "webhook") == 0)
        printf("  %-10s webhook %s of %s fails since %.19sZ; %lld cursors behind\n", "ALARM", text_of(alarm, "webhook"), agency,
               text_of(alarm, "failing_since"), number_of(alarm, "lag"));
    else
        return false;
    return true;
}

static void print_alarms(json_t *alarms, const char *now)
{
    for (size_t i = 0; i < json_array_size(alarms); i++) {
        json_t *alarm = json_array_get(alarms, i);
        if (strcmp(text_of(alarm, "what"), "list") == 0) {
            print_trouble(alarm);
            continue;
        }
        if (print_notice(alarm)) continue;
        const bool partial = strcmp(text_of(alarm, "coverage"), "partial") == 0;

        printf("  %-10s %s/%s has %s for epoch %s, which ", "ALARM", text_of(alarm, "agency"), text_of(alarm, "list"),
               partial ? "tokens of some entries only" : "no tokens", text_of(alarm, "epoch"));
        if (strcmp(text_of(alarm, "state"), "open") == 0) {
            printf("is open\n");
            continue;
        }
        printf("opens %.19sZ", text_of(alarm, "opens"));
        print_until(now, text_of(alarm, "opens"));
        putchar('\n');
    }
}

/* A lane says itself what is a later look; one that says it of nearly everything is told apart. */
static void print_again(json_t *lanes)
{
    size_t i;
    json_t *lane;

    json_array_foreach(lanes, i, lane) {
        long long reads = number_of(lane, "reads"), again = number_of(lane, "again");

        if (again >= AGAIN_MANY && again / AGAIN_A_READ > reads)
            printf("             %s calls %lld of its looks later ones, beside %lld reads\n", text_of(lane, "lane"), again, reads);
    }
}

static void print_gate(json_t *json)
{
    json_t *follow = json_object_get(json, "follow"), *index = json_object_get(json, "index"),
           *spool = json_object_get(json, "spool");
    json_t *checks = json_object_get(json, "checks");

    printf("gate %s, version %s, up for %lld s: %s\n", text_of(json, "gate"), text_of(json, "version"),
           number_of(json, "uptime_s"), json_is_true(json_object_get(json, "ready")) ? "ready" : "NOT READY");
    print_words("reasons", json_object_get(json, "reasons"));
    print_words("degraded", json_object_get(json, "degraded"));
    print_alarms(json_object_get(json, "alarms"), text_of(json, "now"));
    printf("  %-10s database %s, key server %s\n", "follows",
           json_is_true(json_object_get(follow, "database_up")) ? "up" : "AWAY",
           json_is_true(json_object_get(follow, "keys_up")) ? "up" : "AWAY");
    print_key_servers(json_object_get(json, "key_servers"));
    print_epochs(json_object_get(json, "epochs"));
    print_lists(json_object_get(json, "lists"));
    printf("  %-10s %lld slots in %lld bytes, %lld entries in %lld bytes\n", "index", number_of(index, "slots"),
           number_of(index, "bytes"), number_of(index, "entries"), number_of(index, "entries_bytes"));
    printf("  %-10s %lld hits wait, %lld bytes, the oldest for %lld s%s%s\n", "spool", number_of(spool, "depth"),
           number_of(spool, "bytes"), number_of(spool, "oldest_age_s"),
           json_is_true(json_object_get(spool, "full")) ? " FULL" : "",
           json_is_true(json_object_get(spool, "broken")) ? " BROKEN" : "");
    print_registry(json_object_get(json, "registry"));
    printf("  %-10s %lld reads, %lld cleared, %lld hits, %lld matches, %lld further looks since the start\n", "checks", number_of(checks, "reads"),
           number_of(checks, "cleared"), number_of(checks, "hits"), number_of(checks, "matches"), number_of(checks, "again"));
    print_again(json_object_get(checks, "lanes"));
    print_quotas(json_object_get(json, "quotas"));
}

static void print_keys(json_t *json)
{
    json_t *schedule = json_object_get(json, "schedule");

    printf("key server %s, version %s, up for %lld s: %s\n", text_of(json, "keys"), text_of(json, "version"),
           number_of(json, "uptime_s"), json_is_true(json_object_get(json, "ready")) ? "ready" : "NOT READY");
    print_words("reasons", json_object_get(json, "reasons"));
    print_words("degraded", json_object_get(json, "degraded"));
    printf("  %-10s epochs of %lld s, open %lld s longer, %lld ahead, erased %lld s after they close\n", "schedule",
           number_of(schedule, "length_s"), number_of(schedule, "overlap_s"), number_of(schedule, "ahead"),
           number_of(schedule, "destroy_after_s"));
    print_epochs(json_object_get(json, "epochs"));
    print_registry(json_object_get(json, "registry"));
    printf("  %-10s %lld handed out since the start\n", "keys", number_of(json, "keys_given"));
    print_quotas(json_object_get(json, "quotas"));
}

/* -- asking -------------------------------------------------------------------------------------------------------- */

struct wanted {
    const struct settings *settings;
    enum http_service service;
    struct lanes_wanted lanes;
};

/* The server at URL alone; *LANES NULL for a key server. */
static int ask_one(const struct wanted *wanted, const struct identity *identity, const char *url, json_t **json, json_t **lanes)
{
    const struct http_request request = { .method = "GET", .path = "/v1/status" };
    struct settings one = *wanted->settings;
    struct http *http = NULL;
    int code;

    one.gates = one.keys = url;
    *json = NULL;
    *lanes = NULL;
    code = http_open(&one, wanted->service, identity, &http);
    if (code == CLIENT_OK) code = http_ask_json(http, &request, 200, json);
    if (code == CLIENT_OK && wanted->service == HTTP_GATE) code = status_lanes_fetch(http, &wanted->lanes, lanes);
    http_close(http);
    return code;
}

static bool show(const struct wanted *wanted, const char *url, json_t *json, json_t *lanes)
{
    if (wanted->settings->json)
        return print_json(json_pack("{s:s, s:s, s:O, s:O*}", "server", wanted->service == HTTP_GATE ? "gate" : "keys", "url", url, "status", json, "lanes",
                                    lanes));
    json_t *shown = json_printable(json), *shown_lanes = json_printable(lanes);

    if (wanted->service == HTTP_GATE) print_gate(shown);
    else print_keys(shown);
    if (lanes != NULL) status_lanes_print(shown_lanes, &wanted->lanes);
    json_decref(shown);
    json_decref(shown_lanes);
    return !ferror(stdout);
}

/* Each server of the list in turn: a gate may be down, and the others still have something to say. */
static int ask_all(const struct wanted *wanted, const char *kind)
{
    const char *urls = wanted->service == HTTP_GATE ? wanted->settings->gates : wanted->settings->keys;
    char copy[URLS_BYTES], *rest = copy, *url;
    struct identity identity;
    int code = identity_find(wanted->settings, kind, &identity);

    if (code != CLIENT_OK) return code;
    if (strlen(urls) >= sizeof(copy)) {
        say("too many addresses");
        return CLIENT_USAGE;
    }
    memcpy(copy, urls, strlen(urls) + 1);
    while ((url = strsep(&rest, ", ")) != NULL) {
        json_t *json = NULL, *lanes = NULL;
        int one;

        if (url[0] == '\0') continue;
        one = ask_one(wanted, &identity, url, &json, &lanes);
        if (one == CLIENT_OK && !show(wanted, url, json, lanes)) one = CLIENT_FAILED;
        if (code == CLIENT_OK) code = one;
        json_decref(json);
        json_decref(lanes);
    }
    return code;
}

/* The role under which a server may be asked here, or NULL. */
static const char *kind_for(const struct settings *settings, const char *urls, const char *operator_kind)
{
    if (urls == NULL || urls[0] == '\0') return NULL;
    if (identity_fits(settings, operator_kind)) return operator_kind;
    return identity_fits(settings, "auditor") ? "auditor" : NULL;
}

enum { OPTION_SITE = 0x100, OPTION_ALL_LANES };

static const struct argp_option options[] = {
    { "site", OPTION_SITE, "SITE", 0, "Of lanes, those of this site only", 0 },
    { "all-lanes", OPTION_ALL_LANES, NULL, 0, "All lanes, also those that are well, however many there are", 0 },
    { 0 },
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct wanted *wanted = state->input;

    switch (key) {
    case OPTION_SITE: wanted->lanes.site = option_name(state, "a site's name", argument); return 0;
    case OPTION_ALL_LANES: wanted->lanes.all = true; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

int command_status(struct settings *settings, int argc, char **argv)
{
    struct wanted wanted = { .settings = settings };
    struct command_input input = { settings, &wanted };
    const char *gate_kind, *keys_kind;
    int gate = CLIENT_OK, keys = CLIENT_OK;

    command_parse(options, parse, NULL,
                  "Shows how gates, their lanes, and key servers are doing: those of which this is an operator, or, as an auditor, "
                  "both.\vWith --json each server is a "
                  "line, {\"server\", \"url\", \"status\", \"lanes\"}.",
                  &input, argc, argv);
    gate_kind = kind_for(settings, settings->gates, "operator/gate");
    keys_kind = kind_for(settings, settings->keys, "operator/keys");
    if (gate_kind == NULL && keys_kind == NULL) {
        say("nothing to ask: this takes an operator or auditor (--as, PLATESIEVE_PKI) and an address (PLATESIEVE_GATE, "
            "PLATESIEVE_KEYS)");
        return CLIENT_USAGE;
    }
    wanted.service = HTTP_GATE;
    if (gate_kind != NULL) gate = ask_all(&wanted, gate_kind);
    wanted.service = HTTP_KEYS;
    if (keys_kind != NULL) keys = ask_all(&wanted, keys_kind);
    return gate != CLIENT_OK ? gate : keys;
}
