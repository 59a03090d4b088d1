#include "client/alerts/display.h"

#include <arpa/inet.h>

#define CONNECT_MS 1000L
#define ANSWER_MS 3000   /* then it hangs */
#define PROBE_MS 2000L   /* that an answer to a question may take */
#define GRACE_MS 1000    /* for what is under way, once it answers elsewhere */
#define PAUSE_MS 250     /* after a failure, */
#define PAUSE_MS_MAX 2000 /* twice as long after each in a row */
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

static size_t drop_all(char *data, size_t one, size_t size, void *context)
{
    (void)data;
    (void)context;
    return one * size;
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
static bool set_address(CURL *curl, const char *url)
{
    bool set = curl_easy_setopt(curl, CURLOPT_URL, url) == CURLE_OK;

    set = set && curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http") == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS) == CURLE_OK;
    return set && curl_easy_setopt(curl, CURLOPT_USERAGENT, "platesieve-lane") == CURLE_OK;
}

static bool set_post(struct alert_display *display)
{
    CURL *curl = display->post;
    bool set = set_address(curl, display->url);

    set = set && curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop_answer) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_WRITEDATA, display) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_READFUNCTION, give) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_READDATA, display) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, go_back) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_SEEKDATA, display) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_POST, 1L) == CURLE_OK;
    return set && curl_easy_setopt(curl, CURLOPT_HTTPHEADER, display->headers) == CURLE_OK;
}

/* On a connection of its own, which ends with it. */
static bool set_probe(struct alert_display *display)
{
    CURL *curl = display->probe;
    bool set = set_address(curl, display->url);

    set = set && curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop_all) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_NOBODY, 1L) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, PROBE_MS) == CURLE_OK;
    set = set && curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L) == CURLE_OK;
    return set && curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L) == CURLE_OK;
}

static bool prepare(struct alert_display *display, const char *url)
{
    display->url = strdup(url);
    display->post = curl_easy_init();
    display->probe = curl_easy_init();
    return display->url != NULL && display->post != NULL && display->probe != NULL && alert_stream_open(&display->stream) && set_headers(display) &&
           set_post(display) && set_probe(display);
}

struct alert_display *alert_display_open(const char *url, CURLM *multi)
{
    struct alert_display *display = calloc(1, sizeof(*display));

    if (display != NULL) display->multi = multi;
    if (display != NULL && prepare(display, url)) return display;
    alert_display_close(display);
    say("can't prepare the way to the display");
    return NULL;
}

static void end_probe(struct alert_display *display)
{
    (void)curl_multi_remove_handle(display->multi, display->probe);
    display->probing = false;
}

static void end_post(struct alert_display *display)
{
    (void)curl_multi_remove_handle(display->multi, display->post); /* closes the connection of one that is under way */
    alert_stream_clear(&display->stream);
    display->busy = display->hangs = false;
    display->give_up_ms = 0;
}

void alert_display_close(struct alert_display *display)
{
    if (display == NULL) return;
    if (display->busy) end_post(display);
    if (display->probing) end_probe(display);
    curl_easy_cleanup(display->post);
    curl_easy_cleanup(display->probe);
    curl_slist_free_all(display->headers);
    alert_stream_close(&display->stream);
    free(display->url);
    free(display);
}

/* -- going on -------------------------------------------------------------------------------------------------------- */

bool alert_display_free(const struct alert_display *display, int64_t monotonic_ms)
{
    return !display->busy && !display->doubtful && monotonic_ms >= display->again_ms;
}

bool alert_display_begin(struct alert_display *display, const struct kept_alert *kept, int64_t monotonic_ms)
{
    alert_stream_set(&display->stream, kept);
    display->raise = kept->raise;
    display->at = display->answered = 0;
    display->begun_ms = monotonic_ms;
    display->busy = curl_easy_setopt(display->post, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)display->stream.size) == CURLE_OK &&
                    curl_multi_add_handle(display->multi, display->post) == CURLM_OK;
    if (!display->busy) alert_stream_clear(&display->stream);
    return display->busy;
}

void alert_display_give_up(struct alert_display *display)
{
    if (display->busy) end_post(display);
}

