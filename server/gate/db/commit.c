/* A revision's commit: it adds up, it is within its caps, and then a few small rows make it the list's own, in one transaction.
   The head, which all lists share, is locked last and for an instant. */
#include <sodium.h>

#include "server/gate/db/list_seal.h"
#include "server/gate/db/lists.h"
#include "server/http/clock.h"

#define MANY_LINES 20000

struct commit {
    const char *agency, *list, *who;
    uint32_t revision;
    struct db_commit *wanted;
    struct db_list *out;
    /* of the attempt */
    struct sealed_list locked;
    struct sums sums;           /* of the segment */
    int64_t segment, base, lines, adds;
    enum revision_mode mode;
    int64_t entries; /* that stand afterwards */
};

static const struct statement lock_revision = {
    "commit_lock_revision",
    "SELECT segment, base, mode, state FROM revisions WHERE list = $1::int4 AND revision = $2::int4 AND state < 2 FOR UPDATE"
};
static const struct statement all_parts = {
    "all_parts", "SELECT part, sums FROM parts WHERE segment = $1::int4 ORDER BY part"
};
static const struct statement find_duplicate = {
    .sql = "SELECT 1 FROM (SELECT key FROM entries WHERE segment = $1::int4 UNION ALL SELECT key FROM edits WHERE segment = $1::int4) AS k"
           " GROUP BY key HAVING count(*) > 1 LIMIT 1"
};
/* $1: list, $2: base segment; of the committed segments that count */
#define LIVE_SEGMENTS "(SELECT r.segment FROM revisions r WHERE r.list = $1::int4 AND r.state = 1 AND r.segment >= $2::int4)"
/* $3: this segment; what it takes the place of, and what it removes */
#define CHANGED_KEYS "(SELECT key FROM entries WHERE segment = $3::int4 UNION ALL SELECT key FROM edits WHERE segment = $3::int4 AND removes)"
/* Many: hashed.  A join, not IN: keys are distinct (find_duplicate). */
static const struct statement remove_many = {
    .sql = "UPDATE entries e SET removed_by = $3::int4 FROM " CHANGED_KEYS " AS k"
           " WHERE e.list = $1::int4 AND e.key = k.key AND e.removed_by = 0 AND e.segment IN " LIVE_SEGMENTS
};
/* Few: each by the index of keys.  OFFSET 0 keeps the planner from turning it round: as long as the statistics do not know of a list that came
   just now, it would rather look at all its entries for each key. */
static const struct statement remove_few = {
    .sql = "UPDATE entries SET removed_by = $3::int4 WHERE ctid = ANY (ARRAY(SELECT found.ctid FROM " CHANGED_KEYS " AS k CROSS JOIN LATERAL"
           " (SELECT e.ctid, e.segment FROM entries e WHERE e.list = $1::int4 AND e.key = k.key AND e.removed_by = 0 OFFSET 0) AS found"
           " WHERE found.segment IN " LIVE_SEGMENTS "))"
};
static const struct statement find_unknown_many = {
    .sql = "SELECT 1 FROM edits t WHERE t.segment = $3::int4 AND NOT EXISTS (SELECT FROM entries e WHERE e.list = $1::int4"
           " AND e.key = t.key AND e.removed_by = 0 AND e.segment IN " LIVE_SEGMENTS ") LIMIT 1"
};
static const struct statement find_unknown_few = {
    .sql = "SELECT 1 FROM edits t WHERE t.segment = $3::int4 AND NOT EXISTS (SELECT FROM (SELECT e.segment FROM entries e WHERE"
           " e.list = $1::int4 AND e.key = t.key AND e.removed_by = 0 OFFSET 0) AS found WHERE found.segment IN " LIVE_SEGMENTS ") LIMIT 1"
};

/* -- it adds up --------------------------------------------------------------------------------------------------------------------------- */

/* *DONE: it was committed before. */
static struct result lock(struct db_conn *conn, struct commit *commit, bool *done)
{
    PGresult *result RESULT_CLEANUP = NULL;
    struct params params = { 0 };
    TRY(db_list_lock(conn, commit->agency, commit->list, &commit->locked));
    params_int4(&params, commit->locked.list.number);
    params_int4(&params, commit->revision);
    TRY(conn_run(conn, &lock_revision, &params, &result));
    if (PQntuples(result) == 0) return FAIL(REASON_NOT_FOUND);
    struct row row = { .result = result };
    commit->segment = row_int(&row, 0);
    commit->base = row_int(&row, 1);
    commit->mode = (enum revision_mode)row_int(&row, 2);
    *done = row_int(&row, 3) == REVISION_COMMITTED;
    if (row.bad) return FAIL(REASON_DATABASE);
    return *done || (commit->base == commit->locked.list.revision && commit->segment >= commit->locked.grade_segment) ? OK : FAIL(REASON_BASE);
}

