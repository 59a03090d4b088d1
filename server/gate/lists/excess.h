/* Lists that hit too large a share of a lane's reads: nobody may list everybody, by mistake or not.  For each lane, its reads; for each lane and list,
   the entries that were hit.  In memory, of bounded size, without a lock and without I/O: it stands in the way of every check.

   A window begins anew when its time is over, or after LIMIT_EXCESS_READS reads.  An entry counts once in a window, and only with a read that begins a
   hit: a listed vehicle that stands before the camera is one, however often it is read.  Counts are slightly low when threads meet; never high. */
#ifndef SERVER_GATE_LISTS_EXCESS_H
#define SERVER_GATE_LISTS_EXCESS_H

#include "server/gate/check/sighting.h"
#include "server/gate/index/catalogue.h"

struct excess;

struct excess_settings {
    unsigned share;      /* 1 in so many reads is allowed */
    unsigned reads_min;  /* of a lane, before anything is judged */
    unsigned hits_min;   /* of a list there */
    int64_t window_ms;
};

struct excess_report {
    char agency[LIMIT_NAME_MAX + 1], list[LIMIT_NAME_MAX + 1], lane[LIMIT_IDENTITY_MAX + 1];
    bool covert;
    unsigned hits;
    uint64_t reads;
    int64_t since_ms;
};

struct excess *excess_create(const struct excess_settings *settings); /* NULL without memory */
void excess_destroy(struct excess *excess); /* NULL is fine */

/* READS answered reads of LANE, later looks at a vehicle among them, and what they matched: COUNT sightings in order of their reads, of CATALOGUE.  From any thread, inside the
   critical section that CATALOGUE needs. */
void excess_add(struct excess *excess, const struct catalogue *catalogue, const char *lane, uint64_t reads, const struct sighting *sightings,
                size_t count, int64_t now_ms);
/* The next list that is over the share, each told once until it is resumed; false when there is none.  One thread. */
bool excess_take(struct excess *excess, struct excess_report *report);

#endif
