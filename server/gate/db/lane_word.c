/* The lane's word on a hit: see db.h.  Written by a function of the schema (0018_lane_word.sql), as platesieve_gate. */
#include "server/gate/db/conn.h"

static const struct statement judge = {
    "lane_judge",
    "SELECT outcome, judgement, judged_at, acknowledged_at FROM lane_judge($1::uuid, $2::text, $3::text, $4::int2, $5::timestamptz, $6::int4, $7::int4)"
};

struct judge {
    const struct db_lane_said *said;
    struct lane_word *stands;
};

void row_lane_word(struct row *row, int column, struct lane_word *word)
{
    word->judgement = (enum verdict)row_int(row, column);
    word->judged_ms = row_time_or(row, column + 1, 0);
    word->acknowledged_ms = row_time_or(row, column + 2, 0);
    if (word->judgement >= VERDICTS) row->bad = true;
}

static struct result judge_body(struct db_conn *conn, void *context)
{
    static const enum reason outcomes[] = { REASON_NONE, REASON_LATE, REASON_TOO_MANY };
    const struct judge *wanted = context;
    const struct db_lane_said *said = wanted->said;
    PGresult *result RESULT_CLEANUP = NULL;
    struct params params = { 0 };
    params_bytes(&params, said->hit, PLATESIEVE_HIT_ID_BYTES);
    params_text(&params, said->site);
    params_text(&params, said->lane);
    params_int2(&params, (int)said->judgement);
    params_time(&params, said->at_ms);
    params_int4(&params, LIMIT_LANE_WORDS);
    params_int4(&params, LIMIT_LANE_WORD_AGE_S);
    TRY(conn_run(conn, &judge, &params, &result));
    if (PQntuples(result) == 0) return FAIL(REASON_NOT_FOUND);
    struct row row = { .result = result };
    int64_t outcome = row_int(&row, 0);
    row_lane_word(&row, 1, wanted->stands);
    if (row.bad || outcome < 0 || outcome >= (int64_t)ARRAY_LENGTH(outcomes)) return FAIL(REASON_DATABASE);
    return outcome == 0 ? OK : FAIL(outcomes[outcome]);
}

struct result db_lane_judge(struct db *db, const struct db_lane_said *said, struct lane_word *stands)
{
    struct judge wanted = { said, stands };
    struct scope scope = { 0 };
    return db_transaction(db, &scope, judge_body, &wanted);
}
