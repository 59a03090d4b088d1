#include "client/http/internal.h"

#include <sodium.h>

#include "client/http/problem.h"
#include "client/http/wiping.h"
#include "client/moment.h"

#define RETRY_AFTER_MAX_S 86400 /* a quota of the day is back within one */
#define CONNECT_TIMEOUT_S 5L
#define TIMEOUT_S 60u

const char *http_service_name(const struct http *http)
{
    return http->service == HTTP_GATE ? "gate" : "key server";
}

const char *http_trouble(const struct http *http)
{
    return http->trouble;
}

bool http_hopeless(const struct http *http)
{
    return http->hopeless;
}

/* -- opening ------------------------------------------------------------------------------------------------------- */

static int split_urls(struct http *http, const char *urls)
{
    char *rest = http->urls = strdup(urls);
    char *url;

    while (rest != NULL && (url = strsep(&rest, ",")) != NULL) {
        size_t length;

        url += strspn(url, " ");
        length = strcspn(url, " ");
        while (length > 0 && url[length - 1] == '/') length--;
        url[length] = '\0';
        if (length == 0) continue;
        if (strncmp(url, "https://", 8) != 0 || http->url_count == HTTP_SERVERS_MAX) {
            say("the addresses of a %s are https:// URLs, at most %d", http_service_name(http), HTTP_SERVERS_MAX);
            return CLIENT_USAGE;
        }
        http->url[http->url_count++] = url;
    }
    if (http->url_count > 0) return CLIENT_OK;
    say("no address of a %s", http_service_name(http));
    return CLIENT_USAGE;
}

static bool set_options(struct http *http, const struct settings *settings)
{
    CURL *curl = http->curl;
    const struct identity *identity = http->identity;
    bool set = curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, http->error) == CURLE_OK;

    set = set && curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_3) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_SSL_SESSIONID_CACHE, 0L) ==
                     CURLE_OK; /* a resumed session would not be verified */
    set = set && curl_easy_setopt(curl, CURLOPT_CAINFO, identity->ca) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_CAPATH, NULL) == CURLE_OK;
    if (identity->certificate[0] != '\0') {
        set = set && curl_easy_setopt(curl, CURLOPT_SSLCERT, identity->certificate) == CURLE_OK;
        set = set && curl_easy_setopt(curl, CURLOPT_SSLKEY, identity->key) == CURLE_OK;
    }
    set = set && (settings->crl == NULL || curl_easy_setopt(curl, CURLOPT_CRLFILE, settings->crl) == CURLE_OK);
    set = set && curl_easy_setopt(curl, CURLOPT_SSL_CTX_FUNCTION, http_prepare_tls) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_SSL_CTX_DATA, http) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S) == CURLE_OK;
    return set && curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L) == CURLE_OK;
}

/* In place of the one that there was, whose connections are closed. */
static bool make_handle(struct http *http)
{
    if (http->curl != NULL) curl_easy_cleanup(http->curl);
    http->generation = atomic_load(&http->identity->generation);
    http->curl = curl_easy_init();
    return http->curl != NULL && set_options(http, http->settings);
}

int http_open(const struct settings *settings, enum http_service service, const struct identity *identity,
              struct http **out)
{
    const char *urls = service == HTTP_GATE ? settings->gates : settings->keys;
    struct http *http = calloc(1, sizeof(*http));
    int code = CLIENT_FAILED;

    *out = http;
    if (http == NULL) {
        say("out of memory");
        return CLIENT_FAILED;
    }
    http->service = service;
    http->identity = identity;
    if (urls == NULL || urls[0] == '\0') {
        say("where is the %s? Set %s or give %s URL.", http_service_name(http),
            service == HTTP_GATE ? "PLATESIEVE_GATE" : "PLATESIEVE_KEYS", service == HTTP_GATE ? "--gate" : "--keys");
        code = CLIENT_USAGE;
    } else {
        code = split_urls(http, urls);
    }
    http->settings = settings;
    if (code == CLIENT_OK && !make_handle(http)) {
        say("can't prepare HTTPS");
        code = CLIENT_FAILED;
    }
    if (code == CLIENT_OK) return code;
    http_close(http);
    *out = NULL;
    return code;
}

void http_close(struct http *http)
{
    if (http == NULL) return;
    if (http->curl != NULL) curl_easy_cleanup(http->curl);
    curl_slist_free_all(http->headers);
    free(http->urls);
    free(http);
}

