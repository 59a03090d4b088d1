/* One vehicle, one read: engines say the same vehicle in several frames and messages, spelled in several ways.
 *
 * Looks of one vehicle are those of one camera that share an id of the engine's, or that come within a window of time and have similar plates (folded
 * texts at an edit distance of one at most).  The first look is checked at once; a later one only for candidates, or a jurisdiction, that were not asked about
 * yet.  Captions, lettering that shows up with vehicle after vehicle, are learned and skipped; asked about again from time to time all the same.
 * Plates are held in locked memory for the window, captions as keyed hashes only.  Not thread-safe: one thread at a time. */
#ifndef CLIENT_LANE_VEHICLES_H
#define CLIENT_LANE_VEHICLES_H

#include "client/engines/engine.h"
#include "client/lane/read.h"

struct vehicle_rules {
    unsigned window_ms;           /* between two looks at one vehicle */
    unsigned candidates_max;      /* of one read; the checker's policy may want fewer */
    double confidence_min;        /* 0 to 1; below it a candidate is not asked about */
    double region_confidence_min; /* below it the jurisdiction counts as unknown */
    unsigned caption_vehicles;    /* a text with so many vehicles of one camera in a row, or nearly, is a caption; 0: never */
    unsigned caption_again_ms;    /* a caption is asked about again after so long */
};

enum vehicle_outcome {
    VEHICLE_NEW,     /* ask: a vehicle that was not there before */
    VEHICLE_AGAIN,   /* ask: something new about one that was; read->check.again is set */
    VEHICLE_KNOWN,   /* nothing new */
    VEHICLE_NOTHING, /* no candidate is left */
    VEHICLE_CAPTION, /* what is left are captions */
};

struct vehicles;

struct vehicles *vehicles_create(const struct vehicle_rules *rules) MUST_USE; /* NULL is said */
void vehicles_destroy(struct vehicles *vehicles); /* wipes; NULL is fine */

/* Takes a look at NOW_MS (monotonic); with VEHICLE_NEW and VEHICLE_AGAIN, READ is filled in but for `engine`, `came_us` and `image`.  CANDIDATES_MAX: of the policy. */
enum vehicle_outcome vehicles_take(struct vehicles *vehicles, const struct engine_read *look, int64_t now_ms, unsigned candidates_max,
                                   struct lane_read *read) MUST_USE;
/* Wipes what is over; call it every second or so. */
void vehicles_forget(struct vehicles *vehicles, int64_t now_ms);

#endif
