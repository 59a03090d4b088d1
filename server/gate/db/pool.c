/* The pool of connections of one role, and the wrapper that runs and retries transactions. */
#include "server/gate/db/conn.h"

#include <assert.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <unistd.h>

#include "include/monotonic.h"
#include "server/http/log.h"

struct db {
    char *conninfo, *application_name;
    unsigned connections_max, wait_ms;
    pthread_mutex_t lock;
    pthread_cond_t given;
    unsigned connections;    /* open, taken ones included */
    struct db_conn *idle;
    struct seal_keys *keys;  /* locked memory; NULL: none */
    const struct db_served *served;
    atomic_bool up;
    atomic_bool told;        /* that it is away */
    _Atomic int64_t complained_s; /* when a failed statement was logged last */
};

struct result db_open(const char *conninfo, const char *application_name, unsigned connections, unsigned wait_ms, struct db **out)
{
    assert(connections > 0);
    struct db *db = calloc(1, sizeof(*db));
    if (!db) return FAIL(REASON_INTERNAL);
    db->conninfo = strdup(conninfo);
    db->application_name = strdup(application_name);
    db->connections_max = connections;
    db->wait_ms = wait_ms;
    monotonic_condition(&db->given);
    pthread_mutex_init(&db->lock, NULL);
    if (!db->conninfo || !db->application_name) {
        db_close(db);
        return FAIL(REASON_INTERNAL);
    }
    *out = db;
    return OK;
}

static void close_all(struct db_conn *idle)
{
    while (idle) {
        struct db_conn *next = idle->next;
        conn_close(idle);
        idle = next;
    }
}

void db_close(struct db *db)
{
    if (!db) return;
    close_all(db->idle);
    pthread_mutex_destroy(&db->lock);
    pthread_cond_destroy(&db->given);
    free(db->conninfo);
    free(db->application_name);
    platesieve_secret_free(db->keys);
    free(db);
}

void db_served_with(struct db *db, const struct db_served *served)
{
    db->served = served;
}

struct result db_seal_with(struct db *db, const uint8_t key[32])
{
    assert(!db->keys);
    db->keys = platesieve_secret_allocate(sizeof(*db->keys));
    if (!db->keys) return FAIL(REASON_INTERNAL);
    seal_keys_make(key, db->keys);
    return OK;
}

bool db_up(const struct db *db)
{
    return atomic_load(&db->up);
}

/* Notes what was seen, and says so once when it changes. */
static void db_note(struct db *db, bool up, const char *sqlstate)
{
    atomic_store(&db->up, up);
    if (up && atomic_exchange(&db->told, false)) log_line(LOG_NOTICE, "%s: the database is back", db->application_name);
    if (!up && !atomic_exchange(&db->told, true))
        log_line(LOG_WARNING, "%s: the database is away%s%s", db->application_name, sqlstate[0] ? ", SQLSTATE " : "", sqlstate);
}

static struct timespec wait_until(unsigned ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
    return until;
}

struct result db_take(struct db *db, struct db_conn **out)
{
    struct timespec until = wait_until(db->wait_ms);
    pthread_mutex_lock(&db->lock);
    while (!db->idle && db->connections >= db->connections_max) {
        if (pthread_cond_timedwait(&db->given, &db->lock, &until) != 0 && !db->idle && db->connections >= db->connections_max) {
            pthread_mutex_unlock(&db->lock);
            return FAIL(REASON_DATABASE);
        }
    }
    struct db_conn *conn = db->idle;
    if (conn) db->idle = conn->next;
    else db->connections++;
    pthread_mutex_unlock(&db->lock);
    if (conn) {
        conn->keys = db->keys; /* it may be older than they are */
        conn->served = db->served;
        *out = conn;
        return OK;
    }

    char sqlstate[6];
    struct result opened = conn_open(db->conninfo, db->application_name, out, sqlstate);
    db_note(db, !failed(opened), sqlstate);
    if (failed(opened)) {
        pthread_mutex_lock(&db->lock);
        db->connections--;
        pthread_cond_signal(&db->given);
        pthread_mutex_unlock(&db->lock);
        return opened;
    }
    (*out)->keys = db->keys;
    (*out)->served = db->served;
    return OK;
}

/* A broken connection takes the idle ones with it: they most likely lead to the same dead server. */
void db_give(struct db *db, struct db_conn *conn)
{
    struct db_conn *dead = NULL;
    bool broken = conn->broken || PQstatus(conn->pg) != CONNECTION_OK || PQtransactionStatus(conn->pg) != PQTRANS_IDLE;
    if (broken) db_note(db, false, conn->sqlstate);
    else db_note(db, true, "");
    pthread_mutex_lock(&db->lock);
    if (broken) {
        dead = db->idle;
        db->idle = NULL;
        for (struct db_conn *each = dead; each; each = each->next) db->connections--;
        db->connections--;
        pthread_cond_broadcast(&db->given);
    } else {
        conn->next = db->idle;
        db->idle = conn;
        pthread_cond_signal(&db->given);
    }
    pthread_mutex_unlock(&db->lock);
    if (broken) conn_close(conn);
    close_all(dead);
}

/* -- transactions -------------------------------------------------------------------------------------------------------------------------- */

static const struct statement enter = { "enter", "SELECT platesieve.app_enter($1::text, $2::text, $3::text)" };

/* Begins a transaction in which an agency's rows can be seen.  What an earlier transaction may have left in the session is taken back first, and
   a session in which SQL prepared statements is not used. */
