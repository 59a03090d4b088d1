/* Places for reads that wait, in locked memory, and lines of them in the order in which their reads came.  For waiting.c; not thread-safe. */
#ifndef CLIENT_LANE_PLACES_H
#define CLIENT_LANE_PLACES_H

#include "client/lane/read.h"

#define PLACE_NONE UINT32_MAX

struct pages;

struct place {
    struct lane_read read;
    uint32_t next, previous;
};

struct places {
    struct pages *pages;
    struct place *list; /* locked; zero where none waits */
    uint32_t free;      /* a chain of places that were used */
    uint32_t untouched; /* the first of those that were not yet */
};

/* Numbers of places; PLACE_NONE where it is empty. */
struct place_line {
    uint32_t first, last;
    size_t count;
};

/* For COUNT reads; false where so much can't be locked. */
bool places_create(struct places *places, size_t count) MUST_USE;
void places_destroy(struct places *places); /* wipes nothing: empty the lines before */
void place_line_begin(struct place_line *line);

/* Moves READ in, behind all that came before it; there must be room. */
void places_put(struct places *places, struct place_line *line, struct lane_read *read);
/* Moves the read at place NUMBER of LINE out; TO may be NULL, then it is wiped. */
void places_take(struct places *places, struct place_line *line, uint32_t number, struct lane_read *to);
/* Does a read of ID in LINE wait without a picture?  Then IMAGE, if there is one, is held for each. */
bool places_picture(struct places *places, const struct place_line *line, const uint8_t id[PLATESIEVE_READ_ID_BYTES], struct image *image);
/* All of FROM into TO, each behind all that came before it. */
void places_join(struct places *places, struct place_line *from, struct place_line *to);

#endif
