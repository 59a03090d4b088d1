/* Suppressions: changed as platesieve_gate, under a MAC; shown to their agency; loaded by gates. */
#include <endian.h>
#include <sodium.h>

#include "server/gate/db/lists.h"
#include "server/gate/db/load.h"
#include "server/gate/index/entries.h"
#include "server/http/log.h"

#define MAC_BYTES crypto_auth_hmacsha256_BYTES

static const struct statement lock_list = {
    "suppress_lock_list", "SELECT number, base_segment FROM lists WHERE agency = $1::text AND id = $2::text FOR UPDATE"
};
static const struct statement count_others = {
    "suppress_count",
    "SELECT count(*) FILTER (WHERE list = $1::int4), count(*) FROM suppressions WHERE until_at > now()"
    " AND NOT (list = $1::int4 AND entry = $2::int8 AND site = $3::text AND lane = $4::text)"
};
static const struct statement find_standing = {
    "suppress_standing",
    "SELECT 1 FROM entries e WHERE e.list = $1::int4 AND e.key = $2::int8 AND e.removed_by = 0"
    " AND e.segment IN (SELECT r.segment FROM revisions r WHERE r.list = $1::int4 AND r.state = 1 AND r.segment >= $3::int4) LIMIT 1"
};
#define SHOWN "number, reference, site, lane, until_at, matches, created_at, created_by"
static const struct statement put_suppression = {
    "suppress_put",
    "INSERT INTO suppressions AS s (list, entry, site, lane, until_at, mac, reference, created_by)"
    " VALUES ($1::int4, $2::int8, $3::text, $4::text, $5::timestamptz, $6::bytea, $7::text, $8::text)"
    " ON CONFLICT (list, entry, site, lane) DO UPDATE SET until_at = excluded.until_at, mac = excluded.mac, reference = excluded.reference,"
    " created_at = now(), created_by = excluded.created_by, matches = CASE WHEN s.until_at > now() THEN s.matches ELSE 0 END RETURNING " SHOWN
};
static const struct statement delete_suppression = {
    "suppress_delete", "DELETE FROM suppressions s USING lists l WHERE l.number = s.list AND l.agency = $1::text AND l.id = $2::text AND s.number = $3::int4"
};
static const struct statement list_suppressions = {
    "suppress_list", "SELECT " SHOWN " FROM suppressions WHERE list = $1::int4 ORDER BY until_at DESC, number LIMIT $2::int4"
};
static const struct statement count_matches = {
    "suppress_matches",
    "UPDATE suppressions s SET matches = s.matches + u.matches FROM unnest($1::int4[], $2::int8[]) AS u (number, matches) WHERE s.number = u.number"
};
static const struct statement load_suppressions = {
    "load_suppressions",
    "SELECT number, list, entry, site, lane, until_at, mac FROM suppressions WHERE until_at > now() ORDER BY number LIMIT $1::int4"
};

static void hash_number(crypto_auth_hmacsha256_state *state, uint64_t number)
{
    uint64_t wire = htobe64(number);
    crypto_auth_hmacsha256_update(state, (const unsigned char *)&wire, sizeof(wire));
}

static void hash_text(crypto_auth_hmacsha256_state *state, const char *text)
{
    crypto_auth_hmacsha256_update(state, (const unsigned char *)text, strlen(text) + 1);
}

/* Of all that a gate goes by. */
static void mac_of(const struct seal_keys *keys, uint32_t list, uint64_t entry, const char *site, const char *lane, int64_t until_ms,
                   uint8_t mac[MAC_BYTES])
{
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, keys->suppression, sizeof(keys->suppression));
    hash_number(&state, list);
    hash_number(&state, entry);
    hash_number(&state, (uint64_t)until_ms);
    hash_text(&state, site);
    hash_text(&state, lane);
    crypto_auth_hmacsha256_final(&state, mac);
    sodium_memzero(&state, sizeof(state));
}

static struct result shown_take(const PGresult *result, int number, struct db_suppression *out)
{
    struct row row = { .result = result, .number = number };
    out->number = (uint32_t)row_int(&row, 0);
    row_text(&row, 1, out->reference, sizeof(out->reference));
    row_text(&row, 2, out->site, sizeof(out->site));
    row_text(&row, 3, out->lane, sizeof(out->lane));
    out->until_ms = row_time(&row, 4);
    out->matches = (uint64_t)row_int(&row, 5);
    out->created_ms = row_time(&row, 6);
    row_text(&row, 7, out->created_by, sizeof(out->created_by));
    return row.bad ? FAIL(REASON_DATABASE) : OK;
}

