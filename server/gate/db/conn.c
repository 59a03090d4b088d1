/* One connection: opening it, running statements, copying out.  Every wait ends. */
#include "server/gate/db/conn.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>

static int64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct result conn_break(struct db_conn *conn)
{
    conn->broken = true;
    return FAIL(REASON_DATABASE);
}

/* States after which this connection is of no use: the server goes, or went, or became one that can't write; somebody meddled with the
   session, or with its prepared statements. */
static bool state_breaks(const char *state)
{
    return memcmp(state, "08", 2) == 0 || strcmp(state, "25006") == 0 || strcmp(state, "57P01") == 0 || strcmp(state, "57P02") == 0 ||
           strcmp(state, "57P03") == 0 || strcmp(state, "PS011") == 0 || strcmp(state, "26000") == 0 || memcmp(state, "53", 2) == 0 || memcmp(state, "58", 2) == 0 || memcmp(state, "XX", 2) == 0;
}

static struct result conn_note(struct db_conn *conn, const PGresult *result)
{
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    if (!state || strlen(state) != 5 || PQstatus(conn->pg) != CONNECTION_OK) {
        conn->sqlstate[0] = 0;
        return conn_break(conn);
    }
    memcpy(conn->sqlstate, state, 6);
    if (state_breaks(state)) return conn_break(conn);
    return FAIL(REASON_DATABASE);
}

/* Waits until the next result can be taken without blocking. */
static struct result conn_wait(struct db_conn *conn, int64_t deadline_ms)
{
    for (;;) {
        int flushed = PQflush(conn->pg);
        if (flushed < 0) return conn_break(conn);
        if (flushed == 0 && !PQisBusy(conn->pg)) return OK;
        int64_t left = deadline_ms - monotonic_ms();
        if (left <= 0) return conn_break(conn);
        struct pollfd fd = { .fd = PQsocket(conn->pg), .events = (short)(POLLIN | (flushed == 1 ? POLLOUT : 0)) };
        int ready = poll(&fd, 1, left > 60000 ? 60000 : (int)left);
        if (ready < 0 && errno != EINTR) return conn_break(conn);
        if (ready > 0 && fd.revents & (POLLIN | POLLHUP | POLLERR) && !PQconsumeInput(conn->pg)) return conn_break(conn);
    }
}

/* Takes all results of what was sent; *KEPT is the last one that is not an error. */
static struct result conn_collect(struct db_conn *conn, PGresult **kept)
{
    int64_t deadline = monotonic_ms() + conn->timeout_ms + DB_GRACE_MS;
    struct result outcome = OK;
    for (;;) {
        struct result waited = conn_wait(conn, deadline);
        if (failed(waited)) return waited;
        PGresult *result = PQgetResult(conn->pg);
        if (!result) return conn->broken ? FAIL(REASON_DATABASE) : outcome;
        ExecStatusType status = PQresultStatus(result);
        if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY) {
            PQclear(*kept);
            *kept = result;
        } else if (status == PGRES_COPY_OUT) {
            PQclear(*kept);
            *kept = result;
            return outcome;
        } else {
            outcome = conn_note(conn, result);
            PQclear(result);
        }
    }
}

static struct result conn_prepare(struct db_conn *conn, const struct statement *statement)
{
    for (size_t i = 0; i < conn->prepared_count; i++)
        if (conn->prepared[i] == statement) return OK;
    assert(conn->prepared_count < DB_STATEMENTS_MAX);
    PGresult *result RESULT_CLEANUP = NULL;
    if (!PQsendPrepare(conn->pg, statement->name, statement->sql, 0, NULL)) return conn_break(conn);
    TRY(conn_collect(conn, &result));
    conn->prepared[conn->prepared_count++] = statement;
    return OK;
}

struct result conn_run(struct db_conn *conn, const struct statement *statement, const struct params *params, PGresult **result)
{
    static const struct params none;
    if (conn->broken) return FAIL(REASON_DATABASE);
    if (!params) params = &none;
    if (statement->name) TRY(conn_prepare(conn, statement));
    int sent = statement->name
                   ? PQsendQueryPrepared(conn->pg, statement->name, params->count, params->values, params->lengths, params->formats, 1)
                   : PQsendQueryParams(conn->pg, statement->sql, params->count, NULL, params->values, params->lengths, params->formats, 1);
    if (!sent) return conn_break(conn);
    PGresult *kept RESULT_CLEANUP = NULL;
    TRY(conn_collect(conn, &kept));
    if (!kept) return conn_break(conn);
    if (result) {
        *result = kept;
        kept = NULL;
    }
    return OK;
}

