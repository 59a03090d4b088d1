/* See segments.h. */
#include "server/gate/follow/segments.h"

#define SEGMENTS_MAX ((1u << 30) - 1) /* an index record has 30 bits for it */

struct result segments_add(struct segments *segments, uint32_t database, uint32_t list, const uint8_t mac[LIST_MAC_BYTES], uint32_t *number)
{
    size_t at = segments->first_free;

    while (at < segments->count && segments->at[at].state != SEGMENT_FREE) at++;
    if (at == segments->room) {
        size_t room = segments->room == 0 ? 64 : segments->room * 2;
        struct segment *longer = at >= SEGMENTS_MAX ? NULL : realloc(segments->at, room * sizeof(*longer));

        if (longer == NULL) return FAIL(REASON_BUSY);
        segments->at = longer;
        segments->room = room;
    }
    if (at == segments->count) segments->count++;
    segments->at[at] = (struct segment){ .database = database, .list = list, .state = SEGMENT_FRESH };
    memcpy(segments->at[at].mac, mac, LIST_MAC_BYTES);
    segments->first_free = at + 1;
    *number = (uint32_t)at + 1;
    return OK;
}

static int by_database(const void *a, const void *b)
{
    uint32_t x = ((const struct segment_place *)a)->database, y = ((const struct segment_place *)b)->database;

    return (x > y) - (x < y);
}

struct result segments_sort(struct segments *segments)
{
    struct segment_place *places = malloc((segments->count + 1) * sizeof(*places));
    size_t count = 0;

    if (places == NULL) return FAIL(REASON_BUSY);
    for (size_t i = 0; i < segments->count; i++) {
        const struct segment *segment = &segments->at[i];

        if (segment->state == SEGMENT_LIVE || segment->state == SEGMENT_FRESH)
            places[count++] = (struct segment_place){ segment->database, (uint32_t)i + 1 };
    }
    qsort(places, count, sizeof(*places), by_database);
    free(segments->places);
    segments->places = places;
    segments->place_count = count;
    return OK;
}

uint32_t segments_find(const struct segments *segments, uint32_t database)
{
    struct segment_place wanted = { .database = database };
    const struct segment_place *place = NULL;

    if (segments->place_count > 0)
        place = bsearch(&wanted, segments->places, segments->place_count, sizeof(wanted), by_database);
    return place == NULL ? 0 : place->number;
}

void segments_free(struct segments *segments)
{
    free(segments->at);
    free(segments->places);
    *segments = (struct segments){ .at = NULL };
}
