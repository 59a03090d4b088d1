/* Hits: what an agency asks for, what a gate stores. */
#include <assert.h>

#include "server/gate/db/conn.h"
#include "server/gate/db/load.h"
#include "server/http/log.h"

/* -- an agency's hits ---------------------------------------------------------------------------------------------------------------------- */

#define HIT_COLUMNS                                                                                                                        \
    "h.id, l.id, h.reference, h.site, h.lane, h.seen_at, h.recorded_at, h.last_seen_at, h.grade, h.candidate, h.confidence, h.revision,"   \
    " h.age_s, h.count, h.cursor, h.verify, h.covert, h.entry, h.verdict, h.verdict_at, coalesce(h.verdict_by, ''),"                       \
    " coalesce(h.action, ''), h.evidence, h.lane_judgement, h.lane_judged_at, h.lane_acknowledged_at"
#define HIT_FROM " FROM hits h JOIN lists l ON l.number = h.list"
#define HIT_MATCHES                                                                                                                        \
    "h.agency = $1::text AND h.cursor > $2::int8 AND h.cursor <= $3::int8 AND h.verdict <> 2 AND ($5::text = '' OR l.id = $5::text)"       \
    " AND ($6::text = '' OR h.site = $6::text) AND ($7::text = '' OR h.lane = $7::text) AND h.grade <= $8::int2"                           \
    " AND ($9::int2 < 0 OR h.covert = ($9::int2 = 1)) AND ($13::int2 < 0 OR h.verdict = $13::int2) AND h.seen_at >= $10::timestamptz AND h.seen_at < $11::timestamptz" \
    " AND ($14::int2 < 0 OR CASE $14::int2 WHEN 5 THEN h.lane_acknowledged_at IS NOT NULL ELSE h.lane_judgement = $14::int2 END)"
#define HIT_ORDER " ORDER BY h.cursor LIMIT $4::int4"
/* by hits_cursor; planned at each run, for the partitions of its days: one plan for hundreds of them is slower by far */
static const struct statement hits_after = {
    NULL, "SELECT * FROM (SELECT " HIT_COLUMNS ", ''" HIT_FROM " WHERE h.drop_on = ANY ($12::date[]) AND " HIT_MATCHES HIT_ORDER ") AS own"
          " UNION ALL SELECT * FROM (SELECT " HIT_COLUMNS ", h.shared_by FROM shared_hits_after($2::int8, $3::int8, $12::date[], $15::int4) h"
          " JOIN LATERAL (SELECT h.list_id AS id) l ON true WHERE " HIT_MATCHES HIT_ORDER ") AS theirs ORDER BY 15 LIMIT $4::int4"
};
/* by hits_entry, of all partitions */
static const struct statement entry_hits_after = { "entry_hits_after",
                                                   "SELECT " HIT_COLUMNS ", ''" HIT_FROM " WHERE h.entry = $12::int8 AND " HIT_MATCHES HIT_ORDER };
/* Up to where all that was committed can be seen; the first there is after a cursor, for retention leaves gaps; the partitions in which the $3
   places after that one lie. */
static const struct statement feed_bounds = {
    "feed_bounds",
    "SELECT a.hit_cursor, f.first, ARRAY(SELECT d.drop_on FROM feed_days d WHERE d.agency = $1::text AND d.last > $2::int8"
    " AND d.first < f.first + $3::int8) FROM agencies a, (SELECT min(greatest(d.first, $2::int8 + 1)) FROM feed_days d"
    " WHERE d.agency = $1::text AND d.last > $2::int8) AS f (first) WHERE a.name = $1::text"
};
static const struct statement hit_get = {
    "hit_get", "SELECT " HIT_COLUMNS ", ''" HIT_FROM " WHERE h.id = $2::uuid AND h.agency = $1::text UNION ALL"
               " SELECT " HIT_COLUMNS ", h.shared_by FROM shared_hit_of($2::uuid) h JOIN LATERAL (SELECT h.list_id AS id) l ON true LIMIT 1"
};

const struct db_hit_filter db_hit_filter_all = {
    .grade = PLATESIEVE_GRADES - 1, .covert = -1, .verdict = -1, .lane_judgement = -1, .since_ms = 0, .until_ms = INT64_C(4260211200000) /* 2105 */
};

static_assert(VERDICTS == 5, "what the statements say of hits that a lane acknowledged");

