/* Inside db/ only: lists within somebody else's transaction. */
#ifndef SERVER_GATE_DB_LISTS_H
#define SERVER_GATE_DB_LISTS_H

#include "server/gate/db/rules.h"

/* A whole list but its epochs, and how many columns that is. */
#define LIST_COLUMNS                                                                                                                       \
    "number, agency, id, rules_version, revision, entries, committed_at, cap_tokens, approved, coalesce(asked_by, ''),"                     \
    " coalesce(approved_by, ''), approved_at, suspended, coalesce(suspended_by, ''), coalesce(suspended_why, ''), suspended_at, resumed_at," \
    " coalesce(refused_why, 0::int2), coalesce(refused_by, ''), refused_at, coalesce(refused_from, 0), coalesce(refused_to, 0), header_id, " RULES_COLUMNS
#define LIST_COLUMN_COUNT 34
/* From a row of them. */
struct result db_list_take(const PGresult *result, int number, struct db_list *list);

/* REASON_NOT_FOUND. */
struct result db_list_read(struct db_conn *conn, const char *agency, const char *id, struct db_list *list);
/* Moves the lists' head on; its row stays locked until the transaction ends. */
struct result db_move_head(struct db_conn *conn, int64_t *version);

struct db_load;
struct db_conn *db_load_connection(struct db_load *load); /* load.c */

#endif
