/* Storing one part of a revision: its lines and slots, as arrays of columns in binary.  (COPY FROM is refused on tables with row-level
   security; INSERT ... SELECT FROM unnest() of arrays is nearly as fast and keeps the fence.)
   The transaction is committed with synchronous_commit off: the write-ahead log is one sequence, so the revision's commit, which is
   synchronous, makes its parts durable too; and if the server crashes before that, the commit finds parts missing and refuses. */
#include <assert.h>

#include "server/gate/db/conn.h"
#include "server/gate/index/entries.h"

struct target {
    int64_t segment, list, cap_tokens;
};

static const struct statement lock_revision = {
    "lock_revision",
    "SELECT r.segment, r.list, r.mode, r.state, r.base = l.revision AND r.segment >= l.grade_segment, l.cap_tokens, l.grade FROM revisions r JOIN lists l ON l.number = r.list"
    " WHERE l.agency = $1::text AND l.id = $2::text AND r.revision = $3::int4 AND r.state < 2 FOR SHARE OF r"
};
static const struct statement insert_part = {
    "insert_part",
    "INSERT INTO parts (segment, part, lines, adds, sums) VALUES ($1::int4, $2::int4, $3::int4, $4::int4, $5::bytea) ON CONFLICT DO NOTHING"
};
static const struct statement lock_part = {
    "lock_part", "SELECT sums FROM parts WHERE segment = $1::int4 AND part = $2::int4 FOR UPDATE"
};
static const struct statement update_part = {
    "update_part", "UPDATE parts SET lines = $3::int4, adds = $4::int4, sums = $5::bytea WHERE segment = $1::int4 AND part = $2::int4"
};
static const struct statement clear_part[] = {
    { "clear_part_epochs", "DELETE FROM part_epochs WHERE segment = $1::int4 AND part = $2::int4" },
    { "clear_part_entries", "DELETE FROM entries WHERE segment = $1::int4 AND part = $2::int4" },
    { "clear_part_edits", "DELETE FROM edits WHERE segment = $1::int4 AND part = $2::int4" },
    { "clear_part_slots", "DELETE FROM slots WHERE segment = $1::int4 AND part = $2::int4" },
};
static const struct statement insert_part_epochs = {
    "insert_part_epochs",
    "INSERT INTO part_epochs (segment, part, epoch, lines, near, slots)"
    " SELECT $1::int4, $2::int4, u.* FROM unnest($3::int4[], $4::int4[], $5::int4[], $6::int4[]) AS u"
};
static const struct statement insert_entries = {
    "insert_entries",
    "INSERT INTO entries (list, segment, part, key, effective, expires, reference)"
    " SELECT $1::int4, $2::int4, $3::int4, u.* FROM unnest($4::int8[], $5::timestamptz[], $6::timestamptz[], $7::text[]) AS u"
};
static const struct statement insert_edits = {
    "insert_edits",
    "INSERT INTO edits (segment, part, key, removes) SELECT $1::int4, $2::int4, u.* FROM unnest($3::int8[], $4::bool[]) AS u"
};
static const struct statement insert_slots = {
    "insert_slots",
    "INSERT INTO slots (segment, part, epoch, entry, count, near, packed)"
    " SELECT $1::int4, $2::int4, u.* FROM unnest($3::int4[], $4::int8[], $5::int2[], $6::bool[], $7::bytea[]) AS u"
};
static const struct statement fullest_epoch = {
    "fullest_epoch",
    "SELECT coalesce(max(n), 0)::int8 FROM (SELECT sum(slots) AS n FROM part_epochs WHERE segment = $1::int4 GROUP BY epoch) AS s"
};

/* -- what the part itself tells ------------------------------------------------------------------------------------------------------------- */

struct keyed {
    uint64_t key;
    size_t position; /* in the part's entries */
};

static int compare_keys(const void *a, const void *b)
{
    const struct keyed *x = a, *y = b;
    return x->key < y->key ? -1 : x->key > y->key;
}

/* The part's entries in the order of their keys: they go into the index of keys in that order, which spares it a third of its work.
   REASON_DUPLICATE_REFERENCE when one stands twice; over the parts of a revision, commit looks. */
