/* Between the files of the feed. */
#ifndef SERVER_GATE_FEED_INTERNAL_H
#define SERVER_GATE_FEED_INTERNAL_H

#include <pthread.h>

#include "server/gate/feed/feed.h"

#define FEED_POLL_MS 200  /* other gates' hits are found by it */
#define FEED_PAUSE_MS 100 /* between two looks when hits come all the time: how late one may be, against how often we ask */
#define FEED_KEPT_MS 5000 /* what is older is read from the database again: a misread may have been erased there */
#define FEED_PAGE 100     /* hits of one question for a stream that is behind: about what fits into its buffer */

/* A hit that passes, for all streams of its agency. */
struct kept {
    struct db_hit hit;
    char *frame;
    size_t size;
    int64_t since_ms; /* monotonic */
};

/* One agency's hits; as long as it has streams.  All its hits after `low` and up to `high` are in the ring.  Written by the live thread. */
struct flow {
    struct flow *next;
    char agency[LIMIT_NAME_MAX + 1];
    unsigned followers;
    uint64_t low, high, head; /* head: as it was told last */
    size_t first, count;
    struct kept kept[LIMIT_FEED_KEPT];
};

/* One stream.  The live thread writes to it, or while it is `behind` the other one. */
struct follower {
    struct follower *next;
    struct flow *flow;
    struct stream *stream;
    struct db_hit_filter filter;
    uint64_t position; /* up to there all was written, or does not match */
    uint64_t told;     /* the last id that was written */
    int64_t said_ms;   /* monotonic: when something was */
    bool behind;       /* what it wants next is not in the ring */
    bool blocked;      /* there was no room for it */
    bool busy;         /* the other thread reads for it, without the lock: it must stay */
};

struct feed {
    struct feed_settings settings;
    pthread_t live, late;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t stir_live, stir_late;
    struct flow *flows;
    struct follower *followers;
    bool hinted, roomed, ending, away;
};

int64_t feed_now_ms(void);
/* Waits on CONDITION, at most until the monotonic time UNTIL_MS.  Under the lock. */
void feed_wait(struct feed *feed, pthread_cond_t *condition, int64_t until_ms);
bool feed_matches(const struct db_hit_filter *filter, const struct db_hit *hit);
/* Hands FOLLOWER what the ring has for it.  Under the lock. */
void follower_pump(struct follower *follower, int64_t now_ms);
/* A comment when nothing was said for a while, with the cursor when that has moved.  Under the lock. */
void follower_beat(struct follower *follower, bool away, int64_t now_ms);
void *feed_late(void *feed); /* the other thread */

#endif
