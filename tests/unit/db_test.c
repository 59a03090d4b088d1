/* server/gate/db against a real PostgreSQL: the schema, lists and their revisions, what a gate loads, epochs, the fence. */
#include "server/gate/db/migrations.h"
#include "tests/unit/db_scene.h"

/* -- lists ------------------------------------------------------------------------------------------------------------------------------------ */

static void test_migrate_again(void **state)
{
    (void)state;
    FILE *null = fopen("/dev/null", "w");
    assert_int_equal(migrate_run(conninfo[2], null, null), 0);
    assert_ok(db_schema_check(gate_db));
    assert_ok(db_schema_check(agency_db));
    assert_int_equal(migrate_run("host=/nonexistent dbname=x", null, null), 1);
    fclose(null);
}

/* A schema that was made by another program: a newer one, or one whose migrations were edited. */
static void test_unknown_schema(void **state)
{
    (void)state;
    FILE *null = fopen("/dev/null", "w");
    PGconn *pg = PQconnectdb(conninfo[2]);
    assert_true(runs(pg, "INSERT INTO platesieve.migrations (version, name, sha256) VALUES (9999, 'later', '')"));
    assert_int_equal(migrate_run(conninfo[2], null, null), 3);
    assert_fails(db_schema_check(gate_db), REASON_INTERNAL);
    assert_true(runs(pg, "DELETE FROM platesieve.migrations WHERE version = 9999"));
    assert_ok(db_schema_check(gate_db));
    assert_true(runs(pg, "UPDATE platesieve.migrations SET sha256 = sha256(sha256) WHERE version = 1"));
    int code = migrate_run(conninfo[2], null, null);
    int seen = (int)db_schema_check(agency_db).reason;
    char sql[256], hex[65];
    uint8_t digest[32];
    crypto_hash_sha256(digest, (const unsigned char *)migrations[0].sql, strlen(migrations[0].sql));
    sodium_bin2hex(hex, sizeof(hex), digest, sizeof(digest));
    snprintf(sql, sizeof(sql), "UPDATE platesieve.migrations SET sha256 = '\\x%s' WHERE version = 1", hex);
    assert_true(runs(pg, sql));
    assert_int_equal(code, 3);
    assert_int_equal(seen, REASON_INTERNAL);
    assert_ok(db_schema_check(agency_db));
    PQfinish(pg);
    fclose(null);
}

static void count_list(void *context, const struct db_list *list)
{
    int *count = context;
    if (strcmp(list->agency, agency) == 0 && strcmp(list->id, "shown") == 0) ++*count;
}

static void test_lists(void **state)
{
    (void)state;
    struct db_list *list = make_list("shown", HUGE_COUNT), again = *list;
    int count = 0;
    assert_fails(db_list_create(agency_db, agency, &again, "tester", &(struct list_limits){ .request_days = 7 }), REASON_LIST_EXISTS);
    assert_ok(db_list_get(agency_db, agency, "shown", list));
    assert_int_equal(list->revision, 0);
    assert_int_equal(list->committed_ms, 0);
    assert_false(covered(list));
    assert_fails(db_list_get(agency_db, agency, "never", list), REASON_NOT_FOUND);
    assert_fails(db_list_get(agency_db, other, "shown", list), REASON_NOT_FOUND);
    assert_ok(db_list_each(agency_db, agency, count_list, &count));
    assert_ok(db_list_each(agency_db, NULL, count_list, &count));
    assert_ok(db_list_each(agency_db, other, count_list, &count));
    assert_int_equal(count, 2);
    free(list);
}

