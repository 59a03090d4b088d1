/* Days: partitions of hits, and of all that hangs on them, made ahead and dropped when what is in them must be gone. */
#include "server/gate/db/conn.h"
#include "server/gate/db/load.h"

#define DAY_MS INT64_C(86400000)

static const struct statement days_needed = { "days_needed", "SELECT d - date '1970-01-01' FROM days_needed() AS d" };
static const struct statement days_over = {
    "days_over", "SELECT d - date '1970-01-01' FROM days_over() AS d WHERE d <= date '1970-01-01' + $1::int4"
};
static const struct statement prepare_day = { "prepare_day", "SELECT day_prepare(date '1970-01-01' + $1::int4)" };
static const struct statement drop_day = { "drop_day", "SELECT day_drop(date '1970-01-01' + $1::int4)" };

struct days {
    const struct statement *statement;
    const int64_t *until;          /* day since 1970; NULL: all */
    PGresult *result;
};

static struct result days_body(struct db_conn *conn, void *context)
{
    struct days *days = context;
    struct params params = { 0 };
    result_clear(&days->result);
    if (days->until) params_int4(&params, *days->until);
    return conn_run(conn, days->statement, &params, &days->result);
}

static struct result prepare_body(struct db_conn *conn, void *context)
{
    struct params params = { 0 };
    params_int4(&params, *(const int64_t *)context);
    return conn_do(conn, &prepare_day, &params, NULL);
}

struct drop {
    int64_t day;
    bool dropped;
};

static struct result drop_body(struct db_conn *conn, void *context)
{
    PGresult *result RESULT_CLEANUP = NULL;
    struct drop *drop = context;
    struct params params = { 0 };
    params_int4(&params, drop->day);
    TRY(conn_run(conn, &drop_day, &params, &result));
    struct row row = { .result = result };
    drop->dropped = row_bool(&row, 0);
    return row.bad ? FAIL(REASON_DATABASE) : OK;
}

/* A transaction for each day: one that reads or stores has to wait for one at most. */
struct result db_days_prepare(struct db *db)
{
    struct days days = { .statement = &days_needed };
    struct scope scope = { 0 };
    struct result result = db_transaction(db, &scope, days_body, &days);
    for (int i = 0; !failed(result) && i < PQntuples(days.result); i++) {
        struct row row = { .result = days.result, .number = i };
        int64_t day = row_int(&row, 0);
        result = row.bad ? FAIL(REASON_DATABASE) : db_transaction(db, &scope, prepare_body, &day);
    }
    result_clear(&days.result);
    return result;
}

struct result db_days_drop(struct db *db, int64_t now_ms, void (*each)(void *context, int64_t day_ms), void *context)
{
    int64_t today = now_ms / DAY_MS;
    struct days days = { .statement = &days_over, .until = &today };
    struct scope scope = { .timeout_ms = DB_COMMIT_MS };
    struct result result = db_transaction(db, &scope, days_body, &days);
    for (int i = 0; !failed(result) && i < PQntuples(days.result); i++) {
        struct row row = { .result = days.result, .number = i };
        struct drop drop = { .day = row_int(&row, 0) };
        result = row.bad ? FAIL(REASON_DATABASE) : db_transaction(db, &scope, drop_body, &drop);
        if (!failed(result) && drop.dropped && each) each(context, drop.day * DAY_MS);
    }
    result_clear(&days.result);
    return result;
}
