/* Sealing a list anew, as it stands: for one that was made before lists were sealed, and after somebody has mended it by hand. */
#include "server/gate/db/list_seal.h"
#include "server/gate/db/lists.h"

struct reseal {
    const char *agency, *id;
    struct sealed_list list;
    struct sums sums; /* of the segment at hand */
    struct row_sum *slots;
};

static const struct statement lock_list = {
    "reseal_lock", "SELECT " LIST_SEALED_COLUMNS " FROM lists WHERE agency = $1::text AND id = $2::text FOR UPDATE"
};
static const struct statement live_segments = {
    "reseal_segments",
    "SELECT segment, revision, base, mode FROM revisions WHERE list = $1::int4 AND state = 1 AND kept = 2 AND segment >= $2::int4 ORDER BY segment"
};
static const struct statement all_epochs = { "reseal_epochs", "SELECT number FROM epochs ORDER BY number" };
static const struct statement forget_erased = { "reseal_forget", "DELETE FROM erased WHERE segment = $1::int4" };
static const struct statement set_segment = {
    "reseal_segment", "UPDATE revisions SET sums = $2::bytea, mac = $3::bytea WHERE segment = $1::int4"
};
static const struct statement set_version = { "reseal_version", "UPDATE lists SET version = $2::int8 WHERE number = $1::int4" };

static struct result take_line(void *context, const struct load_removal *removal)
{
    struct reseal *reseal = context;
    reseal->sums.lines++;
    reseal->sums.adds += !removal->edit;
    row_sum_add(removal->edit ? &reseal->sums.edits : &reseal->sums.entries, &removal->sum);
    return OK;
}

static struct result take_slot(void *context, const struct load_slot *slot)
{
    (void)context, (void)slot;
    return OK;
}

static void take_slots(void *context, uint32_t segment, const struct row_sum *sum)
{
    (void)segment;
    row_sum_add(((struct reseal *)context)->slots, sum);
}

static struct result sum_rows(struct db_conn *conn, struct reseal *reseal, uint32_t segment, const PGresult *epochs)
{
    reseal->sums = (struct sums){ 0 };
    TRY(load_removals(conn, &segment, 1, take_line, reseal));
    for (int i = 0, rows = PQntuples(epochs); i < rows; i++) {
        struct row row = { .result = epochs, .number = i };
        struct sums_epoch *epoch = sums_of_epoch(&reseal->sums, (uint32_t)row_int(&row, 0));
        if (row.bad || !epoch) return FAIL(REASON_DATABASE);
        reseal->slots = &epoch->sum;
        TRY(load_slots(conn, epoch->number, &segment, 1, take_slot, take_slots, reseal));
    }
    return OK;
}

/* The next of the chain; the list's link moves on. */
static struct result seal_segment(struct db_conn *conn, struct reseal *reseal, const PGresult *segments, int number, const PGresult *epochs)
{
    struct row row = { .result = segments, .number = number };
    struct params params = { 0 };
    uint8_t sealed[SUMS_SEALED_MAX], mac[LIST_MAC_BYTES];
    struct segment_facts facts = { .list = reseal->list.list.number };
    facts.segment = row_int(&row, 0);
    facts.revision = row_int(&row, 1);
    facts.base = row_int(&row, 2);
    facts.mode = (int)row_int(&row, 3);
    if (row.bad) return FAIL(REASON_DATABASE);
    TRY(sum_rows(conn, reseal, (uint32_t)facts.segment, epochs));
    params_int4(&params, facts.segment);
    TRY(conn_do(conn, &forget_erased, &params, NULL));
    const struct seal_place place = { SEAL_SEGMENT, facts.segment, 0 };
    segment_mac(conn->keys, &facts, &reseal->sums, reseal->list.link, mac);
    params_bytes(&params, sealed, sums_seal(conn->keys, &place, &reseal->sums, sealed));
    params_bytes(&params, mac, sizeof(mac));
    memcpy(reseal->list.link, mac, sizeof(mac));
    return conn_do(conn, &set_segment, &params, NULL);
}

static struct result reseal_body(struct db_conn *conn, void *context)
{
    struct reseal *reseal = context;
    PGresult *list RESULT_CLEANUP = NULL, *segments RESULT_CLEANUP = NULL, *epochs RESULT_CLEANUP = NULL;
    struct params name = { 0 }, live = { 0 }, version = { 0 };
    int64_t head;
    params_text(&name, reseal->agency);
    params_text(&name, reseal->id);
    TRY(conn_run(conn, &lock_list, &name, &list));
    if (PQntuples(list) != 1) return FAIL(REASON_NOT_FOUND);
    TRY(list_sealed_take(conn, list, 0, &reseal->list));
    memset(reseal->list.link, 0, sizeof(reseal->list.link));
    params_int4(&live, reseal->list.list.number);
    params_int4(&live, reseal->list.base_segment);
    TRY(conn_run(conn, &live_segments, &live, &segments));
    TRY(conn_run(conn, &all_epochs, NULL, &epochs));
    for (int i = 0, rows = PQntuples(segments); i < rows; i++) TRY(seal_segment(conn, reseal, segments, i, epochs));
    TRY(db_move_head(conn, &head));
    params_int4(&version, reseal->list.list.number);
    params_int8(&version, head);
    TRY(conn_do(conn, &set_version, &version, NULL));
    return db_list_seal(conn, &reseal->list);
}

struct result db_list_reseal(struct db *db, const char *agency, const char *id, struct db_list *list)
{
    struct reseal *reseal = calloc(1, sizeof(*reseal));
    struct scope scope = { .timeout_ms = 10 * 60 * 1000 };
    if (!reseal) return FAIL(REASON_BUSY);
    reseal->agency = agency;
    reseal->id = id;
    struct result result = db_transaction(db, &scope, reseal_body, reseal);
    *list = reseal->list.list;
    free(reseal);
    return result;
}
