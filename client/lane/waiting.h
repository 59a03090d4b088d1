/* Reads that wait to be checked: those that have just come, and those that could not be checked when they came.
 *
 * In locked memory, bounded in number and age.  Who has just come goes first; the others, oldest first, at no more than a set rate, so that a gate that is
 * back is not flooded.  Where there is no room the oldest goes.  Any thread. */
#ifndef CLIENT_LANE_WAITING_H
#define CLIENT_LANE_WAITING_H

#include "client/lane/counts.h"
#include "client/lane/read.h"

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
/* Moves COUNT reads back that could not be checked now; none of the old ones is handed out for HOLD_MS. */
void waiting_add_back(struct waiting *waiting, struct lane_read *reads, size_t count, unsigned hold_ms);

/* Moves up to COUNT reads into READS; at NOW_US (monotonic) and without waiting. */
size_t waiting_pick(struct waiting *waiting, int64_t now_us, struct lane_read *reads, size_t count) MUST_USE;
/* Waits for that, at most WAIT_MS; 0: there was none, or *ended. */
size_t waiting_take(struct waiting *waiting, unsigned wait_ms, struct lane_read *reads, size_t count, bool *ended) MUST_USE;
/* Drops what is too old. */
void waiting_sweep(struct waiting *waiting, int64_t now_us);

struct waiting_state {
    size_t fresh, old, room;
    int64_t oldest_us; /* monotonic, when the oldest came; 0: none waits */
};
void waiting_look(struct waiting *waiting, struct waiting_state *state);
/* From now on old reads are handed out without pacing, and once none waits, or at once with GIVE_UP, waiting_take() says that it has ended. */
void waiting_end(struct waiting *waiting, bool give_up);
/* Drops all that waits. */
void waiting_drop_all(struct waiting *waiting, enum lane_unchecked why);

#endif