static void test_replace(void **state)
{
    (void)state;
    struct db_list *list = make_list("replace", HUGE_COUNT);
    struct push push, late;
    const struct line one[] = { { PART_ADD, "a", 2, 0 }, { PART_ADD, "b", 1, 0 } }, two[] = { { PART_ADD, "c", 1, 0 } };
    assert_ok(push_open(&push, "replace", 0, REVISION_REPLACE));
    assert_ok(push_open(&late, "replace", 0, REVISION_REPLACE));
    assert_fails(put(&push, 1, (const struct line[]){ { PART_REMOVE, "a", 0, 0 } }, 1, 1), REASON_LINE);
    put_next(&push, one, 2);
    assert_ok(put(&push, 1, one, 2, 1));
    assert_ok(push_commit(&late, list)); /* an empty one */
    assert_true(covered(list));
    assert_int_equal(list->entries, 0);
    assert_fails(push_commit(&push, list), REASON_BASE);

    assert_ok(push_open(&push, "replace", list->revision, REVISION_REPLACE));
    assert_ok(put(&push, 1, two, 1, 77)); /* replaced below */
    put_next(&push, one, 2);
    put_next(&push, two, 1);
    struct push wrong = push;
    wrong.lines++;
    assert_fails(push_commit(&wrong, list), REASON_PARTS);
    assert_ok(db_revision_get(agency_db, agency, "replace", push.revision.revision, &late.revision));
    assert_int_equal(late.revision.part_count, 2);
    assert_int_equal(late.revision.state, REVISION_OPEN);
    db_revision_free(&late.revision);
    assert_ok(push_commit(&push, list));
    assert_int_equal(list->entries, 3);
    assert_int_equal(list->revision, push.revision.revision);
    assert_true(covered(list));
    assert_ok(push_commit(&push, list));
    assert_fails(put(&push, 3, two, 1, 3), REASON_COMMITTED);
    assert_fails(db_revision_drop(agency_db, agency, "replace", push.revision.revision), REASON_COMMITTED);
    assert_fails(push_open(&late, "replace", 0, REVISION_REPLACE), REASON_BASE);
    free(list);
}

static void test_change(void **state)
{
    (void)state;
    struct db_list *list = make_list("change", HUGE_COUNT);
    const struct line first[] = { { PART_ADD, "a", 2, 0 }, { PART_ADD, "b", 1, 0 } };
    const struct line second[] = { { PART_ADD, "a", 1, 0 }, { PART_REMOVE, "b", 0, 0 }, { PART_REMOVE, "x", 0, 0 }, { PART_ADD, "c", 1, 0 } };
    assert_ok(push_lines("change", 0, REVISION_CHANGE, first, 2, list));
    assert_int_equal(list->entries, 2);
    assert_true(covered(list));
    assert_ok(push_lines("change", list->revision, REVISION_CHANGE, second, 4, list));
    assert_int_equal(list->entries, 2);
    assert_true(covered(list));
    assert_ok(push_lines("change", list->revision, REVISION_CHANGE, (const struct line[]){ { PART_ADD, "d", 0, 0 } }, 1, list));
    assert_int_equal(list->entries, 3);
    assert_false(covered(list));
    free(list);
}

static void test_tokens(void **state)
{
    (void)state;
    struct db_list *list = make_list("tokens", HUGE_COUNT);
    const struct line first[] = { { PART_ADD, "a", 0, 0 }, { PART_ADD, "b", 0, 0 } };
    assert_ok(push_lines("tokens", 0, REVISION_REPLACE, first, 2, list));
    assert_false(covered(list));
    assert_fails(push_lines("tokens", list->revision, REVISION_TOKENS, (const struct line[]){ { PART_TOKENS, "z", 1, 0 } }, 1, list),
                  REASON_UNKNOWN_REFERENCE);
    assert_ok(db_list_get(agency_db, agency, "tokens", list));
    assert_ok(push_lines("tokens", list->revision, REVISION_TOKENS, (const struct line[]){ { PART_TOKENS, "a", 1, 0 } }, 1, list));
    assert_false(covered(list));
    assert_ok(push_lines("tokens", list->revision, REVISION_TOKENS, (const struct line[]){ { PART_TOKENS, "b", 2, 0 } }, 1, list));
    assert_true(covered(list)); /* counted exactly */
    assert_int_equal(list->entries, 2);
    free(list);
}

