/* Inside db/ only: one connection, statements with binary parameters and results, and the wrapper that runs transactions.
 *
 * Every wait has a deadline: a server that hangs costs a connection, never a thread.  Nothing that PostgreSQL says about an error is kept
 * but its SQLSTATE, because messages quote rows. */
#ifndef SERVER_GATE_DB_CONN_H
#define SERVER_GATE_DB_CONN_H

#include <libpq-fe.h>

#include "server/gate/db/db.h"
#include "server/gate/db/seal.h"

#define DB_STATEMENTS_MAX 160           /* prepared statements of one connection */
#define DB_PARAMS_MAX 20
#define DB_CONNECT_S 3
#define DB_STATEMENT_MS 25000           /* below LIMIT_ANSWER_S, so that the client still gets the answer */
#define DB_COMMIT_MS 50000             /* of what takes longer; still below LIMIT_ANSWER_S */
#define DB_REVISION_MS 600000          /* of a revision's commit: who asks again meanwhile is told to come back, and then hears what came of it */
#define DB_LOCK_MS 10000
#define DB_GRACE_MS 3000                /* what the server gets beyond its own timeout before we hang up */
#define DB_RETRIES 5

struct db_conn {
    PGconn *pg;
    unsigned timeout_ms;                /* of the statements of this transaction */
    char sqlstate[6];                   /* of the last failure; "" when it did not come from the server */
    bool broken;                        /* must not be used again */
    size_t prepared_count;
    const struct statement *prepared[DB_STATEMENTS_MAX];
    const struct seal_keys *keys;       /* of the pool; NULL: none */
    const struct db_served *served;     /* of the pool */
    struct db_conn *next;               /* in the pool */
};

/* A statement: static, one per SQL text.  Its address is its identity. */
struct statement {
    const char *name;                   /* NULL: planned at each run, because what it touches differs too much between runs */
    const char *sql;                    /* parameters with casts: $1::int4 */
};

/* -- parameters: all in binary -------------------------------------------------------------------------------------------------------- */

struct params { /* points into itself: never copied */
    int count;
    const char *values[DB_PARAMS_MAX];
    int lengths[DB_PARAMS_MAX], formats[DB_PARAMS_MAX];
    uint64_t scratch[DB_PARAMS_MAX];
};

void params_bool(struct params *params, bool value);
void params_int2(struct params *params, int value);
void params_int4(struct params *params, int64_t value); /* clipped to 31 bits */
void params_int8(struct params *params, int64_t value);
void params_time(struct params *params, int64_t ms);    /* since 1970 */
void params_text(struct params *params, const char *text);
void params_bytes(struct params *params, const void *bytes, size_t size);

/* An array parameter of one dimension, grown as it is filled.  Wiped when freed. */
struct array {
    uint8_t *data;
    size_t size, room;
    uint32_t count, type;
    bool failed;                        /* no memory: asked once, by params_array */
};
enum { TYPE_BOOL = 16, TYPE_BYTES = 17, TYPE_INT8 = 20, TYPE_INT2 = 21, TYPE_INT4 = 23, TYPE_TEXT = 25, TYPE_REAL = 700, TYPE_TIME = 1184, TYPE_UUID = 2950 };

/* ROOM: bytes of one element, to reserve COUNT of them; array_free() it whatever happens. */
void array_begin(struct array *array, uint32_t type, size_t count, size_t element);
void array_bool(struct array *array, bool value);
void array_int2(struct array *array, int value);
void array_int4(struct array *array, int64_t value);
void array_int8(struct array *array, int64_t value);
void array_real(struct array *array, float value);
void array_time(struct array *array, int64_t ms);
void array_text(struct array *array, const char *text);
void array_bytes(struct array *array, const void *bytes, size_t size);
void array_uuid(struct array *array, const uint8_t bytes[16]);
void array_null(struct array *array);
void array_free(struct array *array);
/* False without memory. */
bool params_array(struct params *params, struct array *array);

/* -- results -------------------------------------------------------------------------------------------------------------------------- */

/* A row; anything that is not what was asked for (null, another length) sets `bad`, and the value is 0. */
struct row {
    const PGresult *result;
    int number;
    bool bad;
};

