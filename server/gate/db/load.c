/* Streaming the lists out of PostgreSQL: small tables as results, entries and slots as binary COPY. */
#include "server/gate/db/load.h"

#include <assert.h>

#include "server/gate/db/copy.h"
#include "server/gate/db/list_seal.h"
#include "server/gate/db/lists.h"
#include "server/gate/index/entries.h"

#define LOAD_STATEMENT_MS (10 * 60 * 1000)

struct db_load {
    struct db *db;
    struct db_conn *conn;
};

static const struct statement head = { "head", "SELECT version FROM head" };
static const struct statement load_lists = { "load_lists", "SELECT " LIST_SEALED_COLUMNS " FROM lists ORDER BY number" };
#define LOAD_SEGMENTS                                                                                                                       \
    "SELECT r.segment, r.list, r.revision, r.base, r.mode, r.sums, r.mac FROM revisions r JOIN lists l ON l.number = r.list"                \
    " WHERE r.state = 1 AND r.segment >= l.base_segment AND r.kept = 2"
static const struct statement load_segments = { "load_segments", LOAD_SEGMENTS " ORDER BY r.list, r.segment" };
static const struct statement load_some_segments = {
    "load_some_segments", LOAD_SEGMENTS " AND r.list = ANY ($1::int4[]) ORDER BY r.list, r.segment"
};
#define LOAD_ERASED "SELECT e.remover, e.segment, e.sums, e.epoch FROM erased e"
static const struct statement load_erased = {
    "load_erased",
    LOAD_ERASED " JOIN revisions r ON r.segment = e.segment JOIN lists l ON l.number = r.list WHERE r.state = 1 AND r.segment >= l.base_segment"
};
static const struct statement load_some_erased = { "load_some_erased", LOAD_ERASED " WHERE e.segment = ANY ($1::int4[])" };

static struct result read_head(struct db_conn *conn, uint64_t *version)
{
    PGresult *result RESULT_CLEANUP = NULL;
    TRY(conn_run(conn, &head, NULL, &result));
    struct row row = { .result = result };
    *version = (uint64_t)row_int(&row, 0);
    return row.bad ? FAIL(REASON_DATABASE) : OK;
}

static struct result head_body(struct db_conn *conn, void *context)
{
    return read_head(conn, context);
}

struct result db_head(struct db *db, uint64_t *version)
{
    struct scope scope = { .timeout_ms = 5000 };
    return db_transaction(db, &scope, head_body, version);
}

struct result db_load_begin(struct db *db, struct db_load **out)
{
    struct db_load *load = calloc(1, sizeof(*load));
    if (!load) return FAIL(REASON_INTERNAL);
    load->db = db;
    struct result result = db_take(db, &load->conn);
    if (failed(result)) {
        free(load);
        return result;
    }
    load->conn->timeout_ms = LOAD_STATEMENT_MS;
    result = conn_command(load->conn, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = '10min';"
                                      "SET LOCAL idle_in_transaction_session_timeout = '10min';"
                                      /* rows in the order in which they were stored: slots then meet their entries in order */
                                      "SET LOCAL synchronize_seqscans = off; SET LOCAL max_parallel_workers_per_gather = 0");
    if (failed(result)) {
        db_load_end(load);
        return result;
    }
    *out = load;
    return OK;
}

void db_load_end(struct db_load *load)
{
    if (!load) return;
    if (!load->conn->broken && failed(conn_command(load->conn, "ROLLBACK"))) load->conn->broken = true;
    load->conn->timeout_ms = DB_STATEMENT_MS;
    db_give(load->db, load->conn);
    free(load);
}

struct db_conn *db_load_connection(struct db_load *load)
{
    return load->conn;
}

struct result db_load_head(struct db_load *load, uint64_t *version)
{
    return read_head(load->conn, version);
}

/* -- small tables -------------------------------------------------------------------------------------------------------------------------- */

struct result db_load_lists(struct db_load *load, void (*each)(void *context, const struct sealed_list *list), void *context)
{
    PGresult *result RESULT_CLEANUP = NULL;
    TRY(conn_run(load->conn, &load_lists, NULL, &result));
    struct sealed_list *list = malloc(sizeof(*list));
    if (!list) return FAIL(REASON_INTERNAL);
    for (int i = 0, rows = PQntuples(result); i < rows; i++)
        if (!failed(list_sealed_take(load->conn, result, i, list))) each(context, list); /* one without a name is a list that is missing */
    free(list);
    return OK;
}

