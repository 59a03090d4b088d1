#include "client/http/stream.h"

#include "client/http/internal.h"

struct transfer {
    struct http *http;
    const struct http_stream *stream;
    struct http_answer *answer;
    bool begun;
};

static size_t take(char *data, size_t one, size_t size, void *context)
{
    struct transfer *transfer = context;
    long status = 0;

    (void)one;
    (void)curl_easy_getinfo(transfer->http->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200) return http_answer_take(data, 1, size, transfer->answer);
    transfer->begun = true;
    return transfer->stream->take(transfer->stream->context, data, size) ? size : 0;
}

static int look(void *context, curl_off_t total, curl_off_t now, curl_off_t out_total, curl_off_t out)
{
    const struct transfer *transfer = context;

    (void)total, (void)now, (void)out_total, (void)out;
    return transfer->stream->go_on(transfer->stream->context) ? 0 : 1;
}

static bool set_options(struct transfer *transfer)
{
    CURL *curl = transfer->http->curl;
    struct curl_slist *longer = curl_slist_append(transfer->http->headers, "Accept: text/event-stream");
    bool set = longer != NULL;

    if (set && transfer->stream->header != NULL) set = curl_slist_append(longer, transfer->stream->header) != NULL;
    set = set && curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, look) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_XFERINFODATA, transfer) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 0L) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L) == CURLE_OK;
    return set && curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)transfer->stream->silence_s) == CURLE_OK;
}

/* The handle is used for other questions, too. */
static void clear_options(CURL *curl)
{
    (void)curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 0L);
    (void)curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, 0L);
}

bool http_stream(struct http *http, const struct http_request *request, const struct http_stream *stream, struct http_answer *answer)
{
    struct transfer transfer = { .http = http, .stream = stream, .answer = answer };
    const bool ready = http_prepare(http, request, answer) && set_options(&transfer);
    const CURLcode code = http_conclude(http, ready ? curl_easy_perform(http->curl) : CURLE_OUT_OF_MEMORY, answer);

    clear_options(http->curl);
    if (code != CURLE_OK && transfer.begun) answer->status = 200;
    return code == CURLE_OK;
}
