/* A real PostgreSQL, an agency of the test's own in it, and pushes in a few words.  A variable of the environment is a conninfo without a user
   ("host=... dbname=...") of a database that belongs to platesieve_owner, made for the one program; without it the test is skipped, and says so. */
#ifndef TESTS_DB_SCENE_H
#define TESTS_DB_SCENE_H

#include <libpq-fe.h>
#include <sodium.h>

#include "server/gate/db/db.h"
#include "server/gate/db/load.h"
#include "server/gate/db/migrate.h"
#include "server/gate/index/entries.h"
#include "tests/unit/unit.h"

#define EPOCH 4711u
#define EPOCH_ID "20261122T000000Z"
#define HOUR_MS INT64_C(3600000)
#define HUGE_COUNT 1000000000u

static struct db *agency_db, *gate_db;
static const char *database;
static char conninfo[3][256];
static char agency[32], other[32];

static inline int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static inline bool runs(PGconn *pg, const char *sql)
{
    PGresult *result = PQexec(pg, sql);
    ExecStatusType status = PQresultStatus(result);
    PQclear(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

static inline int rows(PGconn *pg, const char *sql)
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

static inline struct db_list *make_list(const char *id, uint64_t cap)
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

static inline struct result push_open(struct push *push, const char *list, uint32_t base, enum revision_mode mode)
{
    *push = (struct push){ .list = list };
    crypto_hash_sha256_init(&push->digest);
    return db_revision_open(agency_db, agency, list, base, mode, "tester", &push->revision);
}

static inline struct result put(const struct push *push, uint32_t number, const struct line *lines, size_t count, uint8_t body)
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

static inline void put_next(struct push *push, const struct line *lines, size_t count)
{
    uint8_t digest[32];
    push->parts++;
    push->lines += count;
    memset(digest, (int)push->parts, sizeof(digest));
    crypto_hash_sha256_update(&push->digest, digest, sizeof(digest));
    assert_ok(put(push, push->parts, lines, count, (uint8_t)push->parts));
}

static inline struct result push_commit(struct push *push, struct db_list *out)
{
    struct db_commit commit = { .parts = push->parts, .entries = push->lines, .near_entries_max = 3 };
    crypto_hash_sha256_state digest = push->digest;
    crypto_hash_sha256_final(&digest, commit.sha256);
    return db_revision_commit(agency_db, agency, push->list, push->revision.revision, &commit, "tester", out);
}

static inline struct result push_lines(const char *list, uint32_t base, enum revision_mode mode, const struct line *lines, size_t count,
                                       struct db_list *out)
{
    struct push push;
    assert_ok(push_open(&push, list, base, mode));
    if (count > 0) put_next(&push, lines, count);
    return push_commit(&push, out);
}

static inline bool covered(const struct db_list *list)
{
    for (size_t i = 0; i < list->epoch_count; i++)
        if (strcmp(list->epochs[i].id, EPOCH_ID) == 0) return list->epochs[i].covered;
    return false;
}

/* -- the database --------------------------------------------------------------------------------------------------------------------------------- */

/* Whether PROGRAM, "db_test", has a database: its own, in the variable of that name. */
static inline bool database_given(const char *program, const char *variable)
{
    database = getenv(variable);
    if (!database) fprintf(stderr, "%s: SKIPPED: %s names no database\n", program, variable);
    return database && sodium_init() >= 0;
}

static inline int set_up(void **state)
{
    (void)state;
    static const char *const users[] = { "platesieve_agency", "platesieve_gate", "platesieve_owner" };
    for (size_t i = 0; i < 3; i++) snprintf(conninfo[i], sizeof(conninfo[i]), "%s user=%s", database, users[i]);
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

static inline int tear_down(void **state)
{
    (void)state;
    db_close(agency_db);
    db_close(gate_db);
    return 0;
}

#endif
