/* Inside db/ only: lists within somebody else's transaction. */
#ifndef SERVER_GATE_DB_LISTS_H
#define SERVER_GATE_DB_LISTS_H

#include "server/gate/db/conn.h"

/* REASON_NOT_FOUND. */
struct result db_list_read(struct db_conn *conn, const char *agency, const char *id, struct db_list *list);
/* Moves the lists' head on; its row stays locked until the transaction ends. */
struct result db_move_head(struct db_conn *conn, int64_t *version);

struct db_load;
struct db_conn *db_load_connection(struct db_load *load); /* load.c */

#endif
