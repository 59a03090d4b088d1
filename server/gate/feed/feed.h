/* The hits of the agencies on their way to open streams.  One thread follows the database for all streams of this gate: it looks whether
   cursors have moved (five times a second, and at once when this gate has stored hits), reads what is new of each agency that is followed, once,
   and hands it on.  Another one reads for streams that begin at an older cursor or have fallen behind, page by page, so that they hold nobody
   else up.  A stream keeps its place as a cursor, and nothing else of it grows: not when its client is slow, nor when the database is away. */
#ifndef SERVER_GATE_FEED_FEED_H
#define SERVER_GATE_FEED_FEED_H

#include "server/gate/db/db.h"
#include "server/http/http.h"

struct feed;

/* A hit as it goes out on streams, malloc'ed; NULL without memory. */
typedef char *(*feed_frame_fn)(const struct db_hit *hit, size_t *size);

struct feed_settings {
    struct db *gate_db;   /* role platesieve_gate: how far the feeds are */
    struct db *agency_db; /* role platesieve_agency, one connection for each of the two threads */
    feed_frame_fn frame;
};

struct result feed_start(const struct feed_settings *settings, struct feed **feed);
/* After the server has stopped: nobody follows any more.  NULL is fine. */
void feed_stop(struct feed *feed);
/* Something was stored: look now.  From any thread; never blocks for long. */
void feed_hint(struct feed *feed);
/* A stream_room_fn; the context is the feed. */
void feed_room(void *feed);
/* STREAM (taken over) gets what AGENCY's feed has after the cursor AFTER and FILTER lets through.  HEAD is the feed's newest cursor, read just
   now, not before AFTER.  REASON_BUSY without memory. */
struct result feed_follow(struct feed *feed, const char *agency, const struct db_hit_filter *filter, uint64_t after, uint64_t head,
                          struct stream *stream);

#endif
