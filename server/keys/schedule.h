/* The calendar of the epochs: pure arithmetic on seconds since 1970, UTC.  Epochs open at multiples of their length. */
#ifndef SERVER_KEYS_SCHEDULE_H
#define SERVER_KEYS_SCHEDULE_H

#include <assert.h>
#include <platesieve/limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct schedule {
    int64_t length_s;        /* LIMIT_EPOCH_LENGTH_S_MIN to _MAX */
    int64_t overlap_s;       /* 0 to length_s: how long an epoch stays open after the next one opened */
    int64_t destroy_after_s; /* from the close to the erasure of the key */
    unsigned ahead;          /* coming epochs that have a key already; 1 to LIMIT_EPOCHS_AHEAD */
};

struct span {
    int64_t opens_s, closes_s, destroyed_s;
};

enum epoch_state { EPOCH_COMING, EPOCH_OPEN, EPOCH_CLOSED, EPOCH_DESTROYED };

#define SCHEDULE_EARLY_S 2     /* so long before an epoch opens is the one after it made */
#define SCHEDULE_WANTED_MAX (LIMIT_EPOCHS_AHEAD + 2)
#define SCHEDULE_ERASED_KEPT 8 /* destroyed epochs that stay known, without their keys */
#define SCHEDULE_ID_SIZE 17    /* "20261122T000000Z" and the ending zero */
#define SCHEDULE_NUMBER_S 2    /* epochs open at least so far apart: that is what numbers count */

static_assert(SCHEDULE_NUMBER_S <= LIMIT_EPOCH_LENGTH_S_MIN, "a number belongs to one epoch");
static_assert(SCHEDULE_EARLY_S <= LIMIT_EPOCH_LENGTH_S_MIN, "one epoch at most is made early");

/* NULL, or what is wrong with it: too many epochs at a time would be open or known. */
const char *schedule_problem(const struct schedule *schedule);
struct span schedule_span(const struct schedule *schedule, int64_t opens_s);
/* The epochs that must have a key at NOW_S: the one that opened last and those ahead, oldest first; in the last seconds
   before a change also those that must have one after it, so that nobody ever finds too few ahead. */
size_t schedule_wanted(const struct schedule *schedule, int64_t now_s,
                       struct span spans[SCHEDULE_WANTED_MAX]);
/* ERASED, not the clock, decides about `destroyed`: a clock may be set back, and a disk may refuse. */
enum epoch_state schedule_state(const struct span *span, bool erased, int64_t now_ms);
const char *schedule_state_name(enum epoch_state state);
/* The id of an epoch that opens then. */
void schedule_id(int64_t opens_s, char id[SCHEDULE_ID_SIZE]);
/* And its number.  Of the opening time alone: so numbers rise with it whatever was put in between or lost, and all key
   servers give the same. */
uint64_t schedule_number(int64_t opens_s);

#endif