/* -- change ------------------------------------------------------------------------------------------------------------------------------------ */

struct put {
    const char *agency, *list, *who;
    uint64_t entry;
    struct db_suppression *suppression;
    uint32_t number, base_segment; /* of the list */
};

static struct result lock(struct db_conn *conn, struct put *put)
{
    PGresult *result RESULT_CLEANUP = NULL;
    struct params params = { 0 };
    params_text(&params, put->agency);
    params_text(&params, put->list);
    TRY(conn_run(conn, &lock_list, &params, &result));
    if (PQntuples(result) == 0) return FAIL(REASON_NOT_FOUND);
    struct row row = { .result = result };
    put->number = (uint32_t)row_int(&row, 0);
    put->base_segment = (uint32_t)row_int(&row, 1);
    return row.bad ? FAIL(REASON_DATABASE) : OK;
}

/* Within the limits, and for an entry that stands. */
static struct result check(struct db_conn *conn, const struct put *put)
{
    PGresult *counts RESULT_CLEANUP = NULL, *standing RESULT_CLEANUP = NULL;
    struct params others = { 0 }, entry = { 0 };
    params_int4(&others, put->number);
    params_int8(&others, (int64_t)put->entry);
    params_text(&others, put->suppression->site);
    params_text(&others, put->suppression->lane);
    TRY(conn_run(conn, &count_others, &others, &counts));
    struct row row = { .result = counts };
    int64_t of_list = row_int(&row, 0), of_all = row_int(&row, 1);
    if (row.bad) return FAIL(REASON_DATABASE);
    if (of_list >= LIMIT_SUPPRESSIONS_PER_LIST || of_all >= LIMIT_SUPPRESSIONS) return FAIL(REASON_TOO_MANY);
    params_int4(&entry, put->number);
    params_int8(&entry, (int64_t)put->entry);
    params_int4(&entry, put->base_segment);
    TRY(conn_run(conn, &find_standing, &entry, &standing));
    return PQntuples(standing) == 0 ? FAIL(REASON_UNKNOWN_REFERENCE) : OK;
}

static struct result put_body(struct db_conn *conn, void *context)
{
    struct put *put = context;
    struct db_suppression *suppression = put->suppression;
    PGresult *result RESULT_CLEANUP = NULL;
    struct params params = { 0 };
    uint8_t mac[MAC_BYTES];
    int64_t version;
    if (conn->keys == NULL) return FAIL(REASON_INTERNAL);
    TRY(lock(conn, put));
    TRY(check(conn, put));
    mac_of(conn->keys, put->number, put->entry, suppression->site, suppression->lane, suppression->until_ms, mac);
    params_int4(&params, put->number);
    params_int8(&params, (int64_t)put->entry);
    params_text(&params, suppression->site);
    params_text(&params, suppression->lane);
    params_time(&params, suppression->until_ms);
    params_bytes(&params, mac, sizeof(mac));
    params_text(&params, suppression->reference);
    params_text(&params, put->who);
    TRY(conn_run(conn, &put_suppression, &params, &result));
    TRY(shown_take(result, 0, suppression));
    return db_move_head(conn, &version);
}

struct result db_suppression_put(struct db *db, const char *agency, const char *list, const char *who, struct db_suppression *suppression)
{
    struct put put = { .agency = agency, .list = list, .who = who, .suppression = suppression };
    struct scope scope = { 0 };
    put.entry = entry_key(agency, list, suppression->reference);
    return db_transaction(db, &scope, put_body, &put);
}

struct drop {
    const char *agency, *list;
    uint32_t number;
};

static struct result drop_body(struct db_conn *conn, void *context)
{
    const struct drop *drop = context;
    struct params params = { 0 };
    uint64_t deleted = 0;
    int64_t version;
    params_text(&params, drop->agency);
    params_text(&params, drop->list);
    params_int4(&params, drop->number);
    TRY(conn_do(conn, &delete_suppression, &params, &deleted));
    return deleted == 0 ? FAIL(REASON_NOT_FOUND) : db_move_head(conn, &version);
}

