/* Revisions: opened, shown, dropped.  Parts are in parts.c, commit in commit.c. */
#include "server/gate/db/list_seal.h"

#include <assert.h>

/* those on an older base can't be committed any more; they do not count, and are erased when they are a day old */
static const struct statement count_open = {
    "count_open", "SELECT count(*) FROM revisions WHERE list = $1::int4 AND state = 0 AND base = $2::int4 AND opened_at > now() - interval '1 day'"
};
static const struct statement next_revision = {
    "next_revision", "UPDATE lists SET revision_last = revision_last + 1 WHERE number = $1::int4 RETURNING revision_last"
};
static const struct statement insert_revision = {
    "insert_revision",
    "INSERT INTO revisions (list, revision, base, mode, opened_by) VALUES ($1::int4, $2::int4, $3::int4, $4::int2, $5::text) RETURNING segment"
};

struct task {
    const char *agency, *list, *who;
    uint32_t revision;
    struct db_revision *out;
};

static struct result one_number(struct db_conn *conn, const struct statement *statement, const struct params *params, int64_t *number)
{
    PGresult *result RESULT_CLEANUP = NULL;
    TRY(conn_run(conn, statement, params, &result));
    struct row row = { .result = result };
    *number = row_int(&row, 0);
    return row.bad ? FAIL(REASON_DATABASE) : OK;
}

static struct result open_insert(struct db_conn *conn, struct task *task, const struct db_list *list)
{
    struct params count = { 0 }, next = { 0 }, insert = { 0 };
    int64_t open, revision, segment;

    if (list->revision != task->out->base) return FAIL(REASON_BASE);
    params_int4(&count, list->number);
    params_int4(&count, list->revision);
    TRY(one_number(conn, &count_open, &count, &open));
    if (open >= LIMIT_REVISIONS_OPEN) return FAIL(REASON_TOO_MANY);

    params_int4(&next, list->number);
    TRY(one_number(conn, &next_revision, &next, &revision));
    params_int4(&insert, list->number);
    params_int4(&insert, revision);
    params_int4(&insert, list->revision);
    params_int2(&insert, (int)task->out->mode);
    params_text(&insert, task->who);
    TRY(one_number(conn, &insert_revision, &insert, &segment));
    task->out->revision = (uint32_t)revision;
    task->out->segment = (uint32_t)segment;
    return OK;
}

static struct result open_body(struct db_conn *conn, void *context)
{
    struct task *task = context;
    struct sealed_list *list = malloc(sizeof(*list));
    if (!list) return FAIL(REASON_INTERNAL);
    struct result result = db_list_lock(conn, task->agency, task->list, list);
    if (!failed(result)) result = open_insert(conn, task, &list->list);
    free(list);
    return result;
}

struct result db_revision_open(struct db *db, const char *agency, const char *list, uint32_t base, enum revision_mode mode, const char *who,
                               struct db_revision *revision)
{
    *revision = (struct db_revision){ .base = base, .mode = mode, .state = REVISION_OPEN };
    struct task task = { .agency = agency, .list = list, .who = who, .out = revision };
    struct scope scope = { .agency = agency };
    return db_transaction(db, &scope, open_body, &task);
}

/* -- show --------------------------------------------------------------------------------------------------------------------------------- */

static const struct statement one_revision = {
    "one_revision",
    "SELECT r.segment, r.revision, r.base, r.mode, r.state FROM revisions r JOIN lists l ON l.number = r.list"
    " WHERE l.agency = $1::text AND l.id = $2::text AND r.revision = $3::int4 AND r.state < 2"
};
static const struct statement revision_parts = {
    "revision_parts", "SELECT part, sums FROM parts WHERE segment = $1::int4 ORDER BY part"
};

