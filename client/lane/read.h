/* A read on its way through the lane service: a vehicle, or what was new about one.  It holds plates in clear: it lives in locked memory only,
 * and is wiped as soon as it was answered. */
#ifndef CLIENT_LANE_READ_H
#define CLIENT_LANE_READ_H

#include "client/check/checker.h"

#define LANE_RAW_MAX 64    /* bytes of a plate as the engine wrote it, for the officer's screen */
#define LANE_CAMERA_MAX 64 /* bytes of a camera's name */

struct image;

struct lane_read {
    struct check_read check;                                   /* what the gate is asked */
    char raw[LIMIT_CHECK_CANDIDATES][LANE_RAW_MAX + 1];        /* of check.candidates[i], printable */
    char camera[LANE_CAMERA_MAX + 1];                          /* as the engine names it, printable; "" */
    const char *engine;                                        /* its name; static */
    int64_t came_us;                                           /* monotonic, when the last byte of its message had come */
    int64_t clock_ms;                                          /* by how much the time of day, of which check.seen_ms is, was ahead of the monotonic one then */
    bool same;                                                 /* the look was surely of this vehicle (vehicles.h): its picture is, too */
    bool late, long_past;                                      /* it is not there any more, as the engine says (engine.h) */
    bool calibration;                                          /* the lane made it up itself */
    struct image *image;                                       /* images.h, held; NULL: none */
    unsigned handed;                                           /* handed.h: where it is known as one that is being asked about; 0: it is not */
};

#endif
