/* Epochs' partitions, and housekeeping. */
#include <assert.h>

#include "server/gate/db/conn.h"
#include "server/gate/db/load.h"

static const struct statement prepare_epoch = {
    "prepare_epoch", "SELECT epoch_prepare($1::int4, $2::text, $3::timestamptz, $4::timestamptz, $5::timestamptz, $6::bytea)"
};
static const struct statement epochs_over = {
    "epochs_over", "SELECT number FROM epochs WHERE destroyed_at <= now() ORDER BY number"
};
static const struct statement end_epoch = { "end_epoch", "SELECT epoch_end($1::int4, $2::text)" };
static const struct statement drop_epoch = { "drop_epoch", "SELECT epoch_drop($1::int4)" };
static const struct statement maintain = { "maintain", "SELECT maintain() + verdicts_tidy() + token_edits_tidy()" };

static struct result prepare_body(struct db_conn *conn, void *context)
{
    const struct db_epoch *epoch = context;
    struct params params = { 0 };
    params_int4(&params, (int64_t)epoch->number);
    params_text(&params, epoch->id);
    params_time(&params, epoch->opens_ms);
    params_time(&params, epoch->closes_ms);
    params_time(&params, epoch->destroyed_ms);
    params_bytes(&params, epoch->mark, sizeof(epoch->mark));
    struct result result = conn_do(conn, &prepare_epoch, &params, NULL);
    return failed(result) && conn_failed_with(conn, "PS001") ? FAIL(REASON_INTERNAL) : result;
}

struct result db_epoch_prepare(struct db *db, const struct db_epoch *epoch)
{
    struct scope scope = { 0 };
    if (epoch->number > INT32_MAX) return FAIL(REASON_INTERNAL);
    return db_transaction(db, &scope, prepare_body, (void *)(uintptr_t)epoch);
}

static struct result numbers_body(struct db_conn *conn, void *context)
{
    return conn_run(conn, &epochs_over, NULL, context);
}

static struct result drop_body(struct db_conn *conn, void *context)
{
    struct params params = { 0 };
    params_int4(&params, *(int64_t *)context);
    return conn_do(conn, &drop_epoch, &params, NULL);
}

struct end {
    uint64_t number;
    const char *id;
    bool *ended;
};

static struct result end_body(struct db_conn *conn, void *context)
{
    PGresult *result RESULT_CLEANUP = NULL;
    const struct end *end = context;
    struct params params = { 0 };
    params_int4(&params, (int64_t)end->number);
    params_text(&params, end->id);
    TRY(conn_run(conn, &end_epoch, &params, &result));
    struct row row = { .result = result };
    *end->ended = row_bool(&row, 0);
    return row.bad ? FAIL(REASON_DATABASE) : OK;
}

struct result db_epoch_end(struct db *db, uint64_t number, const char *id, bool *ended)
{
    struct end end = { number, id, ended };
    struct scope scope = { 0 };
    *ended = false;
    if (number > INT32_MAX) return FAIL(REASON_INTERNAL);
    return db_transaction(db, &scope, end_body, &end);
}

struct result db_epochs_drop(struct db *db, void (*each)(void *context, uint64_t number), void *context)
{
    PGresult *over RESULT_CLEANUP = NULL;
    struct scope scope = { 0 };
    TRY(db_transaction(db, &scope, numbers_body, &over));
    for (int i = 0, rows = PQntuples(over); i < rows; i++) {
        struct row row = { .result = over, .number = i };
        int64_t number = row_int(&row, 0);
        if (row.bad) return FAIL(REASON_DATABASE);
        TRY(db_transaction(db, &scope, drop_body, &number));
        if (each != NULL) each(context, (uint64_t)number);
    }
    return OK;
}

static struct result maintain_body(struct db_conn *conn, void *context)
{
    PGresult *result RESULT_CLEANUP = NULL;
    bool *more = context;
    TRY(conn_run(conn, &maintain, NULL, &result));
    struct row row = { .result = result };
    *more = row_int(&row, 0) > 0;
    return row.bad ? FAIL(REASON_DATABASE) : OK;
}

struct result db_maintain(struct db *db, bool *more)
{
    struct scope scope = { .later = true };
    *more = false;
    return db_transaction(db, &scope, maintain_body, more);
}