/* Runs ALL, or SOME with the numbers as its parameter. */
static struct result run_for(struct db_load *load, const struct statement *all, const struct statement *some, const uint32_t *numbers, size_t count,
                             PGresult **result)
{
    struct array array CLEANUP(array_free) = { 0 };
    struct params params = { 0 };
    if (!numbers) return conn_run(load->conn, all, NULL, result);
    array_begin(&array, TYPE_INT4, count, 4);
    for (size_t i = 0; i < count; i++) array_int4(&array, numbers[i]);
    if (!params_array(&params, &array)) return FAIL(REASON_INTERNAL);
    return conn_run(load->conn, some, &params, result);
}

static void segment_take(const struct db_load *load, const PGresult *result, int number, struct load_segment *segment)
{
    struct row row = { .result = result, .number = number };
    segment->segment = (uint32_t)row_int(&row, 0);
    segment->list = (uint32_t)row_int(&row, 1);
    segment->revision = (uint32_t)row_int(&row, 2);
    segment->base = (uint32_t)row_int(&row, 3);
    segment->mode = (enum revision_mode)row_int(&row, 4);
    struct seal_place place = { SEAL_SEGMENT, segment->segment, 0 };
    bool opened = !failed(row_sums(&row, 5, load->conn->keys, &place, &segment->sums));
    row_bytes(&row, 6, segment->mac, sizeof(segment->mac));
    segment->opened = opened && !row.bad;
}

struct result db_load_segments(struct db_load *load, const uint32_t *lists, size_t count,
                               void (*each)(void *context, const struct load_segment *segment), void *context)
{
    PGresult *result RESULT_CLEANUP = NULL;
    struct load_segment segment;
    if (!load->conn->keys) return FAIL(REASON_INTERNAL);
    if (lists && count == 0) return OK;
    TRY(run_for(load, &load_segments, &load_some_segments, lists, count, &result));
    for (int i = 0, rows = PQntuples(result); i < rows; i++) {
        segment_take(load, result, i, &segment);
        each(context, &segment);
    }
    return OK;
}

void db_load_segment_mac(const struct db_load *load, const struct load_segment *segment, const uint8_t previous[LIST_MAC_BYTES],
                         uint8_t mac[LIST_MAC_BYTES])
{
    struct segment_facts facts = { .list = segment->list, .segment = segment->segment, .revision = segment->revision, .base = segment->base,
                                   .mode = segment->mode };
    segment_mac(load->conn->keys, &facts, &segment->sums, previous, mac);
}

struct result db_load_erased(struct db_load *load, const uint32_t *segments, size_t count,
                             void (*each)(void *context, const struct load_erased *erased), void *context)
{
    PGresult *result RESULT_CLEANUP = NULL;
    struct load_erased erased;
    if (segments && count == 0) return OK;
    TRY(run_for(load, &load_erased, &load_some_erased, segments, count, &result));
    for (int i = 0, rows = PQntuples(result); i < rows; i++) {
        struct row row = { .result = result, .number = i };
        erased.remover = (uint32_t)row_int(&row, 0);
        erased.segment = (uint32_t)row_int(&row, 1);
        struct seal_place place = { SEAL_ERASED, erased.segment, erased.remover };
        if (!failed(row_sums(&row, 2, load->conn->keys, &place, &erased.sums)) && !row.bad) each(context, &erased);
    }
    return OK;
}

/* -- rows of COPY --------------------------------------------------------------------------------------------------------------------------- */

struct entry_stream {
    const struct seal_keys *keys;
    struct result (*each)(void *context, const struct load_entry *entry);
    void *context;
};

static void entry_take(const struct seal_keys *keys, struct copy_reader *reader, struct load_entry *entry)
{
    entry->key = copy_field_64(reader);
    entry->segment = copy_field_32(reader);
    entry->effective = copy_field_seconds(reader, 0);
    entry->expires = copy_field_seconds(reader, ENTRY_FOREVER);
    entry->sum = entry_sum(keys, entry->key, entry->segment, entry->effective, entry->expires);
}

static struct result entry_row(void *context, struct copy_reader *reader)
{
    const struct entry_stream *stream = context;
    struct load_entry entry;
    entry_take(stream->keys, reader, &entry);
    entry.removed = copy_field_32(reader) != 0;
    return reader->bad ? FAIL(REASON_DATABASE) : stream->each(stream->context, &entry);
}

struct result db_load_entries(struct db_load *load, const uint32_t *segments, size_t count,
                              struct result (*each)(void *context, const struct load_entry *entry), void *context)
{
    struct entry_stream stream = { load->conn->keys, each, context };
    if (!stream.keys) return FAIL(REASON_INTERNAL);
    if (segments && count == 0) return OK;
    return copy_segments(load->conn, "SELECT key, segment, effective, expires, removed_by FROM platesieve.entries WHERE segment", "", segments,
                         count, 5, entry_row, &stream);
}

struct slot_stream {
    const struct seal_keys *keys;
    uint32_t epoch;
    struct result (*each)(void *context, const struct load_slot *slot);
    void (*summed)(void *context, uint32_t segment, const struct row_sum *sum);
    void *context;
};