static void test_caps(void **state)
{
    (void)state;
    struct db_list *list = make_list("caps", 4);
    struct push push;
    const struct line three[] = { { PART_ADD, "a", 1, 0 }, { PART_ADD, "b", 1, 0 }, { PART_ADD, "c", 1, 0 } };
    assert_ok(push_open(&push, "caps", 0, REVISION_REPLACE));
    assert_fails(put(&push, 1, (const struct line[]){ { PART_ADD, "a", 5, 0 } }, 1, 1), REASON_CAP);
    put_next(&push, three, 3);
    assert_ok(push_commit(&push, list));
    assert_fails(push_lines("caps", list->revision, REVISION_CHANGE, (const struct line[]){ { PART_ADD, "d", 2, 0 } }, 1, list), REASON_CAP);
    assert_ok(db_list_get(agency_db, agency, "caps", list));
    assert_int_equal(list->entries, 3);
    /* what was given in all is over the cap, what stands is not */
    for (int i = 0; i < 4; i++) {
        const struct line swap[] = { { PART_ADD, "a", 2, 0 } };
        assert_ok(push_lines("caps", list->revision, REVISION_CHANGE, swap, 1, list));
    }
    free(list);

    list = make_list("near", HUGE_COUNT);
    const struct line near[] = { { PART_ADD, "a", 1, 9 }, { PART_ADD, "b", 1, 9 }, { PART_ADD, "c", 1, 9 } };
    assert_ok(push_lines("near", 0, REVISION_REPLACE, near, 3, list));
    assert_fails(push_lines("near", list->revision, REVISION_CHANGE, (const struct line[]){ { PART_ADD, "d", 1, 9 } }, 1, list), REASON_CAP);
    assert_ok(push_lines("near", list->revision, REVISION_CHANGE,
                         (const struct line[]){ { PART_ADD, "d", 1, 9 }, { PART_REMOVE, "a", 0, 0 } }, 2, list));
    free(list);
}

static void test_duplicates(void **state)
{
    (void)state;
    struct db_list *list = make_list("twice", HUGE_COUNT);
    struct push push;
    const struct line once[] = { { PART_ADD, "a", 1, 0 } };
    assert_ok(push_open(&push, "twice", 0, REVISION_REPLACE));
    assert_fails(put(&push, 1, (const struct line[]){ { PART_ADD, "a", 1, 0 }, { PART_ADD, "a", 1, 0 } }, 2, 1), REASON_DUPLICATE_REFERENCE);
    put_next(&push, once, 1);
    put_next(&push, once, 1);
    assert_fails(push_commit(&push, list), REASON_DUPLICATE_REFERENCE);
    assert_ok(db_list_get(agency_db, agency, "twice", list));
    assert_int_equal(list->revision, 0);
    for (int i = 0; i < LIMIT_REVISIONS_OPEN - 1; i++) assert_ok(push_open(&push, "twice", 0, REVISION_CHANGE));
    assert_fails(push_open(&push, "twice", 0, REVISION_CHANGE), REASON_TOO_MANY);
    assert_ok(db_revision_drop(agency_db, agency, "twice", 1));
    assert_fails(db_revision_drop(agency_db, agency, "twice", 1), REASON_NOT_FOUND);
    assert_ok(push_open(&push, "twice", 0, REVISION_CHANGE));
    free(list);
}

/* -- what a gate loads --------------------------------------------------------------------------------------------------------------------------- */

struct loaded {
    uint32_t list;
    size_t segments, entries, slots, removals;
    uint32_t of_list[64];
    struct row_sum slots_sum;
};

static void take_segment(void *context, const struct load_segment *segment)
{
    struct loaded *loaded = context;
    assert_true(segment->opened || segment->list != loaded->list);
    if (segment->list == loaded->list && loaded->segments < ARRAY_LENGTH(loaded->of_list)) loaded->of_list[loaded->segments++] = segment->segment;
}

static struct result take_entry(void *context, const struct load_entry *entry)
{
    struct loaded *loaded = context;
    assert_int_equal(entry->expires, ENTRY_FOREVER);
    assert_int_equal(entry->effective, 0);
    loaded->entries += !entry->removed;
    return OK;
}

static struct result take_slot(void *context, const struct load_slot *slot)
{
    static const uint8_t tag[8] = { 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a };
    struct loaded *loaded = context;
    if (loaded->list) assert_memory_equal(slot->tag, tag, sizeof(tag)); /* not of other lists: their key may have been another run's */
    loaded->slots++;
    return OK;
}

static void take_sum(void *context, uint32_t segment, const struct row_sum *sum)
{
    struct loaded *loaded = context;
    (void)segment;
    if (loaded->list) row_sum_add(&loaded->slots_sum, sum);
}

static struct result take_removal(void *context, const struct load_removal *removal)
{
    (void)removal;
    ((struct loaded *)context)->removals++;
    return OK;
}

static struct result stop_slot(void *context, const struct load_slot *slot)
{
    (void)context, (void)slot;
    return FAIL(REASON_BUSY);
}

