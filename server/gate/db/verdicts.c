/* Verdicts: what a hit turned out to be, and which entries raise false alarms.  What is changed is changed by functions of the schema
   (0005_verdicts.sql), as platesieve_gate: the role of agencies may read it, and write nothing of it. */
#include "server/gate/db/conn.h"

static const struct statement judge = {
    "judge", "SELECT hit_judge($1::text, $2::text, $3::uuid, $4::int2, $5::text)"
};

struct judge {
    const char *agency, *who, *action;
    const uint8_t *id;
    enum verdict verdict;
};

static struct result judge_body(struct db_conn *conn, void *context)
{
    static const enum reason outcomes[] = { REASON_NONE, REASON_NOT_FOUND, REASON_ERASED, REASON_NOT_YOURS };
    const struct judge *wanted = context;
    PGresult *result RESULT_CLEANUP = NULL;
    struct params params = { 0 };
    params_text(&params, wanted->agency);
    params_text(&params, wanted->who);
    params_bytes(&params, wanted->id, PLATESIEVE_HIT_ID_BYTES);
    params_int2(&params, (int)wanted->verdict);
    params_text(&params, wanted->action);
    TRY(conn_run(conn, &judge, &params, &result));
    struct row row = { .result = result };
    int64_t outcome = row_int(&row, 0);
    if (row.bad || outcome < 0 || outcome >= (int64_t)ARRAY_LENGTH(outcomes)) return FAIL(REASON_DATABASE);
    return outcome == 0 ? OK : FAIL(outcomes[outcome]);
}

struct result db_verdict_put(struct db *db, const char *agency, const char *who, const uint8_t id[PLATESIEVE_HIT_ID_BYTES],
                             enum verdict verdict, const char *action)
{
    struct judge wanted = { agency, who, action, id, verdict };
    struct scope scope = { 0 };
    return db_transaction(db, &scope, judge_body, &wanted);
}

/* -- flags --------------------------------------------------------------------------------------------------------------------------------- */

/* Entries that stand and raise false alarms, of lists that the transaction may see: $1 from so many on, $2 from such a share (of 100) on, once
   there are $3 verdicts. */
#define FLAGGED                                                                                                                            \
    "SELECT v.list, v.entry, sum(v.misread + v.wrong + v.stale) AS false_ones FROM entry_verdicts v JOIN lists l ON l.number = v.list"      \
    " WHERE l.agency = $4::text AND EXISTS (SELECT FROM entries e WHERE e.list = v.list AND e.key = v.entry AND e.removed_by = 0"          \
    " AND e.segment IN (SELECT r.segment FROM revisions r WHERE r.list = v.list AND r.state = 1 AND r.segment >= l.base_segment))"         \
    " GROUP BY v.list, v.entry HAVING sum(v.misread + v.wrong + v.stale) >= $1::int8 OR"                                                   \
    " sum(v.confirmed + v.misread + v.wrong + v.stale) >= $3::int8 AND"                                                                    \
    " 100 * sum(v.misread + v.wrong + v.stale) >= $2::int8 * sum(v.confirmed + v.misread + v.wrong + v.stale)"
static const struct statement flagged_counts = { "flagged_counts", "SELECT t.id, count(*) FROM (" FLAGGED ") AS f JOIN lists t ON t.number = f.list GROUP BY t.id" };
static const struct statement flagged_entries = {
    "flagged_entries",
    "SELECT (SELECT e.reference FROM entries e WHERE e.list = f.list AND e.key = f.entry ORDER BY e.segment DESC LIMIT 1), v.site, v.lane,"
    " v.confirmed, v.misread, v.wrong, v.stale FROM (SELECT * FROM (" FLAGGED ") AS a WHERE a.list = $5::int4"
    " ORDER BY a.false_ones DESC, a.entry LIMIT $6::int4) AS f"
    " JOIN entry_verdicts v ON v.list = f.list AND v.entry = f.entry"
    " ORDER BY f.false_ones DESC, f.entry, v.misread + v.wrong + v.stale DESC, v.site, v.lane"
};
static const struct statement list_counts = {
    "list_counts",
    "SELECT g.grade::int2, coalesce(sum(d.hits), 0)::int8, coalesce(sum(d.reads), 0)::int8, coalesce(sum(d.confirmed), 0)::int8,"
    " coalesce(sum(d.misread), 0)::int8, coalesce(sum(d.wrong), 0)::int8, coalesce(sum(d.stale), 0)::int8, coalesce(sum(d.corrected), 0)::int8"
    " FROM generate_series(0, 3) AS g (grade) LEFT JOIN list_days d ON d.list = $1::int4 AND d.grade = g.grade GROUP BY g.grade ORDER BY g.grade"
};

