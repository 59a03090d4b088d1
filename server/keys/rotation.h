/* An epoch out of the calendar, for the day on which a key is lost or in wrong hands.  What the times of all other
   epochs become follows from it and is worked out here: arithmetic on a list of epochs, no clock and no disk. */
#ifndef SERVER_KEYS_ROTATION_H
#define SERVER_KEYS_ROTATION_H

#include "server/keys/epoch_store.h"

struct rotation {
    int64_t opens_s; /* of the new epoch */
    bool keep;       /* epochs that are open then stay open for the overlap, as at any change */
    bool destroy;    /* keys of all epochs before it are erased when it opens; not with KEEP */
    bool coming;     /* epochs after it that have keys already are erased now, and others put in their place */
};

struct rotation_change {
    uint64_t number;
    int64_t closes_s, destroyed_s;
};

/* What is to be done, in this order. */
struct rotation_plan {
    bool made;                /* the epoch stands already: a request that came twice */
    struct span span;         /* of the new epoch */
    size_t add_count;         /* in place of coming ones; their opening is two seconds later */
    struct span add[LIMIT_EPOCHS_KNOWN];
    size_t change_count;      /* those before the new epoch */
    struct rotation_change change[LIMIT_EPOCHS_KNOWN];
    size_t erase_count;
    uint64_t erase[LIMIT_EPOCHS_KNOWN];
};

/* For EPOCHS as epoch_store_list() gives them.  Asked for a second time, it plans what is still to be done.
   REASON_ROTATION: epochs are shorter than ten seconds, or the time is one of the calendar, odd, taken, more than an epoch's length ahead or more than
   LIMIT_ROTATION_LATE_S ago, or more than LIMIT_EPOCHS_OPEN would be open at some time; REASON_TOO_MANY: more than
   LIMIT_EPOCHS_KNOWN would be known. */
struct result rotation_make_plan(const struct rotation *rotation, const struct schedule *schedule, int64_t now_s,
                                 const struct epoch *epochs, size_t count, struct rotation_plan *plan);

#endif
