/* The lanes that a gate knows: what it heard from them itself, and what the database says that other gates did.  In memory; from any thread.  Times are
   steady (clock.h) and handed in, so that a test can say what time it is. */
#ifndef SERVER_GATE_LANES_LANES_H
#define SERVER_GATE_LANES_LANES_H

#include <stddef.h>

#include "server/gate/lanes/state.h"

struct lanes;

struct lanes *lanes_create(void);      /* NULL without memory */
void lanes_destroy(struct lanes *lanes); /* NULL is fine */

/* A check of SITE's LANE was answered.  In the way of every check: some tens of nanoseconds. */
void lanes_checked(struct lanes *lanes, const char *site, const char *lane, int64_t now_ms);
/* It reports; WALL_MS: what this machine's clock says.  False when there is no place for it. */
bool lanes_reported(struct lanes *lanes, const char *site, const char *lane, const struct lane_report *report, int64_t now_ms, int64_t wall_ms);

/* What may be told of a lane at one time. */
typedef void (*lane_fn)(void *context, const struct lane_facts *facts);

/* -- for the one thread that keeps the database (keeper.h) ---------------------------------------------------------- */

/* Of what was heard here and has to go to the database now, at most MAX, into FACTS; how many.  A lane is written at most once in some seconds, a goodbye
   at once. */
size_t lanes_take_changed(struct lanes *lanes, const struct lane_wishes *(*wishes)(void *context, const char *site), void *context, int64_t now_ms,
                          struct lane_facts *facts, size_t max);
/* They did not get there: take them again. */
void lanes_give_back(struct lanes *lanes, const struct lane_facts *facts, size_t count);
/* A lane as the database has it: what is newer is taken over. */
void lanes_merge(struct lanes *lanes, const struct lane_facts *facts);
/* All of the database was merged, as it was at NOW_MS. */
void lanes_synced(struct lanes *lanes, int64_t now_ms);
/* The database did not answer: what other gates hear is not known any more. */
void lanes_cut_off(struct lanes *lanes);
/* Nobody will hear of that lane again. */
void lanes_forget(struct lanes *lanes, const char *site, const char *lane);

/* -- looking at them -------------------------------------------------------------------------------------------------------- */

/* Up to when it is known what WISHES' lanes said to other gates; LANE_NEVER. */
int64_t lanes_known_ms(struct lanes *lanes, int64_t silence_ms);
/* Copies of all of them, in order of site and lane; malloc'ed, NULL without memory or without lanes. */
struct lane_facts *lanes_copy(struct lanes *lanes, size_t *count);

#endif
