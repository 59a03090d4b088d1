#include "client/push/state.h"

#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/client.h"
#include "client/file.h"

#define APPLICATION 0x50537373 /* "PSss" */
#define FORMAT 2
#define CACHE_KIB 49152 /* pages in memory, and what is sorted there at a time */

enum statement { FIND, EACH, PUT, STAGE, HEAD, SET_HEAD, STATEMENTS };

static const char *const texts[STATEMENTS] = {
    [FIND] = "SELECT content FROM entries WHERE key = ?1",
    [EACH] = "SELECT key, content, reference FROM entries ORDER BY key",
    [PUT] = "INSERT OR REPLACE INTO changes (key, content, reference) VALUES (?1, ?2, ?3)",
    [STAGE] = "INSERT INTO staged (key, content, reference) VALUES (?1, ?2, ?3)",
    [HEAD] = "SELECT revision, parts_revision, digest, changes, entries, grade, clear_references, epochs FROM heads WHERE name = ?1",
    [SET_HEAD] = "INSERT OR REPLACE INTO heads VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
};

static const char tables[] =
    "CREATE TABLE IF NOT EXISTS owner (mark BLOB NOT NULL) STRICT;"
    "CREATE TABLE IF NOT EXISTS heads (name TEXT PRIMARY KEY, revision INTEGER NOT NULL, parts_revision INTEGER NOT NULL,"
    " digest BLOB NOT NULL, changes INTEGER NOT NULL, entries INTEGER NOT NULL, grade INTEGER NOT NULL,"
    " clear_references INTEGER NOT NULL, epochs TEXT NOT NULL) STRICT;"
    "CREATE TABLE IF NOT EXISTS entries (key INTEGER PRIMARY KEY, content BLOB NOT NULL, reference BLOB NOT NULL) STRICT;"
    /* of a promise; content NULL: removed */
    "CREATE TABLE IF NOT EXISTS changes (key INTEGER PRIMARY KEY, content BLOB, reference BLOB) STRICT;";

struct push_state {
    sqlite3 *file;
    sqlite3_stmt *statements[STATEMENTS];
    bool writing; /* within a transaction */
    bool anew;
};

/* -- SQLite -------------------------------------------------------------------------------------------------------- */

static bool trouble(struct push_state *state)
{
    say("what is remembered of the list can't be read or written: %s",
        state->file == NULL ? "out of memory" : sqlite3_errmsg(state->file));
    return false;
}

static bool run(struct push_state *state, const char *sql)
{
    return sqlite3_exec(state->file, sql, NULL, NULL, NULL) == SQLITE_OK || trouble(state);
}

static sqlite3_stmt *ready(struct push_state *state, enum statement which)
{
    sqlite3_stmt **statement = &state->statements[which];

    if (*statement == NULL &&
        sqlite3_prepare_v3(state->file, texts[which], -1, SQLITE_PREPARE_PERSISTENT, statement, NULL) != SQLITE_OK)
        *statement = NULL;
    return *statement;
}

/* Runs a statement that returns no rows. */
static bool done(struct push_state *state, sqlite3_stmt *statement)
{
    const bool fine = sqlite3_step(statement) == SQLITE_DONE;

    (void)sqlite3_reset(statement);
    return fine || trouble(state);
}

static bool begin(struct push_state *state)
{
    if (!state->writing) state->writing = run(state, "BEGIN IMMEDIATE");
    return state->writing;
}

static bool end(struct push_state *state)
{
    if (!run(state, "COMMIT")) return false;
    state->writing = false;
    return true;
}

static int64_t number(struct push_state *state, const char *sql, int64_t otherwise)
{
    sqlite3_stmt *statement = NULL;
    int64_t found = otherwise;

    if (sqlite3_prepare_v2(state->file, sql, -1, &statement, NULL) == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW)
        found = sqlite3_column_int64(statement, 0);
    (void)sqlite3_finalize(statement);
    return found;
}

void push_state_close(struct push_state *state)
{
    if (state == NULL) return;
    for (size_t i = 0; i < STATEMENTS; i++) (void)sqlite3_finalize(state->statements[i]);
    if (state->writing && state->file != NULL) (void)sqlite3_exec(state->file, "ROLLBACK", NULL, NULL, NULL);
    (void)sqlite3_close(state->file);
    free(state);
}

/* -- opening ------------------------------------------------------------------------------------------------------- */