struct result conn_do(struct db_conn *conn, const struct statement *statement, const struct params *params, uint64_t *affected)
{
    PGresult *result RESULT_CLEANUP = NULL;
    TRY(conn_run(conn, statement, params, &result));
    if (affected) *affected = strtoull(PQcmdTuples(result), NULL, 10);
    return OK;
}

struct result conn_command(struct db_conn *conn, const char *sql)
{
    if (conn->broken) return FAIL(REASON_DATABASE);
    PGresult *result RESULT_CLEANUP = NULL;
    if (!PQsendQuery(conn->pg, sql)) return conn_break(conn);
    return conn_collect(conn, &result);
}

struct result conn_ask(struct db_conn *conn, const char *sql, char *text, size_t size)
{
    PGresult *result RESULT_CLEANUP = NULL;
    if (conn->broken) return FAIL(REASON_DATABASE);
    if (!PQsendQuery(conn->pg, sql)) return conn_break(conn);
    TRY(conn_collect(conn, &result));
    if (!result || PQntuples(result) != 1 || PQnfields(result) != 1 || (size_t)PQgetlength(result, 0, 0) >= size) return FAIL(REASON_DATABASE);
    memcpy(text, PQgetvalue(result, 0, 0), (size_t)PQgetlength(result, 0, 0) + 1);
    return OK;
}

bool conn_failed_with(const struct db_conn *conn, const char *sqlstate)
{
    return strcmp(conn->sqlstate, sqlstate) == 0;
}

struct result conn_copy_begin(struct db_conn *conn, const char *sql)
{
    if (conn->broken) return FAIL(REASON_DATABASE);
    PGresult *result RESULT_CLEANUP = NULL;
    if (!PQsendQuery(conn->pg, sql)) return conn_break(conn);
    TRY(conn_collect(conn, &result));
    return PQresultStatus(result) == PGRES_COPY_OUT ? OK : conn_break(conn);
}

struct result conn_copy_next(struct db_conn *conn, char **data, size_t *size)
{
    int64_t deadline = 0; /* most rows are there already: the clock is asked for the others */
    *data = NULL;
    *size = 0;
    for (;;) {
        int got = PQgetCopyData(conn->pg, data, 1);
        if (got > 0) {
            *size = (size_t)got;
            return OK;
        }
        if (got == -2) return conn_break(conn);
        if (got == -1) {
            PGresult *result RESULT_CLEANUP = NULL;
            return conn_collect(conn, &result);
        }
        int64_t now = monotonic_ms();
        if (deadline == 0) deadline = now + conn->timeout_ms + DB_GRACE_MS;
        int64_t left = deadline - now;
        if (left <= 0) return conn_break(conn);
        struct pollfd fd = { .fd = PQsocket(conn->pg), .events = POLLIN };
        if (poll(&fd, 1, left > 60000 ? 60000 : (int)left) < 0 && errno != EINTR) return conn_break(conn);
        if (fd.revents && !PQconsumeInput(conn->pg)) return conn_break(conn);
    }
}

/* -- opening ------------------------------------------------------------------------------------------------------------------------------- */

static void ignore_notice(void *context, const PGresult *result)
{
    (void)context, (void)result;
}

_Static_assert(DB_LOCK_MS == 10000 && DB_STATEMENT_MS == 25000, "the session's text says the same");

struct result conn_open(const char *conninfo, const char *application_name, struct db_conn **out, char sqlstate[6])
{
    /* our own first: what the operator says in the conninfo wins */
    const char *const names[] = { "connect_timeout", "tcp_user_timeout", "keepalives_idle", "keepalives_interval", "keepalives_count",
                                  "target_session_attrs", "client_encoding", "dbname", "fallback_application_name", NULL };
    const char *const values[] = { "3", "10000", "5", "2", "3", "read-write", "UTF8", conninfo, application_name, NULL };
    _Static_assert(DB_CONNECT_S == 3, "connect_timeout says the same");

    struct db_conn *conn = calloc(1, sizeof(*conn));
    if (!conn) return FAIL(REASON_INTERNAL);
    conn->timeout_ms = DB_STATEMENT_MS;
    conn->pg = PQconnectdbParams(names, values, 1);
    sqlstate[0] = 0;
    if (!conn->pg || PQstatus(conn->pg) != CONNECTION_OK || PQsetnonblocking(conn->pg, 1) != 0) goto bad;
    PQsetNoticeReceiver(conn->pg, ignore_notice, NULL);
    if (failed(conn_command(conn, CONN_SESSION))) {
        memcpy(sqlstate, conn->sqlstate, sizeof(conn->sqlstate));
        goto bad;
    }
    *out = conn;
    return OK;
bad:
    conn_close(conn);
    return FAIL(REASON_DATABASE);
}

void conn_close(struct db_conn *conn)
{
    if (!conn) return;
    PQfinish(conn->pg);
    free(conn);
}