/* What a part says of itself, under its seal, onto the segment's sums. */
static struct result add_part(struct commit *commit, const struct sums *part)
{
    struct sums *all = &commit->sums;
    all->lines += part->lines;
    all->adds += part->adds;
    row_sum_add(&all->entries, &part->entries);
    row_sum_add(&all->edits, &part->edits);
    for (size_t i = 0; i < part->epoch_count; i++) {
        const struct sums_epoch *from = &part->epochs[i];
        struct sums_epoch *to = sums_of_epoch(all, from->number);
        if (!to) return FAIL(REASON_TOO_MANY);
        to->lines += from->lines;
        to->near += from->near;
        to->slots += from->slots;
        row_sum_add(&to->sum, &from->sum);
    }
    return OK;
}

/* Numbered from 1 without gaps, and in lines and digests what the client says.  One whose seal does not open is missing. */
static struct result check_parts(struct db_conn *conn, struct commit *commit)
{
    PGresult *result RESULT_CLEANUP = NULL;
    struct params params = { 0 };
    crypto_hash_sha256_state all;
    uint8_t digest[DIGEST_BYTES];
    struct sums part;
    commit->sums = (struct sums){ 0 };
    params_int4(&params, commit->segment);
    TRY(conn_run(conn, &all_parts, &params, &result));
    int rows = PQntuples(result);
    crypto_hash_sha256_init(&all);
    for (int i = 0; i < rows; i++) {
        struct row row = { .result = result, .number = i };
        struct seal_place place = { SEAL_PART, commit->segment, row_int(&row, 0) };
        if (row.bad) return FAIL(REASON_DATABASE);
        if (place.at != i + 1 || failed(row_sums(&row, 1, conn->keys, &place, &part))) return FAIL(REASON_PARTS);
        TRY(add_part(commit, &part));
        crypto_hash_sha256_update(&all, part.digest, sizeof(part.digest));
    }
    crypto_hash_sha256_final(&all, digest);
    commit->lines = (int64_t)commit->sums.lines;
    commit->adds = (int64_t)commit->sums.adds;
    bool adds_up = (uint32_t)rows == commit->wanted->parts && commit->sums.lines == commit->wanted->entries &&
                   memcmp(digest, commit->wanted->sha256, sizeof(digest)) == 0;
    return adds_up ? OK : FAIL(REASON_PARTS);
}

/* Whatever the statistics (still) say: few lines go through the index one by one, many are hashed.  The planner's own guess has cost a minute for
   a million.  (enable_seqscan stays on: the price of a forbidden scan of a tiny table would drown all other differences.) */
static struct result choose_plan(struct db_conn *conn, bool many)
{
    return conn_command(conn, many ? "SET LOCAL work_mem = '128MB'; SET LOCAL enable_nestloop = off; SET LOCAL enable_hashjoin = on"
                                   : "SET LOCAL enable_nestloop = on; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off");
}

static struct result check_duplicates(struct db_conn *conn, const struct commit *commit)
{
    PGresult *result RESULT_CLEANUP = NULL;
    struct params params = { 0 };
    params_int4(&params, commit->segment);
    TRY(conn_run(conn, &find_duplicate, &params, &result));
    return PQntuples(result) == 0 ? OK : FAIL(REASON_DUPLICATE_REFERENCE);
}

/* -- what it does to entries -------------------------------------------------------------------------------------------------------------- */

/* $1: list, $2: base segment, $3: this segment */
static void params_of(const struct commit *commit, struct params *params)
{
    params_int4(params, commit->locked.list.number);
    params_int4(params, commit->locked.base_segment);
    params_int4(params, commit->segment);
}

static struct result apply_entries(struct db_conn *conn, struct commit *commit)
{
    PGresult *result RESULT_CLEANUP = NULL;
    struct params params = { 0 };
    uint64_t removed = 0;
    const bool many = commit->lines > MANY_LINES;
    params_of(commit, &params);
    switch (commit->mode) {
    case REVISION_REPLACE:
        commit->entries = commit->adds;
        return OK;
    case REVISION_CHANGE:
        TRY(conn_do(conn, many ? &remove_many : &remove_few, &params, &removed));
        commit->entries = (int64_t)commit->locked.list.entries - (int64_t)removed + commit->adds;
        return commit->entries >= commit->adds ? OK : FAIL(REASON_INTERNAL);
    case REVISION_TOKENS:
        TRY(conn_run(conn, many ? &find_unknown_many : &find_unknown_few, &params, &result));
        commit->entries = (int64_t)commit->locked.list.entries;
        return PQntuples(result) == 0 ? OK : FAIL(REASON_UNKNOWN_REFERENCE);
    }
    return FAIL(REASON_DATABASE);
}

