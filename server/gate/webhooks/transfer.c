#include "server/gate/webhooks/transfer.h"

#include <sodium.h>
#include <stdlib.h>

#include "server/gate/webhooks/seal.h"

#define CONNECT_S 5L

/* What a receiver says is counted, and looked at no further. */
static size_t drop_answer(char *data, size_t one, size_t size, void *context)
{
    struct transfer *transfer = context;

    (void)data;
    transfer->answered += one * size;
    return transfer->answered <= LIMIT_WEBHOOK_ANSWER_BYTES ? one * size : 0;
}

static bool add_header(struct transfer *transfer, const char *text)
{
    struct curl_slist *longer = curl_slist_append(transfer->headers, text);

    if (longer != NULL) transfer->headers = longer;
    return longer != NULL;
}

static bool set_headers(struct transfer *transfer, const char *id, int64_t seconds, const uint8_t *secret)
{
    char signature[WEBHOOK_SIGNATURE_TEXT], line[128];
    bool set = add_header(transfer, "Content-Type: application/json") && add_header(transfer, "Expect:");

    webhook_sign(secret, id, seconds, transfer->body, transfer->body_size, signature);
    (void)snprintf(line, sizeof line, "webhook-id: %s", id);
    set = set && add_header(transfer, line);
    (void)snprintf(line, sizeof line, "webhook-timestamp: %lld", (long long)seconds);
    set = set && add_header(transfer, line);
    (void)snprintf(line, sizeof line, "webhook-signature: %s", signature);
    return set && add_header(transfer, line);
}

/* To the address itself and nowhere else: no redirects, no proxy, no other protocol, no credentials, nothing that is kept. */
static bool set_options(struct transfer *transfer, const char *ca)
{
    CURL *curl = transfer->curl;
    bool set = curl_easy_setopt(curl, CURLOPT_URL, transfer->hook.url) == CURLE_OK;

    set = set && curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK;
    if (*ca != 0) {
        set = set && curl_easy_setopt(curl, CURLOPT_CAINFO, ca) == CURLE_OK;
        set = set && curl_easy_setopt(curl, CURLOPT_CAPATH, NULL) == CURLE_OK;
    }
    set = set && curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L) == CURLE_OK; /* who is there is asked each time */
    set = set && curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_S) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)LIMIT_WEBHOOK_S) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_USERAGENT, "platesieved") == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop_answer) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_PRIVATE, transfer) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_POST, 1L) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)transfer->body_size) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_POSTFIELDS, transfer->body) == CURLE_OK;
    return set && curl_easy_setopt(curl, CURLOPT_HTTPHEADER, transfer->headers) == CURLE_OK;
}

struct transfer *transfer_create(const struct db_webhook *hook, const char *ca, const char *id, int64_t seconds, char *body,
                                 const uint8_t secret[WEBHOOK_SECRET_BYTES])
{
    struct transfer *transfer = calloc(1, sizeof *transfer);

    if (transfer == NULL) {
        free(body);
        return NULL;
    }
    transfer->hook = *hook;
    transfer->body = body;
    transfer->body_size = strlen(body);
    transfer->curl = curl_easy_init();
    if (transfer->curl != NULL && set_headers(transfer, id, seconds, secret) && set_options(transfer, ca)) return transfer;
    transfer_destroy(transfer);
    return NULL;
}

void transfer_destroy(struct transfer *transfer)
{
    curl_easy_cleanup(transfer->curl);
    curl_slist_free_all(transfer->headers);
    sodium_memzero(transfer->body, transfer->body_size);
    free(transfer->body);
    free(transfer);
}

static const char *word_for(const struct transfer *transfer, CURLcode code)
{
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT: return "timeout";
    case CURLE_COULDNT_RESOLVE_HOST: return "no such host";
    case CURLE_COULDNT_CONNECT: return "no connection";
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE: return "certificate";
    case CURLE_SSL_CONNECT_ERROR: return "tls";
    case CURLE_WRITE_ERROR:
        return transfer->answered > LIMIT_WEBHOOK_ANSWER_BYTES ? "answer too large" : "broken off";
    default: return "broken off";
    }
}

void transfer_verdict(const struct transfer *transfer, CURLcode code, char error[WEBHOOK_ERROR_MAX + 1])
{
    long status = 0;

    error[0] = 0;
    (void)curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK)
        (void)snprintf(error, WEBHOOK_ERROR_MAX + 1, "%s", word_for(transfer, code));
    else if (status >= 300 && status < 400)
        (void)snprintf(error, WEBHOOK_ERROR_MAX + 1, "redirect %ld", status);
    else if (status < 200 || status >= 300)
        (void)snprintf(error, WEBHOOK_ERROR_MAX + 1, "status %ld", status);
}
