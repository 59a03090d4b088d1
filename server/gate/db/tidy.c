/* Erasing what changes removed from segments that live on.  The rows are taken out of sums that were sealed when they were committed; so what is
   erased is sealed too, as "rows with this sum, of that segment, were removed by this one": a statement that stays true, and adds up with the
   rows that are left.  It is made only of rows that a segment removed whose own rows are what a gate stored. */
#include <assert.h>

#include "server/gate/db/list_seal.h"
#include "server/gate/index/entries.h"

#define KEYS_PER_STATEMENT 20000

struct erased {
    uint32_t segment, epoch; /* epoch: ENTRIES for entries */
    struct sums sums;
};
#define ENTRIES UINT32_MAX

struct tidy {
    uint32_t after, segment;       /* segment: whose removals are erased; 0: none was found */
    int64_t list, base_segment, stage;
    struct sums sums;              /* as it was committed */
    struct row_sum edits, added;   /* streamed */
    uint64_t *keys;                /* that it removes or adds anew */
    size_t key_count, key_room;
    struct erased *erased;
    size_t erased_count, erased_room;
};

static const struct statement take_turn = { "tidy_turn", "SELECT FROM turns WHERE what = 'maintain' FOR UPDATE SKIP LOCKED" };
static const struct statement next_remover = {
    "next_remover",
    "SELECT r.segment, r.list, l.base_segment, r.tidied, r.sums FROM revisions r JOIN lists l ON l.number = r.list"
    " WHERE r.state = 1 AND r.mode = 1 AND r.tidied < 2 AND r.kept = 2 AND r.sums IS NOT NULL AND r.segment >= l.base_segment"
    " AND (r.tidied = 0 OR r.committed_at < now() - interval '2 days') AND r.segment > $1::int4 ORDER BY r.segment LIMIT 1"
};
static const struct statement erased_of = { "erased_of", "SELECT remover, sums FROM erased WHERE segment = $1::int4 AND epoch IS NULL" };
/* $1: list, $2: that removes, $3: keys, $4: base segment */
#define REMOVED "e.list = $1::int4 AND e.removed_by = $2::int4 AND e.segment < $2::int4 AND e.segment >= $4::int4"
static const struct statement erase_slots = {
    .sql = "DELETE FROM slots s USING entries e, unnest($3::int8[]) AS k (key) WHERE e.key = k.key AND " REMOVED
           " AND s.segment = e.segment AND s.part = e.part AND s.entry = e.key RETURNING s.entry, s.segment, s.epoch, s.packed"
};
static const struct statement erase_entries = {
    .sql = "DELETE FROM entries e USING unnest($3::int8[]) AS k (key) WHERE e.key = k.key AND " REMOVED
           " RETURNING e.key, e.segment, e.effective, e.expires"
};
static const struct statement find_erased = {
    "find_erased", "SELECT sums FROM erased WHERE segment = $1::int4 AND remover = $2::int4 AND coalesce(epoch, -1) = $3::int4"
};
static const struct statement put_erased = {
    "put_erased",
    "INSERT INTO erased (segment, remover, epoch, sums) VALUES ($1::int4, $2::int4, nullif($3::int4, -1), $4::bytea)"
    " ON CONFLICT (segment, remover, coalesce(epoch, -1)) DO UPDATE SET sums = excluded.sums"
};
static const struct statement set_tidied = { "set_tidied", "UPDATE revisions SET tidied = $2::int2 WHERE segment = $1::int4" };

/* -- what the segment removes ---------------------------------------------------------------------------------------------------------------- */

static struct result take_key(void *context, const struct load_removal *removal)
{
    struct tidy *tidy = context;
    row_sum_add(removal->edit ? &tidy->edits : &tidy->added, &removal->sum);
    if (tidy->key_count == tidy->key_room) {
        size_t room = tidy->key_room == 0 ? 1024 : tidy->key_room * 2;
        uint64_t *longer = realloc(tidy->keys, room * sizeof(*longer));
        if (!longer) return FAIL(REASON_BUSY);
        tidy->keys = longer;
        tidy->key_room = room;
    }
    tidy->keys[tidy->key_count++] = removal->key;
    return OK;
}

