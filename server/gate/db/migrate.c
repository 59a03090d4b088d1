/* `platesieved migrate`, and the daemon's look at what stands. */
#include "server/gate/db/migrate.h"

#include <sodium.h>

#include "server/gate/db/conn.h"
#include "server/gate/db/migrations.h"

#define MIGRATE_STATEMENT_MS (30 * 60 * 1000)

static const struct statement all_applied = { "all_applied", "SELECT version, sha256 FROM migrations ORDER BY version" };
static const struct statement note_applied = {
    "note_applied", "INSERT INTO migrations (version, name, sha256) VALUES ($1::int4, $2::text, $3::bytea)"
};

static void migration_digest(const struct migration *migration, uint8_t digest[crypto_hash_sha256_BYTES])
{
    crypto_hash_sha256(digest, (const unsigned char *)migration->sql, strlen(migration->sql));
}

/* How many of our migrations stand, in *APPLIED.  REASON_INTERNAL: what stands is not ours. */
static struct result count_applied(struct db_conn *conn, unsigned *applied)
{
    PGresult *result RESULT_CLEANUP = NULL;
    TRY(conn_run(conn, &all_applied, NULL, &result));
    int rows = PQntuples(result);
    for (int i = 0; i < rows; i++) {
        struct row row = { .result = result, .number = i };
        uint8_t stands[crypto_hash_sha256_BYTES], ours[crypto_hash_sha256_BYTES];
        int64_t version = row_int(&row, 0);
        row_bytes(&row, 1, stands, sizeof(stands));
        if (row.bad || version != i + 1 || version > migration_count) return FAIL(REASON_INTERNAL);
        migration_digest(&migrations[i], ours);
        if (memcmp(stands, ours, sizeof(ours)) != 0) return FAIL(REASON_INTERNAL);
    }
    *applied = (unsigned)rows;
    return OK;
}

static struct result prepare_table(struct db_conn *conn)
{
    return conn_command(conn, "CREATE SCHEMA IF NOT EXISTS platesieve;"
                              "CREATE TABLE IF NOT EXISTS platesieve.migrations ("
                              "version int PRIMARY KEY, name text NOT NULL, sha256 bytea NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())");
}

static struct result apply(struct db_conn *conn, const struct migration *migration)
{
    uint8_t digest[crypto_hash_sha256_BYTES];
    struct params params = { 0 };
    migration_digest(migration, digest);
    params_int4(&params, migration->number);
    params_text(&params, migration->name);
    params_bytes(&params, digest, sizeof(digest));
    TRY(conn_command(conn, "BEGIN"));
    TRY(conn_command(conn, migration->sql));
    TRY(conn_do(conn, &note_applied, &params, NULL));
    return conn_command(conn, "COMMIT");
}

static int migrate_all(struct db_conn *conn, FILE *out, FILE *errors)
{
    unsigned applied = 0;
    conn->timeout_ms = MIGRATE_STATEMENT_MS;
    if (failed(conn_command(conn, "SET statement_timeout = '30min'; SET lock_timeout = '60s'; SELECT pg_advisory_lock(7311902051)")) ||
        failed(prepare_table(conn)))
        goto bad;
    struct result counted = count_applied(conn, &applied);
    if (counted.reason == REASON_INTERNAL) {
        fprintf(errors, "platesieved migrate: the database has migrations that this program does not know: install the version that made them\n");
        return 3;
    }
    if (failed(counted)) goto bad;
    for (unsigned i = applied; i < migration_count; i++) {
        if (failed(apply(conn, &migrations[i]))) {
            fprintf(errors, "platesieved migrate: %s failed, SQLSTATE %s; nothing of it stays\n", migrations[i].name, conn->sqlstate);
            return 1;
        }
        fprintf(out, "applied %s\n", migrations[i].name);
    }
    fprintf(out, "the schema is at version %u\n", migration_count);
    return 0;
bad:
    fprintf(errors, "platesieved migrate: the database refused or went away, SQLSTATE %s\n", conn->sqlstate[0] ? conn->sqlstate : "none");
    return 1;
}

int migrate_run(const char *owner_conninfo, FILE *out, FILE *errors)
{
    struct db_conn *conn;
    char sqlstate[6];
    if (failed(conn_open(owner_conninfo, "platesieved migrate", &conn, sqlstate))) {
        fprintf(errors, "platesieved migrate: can't connect to the database as its owner%s%s\n", sqlstate[0] ? ", SQLSTATE " : "", sqlstate);
        return 1;
    }
    int code = migrate_all(conn, out, errors);
    conn_close(conn);
    return code;
}

static struct result check_body(struct db_conn *conn, void *context)
{
    unsigned *applied = context;
    struct result counted = count_applied(conn, applied);
    /* no schema, no table, or no right to read it: nothing that we know stands */
    if (conn_failed_with(conn, "42P01") || conn_failed_with(conn, "3F000") || conn_failed_with(conn, "42501")) return FAIL(REASON_INTERNAL);
    return counted;
}

struct result db_schema_check(struct db *db)
{
    struct scope scope = { 0 };
    unsigned applied = 0;
    TRY(db_transaction(db, &scope, check_body, &applied));
    return applied == migration_count ? OK : FAIL(REASON_INTERNAL);
}
