/* GET /v1/hits/stream: an agency's hits as server-sent events (WHATWG HTML, "Server-sent events"), from a cursor on and as they come. */
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>

#include "server/gate/endpoints/hit_json.h"
#include "server/gate/endpoints/hit_query.h"
#include "server/gate/gate.h"
#include "server/gate/routes.h"

#define RETRY_MS 1000 /* a client waits so long, and up to twice as long, before it connects again: not all at once */
#define HEAD_MAX 96

char *hit_frame(const struct db_hit *hit, size_t *size)
{
    char head[HEAD_MAX], *frame = NULL;
    json_t *json = hit_json(hit);
    char *text = json == NULL ? NULL : json_dumps(json, HIT_JSON_FLAGS); /* one line */
    int begun = snprintf(head, sizeof head, "event: hit\nid: %" PRIu64 "\ndata: ", hit->cursor);

    json_decref(json);
    if (text != NULL) {
        *size = (size_t)begun + strlen(text) + 2;
        frame = malloc(*size + 1);
        if (frame != NULL) (void)snprintf(frame, *size + 1, "%s%s\n\n", head, text);
    }
    free(text);
    return frame;
}

/* What a browser sends when it connects again counts more than the URL, which it can't change. */
static struct result parse_cursor(const struct request *request, uint64_t *after, bool *given)
{
    const char *last = request_header(request, "Last-Event-ID");

    *given = last != NULL || request_query(request, "after") != NULL;
    TRY(request_query_number(request, "after", 0, INT64_MAX, 0, after));
    return last == NULL ? OK : number_parse(last, 0, INT64_MAX, after);
}

static struct result parse(const struct request *request, struct db_hit_filter *filter, uint64_t *after, bool *given)
{
    static const char *const arguments[] = { "after", HIT_FILTERS, NULL };

    TRY(request_query_only(request, arguments));
    TRY(parse_cursor(request, after, given));
    TRY(hit_filter_parse(request, filter));
    return hit_purpose_check(request);
}

/* The first words carry the cursor: who loses the connection at once knows where to go on. */
static bool greet(struct stream *stream, uint64_t after)
{
    char text[HEAD_MAX];
    int size = snprintf(text, sizeof text, "retry: %u\nid: %" PRIu64 "\n: following\n\n", RETRY_MS + randombytes_uniform(RETRY_MS), after);

    return stream_write(stream, text, (size_t)size);
}

struct reply get_hit_stream(void *app, struct request *request)
{
    struct gate *gate = app;
    const char *agency = request->peer->first;
    struct db_hit_filter filter;
    uint64_t after = 0, head = 0;
    struct stream *stream;
    bool given;

    TRY_REPLY(parse(request, &filter, &after, &given));
    TRY_REPLY(db_feed_head(gate->agency_db, agency, &head));
    if (given && after > head) return reply_problem(REASON_CURSOR);
    if (!given) after = head;
    struct reply reply = reply_stream(request, feed_room, gate->feed, &stream);
    if (stream == NULL) return reply;
    if (greet(stream, after) && !failed(feed_follow(gate->feed, agency, &filter, after, head, stream))) return reply;
    stream_release(stream);
    reply_drop(reply);
    return reply_problem(REASON_BUSY);
}
