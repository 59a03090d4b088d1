/* server/gate/db against a real PostgreSQL: what becomes of sightings, and how long. */
#include "tests/unit/db_scene.h"

/* -- hits ----------------------------------------------------------------------------------------------------------------------------------------- */

static struct sighting sighting_of(const struct db_list *list, uint8_t id, uint8_t hit, int64_t seen_ms)
{
    struct sighting s = { .list = list->number, .revision = list->revision, .cooldown_s = 300, .seen_ms = seen_ms, .grade = 1, .confidence = 0.5f };
    memset(s.id, id, sizeof(s.id));
    memset(s.hit, hit, sizeof(s.hit));
    memcpy(s.id, &list->number, 4); /* ids differ from run to run */
    memcpy(s.hit, &list->number, 4);
    s.entry = entry_key(agency, list->id, "a");
    snprintf(s.site, sizeof(s.site), "north");
    snprintf(s.lane, sizeof(s.lane), "1");
    return s;
}

struct found {
    size_t count;
    uint64_t reads, cursor;
    struct db_hit last;
};

static void take_hit(void *context, const struct db_hit *hit)
{
    struct found *found = context;
    assert_true(hit->cursor > found->cursor);
    found->count++;
    found->reads += hit->count;
    found->cursor = hit->cursor;
    found->last = *hit;
}

static struct found find(const char *list, uint64_t after)
{
    struct found found = { .cursor = after };
    struct db_hit_filter filter = db_hit_filter_all;
    struct db_page page = { .after = after, .limit = 1000 };
    if (list) memcpy(filter.list, list, strlen(list) + 1);
    assert_ok(db_hits_after(agency_db, agency, &filter, &page, take_hit, &found));
    return found;
}

static enum sighting_stored store(struct sighting s)
{
    enum sighting_stored stored;
    bool perhaps;

    assert_ok(db_sightings_store(gate_db, &s, 1, &stored, &perhaps));
    assert_false(perhaps);
    return stored;
}

static void test_hits(void **state)
{
    (void)state;
    struct db_list *list = make_list("hits", HUGE_COUNT);
    int64_t t = now_ms() - HOUR_MS;
    assert_ok(push_lines("hits", 0, REVISION_REPLACE, (const struct line[]){ { PART_ADD, "a", 1, 0 } }, 1, list));
    assert_int_equal(find("hits", 0).count, 0);

    assert_int_equal(store(sighting_of(list, 1, 1, t)), STORED_NOW);
    assert_int_equal(store(sighting_of(list, 1, 1, t)), STORED_BEFORE);        /* a retry */
    assert_int_equal(store(sighting_of(list, 1, 1, t + 5000)), STORED_BEFORE); /* a retry that tells another time */
    struct found found = find("hits", 0);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.reads, 1);
    assert_string_equal(found.last.reference, "a");
    assert_string_equal(found.last.lane, "1");
    assert_true(found.last.seen_ms == t);
    uint64_t cursor = found.cursor;

    assert_int_equal(store(sighting_of(list, 2, 1, t + 1000)), STORED_NOW); /* raises it */
    store(sighting_of(list, 3, 3, t + 60000));  /* another gate, that did not know */
    store(sighting_of(list, 4, 3, t + 301000)); /* and its next: counts where that one went */
    assert_int_equal(find("hits", cursor).count, 0);
    found = find("hits", 0);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.reads, 4);
    assert_true(found.last.last_seen_ms == t + 301000);

    store(sighting_of(list, 6, 5, t + 700000)); /* its beginning is not here yet */
    store(sighting_of(list, 5, 5, t + 650000));
    found = find("hits", cursor);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.reads, 2);

    struct sighting lane = sighting_of(list, 7, 7, t);
    snprintf(lane.lane, sizeof(lane.lane), "2");
    struct sighting some[4] = { lane, sighting_of(list, 8, 8, t - 30 * 24 * HOUR_MS), sighting_of(list, 1, 1, t), lane }; /* the second: a day that nobody made a partition for */
    enum sighting_stored stored[4];
    bool perhaps;
    assert_ok(db_sightings_store(gate_db, some, 4, stored, &perhaps));
    assert_true(stored[0] == STORED_NOW && stored[1] == STORED_NOW && stored[2] == STORED_BEFORE && stored[3] == STORED_NOW);
    assert_int_equal(find("hits", 0).count, 4);
    assert_int_equal(find("hits", 0).reads, 8);
    struct found others = { 0 };
    struct db_page page = { .limit = 1000 };
    assert_ok(db_hits_after(agency_db, other, &db_hit_filter_all, &page, take_hit, &others));
    assert_int_equal(others.count, 0);
    free(list);
}

