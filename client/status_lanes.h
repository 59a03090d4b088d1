/* What platesieve status shows of lanes. */
#ifndef CLIENT_STATUS_LANES_H
#define CLIENT_STATUS_LANES_H

#include "client/http/http.h"

struct lanes_wanted {
    const char *site; /* NULL: of all */
    bool all;         /* also those that are well, however many there are */
};

/* All lanes that the gate knows: {"now", "degraded", "counts", "lanes"}, to be json_decref()ed.  An exit code; says what is wrong. */
int status_lanes_fetch(struct http *gate, const struct lanes_wanted *wanted, json_t **lanes) MUST_USE;
/* LANES is printable already. */
void status_lanes_print(json_t *lanes, const struct lanes_wanted *wanted);

#endif
