/* Segments of lists, as numbered in memory: densely from 1, the position in catalogue.segments plus one; the
   database numbers them serially. A number is used again once a sweep has removed every trace of it. */
#ifndef SERVER_GATE_FOLLOW_SEGMENTS_H
#define SERVER_GATE_FOLLOW_SEGMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/gate/db/sums.h"
#include "server/http/reason.h"

enum segment_state {
    SEGMENT_FREE,
    SEGMENT_FRESH, /* being loaded: no catalogue makes it visible */
    SEGMENT_LIVE,  /* visible */
    SEGMENT_DEAD,  /* no longer visible, or never was; waits for the sweep */
};

struct segment {
    uint32_t database; /* its number there */
    uint32_t list;     /* position in the catalogue */
    enum segment_state state;
    uint8_t mac[LIST_MAC_BYTES]; /* tells it from another that the database may give its number to */
    bool weak;         /* made for a stronger grade than the list wants by now: its slots make no entry covered */
    bool gone;         /* live in memory, and not any more in the state of the database that is being loaded */
};

struct segment_place {
    uint32_t database, number;
};

struct segments {
    struct segment *at; /* by number - 1 */
    size_t count, room;
    size_t first_free;  /* none is free before this position */
    struct segment_place *places; /* live and fresh ones, by their number in the database */
    size_t place_count;
};

/* A fresh one.  REASON_BUSY without memory. */
struct result segments_add(struct segments *segments, uint32_t database, uint32_t list, const uint8_t mac[LIST_MAC_BYTES], uint32_t *number);
/* Makes `places` anew.  REASON_BUSY without memory. */
struct result segments_sort(struct segments *segments);
/* Its number, by `places`; 0 if there is none. */
uint32_t segments_find(const struct segments *segments, uint32_t database);
void segments_free(struct segments *segments);

static inline struct segment *segments_get(const struct segments *segments, uint32_t number)
{
    return &segments->at[number - 1];
}

/* For key_map. */
static inline uint32_t segments_list(const void *segments, uint32_t number)
{
    return segments_get(segments, number)->list;
}

#endif