static const struct row_sum no_gates = { 1, 0 };

/* One row is an entry's slots, packed (see schema/0001_lists.sql). */
static struct result slot_row(void *context, struct copy_reader *reader)
{
    const struct slot_stream *stream = context;
    struct load_slot slot;
    slot.entry = copy_field_64(reader);
    slot.segment = copy_field_32(reader);
    uint32_t size = copy_take_32(reader);
    const uint8_t *packed = copy_take(reader, size);
    if (!packed) return FAIL(REASON_DATABASE);
    if (size % PACKED_SLOT_BYTES != 0 || size > LIMIT_ENTRY_TOKENS * PLATESIEVE_GRADES * PACKED_SLOT_BYTES) {
        stream->summed(stream->context, slot.segment, &no_gates); /* no gate stored that: the sum can't come out */
        return OK;
    }
    struct row_sum sum = slots_sum(stream->keys, slot.entry, slot.segment, stream->epoch, packed, size);
    stream->summed(stream->context, slot.segment, &sum);
    for (const uint8_t *at = packed; at < packed + size; at += PACKED_SLOT_BYTES) {
        memcpy(slot.slot, at, sizeof(slot.slot));
        memcpy(slot.tag, at + sizeof(slot.slot), sizeof(slot.tag));
        tag_mask(stream->keys, slot.slot, slot.entry, slot.tag);
        slot.grade = at[sizeof(slot.slot) + sizeof(slot.tag)];
        if (slot.grade >= PLATESIEVE_GRADES) continue; /* the sum shows it */
        TRY(stream->each(stream->context, &slot));
    }
    return OK;
}

struct result load_slots(struct db_conn *conn, uint64_t epoch, const uint32_t *segments, size_t count,
                         struct result (*each)(void *context, const struct load_slot *slot),
                         void (*summed)(void *context, uint32_t segment, const struct row_sum *sum), void *context)
{
    struct slot_stream stream = { conn->keys, (uint32_t)epoch, each, summed, context };
    char before[160];
    if (!stream.keys) return FAIL(REASON_INTERNAL);
    if (segments && count == 0) return OK;
    snprintf(before, sizeof(before), "SELECT entry, segment, packed FROM platesieve.slots WHERE epoch = %u AND segment",
             (unsigned)(epoch > INT32_MAX ? INT32_MAX : epoch));
    return copy_segments(conn, before, "", segments, count, 3, slot_row, &stream);
}

struct result db_load_slots(struct db_load *load, uint64_t epoch, const uint32_t *segments, size_t count,
                            struct result (*each)(void *context, const struct load_slot *slot),
                            void (*summed)(void *context, uint32_t segment, const struct row_sum *sum), void *context)
{
    return load_slots(load->conn, epoch, segments, count, each, summed, context);
}

struct removal_stream {
    const struct seal_keys *keys;
    struct result (*each)(void *context, const struct load_removal *removal);
    void *context;
};

static struct result edit_row(void *context, struct copy_reader *reader)
{
    const struct removal_stream *stream = context;
    struct load_removal removal = { .edit = true };
    removal.key = copy_field_64(reader);
    removal.segment = copy_field_32(reader);
    copy_expect(reader, 1);
    const uint8_t *removes = copy_take(reader, 1);
    if (reader->bad) return FAIL(REASON_DATABASE);
    removal.sum = edit_sum(stream->keys, removal.key, removal.segment, *removes != 0);
    return stream->each(stream->context, &removal);
}

static struct result added_row(void *context, struct copy_reader *reader)
{
    const struct removal_stream *stream = context;
    struct load_entry entry;
    entry_take(stream->keys, reader, &entry);
    struct load_removal removal = { .key = entry.key, .segment = entry.segment, .sum = entry.sum };
    return reader->bad ? FAIL(REASON_DATABASE) : stream->each(stream->context, &removal);
}

struct result load_removals(struct db_conn *conn, const uint32_t *segments, size_t count,
                            struct result (*each)(void *context, const struct load_removal *removal), void *context)
{
    struct removal_stream stream = { conn->keys, each, context };
    assert(segments);
    if (!stream.keys) return FAIL(REASON_INTERNAL);
    if (count == 0) return OK;
    TRY(copy_segments(conn, "SELECT key, segment, removes FROM platesieve.edits WHERE segment", "", segments, count, 3, edit_row, &stream));
    return copy_segments(conn, "SELECT key, segment, effective, expires FROM platesieve.entries WHERE segment", "", segments, count, 4, added_row,
                         &stream);
}

struct result db_load_removals(struct db_load *load, const uint32_t *segments, size_t count,
                               struct result (*each)(void *context, const struct load_removal *removal), void *context)
{
    return load_removals(load->conn, segments, count, each, context);
}