/* A read that raises an erased hit, and a retry of one that stood before, in one carry: the database changes the row of either. */
static void test_a_retry_beside_an_erased_hit(void **state)
{
    (void)state;
    struct db_list *list = make_list("erased", HUGE_COUNT);
    const int64_t t = now_ms() - HOUR_MS;
    const struct sighting first = sighting_of(list, 1, 1, t);
    const struct sighting carried[] = { first, sighting_of(list, 2, 1, t + 1000), sighting_of(list, 3, 1, t - 60 * 24 * HOUR_MS) };
    enum sighting_stored stored[ARRAY_LENGTH(carried)];
    bool perhaps;

    assert_int_equal(store(first), STORED_NOW);
    assert_ok(db_verdict_put(gate_db, agency, "ana", first.id, VERDICT_MISREAD, "none"));
    assert_ok(db_sightings_store(gate_db, carried, ARRAY_LENGTH(carried), stored, &perhaps));
    assert_int_equal(stored[0], STORED_BEFORE);
    assert_int_equal(stored[1], STORED_NOW);
    assert_int_equal(stored[2], STORED_NOT); /* its retention is over */
    free(list);
}

/* As the owner, who has to lift the fence for it. */
static void change_retention(uint32_t number, int days)
{
    char sql[256];
    PGconn *pg = PQconnectdb(conninfo[2]);
    snprintf(sql, sizeof(sql), "SET search_path = platesieve; ALTER TABLE lists NO FORCE ROW LEVEL SECURITY;"
                               "UPDATE lists SET retention_days = %d WHERE number = %u; ALTER TABLE lists FORCE ROW LEVEL SECURITY", days, number);
    assert_true(runs(pg, sql));
    PQfinish(pg);
}

/* A list's retention counts from the next day on: what is there keeps its day, and a retry finds it. */
static void test_retention(void **state)
{
    (void)state;
    struct db_list *list = make_list("retention", HUGE_COUNT);
    char sql[256];
    int64_t t = now_ms() - HOUR_MS;
    PGconn *gate = PQconnectdb(conninfo[1]);
    store(sighting_of(list, 1, 1, t));
    uint64_t cursor = find("retention", 0).cursor;
    change_retention(list->number, 3);
    store(sighting_of(list, 1, 1, t));
    store(sighting_of(list, 2, 1, t + 1000));
    store(sighting_of(list, 3, 3, t - 20 * 24 * HOUR_MS)); /* a spool that lay: by the retention of that day */
    store(sighting_of(list, 4, 4, t - 40 * 24 * HOUR_MS)); /* over before it came */
    assert_int_equal(find("retention", cursor).count, 1);
    assert_int_equal(find("retention", 0).count, 2);
    assert_int_equal(find("retention", 0).reads, 3);
    assert_true(runs(gate, "SET search_path = platesieve"));
    snprintf(sql, sizeof(sql), "SELECT 1 WHERE drop_day(%u, utc_today() + 2) = utc_today() + 6 AND drop_day(%u, utc_today()) = utc_today() + 31",
             list->number, list->number);
    assert_int_equal(rows(gate, sql), 1);
    assert_int_equal(rows(gate, "SELECT 1 FROM sightings s WHERE NOT EXISTS (SELECT FROM hits h WHERE h.id = s.hit AND h.drop_on = s.drop_on)"), 0);
    assert_true(rows(gate, "SELECT 1 FROM days_needed()") > 0);
    assert_ok(db_days_prepare(gate_db));
    assert_int_equal(rows(gate, "SELECT 1 FROM days_needed()"), 0);
    assert_int_equal(rows(gate, "SELECT 1 FROM days_standing() d WHERE d = utc_today() + 6"), 1);
    assert_ok(db_days_drop(gate_db, now_ms(), NULL, NULL)); /* nothing is over */
    assert_false(runs(gate, "SELECT day_drop(utc_today() + 6)"));
    assert_false(runs(gate, "SELECT day_prepare(utc_today())"));
    PQfinish(gate);
    free(list);
}

struct recent { size_t count; uint32_t list; };

static void take_recent(void *context, const struct sighting *sighting)
{
    struct recent *recent = context;
    if (sighting->list == recent->list) recent->count++;
}

static void test_hits_recent(void **state)
{
    (void)state;
    struct db_list *list = make_list("recent", HUGE_COUNT);
    int64_t t = now_ms();
    store(sighting_of(list, 1, 1, t));
    store(sighting_of(list, 2, 2, t - HOUR_MS));
    struct recent recent = { .list = list->number };
    assert_ok(db_hits_recent(gate_db, t - 1000, take_recent, &recent));
    assert_int_equal(recent.count, 1);
    assert_string_equal(find("recent", 0).last.reference, ""); /* the entry is not there: the hit is kept all the same */
    free(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hits),
        cmocka_unit_test(test_a_retry_beside_an_erased_hit),
        cmocka_unit_test(test_hits_recent),
        cmocka_unit_test(test_retention),
    };
    if (!database_given("db_hits_test", "PLATESIEVE_TEST_DB_HITS")) return 77;
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
