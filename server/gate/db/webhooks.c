#include "server/gate/db/webhooks.h"

#include "server/gate/db/conn.h"

#define STRING(x) #x
#define TEXT_OF(x) STRING(x)
#define SHOWN "w.agency, w.name, w.url, w.made_by, w.error, w.test_error, w.cursor, a.hit_cursor, w.upto, w.failures, w.made_at, w.next_at,"         \
              " w.failing_since, w.delivered_at, w.tested_at, w.test_at IS NOT NULL"
#define FROM " FROM webhooks w JOIN agencies a ON a.name = w.agency"
#define MINE " WHERE agency = $1::text AND name = $2::text AND lease = $3::text"

static const struct statement make_agency = { "hook_agency", "INSERT INTO agencies (name) VALUES ($1::text) ON CONFLICT DO NOTHING" };
/* $5: the cursor to begin after, -1: none was said */
static const struct statement insert = {
    "hook_insert",
    "INSERT INTO webhooks (agency, name, url, secret, cursor, made_by)"
    " SELECT a.name, $2::text, $3::text, $4::bytea, coalesce(nullif($5::int8, -1), a.hit_cursor), $6::text FROM agencies a"
    " WHERE a.name = $1::text AND $5::int8 <= a.hit_cursor"
};
static const struct statement update = {
    "hook_update",
    "UPDATE webhooks w SET url = $3::text, secret = $4::bytea, made_at = now(), made_by = $6::text, lease = '', lease_until = now(), next_at = now(),"
    " upto = 0, failures = 0, failing_since = NULL, error = '', tested_at = NULL, test_error = '',"
    " cursor = CASE WHEN $5::int8 < 0 THEN w.cursor ELSE $5::int8 END FROM agencies a"
    " WHERE w.agency = $1::text AND w.name = $2::text AND a.name = w.agency AND $5::int8 <= a.hit_cursor"
};
static const struct statement count = { "hook_count", "SELECT count(*) FROM webhooks WHERE agency = $1::text AND name <> $2::text" };
static const struct statement show = { "hook_show", "SELECT " SHOWN FROM " WHERE w.agency = $1::text AND ($2::text = '' OR w.name = $2::text) ORDER BY w.name" };
static const struct statement drop = { "hook_drop", "DELETE FROM webhooks WHERE agency = $1::text AND name = $2::text" };
static const struct statement want_test = {
    "hook_test", "UPDATE webhooks SET test_at = now(), tested_at = NULL, test_error = '' WHERE agency = $1::text AND name = $2::text"
};
static const struct statement claim = {
    "hook_claim",
    "WITH due AS (SELECT v.agency, v.name, b.hit_cursor FROM webhooks v JOIN agencies b ON b.name = v.agency WHERE v.lease_until <= now()"
    " AND (v.test_at IS NOT NULL OR (v.next_at <= now() AND v.cursor < b.hit_cursor)) ORDER BY v.next_at LIMIT $2::int4 FOR UPDATE OF v SKIP LOCKED)"
    " UPDATE webhooks w SET lease = $1::text, lease_until = now() + make_interval(secs => " TEXT_OF(LIMIT_WEBHOOK_LEASE_S) ") FROM due a"
    " WHERE w.agency = a.agency AND w.name = a.name RETURNING " SHOWN ", w.secret"
};
static const struct statement delivered = {
    "hook_delivered",
    "UPDATE webhooks SET cursor = $4::int8, upto = 0, failures = 0, failing_since = NULL, error = '', delivered_at = now(), next_at = now(),"
    " lease_until = now()" MINE " AND cursor < $4::int8"
};
static const struct statement not_delivered = {
    "hook_failed",
    "UPDATE webhooks SET failures = least(failures + 1, 1000000), failing_since = coalesce(failing_since, now()), error = $4::text, upto = $5::int8,"
    " next_at = now() + make_interval(secs => $6::int4), lease_until = now()" MINE
};
static const struct statement tested = {
    "hook_tested",
    "UPDATE webhooks SET test_at = NULL, tested_at = now(), test_error = $4::text, lease_until = now(),"
    " next_at = CASE WHEN $4::text = '' THEN now() ELSE next_at END" MINE
};
static const struct statement release_all = { "hook_release", "UPDATE webhooks SET lease_until = now() WHERE lease = $1::text AND lease_until > now()" };
static const struct statement alarms = {
    "hook_alarms", "SELECT " SHOWN ", count(*) OVER () FROM webhooks w JOIN agencies a ON a.name = w.agency"
                   " WHERE w.failures >= " TEXT_OF(LIMIT_WEBHOOK_ALARM) " ORDER BY w.failing_since LIMIT " TEXT_OF(LIMIT_ALARMS_SHOWN)
};
static const struct statement total = { "hook_total", "SELECT count(*) FROM webhooks" };