struct flags {
    const char *agency;
    const struct db_flag_rule *rule;
    uint32_t list;
    PGresult *result;
};

static void params_of(const struct flags *flags, struct params *params)
{
    params_int8(params, (int64_t)flags->rule->from);
    params_int8(params, (int64_t)flags->rule->share_percent);
    params_int8(params, DB_FLAG_SHARE_FROM);
    params_text(params, flags->agency);
}

static struct result counts_body(struct db_conn *conn, void *context)
{
    struct flags *flags = context;
    struct params params = { 0 };
    result_clear(&flags->result);
    params_of(flags, &params);
    return conn_run(conn, &flagged_counts, &params, &flags->result);
}

struct result db_flag_counts(struct db *db, const char *agency, const struct db_flag_rule *rule,
                             void (*each)(void *context, const char *list, uint64_t count), void *context)
{
    struct flags flags = { .agency = agency, .rule = rule };
    struct scope scope = { .agency = agency };
    struct result result = db_transaction(db, &scope, counts_body, &flags);
    for (int i = 0, rows = failed(result) ? 0 : PQntuples(flags.result); i < rows && !failed(result); i++) {
        struct row row = { .result = flags.result, .number = i };
        char list[LIMIT_NAME_MAX + 1];
        row_text(&row, 0, list, sizeof(list));
        int64_t count = row_int(&row, 1);
        if (row.bad) result = FAIL(REASON_DATABASE);
        else each(context, list, (uint64_t)count);
    }
    result_clear(&flags.result);
    return result;
}

static struct result flags_body(struct db_conn *conn, void *context)
{
    struct flags *flags = context;
    struct params params = { 0 };
    result_clear(&flags->result);
    params_of(flags, &params);
    params_int4(&params, flags->list);
    params_int4(&params, LIMIT_FLAGS);
    return conn_run(conn, &flagged_entries, &params, &flags->result);
}

static struct result flag_take(const PGresult *result, int number, struct db_flag *flag)
{
    struct row row = { .result = result, .number = number };
    row_text(&row, 0, flag->reference, sizeof(flag->reference));
    row_text(&row, 1, flag->site, sizeof(flag->site));
    row_text(&row, 2, flag->lane, sizeof(flag->lane));
    for (int i = 0; i < VERDICTS - 1; i++) flag->verdicts[VERDICT_CONFIRMED + i] = (uint64_t)row_int(&row, 3 + i);
    return row.bad ? FAIL(REASON_DATABASE) : OK;
}

struct result db_flags_each(struct db *db, const char *agency, uint32_t list, const struct db_flag_rule *rule,
                            void (*each)(void *context, const struct db_flag *flag), void *context)
{
    struct flags flags = { .agency = agency, .rule = rule, .list = list };
    struct scope scope = { .agency = agency };
    struct result result = db_transaction(db, &scope, flags_body, &flags);
    for (int i = 0, rows = failed(result) ? 0 : PQntuples(flags.result); i < rows && !failed(result); i++) {
        struct db_flag flag = { 0 };
        result = flag_take(flags.result, i, &flag);
        if (!failed(result)) each(context, &flag);
    }
    result_clear(&flags.result);
    return result;
}

struct list_counts {
    uint32_t list;
    struct db_list_counts *out;
};

static struct result list_counts_body(struct db_conn *conn, void *context)
{
    const struct list_counts *wanted = context;
    PGresult *result RESULT_CLEANUP = NULL;
    struct params params = { 0 };
    params_int4(&params, wanted->list);
    TRY(conn_run(conn, &list_counts, &params, &result));
    if (PQntuples(result) != PLATESIEVE_GRADES) return FAIL(REASON_DATABASE);
    for (int grade = 0; grade < PLATESIEVE_GRADES; grade++) {
        struct row row = { .result = result, .number = grade };
        struct db_list_counts *out = &wanted->out[grade];
        out->hits = (uint64_t)row_int(&row, 1);
        out->reads = (uint64_t)row_int(&row, 2);
        for (int i = 0; i < VERDICTS - 1; i++) out->verdicts[VERDICT_CONFIRMED + i] = (uint64_t)row_int(&row, 3 + i);
        out->corrected = (uint64_t)row_int(&row, 7);
        if (row.bad) return FAIL(REASON_DATABASE);
    }
    return OK;
}

struct result db_list_counts(struct db *db, const char *agency, uint32_t list, struct db_list_counts counts[PLATESIEVE_GRADES])
{
    struct list_counts wanted = { list, counts };
    struct scope scope = { .agency = agency };
    return db_transaction(db, &scope, list_counts_body, &wanted);
}
