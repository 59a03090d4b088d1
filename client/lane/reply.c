/* Answers of the lane's own listener. */
#include "client/lane/listener.h"

#include "client/http/wiping.h"

#define PROBLEMS "https://platesieve.example/problems/"

struct problem_row {
    const char *name;
    unsigned status;
    const char *title, *detail;
};

static const struct problem_row rows[LANE_PROBLEMS] = {
    [LANE_PROBLEM_JSON] = { "bad-json", 400, "Not JSON", "The body must be one JSON object." },
    [LANE_PROBLEM_FIELD] = { "bad-field", 400, "A member does not fit", "A member or a parameter is missing, unknown, of the wrong type or out of its range." },
    [LANE_PROBLEM_MALFORMED] = { "malformed", 400, "A message that can't be read",
                                 "It is cut off, or not what its content type says; `platesieve lane try` shows what a lane would understand of one." },
    [LANE_PROBLEM_LENGTH] = { "bad-length", 400, "Bad length", "Send one Content-Length, or chunks and none, and a body only where one belongs." },
    [LANE_PROBLEM_STRANGER] = { "forbidden", 403, "Not for others", "This listener is for this machine, and for no page but its own." },
    [LANE_PROBLEM_NOT_FOUND] = { "not-found", 404, "Not found", "There is no such thing here; engines post to /engines/NAME." },
    [LANE_PROBLEM_METHOD] = { "method", 405, "Method not allowed", "This thing can't be asked in this way." },
    [LANE_PROBLEM_NO_LENGTH] = { "no-length", 411, "Length required", "Send a Content-Length." },
    [LANE_PROBLEM_TOO_LARGE] = { "body-too-large", 413, "Too large", "[memory] message_bytes says how large a message may be." },
    [LANE_PROBLEM_URL] = { "url-too-long", 414, "URL too long", "Shorten it." },
    [LANE_PROBLEM_TYPE] = { "media-type", 415, "Unsupported media type", "This engine is not known to send this content type." },
    [LANE_PROBLEM_BUSY] = { "busy", 503, "Busy", "All memory for messages is in use; try again at once." },
    [LANE_PROBLEM_ENDING] = { "ending", 503, "Ending", "This lane is being stopped." },
};

static struct lane_reply make(unsigned status, const char *type, struct MHD_Response *response)
{
    if (response != NULL) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
        MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
        MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
        MHD_add_response_header(response, "Cross-Origin-Resource-Policy", "same-origin");
        MHD_add_response_header(response, "Cross-Origin-Opener-Policy", "same-origin");
        MHD_add_response_header(response, "X-Frame-Options", "DENY");
    }
    return (struct lane_reply) { status, response };
}

struct lane_reply lane_reply_problem(enum lane_problem problem)
{
    const struct problem_row *row = &rows[problem];
    char text[512];
    const int size = snprintf(text, sizeof(text), "{\"type\": \"" PROBLEMS "%s\", \"title\": \"%s\", \"status\": %u, \"detail\": \"%s\"}\n", row->name,
                              row->title, row->status, row->detail);
    struct lane_reply reply = lane_reply_copy(row->status, "application/problem+json", text, (size_t)size);

    if (reply.response != NULL && row->status == 503) MHD_add_response_header(reply.response, MHD_HTTP_HEADER_RETRY_AFTER, "1");
    return reply;
}

struct lane_reply lane_reply_json(unsigned status, json_t *json)
{
    char *text = json == NULL ? NULL : json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(9));

    json_decref(json);
    if (text == NULL) return (struct lane_reply) { 500, NULL };
    return lane_reply_text(status, "application/json", text, strlen(text));
}

struct lane_reply lane_reply_held(unsigned status, const char *type, const void *bytes, size_t size, void (*release)(void *holder), void *holder)
{
    struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback_cls(size, (void *)(uintptr_t)bytes, release, holder);

    if (response == NULL) release(holder);
    return make(status, type, response);
}

struct lane_reply lane_reply_text(unsigned status, const char *type, char *text, size_t size)
{
    if (text == NULL) return (struct lane_reply) { 500, NULL };
    return lane_reply_held(status, type, text, size, wiping_free, text);
}

struct lane_reply lane_reply_secret(unsigned status, const char *type, char *text, size_t size)
{
    if (text == NULL) return (struct lane_reply) { 503, NULL };
    return lane_reply_held(status, type, text, size, platesieve_secret_free, text);
}

struct lane_reply lane_reply_copy(unsigned status, const char *type, const void *bytes, size_t size)
{
    return make(status, type, MHD_create_response_from_buffer(size, (void *)(uintptr_t)bytes, MHD_RESPMEM_MUST_COPY));
}

struct lane_reply lane_reply_static(unsigned status, const char *type, const void *bytes, size_t size)
{
    return make(status, type, MHD_create_response_from_buffer(size, (void *)(uintptr_t)bytes, MHD_RESPMEM_PERSISTENT));
}
