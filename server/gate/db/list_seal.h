/* Inside db/: a list's row under the gates' MAC.  Whoever changes what the MAC covers does it in one transaction: db_list_lock() reads the row,
   locks it and refuses one that no gate made; then the same change in the row (SQL) and in what was read (C); then db_list_seal().  What is
   sealed is what the program means the row to be, never what the database says it is. */
#ifndef SERVER_GATE_DB_LIST_SEAL_H
#define SERVER_GATE_DB_LIST_SEAL_H

#include "server/gate/db/lists.h"

/* For SELECT ... FROM lists; list_sealed_take() reads them. */
#define LIST_SEALED_COLUMNS LIST_COLUMNS ", base_segment, grade_segment, edition, header_serial, link, mac"
/* A row that holds what it can't is not `intact` either, and shows zeros there; REASON_DATABASE when it names no list. */
struct result list_sealed_take(const struct db_conn *conn, const PGresult *result, int number, struct sealed_list *sealed);

/* Locks the list's row until the transaction ends.  REASON_NOT_FOUND; REASON_FORGED: the row is not what a gate made, or is older than what was
   served.  REASON_INTERNAL without keys. */
struct result db_list_lock(struct db_conn *conn, const char *agency, const char *list, struct sealed_list *sealed);
/* Moves the edition on and writes the MAC of SEALED, which is what the row holds in this transaction. */
struct result db_list_seal(struct db_conn *conn, struct sealed_list *sealed);
/* Over what waits for a second person: who asked, when, and all that it would make of LIST, whose rules were at RULES_VERSION. */
void request_mac(const struct seal_keys *keys, uint32_t list, uint32_t rules_version, const struct db_request *request, uint8_t mac[LIST_MAC_BYTES]);

/* db_load_removals() and db_load_slots() within somebody else's transaction (db/load.c). */
struct result load_removals(struct db_conn *conn, const uint32_t *segments, size_t count,
                            struct result (*each)(void *context, const struct load_removal *removal), void *context);

struct result load_slots(struct db_conn *conn, uint64_t epoch, const uint32_t *segments, size_t count,
                         struct result (*each)(void *context, const struct load_slot *slot),
                         void (*summed)(void *context, uint32_t segment, const struct row_sum *sum), void *context);

#endif
