#include "client/alerts/display.h"

#include <arpa/inet.h>

#define CONNECT_MS 1000L
#define TIMEOUT_MS 3000L
#define AGAIN_MS 250
#define ANSWER_MAX 65536u

/* -- addresses ------------------------------------------------------------------------------------------------------- */

static bool is_loopback(const char *host)
{
    struct in_addr four;

    if (strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0) return true; /* libcurl asks nobody what localhost is */
    return inet_pton(AF_INET, host, &four) == 1 && ntohl(four.s_addr) >> 24 == 127;
}

static bool part_is(CURLU *url, CURLUPart part, bool (*fits)(const char *text))
{
    char *text = NULL;
    const bool found = curl_url_get(url, part, &text, 0) == CURLUE_OK;
    const bool good = fits == NULL ? !found : found && fits(text);

    curl_free(text);
    return good;
}

static bool is_http(const char *scheme)
{
    return strcmp(scheme, "http") == 0;
}

bool alert_display_url_fits(const char *text)
{
    CURLU *url = curl_url();
    bool fits = url != NULL && curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK;

    fits = fits && part_is(url, CURLUPART_SCHEME, is_http) && part_is(url, CURLUPART_HOST, is_loopback) && part_is(url, CURLUPART_USER, NULL) &&
           part_is(url, CURLUPART_PASSWORD, NULL) && part_is(url, CURLUPART_FRAGMENT, NULL);
    curl_url_cleanup(url);
    return fits;
}

/* -- the request ----------------------------------------------------------------------------------------------------- */

static size_t give(char *to, size_t one, size_t room, void *context)
{
    struct alert_display *display = context;
    const size_t size = alert_stream_read(&display->stream, display->at, to, one * room);

    display->at += size;
    return size;
}

/* A connection that had been closed meanwhile: from the beginning. */
static int go_back(void *context, curl_off_t to, int origin)
{
    struct alert_display *display = context;

    if (origin != SEEK_SET || to < 0) return CURL_SEEKFUNC_FAIL;
    display->at = (size_t)to;
    return CURL_SEEKFUNC_OK;
}

/* What a display says is counted, and looked at no further. */
static size_t drop_answer(char *data, size_t one, size_t size, void *context)
{
    struct alert_display *display = context;

    (void)data;
    display->answered += one * size;
    return display->answered <= ANSWER_MAX ? one * size : 0;
}

static bool set_headers(struct alert_display *display)
{
    static const char *const lines[] = { "Content-Type: application/json", "Expect:" };

    for (size_t i = 0; i < ARRAY_LENGTH(lines); i++) {
        struct curl_slist *longer = curl_slist_append(display->headers, lines[i]);

        if (longer == NULL) return false;
        display->headers = longer;
    }
    return true;
}

/* To the address itself and nowhere else. */
static bool set_options(struct alert_display *display)
{
    CURL *curl = display->curl;
    bool set = curl_easy_setopt(curl, CURLOPT_URL, display->url) == CURLE_OK;

    set = set && curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http") == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, TIMEOUT_MS) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_USERAGENT, "platesieve-lane") == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop_answer) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_WRITEDATA, display) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_READFUNCTION, give) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_READDATA, display) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, go_back) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_SEEKDATA, display) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_POST, 1L) == CURLE_OK;
    return set && curl_easy_setopt(curl, CURLOPT_HTTPHEADER, display->headers) == CURLE_OK;
}

struct alert_display *alert_display_open(const char *url, CURLM *multi)
{
    struct alert_display *display = calloc(1, sizeof(*display));

    if (display != NULL) {
        display->multi = multi;
        display->url = strdup(url);
        display->curl = curl_easy_init();
        if (display->url != NULL && display->curl != NULL && alert_stream_open(&display->stream) && set_headers(display) && set_options(display))
            return display;
    }
    alert_display_close(display);
    say("can't prepare the way to the display");
    return NULL;
}

void alert_display_close(struct alert_display *display)
{
    if (display == NULL) return;
    if (display->busy) (void)curl_multi_remove_handle(display->multi, display->curl);
    curl_easy_cleanup(display->curl);
    curl_slist_free_all(display->headers);
    alert_stream_close(&display->stream);
    free(display->url);
    free(display);
}

bool alert_display_begin(struct alert_display *display, const struct kept_alert *kept)
{
    alert_stream_set(&display->stream, kept);
    display->raise = kept->raise;
    display->at = display->answered = 0;
    display->busy = curl_easy_setopt(display->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)display->stream.size) == CURLE_OK &&
                    curl_multi_add_handle(display->multi, display->curl) == CURLM_OK;
    if (!display->busy) alert_stream_clear(&display->stream);
    return display->busy;
}

/* -- the answer ------------------------------------------------------------------------------------------------------ */

static const char *why_not(CURL *curl, CURLcode code)
{
    long status = 0;

    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (status >= 200 && status < 300) return NULL; /* however it goes on: it has the alert, and is not to show it twice */
    if (code == CURLE_OPERATION_TIMEDOUT) return "it does not answer";
    if (code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST) return "there is none at its address";
    return code == CURLE_OK || status >= 300 ? "it refuses them" : "it broke off";
}

bool alert_display_over(struct alert_display *display, int64_t monotonic_ms, const char **why)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(display->multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE) continue;
        *why = why_not(display->curl, message->data.result);
        (void)curl_multi_remove_handle(display->multi, display->curl);
        alert_stream_clear(&display->stream);
        display->busy = false;
        display->again_ms = *why == NULL ? 0 : monotonic_ms + AGAIN_MS;
        return true;
    }
    return false;
}
