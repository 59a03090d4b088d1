/* The thread that makes keys in time and erases them in time. */
#ifndef SERVER_KEYS_KEEPER_H
#define SERVER_KEYS_KEEPER_H

#include "server/http/clock.h"
#include "server/keys/epoch_store.h"

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
/* False while the last tick failed. */
bool keeper_healthy(const struct keeper *keeper);

#endif
