/* Shares: made and ended as platesieve_gate through functions of the schema (0012_sharing.sql), shown to both sides. */
#include "server/gate/db/conn.h"

static const struct statement put_share = {
    "share_put", "SELECT share_put($1::text, $2::text, $3::text, $4::text, $5::timestamptz, $6::timestamptz, $7::bool, $8::bool, $9::text, $10::int4)"
};
static const struct statement revoke_share = { "share_revoke", "SELECT share_revoke($1::text, $2::text, $3::text, $4::text)" };
static const struct statement shares_of = {
    "shares_of",
    "SELECT owner, list_id, partner, note, from_at, until_at, changed_at, revoked_at, only_confirmed, verdicts, covert, changed_by FROM list_shares"
    " WHERE owner = $1::text OR partner = $1::text ORDER BY (revoked_at IS NULL AND until_at > now()) DESC, number DESC LIMIT $2::int4"
};

static const struct statement find_calibration = {
    "share_calibration", "SELECT 1 FROM lists WHERE agency = $1::text AND id = $2::text AND calibration"
};

static struct result check_list(struct db_conn *conn, const struct db_share *share)
{
    PGresult *result RESULT_CLEANUP = NULL;
    struct params params = { 0 };
    params_text(&params, share->owner);
    params_text(&params, share->list);
    TRY(conn_run(conn, &find_calibration, &params, &result));
    return PQntuples(result) == 0 ? OK : FAIL(REASON_CALIBRATION);
}

static struct result put_body(struct db_conn *conn, void *context)
{
    static const enum reason outcomes[] = { REASON_NONE, REASON_NOT_FOUND, REASON_TOO_MANY };
    const struct db_share *share = context;
    PGresult *result RESULT_CLEANUP = NULL;
    struct params params = { 0 };
    TRY(check_list(conn, share));
    params_text(&params, share->owner);
    params_text(&params, share->changed_by);
    params_text(&params, share->list);
    params_text(&params, share->partner);
    params_time(&params, share->from_ms);
    params_time(&params, share->until_ms);
    params_bool(&params, share->only_confirmed);
    params_bool(&params, share->verdicts);
    params_text(&params, share->note);
    params_int4(&params, LIMIT_SHARES_PER_LIST);
    TRY(conn_run(conn, &put_share, &params, &result));
    struct row row = { .result = result };
    int64_t outcome = row_int(&row, 0);
    if (row.bad || outcome < 0 || outcome >= (int64_t)ARRAY_LENGTH(outcomes)) return FAIL(REASON_DATABASE);
    return outcome == 0 ? OK : FAIL(outcomes[outcome]);
}

struct result db_share_put(struct db *db, const struct db_share *share)
{
    struct db_share copy = *share;
    struct scope scope = { 0 };
    return db_transaction(db, &scope, put_body, &copy);
}

struct revoke {
    const char *owner, *who, *list, *partner;
};

static struct result revoke_body(struct db_conn *conn, void *context)
{
    const struct revoke *revoke = context;
    PGresult *result RESULT_CLEANUP = NULL;
    struct params params = { 0 };
    params_text(&params, revoke->owner);
    params_text(&params, revoke->who);
    params_text(&params, revoke->list);
    params_text(&params, revoke->partner);
    TRY(conn_run(conn, &revoke_share, &params, &result));
    struct row row = { .result = result };
    bool revoked = row_bool(&row, 0);
    if (row.bad) return FAIL(REASON_DATABASE);
    return revoked ? OK : FAIL(REASON_NOT_FOUND);
}

struct result db_share_revoke(struct db *db, const char *owner, const char *who, const char *list, const char *partner)
{
    struct revoke revoke = { owner, who, list, partner };
    struct scope scope = { 0 };
    return db_transaction(db, &scope, revoke_body, &revoke);
}

struct show {
    const char *agency;
    PGresult *result;
};

static struct result show_body(struct db_conn *conn, void *context)
{
    struct show *show = context;
    struct params params = { 0 };
    result_clear(&show->result);
    params_text(&params, show->agency);
    params_int4(&params, LIMIT_SHARES_SHOWN);
    return conn_run(conn, &shares_of, &params, &show->result);
}

static struct result share_take(const PGresult *result, int number, struct db_share *share)
{
    struct row row = { .result = result, .number = number };
    row_text(&row, 0, share->owner, sizeof(share->owner));
    row_text(&row, 1, share->list, sizeof(share->list));
    row_text(&row, 2, share->partner, sizeof(share->partner));
    row_text(&row, 3, share->note, sizeof(share->note));
    share->from_ms = row_time(&row, 4);
    share->until_ms = row_time(&row, 5);
    share->changed_ms = row_time(&row, 6);
    share->revoked_ms = row_time_or(&row, 7, 0);
    share->only_confirmed = row_bool(&row, 8);
    share->verdicts = row_bool(&row, 9);
    share->covert = row_bool(&row, 10);
    row_text(&row, 11, share->changed_by, sizeof(share->changed_by));
    return row.bad ? FAIL(REASON_DATABASE) : OK;
}

struct result db_shares_each(struct db *db, const char *agency, void (*each)(void *context, const struct db_share *share), void *context)
{
    struct show show = { .agency = agency };
    struct scope scope = { .agency = agency };
    struct result result = db_transaction(db, &scope, show_body, &show);
    for (int i = 0, rows = failed(result) ? 0 : PQntuples(show.result); i < rows && !failed(result); i++) {
        struct db_share share = { 0 };
        result = share_take(show.result, i, &share);
        if (!failed(result)) each(context, &share);
    }
    result_clear(&show.result);
    return result;
}