static struct result sort_entries(const struct part *part, struct keyed **sorted)
{
    struct keyed *keys = calloc(part->entry_count + 1, sizeof(*keys));
    if (!keys) return FAIL(REASON_INTERNAL);
    for (size_t i = 0; i < part->entry_count; i++) keys[i] = (struct keyed){ part->entries[i].key, i };
    qsort(keys, part->entry_count, sizeof(*keys), compare_keys);
    for (size_t i = 1; i < part->entry_count; i++) {
        if (keys[i].key != keys[i - 1].key) continue;
        free(keys);
        return FAIL(REASON_DUPLICATE_REFERENCE);
    }
    *sorted = keys;
    return OK;
}

static size_t count_adds(const struct part *part)
{
    size_t adds = 0;
    for (size_t i = 0; i < part->entry_count; i++) adds += part->entries[i].op == PART_ADD;
    return adds;
}

static bool fits_mode(const struct part *part, enum revision_mode mode)
{
    for (size_t i = 0; i < part->entry_count; i++) {
        enum part_op op = part->entries[i].op;
        bool fits = mode == REVISION_TOKENS ? op == PART_TOKENS : op == PART_ADD || (op == PART_REMOVE && mode == REVISION_CHANGE);
        if (!fits) return false;
    }
    return true;
}

/* What a token counts for, bit per grade, that an entry must have for an epoch, so that a read can be told `clear` of it: `full` alone says
   nothing about a read of unknown jurisdiction.  A `near` set may be empty: the plate is short. */
static unsigned grades_needed(enum platesieve_grade weakest)
{
    if (weakest == PLATESIEVE_FULL) return 1u << PLATESIEVE_FULL;
    return 1u << PLATESIEVE_PLATE | (weakest >= PLATESIEVE_SIMILAR ? 1u << PLATESIEVE_SIMILAR : 0);
}

/* Every epoch that an entry has tokens for has those of all grades that the list wants; slots of an entry lie together. */
static bool grades_are_whole(const struct part *part, enum platesieve_grade weakest)
{
    const unsigned needed = grades_needed(weakest);

    for (size_t i = 0, next; i < part->slot_count; i = next) {
        unsigned grades[LIMIT_ENTRY_EPOCHS] = { 0 };
        for (next = i; next < part->slot_count && part->slots[next].entry == part->slots[i].entry; next++)
            grades[part->slots[next].epoch] |= 1u << part->slots[next].grade;
        for (size_t e = 0; e < part->epoch_count; e++)
            if (grades[e] != 0 && (grades[e] & needed) != needed) return false;
    }
    return true;
}

/* -- rows ------------------------------------------------------------------------------------------------------------------------------------ */

static struct result find_target(struct db_conn *conn, const char *agency, const char *list, uint32_t revision, const struct part *part,
                                 struct target *target)
{
    PGresult *result RESULT_CLEANUP = NULL;
    struct params params = { 0 };
    params_text(&params, agency);
    params_text(&params, list);
    params_int4(&params, revision);
    TRY(conn_run(conn, &lock_revision, &params, &result));
    if (PQntuples(result) == 0) return FAIL(REASON_NOT_FOUND);
    struct row row = { .result = result };
    target->segment = row_int(&row, 0);
    target->list = row_int(&row, 1);
    enum revision_mode mode = (enum revision_mode)row_int(&row, 2);
    enum revision_state state = (enum revision_state)row_int(&row, 3);
    bool on_base = row_bool(&row, 4);
    target->cap_tokens = row_int(&row, 5);
    enum platesieve_grade weakest = (enum platesieve_grade)row_int(&row, 6);
    if (row.bad) return FAIL(REASON_DATABASE);
    if (state == REVISION_COMMITTED) return FAIL(REASON_COMMITTED);
    if (!on_base) return FAIL(REASON_BASE);
    return fits_mode(part, mode) && grades_are_whole(part, weakest) ? OK : FAIL(REASON_LINE);
}

/* The part's own row.  *STANDS: it is stored already, with the same digest. */
static struct result put_row(struct db_conn *conn, const struct target *target, const struct part *part, const struct sums *sums, bool *stands)
{
    PGresult *result RESULT_CLEANUP = NULL;
    struct params place = { 0 }, all = { 0 };
    const struct seal_place where = { SEAL_PART, target->segment, part->number };
    uint8_t sealed[SUMS_SEALED_MAX];
    struct sums stored;
    uint64_t inserted = 0;
    size_t size = sums_seal(conn->keys, &where, sums, sealed);
    params_int4(&place, target->segment);
    params_int4(&place, part->number);
    params_int4(&all, target->segment);
    params_int4(&all, part->number);
    params_int4(&all, (int64_t)sums->lines);
    params_int4(&all, (int64_t)sums->adds);
    params_bytes(&all, sealed, size);
    *stands = false;
    TRY(conn_do(conn, &insert_part, &all, &inserted));
    if (inserted == 1) return OK;