/* Is it ours, of this format and this key?  One that was made just now is given the mark. */
static bool is_ours(struct push_state *state, const uint8_t check[PUSH_STATE_CONTENT_BYTES])
{
    sqlite3_stmt *statement = NULL;
    bool same = false, empty = true;

    if (sqlite3_prepare_v2(state->file, "SELECT mark FROM owner", -1, &statement, NULL) != SQLITE_OK) return false;
    if (sqlite3_step(statement) == SQLITE_ROW) {
        empty = false;
        same = sqlite3_column_bytes(statement, 0) == PUSH_STATE_CONTENT_BYTES &&
               memcmp(sqlite3_column_blob(statement, 0), check, PUSH_STATE_CONTENT_BYTES) == 0;
    }
    (void)sqlite3_finalize(statement);
    if (!empty) return same;
    if (sqlite3_prepare_v2(state->file, "INSERT INTO owner VALUES (?1)", -1, &statement, NULL) != SQLITE_OK) return false;
    (void)sqlite3_bind_blob(statement, 1, check, PUSH_STATE_CONTENT_BYTES, SQLITE_STATIC);
    same = sqlite3_step(statement) == SQLITE_DONE;
    (void)sqlite3_finalize(statement);
    return same;
}

static struct push_state *open_file(const char *path, const char *pragmas, int flags,
                                    const uint8_t check[PUSH_STATE_CONTENT_BYTES])
{
    struct push_state *state = calloc(1, sizeof(*state));
    char text[512];

    if (state == NULL) return NULL;
    snprintf(text, sizeof(text), "PRAGMA application_id = %d; PRAGMA user_version = %d;", APPLICATION, FORMAT);
    if (sqlite3_open_v2(path, &state->file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | flags, NULL) == SQLITE_OK &&
        sqlite3_exec(state->file, pragmas, NULL, NULL, NULL) == SQLITE_OK) {
        const int64_t application = number(state, "PRAGMA application_id", -1);

        if (application == 0) (void)sqlite3_exec(state->file, text, NULL, NULL, NULL);
        if ((application == 0 || application == APPLICATION) && number(state, "PRAGMA user_version", -1) == FORMAT &&
            sqlite3_exec(state->file, tables, NULL, NULL, NULL) == SQLITE_OK && is_ours(state, check))
            return state;
    }
    push_state_close(state);
    return NULL;
}

static void unlink_all(const char *path)
{
    static const char *const ends[] = { "", "-wal", "-shm", "-journal" };
    char name[PATH_MAX];

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        if (snprintf(name, sizeof(name), "%s%s", path, ends[i]) < (int)sizeof(name)) (void)unlink(name);
}

/* SQLite makes files by the umask: these are nobody else's. */
static bool touch(const char *path)
{
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0) return false;
    close(fd);
    return true;
}

struct push_state *push_state_open(const char *path, const uint8_t check[PUSH_STATE_CONTENT_BYTES])
{
    char pragmas[256];
    struct push_state *state = NULL;

    snprintf(pragmas, sizeof(pragmas),
             "PRAGMA locking_mode = EXCLUSIVE; PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
             "PRAGMA cache_size = -%d; PRAGMA secure_delete = FAST;", CACHE_KIB);
    if (!folder_make_for(path, 0700)) return NULL;
    if (touch(path)) state = open_file(path, pragmas, 0, check);
    if (state != NULL) return state;
    unlink_all(path);
    if (touch(path)) state = open_file(path, pragmas, 0, check);
    if (state == NULL) say("what is remembered of the list can't be written: %s", path);
    return state;
}

/* -- heads --------------------------------------------------------------------------------------------------------- */

static bool get_head(struct push_state *state, const char *name, struct push_state_head *head)
{
    sqlite3_stmt *statement = ready(state, HEAD);
    bool found = false;

    *head = (struct push_state_head) { 0 };
    if (statement == NULL) return trouble(state);
    (void)sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    if (sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_bytes(statement, 2) == sizeof(head->digest)) {
        const char *epochs = (const char *)sqlite3_column_text(statement, 7);

        head->revision = (uint32_t)sqlite3_column_int64(statement, 0);
        head->parts_revision = (uint32_t)sqlite3_column_int64(statement, 1);
        memcpy(head->digest, sqlite3_column_blob(statement, 2), sizeof(head->digest));
        head->changes = (uint32_t)sqlite3_column_int64(statement, 3);
        head->entries = (uint64_t)sqlite3_column_int64(statement, 4);
        head->grade = (uint8_t)sqlite3_column_int(statement, 5);
        head->clear_references = sqlite3_column_int(statement, 6) != 0;
        found = epochs != NULL && strlen(epochs) < sizeof(head->epochs);
        if (found) memcpy(head->epochs, epochs, strlen(epochs) + 1);
    }
    (void)sqlite3_reset(statement);
    return found;
}