static struct result begin_proven(struct db_conn *conn, const struct scope *scope)
{
    const char *agency = scope->agency ? scope->agency : "", *overview = scope->overview ? "on" : "";
    char challenge[FENCE_CHALLENGE_TEXT + 1], proof[FENCE_PROOF_TEXT + 1];
    struct params params = { 0 };
    if (!conn->keys) return FAIL(REASON_INTERNAL);
    TRY(conn_ask(conn,
                 scope->snapshot ? "RESET ALL;" CONN_SESSION ";BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;SELECT platesieve.fence_challenge()"
                                 : "RESET ALL;" CONN_SESSION ";BEGIN;SELECT platesieve.fence_challenge()",
                 challenge, sizeof(challenge)));
    fence_prove(conn->keys, agency, overview, challenge, proof);
    params_text(&params, agency);
    params_text(&params, overview);
    params_text(&params, proof);
    return conn_do(conn, &enter, &params, NULL);
}

static struct result begin(struct db_conn *conn, const struct scope *scope)
{
    char extra[64];
    conn->sqlstate[0] = 0;
    conn->timeout_ms = scope->timeout_ms ? scope->timeout_ms : DB_STATEMENT_MS;
    if (scope->agency || scope->overview) TRY(begin_proven(conn, scope));
    else TRY(conn_command(conn, scope->snapshot ? "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" : "BEGIN"));
    if (scope->later) TRY(conn_command(conn, "SET LOCAL synchronous_commit = off"));
    if (scope->generic) TRY(conn_command(conn, "SET LOCAL plan_cache_mode = force_generic_plan"));
    if (!scope->timeout_ms) return OK;
    snprintf(extra, sizeof(extra), "SET LOCAL statement_timeout = %u", scope->timeout_ms);
    return conn_command(conn, extra);
}

/* One attempt.  *AGAIN: nothing was committed, and another try may go better. */
static struct result attempt(struct db_conn *conn, const struct scope *scope, body_fn body, void *context, bool *again)
{
    struct result result = begin(conn, scope);
    if (!failed(result)) result = body(conn, context);
    if (!failed(result) && !conn->broken) {
        result = conn_command(conn, "COMMIT");
        /* a COMMIT that the server refused is undone; one whose answer was lost is unknown, and the caller's to repeat */
        *again = failed(result) && !conn->broken;
        return result;
    }
    if (!failed(result)) result = FAIL(REASON_DATABASE);
    *again = result.reason == REASON_DATABASE &&
             (conn->broken || conn_failed_with(conn, "40001") || conn_failed_with(conn, "40P01"));
    char state[6];
    memcpy(state, conn->sqlstate, sizeof(state));
    if (!conn->broken && failed(conn_command(conn, "ROLLBACK"))) conn->broken = true;
    memcpy(conn->sqlstate, state, sizeof(state));
    return result;
}

/* Once in ten seconds is enough to know. */
static void complain(struct db *db, const char *sqlstate)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (now.tv_sec - atomic_load(&db->complained_s) < 10) return;
    atomic_store(&db->complained_s, now.tv_sec);
    log_line(LOG_WARNING, "%s: a statement failed, SQLSTATE %s", db->application_name, sqlstate);
}

struct result db_transaction(struct db *db, const struct scope *scope, body_fn body, void *context)
{
    unsigned dead = 0;
    for (unsigned tries = 1;; tries++) {
        struct db_conn *conn;
        bool again = false;
        TRY(db_take(db, &conn));
        struct result result = attempt(conn, scope, body, context, &again);
        if (conn->broken) dead++;
        bool give_up = !again || tries > DB_RETRIES || dead > 1; /* one dead connection is an old one; two are an outage */
        const bool expected = scope->expected != NULL && conn_failed_with(conn, scope->expected);
        if (failed(result) && give_up && result.reason == REASON_DATABASE && conn->sqlstate[0] && !conn->broken && !expected)
            complain(db, conn->sqlstate);
        conn->timeout_ms = DB_STATEMENT_MS;
        db_give(db, conn);
        if (!failed(result) || give_up) return result;
        if (tries > 1) usleep(1000 + randombytes_uniform(20000) * tries);
    }
}

static struct result ping_body(struct db_conn *conn, void *context)
{
    (void)context;
    return conn_command(conn, "SELECT 1");
}

struct result db_ping(struct db *db)
{
    struct scope scope = { .timeout_ms = 2000 };
    return db_transaction(db, &scope, ping_body, NULL);
}

static const struct statement give_fence = { "give_fence", "SELECT fence_give($1::bytea, $2::bytea)" };

static struct result fence_body(struct db_conn *conn, void *context)
{
    PGresult *result RESULT_CLEANUP = NULL;
    uint8_t inner[FENCE_BLOCK_BYTES], outer[FENCE_BLOCK_BYTES];
    struct params params = { 0 };
    if (!conn->keys) return FAIL(REASON_INTERNAL);
    fence_blocks(conn->keys, inner, outer);
    params_bytes(&params, inner, sizeof(inner));
    params_bytes(&params, outer, sizeof(outer));
    struct result given = conn_run(conn, &give_fence, &params, &result);
    sodium_memzero(inner, sizeof(inner));
    sodium_memzero(outer, sizeof(outer));
    TRY(given);
    struct row row = { .result = result };
    *(bool *)context = row_bool(&row, 0);
    return row.bad ? FAIL(REASON_DATABASE) : OK;
}

struct result db_fence_give(struct db *db, bool *changed)
{
    struct scope scope = { 0 };
    *changed = false;
    return db_transaction(db, &scope, fence_body, changed);
}