/* One whose seal does not open is left out: it has to be sent again. */
static struct result parts_take(const struct db_conn *conn, const PGresult *result, struct db_revision *revision)
{
    struct sums sums;
    int rows = PQntuples(result);
    if (rows > LIMIT_PARTS) return FAIL(REASON_DATABASE);
    free(revision->parts);
    revision->part_count = 0;
    revision->parts = calloc((size_t)rows + 1, sizeof(*revision->parts));
    if (!revision->parts) return FAIL(REASON_INTERNAL);
    for (int i = 0; i < rows; i++) {
        struct row row = { .result = result, .number = i };
        struct seal_place place = { SEAL_PART, revision->segment, row_int(&row, 0) };
        if (failed(row_sums(&row, 1, conn->keys, &place, &sums)) || row.bad) continue;
        struct db_part *part = &revision->parts[revision->part_count++];
        *part = (struct db_part){ .number = (uint32_t)place.at, .lines = (uint32_t)sums.lines };
        memcpy(part->sha256, sums.digest, sizeof(part->sha256));
    }
    return OK;
}

static struct result get_body(struct db_conn *conn, void *context)
{
    struct task *task = context;
    if (!conn->keys) return FAIL(REASON_INTERNAL);
    PGresult *result RESULT_CLEANUP = NULL, *parts RESULT_CLEANUP = NULL;
    struct params params = { 0 }, segment = { 0 };
    params_text(&params, task->agency);
    params_text(&params, task->list);
    params_int4(&params, task->revision);
    TRY(conn_run(conn, &one_revision, &params, &result));
    if (PQntuples(result) == 0) return FAIL(REASON_NOT_FOUND);
    struct row row = { .result = result };
    struct db_revision *out = task->out;
    out->segment = (uint32_t)row_int(&row, 0);
    out->revision = (uint32_t)row_int(&row, 1);
    out->base = (uint32_t)row_int(&row, 2);
    out->mode = (enum revision_mode)row_int(&row, 3);
    out->state = (enum revision_state)row_int(&row, 4);
    if (row.bad) return FAIL(REASON_DATABASE);
    params_int4(&segment, out->segment);
    TRY(conn_run(conn, &revision_parts, &segment, &parts));
    return parts_take(conn, parts, out);
}

struct result db_revision_get(struct db *db, const char *agency, const char *list, uint32_t revision, struct db_revision *out)
{
    *out = (struct db_revision){ 0 };
    struct task task = { .agency = agency, .list = list, .revision = revision, .out = out };
    struct scope scope = { .agency = agency };
    struct result result = db_transaction(db, &scope, get_body, &task);
    if (failed(result)) db_revision_free(out);
    return result;
}

void db_revision_free(struct db_revision *revision)
{
    free(revision->parts);
    *revision = (struct db_revision){ 0 };
}

/* -- drop --------------------------------------------------------------------------------------------------------------------------------- */

/* waits for parts that are being stored; their rows are erased by and by (maintain) */
static const struct statement drop_revision = {
    "drop_revision",
    "UPDATE revisions r SET state = 2 FROM lists l WHERE l.number = r.list AND l.agency = $1::text AND l.id = $2::text"
    " AND r.revision = $3::int4 AND r.state = 0"
};

static struct result drop_body(struct db_conn *conn, void *context)
{
    struct task *task = context;
    PGresult *result RESULT_CLEANUP = NULL;
    struct params params = { 0 };
    uint64_t dropped = 0;
    params_text(&params, task->agency);
    params_text(&params, task->list);
    params_int4(&params, task->revision);
    TRY(conn_do(conn, &drop_revision, &params, &dropped));
    if (dropped == 1) return OK;
    TRY(conn_run(conn, &one_revision, &params, &result));
    return FAIL(PQntuples(result) == 0 ? REASON_NOT_FOUND : REASON_COMMITTED);
}

struct result db_revision_drop(struct db *db, const char *agency, const char *list, uint32_t revision)
{
    struct task task = { .agency = agency, .list = list, .revision = revision };
    struct scope scope = { .agency = agency };
    return db_transaction(db, &scope, drop_body, &task);
}
