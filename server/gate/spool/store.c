#include "server/gate/spool/store.h"

#include <limits.h>
#include <sqlite3.h>

#include "server/http/log.h"

#define PAGE_BYTES 4096
#define LOG_FRAMES_MAX 1000 /* pages of the write-ahead log, after which it is moved into the file */
#define SPOOL_APPLICATION 0x50537031 /* "PSp1" */

enum statement { BEGIN, PUT, COMMIT, ROLLBACK, EACH, DROP, COUNT, STATEMENTS };

static const char *const texts[STATEMENTS] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [PUT] = "INSERT INTO spool (record) VALUES (?1)",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [EACH] = "SELECT number, record FROM spool WHERE number > ?1 ORDER BY number LIMIT ?2",
    [DROP] = "DELETE FROM spool WHERE number <= ?1",
    [COUNT] = "SELECT count(*) FROM spool",
};

struct spool_store {
    sqlite3 *file;
    sqlite3_stmt *statements[STATEMENTS];
    int log_frames;
    bool broken; /* a write or a sync failed: nothing more is written, not even on closing */
};

static enum store_outcome outcome(int code)
{
    if (code == SQLITE_OK || code == SQLITE_DONE || code == SQLITE_ROW) return STORE_DONE;
    return (code & 0xff) == SQLITE_FULL ? STORE_FULL : STORE_BROKEN;
}

static int run(struct spool_store *store, enum statement statement)
{
    int code = sqlite3_step(store->statements[statement]);
    (void)sqlite3_reset(store->statements[statement]);
    return code;
}

static int64_t pragma_number(struct spool_store *store, const char *text)
{
    sqlite3_stmt *statement = NULL;
    int64_t number = 0;

    if (sqlite3_prepare_v2(store->file, text, -1, &statement, NULL) == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW)
        number = sqlite3_column_int64(statement, 0);
    (void)sqlite3_finalize(statement);
    return number;
}

/* The lock is taken by the first statement that touches the file and kept until it is closed.  AUTOINCREMENT: a number that was carried on is
   never given to another record. */
static int configure(struct spool_store *store, uint64_t bytes_max)
{
    char text[512];

    (void)snprintf(text, sizeof text,
                   "PRAGMA locking_mode = EXCLUSIVE; PRAGMA page_size = %d; PRAGMA secure_delete = ON; PRAGMA journal_mode = WAL;"
                   "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA temp_store = MEMORY; PRAGMA max_page_count = %llu;"
                   "CREATE TABLE IF NOT EXISTS spool (number INTEGER PRIMARY KEY AUTOINCREMENT, record BLOB NOT NULL) STRICT;",
                   PAGE_BYTES, (unsigned long long)(bytes_max / PAGE_BYTES));
    int code = sqlite3_exec(store->file, text, NULL, NULL, NULL);
    if (code != SQLITE_OK) return code;
    int64_t application = pragma_number(store, "PRAGMA application_id");
    if (application != 0 && application != SPOOL_APPLICATION) return SQLITE_NOTADB;
    (void)snprintf(text, sizeof text, "PRAGMA application_id = %d", SPOOL_APPLICATION);
    return application == 0 ? sqlite3_exec(store->file, text, NULL, NULL, NULL) : SQLITE_OK;
}

static int prepare(struct spool_store *store)
{
    int code = SQLITE_OK;

    for (size_t i = 0; i < STATEMENTS && code == SQLITE_OK; i++)
        code = sqlite3_prepare_v3(store->file, texts[i], -1, SQLITE_PREPARE_PERSISTENT, &store->statements[i], NULL);
    return code;
}

static int count_frames(void *context, sqlite3 *file, const char *name, int frames)
{
    struct spool_store *store = context;

    (void)file, (void)name;
    store->log_frames = frames;
    return SQLITE_OK;
}

struct result spool_store_open(const char *folder, uint64_t bytes_max, struct spool_store **store)
{
    char path[PATH_MAX];

    *store = calloc(1, sizeof **store);
    if (*store == NULL || snprintf(path, sizeof path, "%s/spool.sqlite", folder) >= (int)sizeof path) return FAIL(REASON_INTERNAL);
    int code = sqlite3_open_v2(path, &(*store)->file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK) (void)sqlite3_extended_result_codes((*store)->file, 1);
    if (code == SQLITE_OK) code = configure(*store, bytes_max);
    if (code == SQLITE_OK) code = prepare(*store);
    if (code == SQLITE_OK) {
        (void)sqlite3_wal_hook((*store)->file, count_frames, *store);
        return OK;
    }
    log_line(LOG_ERR, "%s: %s", path, (code & 0xff) == SQLITE_BUSY ? "another process has it" : sqlite3_errstr(code));
    spool_store_close(*store);
    *store = NULL;
    return FAIL(REASON_INTERNAL);
}