/* As it came, *SIZE bytes, for params_bytes of the same type; NULL for null.  Lives as long as the result. */
const uint8_t *row_value(struct row *row, int column, size_t *size);
bool row_bool(struct row *row, int column);
int64_t row_int(struct row *row, int column);    /* int2, int4, int8 */
float row_real(struct row *row, int column);
int64_t row_time(struct row *row, int column);   /* ms since 1970 */
int64_t row_time_or(struct row *row, int column, int64_t fallback); /* for null */
void row_text(struct row *row, int column, char *text, size_t size); /* SIZE with the ending zero */
void row_bytes(struct row *row, int column, void *bytes, size_t size); /* exactly SIZE */
/* All of them, at most MAX, from malloc into *BYTES, in place of what was there (NULL, or malloced too). */
struct result row_copy(const PGresult *result, int number, int column, size_t max, uint8_t **bytes, size_t *size);
/* Bytes of any size, in the result; "" for null. */
const uint8_t *row_blob(struct row *row, int column, size_t *size);
/* Opens sealed sums; REASON_FORGED also for null. */
struct result row_sums(struct row *row, int column, const struct seal_keys *keys, const struct seal_place *place, struct sums *sums);
/* Three columns from COLUMN on: judgement, and the times, which may be null. */
void row_lane_word(struct row *row, int column, struct lane_word *word);
/* A text[] into COUNT_MAX texts of SIZE bytes each. */
size_t row_texts(struct row *row, int column, char *texts, size_t size, size_t count_max);

static inline void result_clear(PGresult **result)
{
    PQclear(*result);
    *result = NULL;
}
#define RESULT_CLEANUP CLEANUP(result_clear)

/* -- running ---------------------------------------------------------------------------------------------------------------------------- */

/* Prepares STATEMENT on this connection if need be, and runs it.  *RESULT (PQclear it; may be NULL if RESULT is NULL) holds rows in binary. */
struct result conn_run(struct db_conn *conn, const struct statement *statement, const struct params *params, PGresult **result);
/* Runs it for its effect; *affected may be NULL. */
struct result conn_do(struct db_conn *conn, const struct statement *statement, const struct params *params, uint64_t *affected);
/* One simple command from our own text, without parameters; may hold several statements. */
struct result conn_command(struct db_conn *conn, const char *sql);
/* The same; what its last statement says, one row of one column, into TEXT. */
struct result conn_ask(struct db_conn *conn, const char *sql, char *text, size_t size);
/* Settings of each session, as commands. */
#define CONN_SESSION                                                                                                                       \
    "SET search_path = platesieve, pg_temp; SET timezone = 'UTC'; SET lock_timeout = '10s'; SET statement_timeout = '25s';"                \
    "SET idle_in_transaction_session_timeout = '60s'; SET client_min_messages = error"
bool conn_failed_with(const struct db_conn *conn, const char *sqlstate);
/* Begins COPY ... TO STDOUT (FORMAT binary); then conn_copy_next until it is over. */
struct result conn_copy_begin(struct db_conn *conn, const char *sql);
/* The next buffer (PQfreemem); *SIZE 0 and *DATA NULL at the end. */
struct result conn_copy_next(struct db_conn *conn, char **data, size_t *size);

struct result conn_open(const char *conninfo, const char *application_name, struct db_conn **conn, char sqlstate[6]);
void conn_close(struct db_conn *conn);

/* -- transactions ------------------------------------------------------------------------------------------------------------------------- */

struct scope {
    const char *agency;   /* whose transaction it is, proven to the database: app_agency() of the policies; NULL: none's */
    bool overview;        /* an operator's look at all lists, proven alike: app_overview() */
    bool later;           /* synchronous_commit off: durable with the next transaction that is not */
    bool snapshot;        /* one snapshot for all statements, read only */
    bool generic;         /* prepared statements are planned once, not for each set of parameters: those that touch all partitions */
    unsigned timeout_ms;  /* of each statement; 0: DB_STATEMENT_MS */
    const char *expected; /* SQLSTATE of a failure that the caller sees to: it is not said; NULL: none */
};

/* BODY runs one or more times (serialization failure, deadlock, a connection that had died): it starts from scratch each time.  It returns
   OK to commit; with anything else the transaction is rolled back and that is returned.  A COMMIT whose answer is lost is REASON_DATABASE:
   callers retry under keys that make a second time harmless. */
typedef struct result (*body_fn)(struct db_conn *conn, void *context);
struct result db_transaction(struct db *db, const struct scope *scope, body_fn body, void *context);

/* -- who a transaction is (db/fence.c; schema/0008_fence.sql checks it) -------------------------------------------------------------------- */

#define FENCE_BLOCK_BYTES 64
#define FENCE_PROOF_TEXT 64
#define FENCE_CHALLENGE_TEXT 47

/* The key as the two blocks of HMAC-SHA-256, for the database. */
void fence_blocks(const struct seal_keys *keys, uint8_t inner[FENCE_BLOCK_BYTES], uint8_t outer[FENCE_BLOCK_BYTES]);
/* Proof, in hexadecimal, that the transaction of CHALLENGE is AGENCY's ("": none's), and an overseer's if OVERVIEW is "on" ("": not). */
void fence_prove(const struct seal_keys *keys, const char *agency, const char *overview, const char *challenge, char proof[FENCE_PROOF_TEXT + 1]);

/* -- pool --------------------------------------------------------------------------------------------------------------------------------- */

struct result db_take(struct db *db, struct db_conn **conn);
void db_give(struct db *db, struct db_conn *conn);

#endif