    TRY(conn_run(conn, &lock_part, &place, &result));
    struct row row = { .result = result };
    bool opened = !failed(row_sums(&row, 0, conn->keys, &where, &stored));
    *stands = opened && memcmp(stored.digest, part->sha256, sizeof(stored.digest)) == 0;
    if (*stands) return OK;
    for (size_t i = 0; i < ARRAY_LENGTH(clear_part); i++) TRY(conn_do(conn, &clear_part[i], &place, NULL));
    return conn_do(conn, &update_part, &all, NULL);
}

static struct result put_epochs(struct db_conn *conn, const struct target *target, const struct part *part, const struct sums *sums)
{
    struct array a[4] = { 0 };
    for (size_t i = 0; i < 4; i++) array_begin(&a[i], TYPE_INT4, sums->epoch_count, 4);
    for (size_t e = 0; e < sums->epoch_count; e++) {
        array_int4(&a[0], sums->epochs[e].number);
        array_int4(&a[1], (int64_t)sums->epochs[e].lines);
        array_int4(&a[2], (int64_t)sums->epochs[e].near);
        array_int4(&a[3], (int64_t)sums->epochs[e].slots);
    }
    struct params params = { 0 };
    params_int4(&params, target->segment);
    params_int4(&params, part->number);
    bool ready = true;
    for (size_t i = 0; i < 4; i++) ready = ready && params_array(&params, &a[i]);
    struct result result = ready ? conn_do(conn, &insert_part_epochs, &params, NULL) : FAIL(REASON_INTERNAL);
    for (size_t i = 0; i < 4; i++) array_free(&a[i]);
    return result;
}

static struct result put_entries(struct db_conn *conn, const struct target *target, const struct part *part, const struct keyed *sorted,
                                 size_t adds)
{
    struct array keys CLEANUP(array_free), effective CLEANUP(array_free), expires CLEANUP(array_free), references CLEANUP(array_free);
    array_begin(&keys, TYPE_INT8, adds, 8);
    array_begin(&effective, TYPE_TIME, adds, 8);
    array_begin(&expires, TYPE_TIME, adds, 8);
    array_begin(&references, TYPE_TEXT, adds, LIMIT_REFERENCE_MAX);
    for (size_t i = 0; i < part->entry_count; i++) {
        const struct part_entry *entry = &part->entries[sorted[i].position];
        if (entry->op != PART_ADD) continue;
        array_int8(&keys, (int64_t)entry->key);
        if (entry->effective == 0) array_null(&effective);
        else array_time(&effective, (int64_t)entry->effective * 1000);
        if (entry->expires == ENTRY_FOREVER) array_null(&expires);
        else array_time(&expires, (int64_t)entry->expires * 1000);
        array_text(&references, entry->reference);
    }
    struct params params = { 0 };
    params_int4(&params, target->list);
    params_int4(&params, target->segment);
    params_int4(&params, part->number);
    if (!params_array(&params, &keys) || !params_array(&params, &effective) || !params_array(&params, &expires) ||
        !params_array(&params, &references))
        return FAIL(REASON_INTERNAL);
    return conn_do(conn, &insert_entries, &params, NULL);
}

static struct result put_edits(struct db_conn *conn, const struct target *target, const struct part *part, size_t edits)
{
    struct array keys CLEANUP(array_free), removes CLEANUP(array_free);
    array_begin(&keys, TYPE_INT8, edits, 8);
    array_begin(&removes, TYPE_BOOL, edits, 1);
    for (size_t i = 0; i < part->entry_count; i++) {
        if (part->entries[i].op == PART_ADD) continue;
        array_int8(&keys, (int64_t)part->entries[i].key);
        array_bool(&removes, part->entries[i].op == PART_REMOVE);
    }
    struct params params = { 0 };
    params_int4(&params, target->segment);
    params_int4(&params, part->number);
    if (!params_array(&params, &keys) || !params_array(&params, &removes)) return FAIL(REASON_INTERNAL);
    return conn_do(conn, &insert_edits, &params, NULL);
}

