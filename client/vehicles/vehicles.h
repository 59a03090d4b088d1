/* One vehicle, one read: engines say the same vehicle in several frames and messages, spelled in several ways.
 *
 * Looks of one vehicle are those of one camera that share an id of the engine's, or that come within a window of time (the engine's, where it says it)
 * and have similar plates: folded texts at an edit distance of one at most, any candidate with any.  The first look is checked at once; a later one only for
 * candidates, or a jurisdiction, that were not asked about lately, under the same read id.
 *
 * What is asked: of each look the best candidates, so many as one read may have, that reach `confidence_min` and are no captions; with the look's jurisdiction,
 * or, if it has none that counts, the one that was stated for the vehicle with the highest confidence.  When a jurisdiction becomes known for the first time, the
 * vehicle's other candidates are asked about with it as well, as far as there is room.  Nothing else keeps a candidate from being asked about:
 * - Two vehicles with similar plates in sequence (fleet numbers) are taken for one.  The other's plate is asked about all the same, as a new candidate.  What is
 *   lost is a read in the counts, and, on a list that has either of them at `near`, one count on that hit and the stronger grade in its record (the alert has
 *   it).  A picture that came with the other is none of the first: read->same is false where plates were only similar, and no id said more.
 * - A vehicle that is spelled in more ways than LIMIT_VEHICLE_SPELLINGS, or stated to be of more than LIMIT_VEHICLE_REGIONS jurisdictions, is a new read.
 * - A vehicle that stays is asked about anew every LIMIT_VEHICLE_AGAIN_S, since lists change while it stands there: under the same read, so that it counts once and
 *   raises no second hit.  It is a new read every LIMIT_VEHICLE_READ_S, and when it was not seen for LIMIT_VEHICLE_AGAIN_S.
 * - With more than LIMIT_VEHICLES of them the one not seen for longest is forgotten; it is a new read when it comes again.
 *
 * Captions, lettering that shows up with vehicle after vehicle, are learned and skipped: captions.h says how, and what keeps a plate from becoming one.
 *
 * Plates are held in locked memory for the window after a vehicle's last look, then keyed hashes of them until it is forgotten; of captions only such hashes.
 * A look costs some microseconds, whatever it holds.  Not thread-safe: one thread at a time. */
#ifndef CLIENT_VEHICLES_VEHICLES_H
#define CLIENT_VEHICLES_VEHICLES_H

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
    VEHICLE_AGAIN,   /* ask: something new about one that was; read->check.again is set (what the gate is told: vehicles_asking()) */
    VEHICLE_KNOWN,   /* nothing new */
    VEHICLE_NOTHING, /* no candidate is left */
    VEHICLE_CAPTION, /* what is left are captions */
};

struct vehicles;

struct vehicles *vehicles_create(const struct vehicle_rules *rules) MUST_USE; /* NULL is said */
void vehicles_destroy(struct vehicles *vehicles); /* wipes; NULL is fine */

/* Takes a look at NOW_MS (monotonic).  CANDIDATES_MAX: of the policy.
   With VEHICLE_NEW and VEHICLE_AGAIN, READ is what to ask, filled in but for `engine`, `came_us` and `image`; check.seen_ms is the engine's, and 0 where it does not
   say: then the caller puts in its own.  With VEHICLE_KNOWN it has the id under which this look's best candidate was asked about (its only use: a
   picture that comes late, for a read that has hit), and the look's candidates; check.count is 0 where only an id of the engine's told the vehicle.  READ is zero otherwise.
   LOOK's candidates are best first, as engine_take() leaves them.  READ is in locked memory, wiped by the caller. */
enum vehicle_outcome vehicles_take(struct vehicles *vehicles, const struct engine_read *look, int64_t now_ms, unsigned candidates_max,
                                   struct lane_read *read) MUST_USE;
/* READ is being asked about now.  True: an earlier look at its vehicle was, or is, the one that is counted, so this one is asked with `again`; else it is the one. */
bool vehicles_asking(struct vehicles *vehicles, const struct lane_read *read) MUST_USE;
/* What came of that; AGAIN: what it said. */
void vehicles_asked(struct vehicles *vehicles, const struct lane_read *read, bool again, bool answered);
/* READ was not answered and will not be asked again: its candidates count as not asked about, so that the next look at the vehicle asks. */
void vehicles_unchecked(struct vehicles *vehicles, const struct lane_read *read);
/* READ's candidate number CANDIDATE is on a list, as a verified alert says: its text is no caption. */
void vehicles_listed(struct vehicles *vehicles, const struct lane_read *read, unsigned candidate, int64_t now_ms);
/* How many texts of looks were skipped as captions so far. */
uint64_t vehicles_captions(const struct vehicles *vehicles);
/* Wipes what is over; call it every second or so. */
void vehicles_forget(struct vehicles *vehicles, int64_t now_ms);

#endif
