/* The thread that makes keys in time and erases them in time, and what an operator may have done out of time.  All that
   happens to a key is said on the log: made, opened, closed, erased, rotated. */
#ifndef SERVER_KEYS_KEEPER_H
#define SERVER_KEYS_KEEPER_H

#include "server/http/clock.h"
#include "server/keys/rotation.h"

struct keeper_settings {
    struct epoch_store *store;
    const struct clock *clock;
    struct schedule schedule;
    enum platesieve_suite suite;
};

/* Erases what is due and makes what is missing, once; says both on the log.  False when the disk did not take it: to be
   tried again. */
bool keeper_tick(const struct keeper_settings *settings);

struct keeper;

/* Ticks until it is stopped, a few times in an epoch and at least once a second. */
struct result keeper_start(const struct keeper_settings *settings, struct keeper **keeper);
void keeper_stop(struct keeper *keeper); /* NULL is fine */
/* Does what ROTATION says, durably, and says it on the log with who asked for it (a name from a certificate) and why (one
   line; "" if not said).  *OPENED is the new epoch.  What is due is erased before it returns.  Reasons as
   rotation_make_plan(); REASON_INTERNAL when the disk refused: ask again for the same. */
struct result keeper_rotate(struct keeper *keeper, const struct rotation *rotation, const char *who, const char *why,
                            struct epoch *opened);
/* False while the last tick failed. */
bool keeper_healthy(const struct keeper *keeper);

#endif