/* -- asking -------------------------------------------------------------------------------------------------------- */

void http_answer_wipe(struct http_answer *answer)
{
    wiping_free(answer->body);
    *answer = (struct http_answer) { 0 };
}

json_t *http_answer_json(const struct http_answer *answer)
{
    return answer->body == NULL ? NULL : json_loadb(answer->body, answer->body_size, JSON_REJECT_DUPLICATES, NULL);
}

size_t http_answer_take(char *data, size_t one, size_t size, void *context)
{
    struct http_answer *answer = context;
    char *body;

    (void)one;
    if (size > LIMIT_ANSWER_BYTES - answer->body_size) return 0; /* more than we accept: libcurl gives up */
    if (answer->body_size + size + 1 > answer->capacity) {
        const size_t capacity = 2 * (answer->body_size + size + 1) + 1024;

        body = wiping_realloc(answer->body, capacity);
        if (body == NULL) return 0;
        answer->body = body;
        answer->capacity = capacity;
    }
    body = answer->body;
    memcpy(body + answer->body_size, data, size);
    answer->body_size += size;
    body[answer->body_size] = '\0';
    return size;
}

static struct curl_slist *make_headers(const struct http_request *request, bool *made)
{
    struct curl_slist *list = curl_slist_append(NULL, "Expect:"), *longer = list;
    char type[128];

    snprintf(type, sizeof(type), "Content-Type: %s",
             request->content_type == NULL ? "application/json" : request->content_type);
    if (longer != NULL && request->body != NULL) longer = curl_slist_append(list, type);
    if (longer != NULL && request->header != NULL) longer = curl_slist_append(list, request->header);
    *made = longer != NULL;
    return list;
}

static long timeout_ms(const struct http_request *request)
{
    if (request->timeout_ms != 0) return (long)request->timeout_ms;
    return 1000L * (long)(request->timeout_s == 0 ? TIMEOUT_S : request->timeout_s);
}

static bool set_request(struct http *http, const struct http_request *request, struct http_answer *answer,
                        struct curl_slist *headers)
{
    CURL *curl = http->curl;
    char url[LIMIT_URL_BYTES];
    bool set;

    if (snprintf(url, sizeof(url), "%s%s", http->url[http->current], request->path) >= (int)sizeof(url)) return false;
    set = curl_easy_setopt(curl, CURLOPT_URL, url) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, http_answer_take) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout_ms(request)) == CURLE_OK;
    if (strcmp(request->method, "GET") == 0)
        return set && curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L) == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, NULL) == CURLE_OK;
    if (strcmp(request->method, "DELETE") == 0 && request->body == NULL)
        return set && curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L) == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, "DELETE") == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_POST, 1L) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_size) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body == NULL ? "" : request->body) == CURLE_OK;
    return set && curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST,
                                   strcmp(request->method, "POST") == 0 ? NULL : request->method) == CURLE_OK;
}

/* libcurl's words name hosts, ports and files, never what was sent. */
static void explain(struct http *http, CURLcode code)
{
    const char *url = http->url[http->current];
    char now[MOMENT_TEXT];

    moment_print(moment_now_ms(), now);
    if (http->untimely)
        snprintf(http->trouble, sizeof(http->trouble),
                 "%.80s: by this machine's clock (%.16sZ) its certificate is not good yet, or not any more: is the clock right?",
                 url, now);
    else if (http->stranger)
        snprintf(http->trouble, sizeof(http->trouble), "%.80s is not a node of %.80s", url,
                 http->identity->trust_domain);
    else
        snprintf(http->trouble, sizeof(http->trouble), "%.100s: %s", url,
                 http->error[0] != '\0' ? http->error : curl_easy_strerror(code));
}

/* libcurl's words for a server whose certificate does not hold, or has another name, and for files of ours that can't be used. */
static bool is_hopeless(const struct http *http, CURLcode code)
{
    if (http->untimely) return false;
    return http->unwanted || code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CERTPROBLEM || code == CURLE_SSL_CACERT_BADFILE ||
           code == CURLE_SSL_CRL_BADFILE || code == CURLE_SSL_ISSUER_ERROR;
}

static bool never_arrived(CURLcode code)
{
    return code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_SSL_CONNECT_ERROR ||
           code == CURLE_PEER_FAILED_VERIFICATION;
}