#define SHOWN_COLUMNS 16

static struct result hook_take(const PGresult *result, int number, bool claimed, struct db_webhook *hook)
{
    struct row row = { .result = result, .number = number };
    row_text(&row, 0, hook->agency, sizeof(hook->agency));
    row_text(&row, 1, hook->name, sizeof(hook->name));
    row_text(&row, 2, hook->url, sizeof(hook->url));
    row_text(&row, 3, hook->made_by, sizeof(hook->made_by));
    row_text(&row, 4, hook->error, sizeof(hook->error));
    row_text(&row, 5, hook->test_error, sizeof(hook->test_error));
    hook->cursor = (uint64_t)row_int(&row, 6);
    hook->head = (uint64_t)row_int(&row, 7);
    hook->upto = (uint64_t)row_int(&row, 8);
    hook->failures = (uint32_t)row_int(&row, 9);
    hook->made_ms = row_time(&row, 10);
    hook->next_ms = row_time(&row, 11);
    hook->failing_since_ms = row_time_or(&row, 12, 0);
    hook->delivered_ms = row_time_or(&row, 13, 0);
    hook->tested_ms = row_time_or(&row, 14, 0);
    hook->test = row_bool(&row, 15);
    if (claimed) row_bytes(&row, SHOWN_COLUMNS, hook->secret, sizeof(hook->secret));
    return row.bad ? FAIL(REASON_DATABASE) : OK;
}

/* One statement whose rows are webhooks. */
struct rows {
    const struct statement *statement;
    const struct params *params;
    PGresult *result;
};

static struct result rows_body(struct db_conn *conn, void *context)
{
    struct rows *rows = context;
    result_clear(&rows->result);
    return conn_run(conn, rows->statement, rows->params, &rows->result);
}

static struct result rows_each(struct db *db, const struct scope *scope, struct rows *rows, bool claimed, db_webhook_fn each, void *context)
{
    struct result result = db_transaction(db, scope, rows_body, rows);
    int n = failed(result) ? 0 : PQntuples(rows->result);
    for (int i = 0; i < n && !failed(result); i++) {
        struct db_webhook hook = { 0 };
        result = hook_take(rows->result, i, claimed, &hook);
        if (!failed(result)) each(context, &hook);
    }
    return result;
}

/* -- for agencies -------------------------------------------------------------------------------------------------------------------------- */

struct put {
    const char *agency, *who;
    const uint64_t *after;
    struct db_webhook *hook;
    bool made;
};

static struct result put_body(struct db_conn *conn, void *context)
{
    struct put *work = context;
    PGresult *counted RESULT_CLEANUP = NULL, *shown RESULT_CLEANUP = NULL;
    struct params whose = { 0 }, name = { 0 }, params = { 0 };
    uint64_t changed = 0;
    params_text(&whose, work->agency);
    TRY(conn_do(conn, &make_agency, &whose, NULL));
    params_text(&name, work->agency);
    params_text(&name, work->hook->name);
    TRY(conn_run(conn, &count, &name, &counted));
    struct row row = { .result = counted };
    if (row_int(&row, 0) >= LIMIT_WEBHOOKS_PER_AGENCY) return FAIL(REASON_TOO_MANY);
    if (row.bad) return FAIL(REASON_DATABASE);
    params_text(&params, work->agency);
    params_text(&params, work->hook->name);
    params_text(&params, work->hook->url);
    params_bytes(&params, work->hook->secret, sizeof(work->hook->secret));
    params_int8(&params, work->after ? (int64_t)*work->after : -1);
    params_text(&params, work->who);
    TRY(conn_do(conn, &update, &params, &changed));
    work->made = changed == 0;
    if (work->made) TRY(conn_do(conn, &insert, &params, &changed));
    if (changed == 0) return FAIL(REASON_CURSOR);
    TRY(conn_run(conn, &show, &name, &shown));
    return PQntuples(shown) == 1 ? hook_take(shown, 0, false, work->hook) : FAIL(REASON_DATABASE);
}

struct result db_webhook_put(struct db *db, const char *agency, const char *who, const uint64_t *after, struct db_webhook *hook, bool *made)
{
    struct put work = { .agency = agency, .who = who, .after = after, .hook = hook };
    struct scope scope = { .agency = agency };
    struct result result = db_transaction(db, &scope, put_body, &work);
    *made = work.made;
    return result;
}

