/* The migrations of schema/, compiled in (schema/embed.awk makes the table). */
#ifndef SERVER_GATE_DB_MIGRATIONS_H
#define SERVER_GATE_DB_MIGRATIONS_H

struct migration {
    unsigned number;  /* from 1, without gaps */
    const char *name; /* "0001_lists.sql" */
    const char *sql;
};

extern const struct migration migrations[];
extern const unsigned migration_count;

#endif
