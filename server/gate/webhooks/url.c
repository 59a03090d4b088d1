#include "server/gate/webhooks/url.h"

#include <ctype.h>
#include <curl/curl.h>
#include <platesieve/limits.h>
#include <stdlib.h>
#include <string.h>

#define HOST_MAX 253
#define SEPARATORS ", \t"

struct rule {
    char host[HOST_MAX + 1]; /* "[::1]" with its brackets */
    long port;
    bool below; /* all names below it */
};

static bool parse_port(const char *text, long *port)
{
    char *end;

    *port = strtol(text, &end, 10);
    return isdigit((unsigned char)*text) && *end == 0 && *port >= 1 && *port <= 65535;
}

/* The next rule of *RULES; 0: there is none; -1: it is not one. */
static int next_rule(const char **rules, struct rule *rule)
{
    const char *at = *rules + strspn(*rules, SEPARATORS);
    size_t size = strcspn(at, SEPARATORS);
    char text[HOST_MAX + 8];

    if (size == 0) return 0;
    *rules = at + size;
    if (size >= sizeof text) return -1;
    memcpy(text, at, size);
    text[size] = 0;
    rule->below = strncmp(text, "*.", 2) == 0;
    char *host = text + (rule->below ? 1 : 0), *colon = strrchr(host, ':');
    rule->port = 443;
    if (colon != NULL && strchr(colon, ']') == NULL) {
        *colon = 0;
        if (!parse_port(colon + 1, &rule->port)) return -1;
    }
    size = strlen(host);
    if (size == 0 || size > HOST_MAX || strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789.-_[]:") != size) return -1;
    memcpy(rule->host, host, size + 1);
    return 1;
}

bool webhook_rules_valid(const char *rules)
{
    struct rule rule;
    int got;

    while ((got = next_rule(&rules, &rule)) > 0) {}
    return got == 0;
}

static bool allows(const char *rules, const char *host, long port)
{
    struct rule rule;
    size_t size = strlen(host);

    while (next_rule(&rules, &rule) > 0) {
        size_t end = strlen(rule.host);
        const char *tail = rule.below && size > end ? host + (size - end) : host;

        if (rule.port == port && strcmp(tail, rule.host) == 0 && (tail != host || !rule.below)) return true;
    }
    return false;
}

static bool lower(char *text)
{
    for (; *text != 0; text++) *text = (char)tolower((unsigned char)*text);
    return true;
}

/* What libcurl makes of it is what it will connect to. */
static bool is_good(CURLU *parsed, const char *rules, const char *url)
{
    char *host = NULL, *port = NULL, *rest = NULL;
    long number = 0;
    bool good = curl_url_set(parsed, CURLUPART_URL, url, CURLU_DISALLOW_USER) == CURLUE_OK && strncmp(url, "https://", 8) == 0 &&
                curl_url_get(parsed, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
                curl_url_get(parsed, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK && parse_port(port, &number) &&
                curl_url_get(parsed, CURLUPART_FRAGMENT, &rest, 0) == CURLUE_NO_FRAGMENT && lower(host) && allows(rules, host, number);

    curl_free(host);
    curl_free(port);
    curl_free(rest);
    return good;
}

struct result webhook_url_check(const char *rules, const char *url)
{
    size_t size = strlen(url);

    if (size > LIMIT_WEBHOOK_URL_BYTES) return FAIL(REASON_WEBHOOK);
    for (size_t i = 0; i < size; i++)
        if (url[i] <= ' ' || url[i] > '~') return FAIL(REASON_WEBHOOK);
    CURLU *parsed = curl_url();
    bool good = parsed != NULL && is_good(parsed, rules, url);
    curl_url_cleanup(parsed);
    return good ? OK : FAIL(REASON_WEBHOOK);
}