struct result db_webhook_each(struct db *db, const char *agency, const char *name, db_webhook_fn each, void *context)
{
    struct params params = { 0 };
    struct rows rows = { .statement = &show, .params = &params };
    struct scope scope = { .agency = agency };
    params_text(&params, agency);
    params_text(&params, name ? name : "");
    struct result result = rows_each(db, &scope, &rows, false, each, context);
    if (!failed(result) && name && PQntuples(rows.result) == 0) result = FAIL(REASON_NOT_FOUND);
    result_clear(&rows.result);
    return result;
}

struct change {
    const struct statement *statement;
    const struct params *params;
    uint64_t affected;
};

static struct result change_body(struct db_conn *conn, void *context)
{
    struct change *change = context;
    return conn_do(conn, change->statement, change->params, &change->affected);
}

static struct result of_agency(struct db *db, const struct statement *statement, const char *agency, const char *name)
{
    struct params params = { 0 };
    struct change change = { .statement = statement, .params = &params };
    struct scope scope = { .agency = agency };
    params_text(&params, agency);
    params_text(&params, name);
    TRY(db_transaction(db, &scope, change_body, &change));
    return change.affected == 1 ? OK : FAIL(REASON_NOT_FOUND);
}

struct result db_webhook_drop(struct db *db, const char *agency, const char *name)
{
    return of_agency(db, &drop, agency, name);
}

struct result db_webhook_test(struct db *db, const char *agency, const char *name)
{
    return of_agency(db, &want_test, agency, name);
}

/* -- for those who deliver ------------------------------------------------------------------------------------------------------------------ */

struct result db_webhook_claim(struct db *db, const char *lease, unsigned wanted, db_webhook_fn each, void *context)
{
    struct params params = { 0 };
    struct rows rows = { .statement = &claim, .params = &params };
    struct scope scope = { .timeout_ms = 5000 };
    params_text(&params, lease);
    params_int4(&params, wanted);
    struct result result = rows_each(db, &scope, &rows, true, each, context);
    result_clear(&rows.result);
    return result;
}

static void mine(struct params *params, const char *lease, const struct db_webhook *hook)
{
    params_text(params, hook->agency);
    params_text(params, hook->name);
    params_text(params, lease);
}

static struct result let_go(struct db *db, const struct statement *statement, const struct params *params)
{
    struct change change = { .statement = statement, .params = params };
    struct scope scope = { .timeout_ms = 5000 };
    return db_transaction(db, &scope, change_body, &change);
}

struct result db_webhook_delivered(struct db *db, const char *lease, const struct db_webhook *hook, uint64_t cursor)
{
    struct params params = { 0 };
    mine(&params, lease, hook);
    params_int8(&params, (int64_t)cursor);
    return let_go(db, &delivered, &params);
}

struct result db_webhook_failed(struct db *db, const char *lease, const struct db_webhook *hook, uint64_t upto, const char *error, unsigned pause_s)
{
    struct params params = { 0 };
    mine(&params, lease, hook);
    params_text(&params, error);
    params_int8(&params, (int64_t)upto);
    params_int4(&params, pause_s);
    return let_go(db, &not_delivered, &params);
}

struct result db_webhook_tested(struct db *db, const char *lease, const struct db_webhook *hook, const char *error)
{
    struct params params = { 0 };
    mine(&params, lease, hook);
    params_text(&params, error);
    return let_go(db, &tested, &params);
}

struct result db_webhook_release(struct db *db, const char *lease)
{
    struct params params = { 0 };
    params_text(&params, lease);
    return let_go(db, &release_all, &params);
}

struct counted {
    uint64_t *number;
};

static struct result total_body(struct db_conn *conn, void *context)
{
    struct counted *counted = context;
    PGresult *result RESULT_CLEANUP = NULL;
    TRY(conn_run(conn, &total, NULL, &result));
    struct row row = { .result = result };
    *counted->number = (uint64_t)row_int(&row, 0);
    return row.bad ? FAIL(REASON_DATABASE) : OK;
}

struct result db_webhook_alarms(struct db *db, uint64_t *number, db_webhook_fn each, void *context)
{
    struct rows rows = { .statement = &alarms };
    struct counted counted = { number };
    struct scope scope = { .timeout_ms = 5000 };
    TRY(db_transaction(db, &scope, total_body, &counted));
    struct result result = rows_each(db, &scope, &rows, false, each, context);
    result_clear(&rows.result);
    return result;
}
