/* Partial plates on a list: `ABC1??`, with at most two characters unknown.
 *
 * A lane knows nothing of them.  The list has the tokens of every plate that fits: an unknown character is each of the
 * 35 of the canonical form (A-Z and 0-9, O being 0) in turn, and of the 27 that are left of them by folding at
 * `similar`.  So two unknown characters are 1225 tokens at `full`, 1225 at `plate` and 729 at `similar`, for each epoch.
 * Never at `near`: it would be half the alphabet around each of them. */
#ifndef CLIENT_IMPORT_PARTIAL_H
#define CLIENT_IMPORT_PARTIAL_H

#include <platesieve/platesieve.h>

#define PARTIAL_UNKNOWN '?'
#define PARTIAL_UNKNOWNS_MAX 2
#define PARTIAL_KNOWN_MIN 4 /* characters: fewer would list one plate in a thousand that are all digits, or more */

enum partial_fault { PARTIAL_FINE, PARTIAL_NO_PLATE, PARTIAL_TOO_LONG, PARTIAL_TOO_MANY, PARTIAL_TOO_FEW };

/* Does RAW hold a character that stands for one that is not known: `?` (of full width, too) or WILDCARD (0: none)? */
bool partial_is(const char *raw, size_t size, char wildcard);
/* Its canonical form, with PARTIAL_UNKNOWN where RAW holds such a character: not for platesieve_plate_fold() and the
 * like alone.  Wipe it. */
enum partial_fault partial_read(const char *raw, size_t size, char wildcard, struct platesieve_plate *plate,
                                unsigned *unknowns);
/* How many messages a partial plate has at GRADE: 35, 27 or their squares; 0 at `near`. */
size_t partial_count(enum platesieve_grade grade, unsigned unknowns);
/* The message number INDEX of those, from one that was made of the partial plate itself. */
void partial_message(const struct platesieve_message *partial, enum platesieve_grade grade, size_t index,
                     struct platesieve_message *message);

#endif