/* A file that was cut off, or another one by mistake: the list keeps what it has. */
static struct result check_guard(struct commit *commit)
{
    if (commit->locked.list.calibration && commit->entries > LIMIT_CALIBRATION_ENTRIES) return FAIL(REASON_CALIBRATION);
    static const enum db_refusal refusals[] = { [LIST_KEEPS] = DB_REFUSED_NONE, [LIST_SHRINKS] = DB_REFUSED_SHRINKS, [LIST_GROWS] = DB_REFUSED_GROWS };
    struct db_commit *wanted = commit->wanted;
    wanted->from = commit->locked.list.entries;
    wanted->to = (uint64_t)commit->entries;
    wanted->refused = refusals[list_guard_check(&wanted->guard, wanted->from, wanted->to)];
    return wanted->refused == DB_REFUSED_NONE || wanted->override ? OK : FAIL(REASON_GUARD);
}

/* -- what it does to epochs: coverage and caps -------------------------------------------------------------------------------------------- */

#define SUMS                                                                                                                              \
    "(SELECT p.epoch, sum(p.lines)::int8 AS lines, sum(p.near)::int8 AS near, sum(p.slots)::int8 AS slots FROM part_epochs p"              \
    " JOIN epochs e ON e.number = p.epoch WHERE p.segment = $2::int4 GROUP BY p.epoch)"

/* $1: list, $2: segment, $3: lines that an epoch needs to be whole */
static const struct statement epochs_cleared = { "epochs_cleared", "DELETE FROM list_epochs WHERE list = $1::int4" };
static const struct statement epochs_replaced = {
    "epochs_replaced",
    "INSERT INTO list_epochs (list, epoch, slots, near, whole) SELECT $1::int4, n.epoch, n.slots, n.near, n.lines = $3::int8 FROM " SUMS " AS n"
};
/* $4: nothing stood but what this revision adds.  An epoch stays whole only if every line added has it. */
static const struct statement epochs_changed = {
    "epochs_changed",
    "UPDATE list_epochs c SET slots = c.slots + coalesce(n.slots, 0), near = c.near + coalesce(n.near, 0),"
    " whole = (c.whole OR $4::bool) AND coalesce(n.lines, 0) = $3::int8"
    " FROM epochs k LEFT JOIN " SUMS " AS n ON n.epoch = k.number WHERE c.list = $1::int4 AND k.number = c.epoch"
};
static const struct statement epochs_added = {
    "epochs_added",
    "INSERT INTO list_epochs (list, epoch, slots, near, whole)"
    " SELECT $1::int4, n.epoch, n.slots, n.near, $4::bool AND n.lines = $3::int8 FROM " SUMS " AS n"
    " WHERE NOT EXISTS (SELECT FROM list_epochs c WHERE c.list = $1::int4 AND c.epoch = n.epoch)"
};
static const struct statement epochs_given = {
    "epochs_given",
    "INSERT INTO list_epochs AS c (list, epoch, slots, near, whole)"
    " SELECT $1::int4, n.epoch, n.slots, n.near, n.lines = $3::int8 FROM " SUMS " AS n"
    " ON CONFLICT (list, epoch) DO UPDATE SET slots = c.slots + excluded.slots, near = c.near + excluded.near, whole = c.whole OR excluded.whole"
};

static struct result apply_epochs(struct db_conn *conn, const struct commit *commit)
{
    struct params list = { 0 }, params = { 0 };
    params_int4(&list, commit->locked.list.number);
    params_int4(&params, commit->locked.list.number);
    params_int4(&params, commit->segment);
    params_int8(&params, commit->mode == REVISION_TOKENS ? commit->entries : commit->adds);
    switch (commit->mode) {
    case REVISION_REPLACE:
        TRY(conn_do(conn, &epochs_cleared, &list, NULL));
        return conn_do(conn, &epochs_replaced, &params, NULL);
    case REVISION_CHANGE:
        params_bool(&params, commit->entries == commit->adds);
        TRY(conn_do(conn, &epochs_changed, &params, NULL));
        return conn_do(conn, &epochs_added, &params, NULL);
    case REVISION_TOKENS:
        return conn_do(conn, &epochs_given, &params, NULL);
    }
    return FAIL(REASON_DATABASE);
}

