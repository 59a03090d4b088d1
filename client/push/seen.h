/* References that a push has met already: 12 bytes each and some room, so that ten million of them stay below 200 MB,
   also while they become more. */
#ifndef CLIENT_PUSH_SEEN_H
#define CLIENT_PUSH_SEEN_H

#include <platesieve/platesieve.h>
#include <stdbool.h>

#include "include/cleanup.h"

struct seen;

enum seen_answer { SEEN_NEVER, SEEN_WITH_THIS_PLATE, SEEN_WITH_ANOTHER_PLATE, SEEN_NO_MEMORY };

struct seen *seen_create(void) MUST_USE; /* NULL: no memory */
void seen_destroy(struct seen *seen);    /* NULL is fine */
/* Was REFERENCE (zero-ended) given before?  If never, it is now, with this plate.  PLATE may be NULL: then plates do
 * not count. */
enum seen_answer seen_ask(struct seen *seen, const char *reference, const struct platesieve_plate *plate,
                          const struct platesieve_jurisdiction *jurisdiction) MUST_USE;
/* Was it given?  Changes nothing. */
bool seen_has(const struct seen *seen, const char *reference);

#endif
