/* A push that is refused is an alarm: the list is not what its agency believes it is. */
#ifndef SERVER_GATE_ENDPOINTS_REFUSED_H
#define SERVER_GATE_ENDPOINTS_REFUSED_H

#include "server/gate/gate.h"

/* Notes on the list that REQUEST names, in the database and so at all gates, that a push to it was refused; the alarm stands until a commit is
   accepted.  Best effort: the refusal itself does not depend on it. */
static inline void commit_note_refused(struct gate *gate, const struct request *request, enum db_refusal why, uint64_t from, uint64_t to)
{
    (void)failed(db_list_note_refused(gate->agency_db, request->peer->first, request->arguments[0], request->peer->name, why, from, to));
}

#endif