struct result db_suppression_drop(struct db *db, const char *agency, const char *list, uint32_t number)
{
    struct drop drop = { agency, list, number };
    struct scope scope = { 0 };
    return db_transaction(db, &scope, drop_body, &drop);
}

static struct result counted_body(struct db_conn *conn, void *context)
{
    const struct suppressed_counts *counts = context;
    struct array numbers CLEANUP(array_free), matches CLEANUP(array_free);
    struct params params = { 0 };
    array_begin(&numbers, TYPE_INT4, counts->count, 4);
    array_begin(&matches, TYPE_INT8, counts->count, 8);
    for (size_t i = 0; i < counts->count; i++) {
        array_int4(&numbers, counts->numbers[i]);
        array_int8(&matches, (int64_t)counts->matches[i]);
    }
    if (!params_array(&params, &numbers) || !params_array(&params, &matches)) return FAIL(REASON_INTERNAL);
    return conn_do(conn, &count_matches, &params, NULL);
}

struct result db_suppressions_counted(struct db *db, struct suppressed_counts *counts)
{
    struct scope scope = { .later = true };
    return db_transaction(db, &scope, counted_body, counts);
}

/* -- show ------------------------------------------------------------------------------------------------------------------------------------- */

struct show {
    uint32_t list;
    PGresult *result;
};

static struct result show_body(struct db_conn *conn, void *context)
{
    struct show *show = context;
    struct params params = { 0 };
    result_clear(&show->result);
    params_int4(&params, show->list);
    params_int4(&params, 2 * LIMIT_SUPPRESSIONS_PER_LIST);
    return conn_run(conn, &list_suppressions, &params, &show->result);
}

struct result db_suppressions_each(struct db *db, const char *agency, uint32_t list,
                                   void (*each)(void *context, const struct db_suppression *suppression), void *context)
{
    struct show show = { .list = list };
    struct scope scope = { .agency = agency };
    struct result result = db_transaction(db, &scope, show_body, &show);
    for (int i = 0, rows = failed(result) ? 0 : PQntuples(show.result); i < rows && !failed(result); i++) {
        struct db_suppression suppression = { 0 };
        result = shown_take(show.result, i, &suppression);
        if (!failed(result)) each(context, &suppression);
    }
    result_clear(&show.result);
    return result;
}

/* -- load ------------------------------------------------------------------------------------------------------------------------------------- */

/* False for one that no gate made, or that was changed. */
static bool load_take(const PGresult *result, int number, const struct seal_keys *keys, struct suppression *out)
{
    uint8_t stored[MAC_BYTES], mac[MAC_BYTES];
    struct row row = { .result = result, .number = number };
    out->number = (uint32_t)row_int(&row, 0);
    out->list = (uint32_t)row_int(&row, 1);
    out->entry = (uint64_t)row_int(&row, 2);
    row_text(&row, 3, out->site, sizeof(out->site));
    row_text(&row, 4, out->lane, sizeof(out->lane));
    out->until_ms = row_time(&row, 5);
    row_bytes(&row, 6, stored, sizeof(stored));
    if (row.bad) return false;
    mac_of(keys, out->list, out->entry, out->site, out->lane, out->until_ms, mac);
    return sodium_memcmp(mac, stored, sizeof(mac)) == 0;
}

struct result db_load_suppressions(struct db_load *load, struct suppressions **out)
{
    struct db_conn *conn = db_load_connection(load);
    PGresult *result RESULT_CLEANUP = NULL;
    struct params params = { 0 };
    unsigned false_ones = 0;
    if (conn->keys == NULL) return FAIL(REASON_INTERNAL);
    params_int4(&params, LIMIT_SUPPRESSIONS);
    TRY(conn_run(conn, &load_suppressions, &params, &result));
    int rows = PQntuples(result);
    *out = suppressions_create((size_t)rows);
    if (*out == NULL) return FAIL(REASON_BUSY);
    for (int i = 0; i < rows; i++) {
        struct suppression one = { 0 };
        if (load_take(result, i, conn->keys, &one)) (void)suppressions_add(*out, &one);
        else false_ones++;
    }
    if (false_ones > 0) log_line(LOG_ERR, "%u suppressions in the database were not made by a gate: they silence nothing", false_ones);
    return OK;
}
