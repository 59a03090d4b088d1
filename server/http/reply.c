#include "server/http/internal.h"
#include "server/http/rights.h"

#define REAL_DIGITS 6 /* confidences and seconds: a float holds no more, and 0.97 stays 0.97 */

struct reply reply_text(unsigned status, const char *content_type, char *text, size_t size)
{
    if (text == NULL) return reply_problem(REASON_INTERNAL);
    /* libmicrohttpd gives TEXT back with free(), which wipes (zeroing_free.c) */
    struct MHD_Response *response = MHD_create_response_from_buffer(size, text, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        free(text);
        return reply_problem(REASON_INTERNAL);
    }
    if (MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type) != MHD_YES) {
        MHD_destroy_response(response);
        return reply_problem(REASON_INTERNAL);
    }
    return (struct reply){ .response = response, .status = status, .size = size };
}

struct reply reply_json(unsigned status, json_t *json)
{
    char *text = json == NULL ? NULL : json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(REAL_DIGITS));
    json_decref(json);
    return reply_text(status, "application/json", text, text == NULL ? 0 : strlen(text));
}

struct reply reply_empty(unsigned status)
{
    static char nothing[1];
    struct MHD_Response *response = MHD_create_response_from_buffer(0, nothing, MHD_RESPMEM_PERSISTENT);
    if (response == NULL) return reply_problem(REASON_INTERNAL);
    return (struct reply){ .response = response, .status = status };
}

struct reply reply_problem(enum reason reason)
{
    return (struct reply){ .status = reason_row(reason)->status, .reason = reason };
}

struct reply reply_retry_after(struct reply reply, unsigned seconds)
{
    char text[12];
    snprintf(text, sizeof text, "%u", seconds);
    if (reply.response != NULL) MHD_add_response_header(reply.response, MHD_HTTP_HEADER_RETRY_AFTER, text);
    return reply;
}

struct reply reply_later(void)
{
    return (struct reply){ .later = true };
}

void reply_drop(struct reply reply)
{
    if (reply.response != NULL) MHD_destroy_response(reply.response);
    if (reply.stream != NULL) stream_leave(reply.stream);
}

/* -- problems (RFC 9457) ----------------------------------------------------------------------- */

#define PROBLEM_BYTES 512

/* *SIZE is that of the body. */
static struct MHD_Response *make_problem(enum reason reason, unsigned retry_after_s, const char *more, size_t *size)
{
    const struct reason_row *row = reason_row(reason);
    char text[PROBLEM_BYTES], seconds[12];
    *size = (size_t)snprintf(
        text, sizeof text,
        "{\"type\":\"https://platesieve.example/problems/%s\",\"title\":\"%s\",\"status\":%u,\"detail\":\"%s\"%s%s}",
        row->name, row->title, row->status, row->advice, *more == 0 ? "" : ",", more);
    if (*size >= sizeof text) return NULL;
    struct MHD_Response *response = MHD_create_response_from_buffer(*size, text, MHD_RESPMEM_MUST_COPY);
    if (response == NULL) return NULL;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/problem+json");
    if (retry_after_s > 0) {
        snprintf(seconds, sizeof seconds, "%u", retry_after_s);
        MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
    }
    return response;
}

struct reply reply_problem_more(enum reason reason, unsigned retry_after_s, const char *more)
{
    size_t size;
    struct MHD_Response *response = make_problem(reason, retry_after_s, more, &size);
    if (response == NULL) return reply_problem(reason);
    return (struct reply){ .response = response, .status = reason_row(reason)->status, .size = size };
}

struct MHD_Response *problem_response(enum reason reason, bool close)
{
    size_t size;
    struct MHD_Response *response = make_problem(reason, reason_row(reason)->retry_after_s, "", &size);
    if (response == NULL) return NULL;
    if (close || reason_ends(reason)) MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    return response;
}

struct MHD_Response *problem_method(const char *allow, bool close)
{
    struct MHD_Response *response = problem_response(REASON_METHOD, close);
    if (response != NULL) MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, allow);
    return response;
}

struct MHD_Response *problem_right(unsigned rights, bool close)
{
    size_t size;
    char more[64];
    json_t *words = rights_json(rights);
    char *text = json_dumps(words, JSON_COMPACT);
    snprintf(more, sizeof more, "\"rights\":%s", text == NULL ? "[]" : text);
    free(text);
    json_decref(words);
    struct MHD_Response *response = make_problem(REASON_RIGHT, 0, more, &size);
    if (response != NULL && close) MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    return response;
}