/* -- slots: packed, and summed up with all else before the part's row is written --------------------------------------------------------- */

struct slot_arrays {
    struct array epochs, entries, counts, near, packed;
};

static void slot_arrays_free(struct slot_arrays *arrays)
{
    array_free(&arrays->epochs);
    array_free(&arrays->entries);
    array_free(&arrays->counts);
    array_free(&arrays->near);
    array_free(&arrays->packed);
}

struct packing {
    const struct seal_keys *keys;
    const struct part *part;
    uint32_t segment;
    struct slot_arrays *arrays;
    struct sums *sums;
};

/* One row: the slots of ENTRY for one epoch among COUNT slots of that entry (all epochs). */
static void pack_row(const struct packing *packing, const struct part_slot *slots, size_t count, uint8_t epoch)
{
    const struct part_entry *entry = &packing->part->entries[slots[0].entry];
    struct slot_arrays *arrays = packing->arrays;
    struct sums_epoch *sums = &packing->sums->epochs[epoch];
    uint8_t packed[LIMIT_ENTRY_TOKENS * PLATESIEVE_GRADES * PACKED_SLOT_BYTES];
    size_t used = 0;
    bool near = false;
    for (size_t i = 0; i < count; i++) {
        if (slots[i].epoch != epoch) continue;
        uint8_t *place = packed + PACKED_SLOT_BYTES * used++;
        assert(used <= LIMIT_ENTRY_TOKENS * PLATESIEVE_GRADES);
        memcpy(place, slots[i].slot, PLATESIEVE_SLOT_BYTES);
        memcpy(place + PLATESIEVE_SLOT_BYTES, slots[i].tag, PLATESIEVE_TAG_BYTES);
        tag_mask(packing->keys, slots[i].slot, entry->key, place + PLATESIEVE_SLOT_BYTES);
        place[PLATESIEVE_SLOT_BYTES + PLATESIEVE_TAG_BYTES] = slots[i].grade;
        near = near || slots[i].grade == PLATESIEVE_NEAR;
    }
    if (used == 0) return;
    struct row_sum sum = slots_sum(packing->keys, entry->key, packing->segment, sums->number, packed, used * PACKED_SLOT_BYTES);
    row_sum_add(&sums->sum, &sum);
    sums->slots += used;
    sums->near += near;
    array_int4(&arrays->epochs, sums->number);
    array_int8(&arrays->entries, (int64_t)entry->key);
    array_int2(&arrays->counts, (int)used);
    array_bool(&arrays->near, near);
    array_bytes(&arrays->packed, packed, used * PACKED_SLOT_BYTES);
}

/* Where the slots of each entry begin; one more at the end.  malloc'ed. */
static size_t *slot_starts(const struct part *part)
{
    size_t *starts = calloc(part->entry_count + 1, sizeof(*starts));
    size_t at = 0;
    for (size_t i = 0; starts && i < part->entry_count; i++) {
        starts[i] = at;
        while (at < part->slot_count && part->slots[at].entry == i) at++;
    }
    if (starts) starts[part->entry_count] = at;
    assert(!starts || at == part->slot_count);
    return starts;
}

/* In the order in which the entries are stored: whoever loads both meets them side by side. */
static struct result pack_slots(const struct packing *packing, const struct keyed *sorted)
{
    const struct part *part = packing->part;
    struct slot_arrays *arrays = packing->arrays;
    size_t rows = part->entry_count * part->epoch_count;
    array_begin(&arrays->epochs, TYPE_INT4, rows, 4);
    array_begin(&arrays->entries, TYPE_INT8, rows, 8);
    array_begin(&arrays->counts, TYPE_INT2, rows, 2);
    array_begin(&arrays->near, TYPE_BOOL, rows, 1);
    array_begin(&arrays->packed, TYPE_BYTES, rows + part->slot_count, PACKED_SLOT_BYTES);
    size_t *starts = slot_starts(part);
    if (!starts) return FAIL(REASON_INTERNAL);
    for (size_t i = 0; i < part->entry_count; i++) {
        size_t start = starts[sorted[i].position], count = starts[sorted[i].position + 1] - start;
        for (size_t e = 0; e < part->epoch_count && count > 0; e++) pack_row(packing, &part->slots[start], count, (uint8_t)e);
    }
    free(starts);
    return OK;
}

