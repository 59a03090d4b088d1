/* See client.h. */
#include "server/gate/keys/client.h"

#include <curl/curl.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "server/http/http.h"

#define TIMEOUT_MS 2000L

struct keys_client {
    CURL *curl;
    char *urls;           /* cut into pieces */
    const char *url[KEYS_SERVERS_MAX];
    size_t url_count;
    char trust_domain[LIMIT_TRUST_DOMAIN_MAX + 1];
    bool stranger;        /* the last server was no node of our trust domain */
    const char *trouble;
    const atomic_bool *ending;
    size_t size;
    char body[KEYS_ANSWER_BYTES];
};

const char *keys_client_trouble(const struct keys_client *client)
{
    return client->trouble;
}

/* -- the server's certificate -------------------------------------------------------------------------------------- */

/* Exactly one URI name, and that of a node. */
static bool is_our_node(const struct keys_client *client, X509 *certificate)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    unsigned uris = 0, nodes = 0;

    for (int i = 0; names != NULL && i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        struct peer peer;

        if (name->type != GEN_URI) continue;
        uris++;
        const ASN1_STRING *uri = name->d.uniformResourceIdentifier;
        if (!failed(peer_parse(client->trust_domain, (const char *)ASN1_STRING_get0_data(uri),
                               (size_t)ASN1_STRING_length(uri), &peer)) &&
            peer.role == ROLE_NODE)
            nodes++;
    }
    GENERAL_NAMES_free(names);
    return uris == 1 && nodes == 1;
}

/* In place of OpenSSL's own check of the chain: that check, and then the role.  libcurl checks the host afterwards. */
static int verify(X509_STORE_CTX *store, void *context)
{
    struct keys_client *client = context;

    if (X509_verify_cert(store) != 1) return 0;
    if (is_our_node(client, X509_STORE_CTX_get0_cert(store))) return 1;
    client->stranger = true;
    X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
    return 0;
}

static CURLcode prepare_tls(CURL *curl, void *tls, void *context)
{
    (void)curl;
    SSL_CTX_set_cert_verify_callback(tls, verify, context);
    return CURLE_OK;
}

/* -- opening ------------------------------------------------------------------------------------------------------- */

static struct result split_urls(struct keys_client *client, const char *urls)
{
    char *rest = client->urls = strdup(urls);
    const char *url;

    if (rest == NULL) return FAIL(REASON_INTERNAL);
    while ((url = strsep(&rest, ", ")) != NULL) {
        size_t length = strlen(url);

        if (length == 0) continue;
        if (strncmp(url, "https://", 8) != 0 || client->url_count == KEYS_SERVERS_MAX || length > LIMIT_URL_BYTES - 16 ||
            strpbrk(url, "\"\\") != NULL) /* it becomes a label of a metric */
            return FAIL(REASON_SETTINGS);
        client->url[client->url_count++] = url;
    }
    return client->url_count > 0 ? OK : FAIL(REASON_SETTINGS);
}

static size_t take_body(char *data, size_t one, size_t size, void *context)
{
    struct keys_client *client = context;

    (void)one;
    if (size > sizeof(client->body) - client->size) return 0; /* libcurl gives up */
    memcpy(client->body + client->size, data, size);
    client->size += size;
    return size;
}

static int watch(void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
    const struct keys_client *client = context;

    (void)down_total, (void)down, (void)up_total, (void)up;
    return client->ending != NULL && atomic_load(client->ending);
}

static bool set_identity(CURL *curl, const struct keys_client_settings *settings)
{
    bool set = curl_easy_setopt(curl, CURLOPT_CAINFO, settings->ca) == CURLE_OK;

    set = set && curl_easy_setopt(curl, CURLOPT_CAPATH, NULL) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_SSLCERT, settings->certificate) == CURLE_OK;
    return set && curl_easy_setopt(curl, CURLOPT_SSLKEY, settings->key) == CURLE_OK;
}

static bool set_options(struct keys_client *client)
{
    CURL *curl = client->curl;
    bool set = curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK;

    set = set && curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_3) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK;
    /* A resumed session would not be verified. */
    set = set && curl_easy_setopt(curl, CURLOPT_SSL_SESSIONID_CACHE, 0L) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_SSL_CTX_FUNCTION, prepare_tls) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_SSL_CTX_DATA, client) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, TIMEOUT_MS) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_WRITEDATA, client) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, watch) == CURLE_OK;
    return set && curl_easy_setopt(curl, CURLOPT_XFERINFODATA, client) == CURLE_OK;
}

struct result keys_client_open(const struct keys_client_settings *settings, struct keys_client **out)
{
    struct keys_client *client = calloc(1, sizeof(*client));

    *out = NULL;
    if (client == NULL) return FAIL(REASON_INTERNAL);
    struct result result = split_urls(client, settings->urls);
    if (!failed(result) && snprintf(client->trust_domain, sizeof(client->trust_domain), "%s", settings->trust_domain) >=
                               (int)sizeof(client->trust_domain))
        result = FAIL(REASON_SETTINGS);
    if (!failed(result)) {
        if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK) client->curl = curl_easy_init();
        if (client->curl == NULL || !set_options(client) || !set_identity(client->curl, settings))
            result = FAIL(REASON_INTERNAL);
    }
    if (failed(result)) keys_client_close(client);
    else *out = client;
    return result;
}

void keys_client_close(struct keys_client *client)
{
    if (client == NULL) return;
    if (client->curl != NULL) curl_easy_cleanup(client->curl);
    free(client->urls);
    free(client);
}

/* -- asking -------------------------------------------------------------------------------------------------------- */

static struct result fail_with(struct keys_client *client, enum reason reason, const char *trouble)
{
    client->trouble = trouble;
    return FAIL(reason);
}

static struct result ask(struct keys_client *client, size_t server, struct keys_answer *answer)
{
    char url[LIMIT_URL_BYTES];
    const char *base = client->url[server];
    size_t length = strlen(base);
    long status = 0;

    while (length > 8 && base[length - 1] == '/') length--;
    (void)snprintf(url, sizeof(url), "%.*s/v1/epochs", (int)length, base);
    client->size = 0;
    client->stranger = false;
    if (curl_easy_setopt(client->curl, CURLOPT_URL, url) != CURLE_OK)
        return fail_with(client, REASON_INTERNAL, "out of memory");
    CURLcode code = curl_easy_perform(client->curl);
    if (client->stranger) return fail_with(client, REASON_TIMEOUT, "who answers is no node of our trust domain");
    if (code != CURLE_OK)
        return fail_with(client, REASON_TIMEOUT, curl_easy_strerror(code)); /* static, and quotes nothing */
    (void)curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200) return fail_with(client, REASON_TIMEOUT, "it answers with an error");
    struct result result = keys_answer_parse(client->body, client->size, answer);
    return failed(result) ? fail_with(client, result.reason, "it answers what it should not") : OK;
}

size_t keys_client_count(const struct keys_client *client)
{
    return client->url_count;
}

const char *keys_client_url(const struct keys_client *client, size_t server)
{
    return client->url[server];
}

struct result keys_client_epochs(struct keys_client *client, size_t server, const atomic_bool *ending,
                                 struct keys_answer *answer)
{
    client->ending = ending;
    return ask(client, server, answer);
}
