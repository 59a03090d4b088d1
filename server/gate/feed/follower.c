/* What one stream is given. */
#include <inttypes.h>

#include "server/gate/feed/internal.h"

bool feed_matches(const struct db_hit_filter *filter, const struct db_hit *hit)
{
    if (filter->list[0] != 0 && strcmp(filter->list, hit->list) != 0) return false;
    if (filter->site[0] != 0 && strcmp(filter->site, hit->site) != 0) return false;
    if (filter->lane[0] != 0 && strcmp(filter->lane, hit->lane) != 0) return false;
    if (hit->grade > filter->grade || (filter->covert >= 0 && hit->covert != (filter->covert == 1))) return false;
    if (filter->verdict >= 0 && hit->verdict != (enum verdict)filter->verdict) return false;
    if (filter->lane_judgement == VERDICTS ? hit->lane_says.acknowledged_ms == 0
                                           : filter->lane_judgement >= 0 && hit->lane_says.judgement != (enum verdict)filter->lane_judgement)
        return false;
    if (filter->has_entry && hit->entry != filter->entry) return false;
    return hit->seen_ms >= filter->since_ms && hit->seen_ms < filter->until_ms;
}

void follower_pump(struct follower *follower, int64_t now_ms)
{
    struct flow *flow = follower->flow;
    size_t skipped = 0;

    follower->behind = follower->position < flow->low;
    if (follower->behind) return;
    while (skipped < flow->count && flow->kept[(flow->first + skipped) % LIMIT_FEED_KEPT].hit.cursor <= follower->position) skipped++;
    for (size_t i = skipped; i < flow->count; i++) {
        const struct kept *kept = &flow->kept[(flow->first + i) % LIMIT_FEED_KEPT];

        if (feed_matches(&follower->filter, &kept->hit)) {
            follower->blocked = !stream_write(follower->stream, kept->frame, kept->size);
            if (follower->blocked) return;
            follower->told = kept->hit.cursor;
            follower->said_ms = now_ms;
        }
        follower->position = kept->hit.cursor;
    }
    if (follower->position < flow->high) follower->position = flow->high;
}

void follower_beat(struct follower *follower, bool away, int64_t now_ms)
{
    char text[96];
    int size = 0;

    if (now_ms - follower->said_ms < LIMIT_STREAM_HEARTBEAT_S * 1000) return;
    if (follower->position > follower->told) size = snprintf(text, sizeof text, "id: %" PRIu64 "\n", follower->position);
    size += snprintf(text + size, sizeof text - (size_t)size, ": %s\n\n", away ? "the database is away" : "heartbeat");
    if (!stream_write(follower->stream, text, (size_t)size)) return;
    follower->told = follower->position;
    follower->said_ms = now_ms;
}