struct hits {
    const char *agency;
    const struct db_hit_filter *filter;
    struct db_page *page;
    uint64_t upto; /* that is looked at */
    PGresult *bounds, *result;
};

/* What is committed up to the head can be seen by every statement after this one. */
static struct result find_bounds(struct db_conn *conn, struct hits *hits)
{
    struct db_page *page = hits->page;
    struct params params = { 0 };
    result_clear(&hits->bounds);
    params_text(&params, hits->agency);
    params_int8(&params, page->after >= INT64_MAX ? INT64_MAX - 1 : (int64_t)page->after);
    params_int8(&params, LIMIT_HITS_EXAMINED);
    TRY(conn_run(conn, &feed_bounds, &params, &hits->bounds));
    const PGresult *result = hits->bounds;
    struct row row = { .result = result };
    page->head = PQntuples(result) == 0 ? 0 : (uint64_t)row_int(&row, 0); /* an agency without a list */
    if (row.bad) return FAIL(REASON_DATABASE);
    if (page->after > page->head) return FAIL(REASON_CURSOR);
    hits->upto = page->head;
    if (page->head == 0 || PQgetisnull(result, 0, 1)) return OK;
    uint64_t first = (uint64_t)row_int(&row, 1);
    if (!hits->filter->has_entry && page->head - (first - 1) > LIMIT_HITS_EXAMINED) hits->upto = first - 1 + LIMIT_HITS_EXAMINED;
    return row.bad ? FAIL(REASON_DATABASE) : OK;
}

static struct result after_body(struct db_conn *conn, void *context)
{
    struct hits *hits = context;
    const struct db_hit_filter *filter = hits->filter;
    struct params params = { 0 };
    result_clear(&hits->result);
    TRY(find_bounds(conn, hits));
    if (PQntuples(hits->bounds) == 0) return OK;
    params_text(&params, hits->agency);
    params_int8(&params, (int64_t)hits->page->after);
    params_int8(&params, (int64_t)hits->upto);
    params_int4(&params, (int64_t)hits->page->limit + 1); /* one more says whether there are more */
    params_text(&params, filter->list);
    params_text(&params, filter->site);
    params_text(&params, filter->lane);
    params_int2(&params, filter->grade);
    params_int2(&params, filter->covert);
    params_time(&params, filter->since_ms);
    params_time(&params, filter->until_ms);
    if (filter->has_entry) {
        params_int8(&params, (int64_t)filter->entry);
    } else {
        struct row row = { .result = hits->bounds };
        size_t size = 0;
        const uint8_t *days = row_value(&row, 2, &size);
        if (row.bad) return FAIL(REASON_DATABASE);
        params_bytes(&params, days, size);
    }
    params_int2(&params, filter->verdict);
    params_int2(&params, filter->lane_judgement);
    if (!filter->has_entry) /* with a filter, more may have to be looked at */
        params_int4(&params, memcmp(filter, &db_hit_filter_all, sizeof(*filter)) == 0 ? (int64_t)hits->page->limit + 1 : INT32_MAX);
    return conn_run(conn, filter->has_entry ? &entry_hits_after : &hits_after, &params, &hits->result);
}

static struct result hit_take(const PGresult *result, int number, struct db_hit *hit)
{
    struct row row = { .result = result, .number = number };
    row_bytes(&row, 0, hit->id, sizeof(hit->id));
    row_text(&row, 1, hit->list, sizeof(hit->list));
    row_text(&row, 2, hit->reference, sizeof(hit->reference));
    row_text(&row, 3, hit->site, sizeof(hit->site));
    row_text(&row, 4, hit->lane, sizeof(hit->lane));
    hit->seen_ms = row_time(&row, 5);
    hit->recorded_ms = row_time(&row, 6);
    hit->last_seen_ms = row_time(&row, 7);
    hit->grade = (uint8_t)row_int(&row, 8);
    hit->candidate = (uint8_t)row_int(&row, 9);
    hit->confidence = row_real(&row, 10);
    hit->revision = (uint32_t)row_int(&row, 11);
    hit->age_s = (uint32_t)row_int(&row, 12);
    hit->count = (uint64_t)row_int(&row, 13);
    hit->cursor = (uint64_t)row_int(&row, 14);
    hit->verify = row_bool(&row, 15);
    hit->covert = row_bool(&row, 16);
    hit->entry = (uint64_t)row_int(&row, 17);
    hit->verdict = (enum verdict)row_int(&row, 18);
    hit->verdict_ms = row_time_or(&row, 19, 0);
    row_text(&row, 20, hit->verdict_by, sizeof(hit->verdict_by));
    row_text(&row, 21, hit->action, sizeof(hit->action));
    hit->evidence = (uint8_t)row_int(&row, 22);
    row_lane_word(&row, 23, &hit->lane_says);
    row_text(&row, 26, hit->shared_by, sizeof(hit->shared_by));
    if (hit->verdict >= VERDICTS) row.bad = true;
    return row.bad ? FAIL(REASON_DATABASE) : OK;
}

