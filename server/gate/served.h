/* What of each list this gate has served: its edition, so that nobody can set the database back without being noticed.  In memory, and in a sealed
   file of the state folder that is written soon after a list is served.  From any thread. */
#ifndef SERVER_GATE_SERVED_H
#define SERVER_GATE_SERVED_H

#include "server/gate/db/sums.h"
#include "server/gate/state.h"

struct served;

/* Reads the file, or begins with nothing if there is none, or AFRESH; holds the folder's lock until served_close().  REASON_BUSY: another process holds it.
   Says on ERRORS what is wrong.  STATE is borrowed. */
struct result served_open(const struct gate_state *state, bool afresh, FILE *errors, struct served **served);
void served_close(struct served *served); /* NULL is fine */

/* Its row of EDITION with MAC is of before what was served, or of the same edition and another. */
bool served_is_older(struct served *served, const char *agency, const char *list, uint64_t edition, const uint8_t mac[LIST_MAC_BYTES]);
/* It is served.  Without memory that is told by the next served_save(). */
void served_note(struct served *served, const char *agency, const char *list, uint64_t edition, const uint8_t mac[LIST_MAC_BYTES], bool covert);
/* Writes the file if anything was noted since; durable when it returns OK. */
struct result served_save(struct served *served);
/* Every list that was. */
void served_each(struct served *served, void (*each)(void *context, const char *agency, const char *list, bool covert), void *context);
/* An operator's decision: whatever the database shows next of that list (AGENCY NULL: of all) is taken, if gates made it.  How many that
   concerned. */
size_t served_forget(struct served *served, const char *agency, const char *list);

#endif