static void test_load(void **state)
{
    (void)state;
    struct db_list *list = make_list("load", HUGE_COUNT);
    const struct line first[] = { { PART_ADD, "a", 2, 0 }, { PART_ADD, "b", 1, 0 } };
    const struct line second[] = { { PART_ADD, "a", 1, 0 }, { PART_REMOVE, "b", 0, 0 }, { PART_ADD, "c", 1, 0 } };
    uint64_t before, after, seen;
    assert_ok(db_head(gate_db, &before));
    assert_ok(push_lines("load", 0, REVISION_REPLACE, first, 2, list));
    assert_ok(push_lines("load", list->revision, REVISION_CHANGE, second, 3, list));
    assert_ok(db_head(gate_db, &after));
    assert_int_equal(after, before + 2);

    struct db_load *load;
    struct loaded loaded = { .list = list->number };
    assert_ok(db_load_begin(gate_db, &load));
    assert_ok(db_load_head(load, &seen));
    assert_int_equal(seen, after);
    assert_ok(db_load_segments(load, &list->number, 1, take_segment, &loaded));
    assert_int_equal(loaded.segments, 2);
    assert_ok(db_load_entries(load, loaded.of_list, 2, take_entry, &loaded));
    assert_int_equal(loaded.entries, 2);
    assert_ok(db_load_slots(load, EPOCH, loaded.of_list, 2, take_slot, take_sum, &loaded));
    assert_int_equal(loaded.slots, 5);
    assert_ok(db_load_removals(load, &loaded.of_list[1], 1, take_removal, &loaded));
    assert_int_equal(loaded.removals, 3);
    struct loaded all = { 0 };
    assert_ok(db_load_entries(load, NULL, 0, take_entry, &all));
    assert_ok(db_load_slots(load, EPOCH, NULL, 0, take_slot, take_sum, &all));
    assert_true(all.entries >= 2 && all.slots >= 5);
    assert_fails(db_load_slots(load, EPOCH, NULL, 0, stop_slot, take_sum, &all), REASON_BUSY);
    db_load_end(load);
    assert_ok(db_ping(gate_db));
    free(list);
}

/* -- the fence ------------------------------------------------------------------------------------------------------------------------------------ */

static void test_fence(void **state)
{
    (void)state;
    free(make_list("fence", HUGE_COUNT));
    PGconn *pg = PQconnectdb(conninfo[0]);
    assert_int_equal(PQstatus(pg), CONNECTION_OK);
    assert_true(runs(pg, "SET search_path = platesieve"));
    assert_int_equal(rows(pg, "SELECT 1 FROM lists"), 0); /* no agency named */
    assert_int_equal(rows(pg, "SELECT 1 FROM entries"), 0);
    assert_true(runs(pg, "SET app.agency = 'nobody'"));
    assert_int_equal(rows(pg, "SELECT 1 FROM lists"), 0);
    assert_int_equal(rows(pg, "SELECT segment FROM slots"), 0);
    assert_int_equal(rows(pg, "SELECT packed FROM slots"), -1);
    assert_int_equal(rows(pg, "SELECT 1 FROM slots_4711"), -1); /* a partition: no grant */
    assert_int_equal(rows(pg, "SELECT 1 FROM sightings"), -1);
    assert_false(runs(pg, "INSERT INTO lists (agency, id, category, instruction, sites, priority, grade, covert, cooldown_s, retention_days,"
                          " age_limit_s, cap_tokens, version, created_by) VALUES ('someone', 'x', 'x', '', '{}', 1, 1, false, 1, 1, 1, 1, 1, 'x')"));
    assert_false(runs(pg, "INSERT INTO slots SELECT 1, segment, 1, 4711, 0, false, '' FROM generate_series(1, 1000) AS segment"));
    assert_false(runs(pg, "SELECT epoch_drop(4711)"));
    assert_false(runs(pg, "CREATE TABLE mine (a int)"));
    assert_false(runs(pg, "UPDATE agencies SET hit_cursor = 0"));
    PQfinish(pg);
}

/* Nothing that is made of a token without the pepper lies there as it came. */
static void test_sealed(void **state)
{
    (void)state;
    struct db_list *list = make_list("sealed", HUGE_COUNT);
    assert_ok(push_lines("sealed", 0, REVISION_REPLACE, (const struct line[]){ { PART_ADD, "a", 2, 2 } }, 1, list));
    PGconn *pg = PQconnectdb(conninfo[1]);
    assert_true(rows(pg, "SELECT 1 FROM platesieve.slots") > 0);
    assert_int_equal(rows(pg, "SELECT 1 FROM platesieve.slots WHERE position('\\x5a5a5a5a'::bytea IN packed) > 0"), 0);
    assert_true(rows(pg, "SELECT 1 FROM platesieve.parts") > 0);
    assert_int_equal(rows(pg, "SELECT 1 FROM platesieve.parts WHERE position('\\x01010101'::bytea IN sums) > 0"), 0);
    PQfinish(pg);
    free(list);
}