void spool_store_close(struct spool_store *store)
{
    if (store == NULL) return;
    for (size_t i = 0; i < STATEMENTS; i++) (void)sqlite3_finalize(store->statements[i]);
    if (store->broken) (void)sqlite3_db_config(store->file, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    (void)sqlite3_close(store->file);
    free(store);
}

/* Leaves no transaction open, whatever happened. */
static enum store_outcome settle(struct spool_store *store, int code)
{
    enum store_outcome result = outcome(code);

    if (result == STORE_DONE) return result;
    if (result == STORE_BROKEN) store->broken = true;
    log_line(LOG_ERR, "the spool can't be written: %s", sqlite3_errstr(code));
    if (!store->broken && sqlite3_get_autocommit(store->file) == 0) (void)run(store, ROLLBACK);
    return result;
}

/* Moves the log into the file when it is long.  By hand: what SQLite does on its own accord after a commit does not tell of a sync that failed, and
   tries again.  What was committed is safe all the same. */
static void move_log(struct spool_store *store)
{
    if (store->log_frames < LOG_FRAMES_MAX) return;
    store->log_frames = 0;
    int code = sqlite3_wal_checkpoint_v2(store->file, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    if ((code & 0xff) != SQLITE_BUSY) (void)settle(store, code);
}

bool spool_store_broken(const struct spool_store *store)
{
    return store->broken;
}

enum store_outcome spool_store_begin(struct spool_store *store)
{
    if (store->broken) return STORE_BROKEN;
    return settle(store, run(store, BEGIN));
}

enum store_outcome spool_store_put(struct spool_store *store, const uint8_t *record, size_t size)
{
    int code = sqlite3_bind_blob(store->statements[PUT], 1, record, (int)size, SQLITE_STATIC);

    if (code == SQLITE_OK) code = run(store, PUT);
    (void)sqlite3_clear_bindings(store->statements[PUT]);
    return settle(store, code);
}

enum store_outcome spool_store_commit(struct spool_store *store)
{
    enum store_outcome result = settle(store, run(store, COMMIT));

    if (result == STORE_DONE) move_log(store);
    return result;
}

struct result spool_store_each(struct spool_store *store, int64_t after, unsigned limit,
                               bool (*each)(void *context, int64_t number, const uint8_t *record, size_t size), void *context)
{
    sqlite3_stmt *statement = store->statements[EACH];
    bool go_on = true;
    int code = SQLITE_DONE;

    if (sqlite3_bind_int64(statement, 1, after) != SQLITE_OK || sqlite3_bind_int(statement, 2, (int)limit) != SQLITE_OK) return FAIL(REASON_INTERNAL);
    while (go_on && (code = sqlite3_step(statement)) == SQLITE_ROW)
        go_on = each(context, sqlite3_column_int64(statement, 0), sqlite3_column_blob(statement, 1), (size_t)sqlite3_column_bytes(statement, 1));
    (void)sqlite3_reset(statement);
    return code == SQLITE_DONE || code == SQLITE_ROW ? OK : FAIL(REASON_INTERNAL);
}

enum store_outcome spool_store_drop(struct spool_store *store, int64_t last)
{
    if (store->broken) return STORE_BROKEN;
    int code = sqlite3_bind_int64(store->statements[DROP], 1, last);
    enum store_outcome result = settle(store, code == SQLITE_OK ? run(store, DROP) : code);

    if (result == STORE_DONE && sqlite3_get_autocommit(store->file) != 0) move_log(store);
    return result;
}

uint64_t spool_store_count(struct spool_store *store)
{
    sqlite3_stmt *statement = store->statements[COUNT];
    uint64_t count = sqlite3_step(statement) == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(statement, 0) : 0;

    (void)sqlite3_reset(statement);
    return count;
}

uint64_t spool_store_bytes(struct spool_store *store)
{
    int64_t pages = pragma_number(store, "PRAGMA page_count") - pragma_number(store, "PRAGMA freelist_count");
    return pages < 0 ? 0 : (uint64_t)pages * PAGE_BYTES;
}