static int compare_keys(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* What it added, and later ones removed again and had erased, counts among its rows. */
static struct result add_erased(struct db_conn *conn, struct tidy *tidy)
{
    PGresult *result RESULT_CLEANUP = NULL;
    struct params params = { 0 };
    struct sums sums;
    params_int4(&params, tidy->segment);
    TRY(conn_run(conn, &erased_of, &params, &result));
    for (int i = 0, rows = PQntuples(result); i < rows; i++) {
        struct row row = { .result = result, .number = i };
        struct seal_place place = { SEAL_ERASED, tidy->segment, row_int(&row, 0) };
        if (!failed(row_sums(&row, 1, conn->keys, &place, &sums))) row_sum_add(&tidy->added, &sums.entries);
    }
    return OK;
}

static struct result read_keys(struct db_conn *conn, struct tidy *tidy)
{
    TRY(load_removals(conn, &tidy->segment, 1, take_key, tidy));
    TRY(add_erased(conn, tidy));
    if (!row_sum_equal(&tidy->edits, &tidy->sums.edits) || !row_sum_equal(&tidy->added, &tidy->sums.entries)) return FAIL(REASON_FORGED);
    if (tidy->key_count > 0) qsort(tidy->keys, tidy->key_count, sizeof(*tidy->keys), compare_keys);
    return OK;
}

/* -- erasing ------------------------------------------------------------------------------------------------------------------------------------ */

static struct sums *sums_for(struct tidy *tidy, uint32_t segment, uint32_t epoch)
{
    for (size_t i = tidy->erased_count; i-- > 0;)
        if (tidy->erased[i].segment == segment && tidy->erased[i].epoch == epoch) return &tidy->erased[i].sums;
    if (tidy->erased_count == tidy->erased_room) {
        size_t room = tidy->erased_room == 0 ? 8 : tidy->erased_room * 2;
        struct erased *longer = realloc(tidy->erased, room * sizeof(*longer));
        if (!longer) return NULL;
        tidy->erased = longer;
        tidy->erased_room = room;
    }
    struct erased *made = &tidy->erased[tidy->erased_count++];
    *made = (struct erased){ .segment = segment, .epoch = epoch };
    return &made->sums;
}

/* The database says what it erased: nothing but what this segment removed is taken for that. */
static bool is_removed(const struct tidy *tidy, uint64_t key, int64_t segment)
{
    return segment < tidy->segment && segment >= tidy->base_segment && tidy->key_count > 0 &&
           bsearch(&key, tidy->keys, tidy->key_count, sizeof(key), compare_keys) != NULL;
}

static struct result take_slots(const struct db_conn *conn, struct tidy *tidy, const PGresult *result, int number)
{
    struct row row = { .result = result, .number = number };
    size_t size;
    uint64_t key = (uint64_t)row_int(&row, 0);
    int64_t segment = row_int(&row, 1), epoch = row_int(&row, 2);
    const uint8_t *packed = row_blob(&row, 3, &size);
    if (row.bad || !is_removed(tidy, key, segment) || size > LIMIT_ENTRY_TOKENS * PLATESIEVE_GRADES * PACKED_SLOT_BYTES) return FAIL(REASON_FORGED);
    struct sums *sums = sums_for(tidy, (uint32_t)segment, (uint32_t)epoch);
    struct sums_epoch *of_epoch = sums ? sums_of_epoch(sums, (uint32_t)epoch) : NULL;
    if (!of_epoch) return FAIL(REASON_BUSY);
    struct row_sum sum = slots_sum(conn->keys, key, (uint32_t)segment, (uint32_t)epoch, packed, size);
    row_sum_add(&of_epoch->sum, &sum);
    return OK;
}

static uint32_t seconds_or(struct row *row, int column, uint32_t fallback)
{
    int64_t ms = row_time_or(row, column, -1);
    return ms < 0 ? fallback : (uint32_t)(ms / 1000);
}

static struct result take_entry(const struct db_conn *conn, struct tidy *tidy, const PGresult *result, int number)
{
    struct row row = { .result = result, .number = number };
    uint64_t key = (uint64_t)row_int(&row, 0);
    int64_t segment = row_int(&row, 1);
    uint32_t effective = seconds_or(&row, 2, 0), expires = seconds_or(&row, 3, ENTRY_FOREVER);
    if (row.bad || !is_removed(tidy, key, segment)) return FAIL(REASON_FORGED);
    struct sums *sums = sums_for(tidy, (uint32_t)segment, ENTRIES);
    if (!sums) return FAIL(REASON_BUSY);
    struct row_sum sum = entry_sum(conn->keys, key, (uint32_t)segment, effective, expires);
    row_sum_add(&sums->entries, &sum);
    return OK;
}

/* Some of the keys. */
static struct result erase_some(struct db_conn *conn, struct tidy *tidy, const uint64_t *keys, size_t count)
{
    PGresult *result RESULT_CLEANUP = NULL;
    struct array array CLEANUP(array_free) = { 0 };
    struct params params = { 0 };
    bool slots = tidy->stage == 0;
    array_begin(&array, TYPE_INT8, count, 8);
    for (size_t i = 0; i < count; i++) array_int8(&array, (int64_t)keys[i]);
    params_int4(&params, tidy->list);
    params_int4(&params, tidy->segment);
    if (!params_array(&params, &array)) return FAIL(REASON_BUSY);
    params_int4(&params, tidy->base_segment);
    TRY(conn_run(conn, slots ? &erase_slots : &erase_entries, &params, &result));
    for (int i = 0, rows = PQntuples(result); i < rows; i++)
        TRY(slots ? take_slots(conn, tidy, result, i) : take_entry(conn, tidy, result, i));
    return OK;
}

/* Onto what was erased of it before. */
static struct result seal_erased(struct db_conn *conn, const struct tidy *tidy, struct erased *erased)
{
    PGresult *result RESULT_CLEANUP = NULL;
    const struct seal_place place = { SEAL_ERASED, erased->segment, tidy->segment };
    uint8_t sealed[SUMS_SEALED_MAX];
    struct params params = { 0 };
    struct sums before;
    params_int4(&params, erased->segment);
    params_int4(&params, tidy->segment);
    params_int4(&params, erased->epoch == ENTRIES ? -1 : (int64_t)erased->epoch);
    TRY(conn_run(conn, &find_erased, &params, &result));
    if (PQntuples(result) > 0) {
        struct row row = { .result = result };
        TRY(row_sums(&row, 0, conn->keys, &place, &before));
        row_sum_add(&erased->sums.entries, &before.entries);
        for (size_t i = 0; i < before.epoch_count; i++) {
            struct sums_epoch *epoch = sums_of_epoch(&erased->sums, before.epochs[i].number);
            if (!epoch) return FAIL(REASON_FORGED);
            row_sum_add(&epoch->sum, &before.epochs[i].sum);
        }
    }
    params_bytes(&params, sealed, sums_seal(conn->keys, &place, &erased->sums, sealed));
    return conn_do(conn, &put_erased, &params, NULL);
}

/* -- the transaction ------------------------------------------------------------------------------------------------------------------------------ */

static struct result find_remover(struct db_conn *conn, struct tidy *tidy)
{
    PGresult *turn RESULT_CLEANUP = NULL, *result RESULT_CLEANUP = NULL;
    struct params params = { 0 };
    TRY(conn_run(conn, &take_turn, NULL, &turn));
    if (PQntuples(turn) == 0) return OK; /* another gate is at it */
    params_int4(&params, tidy->after);
    TRY(conn_run(conn, &next_remover, &params, &result));
    if (PQntuples(result) == 0) return OK;
    struct row row = { .result = result };
    tidy->segment = (uint32_t)row_int(&row, 0);
    tidy->list = row_int(&row, 1);
    tidy->base_segment = row_int(&row, 2);
    tidy->stage = row_int(&row, 3);
    struct seal_place place = { SEAL_SEGMENT, tidy->segment, 0 };
    return row.bad ? FAIL(REASON_DATABASE) : row_sums(&row, 4, conn->keys, &place, &tidy->sums);
}

static struct result tidy_body(struct db_conn *conn, void *context)
{
    struct tidy *tidy = context;
    struct params params = { 0 };
    tidy->segment = 0;
    tidy->edits = tidy->added = (struct row_sum){ 0, 0 };
    tidy->key_count = tidy->erased_count = 0;
    if (!conn->keys) return FAIL(REASON_INTERNAL);
    TRY(find_remover(conn, tidy));
    if (tidy->segment == 0) return OK;
    TRY(read_keys(conn, tidy));
    for (size_t i = 0; i < tidy->key_count; i += KEYS_PER_STATEMENT)
        TRY(erase_some(conn, tidy, tidy->keys + i, tidy->key_count - i < KEYS_PER_STATEMENT ? tidy->key_count - i : KEYS_PER_STATEMENT));
    for (size_t i = 0; i < tidy->erased_count; i++) TRY(seal_erased(conn, tidy, &tidy->erased[i]));
    params_int4(&params, tidy->segment);
    params_int2(&params, (int)tidy->stage + 1);
    return conn_do(conn, &set_tidied, &params, NULL);
}

struct result db_tidy(struct db *db, uint32_t *segment)
{
    struct tidy *tidy = calloc(1, sizeof(*tidy));
    struct scope scope = { .later = true, .timeout_ms = DB_COMMIT_MS };
    if (!tidy) return FAIL(REASON_BUSY);
    tidy->after = *segment;
    struct result result = db_transaction(db, &scope, tidy_body, tidy);
    *segment = tidy->segment;
    free(tidy->keys);
    free(tidy->erased);
    free(tidy);
    return result;
}
