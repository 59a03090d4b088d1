/* Are two spellings of one plate?  On folded texts, so that what engines confuse counts as equal.  No state, any thread. */
#ifndef CLIENT_VEHICLES_SIMILAR_H
#define CLIENT_VEHICLES_SIMILAR_H

#include <platesieve/platesieve.h>

/* A plate made ready for many comparisons; in locked memory like the plate itself. */
struct similar_form {
    struct platesieve_plate folded;
    uint64_t characters; /* which occur in it: bit 0 to 9 digits, 10 to 35 letters */
};

struct similar_form similar_form(const struct platesieve_plate *canonical);

/* At an edit distance of one at most (one misread, missing or extra character).  Texts of less than PLATESIEVE_NEAR_LENGTH_MIN characters, which are
   all close to each other, are similar only when they are equal. */
bool similar_one_edit(const struct similar_form *a, const struct similar_form *b);
/* So different that nobody reads the one where the other stands: more than half of the longer one would have to be changed. */
bool similar_unlike(const struct similar_form *a, const struct similar_form *b);

#endif
