/* How far the agencies' feeds have come. */
#include "server/gate/db/conn.h"

static const struct statement head = { "feed_head", "SELECT hit_cursor FROM agencies WHERE name = $1::text" };
static const struct statement heads = { "feed_heads", "SELECT name, hit_cursor FROM agencies" };

struct one {
    const char *agency;
    uint64_t *head;
};

static struct result head_body(struct db_conn *conn, void *context)
{
    const struct one *one = context;
    PGresult *result RESULT_CLEANUP = NULL;
    struct params params = { 0 };
    params_text(&params, one->agency);
    TRY(conn_run(conn, &head, &params, &result));
    struct row row = { .result = result };
    *one->head = PQntuples(result) == 0 ? 0 : (uint64_t)row_int(&row, 0);
    return row.bad ? FAIL(REASON_DATABASE) : OK;
}

struct result db_feed_head(struct db *db, const char *agency, uint64_t *newest)
{
    struct one one = { .agency = agency, .head = newest };
    struct scope scope = { .agency = agency };
    return db_transaction(db, &scope, head_body, &one);
}

static struct result heads_body(struct db_conn *conn, void *context)
{
    PGresult **result = context;
    result_clear(result);
    return conn_run(conn, &heads, NULL, result);
}

struct result db_feed_heads(struct db *db, db_head_fn each, void *context)
{
    PGresult *rows RESULT_CLEANUP = NULL;
    struct scope scope = { .timeout_ms = 5000 };
    TRY(db_transaction(db, &scope, heads_body, &rows));
    for (int i = 0; i < PQntuples(rows); i++) {
        char name[LIMIT_NAME_MAX + 1];
        struct row row = { .result = rows, .number = i };
        row_text(&row, 0, name, sizeof(name));
        uint64_t newest = (uint64_t)row_int(&row, 1);
        if (row.bad) return FAIL(REASON_DATABASE);
        each(context, name, newest);
    }
    return OK;
}