static void pause_from(struct alert_display *display, int64_t monotonic_ms)
{
    display->pause_ms = display->pause_ms == 0 ? PAUSE_MS : display->pause_ms * 2;
    if (display->pause_ms > PAUSE_MS_MAX) display->pause_ms = PAUSE_MS_MAX;
    display->again_ms = monotonic_ms + display->pause_ms;
}

/* NULL: it took the alert.  *ANSWERED: it said something. */
static const char *why_not(CURL *curl, CURLcode code, bool *answered)
{
    long status = 0;

    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    *answered = status != 0;
    if (status >= 200 && status < 300) return NULL; /* however it goes on: it has the alert, and is not to show it twice */
    if (code == CURLE_OPERATION_TIMEDOUT) return "it does not answer";
    if (code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST) return "there is none at its address";
    return code == CURLE_OK || status >= 300 ? "it refuses them" : "it broke off";
}

static enum alert_display_news on_answer(struct alert_display *display, CURLcode code, int64_t monotonic_ms, const char **why)
{
    bool answered;

    *why = why_not(display->post, code, &answered);
    end_post(display);
    display->doubtful = !answered;
    if (*why == NULL) display->pause_ms = display->again_ms = 0;
    else pause_from(display, monotonic_ms);
    return *why == NULL ? ALERT_DISPLAY_TOOK : ALERT_DISPLAY_FAILED;
}

/* Whatever it says to a question that it may not know, somebody is there. */
static enum alert_display_news on_probe(struct alert_display *display, CURLcode code, int64_t monotonic_ms)
{
    end_probe(display);
    if (!display->doubtful) return ALERT_DISPLAY_NO_NEWS; /* it showed meanwhile that it is */
    if (code == CURLE_OPERATION_TIMEDOUT || code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST) {
        pause_from(display, monotonic_ms);
        return ALERT_DISPLAY_NO_NEWS;
    }
    display->doubtful = false;
    display->again_ms = 0;
    if (display->busy) display->give_up_ms = monotonic_ms + GRACE_MS;
    return ALERT_DISPLAY_IS_THERE;
}

static enum alert_display_news read_messages(struct alert_display *display, int64_t monotonic_ms, const char **why)
{
    enum alert_display_news news = ALERT_DISPLAY_NO_NEWS;
    CURLMsg *message;
    int left;

    while (news == ALERT_DISPLAY_NO_NEWS && (message = curl_multi_info_read(display->multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE) continue;
        if (message->easy_handle == display->post) news = on_answer(display, message->data.result, monotonic_ms, why);
        else news = on_probe(display, message->data.result, monotonic_ms);
    }
    return news;
}

static enum alert_display_news look_at_time(struct alert_display *display, int64_t monotonic_ms, const char **why)
{
    *why = "it does not answer";
    if (display->busy && !display->hangs && monotonic_ms - display->begun_ms >= ANSWER_MS) {
        display->hangs = display->doubtful = true;
        pause_from(display, monotonic_ms);
        return ALERT_DISPLAY_HANGS;
    }
    if (display->busy && display->give_up_ms != 0 && monotonic_ms >= display->give_up_ms) {
        end_post(display);
        pause_from(display, monotonic_ms);
        return ALERT_DISPLAY_FAILED;
    }
    if (display->doubtful && !display->probing && monotonic_ms >= display->again_ms)
        display->probing = curl_multi_add_handle(display->multi, display->probe) == CURLM_OK;
    return ALERT_DISPLAY_NO_NEWS;
}

enum alert_display_news alert_display_go_on(struct alert_display *display, int64_t monotonic_ms, const char **why)
{
    enum alert_display_news news;
    int running;

    (void)curl_multi_perform(display->multi, &running);
    news = read_messages(display, monotonic_ms, why);
    return news != ALERT_DISPLAY_NO_NEWS ? news : look_at_time(display, monotonic_ms, why);
}

int64_t alert_display_next_ms(const struct alert_display *display, int64_t monotonic_ms)
{
    const int64_t moments[] = { display->busy && !display->hangs ? display->begun_ms + ANSWER_MS : 0, display->give_up_ms,
                                display->probing ? 0 : display->again_ms };
    int64_t next_ms = INT64_MAX;

    for (size_t i = 0; i < ARRAY_LENGTH(moments); i++)
        if (moments[i] > monotonic_ms && moments[i] < next_ms) next_ms = moments[i];
    return next_ms;
}