static bool set_head(struct push_state *state, const char *name, const struct push_state_head *head)
{
    sqlite3_stmt *statement = ready(state, SET_HEAD);

    if (statement == NULL) return trouble(state);
    (void)sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(statement, 2, head->revision);
    (void)sqlite3_bind_int64(statement, 3, head->parts_revision);
    (void)sqlite3_bind_blob(statement, 4, head->digest, sizeof(head->digest), SQLITE_STATIC);
    (void)sqlite3_bind_int64(statement, 5, head->changes);
    (void)sqlite3_bind_int64(statement, 6, (int64_t)head->entries);
    (void)sqlite3_bind_int(statement, 7, head->grade);
    (void)sqlite3_bind_int(statement, 8, head->clear_references);
    (void)sqlite3_bind_text(statement, 9, head->epochs, -1, SQLITE_STATIC);
    return done(state, statement);
}

bool push_state_standing(struct push_state *state, struct push_state_head *head)
{
    return get_head(state, "standing", head);
}

bool push_state_promised(struct push_state *state, struct push_state_head *head)
{
    return get_head(state, "promised", head);
}

/* -- entries ------------------------------------------------------------------------------------------------------- */

bool push_state_find(struct push_state *state, int64_t key, bool *found, uint8_t content[PUSH_STATE_CONTENT_BYTES])
{
    sqlite3_stmt *statement = ready(state, FIND);
    int code;

    if (statement == NULL) return trouble(state);
    (void)sqlite3_bind_int64(statement, 1, key);
    code = sqlite3_step(statement);
    *found = code == SQLITE_ROW && sqlite3_column_bytes(statement, 0) == PUSH_STATE_CONTENT_BYTES;
    if (*found) memcpy(content, sqlite3_column_blob(statement, 0), PUSH_STATE_CONTENT_BYTES);
    (void)sqlite3_reset(statement);
    return code == SQLITE_ROW || code == SQLITE_DONE || trouble(state);
}

bool push_state_each(struct push_state *state, bool (*each)(void *context, const struct push_state_row *row), void *context)
{
    sqlite3_stmt *statement = ready(state, EACH);
    bool going = true;
    int code = SQLITE_DONE;

    if (statement == NULL) return trouble(state);
    while (going && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        struct push_state_row row = { .key = sqlite3_column_int64(statement, 0) };
        const int size = sqlite3_column_bytes(statement, 2);

        if (sqlite3_column_bytes(statement, 1) != sizeof(row.content) || size < 1 || size > PUSH_STATE_REFERENCE_MAX) {
            code = SQLITE_CORRUPT;
            break;
        }
        memcpy(row.content, sqlite3_column_blob(statement, 1), sizeof(row.content));
        row.reference_size = (size_t)size;
        memcpy(row.reference, sqlite3_column_blob(statement, 2), row.reference_size);
        going = each(context, &row);
    }
    (void)sqlite3_reset(statement);
    return code == SQLITE_ROW || code == SQLITE_DONE || trouble(state);
}

static bool insert(struct push_state *state, enum statement which, const struct push_state_row *row)
{
    sqlite3_stmt *statement = begin(state) ? ready(state, which) : NULL;

    if (statement == NULL) return state->writing ? trouble(state) : false;
    (void)sqlite3_bind_int64(statement, 1, row->key);
    if (row->reference_size == 0) {
        (void)sqlite3_bind_null(statement, 2);
        (void)sqlite3_bind_null(statement, 3);
    } else {
        (void)sqlite3_bind_blob(statement, 2, row->content, sizeof(row->content), SQLITE_STATIC);
        (void)sqlite3_bind_blob(statement, 3, row->reference, (int)row->reference_size, SQLITE_STATIC);
    }
    return done(state, statement);
}

/* -- a change ------------------------------------------------------------------------------------------------------ */

bool push_state_put(struct push_state *state, const struct push_state_row *row)
{
    return insert(state, PUT, row);
}