static void sum_lines(const struct seal_keys *keys, uint32_t segment, const struct part *part, struct sums *sums)
{
    *sums = (struct sums){ .lines = part->entry_count, .adds = count_adds(part), .epoch_count = part->epoch_count };
    memcpy(sums->digest, part->sha256, sizeof(sums->digest));
    for (size_t e = 0; e < part->epoch_count; e++) sums->epochs[e].number = (uint32_t)part->epochs[e].number;
    for (size_t i = 0; i < part->entry_count; i++) {
        const struct part_entry *entry = &part->entries[i];
        bool add = entry->op == PART_ADD;
        struct row_sum sum = add ? entry_sum(keys, entry->key, segment, entry->effective, entry->expires)
                                 : edit_sum(keys, entry->key, segment, entry->op == PART_REMOVE);
        row_sum_add(add ? &sums->entries : &sums->edits, &sum);
        for (size_t e = 0; e < part->epoch_count; e++) sums->epochs[e].lines += entry->epochs >> e & 1;
    }
}

static struct result put_slots(struct db_conn *conn, const struct target *target, const struct part *part, struct slot_arrays *arrays)
{
    struct params params = { 0 };
    params_int4(&params, target->segment);
    params_int4(&params, part->number);
    if (!params_array(&params, &arrays->epochs) || !params_array(&params, &arrays->entries) || !params_array(&params, &arrays->counts) ||
        !params_array(&params, &arrays->near) || !params_array(&params, &arrays->packed))
        return FAIL(REASON_INTERNAL);
    return conn_do(conn, &insert_slots, &params, NULL);
}

static struct result check_cap(struct db_conn *conn, const struct target *target)
{
    PGresult *result RESULT_CLEANUP = NULL;
    struct params params = { 0 };
    params_int4(&params, target->segment);
    TRY(conn_run(conn, &fullest_epoch, &params, &result));
    struct row row = { .result = result };
    int64_t fullest = row_int(&row, 0);
    if (row.bad) return FAIL(REASON_DATABASE);
    return fullest > target->cap_tokens ? FAIL(REASON_CAP) : OK;
}

/* -- the transaction ---------------------------------------------------------------------------------------------------------------------- */

struct put {
    const char *agency, *list;
    uint32_t revision;
    const struct part *part;
    const struct keyed *sorted;
};

static struct result put_rows(struct db_conn *conn, const struct put *put, const struct target *target, struct slot_arrays *arrays, struct sums *sums)
{
    const struct part *part = put->part;
    const struct packing packing = { conn->keys, part, (uint32_t)target->segment, arrays, sums };
    bool stands;
    sum_lines(conn->keys, packing.segment, part, sums);
    TRY(pack_slots(&packing, put->sorted));
    TRY(put_row(conn, target, part, sums, &stands));
    if (stands) return OK;
    TRY(put_epochs(conn, target, part, sums));
    TRY(check_cap(conn, target));
    if (sums->adds > 0) TRY(put_entries(conn, target, part, put->sorted, sums->adds));
    if (sums->adds < part->entry_count) TRY(put_edits(conn, target, part, part->entry_count - sums->adds));
    return part->slot_count > 0 ? put_slots(conn, target, part, arrays) : OK;
}

static struct result put_body(struct db_conn *conn, void *context)
{
    const struct put *put = context;
    struct slot_arrays arrays CLEANUP(slot_arrays_free) = { 0 };
    struct target target;
    struct sums sums;
    if (!conn->keys) return FAIL(REASON_INTERNAL);
    TRY(find_target(conn, put->agency, put->list, put->revision, put->part, &target));
    return put_rows(conn, put, &target, &arrays, &sums);
}

struct result db_part_put(struct db *db, const char *agency, const char *list, uint32_t revision, const struct part *part)
{
    assert(part->epoch_count <= LIMIT_ENTRY_EPOCHS && part->number >= 1 && part->number <= LIMIT_PARTS);
    struct keyed *sorted;
    TRY(sort_entries(part, &sorted));
    struct put put = { .agency = agency, .list = list, .revision = revision, .part = part, .sorted = sorted };
    struct scope scope = { .agency = agency, .later = true };
    struct result result = db_transaction(db, &scope, put_body, &put);
    free(sorted);
    return result;
}
