/* Streams that want what is not in the ring any more: each gets a page in its turn. */
#include <stdlib.h>

#include "server/gate/feed/internal.h"

#define AGAIN_MS 500 /* after the database did not answer */

struct page_of_frames {
    feed_frame_fn frame;
    size_t count;
    bool broken; /* no memory */
    struct {
        char *text;
        size_t size;
        uint64_t cursor;
    } each[FEED_PAGE];
};

static void take(void *context, const struct db_hit *hit)
{
    struct page_of_frames *page = context;
    size_t size = 0;
    char *text = page->broken ? NULL : page->frame(hit, &size);

    page->broken = text == NULL;
    if (page->broken) return;
    page->each[page->count].text = text;
    page->each[page->count].size = size;
    page->each[page->count++].cursor = hit->cursor;
}

/* Those that wait longest first: a stream that got its page goes to the end of the list. */
static struct follower *pick(struct feed *feed)
{
    struct follower **end = &feed->followers, **place = NULL;

    for (; *end != NULL; end = &(*end)->next)
        if (place == NULL && (*end)->behind && !(*end)->blocked && !stream_over((*end)->stream)) place = end;
    if (place == NULL) return NULL;
    struct follower *follower = *place;
    if (follower->next == NULL) return follower;
    *place = follower->next;
    follower->next = NULL;
    *end = follower;
    return follower;
}

/* Under the lock. */
static void hand_over(struct follower *follower, const struct page_of_frames *frames, const struct db_page *page)
{
    for (size_t i = 0; i < frames->count; i++) {
        follower->blocked = !stream_write(follower->stream, frames->each[i].text, frames->each[i].size);
        if (follower->blocked) return;
        follower->position = follower->told = frames->each[i].cursor;
        follower->said_ms = feed_now_ms();
    }
    if (!frames->broken && follower->position < page->cursor) follower->position = page->cursor;
    follower->behind = follower->position < follower->flow->low;
}

/* One page for one stream.  Under the lock, which is not held while the database is asked. */
static struct result serve(struct feed *feed, struct follower *follower)
{
    struct page_of_frames frames = { .frame = feed->settings.frame };
    struct db_page page = { .after = follower->position, .limit = FEED_PAGE };

    follower->busy = true;
    pthread_mutex_unlock(&feed->lock);
    struct result result = db_hits_after(feed->settings.agency_db, follower->flow->agency, &follower->filter, &page, take, &frames);
    pthread_mutex_lock(&feed->lock);
    follower->busy = false;
    if (!failed(result)) hand_over(follower, &frames, &page);
    if (result.reason == REASON_CURSOR) stream_end(follower->stream, reason_row(REASON_CURSOR)->name);
    for (size_t i = 0; i < frames.count; i++) free(frames.each[i].text);
    return frames.broken ? FAIL(REASON_BUSY) : result;
}

void *feed_late(void *context)
{
    struct feed *feed = context;

    pthread_mutex_lock(&feed->lock);
    while (!feed->ending) {
        struct follower *follower = pick(feed);
        bool again = follower != NULL && failed(serve(feed, follower));

        if (follower != NULL && !follower->behind) {
            feed->roomed = true; /* the rest is the live thread's */
            pthread_cond_signal(&feed->stir_live);
        }
        if (again || follower == NULL) feed_wait(feed, &feed->stir_late, feed_now_ms() + AGAIN_MS);
    }
    pthread_mutex_unlock(&feed->lock);
    return NULL;
}
