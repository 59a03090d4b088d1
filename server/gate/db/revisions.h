/* Inside db/ only. */
#ifndef SERVER_GATE_DB_REVISIONS_H
#define SERVER_GATE_DB_REVISIONS_H

#include "server/gate/db/conn.h"

struct locked_list {
    int64_t number, revision, base_segment, entries, cap_tokens;
};

/* Locks the list's row until the transaction ends.  REASON_NOT_FOUND. */
struct result db_list_lock(struct db_conn *conn, const char *agency, const char *list, struct locked_list *locked);

#endif