struct result db_hits_after(struct db *db, const char *agency, const struct db_hit_filter *filter, struct db_page *page, db_hit_fn each,
                            void *context)
{
    struct hits hits = { .agency = agency, .filter = filter, .page = page };
    struct scope scope = { .agency = agency, .generic = filter->has_entry };
    struct result result = db_transaction(db, &scope, after_body, &hits);
    int rows = failed(result) ? 0 : PQntuples(hits.result);
    bool all = rows <= (int)page->limit;
    page->cursor = hits.upto;
    for (int i = 0; i < rows && i < (int)page->limit && !failed(result); i++) {
        struct db_hit hit = { 0 };
        result = hit_take(hits.result, i, &hit);
        if (failed(result)) break;
        if (!all) page->cursor = hit.cursor;
        each(context, &hit);
    }
    page->more = page->cursor < page->head;
    result_clear(&hits.bounds);
    result_clear(&hits.result);
    return result;
}

struct hit_get {
    const char *agency;
    const uint8_t *id;
    struct db_hit *hit;
};

static struct result get_body(struct db_conn *conn, void *context)
{
    const struct hit_get *get = context;
    PGresult *result RESULT_CLEANUP = NULL;
    struct params params = { 0 };
    params_text(&params, get->agency);
    params_bytes(&params, get->id, PLATESIEVE_HIT_ID_BYTES);
    TRY(conn_run(conn, &hit_get, &params, &result));
    if (PQntuples(result) == 0) return FAIL(REASON_NOT_FOUND);
    TRY(hit_take(result, 0, get->hit));
    return get->hit->verdict == VERDICT_MISREAD ? FAIL(REASON_ERASED) : OK;
}

struct result db_hit_get(struct db *db, const char *agency, const uint8_t id[PLATESIEVE_HIT_ID_BYTES], struct db_hit *hit)
{
    struct hit_get get = { .agency = agency, .id = id, .hit = hit };
    struct scope scope = { .agency = agency, .generic = true };
    return db_transaction(db, &scope, get_body, &get);
}

/* -- a gate's sightings -------------------------------------------------------------------------------------------------------------------- */

#define STORE_COLUMNS 15

static const struct statement store = {
    "store",
    "SELECT unknown, late FROM sightings_store($1::uuid[], $2::uuid[], $3::timestamptz[], $4::int8[], $5::int4[], $6::int4[], $7::int4[], $8::int4[],"
    " $9::int2[], $10::int2[], $11::bool[], $12::bool[], $13::real[], $14::text[], $15::text[])"
};
static const struct statement stored_there = {
    "stored_there", "SELECT stored FROM sightings_stored($1::uuid[], $2::int4[], $3::timestamptz[]) AS stored"
};
static const struct statement prepare_for = {
    "prepare_for",
    "SELECT day_prepare(d) FROM (SELECT DISTINCT drop_day(list, (seen AT TIME ZONE 'UTC')::date) AS d"
    " FROM unnest($1::int4[], $2::timestamptz[]) AS u (list, seen)) needed WHERE d > utc_today()"
};

#define NO_PARTITION "23514" /* check_violation: what a row without a partition to go to fails with */

struct sightings {
    const struct sighting *each;
    size_t count;
    enum sighting_stored *stored;
    bool no_partition;
    bool perhaps;     /* all was done but the commit */
    int64_t unknown;  /* whose list the database does not have */
    int64_t late;     /* whose retention is over */
};

