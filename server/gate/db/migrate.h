/* Migrations: schema/NNNN_*.sql, compiled in. */
#ifndef SERVER_GATE_DB_MIGRATE_H
#define SERVER_GATE_DB_MIGRATE_H

#include <stdio.h>

/* Brings the schema of the database at OWNER_CONNINFO (role platesieve_owner) up to this program's, one transaction for each migration, under
   an advisory lock; says on OUT what it applied.  Running it again changes nothing.  Exit code of a daemon: 0; 3 for a schema that is newer
   than this program, or whose migrations are not the ones compiled in; 1 for anything else, with one line on ERRORS. */
int migrate_run(const char *owner_conninfo, FILE *out, FILE *errors);

#endif
