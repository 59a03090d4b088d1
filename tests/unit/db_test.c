/* server/gate/db against a real PostgreSQL.  PLATESIEVE_TEST_DB is a conninfo without a user ("host=... dbname=...") of a database that belongs
   to platesieve_owner, made for tests; without it the test is skipped, and says so. */
#include <libpq-fe.h>
#include <sodium.h>

#include "server/gate/db/db.h"
#include "server/gate/db/load.h"
#include "server/gate/db/migrate.h"
#include "server/gate/db/migrations.h"
#include "server/gate/index/entries.h"
#include "tests/unit/unit.h"

#define EPOCH 4711u
#define EPOCH_ID "20261122T000000Z"
#define HOUR_MS INT64_C(3600000)
#define HUGE_COUNT 1000000000u

static struct db *agency_db, *gate_db;
static char conninfo[3][256];
static char agency[32], other[32];

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool runs(PGconn *pg, const char *sql)
{
    PGresult *result = PQexec(pg, sql);
    ExecStatusType status = PQresultStatus(result);
    PQclear(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

static int rows(PGconn *pg, const char *sql)
{
    PGresult *result = PQexec(pg, sql);
    int count = PQresultStatus(result) == PGRES_TUPLES_OK ? PQntuples(result) : -1;
    PQclear(result);
    return count;
}

/* -- a push in a few words ------------------------------------------------------------------------------------------------------------------- */

struct line {
    enum part_op op;
    const char *reference;
    unsigned slots, near; /* of one epoch; none and op PART_ADD: not for this epoch */
};

struct push {
    const char *list;
    struct db_revision revision;
    uint32_t parts;
    uint64_t lines;
    crypto_hash_sha256_state digest;
};

static struct db_list *make_list(const char *id, uint64_t cap)
{
    struct db_list *list = calloc(1, sizeof(*list));
    assert_non_null(list);
    snprintf(list->id, sizeof(list->id), "%s", id);
    snprintf(list->category, sizeof(list->category), "stolen");
    list->priority = 50;
    list->grade = PLATESIEVE_PLATE;
    list->cooldown_s = 300;
    list->retention_days = 30;
    list->age_limit_s = 86400;
    list->cap_tokens = cap;
    assert_ok(db_list_create(agency_db, agency, list, "tester", &(struct list_limits){ .request_days = 7 }));
    return list;
}

static struct result push_open(struct push *push, const char *list, uint32_t base, enum revision_mode mode)
{
    *push = (struct push){ .list = list };
    crypto_hash_sha256_init(&push->digest);
    return db_revision_open(agency_db, agency, list, base, mode, "tester", &push->revision);
}

static struct result put(const struct push *push, uint32_t number, const struct line *lines, size_t count, uint8_t body)
{
    struct part part = { .number = number, .epoch_count = 1, .entry_count = count };
    snprintf(part.epochs[0].id, sizeof(part.epochs[0].id), EPOCH_ID);
    part.epochs[0].number = EPOCH;
    memset(part.sha256, body, sizeof(part.sha256));
    part.entries = calloc(count + 1, sizeof(*part.entries));
    for (size_t i = 0; i < count; i++) part.slot_count += lines[i].slots + lines[i].near;
    part.slots = calloc(part.slot_count + 1, sizeof(*part.slots));
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        struct part_entry *entry = &part.entries[i];
        entry->op = lines[i].op;
        entry->key = entry_key(agency, push->list, lines[i].reference);
        entry->expires = ENTRY_FOREVER;
        snprintf(entry->reference, sizeof(entry->reference), "%s", lines[i].reference);
        entry->epochs = lines[i].slots + lines[i].near > 0;
        for (unsigned s = 0; s < lines[i].slots + lines[i].near; s++, used++) {
            part.slots[used].entry = (uint32_t)i;
            part.slots[used].grade = s < lines[i].slots ? PLATESIEVE_PLATE : PLATESIEVE_NEAR;
            randombytes_buf(part.slots[used].slot, 16);
            memset(part.slots[used].tag, 0x5a, 8);
        }
    }
    struct result result = db_part_put(agency_db, agency, push->list, push->revision.revision, &part);
    free(part.entries);
    free(part.slots);
    return result;
}

static void put_next(struct push *push, const struct line *lines, size_t count)
{
    uint8_t digest[32];
    push->parts++;
    push->lines += count;
    memset(digest, (int)push->parts, sizeof(digest));
    crypto_hash_sha256_update(&push->digest, digest, sizeof(digest));
    assert_ok(put(push, push->parts, lines, count, (uint8_t)push->parts));
}

static struct result push_commit(struct push *push, struct db_list *out)
{
    struct db_commit commit = { .parts = push->parts, .entries = push->lines, .near_entries_max = 3 };
    crypto_hash_sha256_state digest = push->digest;
    crypto_hash_sha256_final(&digest, commit.sha256);
    return db_revision_commit(agency_db, agency, push->list, push->revision.revision, &commit, "tester", out);
}

static struct result push_lines(const char *list, uint32_t base, enum revision_mode mode, const struct line *lines, size_t count,
                                struct db_list *out)
{
    struct push push;
    assert_ok(push_open(&push, list, base, mode));
    if (count > 0) put_next(&push, lines, count);
    return push_commit(&push, out);
}

static bool covered(const struct db_list *list)
{
    for (size_t i = 0; i < list->epoch_count; i++)
        if (strcmp(list->epochs[i].id, EPOCH_ID) == 0) return list->epochs[i].covered;
    return false;
}

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

static int set_up(void **state)
{
    (void)state;
    static const char *const users[] = { "platesieve_agency", "platesieve_gate", "platesieve_owner" };
    const char *base = getenv("PLATESIEVE_TEST_DB");
    for (size_t i = 0; i < 3; i++) snprintf(conninfo[i], sizeof(conninfo[i]), "%s user=%s", base, users[i]);
    snprintf(agency, sizeof(agency), "customs-%08x", randombytes_random());
    snprintf(other, sizeof(other), "police-%08x", randombytes_random());
    if (migrate_run(conninfo[2], stderr, stderr) != 0) return -1;
    if (failed(db_open(conninfo[0], "db_test agency", 2, 1000, &agency_db))) return -1;
    if (failed(db_open(conninfo[1], "db_test gate", 2, 1000, &gate_db))) return -1;
    uint8_t key[32];
    randombytes_buf(key, sizeof(key));
    if (failed(db_seal_with(agency_db, key)) || failed(db_seal_with(gate_db, key))) return -1;
    int64_t t = now_ms();
    bool changed = false;
    if (failed(db_fence_give(gate_db, &changed)) || !changed || failed(db_fence_give(gate_db, &changed)) || changed) return -1;
    if (failed(db_days_prepare(gate_db))) return -1;
    struct db_epoch epoch = { EPOCH, EPOCH_ID, t - HOUR_MS, INT64_C(4000000000000), INT64_C(4000000000000), { 0 } };
    return failed(db_epoch_prepare(gate_db, &epoch));
}

static int tear_down(void **state)
{
    (void)state;
    db_close(agency_db);
    db_close(gate_db);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_migrate_again), cmocka_unit_test(test_unknown_schema),
        cmocka_unit_test(test_lists),    cmocka_unit_test(test_replace),
        cmocka_unit_test(test_change),        cmocka_unit_test(test_tokens),   cmocka_unit_test(test_caps),
        cmocka_unit_test(test_duplicates),    cmocka_unit_test(test_load),     cmocka_unit_test(test_fence),
        cmocka_unit_test(test_hits),          cmocka_unit_test(test_hits_recent), cmocka_unit_test(test_retention), cmocka_unit_test(test_too_late), cmocka_unit_test(test_epoch_end), cmocka_unit_test(test_maintain),      cmocka_unit_test(test_sealed),
    };
    if (sodium_init() < 0) return 1;
    if (!getenv("PLATESIEVE_TEST_DB")) {
        fprintf(stderr, "db_test: SKIPPED: PLATESIEVE_TEST_DB names no database\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