static void fill(struct array *a, const struct sightings *sightings)
{
    static const uint32_t types[STORE_COLUMNS] = { TYPE_UUID, TYPE_UUID, TYPE_TIME, TYPE_INT8, TYPE_INT4, TYPE_INT4, TYPE_INT4, TYPE_INT4,
                                                   TYPE_INT2, TYPE_INT2, TYPE_BOOL, TYPE_BOOL, TYPE_REAL, TYPE_TEXT, TYPE_TEXT };
    for (size_t i = 0; i < STORE_COLUMNS; i++) array_begin(&a[i], types[i], sightings->count, 16);
    for (size_t i = 0; i < sightings->count; i++) {
        const struct sighting *s = &sightings->each[i];
        array_uuid(&a[0], s->id);
        array_uuid(&a[1], s->hit);
        array_time(&a[2], s->seen_ms);
        array_int8(&a[3], (int64_t)s->entry);
        array_int4(&a[4], s->list);
        array_int4(&a[5], s->revision);
        array_int4(&a[6], s->age_s);
        array_int4(&a[7], s->cooldown_s);
        array_int2(&a[8], s->grade);
        array_int2(&a[9], s->candidate);
        array_bool(&a[10], s->verify);
        array_bool(&a[11], s->covert);
        array_real(&a[12], s->confidence);
        array_text(&a[13], s->site);
        array_text(&a[14], s->lane);
    }
}

/* A sighting may be there twice. */
static void note_stored(struct sightings *sightings, const uint8_t id[PLATESIEVE_HIT_ID_BYTES], enum sighting_stored stored)
{
    for (size_t i = 0; i < sightings->count; i++)
        if (sightings->stored[i] == STORED_NOT && memcmp(sightings->each[i].id, id, PLATESIEVE_HIT_ID_BYTES) == 0) sightings->stored[i] = stored;
}

/* Those that stand now, and of which nothing was noted, are STORED; in the transaction that stores them. */
static struct result ask_stored(struct db_conn *conn, struct sightings *sightings, enum sighting_stored stored)
{
    PGresult *result RESULT_CLEANUP = NULL;
    struct array ids, lists, seen;
    struct params params = { 0 };
    array_begin(&ids, TYPE_UUID, sightings->count, 16);
    array_begin(&lists, TYPE_INT4, sightings->count, 4);
    array_begin(&seen, TYPE_TIME, sightings->count, 8);
    for (size_t i = 0; i < sightings->count; i++) {
        array_uuid(&ids, sightings->each[i].id);
        array_int4(&lists, sightings->each[i].list);
        array_time(&seen, sightings->each[i].seen_ms);
    }
    bool ready = params_array(&params, &ids);
    ready = params_array(&params, &lists) && ready;
    ready = params_array(&params, &seen) && ready;
    struct result done = ready ? conn_run(conn, &stored_there, &params, &result) : FAIL(REASON_INTERNAL);
    array_free(&ids);
    array_free(&lists);
    array_free(&seen);
    TRY(done);
    for (int i = 0; i < PQntuples(result); i++) {
        struct row row = { .result = result, .number = i };
        uint8_t id[PLATESIEVE_HIT_ID_BYTES];
        row_bytes(&row, 0, id, sizeof(id));
        if (row.bad) return FAIL(REASON_DATABASE);
        note_stored(sightings, id, stored);
    }
    return OK;
}

static struct result store_body(struct db_conn *conn, void *context)
{
    struct sightings *sightings = context;
    PGresult *result RESULT_CLEANUP = NULL;
    struct array a[STORE_COLUMNS];
    struct params params = { 0 };
    bool ready = true;
    sightings->perhaps = false;
    for (size_t i = 0; i < sightings->count; i++) sightings->stored[i] = STORED_NOT;
    TRY(ask_stored(conn, sightings, STORED_BEFORE));
    fill(a, sightings);
    for (size_t i = 0; i < STORE_COLUMNS; i++) ready = params_array(&params, &a[i]) && ready;
    struct result done = ready ? conn_run(conn, &store, &params, &result) : FAIL(REASON_INTERNAL);
    for (size_t i = 0; i < STORE_COLUMNS; i++) array_free(&a[i]);
    sightings->no_partition = failed(done) && conn_failed_with(conn, NO_PARTITION);
    TRY(done);
    struct row row = { .result = result };
    sightings->unknown = row_int(&row, 0);
    sightings->late = row_int(&row, 1);
    if (row.bad) return FAIL(REASON_DATABASE);
    TRY(ask_stored(conn, sightings, STORED_NOW));
    sightings->perhaps = true;
    return OK;
}

