/* Reads that were handed out to be asked about, and pictures of theirs that came meanwhile.  For waiting.c; not thread-safe. */
#ifndef CLIENT_LANE_HANDED_H
#define CLIENT_LANE_HANDED_H

#include "client/lane/read.h"

#define HANDED_MAX 64 /* at one time; what goes beyond gets no picture that comes late, and is not known as late */

struct handed_read {
    uint8_t id[PLATESIEVE_READ_ID_BYTES];
    bool used, late, wants; /* wants: it has no picture */
    struct image *came; /* held */
};

struct handed {
    struct handed_read list[HANDED_MAX];
};

/* READ goes out: read->handed says where it is known. */
void handed_out(struct handed *handed, struct lane_read *read);
bool handed_has_late(const struct handed *handed); /* one that is not there any more */
bool handed_wants_picture(const struct handed *handed, const uint8_t id[PLATESIEVE_READ_ID_BYTES]);
/* IMAGE is held for each read of ID that has none. */
void handed_give_picture(struct handed *handed, const uint8_t id[PLATESIEVE_READ_ID_BYTES], struct image *image);
/* What came for READ, whose hold is the caller's then; NULL: nothing.  OVER: READ is not out any more. */
struct image *handed_late_picture(struct handed *handed, struct lane_read *read, bool over);
void handed_clear(struct handed *handed);

#endif