bool http_prepare(struct http *http, const struct http_request *request, struct http_answer *answer)
{
    bool made;

    *answer = (struct http_answer) { 0 };
    http->error[0] = '\0';
    http->stranger = http->untimely = http->unwanted = http->hopeless = false;
    http->headers = make_headers(request, &made);
    if (http->generation != atomic_load(&http->identity->generation)) made = make_handle(http) && made;
    return made && set_request(http, request, answer, http->headers);
}

/* The middle of the second that the server says it is. */
static int64_t date_of(CURL *curl)
{
    struct curl_header *header;
    time_t seconds;

    if (curl_easy_header(curl, "Date", 0, CURLH_HEADER, -1, &header) != CURLHE_OK) return 0;
    seconds = curl_getdate(header->value, NULL);
    return seconds <= 0 ? 0 : (int64_t)seconds * 1000 + 500;
}

CURLcode http_conclude(struct http *http, CURLcode code, struct http_answer *answer)
{
    curl_off_t wait = 0;
    long status = 0;

    curl_slist_free_all(http->headers);
    http->headers = NULL;
    if (code == CURLE_OK && curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK &&
        status >= 100) {
        answer->status = (unsigned)status;
        if (curl_easy_getinfo(http->curl, CURLINFO_RETRY_AFTER, &wait) == CURLE_OK && wait > 0 && wait <= RETRY_AFTER_MAX_S)
            answer->retry_after_s = (unsigned)wait;
        answer->date_ms = date_of(http->curl);
        return CURLE_OK;
    }
    explain(http, code);
    http->hopeless = is_hopeless(http, code);
    http_answer_wipe(answer);
    return code == CURLE_OK ? CURLE_GOT_NOTHING : code;
}

static CURLcode perform(struct http *http, const struct http_request *request, struct http_answer *answer)
{
    const bool ready = http_prepare(http, request, answer);

    return http_conclude(http, ready ? curl_easy_perform(http->curl) : CURLE_OUT_OF_MEMORY, answer);
}

bool http_ask_here(struct http *http, const struct http_request *request, struct http_answer *answer)
{
    return perform(http, request, answer) == CURLE_OK;
}

size_t http_server_count(const struct http *http)
{
    return http->url_count;
}

size_t http_server_current(const struct http *http)
{
    return http->current;
}

const char *http_server_url(const struct http *http)
{
    return http->url[http->current];
}

const char *http_server_url_of(const struct http *http, size_t number)
{
    return http->url[number];
}

void http_use_server(struct http *http, size_t number)
{
    http->current = number;
}

bool http_next_server(struct http *http)
{
    http->current = (http->current + 1) % http->url_count;
    return http->current != 0;
}

bool http_ask(struct http *http, const struct http_request *request, struct http_answer *answer)
{
    bool hopeless = true;

    for (size_t tries = 0; tries < http->url_count; tries++) {
        const CURLcode code = perform(http, request, answer);

        if (code == CURLE_OK) return true;
        http->hopeless = hopeless = hopeless && http->hopeless;
        http->current = (http->current + 1) % http->url_count;
        if (request->once && !never_arrived(code)) return false;
    }
    return false;
}

int http_ask_json(struct http *http, const struct http_request *request, unsigned status, json_t **json)
{
    struct http_answer answer CLEANUP(http_answer_wipe) = { 0 };

    if (json != NULL) *json = NULL;
    if (!http_ask(http, request, &answer)) {
        say("no answer from the %s: %s", http_service_name(http), http_trouble(http));
        return CLIENT_UNREACHABLE;
    }
    if (answer.status != status) return problem_say(http, &answer);
    if (json == NULL) return CLIENT_OK;
    *json = http_answer_json(&answer);
    if (*json != NULL) return CLIENT_OK;
    say("the %s sent an answer that can't be read", http_service_name(http));
    return CLIENT_FAILED;
}

int http_send_json(struct http *http, const char *method, const char *path, json_t *body, unsigned status,
                   json_t **json)
{
    char *text = body == NULL ? NULL : json_dumps(body, JSON_COMPACT);
    struct http_request request = { .method = method, .path = path, .body = text, .once = true };
    int code;

    json_decref(body);
    if (json != NULL) *json = NULL;
    if (text == NULL) {
        say("out of memory");
        return CLIENT_FAILED;
    }
    request.body_size = strlen(text);
    code = http_ask_json(http, &request, status, json);
    wiping_free(text);
    return code;
}