static struct result prepare_body(struct db_conn *conn, void *context)
{
    const struct sightings *sightings = context;
    struct array lists, seen;
    struct params params = { 0 };
    array_begin(&lists, TYPE_INT4, sightings->count, 4);
    array_begin(&seen, TYPE_TIME, sightings->count, 8);
    for (size_t i = 0; i < sightings->count; i++) {
        array_int4(&lists, sightings->each[i].list);
        array_time(&seen, sightings->each[i].seen_ms);
    }
    bool ready = params_array(&params, &lists) && params_array(&params, &seen);
    struct result result = ready ? conn_do(conn, &prepare_for, &params, NULL) : FAIL(REASON_INTERNAL);
    array_free(&lists);
    array_free(&seen);
    return result;
}

struct result db_sightings_store(struct db *db, const struct sighting *each, size_t count, enum sighting_stored *stored, bool *perhaps)
{
    assert(count > 0);
    struct sightings sightings = { .each = each, .count = count, .stored = stored };
    struct scope scope = { 0 }, first = { .expected = NO_PARTITION };
    *perhaps = false;
    struct result result = db_transaction(db, &first, store_body, &sightings);
    if (failed(result) && sightings.no_partition) { /* a spool that lay for long, or a list that is new: days that are not made ahead */
        TRY(db_transaction(db, &scope, prepare_body, &sightings));
        result = db_transaction(db, &scope, store_body, &sightings);
    }
    if (!failed(result) && sightings.late > 0)
        log_line(LOG_NOTICE, "the retention of %lld sightings was over before they could be stored", (long long)sightings.late);
    if (!failed(result) && sightings.unknown > 0)
        log_line(LOG_ERR, "the database does not have the lists of %lld sightings: they are lost", (long long)sightings.unknown);
    *perhaps = failed(result) && sightings.perhaps;
    return result;
}

/* -- recent hits, for the cooldown ----------------------------------------------------------------------------------------------------------- */

static const struct statement hits_recent = {
    "hits_recent",
    "SELECT id, entry, list, revision, age_s, cooldown_s, seen_at, grade, candidate, covert, verify, confidence, site, lane"
    " FROM hits_recent($1::timestamptz)"
};

struct recent {
    int64_t since_ms;
    PGresult *result;
};

static struct result recent_body(struct db_conn *conn, void *context)
{
    struct recent *recent = context;
    struct params params = { 0 };
    result_clear(&recent->result);
    params_time(&params, recent->since_ms);
    return conn_run(conn, &hits_recent, &params, &recent->result);
}

static struct result recent_take(const PGresult *result, int number, struct sighting *s)
{
    struct row row = { .result = result, .number = number };
    row_bytes(&row, 0, s->id, sizeof(s->id));
    memcpy(s->hit, s->id, sizeof(s->hit));
    s->entry = (uint64_t)row_int(&row, 1);
    s->list = (uint32_t)row_int(&row, 2);
    s->revision = (uint32_t)row_int(&row, 3);
    s->age_s = (uint32_t)row_int(&row, 4);
    s->cooldown_s = (uint32_t)row_int(&row, 5);
    s->seen_ms = row_time(&row, 6);
    s->grade = (uint8_t)row_int(&row, 7);
    s->candidate = (uint8_t)row_int(&row, 8);
    s->covert = row_bool(&row, 9);
    s->verify = row_bool(&row, 10);
    s->confidence = row_real(&row, 11);
    row_text(&row, 12, s->site, sizeof(s->site));
    row_text(&row, 13, s->lane, sizeof(s->lane));
    return row.bad ? FAIL(REASON_DATABASE) : OK;
}

struct result db_hits_recent(struct db *db, int64_t since_ms, void (*each)(void *context, const struct sighting *sighting), void *context)
{
    struct recent recent = { .since_ms = since_ms };
    struct scope scope = { 0 };
    struct result result = db_transaction(db, &scope, recent_body, &recent);
    int rows = failed(result) ? 0 : PQntuples(recent.result);
    for (int i = 0; i < rows && !failed(result); i++) {
        struct sighting sighting = { 0 };
        result = recent_take(recent.result, i, &sighting);
        if (!failed(result)) each(context, &sighting);
    }
    result_clear(&recent.result);
    return result;
}