bool push_state_remove(struct push_state *state, int64_t key)
{
    const struct push_state_row row = { .key = key };

    return insert(state, PUT, &row);
}

bool push_state_promise(struct push_state *state, const struct push_state_head *head)
{
    return begin(state) && set_head(state, "promised", head) && end(state);
}

bool push_state_break(struct push_state *state)
{
    if (state->writing && !run(state, "ROLLBACK")) return false;
    state->writing = false;
    return run(state, "DELETE FROM changes; DELETE FROM heads WHERE name = 'promised'");
}

bool push_state_keep(struct push_state *state)
{
    struct push_state_head head, old;
    int64_t entries;

    if (!push_state_promised(state, &head) || !push_state_standing(state, &old)) return trouble(state);
    if (!begin(state)) return false;
    entries = (int64_t)old.entries + number(state, "SELECT count(*) FROM changes WHERE content IS NOT NULL", 0) -
              number(state, "SELECT count(*) FROM changes JOIN entries USING (key)", 0);
    head.entries = entries < 0 ? 0 : (uint64_t)entries;
    return run(state, "DELETE FROM entries WHERE key IN (SELECT key FROM changes WHERE content IS NULL);"
                      "INSERT OR REPLACE INTO entries SELECT key, content, reference FROM changes WHERE content IS NOT NULL"
                      " ORDER BY key;"
                      "DELETE FROM changes; DELETE FROM heads WHERE name = 'promised'") &&
           set_head(state, "standing", &head) && end(state);
}

/* -- a list anew --------------------------------------------------------------------------------------------------- */

static bool anew_path(const char *path, char out[PATH_MAX])
{
    return path_make(out, PATH_MAX, "%s.anew", path);
}

/* No journal: a file that was not finished is thrown away. */
struct push_state *push_state_anew(const char *path, const uint8_t check[PUSH_STATE_CONTENT_BYTES])
{
    char name[PATH_MAX], pragmas[256];
    struct push_state *state = NULL;

    if (!anew_path(path, name)) return NULL;
    unlink_all(name);
    snprintf(pragmas, sizeof(pragmas),
             "PRAGMA locking_mode = EXCLUSIVE; PRAGMA page_size = 8192; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
             "PRAGMA cache_size = -%d; PRAGMA temp_store = FILE; PRAGMA temp.journal_mode = OFF;", CACHE_KIB);
    if (touch(name)) state = open_file(name, pragmas, 0, check);
    if (state != NULL && run(state, "CREATE TEMP TABLE staged (key INTEGER NOT NULL, content BLOB NOT NULL,"
                                    " reference BLOB NOT NULL) STRICT"))
        return state;
    push_state_close(state);
    say("what is remembered of the list can't be written: %s", name);
    return NULL;
}

bool push_state_stage(struct push_state *anew, const struct push_state_row *row)
{
    return insert(anew, STAGE, row);
}

/* Sorted on disk, and then written from the first page to the last. */
bool push_state_finish(struct push_state *anew, struct push_state_head *head)
{
    const char *name = sqlite3_db_filename(anew->file, "main");
    int fd;
    bool synced;

    if (!begin(anew)) return false;
    if (!run(anew, "INSERT INTO entries SELECT key, content, reference FROM staged ORDER BY key; DELETE FROM staged"))
        return false;
    head->entries = (uint64_t)number(anew, "SELECT count(*) FROM entries", 0);
    if (!set_head(anew, "standing", head) || !end(anew)) return false;
    fd = open(name, O_RDONLY | O_CLOEXEC);
    synced = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) close(fd);
    return synced || trouble(anew);
}

bool push_state_anew_head(const char *path, const uint8_t check[PUSH_STATE_CONTENT_BYTES], struct push_state_head *head)
{
    char name[PATH_MAX];
    struct push_state *state;
    bool found;

    if (!anew_path(path, name) || access(name, F_OK) != 0) return false;
    state = open_file(name, "PRAGMA locking_mode = EXCLUSIVE;", 0, check);
    found = state != NULL && push_state_standing(state, head);
    push_state_close(state);
    return found;
}

bool push_state_take(const char *path)
{
    char name[PATH_MAX];

    if (!anew_path(path, name)) return false;
    unlink_all(path); /* with its log, which must not be taken for the new file's */
    return file_move(name, path);
}

void push_state_drop(const char *path)
{
    char name[PATH_MAX];

    if (anew_path(path, name)) unlink_all(name);
}