/* A push that took so long that all epochs that it has tokens for are closed: its entries would be looked up by nobody. */
static const struct statement find_too_late = {
    "find_too_late",
    "SELECT 1 WHERE EXISTS (SELECT FROM part_epochs p WHERE p.segment = $1::int4 AND p.slots > 0) AND NOT EXISTS (SELECT FROM part_epochs p"
    " JOIN epochs e ON e.number = p.epoch WHERE p.segment = $1::int4 AND p.slots > 0 AND least(e.closes_at, e.destroyed_at) > clock_timestamp())"
};

static struct result check_in_time(struct db_conn *conn, const struct commit *commit)
{
    PGresult *result RESULT_CLEANUP = NULL;
    struct params params = { 0 };
    params_int4(&params, commit->segment);
    TRY(conn_run(conn, &find_too_late, &params, &result));
    return PQntuples(result) == 0 ? OK : FAIL(REASON_GONE);
}

/* Epochs whose numbers (upper bounds) are over a cap, or that may be whole by now: those are counted exactly. */
static const struct statement epochs_in_doubt = {
    "epochs_in_doubt",
    "SELECT epoch FROM list_epochs WHERE list = $1::int4 AND (slots > $2::int8 OR near > $3::int8 OR ($4::bool AND NOT whole AND slots >= $5::int8))"
};
static const struct statement count_epoch = {
    .sql = "UPDATE list_epochs c SET slots = n.slots, near = n.near, whole = c.whole OR n.entries = $5::int8"
           " FROM (SELECT coalesce(sum(s.count), 0) AS slots, count(DISTINCT s.entry) FILTER (WHERE s.segment >= $6::int4) AS entries,"
           " count(DISTINCT s.entry) FILTER (WHERE s.near) AS near"
           " FROM slots s JOIN entries e ON e.list = $1::int4 AND e.key = s.entry AND e.removed_by = 0 AND e.segment <= s.segment"
           " WHERE s.epoch = $4::int4 AND (s.segment = $3::int4 OR s.segment IN " LIVE_SEGMENTS ")"
           " AND (e.segment = $3::int4 OR e.segment IN " LIVE_SEGMENTS ")) AS n"
           " WHERE c.list = $1::int4 AND c.epoch = $4::int4"
};
static const struct statement over_cap = {
    "over_cap", "SELECT 1 FROM list_epochs WHERE list = $1::int4 AND (slots > $2::int8 OR near > $3::int8) LIMIT 1"
};

static struct result count_exactly(struct db_conn *conn, const struct commit *commit, const PGresult *doubtful)
{
    int rows = PQntuples(doubtful);
    for (int i = 0; i < rows; i++) {
        struct row row = { .result = doubtful, .number = i };
        struct params params = { 0 };
        params_of(commit, &params);
        params_int4(&params, row_int(&row, 0));
        params_int8(&params, commit->entries);
        params_int4(&params, commit->locked.grade_segment);
        if (row.bad) return FAIL(REASON_DATABASE);
        if (i == 0) TRY(choose_plan(conn, true));
        TRY(conn_do(conn, &count_epoch, &params, NULL));
    }
    return OK;
}

/* Those of a calibration list are whole plates: a partial one has a thousand. */
static int64_t cap_of(const struct db_list *list)
{
    if (list->calibration && list->cap_tokens > LIMIT_CALIBRATION_TOKENS) return LIMIT_CALIBRATION_TOKENS;
    return (int64_t)list->cap_tokens;
}

static struct result check_caps(struct db_conn *conn, const struct commit *commit)
{
    PGresult *doubtful RESULT_CLEANUP = NULL, *over RESULT_CLEANUP = NULL;
    struct params caps = { 0 }, doubt = { 0 };
    int64_t near = commit->wanted->near_entries_max > INT64_MAX ? INT64_MAX : (int64_t)commit->wanted->near_entries_max;
    params_int4(&caps, commit->locked.list.number);
    params_int8(&caps, cap_of(&commit->locked.list));
    params_int8(&caps, near);
    if (commit->mode != REVISION_REPLACE) { /* whose numbers are exact */
        params_int4(&doubt, commit->locked.list.number);
        params_int8(&doubt, cap_of(&commit->locked.list));
        params_int8(&doubt, near);
        params_bool(&doubt, commit->mode == REVISION_TOKENS);
        params_int8(&doubt, commit->entries);
        TRY(conn_run(conn, &epochs_in_doubt, &doubt, &doubtful));
        TRY(count_exactly(conn, commit, doubtful));
    }
    TRY(conn_run(conn, &over_cap, &caps, &over));
    return PQntuples(over) == 0 ? OK : FAIL(REASON_CAP);
}

