/* Reads that wait to be checked: those that have just come, and those that could not be checked when they came.
 *
 * In locked memory, bounded in number and age.  While gates answer, what comes goes at once, in its order; where more comes than
 * can be asked about, so that something has waited for LANE_SLOW_MS, what came last goes first, and the rest when there is time, or unchecked.  Once a question was not answered, or only after
 * LANE_SLOW_MS, there is a backlog: all that waits by then, and all that comes until one is answered again.  Of the backlog no more goes than `rate` a second, in
 * short steps, whoever takes it, and what came last goes first; what comes after gates answer again goes beside it, at once.  So a gate that is back, with many lanes
 * behind it, gets from each what its engines deliver anew and `rate` more, and steps of different lanes don't fall together.  While none answers one
 * question is under way at a time, of the backlog and at its rate: nothing piles up at a gate that hangs, either.
 *
 * What the engine says is not there any more (read->late: its stored queue, after a night without a network) goes when nothing else may, in one question at a time, so
 * that it is in nobody's way; and it goes first where there is no room.  Otherwise the oldest does.  Any thread; times are monotonic. */
#ifndef CLIENT_LANE_WAITING_H
#define CLIENT_LANE_WAITING_H

#include "client/lane/counts.h"
#include "client/lane/read.h"

#define LANE_SLOW_MS 1000 /* within this another gate has answered, where there is one */

struct waiting_rules {
    size_t reads;
    unsigned age_s;
    unsigned rate; /* catching up: reads a second */
};

/* READ is given up; it is wiped when this returns. */
typedef void (*waiting_dropped_fn)(void *context, const struct lane_read *read, enum lane_unchecked why);

struct waiting;

/* NULL is said. */
struct waiting *waiting_create(const struct waiting_rules *rules, waiting_dropped_fn dropped, void *context) MUST_USE;
/* What still waits is wiped, and its images released, without a word. */
void waiting_destroy(struct waiting *waiting); /* NULL is fine */

/* Moves READ in (the image, too): it has just come. */
void waiting_add(struct waiting *waiting, struct lane_read *read);

/* -- questions --------------------------------------------------------------------------------------------------------- */

/* Moves up to COUNT reads into READS; at NOW_US and without waiting.  With 1 and more a question is under way, until one of the next two calls. */
size_t waiting_pick(struct waiting *waiting, int64_t now_us, struct lane_read *reads, size_t count) MUST_USE;
/* Waits for that, at most WAIT_MS; 0: there was none, or *ended. */
size_t waiting_take(struct waiting *waiting, unsigned wait_ms, struct lane_read *reads, size_t count, bool *ended) MUST_USE;
/* A gate answered the question, after TOOK_US, whatever it said. */
void waiting_answered(struct waiting *waiting, int64_t now_us, int64_t took_us);
/* None did, or none wants this lane: none is asked for HOLD_MS, or half as long up to half as long again, so that lanes do not come together. */
void waiting_not_answered(struct waiting *waiting, int64_t now_us, unsigned hold_ms);
/* Moves COUNT reads back, to the backlog, of which none is handed out until HELD_UNTIL_US (0: at once). */
void waiting_add_back(struct waiting *waiting, struct lane_read *reads, size_t count, int64_t held_until_us);

/* -- pictures that come later than their vehicle ------------------------------------------------------------------------ */

/* Is there a read of READ_ID that waits, or is being asked about, and has no picture?  Then IMAGE is held for all such. */
bool waiting_wants_picture(struct waiting *waiting, const uint8_t read_id[PLATESIEVE_READ_ID_BYTES]);
void waiting_give_picture(struct waiting *waiting, const uint8_t read_id[PLATESIEVE_READ_ID_BYTES], struct image *image);
/* The picture that came while READ, which was handed out, was being asked about, to be released by the caller; NULL: none.  OVER: READ is answered, and what
   comes from now on is none of waiting's.  waiting_add_back() sees to it itself. */
struct image *waiting_late_picture(struct waiting *waiting, struct lane_read *read, bool over);

/* -- the rest ---------------------------------------------------------------------------------------------------------- */

/* Drops what is too old. */
void waiting_sweep(struct waiting *waiting, int64_t now_us);

struct waiting_state {
    size_t fresh, old, late, all, room; /* old: the backlog; late: what is not there any more, of it or not */
    unsigned asking;                    /* questions under way */
    int64_t oldest_us;                  /* when the oldest came; 0: none waits */
};
void waiting_look(struct waiting *waiting, struct waiting_state *state);
/* From now on the backlog is handed out without pacing, and once none waits, or at once with GIVE_UP, waiting_take() says that it has ended. */
void waiting_end(struct waiting *waiting, bool give_up);
/* Drops all that waits. */
void waiting_drop_all(struct waiting *waiting, enum lane_unchecked why);

#endif
