/* What was dropped because its retention was over: counts. */
#include "server/gate/db/conn.h"

#define DAY_MS INT64_C(86400000)
#define DROPPED_ROWS (LIMIT_LISTS + 1) /* a whole day fits, and one more says that there is another */

static const struct statement dropped_between = {
    "dropped_between",
    "SELECT d.day - date '1970-01-01', l.agency, l.id, max(d.dropped_at)"
    ", coalesce(sum(d.rows) FILTER (WHERE d.what = 'hits'), 0)::int8, coalesce(sum(d.rows) FILTER (WHERE d.what = 'sightings'), 0)::int8"
    ", coalesce(sum(d.rows) FILTER (WHERE d.what = 'evidence'), 0)::int8"
    ", coalesce(sum(d.rows) FILTER (WHERE d.what NOT IN ('hits', 'sightings', 'evidence')), 0)::int8"
    " FROM dropped d JOIN lists l ON l.number = d.list"
    " WHERE d.day BETWEEN date '1970-01-01' + $1::int4 AND date '1970-01-01' + $2::int4 AND ($3::text = '' OR l.agency = $3::text)"
    " AND ($4::bool OR NOT l.covert) GROUP BY d.day, l.agency, l.id ORDER BY d.day, l.agency, l.id LIMIT $5::int4"
};
static const struct statement overdue = { "overdue", "SELECT d - date '1970-01-01' FROM days_over() AS d LIMIT $1::int4" };

struct dropped {
    const struct db_retention *asked;
    PGresult *rows, *overdue;
};

static struct result dropped_body(struct db_conn *conn, void *context)
{
    struct dropped *dropped = context;
    const struct db_retention *asked = dropped->asked;
    struct params params = { 0 }, most = { 0 };
    result_clear(&dropped->rows);
    result_clear(&dropped->overdue);
    params_int4(&params, asked->from_ms / DAY_MS);
    params_int4(&params, asked->to_ms / DAY_MS);
    params_text(&params, asked->agency ? asked->agency : "");
    params_bool(&params, asked->covert);
    params_int4(&params, DROPPED_ROWS);
    TRY(conn_run(conn, &dropped_between, &params, &dropped->rows));
    params_int4(&most, DB_OVERDUE_MAX);
    return conn_run(conn, &overdue, &most, &dropped->overdue);
}

static struct result take(const PGresult *result, int number, struct db_dropped *one)
{
    struct row row = { .result = result, .number = number };
    one->day_ms = row_int(&row, 0) * DAY_MS;
    row_text(&row, 1, one->agency, sizeof(one->agency));
    row_text(&row, 2, one->list, sizeof(one->list));
    one->dropped_ms = row_time(&row, 3);
    one->hits = (uint64_t)row_int(&row, 4);
    one->reads = (uint64_t)row_int(&row, 5);
    one->evidence = (uint64_t)row_int(&row, 6);
    one->other = (uint64_t)row_int(&row, 7);
    return row.bad ? FAIL(REASON_DATABASE) : OK;
}

/* Whole days only: what does not fit is left to the next call, from its day on. */
static struct result take_days(const PGresult *rows, struct db_retention *asked, db_dropped_fn each, void *context)
{
    int count = PQntuples(rows);
    struct db_dropped last;
    asked->next_ms = 0;
    if (count == DROPPED_ROWS) {
        TRY(take(rows, count - 1, &last));
        asked->next_ms = last.day_ms;
    }
    for (int i = 0; i < count; i++) {
        struct db_dropped one;
        TRY(take(rows, i, &one));
        if (asked->next_ms != 0 && one.day_ms == asked->next_ms) break;
        each(context, &one);
    }
    return OK;
}

static struct result take_overdue(const PGresult *rows, struct db_retention *asked)
{
    asked->overdue_count = (size_t)PQntuples(rows);
    for (size_t i = 0; i < asked->overdue_count; i++) {
        struct row row = { .result = rows, .number = (int)i };
        asked->overdue_ms[i] = row_int(&row, 0) * DAY_MS;
        if (row.bad) return FAIL(REASON_DATABASE);
    }
    return OK;
}

struct result db_dropped_each(struct db *db, struct db_retention *asked, db_dropped_fn each, void *context)
{
    struct dropped dropped = { .asked = asked };
    struct scope scope = { .agency = asked->own ? asked->agency : NULL, .overview = !asked->own };
    struct result result = db_transaction(db, &scope, dropped_body, &dropped);
    if (!failed(result)) result = take_overdue(dropped.overdue, asked);
    if (!failed(result)) result = take_days(dropped.rows, asked, each, context);
    result_clear(&dropped.rows);
    result_clear(&dropped.overdue);
    return result;
}