/* -- the flip ----------------------------------------------------------------------------------------------------------------------------- */

static const struct statement flip_revision = {
    "flip_revision",
    "UPDATE revisions SET state = 1, version = $2::int8, committed_at = $3::timestamptz, committed_by = $4::text, sums = $5::bytea,"
    " mac = $6::bytea WHERE segment = $1::int4"
};
static const struct statement flip_list = {
    "flip_list",
    "UPDATE lists SET revision = $2::int4, base_segment = $3::int4, entries = $4::int8, version = $5::int8, committed_at = $6::timestamptz,"
    " refused_at = NULL, refused_by = NULL, refused_why = NULL, refused_from = NULL, refused_to = NULL WHERE number = $1::int4"
};

/* The list as it will be; its link is this segment's MAC, which continues from the one before, or after a replace from nothing. */
static void next_state(const struct db_conn *conn, struct commit *commit)
{
    static const uint8_t nothing[LIST_MAC_BYTES];
    struct sealed_list *locked = &commit->locked;
    bool replace = commit->mode == REVISION_REPLACE;
    struct segment_facts facts = { .list = locked->list.number, .segment = commit->segment, .revision = commit->revision, .base = commit->base,
                                   .mode = commit->mode };
    uint8_t mac[LIST_MAC_BYTES];
    segment_mac(conn->keys, &facts, &commit->sums, replace ? nothing : locked->link, mac);
    memcpy(locked->link, mac, sizeof(mac));
    locked->list.revision = commit->revision;
    if (replace) locked->base_segment = (uint32_t)commit->segment;
    locked->list.entries = (uint64_t)commit->entries;
    locked->list.committed_ms = clock_now_ms(&system_clock);
    locked->list.refused = DB_REFUSED_NONE;
    locked->list.refused_by[0] = '\0';
    locked->list.refused_ms = 0;
    locked->list.refused_from = locked->list.refused_to = 0;
}

static struct result flip(struct db_conn *conn, struct commit *commit)
{
    struct params revision = { 0 }, list = { 0 };
    const struct seal_place place = { SEAL_SEGMENT, commit->segment, 0 };
    const struct sealed_list *next = &commit->locked;
    uint8_t sealed[SUMS_SEALED_MAX];
    int64_t version;
    next_state(conn, commit);
    size_t size = sums_seal(conn->keys, &place, &commit->sums, sealed);
    TRY(db_move_head(conn, &version));
    params_int4(&revision, commit->segment);
    params_int8(&revision, version);
    params_time(&revision, next->list.committed_ms);
    params_text(&revision, commit->who);
    params_bytes(&revision, sealed, size);
    params_bytes(&revision, next->link, sizeof(next->link));
    TRY(conn_do(conn, &flip_revision, &revision, NULL));
    params_int4(&list, next->list.number);
    params_int4(&list, next->list.revision);
    params_int4(&list, next->base_segment);
    params_int8(&list, commit->entries);
    params_int8(&list, version);
    params_time(&list, next->list.committed_ms);
    TRY(conn_do(conn, &flip_list, &list, NULL));
    return db_list_seal(conn, &commit->locked);
}

static struct result commit_body(struct db_conn *conn, void *context)
{
    struct commit *commit = context;
    bool done = false;
    if (!conn->keys) return FAIL(REASON_INTERNAL);
    TRY(lock(conn, commit, &done));
    if (!done) {
        TRY(check_parts(conn, commit));
        TRY(check_in_time(conn, commit));
        TRY(choose_plan(conn, commit->lines > MANY_LINES));
        TRY(check_duplicates(conn, commit));
        TRY(apply_entries(conn, commit));
        TRY(check_guard(commit));
        TRY(apply_epochs(conn, commit));
        TRY(check_caps(conn, commit));
        TRY(flip(conn, commit));
    }
    return db_list_read(conn, commit->agency, commit->list, commit->out);
}

struct result db_revision_commit(struct db *db, const char *agency, const char *list, uint32_t revision, struct db_commit *wanted,
                                 const char *who, struct db_list *out)
{
    struct commit *commit = malloc(sizeof(*commit));
    if (!commit) return FAIL(REASON_INTERNAL);
    *commit = (struct commit){ .agency = agency, .list = list, .who = who, .revision = revision, .wanted = wanted, .out = out };
    struct scope scope = { .agency = agency, .timeout_ms = DB_REVISION_MS };
    struct result result = db_transaction(db, &scope, commit_body, commit);
    free(commit);
    return result;
}