/* -- epochs --------------------------------------------------------------------------------------------------------------------------------------- */

struct drops {
    unsigned count;
    uint64_t last;
};

static void take_drop(void *context, uint64_t number)
{
    struct drops *drops = context;
    drops->count++;
    drops->last = number;
}

/* An epoch ends before its time, once, and only under its own name. */
static void test_epoch_end(void **state)
{
    (void)state;
    bool ended = true;
    struct drops drops = { 0 };
    struct db_epoch soon = { .number = EPOCH + 2, .id = "20991122T000000Z", .opens_ms = INT64_C(3900000000000),
                             .closes_ms = INT64_C(4000000000000), .destroyed_ms = INT64_C(4000000000000) };
    assert_ok(db_epoch_prepare(gate_db, &soon));
    assert_ok(db_epoch_end(gate_db, soon.number, "20991123T000000Z", &ended));
    assert_false(ended);
    assert_ok(db_epochs_drop(gate_db, take_drop, &drops));
    assert_int_equal(drops.count, 0);
    assert_ok(db_epoch_end(gate_db, soon.number, soon.id, &ended));
    assert_true(ended);
    assert_ok(db_epoch_end(gate_db, soon.number, soon.id, &ended));
    assert_false(ended);
    assert_ok(db_epochs_drop(gate_db, take_drop, &drops));
    assert_int_equal(drops.count, 1);
    assert_int_equal(drops.last, soon.number);
    assert_ok(db_epoch_end(gate_db, soon.number, soon.id, &ended));
    assert_false(ended);
}

static void run_as_owner(const char *sql)
{
    PGconn *pg = PQconnectdb(conninfo[2]);
    assert_true(runs(pg, sql));
    PQfinish(pg);
}

/* All epochs that a push has tokens for ended under way: the list stays what it was. */
static void test_too_late(void **state)
{
    (void)state;
    struct db_list *list = make_list("late", HUGE_COUNT);
    struct push push;
    const struct line one[] = { { PART_ADD, "a", 1, 0 } };
    assert_ok(push_lines("late", 0, REVISION_REPLACE, one, 1, list));
    assert_ok(push_open(&push, "late", list->revision, REVISION_REPLACE));
    put_next(&push, one, 1);
    run_as_owner("UPDATE platesieve.epochs SET closes_at = now() - interval '1 second'");
    assert_fails(push_commit(&push, list), REASON_GONE);
    run_as_owner("UPDATE platesieve.epochs SET closes_at = now() + interval '1 day'");
    assert_ok(db_list_get(agency_db, agency, "late", list));
    assert_true(covered(list));
    assert_ok(push_commit(&push, list));
    free(list);
}

static void test_maintain(void **state)
{
    (void)state;
    bool more = true;
    for (int i = 0; i < 1000 && more; i++) assert_ok(db_maintain(gate_db, &more));
    assert_false(more);
    struct db_epoch other_id = { .number = EPOCH, .id = "20261123T000000Z" }, other_mark = { .number = EPOCH, .id = EPOCH_ID, .mark = { 1 } };
    struct db_epoch past = { .number = EPOCH + 1, .id = "20001122T000000Z" };
    assert_fails(db_epoch_prepare(gate_db, &other_id), REASON_INTERNAL);
    assert_fails(db_epoch_prepare(gate_db, &other_mark), REASON_INTERNAL);
    assert_ok(db_epoch_prepare(gate_db, &past));
    struct drops drops = { 0 };
    assert_ok(db_epochs_drop(gate_db, take_drop, &drops));
    assert_int_equal(drops.last, EPOCH + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_migrate_again),
        cmocka_unit_test(test_unknown_schema),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_replace),
        cmocka_unit_test(test_change),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_caps),
        cmocka_unit_test(test_duplicates),
        cmocka_unit_test(test_load),
        cmocka_unit_test(test_fence),
        cmocka_unit_test(test_too_late),
        cmocka_unit_test(test_epoch_end),
        cmocka_unit_test(test_maintain),
        cmocka_unit_test(test_sealed),
    };
    if (!database_given("db_test", "PLATESIEVE_TEST_DB")) return 77;
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
